"""Whether the database answers, as the log tells it: once when it does not, and once when it does again.

The law: it is not back before it has answered everything for a while, so that one that takes some writes and refuses
others, or comes and goes, fills no log. It knows no driver.
"""

import logging
import time

from actors.errors import InboxUnavailable

log = logging.getLogger(__name__)

STEADY_AFTER = 10.0
"""Seconds without a failure after which the database is back: what is asked for regularly comes more often."""


class Outage:
    """Of one database; `where` is as people may read of it."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._failed_at: float | None = None

    @property
    def lasts(self) -> bool:
        """Whether the database is away, as far as is known."""
        return self._failed_at is not None

    def failed(self, reason: str) -> InboxUnavailable:
        """Something was not done; gives what its caller is to be told."""
        if not self.lasts:
            log.error("inbox failing", extra={"action": "inbox_failing", "reason": reason, "database": self._where})
        self._failed_at = time.monotonic()
        return InboxUnavailable(f"the inbox {self._where} takes no writes: {reason}", reason)

    def worked(self) -> None:
        """Something was done."""
        if self._failed_at is not None and time.monotonic() - self._failed_at >= STEADY_AFTER:
            self._failed_at = None
            log.info("inbox works again", extra={"action": "inbox_works_again", "database": self._where})
