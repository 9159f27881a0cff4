"""What a place is held for, on ways to DingTalk and back that vary: many calls a second, and hardly one refused.

A way is drawn for each call: the seconds until DingTalk counts it, and from there until its answer is read. One that is
counted as the 21st within a second is refused, and nobody goes for a second after that.
"""

import heapq
from collections.abc import Callable
from itertools import count
from random import Random

import pytest

from actors.dingtalk.limits import Kind, Rank, Schedule, Ticket
from actors.sandbox.faults import SlidingWindow

QPS = 20
SECONDS = 120
SEEDS = range(5)
Way = Callable[[Random, float], tuple[float, float]]
"""There and back of a call that goes at some moment."""


def at_the_door(chance: Random, _: float) -> tuple[float, float]:
    """It is counted as it comes, and then carried out."""
    return 0.01 + chance.expovariate(300), 0.07 + chance.expovariate(50)


def when_done(chance: Random, _: float) -> tuple[float, float]:
    """It is counted once it was carried out."""
    return 0.07 + chance.expovariate(50), 0.01 + chance.expovariate(300)


def long_tail(chance: Random, _: float) -> tuple[float, float]:
    """A few take many times as long as most."""
    return 0.02 + chance.lognormvariate(-3, 0.8), 0.01 + chance.expovariate(300)


def slow(chance: Random, _: float) -> tuple[float, float]:
    """The platform takes 200 ms."""
    return 0.18 + chance.expovariate(50), 0.02 + chance.expovariate(200)


def mobile(chance: Random, _: float) -> tuple[float, float]:
    """The network varies as much as it takes."""
    return 0.03 + chance.expovariate(33), 0.03 + chance.expovariate(33)


def ours_begins_slowly(chance: Random, now: float) -> tuple[float, float]:
    """The first calls of a start are held up on this side."""
    return 0.005 + (chance.uniform(0.04, 0.06) if now < 0.1 else 0), 0.075 + chance.expovariate(300)


def two_routes(chance: Random, _: float) -> tuple[float, float]:
    """Every other call goes a longer way."""
    return 0.02 + chance.choice([0.0, 0.1]) + chance.expovariate(300), 0.03 + chance.expovariate(300)


def uneasy(chance: Random, now: float) -> tuple[float, float]:
    """The platform's own pace is another one every 15 s."""
    return (0.15 if int(now / 15) % 2 else 0.05) + chance.expovariate(100), 0.01 + chance.expovariate(300)


def play(way: Way, seed: int) -> tuple[float, float]:
    """Calls a second that were carried out where more are wanted all the time, and the part that was refused."""
    chance, schedule, now = Random(seed), Schedule(QPS), 0.0
    counted, done, refused, numbers = SlidingWindow(), 0, 0, count()
    moments: list[tuple[float, int, str, Ticket, float]] = []
    while now < SECONDS:
        schedule.join(Rank(Kind.USUAL, now))
        while (ticket := schedule.admit(now)) is None:
            due = schedule.due(now)
            assert due is not None
            now = min(due, moments[0][0]) if moments else due
            while moments and moments[0][0] <= now:
                at, number, what, call, back = heapq.heappop(moments)
                if what == "arrives":
                    passed = counted.takes("robot", "streaming", QPS, at)
                    done, refused = done + passed, refused + (not passed)
                    what = "executed" if passed else "refused"
                    heapq.heappush(moments, (at + back, number, what, call, 0.0))
                else:
                    schedule.answered(call, at, executed=what == "executed")
                    if what == "refused":
                        schedule.pause(at + 1)
        there, back = way(chance, now)
        heapq.heappush(moments, (now + there, next(numbers), "arrives", ticket, back))
    return done / now, refused / (done + refused)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("way", "calls"),
    [
        (at_the_door, 19.0),
        (when_done, 19.0),
        (long_tail, 18.5),
        (slow, 18.5),
        (mobile, 18.5),
        (ours_begins_slowly, 19.0),
        (two_routes, 18.5),
    ],
)
def test_where_each_way_varies_by_itself_no_call_is_refused_and_few_are_lost(way: Way, calls: float, seed: int) -> None:
    done, refused = play(way, seed)
    assert refused == 0
    assert done >= calls


@pytest.mark.parametrize("seed", SEEDS)
def test_where_the_platforms_own_pace_changes_again_and_again_few_calls_are_refused(seed: int) -> None:
    done, refused = play(uneasy, seed)
    assert refused <= 0.02
    assert done >= 18
