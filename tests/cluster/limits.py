"""`python -m tests.cluster.limits`: how replicas share the calls of one API, played in virtual time, and a plot of it.

The limiters are the service's own, and so is the clock they sleep by, an event loop's; the platform is the sandbox's
sliding window. What is played here and not real: the network's delays, the people's demand, and the table of replicas.
"""

import asyncio
import random
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from actors.dingtalk.faults import THROTTLE_PAUSE
from actors.dingtalk.limits import MARGIN, WINDOW, Kind, Limiter, Rank
from actors.dingtalk.share import HEARD_WITHIN, joining
from actors.sandbox.faults import SlidingWindow
from tests.runtime.virtual_time import play

LIMIT = 20
"""Calls per second, as DingTalk has it."""

WAY = (0.01, 0.06)
"""Seconds to DingTalk, and as many back."""

MIN_INTERVAL = 0.5
"""Seconds between two updates of a card."""

UPDATES = 15
"""Updates of an answer, before its final text."""

AGAIN = (0.2, 0.4)
"""Seconds until a refused call asks for a place again."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that DingTalk counted or refused, and how long it had to wait for that since it was wanted first."""

    at: float
    replica: str
    kind: Kind
    refused: bool
    waited: float


@dataclass
class Replica:
    """One process: its limiter of one API, its heartbeat, and the answers that grow in it."""

    name: str
    limiter: Limiter
    heart: asyncio.Task[None] | None = None
    answers: list[asyncio.Task[None]] = field(default_factory=list)


class Play:
    """Replicas that come, go and have cards, before one sliding window."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.replicas: dict[str, Replica] = {}
        self.calls: list[Call] = []
        self.rates: list[tuple[float, str, float]] = []
        self._window = SlidingWindow()
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    @property
    def now(self) -> float:
        """Seconds since it began."""
        return self._loop.time() - self._began

    def join(self, name: str, cards: int) -> None:
        """A replica comes, in which so many answers grow, each followed by another one. The others hear of it with
        their next heartbeat; the service's tell each other sooner."""
        share = joining(LIMIT, len(self.replicas) + 1, self._loop.time())
        replica = self.replicas[name] = Replica(name, Limiter(share, self._loop.time))
        replica.heart = self._loop.create_task(self._beat(replica))
        replica.answers = [self._loop.create_task(self._answers(replica)) for _ in range(cards)]

    def rest(self, name: str) -> None:
        """A replica's answers end."""
        for answer in self.replicas[name].answers:
            answer.cancel()

    def leave(self, name: str) -> None:
        """A replica goes; it takes its row out of the table."""
        self.rest(name)
        heart = self.replicas.pop(name).heart
        assert heart is not None
        heart.cancel()

    async def _beat(self, replica: Replica) -> None:
        await asyncio.sleep(self.random.uniform(0, HEARD_WITHIN))
        while True:
            self.rates.append((self.now, replica.name, replica.limiter.beaten(len(self.replicas))))
            await asyncio.sleep(HEARD_WITHIN)

    async def _answers(self, replica: Replica) -> None:
        await asyncio.sleep(self.random.uniform(0, 2 * MIN_INTERVAL))
        while True:
            for _ in range(UPDATES):
                await self._call(replica, Kind.USUAL)
                await asyncio.sleep(MIN_INTERVAL)
            await self._call(replica, Kind.FINAL)
            await asyncio.sleep(MIN_INTERVAL)

    async def _call(self, replica: Replica, kind: Kind) -> None:
        wanted, refused = self._loop.time(), True
        while refused:
            ticket = await replica.limiter.place(Rank(kind, wanted, growing=kind is Kind.USUAL))
            await asyncio.sleep(self.random.uniform(*WAY))
            now = self._loop.time()
            refused = not self._window.takes("robot", "streaming", LIMIT, now)
            self.calls.append(Call(self.now, replica.name, kind, refused, now - wanted))
            await asyncio.sleep(self.random.uniform(*WAY))
            replica.limiter.answered(ticket, executed=not refused)
            if refused:
                replica.limiter.refused(ticket, THROTTLE_PAUSE)
                await asyncio.sleep(self.random.uniform(*AGAIN))


@dataclass(frozen=True, slots=True)
class Phase:
    """A time of one play in which nobody comes, goes or rests, as it is from `begin` to `end`."""

    title: str
    replicas: int
    busy: int
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a phase's steady state, from SETTLED seconds after its begin. Waits are seconds, in order."""

    counted: float
    """Calls per second that DingTalk carried out."""
    refused: float
    """The share of all calls that it refused."""
    each: dict[str, float]
    """Calls per second by replica."""
    finals: tuple[float, ...]
    updates: tuple[float, ...]


SETTLED = 30.0


def figures(calls: Sequence[Call], begin: float, end: float) -> Figures:
    """What came of the time from `begin` to `end`."""
    there = [call for call in calls if begin <= call.at < end]
    counted = [call for call in there if not call.refused]
    each = Counter(call.replica for call in counted)
    waits = {kind: tuple(sorted(call.waited for call in counted if call.kind is kind)) for kind in Kind}
    return Figures(
        counted=len(counted) / (end - begin),
        refused=(len(there) - len(counted)) / len(there),
        each={name: count / (end - begin) for name, count in sorted(each.items())},
        finals=waits[Kind.FINAL],
        updates=waits[Kind.USUAL],
    )


LONG = 150.0
"""Seconds of a phase."""


async def a_day() -> tuple[Play, list[Phase]]:
    """One replica, three, five, three again, of which at last one alone is busy."""
    scene, phases = Play(), list[Phase]()

    async def last(title: str, busy: int) -> None:
        begin = scene.now
        await asyncio.sleep(LONG)
        phases.append(Phase(title, len(scene.replicas), busy, begin, scene.now))

    scene.join("a", 60)
    await last("one", 1)
    scene.join("b", 40)
    scene.join("c", 40)
    await last("two more came", 3)
    scene.join("d", 40)
    scene.join("e", 40)
    await last("two more came", 5)
    scene.leave("b")
    scene.leave("e")
    await last("two left", 3)
    scene.rest("c")
    scene.rest("d")
    await last("two have nothing to do", 1)
    return scene, phases


RESULTS = Path(__file__).parent / "results"
BIN = 5.0
"""Seconds that one point of the plot stands for."""


def draw(scene: Play, phases: Sequence[Phase], path: Path) -> None:
    """Plot what each replica got and allowed itself, what was refused, and who waited how long."""
    mpl.rcParams["font.size"] = 9
    figure = Figure(figsize=(11, 10), layout="constrained")
    got, allowed, refused, waited = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 1, 2))
    starts = [number * BIN for number in range(int(phases[-1].end / BIN))]
    names = sorted({call.replica for call in scene.calls})
    bins = [[call for call in scene.calls if start <= call.at < start + BIN] for start in starts]
    counted = [
        [sum(call.replica == name and not call.refused for call in bin_) / BIN for bin_ in bins] for name in names
    ]
    got.stackplot(starts, counted, labels=names, step="post", alpha=0.75)
    got.axhline(LIMIT, color="black", linewidth=1, linestyle="--")
    got.set_ylabel("calls/s carried out")
    got.legend(loc="lower right", ncols=len(names), title="replica")
    for name in names:
        rates = [(at, rate) for at, replica, rate in scene.rates if replica == name]
        allowed.plot([at for at, _ in rates], [rate for _, rate in rates], ".", markersize=3)
    allowed.set_ylabel("calls/s allowed to itself")
    refused.bar(starts, [sum(call.refused for call in bin_) for bin_ in bins], BIN, align="edge", color="red")
    refused.set_ylabel(f"refused in {BIN:g} s")
    for kind, colour, title in ((Kind.USUAL, "tab:blue", "updates"), (Kind.FINAL, "tab:green", "final texts")):
        points = [(call.at, call.waited) for call in scene.calls if call.kind is kind and not call.refused]
        waited.plot([at for at, _ in points], [s for _, s in points], ".", markersize=2, color=colour, label=title)
    waited.set_ylabel("seconds waited")
    waited.legend(loc="upper right", markerscale=4)
    for axis in (got, allowed, refused, waited):
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        for phase in phases[1:]:
            axis.axvline(phase.begin, color="black", linewidth=0.6)
    for phase in phases:
        got.text(phase.begin + 2, LIMIT + 1, f"{phase.replicas}: {phase.title}")
    got.set_ylim(top=LIMIT + 3)
    waited.set_xlabel("seconds")
    waited.set_xlim(0, phases[-1].end)
    figure.savefig(path, dpi=90)


def told(scene: Play, phases: Sequence[Phase]) -> str:
    """The page with the numbers, and how they were had."""
    rows = []
    for phase in phases:
        steady = figures(scene.calls, phase.begin + SETTLED, phase.end)
        begin = figures(scene.calls, phase.begin, phase.begin + SETTLED)
        finals, updates = (statistics.quantiles(waits, n=20) for waits in (steady.finals, steady.updates))
        each = ", ".join(f"{name} {rate:.1f}" for name, rate in steady.each.items())
        rows.append(
            f"| {phase.replicas}: {phase.title} | {begin.refused:.1%} | {steady.counted:.1f} "
            f"({steady.counted / LIMIT:.0%}) | {steady.refused:.1%} | {each} | {finals[9]:.2f} / {finals[18]:.2f} | "
            f"{updates[9]:.2f} / {updates[18]:.2f} |"
        )
    table = "\n".join(rows)
    held = WINDOW + WAY[1] - WAY[0] + MARGIN * 2 * WAY[0]
    return f"""# How replicas share the calls of one API

![Calls per second by replica, what each allowed itself, refusals, and waits, over time](limits.png)

| replicas | refused in the first {SETTLED:g} s | calls/s | refused | of each | finals wait, s | updates wait, s |
| --- | ---: | ---: | ---: | --- | ---: | ---: |
{table}

From the third column on: what came after those {SETTLED:g} s, up to the end of the phase, which lasts {LONG:g} s.
Waits are the median and 95 % of the time from wanting a call to its being carried out, refusals included.

## How this was had

`.venv/bin/python -m tests.cluster.limits` plays it in virtual time, in some seconds of CPU, and writes both files. What
the service really has: the limiters, and the sandbox's sliding window of {LIMIT} calls in a second, which refuses and
does not count what is more. What is played: the network ({WAY[0]:g} to {WAY[1]:g} s each way, by chance, the same
chances each time); 60 growing answers in `a` and 40 in each other replica, an update of each after {MIN_INTERVAL:g} s
of rest, {UPDATES} updates and a final text for each answer, so that far more is wanted than allowed; and the table of
replicas, at which each looks every {HEARD_WITHIN:g} s. In the service a replica that comes or goes tells the others at
once, so the first column is the worse case.

A place is held for a second, for as long as its answer took longer than the quickest one, and for a part of that one's
time: so about {WINDOW / held:.0%} of the limit is the most that a replica can use here, alone or not.
"""


if __name__ == "__main__":
    RESULTS.mkdir(exist_ok=True)
    one, its_phases = play(a_day())
    draw(one, its_phases, RESULTS / "limits.png")
    (RESULTS / "limits.md").write_text(told(one, its_phases), encoding="utf-8")
