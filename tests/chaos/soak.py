"""A long storm with a steady stream of questions, and a report of how it went: `python -m tests.chaos.soak [MINUTES]`.

For the first third processes die as well; from then on one process lives through all other faults, so that a leak would
show. The report and its plot are written to `tests/chaos/results/`.
"""

import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from actors.sandbox.records import Said
from tests.actors.endings import ending, over_at
from tests.chaos.conftest import KINDS, Place, placed
from tests.chaos.footprint import Footprint, above, cpu_seconds, footprint
from tests.chaos.plans import Deed, Weather, deaths, plan, unsure
from tests.chaos.promises import accepted, broken, card_of, kept, messages_for, runs, unacked
from tests.chaos.storm import Storm, allowed, began, unfair

RESULTS = Path(__file__).parent / "results"
SEED = 2026
EVERY = 2.0
"""Seconds between two samples of what the process holds."""

HISTORY = 100_000
"""The sandbox forgets nothing that the judge needs."""


def weather(minutes: float) -> Weather:
    """Five questions a second, a fault of a call every two seconds, a connection cut every ten, and a process's end
    every minute of the first third."""
    seconds = 60 * minutes
    return Weather(
        seconds=seconds,
        asks=0.2,
        words=3.0,
        again=5.0,
        calls=2.0,
        lines=10.0,
        deaths=60.0,
        deaths_until=seconds / 3,
        people=15,
    )


@dataclass(frozen=True)
class Sample:
    """What a process held and had used, at a second of the run; `load` is the machine's over the last minute, `running`
    the answers on their way."""

    at: float
    process: int
    holds: Footprint
    cpu: float
    load: float


@dataclass
class Watch:
    """Samples of whichever process runs."""

    storm: Storm
    began: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)

    async def look_on(self) -> None:
        """Take samples for ever."""
        while True:
            self.look()
            await asyncio.sleep(EVERY)

    def look(self) -> None:
        """Take one sample; none where there is no process."""
        running, at = self.storm.running, time.monotonic() - self.began
        try:
            now, cpu = footprint(running), cpu_seconds(running)
        except (FileNotFoundError, ProcessLookupError):
            return
        self.samples.append(Sample(at, running.process.pid, now, cpu, os.getloadavg()[0]))


@dataclass(frozen=True)
class Times:
    """How long the questions that were answered took, in seconds: to the ack, to the first card, and to the answer
    beyond what the agent's own words took."""

    ack: list[float]
    first_card: list[float]
    answer: list[float]


def times(place: Place) -> Times:
    """What everybody waited for."""
    ack, first_card, answer = [], [], []
    for said in accepted(place):
        ack += [push.seconds for push in said.pushes[:1] if push.seconds is not None]
        card = card_of(place, said)
        if card is None:
            continue
        first_card.append(card.versions[0].at - said.at)
        finished = over_at(card)
        if finished is not None and ending(card) == "answered":
            answer.append(finished - said.at - spoken(said))
    return Times(ack, first_card, answer)


def spoken(said: Said) -> float:
    """The seconds that an agent takes for its words."""
    scripts = [word.split("x") for word in said.text.split()[1:] if word[0].isdigit()]
    return sum(int(count) * float(pause) for count, pause in scripts)


def percentiles(values: list[float]) -> str:
    """Four cells of a table, in milliseconds: p50, p95, p99 and the longest."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return " | ".join(f"{1000 * value:,.0f}" for value in (cuts[49], cuts[94], cuts[98], max(values)))


async def soak(minutes: float) -> str:
    """Play the storm, judge it, and draw the plot; returns the report."""
    planned = plan(SEED, weather(minutes))
    with tempfile.TemporaryDirectory() as folder:
        async with placed(Path(folder), *KINDS, history=HISTORY) as place:
            storm = await began(place)
            watch = Watch(storm)
            watching = asyncio.create_task(watch.look_on())
            await storm.play(planned)
            settled = await _settle(place, planned)
            await asyncio.sleep(60.0 if minutes > 1 else 6)  # what is idle goes in its own time, and the plot shows it
            watching.cancel()
            draw(watch.samples, planned, RESULTS / "soak.png")
            faults = [*broken(place, allowed(planned)), *unfair(place, planned), *leaks(watch.samples)]
            return report(minutes, planned, storm, watch.samples, settled, faults)


async def _settle(place: Place, planned: list[Deed]) -> float:
    """Wait until everything has its end; returns the seconds that it took. What is missing is told by the judge."""
    since = time.monotonic()
    try:
        await kept(place, allowed(planned), within=120.0)
    except AssertionError as broke:
        print(broke, flush=True)
    return time.monotonic() - since


def leaks(samples: list[Sample]) -> list[str]:
    """What the last process holds too much of, in the end and at rest."""
    return above(samples[-1].holds, warm(samples))


def warm(samples: list[Sample]) -> Footprint:
    """What the last process held a minute after its start: then its caches are as large as they get."""
    own = [sample for sample in samples if sample.process == samples[-1].process]
    return next((sample.holds for sample in own if sample.at >= own[0].at + 60.0), own[0].holds)


def draw(samples: list[Sample], planned: list[Deed], path: Path) -> None:
    """Plot what the processes held over time, with the moments at which one ended."""
    mpl.rcParams["font.size"] = 9
    figure = Figure(figsize=(11, 8), layout="constrained")
    rows: list[tuple[str, Callable[[Sample], float]]] = [
        ("memory, MB", lambda sample: sample.holds.memory / 1e6),
        ("descriptors", lambda sample: sample.holds.descriptors),
        ("sockets", lambda sample: sample.holds.sockets),
        ("threads", lambda sample: sample.holds.threads),
        ("load of the machine", lambda sample: sample.load),
    ]
    axes = figure.subplots(len(rows), 1, sharex=True)
    for axis, (title, value) in zip(axes, rows, strict=True):
        for process in dict.fromkeys(sample.process for sample in samples):
            own = [sample for sample in samples if sample.process == process]
            axis.plot([sample.at / 60 for sample in own], [value(sample) for sample in own], linewidth=1)
        for deed in planned:
            if deed.what in {"kill", "drain"}:
                axis.axvline(deed.at / 60, color="red" if deed.what == "kill" else "orange", linewidth=0.6, alpha=0.6)
        axis.set_ylabel(title)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_title("One line for each process. Red: kill -9, orange: SIGTERM")
    axes[-1].set_xlabel("minutes")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=90)


def report(
    minutes: float, planned: list[Deed], storm: Storm, samples: list[Sample], settled: float, faults: list[str]
) -> str:
    """The report, as Markdown."""
    place = storm.place
    everybody = accepted(place)
    cards = [card for said in everybody if (card := card_of(place, said))]
    ended = Counter(ending(card) for card in cards)
    ended["by messages alone"] = len(everybody) - len(cards)
    did, took = Counter(deed.what for deed in planned), times(place)
    failed = Counter(call.code or str(call.status or "no answer") for call in place.sandbox.calls if call.status != 200)
    twice = sum(len(messages_for(place, said)) > 1 for said in everybody)
    own = [sample for sample in samples if sample.process == samples[-1].process]
    used = sum(later.cpu - one.cpu for one, later in pairwise(own)) / (own[-1].at - own[0].at)
    last, start = samples[-1].holds, warm(samples)
    missing = unacked(place)
    lines = [
        "# Soak",
        "",
        f"`python -m tests.chaos.soak {minutes:g}`: {len(everybody):,} questions accepted in {minutes:g} minutes, "
        + f"{len(everybody) / minutes / 60:.1f} a second, by robots of all kinds of cards in one service. Everything that "
        + f"happens is planned by the seed {SEED}.",
        "",
        f"**{'Every promise was kept.' if not faults else f'{len(faults)} promises were broken, see the end.'}**",
        "",
        "## What happened",
        "",
        _table("deeds", did),
        "",
        _table("calls that failed, by DingTalk's code or HTTP status", failed),
        "",
        "## How it ended",
        "",
        _table("questions accepted, by the end of their card", ended),
        "",
        f"- Without an ack: {len(missing)} questions, whose connection went as they came; the plan allows for "
        + f"{unsure(planned)}.",
        f"- Answered by more than one message: {twice}. It may be two where a process died between sending and noting.",
        f"- Agent runs: {len(runs(place)):,}.",
        f"- After the last fault everything had its end within {settled:.1f} s.",
        f"- Processes: {deaths(planned) + 1}; started and connected with all robots within "
        + f"{max(storm.came, default=0.0):.1f} s, storm included.",
        "",
        "## How long it took",
        "",
        "| milliseconds | p50 | p95 | p99 | longest |",
        "| --- | ---: | ---: | ---: | ---: |",
        f"| ack | {percentiles(took.ack)} |",
        f"| first card | {percentiles(took.first_card)} |",
        f"| answer, beyond the agent's own time | {percentiles(took.answer)} |",
        "",
        "From the platform's side, faults, restarts and waiting in line included.",
        "",
        "## What the process held",
        "",
        "![memory, descriptors, sockets, threads and load over time](soak.png)",
        "",
        "| of the last process | a minute after its start | in the end, at rest |",
        "| --- | ---: | ---: |",
        f"| memory, MB | {start.memory / 1e6:.1f} | {last.memory / 1e6:.1f} |",
        f"| threads | {start.threads} | {last.threads} |",
        f"| sockets | {start.sockets} | {last.sockets} |",
        f"| descriptors | {start.descriptors} | {last.descriptors} |",
        "",
        f"It lived for {(own[-1].at - own[0].at) / 60:.1f} minutes and used {100 * used:.0f} % of one processor.",
        "",
        "## Where",
        "",
        f"{os.cpu_count()} processors, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "dingtalk-stream", "pykka", "websockets"))
        + ".",
        f"Load of the machine meanwhile: {statistics.fmean(sample.load for sample in samples):.1f} on average, "
        + f"{max(sample.load for sample in samples):.1f} at most; service, sandbox and judge are a part of it, and other "
        + "work ran beside them. So the times above are upper bounds.",
        *(["", "## Broken", "", *(f"- {fault}" for fault in faults)] if faults else []),
        "",
    ]
    return "\n".join(lines)


def _table(title: str, counts: Counter[str]) -> str:
    rows = [f"| {name} | {count:,} |" for name, count in counts.most_common()]
    return "\n".join([f"| {title} | |", "| --- | ---: |", *rows])


def main(minutes: float) -> None:
    """Run, and write the report."""
    told = asyncio.run(soak(minutes))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "soak.md").write_text(told, "utf-8")
    print(told)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
