"""The cases that contestants meet in: so many people, an answer, and what the platform takes."""

from dataclasses import dataclass, replace
from functools import partial

from tests.bench import seen
from tests.bench.case import Case, Played
from tests.bench.contestants import OURS, TASKS, THREADS, TUTORIAL
from tests.bench.figures import curve, figures
from tests.bench.scene import LATENCY, LIMIT, served

TWENTY, BURST, LONG, SLOW = "20 people, 10 s answers", "burst of 200", "one answer of 30 s", "slow first token"
LONGEST = "one answer of 120 s"
SHORT, SHARED, CROWD = "one answer of 3 s", "40 share 20 calls/s", "200 share 20 calls/s"
UNBOUND, FASTER = "20 people, no limit", "200 people, 200 calls/s"
AT_FIRST = "the first 20 people after a start, no limit"
NEAR, FAR = "20 people, 30 ms a call", "20 people, 200 ms a call"

UPDATES = 20
"""The default of CARD_MAX_UPDATES."""

UNCOUNTED = 1000
"""More updates than an answer can have: what is measured is how cards share the calls of a second."""


@dataclass(frozen=True, slots=True)
class Load:
    """What happens: `people` ask `text` at once; it is watched `within` so many seconds. `rate` is calls per second and
    API, 0 for no limit; an answer has so many `updates`. So many `others` were answered just before."""

    name: str
    people: int
    text: str
    within: float
    contestants: tuple[str, ...] = (OURS,)
    latency: float = LATENCY
    rate: int = LIMIT
    updates: int = UPDATES
    others: int = 0


LOADS = (
    Load(TWENTY, 20, "500 pieces 10 s", 40, (OURS, TASKS, THREADS, TUTORIAL)),
    Load(BURST, 200, "5 pieces 1 s", 40, (OURS, TASKS, THREADS, TUTORIAL)),
    Load(SHORT, 1, "150 pieces 3 s", 20, (OURS,)),
    Load(LONG, 1, "1500 pieces 30 s", 45, (OURS, TASKS, TUTORIAL)),
    Load(LONGEST, 1, "3000 pieces 120 s", 150, (OURS, TASKS)),
    Load(SLOW, 20, "20 pieces 2 s after 6 s", 30, (OURS, TASKS, THREADS)),
    Load(SHARED, 40, "1000 pieces 20 s", 60, (OURS, TASKS), updates=UNCOUNTED),
    Load(CROWD, 200, "3000 pieces 60 s", 120, (OURS,), updates=UNCOUNTED),
    Load(UNBOUND, 20, "20 pieces 2 s", 20, (OURS, TASKS), rate=0, others=100),
    Load(AT_FIRST, 20, "20 pieces 2 s", 20, (OURS, TASKS), rate=0),
    Load(NEAR, 20, "200 pieces 4 s", 20, latency=0.03, rate=40),
    Load(FAR, 20, "200 pieces 4 s", 20, latency=0.2, rate=40),
    Load(FASTER, 200, "200 pieces 4 s", 40, rate=200),
)

SELDOM = frozenset({TUTORIAL, THREADS})
"""Who takes minutes, and always the same."""

LONG_WATCH = 60
"""Seconds of a watch from which on a load is met once."""


async def met(load: Load, contestant: str) -> Played:
    """One contestant meets one load."""
    rate, updates = str(load.rate or 10_000), str(load.updates)
    async with served(
        contestant, latency=load.latency, limit=load.rate, OPENAPI_QPS=rate, CARD_MAX_UPDATES=updates
    ) as scene:
        run = await scene.platform.do(seen.answered, load.people, load.text, load.within, others=load.others)
        return Played(figures(run) | scene.used(load.people + load.others), curve(run) if load.people == 1 else [])


def cases(*loads: Load) -> tuple[Case, ...]:
    """Each contestant of each load, in turn."""
    return tuple(
        Case(
            load.name,
            partial(met, load, contestant),
            contestant,
            seldom=contestant in SELDOM or load.within > LONG_WATCH,
        )
        for load in loads
        for contestant in load.contestants
    )


CASES = cases(*LOADS)

SHORT_FORM = cases(replace(LOADS[0], people=2, text="20 pieces 1 s", within=20, others=1))
"""Says nothing of anybody's speed: it is to see that everything still runs."""
