"""What the figures shall be, against what the platform's rules allow a perfect client."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench import contest
from tests.bench.contestants import OURS
from tests.bench.figures import fluid_limit
from tests.bench.results import Play
from tests.bench.scene import LATENCY, LIMIT
from tests.bench.start import START

CREATED = (200 - LIMIT) / LIMIT + LATENCY
"""When a perfect client's 200th card is there: 20 at once, then as many each second, and the time of a call."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The most that a figure of ours may be. `limit` is the least that is possible, None where there is no such
    thing."""

    title: str
    case: str
    figure: str
    limit: float | None
    most: float
    rule: str


def _shared(title: str, case: str, people: int) -> Goal:
    limit = fluid_limit(people, LIMIT, LATENCY)
    return Goal(title, case, "age of unseen text, mean", limit, 1.25 * limit, "≤ 1.25 × the fluid limit")


GOALS: Sequence[Goal] = (
    Goal(
        "first card, worst of 20, limit not binding, of a service that has answered 100",
        contest.UNBOUND,
        "first card, worst",
        LATENCY,
        1.5 * LATENCY,
        "≤ 1.5 × one call",
    ),
    Goal(
        "first card, worst of 200, 20 calls/s",
        contest.BURST,
        "first card, worst",
        CREATED,
        1.1 * CREATED,
        "≤ 1.1 × the limit",
    ),
    Goal("ack, worst in a burst of 200", contest.BURST, "ack, worst", None, 0.05, "≤ 50 ms, stored durably"),
    _shared("age of the oldest unseen text, 40 cards", contest.SHARED, 40),
    _shared("age of the oldest unseen text, 200 cards", contest.CROWD, 200),
    Goal("calls per answer of 3 s", contest.SHORT, "calls per answer", None, 6, "≤ 6"),
    Goal(
        "calls per answer of 30 s",
        contest.LONG,
        "calls per answer",
        None,
        contest.UPDATES + 2,
        "≤ CARD_MAX_UPDATES + 2",
    ),
    Goal("wasted calls, 40 cards, %", contest.SHARED, "calls wasted, %", 0, 2, "≤ 2 %"),
    Goal("wasted calls, 200 cards, %", contest.CROWD, "calls wasted, %", 0, 2, "≤ 2 %"),
    Goal(
        "imports of `python -m actors run`, against those of the dependencies",
        START,
        "imports, ratio",
        1,
        1.25,
        "≤ 1.25 ×",
    ),
    Goal("start to handshake, beyond the imports", START, "handshake beyond imports", None, 0.3, "≤ 0.3 s"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal and what was measured: the median, minimum and maximum of ours."""

    goal: Goal
    ours: Mapping[str, float]

    @property
    def met(self) -> bool:
        """Whether the median is within the goal."""
        return self.ours["median"] <= self.goal.most


def verdicts(plays: Sequence[Play]) -> list[Verdict]:
    """What became of each goal whose case was measured."""
    ours = {play["case"]: play["figures"] for play in plays if play["contestant"] == OURS}
    return [Verdict(goal, ours[goal.case][goal.figure]) for goal in GOALS if goal.figure in ours.get(goal.case, {})]
