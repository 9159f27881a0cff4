"""When a growing card is worth its next update, on one card's own budget.

The law: the first text is shown as soon as it exists; no answer gets more updates than its budget, the last one
included; the budget lasts for an answer of unknown length. What is being done (a tool, another try) is told on the same
budget, but before there is text on no more than half of it, so that the text moves however long that took. This file
knows nothing of calls per second, of other cards or of what the text says; the time is an argument (monotonic seconds).

An answer's length is not known while it grows, so the budget is spent along a plan: a share of it by a given age of
the answer. Within the first ten seconds updates are evenly close, because most answers end there; after that the gaps
grow with the answer's age, so that a gap stays a bounded fraction of what the reader has waited already.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

_PLAN: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.42, 10.0), (0.70, 30.0), (0.88, 120.0), (1.0, 600.0))
"""(share of the budget, seconds since there was something to show by which it may be spent)."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one answer may spend: text updates, the last one included, and the least seconds between two of them."""

    updates: int
    min_interval: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What one answer has spent since there was something to show, or, once it is `speaking`, since its first text:
    updates shown, and when the last try was sent. `before` were shown ahead of the first text."""

    began: float
    shown: int = 0
    last: float | None = None
    speaking: bool = True
    before: int = 0

    def spoke(self, at: float) -> "Pace":
        """The first text came: from here on a plan of its own, over all that is left of the budget."""
        return Pace(at, last=self.last, before=self.shown)

    def showed(self, at: float) -> "Pace":
        """An update sent at `at` was shown."""
        return replace(self, shown=self.shown + 1, last=at)

    def missed(self, at: float) -> "Pace":
        """An update sent at `at` failed: it costs time, but nothing of the budget."""
        return replace(self, last=at)


def next_update(pace: Pace, budget: Budget, *, at_once: bool = False) -> float | None:
    """The earliest time of the next update; None when only the last one, the whole text, is left. One that is wanted
    `at_once`, as the first text is, waits for nothing but the least interval."""
    before_last = budget.updates - 1 - pace.before if pace.speaking else (budget.updates - 1) // 2
    if pace.shown >= before_last:
        return None
    planned = pace.began if at_once else pace.began + _planned_age(pace.shown / before_last)
    return planned if pace.last is None else max(planned, pace.last + budget.min_interval)


def _planned_age(share: float) -> float:
    """The age of an answer at which this share of its budget may be spent: even at first, then geometric."""
    for (low, since), (high, until) in pairwise(_PLAN):
        if share <= high:
            part = (share - low) / (high - low)
            return part * until if since == 0 else float(since * (until / since) ** part)
    return _PLAN[-1][1]
