"""One attempt's lease, as the process that holds it knows it: kept as long as the turn goes on, and what its calls to
DingTalk have to pass.

The law: a call goes only while nobody else can have taken the question. A process that stood still, or that gets no
answer from the inbox, for as long as the lease lasts knows that no more: its calls wait until the inbox says whose the
question is. If it is still this one's they go, with the latest text; if not, none goes ever again. An inbox that is
away for all says as much: nobody takes anything from it, and the answer goes on. An agent that is at work is left
alone until it is known, and none begins before: nobody wants to pay for the answer twice.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf

from actors.core.beat import on_the_beat
from actors.errors import InboxUnavailable, LeaseLost
from actors.inbox.port import Delivery

AGAIN_AFTER = 1.0
"""Seconds until an inbox that could not be asked is asked again: before others take what seems to be nobody's."""

BEATS = 20
"""Between two renewals of a lease. Whatever leases are due before the next beat are renewed together, which with SQLite
is one transaction instead of one for each: some percent of all that the process takes, with hundreds of answers."""

BELIEVED_FOR = 5.0
"""Seconds after which an inbox that was away for all is asked once more before a call: more than asking again takes."""


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
        self._away_for_all_until = -inf
        self._closed = False
        self._over = False

    @property
    def held(self) -> bool:
        """Whether the question is not closed yet, and nobody else can have taken it."""
        if self._over or self._closed:
            return False
        return self._delivery.left > 0 or asyncio.get_running_loop().time() < self._away_for_all_until

    @property
    def open(self) -> bool:
        """Whether a call may go now."""
        return self._closed or self.held

    async def passed(self) -> None:
        """Wait until a call may go.

        Raises:
            LeaseLost: none may any more.
        """
        while not self.open:
            await self._news_of_it()

    async def held_on(self) -> None:
        """Wait until the question is known to be held.

        Raises:
            LeaseLost: it is not any more, or it is closed.
        """
        while not self.held:
            await self._news_of_it()

    async def _news_of_it(self) -> None:
        if self._over or self._closed:
            raise LeaseLost(f"attempt {self._delivery.attempt} is over")
        self._asked.set()
        await self._news.wait()

    async def keep(self) -> None:
        """Renew the lease again and again, and at once when a call waits for it; returns when it is lost."""
        pause, told = self._every, False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(on_the_beat(asyncio.get_running_loop().time() + pause, pause / BEATS)):
                    await self._asked.wait()
            self._asked.clear()
            try:
                if not await self._delivery.touch():
                    self._taken_back()
            except InboxUnavailable as error:
                if not told:
                    self._warn("lease_not_renewed", error)
                pause, told = min(self._every, AGAIN_AFTER), True
                if error.for_all:
                    self._away_for_all_until = asyncio.get_running_loop().time() + BELIEVED_FOR
                    self._tell()
            except LeaseLost:
                self.end()
                return
            else:
                pause, told, self._away_for_all_until = self._every, False, -inf
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


class LineFence:
    """Implements the port `Fence` for the cards of those who wait behind a question: they are its holder's as long as
    it is held. Once it is closed they are those of whoever takes the next one."""

    def __init__(self, ahead: Lease) -> None:
        self._ahead = ahead

    @property
    def open(self) -> bool:
        """Whether a call may go now."""
        return self._ahead.held

    async def passed(self) -> None:
        """Wait until a call may go.

        Raises:
            LeaseLost: none may any more.
        """
        await self._ahead.held_on()
