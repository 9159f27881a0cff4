"""What the best of all plans has that knows nothing of an answer's length, where text grows all the time.

The law: a plan fails a bound if at some length, at which the answer may end, what was paid is beyond the bound times
what one pays who knows that length. Of two ways to the same moment with as many updates the cheaper one is never worse,
so over a grid of moments it is enough to know the least that can have been paid.
"""

from collections.abc import Mapping

import numpy as np

from tests.bench.pacing.contestants import MIN_INTERVAL, UPDATES

SHORTEST, GRID = 2.0, 500
"""Seconds of the shortest answer that counts, and moments from there on."""


def lasts(bounds: Mapping[float, float]) -> float:
    """The length up to which some plan keeps within the bounds. Each is for lengths up to its key, in rising order."""
    *_, longest = bounds
    moments = np.array([0.0, *np.linspace(MIN_INTERVAL, SHORTEST, 7)[:-1], *np.geomspace(SHORTEST, longest, GRID)])
    known = moments * np.maximum(moments / (UPDATES - 1), MIN_INTERVAL)
    allowed = np.where(moments < SHORTEST, np.inf, known * [bound_at(bounds, moment) for moment in moments])
    paid, reached = np.where(moments == 0, 0.0, np.inf), 0.0
    for _ in range(UPDATES - 1):
        best = np.full_like(paid, np.inf)
        for shown in np.flatnonzero(paid < np.inf):
            then = paid[shown] + (moments - moments[shown]) ** 2
            broken = np.flatnonzero((then > allowed) & (moments > moments[shown]))
            end = broken[0] if len(broken) else len(moments)
            reached = max(reached, float(moments[end - 1]))
            far = moments[:end] >= moments[shown] + MIN_INTERVAL - 1e-9
            best[:end] = np.where(far, np.minimum(best[:end], then[:end]), best[:end])
        paid = best
    return reached


def bound_at(bounds: Mapping[float, float], length: float) -> float:
    """The bound that holds for this length."""
    return next(bound for end, bound in bounds.items() if length <= end + 1e-6)


def least(longest: float) -> float:
    """The least bound that some plan keeps up to this length."""
    low, high = 1.0, 8.0
    while high - low > 0.01:
        middle = (low + high) / 2
        kept = lasts({longest: middle}) >= longest * 0.999
        low, high = (low, middle) if kept else (middle, high)
    return high
