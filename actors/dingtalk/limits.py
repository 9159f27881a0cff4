"""When the next call of one API may go: DingTalk's calls per second, shared fairly by everything that wants to call.

The law: in no second do more than `rate` calls of one robot and API arrive at DingTalk from this process. `Schedule`
decides and is pure, the time is an argument; `Limiter` puts coroutines to sleep and wakes them, at the rate that is
this replica's share. Neither knows what a call is about.

A window counted by our own send times is not enough, because a late call and a quick one behind it arrive closer
together than they were sent. DingTalk counts a call at some moment between its sending and its answer, so at first a
call keeps its place until one second after its *answer*: whatever the network does in between, the next one in that
place arrives a full second later. A token bucket would not hold this either: its spare tokens and its refill fall into
the same second.

A platform that is slow but steady should cost no calls, though. Once enough answers in a row told how long the quickest
takes, a call keeps its place for a second and for as long as its own answer was slower than that: by no more than that
was it counted later after its sending than the quickest, and none behind it is counted sooner. This is exact if the
quickest was quick both on its way and back, and as long as the platform gets no quicker than it was; a part of its time
is added for what is not so (`MARGIN`), and after a rest, when connections are opened anew, it is as at first.

Places come free as they were taken. Cards that began to grow together would take them all at once, again and again, and
a text that is whole would wait for the next such moment, a second away. So turns come evenly, as many in a second as
places come free in one, and every call takes one; but only updates of growing texts wait for theirs, and whoever stands
in line behind them. A text that is whole goes first and in whatever place is free, and then hardly ever waits for one.
"""

import asyncio
import bisect
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from math import inf
from operator import attrgetter
from statistics import fmean
from typing import NamedTuple

from actors.dingtalk.share import Share

WINDOW = 1.0
"""Seconds over which DingTalk counts (open.dingtalk.com, "API throttling": 20 calls per app, API and second)."""

PATIENCE = 0.25
"""How long an answer is waited for before a call is taken to have arrived, so that a hanging call blocks nobody; and
how much of a usual answer's time costs calls at most."""

MOST_PATIENCE = 2.0
"""How long it is waited for at most where answers came late just now."""

ENOUGH = 100
"""How many answers tell how long one takes, and how late one may be: the latest ones."""

REST = 10.0
"""Seconds without a call or an answer after which former answers tell nothing: connections are not kept much longer."""

MARGIN = 0.25
"""The part of the quickest answer's time for which a call holds its place nonetheless. Simulated (test_ways.py), no
call is then refused where the ways there and back vary by themselves, and 1 % where the platform's own pace is 50 and
150 ms by turns of 15 s; with all of an answer's time none is, either, and 3 to 12 % fewer calls are made."""


class Kind(IntEnum):
    """What goes first."""

    FINAL = 0
    USUAL = 1


class Rank(NamedTuple):
    """A caller's precedence: the smaller goes first. `since` is a time, of the oldest text that waits to be shown. One
    that is `growing` adds to what is shown already: it goes evenly, since it comes again and again."""

    kind: Kind
    since: float
    growing: bool = False


@dataclass(eq=False, slots=True)
class Ticket:
    """A caller in line, and after that its place in the window, which it got at `since`. Its answer `took` so many
    seconds; until it is there, it is as if it took the `patience` that there was with it."""

    rank: Rank
    since: float = 0.0
    patience: float = 0.0
    took: float | None = None


class Schedule:
    """Who may go when. Every method is a matter of the moment it is called at; times are monotonic seconds.

    `rate` is the calls per second and may be changed. Of one that is no whole number the rest is not used: replicas
    whose calls come in bursts would else meet with one call too many in a second. Below 1 it is a call in every so
    many seconds.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._waiting: list[Ticket] = []
        self._held: list[Ticket] = []
        self._took: deque[float] = deque(maxlen=ENOUGH)
        self._quickest = inf
        self._latest = self._turn = self._paused_until = -inf

    def join(self, rank: Rank) -> Ticket:
        """Stand in line, behind everybody of the same rank."""
        ticket = Ticket(rank)
        bisect.insort(self._waiting, ticket, key=attrgetter("rank"))
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give up waiting, or give back a place that was not used."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)
        elif ticket in self._held:
            self._held.remove(ticket)
            self._turn -= self._apart

    def due(self, now: float) -> float | None:
        """When the first in line may go, which is `now` if it may; None if nobody waits."""
        if not self._waiting:
            return None
        places = self._places
        frees = {ticket: self._frees(ticket) for ticket in self._held}
        self._held = [ticket for ticket, free in frees.items() if free > now]
        free = now if len(self._held) < places else sorted(frees.values())[-places]
        if self._waiting[0].rank.growing:
            free = max(free, self._turn)
        return max(free, self._paused_until)

    def admit(self, now: float) -> Ticket | None:
        """Let the first in line go, if it may go now."""
        due = self.due(now)
        if due is None or due > now:
            return None
        if self._latest + REST < now:
            self._took.clear()
            self._quickest = inf
        self._latest = now
        ticket = self._waiting.pop(0)
        ticket.since, ticket.patience = now, self._patience()
        self._held.append(ticket)
        # One that had to wait for its place is followed by the next one sooner, or calls would be lost.
        apart = self._apart
        self._turn = max(self._turn, now - apart / 2) + apart
        return ticket

    def answered(self, ticket: Ticket, now: float, *, executed: bool = True) -> None:
        """DingTalk answered the call: by now it has counted it. One that was not executed may have been refused at the
        door, so it does not tell how quick one is."""
        self._latest, ticket.took = now, now - ticket.since
        if executed or ticket.took > self._quickest:
            self._took.append(ticket.took)
            self._quickest = min(self._took)

    @property
    def _places(self) -> int:
        return max(1, int(self.rate))

    @property
    def _window(self) -> float:
        return max(WINDOW, WINDOW / self.rate)

    @property
    def _apart(self) -> float:
        """Seconds between two turns: as many come as places do."""
        usually = self._hold(fmean(self._took)) if self._took else 0.0
        return (self._window + usually) / self._places

    def _frees(self, ticket: Ticket) -> float:
        """When its place is free again."""
        held = ticket.patience if ticket.took is None else self._hold(ticket.took)
        return ticket.since + held + self._window

    def _hold(self, took: float) -> float:
        """Seconds for which a call holds its place beside the window, if its answer took so long."""
        slower = max(0.0, took - self._quickest)
        if len(self._took) < ENOUGH:
            return max(min(took, PATIENCE), slower)
        return slower + MARGIN * min(self._quickest, PATIENCE)

    def _patience(self) -> float:
        if not self._took:
            return PATIENCE
        return min(max(PATIENCE, max(self._took) - self._quickest), MOST_PATIENCE)

    def pause(self, until: float) -> None:
        """Let nobody go before `until`."""
        self._paused_until = max(self._paused_until, until)


class Limiter:
    """One robot's and one API's schedule, as something to await. `share` is what this process has of the calls,
    `clock` gives monotonic seconds."""

    def __init__(self, share: Share, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._schedule = Schedule(share.rate(clock()))
        self._clock = clock
        self._wanted = False
        self._asleep: dict[Ticket, asyncio.Future[None]] = {}
        self._alarm: asyncio.TimerHandle | None = None

    async def place(self, rank: Rank) -> Ticket:
        """Wait until a call may go. Cancelling it gives the place to the next in line."""
        ticket = self._schedule.join(rank)
        self._asleep[ticket] = asyncio.get_running_loop().create_future()
        self._advance()
        try:
            if awaited := self._asleep.get(ticket):
                self._wanted = True
                await awaited
        except asyncio.CancelledError:
            self.leave(ticket)
            raise
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give back a place that was not used."""
        self._asleep.pop(ticket, None)
        self._schedule.leave(ticket)
        self._advance()

    def answered(self, ticket: Ticket, *, executed: bool = True) -> None:
        """The call that used this place was answered, and `executed` or refused."""
        self._schedule.answered(ticket, self._clock(), executed=executed)
        self._advance()

    def pause(self, seconds: float) -> None:
        """DingTalk said "too fast": nobody goes for so long."""
        self._schedule.pause(self._clock() + seconds)

    def refused(self, ticket: Ticket, seconds: float) -> None:
        """DingTalk said "too fast" to the call that used this place: nobody goes for so long, and then fewer do."""
        self._share = self._share.refused(ticket.since, self._clock())
        self.pause(seconds)

    def beaten(self, replicas: int) -> float:
        """So many replicas serve this robot now; returns the calls per second that this one allows itself."""
        wanted, self._wanted = self._wanted, bool(self._asleep)
        self._share = self._share.beaten(replicas, self._clock(), wanted=wanted)
        self._advance()
        return self._schedule.rate

    def _advance(self) -> None:
        """Wake whoever may go now, and see to it that the next one is woken in time."""
        now = self._clock()
        self._schedule.rate = self._share.rate(now)
        while ticket := self._schedule.admit(now):
            sleeper = self._asleep.pop(ticket)
            if not sleeper.done():  # else it was cancelled a moment ago, and will give its place back
                sleeper.set_result(None)
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if (due := self._schedule.due(now)) is not None:
            self._alarm = asyncio.get_running_loop().call_later(due - now, self._advance)
