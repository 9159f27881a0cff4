"""What a soak comes to: counts, waits and leaks, as Markdown and as a plot.

All that people saw is read from the sandbox, all that the process held from the samples; nothing here runs anything.
"""

import os
import platform
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from actors.sandbox.records import Said
from actors.sandbox.scenario import Scenario
from tests.actors.endings import ending, over_at
from tests.chaos.conftest import Place
from tests.chaos.footprint import Footprint, above
from tests.chaos.plans import deaths, unsure
from tests.chaos.promises import accepted, card_of, messages_for, runs, unacked
from tests.chaos.storm import Storm

WARM = 60.0
"""Seconds after its start for which a process fills its caches."""


@dataclass(frozen=True)
class Sample:
    """What a process held, and the processor seconds it had used, `at` a second of the run; `load` is the machine's,
    over the last minute."""

    at: float
    process: int
    holds: Footprint
    cpu: float
    load: float


@dataclass(frozen=True)
class Run:
    """A soak that is over. `settled` is in how many seconds everything had its end after the last fault, `faults` what
    is broken."""

    minutes: float
    seed: int
    planned: Scenario
    storm: Storm
    samples: list[Sample]
    settled: float
    faults: list[str]

    @property
    def place(self) -> Place:
        """Where it took place."""
        return self.storm.place


def of_the_last(samples: list[Sample]) -> list[Sample]:
    """The samples of the last process."""
    return [sample for sample in samples if sample.process == samples[-1].process]


def warm(samples: list[Sample]) -> Footprint:
    """What the last process held once its caches were filled."""
    own = of_the_last(samples)
    return next((sample.holds for sample in own if sample.at >= own[0].at + WARM), own[0].holds)


def leaks(samples: list[Sample]) -> list[str]:
    """What the last process holds too much of, in the end and at rest."""
    return above(samples[-1].holds, warm(samples))


def spoken(said: Said) -> float:
    """The seconds that an agent takes for its words."""
    scripts = [word.split("x") for word in said.text.split()[1:] if word[0].isdigit()]
    return sum(int(count) * float(pause) for count, pause in scripts)


def waits(place: Place) -> dict[str, list[float]]:
    """The seconds that everybody waited, by what for."""
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
    return {"ack": ack, "first card": first_card, "answer on a card, beyond the agent's own time": answer}


def report(run: Run) -> str:
    """All of it, as Markdown."""
    verdict = "Every promise was kept." if not run.faults else f"{len(run.faults)} promises were broken, see the end."
    asked = len(accepted(run.place))
    first = (
        f"`python -m tests.chaos.soak {run.minutes:g}`: {asked:,} questions were accepted in {run.minutes:g} minutes, "
        f"{asked / run.minutes / 60:.1f} a second, by robots of all kinds of cards in one service. Everything that "
        f"happened was planned by the seed {run.seed}."
    )
    sections = [
        f"# Soak\n\n{first}\n\n**{verdict}**",
        _happened(run),
        _ended(run),
        _waited(run.place),
        _held(run.samples),
        _where(run.samples),
    ]
    if run.faults:
        sections.append("## Broken\n\n" + "\n".join(f"- {fault}" for fault in run.faults))
    return "\n\n".join(sections) + "\n"


def _happened(run: Run) -> str:
    failed = Counter(
        call.code or str(call.status or "no answer") for call in run.place.sandbox.calls if call.status != 200
    )
    return "\n\n".join(
        [
            "## What happened",
            _table("happenings", Counter(each.do for each in run.planned.happenings)),
            _table("calls that failed, by DingTalk's code or HTTP status", failed),
        ]
    )


def _ended(run: Run) -> str:
    place, everybody = run.place, accepted(run.place)
    ends = Counter(ending(card) if (card := card_of(place, said)) else "by messages alone" for said in everybody)
    twice = sum(len(messages_for(place, said)) > 1 for said in everybody)
    came = run.storm.came or [0.0]
    lost = sum(not said.delivered for said in place.sandbox.said)
    return f"""## How it ended

{_table("questions accepted, by the end of their card", ends)}

- Without an ack: {len(unacked(place))}, whose connection went as they came; the plan allows for {unsure(run.planned)}.
- Said while the robot had no connection, so that the platform could bring them to nobody: {lost}.
- Answered by more than one message: {twice}; it may be two where a process died between sending and noting.
- Agent runs: {len(runs(place)):,}.
- After the last fault everything had its end within {run.settled:.1f} s.
- Processes: {deaths(run.planned) + 1}. A new one was connected with all robots within {statistics.median(came):.1f} s
  in the median and {max(came):.1f} s at most, while the storm went on."""


def _waited(place: Place) -> str:
    rows = "\n".join(f"| {what} | {len(those):,} | {_percentiles(those)} |" for what, those in waits(place).items())
    return f"""## How long it took

| milliseconds | count | p50 | p95 | p99 | longest |
| --- | ---: | ---: | ---: | ---: | ---: |
{rows}

From the platform's side: faults, restarts and waiting in line behind one's own questions included."""


def _percentiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return " | ".join(f"{1000 * value:,.0f}" for value in (cuts[49], cuts[94], cuts[98], max(values)))


def _held(samples: list[Sample]) -> str:
    own, first, last = of_the_last(samples), warm(samples), samples[-1].holds
    lived = own[-1].at - own[0].at
    most = max(sample.holds.memory for sample in own)
    return f"""## What the process held

![Memory, descriptors, sockets and threads of each process, and the machine's load, over time](soak.png)

| of the last process | {WARM:g} s after its start | in the end, at rest |
| --- | ---: | ---: |
| memory, MB | {first.memory / 1e6:.1f} | {last.memory / 1e6:.1f} |
| threads | {first.threads} | {last.threads} |
| sockets | {first.sockets} | {last.sockets} |
| descriptors | {first.descriptors} | {last.descriptors} |

It lived for {lived / 60:.1f} minutes, used {100 * (own[-1].cpu - own[0].cpu) / lived:.0f} % of one processor, and held
{most / 1e6:.1f} MB at most."""


def _where(samples: list[Sample]) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "dingtalk-stream", "pykka", "websockets"))
    loads = [sample.load for sample in samples]
    return f"""## Where

{os.cpu_count()} processors, {platform.system()} {platform.release()}, Python {platform.python_version()}, {packages}.

The machine's load (processes that run or wait for a processor) was {statistics.fmean(loads):.1f} on average and
{max(loads):.1f} at most. Service, sandbox and judge are a small part of it; the rest is other work beside them, so the
times above are upper bounds."""


def _table(title: str, counts: Counter[str]) -> str:
    rows = [f"| {name} | {count:,} |" for name, count in counts.most_common()]
    return "\n".join([f"| {title} | |", "| --- | ---: |", *rows])


def draw(samples: list[Sample], planned: Scenario, path: Path) -> None:
    """Plot what the processes held over time, with the moments at which one ended."""
    rows: list[tuple[str, Callable[[Sample], float]]] = [
        ("memory, MB", lambda sample: sample.holds.memory / 1e6),
        ("descriptors", lambda sample: sample.holds.descriptors),
        ("sockets", lambda sample: sample.holds.sockets),
        ("threads", lambda sample: sample.holds.threads),
        ("load of the machine", lambda sample: sample.load),
    ]
    mpl.rcParams["font.size"] = 9
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(len(rows), 1, sharex=True)
    for axis, (title, value) in zip(axes, rows, strict=True):
        for process in dict.fromkeys(sample.process for sample in samples):
            own = [sample for sample in samples if sample.process == process]
            axis.plot([sample.at / 60 for sample in own], [value(sample) for sample in own], linewidth=1)
        for each in planned.happenings:
            if each.do in {"kill", "drain"}:
                axis.axvline(each.at / 60, color="red" if each.do == "kill" else "orange", linewidth=0.6, alpha=0.6)
        axis.set_ylabel(title)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_title("One line for each process. Red: kill -9, orange: SIGTERM")
    axes[-1].set_xlabel("minutes")
    figure.savefig(path, dpi=90)
