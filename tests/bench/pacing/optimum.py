"""What the reader of an answer pays, and the least that can be paid by one who knows the whole trace.

The law: the cost is the age of the oldest text not yet shown, in the mean over the answer. Between two updates only the
first piece after the earlier one counts: it costs half the square of what it waits.

The optimum is exact. An update that goes earlier, down to the piece before it or to the least interval after the update
before it, shows no less; so there is a best one whose updates are all at a piece's tick or a number of least intervals
after one, which all are ticks; over ticks dynamic programming tries everything.
"""

import bisect
from collections.abc import Iterable
from functools import cache

import numpy as np

from tests.bench.pacing.traces import Trace


def cost(trace: Trace, updates: Iterable[float]) -> float:
    """Seconds that the oldest unseen text is old, in the mean, if the answer is shown at these moments and its end."""
    pieces = [tick * trace.tick for tick in trace.ticks]
    paid, shown = 0.0, 0
    for at in (*updates, trace.seconds):
        if shown < len(pieces) and pieces[shown] <= at:
            paid += (at - pieces[shown]) ** 2 / 2
            shown = bisect.bisect_right(pieces, at + 1e-9)
    return paid / trace.seconds


@cache
def optimum(trace: Trace, updates: int, min_interval: float) -> float:
    """The least that this answer can cost with so many updates, the last one included."""
    end, least = trace.end, round(min_interval / trace.tick)
    ticks = np.arange(end + 1)
    pieces = np.array([*trace.ticks, 2 * end])  # behind the last piece nothing waits
    waits = pieces[np.searchsorted(pieces, ticks, side="right")]
    step = np.maximum(ticks - waits[:, None], 0.0) ** 2
    step[ticks - ticks[:, None] < least] = np.inf
    last = np.maximum(end - waits, 0.0) ** 2
    paid = ticks.astype(float) ** 2
    for _ in range(updates - 2):
        paid = np.minimum(paid, (paid[:, None] + step).min(axis=0))
    best = min(float(end**2), float((paid + last).min())) if updates > 1 else float(end**2)
    return best * trace.tick**2 / 2 / trace.seconds
