"""When a growing card is worth its next update, on one card's own budget.

The law: the first text is shown as soon as it exists; no answer gets more updates than its budget, the last one
included; the budget lasts for an answer of unknown length. What is being done (a tool, another try) is told on the same
budget, but before there is text on no more than half of it, so that the text moves however long that took. This file
knows nothing of calls per second, of other cards or of what the text says; the time is an argument (monotonic seconds).

The model: an answer costs its reader the age of the oldest text not yet shown, in the mean over the answer. Text that
grows all the time costs half a gap, so gaps of `gap(t)` cost an answer of length L the integral of gap/2 up to L,
divided by L; one who knows L has even gaps g(L), as close as budget and interval allow, and pays g(L)/2. The mean ratio
over answers of many lengths is thus the integral of gap(t)·W(t), W(t) being the mean of 1/(L·g(L)) over those that last
beyond t, and under a fixed number of updates it is least where they are as dense as the root of W.

W has two parts. One stands for any length up to the `longest` and bounds the worst: even gaps for as long as the budget
could afford the least interval, then gaps in proportion to the age. Of that alone steady text costs at most 2.3 times
what it costs one who knows its length where the longest is 120 seconds, 3.1 times where it is 600; no plan at all has
less than 2.0 and 2.8. The other is what the robot's last answers took, and weighs more the more there were, but never
so much that the worst is beyond 9.

Text that pauses is shown whole for as long as the pause lasts, at the price of one update. So where an update is nearly
due and nothing has come for a while, it goes; the next is planned by when new text comes. Text whose pieces are closer
than a fifth of an interval never notices.
"""

from dataclasses import replace
from itertools import accumulate
from math import inf, sqrt

from actors.core.durations import NOTHING_HEARD, SPANS, Durations
from actors.core.frozen import frozen

_AT_FIRST = 2.4
"""How much denser updates are as long as the budget could afford the least interval than just after."""

_ANY_LENGTH = 6.0
"""What the lengths that were never seen weigh beside those that were, which together weigh 64 at most."""

_EARLY, _WHILE = 0.6, 0.2
"""Of the time from one update to the next: the part after which an update goes where text pauses, and the part for
which nothing must have come. With less of either, text that merely halts spends what its end needs."""

_MIDDLES = tuple((begin + end) / 2 for begin, end in SPANS)


@frozen
class Budget:
    """What one answer may spend: text updates, the last one included, and the least seconds between two of them;
    `longest` is the seconds for which they last, `lately` how long it may take, by those before it."""

    updates: int
    min_interval: float
    longest: float = 600.0
    lately: Durations = NOTHING_HEARD


@frozen
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


def next_update(
    pace: Pace, budget: Budget, since: float, newest: float = inf, *, at_once: bool = False
) -> float | None:
    """The time of the next update, where the oldest that was not shown came at `since`, the newest at `newest`, and
    nothing more comes until then (by default it comes all the time); None when only the last one, the whole text, is
    left. One that is wanted `at_once`, as the first text is, waits for nothing but the least interval."""
    left = (budget.updates - 1 - pace.before if pace.speaking else (budget.updates - 1) // 2) - pace.shown
    if left <= 0:
        return None
    due = since if at_once or pace.shown == 0 else pace.began + _next_age(since - pace.began, left, budget)
    if pace.last is None:
        return due
    gap = max(due - pace.last, budget.min_interval)
    pausing = max(pace.last + max(_EARLY * gap, budget.min_interval), newest + _WHILE * gap)
    return min(pace.last + gap, pausing)


def _next_age(age: float, left: int, budget: Budget) -> float:
    """The age of an answer at which its next update is due, with so many `left` and something new since `age`: when the
    first of `left` + 1 equal parts of what is to come, weighed by how dense updates shall be, is over."""
    densities = _densities(budget)
    parts = [
        density * max(0.0, min(end, budget.longest) - max(begin, age))
        for density, (begin, end) in zip(densities, SPANS, strict=True)
    ]
    share = sum(parts) / (left + 1)
    for part, density, (begin, _) in zip(parts, densities, SPANS, strict=True):
        if part >= share > 0:
            return max(begin, age) + share / density
        share -= part
    return age


def _densities(budget: Budget) -> list[float]:
    """How dense updates shall be within each span of an answer's age, as a proportion."""
    affordable = budget.updates * budget.min_interval
    seen = [
        weight / (middle * max(middle / budget.updates, budget.min_interval))
        for weight, middle in zip(budget.lately.weights, _MIDDLES, strict=True)
    ]
    beyond = [*accumulate(reversed(seen))][::-1]
    return [
        sqrt(later - here / 2 + _ANY_LENGTH * (_AT_FIRST / affordable if middle < affordable else 1 / middle) ** 2)
        for middle, here, later in zip(_MIDDLES, seen, beyond, strict=True)
    ]
