"""The safety net beneath the signals: what waits is counted, what was forgotten is found, what is too old is deleted.

The law: a signal that a question waits is only a hint; what lies in the inbox is the truth, and is looked at again and
again, whatever goes wrong. Nothing is taken here: conversations are told that there is work.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from actors import metrics
from actors.errors import InboxError
from actors.parts import Parts

log = logging.getLogger(__name__)

EVERY = 4.0
"""Seconds between two looks for what is nobody's: a question is taken over 5 s after its lease ended at the latest."""

SWEEP_EVERY = 3600.0
"""Seconds between two times that what is too old is deleted."""


class Housekeeping:
    """Of one process, on the reactor; `work` is called with the robot and the conversation that something waits in."""

    def __init__(self, parts: Parts, work: Callable[[str, str], object]) -> None:
        self._parts = parts
        self._work = work

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        swept, away = float("-inf"), False
        while True:
            try:
                await self.look()
                away = False
                if time.monotonic() - swept > SWEEP_EVERY:
                    await self._sweep()
                    swept = time.monotonic()
            except InboxError as error:
                if not away:
                    log.warning("inbox: %s", error, extra={"action": "inbox_unavailable"})
                away = True
            except Exception:  # the safety net must outlive a hole in itself
                log.exception("housekeeping failed", extra={"action": "housekeeping_failed"})
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Count what waits, and tell of what nobody holds.

        Raises:
            InboxError: the inbox cannot be asked.
        """
        pending = await self._parts.inbox.pending()
        for robot in self._parts.robots:
            metrics.INBOX_PENDING.labels(robot=robot).set(pending.get(robot, 0))
        self._parts.quota.show()
        await self._signal()

    async def look_for_work(self) -> None:
        """Another replica left some; where the inbox does not tell, the next look finds it."""
        with suppress(InboxError):
            await self._signal()

    async def _signal(self) -> None:
        for work in await self._parts.inbox.backlog():
            if work.due_in == 0:
                self._work(work.robot, work.conversation)

    async def _sweep(self) -> None:
        await self._parts.inbox.sweep()
        for robot in self._parts.robots.values():
            await robot.files.clean()
