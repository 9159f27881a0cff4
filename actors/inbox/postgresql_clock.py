"""The time of an inbox that several machines share: the database's, whatever their own clocks say.

The law: a lease that one replica gave is looked at by another, so both read the same clock. Between two looks at the
database time goes on as this process's own does, which nobody sets.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from actors.errors import InboxError
from actors.inbox.sql import Runner, step

LOOK_EVERY = 60.0
"""Seconds between two looks at the database's time: two clocks drift apart by less than a hundredth of one."""

_NOW = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


class DatabaseClock:
    """Epoch seconds of the database, once it was `set`; `local` gives seconds from any beginning."""

    def __init__(self, runner: Runner, local: Callable[[], float] = time.monotonic) -> None:
        self._runner = runner
        self._local = local
        self._ahead = 0.0

    def __call__(self) -> float:
        return self._local() + self._ahead

    async def set(self) -> None:
        """Look at the database's time.

        Raises:
            InboxUnavailable: it does not tell.
        """
        asked = self._local()
        (((now,),),) = await self._runner.run(step(_NOW))
        # Half of the journey was the way there.
        self._ahead = now - (asked + self._local()) / 2

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            with suppress(InboxError):  # the engine tells of a database that is away
                await self.set()
