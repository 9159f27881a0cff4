"""The heartbeat of this replica: it says that it is alive, and hears how many are, every few seconds.

The law: who is counted too few for a moment costs calls that DingTalk refuses, so a smaller number is not believed
after the inbox was away, until the others have had the time to say that they are alive. It knows no limits:
who shares what by the number is told it.
"""

import asyncio
import logging
from collections.abc import Callable

from actors import metrics
from actors.dingtalk.share import HEARD_WITHIN
from actors.errors import InboxError
from actors.inbox.port import Inbox

log = logging.getLogger(__name__)

EVERY = HEARD_WITHIN
"""Seconds from one beat to the next."""

LIFE = 3 * EVERY
"""Seconds after which a replica that is not heard of counts as dead."""


_DOUBTED = 2
"""Beats after an outage for which fewer are not believed: between two of another replica's there is the time that it
waited for its last one in vain, too."""


class Heartbeat:
    """One process's; `told` gets the number of replicas with each beat."""

    def __init__(self, inbox: Inbox, told: Callable[[int], object]) -> None:
        self._inbox = inbox
        self._told = told
        self._replicas = 1
        self._doubted = 0

    async def live(self) -> None:
        """Beat for ever."""
        while True:
            await self.beat()
            await asyncio.sleep(EVERY)

    async def beat(self) -> None:
        """Beat once; where the inbox does not take it, the number stays as it was."""
        try:
            alive = await self._inbox.beat(life=LIFE)
        except InboxError as error:
            log.debug("no heartbeat", extra={"action": "heartbeat_missed", "reason": str(error)})
            self._doubted = _DOUBTED
            return
        replicas = max(alive, self._replicas) if self._doubted else alive
        self._doubted = max(0, self._doubted - 1)
        if replicas != self._replicas:
            log.info("replicas counted", extra={"action": "replicas_counted", "replicas": replicas})
        self._replicas = replicas
        metrics.REPLICAS.set(replicas)
        self._told(replicas)
