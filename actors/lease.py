"""One attempt's lease, as the process that holds it knows it: kept as long as the turn goes on, and what its calls to
DingTalk have to pass.

The law: a call goes only while nobody else can have taken the question. A process that stood still, or could not reach
the inbox, for as long as the lease lasts knows that no more: its calls wait until the inbox says whose the question is.
If it is still this one's they go, with the latest text; if not, none goes ever again. The agent is left alone until
then: the inbox may be away for all, and nobody wants to pay for the answer twice.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from actors.errors import InboxUnavailable, LeaseLost
from actors.inbox.port import Delivery

AGAIN_AFTER = 1.0
"""Seconds until an inbox that could not be asked is asked again: before others take what seems to be nobody's."""


class Lease:
    """Implements the port `Fence` for one delivery. `length` is in seconds; `taken_back` is called when the question
    was cancelled, should the signal of it not have come through; `warn` is told once why the lease cannot be kept."""

    def __init__(
        self,
        delivery: Delivery,
        length: float,
        *,
        taken_back: Callable[[], object],
        warn: Callable[[str, object], None],
    ) -> None:
        self._delivery = delivery
        self._every = length / 3
        self._taken_back = taken_back
        self._warn = warn
        self._asked = asyncio.Event()
        self._news = asyncio.Event()
        self._closed = False
        self._over = False

    @property
    def open(self) -> bool:
        """Whether a call may go now."""
        return self._closed or (not self._over and self._delivery.left > 0)

    async def passed(self) -> None:
        """Wait until a call may go.

        Raises:
            LeaseLost: none may any more.
        """
        while not self.open:
            if self._over:
                raise LeaseLost(f"attempt {self._delivery.attempt} is over")
            self._asked.set()
            await self._news.wait()

    async def keep(self) -> None:
        """Renew the lease again and again, and at once when a call waits for it; returns when it is lost."""
        pause, told = self._every, False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._asked.wait()
            self._asked.clear()
            try:
                if not await self._delivery.touch():
                    self._taken_back()
            except InboxUnavailable as error:
                if not told:
                    self._warn("lease_not_renewed", error)
                pause, told = min(self._every, AGAIN_AFTER), True
            except LeaseLost:
                self.end()
                return
            else:
                pause, told = self._every, False
                self._tell()

    def close(self) -> None:
        """The question is closed, so nobody else will ever have it: what is left to do about its card may be done."""
        self._closed = True
        self._tell()

    def end(self) -> None:
        """The turn is over: unless it closed the question, no call goes any more."""
        self._over = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
