"""The ban on this machine's address: DingTalk turns an IP address away that made 10,000 calls within 20 s.

The law: one ban for all robots and all calls from here, and while it lasts nobody sends anything, since nothing would
come of it. Source: open.dingtalk.com, "API throttling". How a ban is recognised is not known here.
"""

import time
from collections.abc import Callable


class Ban:
    """Whether DingTalk listens to this address. One for the process; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = float("-inf")

    def begin(self, seconds: float) -> None:
        """DingTalk has said it: for so long."""
        self._until = self._clock() + seconds

    @property
    def lasts(self) -> bool:
        """Whether there is no use in sending anything now."""
        return self._clock() < self._until
