"""Cards that share the calls of one API: the service's own limiter and pacing rules, on a clock that jumps.

Text grows all the time on each card, and budgets do not bind: what is seen is what the shared rate does. A card has one
call in flight, which takes `latency` there and back. An answer that ends has its whole text shown, which goes first,
and another one begins in its place.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf

from actors.core.pacing import Budget, Pace, next_update
from actors.dingtalk.limits import Kind, Limiter, Rank
from actors.dingtalk.share import at_rest
from tests.runtime.virtual_time import play

RATE = 20
BUDGET = Budget(updates=10_000, min_interval=0.8)

SETTLED = 30.0
"""Seconds until what is seen is no longer how it began."""


def fair_interval(cards: int, answers: float = inf) -> float:
    """Seconds between two updates of a card, where all have the same of what final texts leave and no call is left out.
    Half of it is the fluid limit of the age of the oldest unseen text, in the mean."""
    return max(cards / (RATE - cards / answers), BUDGET.min_interval)


@dataclass
class Seen:
    """What came of it, in seconds: what lay between two updates of a card, how long a final text waited, the moments of
    all calls, and the age of the oldest unseen text, summed over cards and time."""

    intervals: list[float] = field(default_factory=list)
    finals: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    paid: float = 0.0
    passed: float = 0.0

    @property
    def mean_age(self) -> float:
        """Of the oldest unseen text, over cards and time."""
        return self.paid / self.passed


class Room:
    """Where the cards are."""

    def __init__(self, latency: float) -> None:
        self.seen = Seen()
        self._latency = latency
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._limiter = Limiter(at_rest(RATE, 1, self._began), self._loop.time)

    async def answers(self, first: float, then: float) -> None:
        """One answer after the other, the first one shorter as if it had begun before."""
        await self._answer(first)
        while True:
            await self._answer(then)

    async def _answer(self, lasts: float) -> None:
        began = since = self._loop.time()
        pace, ends = Pace(began), began + lasts
        with suppress(TimeoutError):
            while True:
                due = next_update(pace, BUDGET, since)
                assert due is not None
                async with asyncio.timeout_at(ends):
                    await asyncio.sleep(due - self._loop.time())
                    ticket = await self._limiter.place(Rank(Kind.USUAL, since, growing=pace.shown > 0))
                since = self._took(since, pace)
                pace = pace.showed(since)
                await asyncio.sleep(self._latency)
                self._limiter.answered(ticket)
        wanted = self._loop.time()
        ticket = await self._limiter.place(Rank(Kind.FINAL, wanted))
        self._took(since, pace)
        if self._settled:
            self.seen.finals.append(self._loop.time() - wanted)
        await asyncio.sleep(self._latency)
        self._limiter.answered(ticket)

    def _took(self, since: float, pace: Pace) -> float:
        now = self._loop.time()
        self.seen.sent.append(now)
        if self._settled:
            self.seen.paid += (now - since) ** 2 / 2
            self.seen.passed += now - since
            if pace.last is not None:
                self.seen.intervals.append(now - pace.last)
        return now

    @property
    def _settled(self) -> bool:
        return self._loop.time() - self._began > SETTLED


def shared(cards: int, *, latency: float = 0.08, answers: float = 1e9, seconds: float = 60.0) -> Seen:
    """So many cards at once for so long, of which each answer takes so long."""

    async def scene() -> Seen:
        room = Room(latency)
        going_on = [
            asyncio.create_task(room.answers(answers * (number + 1) / cards, answers)) for number in range(cards)
        ]
        await asyncio.sleep(SETTLED + seconds)
        for task in going_on:
            task.cancel()
        return room.seen

    return play(scene())
