"""Who says when an answer is shown: the founding tutorial, the plan we had, the one we have, and one who knows the end.

The law: a contestant sees no more of an answer than has come by now. Calls take no time.
"""

import bisect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from actors.core.durations import NOTHING_HEARD
from actors.core.pacing import Budget, Pace, next_update
from tests.bench.pacing.optimum import cost
from tests.bench.pacing.traces import Trace

UPDATES = 20
MIN_INTERVAL = 0.8

Contestant = Callable[[Trace], list[float]]
"""The moments of all updates of an answer but the last one."""

Due = Callable[[Pace, float, float], float | None]
"""When the next update is due, by what was shown and by when the oldest and the newest text came that was not."""


def _shown(trace: Trace, due: Due) -> Iterator[float]:
    """As the pump has it: an update is asked for when there is something new, and shows all there is when it goes."""
    pace, position = Pace(0.0), 0
    while position < len(trace.ticks):
        since = newest = trace.ticks[position] * trace.tick
        while (at := due(pace, since, newest)) is not None:
            at = max(at, since)
            come = bisect.bisect_right(trace.ticks, at / trace.tick + 1e-6)
            # A piece may have come at any moment of its tick: what merely falls between two ticks is no pause.
            if newest == (newest := (trace.ticks[come - 1] + 1) * trace.tick):
                break
        if at is None or at >= trace.seconds:
            return
        yield at
        pace, position = pace.showed(at), come


USUAL = Budget(UPDATES, MIN_INTERVAL)


def ours(budget: Budget = USUAL) -> Contestant:
    """The service's own."""
    return lambda trace: list(_shown(trace, lambda pace, *came: next_update(pace, budget, *came)))


def taught(seconds: Iterable[float]) -> Budget:
    """What an answer has of a robot whose last answers took so long."""
    lately = NOTHING_HEARD
    for one in seconds:
        lately = lately.heard(one)
    return replace(USUAL, lately=lately)


FORMER_PLAN = ((0.0, 0.0), (0.42, 10.0), (0.70, 30.0), (0.88, 120.0), (1.0, 600.0))


def former(trace: Trace) -> list[float]:
    """The plan we had: a share of the budget by a given age of the answer, whatever was left of it."""

    def due(pace: Pace, *_: float) -> float | None:
        if pace.shown >= UPDATES - 1:
            return None
        share = pace.shown / (UPDATES - 1)
        (low, since), (high, until) = next(leg for leg in pairwise(FORMER_PLAN) if share <= leg[1][0])
        part = (share - low) / (high - low)
        age = part * until if since == 0 else since * (until / since) ** part
        return age if pace.last is None else max(age, pace.last + MIN_INTERVAL)

    return list(_shown(trace, due))


def knowing_the_end(trace: Trace) -> list[float]:
    """Knows how long the answer is, and nothing else of it: what is left of the time is shared evenly."""

    def due(pace: Pace, since: float, _: float) -> float | None:
        if pace.last is None:
            return since
        left = UPDATES - 1 - pace.shown
        return max(since + (trace.seconds - since) / (left + 1), pace.last + MIN_INTERVAL) if left else None

    return list(_shown(trace, due))


def against_the_end(contestant: Contestant, answer: Trace) -> float:
    """What an answer costs its reader, of what it costs with one who knows its end."""
    return cost(answer, contestant(answer)) / cost(answer, knowing_the_end(answer))


PIECES, SECONDS = 5, 2.0


def tutorial(trace: Trace) -> list[float]:
    """The founding tutorial: after every 5 pieces or 2 seconds, whichever is first, looked at when a piece comes, until
    19 updates are gone; no least interval."""
    updates, pieces, last = list[float](), 0, 0.0
    for tick in trace.ticks:
        at = tick * trace.tick
        pieces += 1
        if (pieces >= PIECES or at - last >= SECONDS) and len(updates) < UPDATES - 1:
            updates.append(at)
            pieces, last = 0, at
    return updates
