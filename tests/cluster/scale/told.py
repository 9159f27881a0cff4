"""The page with the numbers and how they were had, and a plot of what replicas sustain. It knows the figures' names,
and measures nothing."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.figure import Figure

from tests.cluster.scale.load import sustained

Figures = Mapping[str, Any]


def page(known: Figures) -> str:
    """All parts that were measured."""
    parts = [
        f"{title}\n\n{_had(known[name]['had'])}\n\n{tell(known[name]['figures'])}"
        for name, title, tell in PARTS
        if name in known
    ]
    return "\n\n".join([HEAD.strip(), *parts, FOOT.strip()]) + "\n"


def _had(had: Figures) -> str:
    return (
        f"On {had['on']}, {had['processors']} processors, Python {had['Python']}; the machine's load was "
        f"{had['load before']:.1f} before and {had['load after']:.1f} after."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and value < 10_000
        else f"{value:,.0f}"
        if isinstance(value, int | float)
        else str(value)
    )


def _asked(figures: Figures) -> str:
    names = sorted({name for one in figures.values() for name in one["by name"]})
    totals = ("statements", "database ms", "log bytes", "updates of the card")
    rows: list[list[object]] = [[total, *(one.get(total, "") for one in figures.values())] for total in totals]
    rows += [[f"`{name}`", *(one["by name"].get(name, "") for one in figures.values())] for name in names]
    calls = "; ".join(
        f"{name}: " + ", ".join(f"{api} {often:g}" for api, often in one["calls to the platform"].items())
        for name, one in figures.items()
        if "calls to the platform" in one
    )
    return f"{_table(['', *figures], rows)}\n\nCalls to the platform: {calls}."


def _latency(figures: Figures) -> str:
    pages = []
    keys = list(next(iter(figures.values())))
    for many in dict.fromkeys(key.split(", ")[1] for key in keys if ", p50" in key):
        rows: list[list[object]] = []
        for call in dict.fromkeys(key.split(", ")[0] for key in keys if f", {many}, p50" in key):
            pairs = [[one[f"{call}, {many}, p{part}"] for part in (50, 99)] for one in figures.values()]
            shown = (f"{p50['median']:.2f} ({p50['min']:.2f}) / {p99['median']:.1f}" for p50, p99 in pairs)
            rows.append([call, *shown])
        rates = [one[f"questions/s, {many}"] for one in figures.values()]
        rows.append(["questions/s", *(f"{one['median']:.0f} ({one['min']:.0f} to {one['max']:.0f})" for one in rates)])
        pages.append(_table([f"{many}: ms, p50 (least round's) / p99", *figures], rows))
    return "\n\n".join(pages)


def _written(figures: Figures) -> str:
    first = next(iter(figures.values()))
    names = [name for name in first if name != "questions indexes, bytes"]
    rows: list[list[object]] = [[name, *(one[name] for one in figures.values())] for name in names]
    indexes = dict.fromkeys(name for one in figures.values() for name in one["questions indexes, bytes"])
    rows += [
        [f"`{name}`, bytes", *(one["questions indexes, bytes"].get(name, "") for one in figures.values())]
        for name in indexes
    ]
    return _table(["of each question", *figures], rows)


def _grown(figures: Figures) -> str:
    planned = {name: one["plans"] for name, one in figures.items() if isinstance(one, dict) and "plans" in one}
    statements = list(next(iter(planned.values())))
    rows: list[list[object]] = [
        [name, *(f"{plans[each]['ms']:.2f} ({plans[each]['pages']})" for each in statements)]
        for name, plans in planned.items()
    ]
    ways = {each: sorted({way for plans in planned.values() for way in plans[each]["ways"]}) for each in statements}
    by = "\n".join(f"- `{each}`: {', '.join(names)}" for each, names in ways.items())
    filled = {name: one for name, one in figures.items() if isinstance(one, dict) and "ms" in one}
    calls = list(next(iter(filled.values()))["ms"])
    waits: list[list[object]] = [
        [
            name,
            *("{:.2f} / {:.1f}".format(*one["ms"][call]) for call in calls),
            one["log bytes"],
            one["whole pages"],
            one["bytes"] / 1e6,
        ]
        for name, one in filled.items()
    ]
    passed = "\n".join(
        f"- {name}: {one['dead rows']:,} dead rows"
        for name, one in figures.items()
        if isinstance(one, dict) and "dead rows" in one and "plans" in one
    )
    swept = figures["sweep"]
    sweep = (
        f"The clean-up of all of it: {swept['rows gone']:,} rows in {swept['seconds']:.0f} s. A `put` meanwhile took "
        "{:.1f} / {:.1f} ms (p50 / p99), before {:.1f} / {:.1f}".format(
            *swept["put meanwhile, ms"], *swept["put before, ms"]
        )
        + f". It left {swept['dead rows']:,} dead rows of questions; their vacuum took {swept['vacuum, s']:.1f} s."
    )
    return "\n\n".join(
        [
            _table(["ms (pages the first time)", *statements], rows),
            f"What they go by:\n\n{by}",
            _table(
                ["a question's calls: ms, p50 / p99", *calls, "log bytes each", "whole pages each", "MB on the disk"],
                waits,
            ),
            f"{passed}\n- the vacuum between them: {figures['that vacuum, s']:.2f} s",
            sweep,
        ]
    )


def _rounds(rounds: Sequence[Sequence[Figures]], key: str) -> Mapping[float, list[float]]:
    """A figure at each rate, over the rounds that came so far."""
    steps = [step for steps in rounds for step in steps]
    return {
        rate: [step[key] for step in steps if step["asked/s"] == rate]
        for rate in sorted({step["asked/s"] for step in steps})
    }


def best(steps: Sequence[Figures]) -> float:
    """The highest rate that one round sustained."""
    return max((float(step["asked/s"]) for step in steps if sustained(step, steps[0])), default=0.0)


SHOWN = (
    "answered/s",
    "ack, ms, p50",
    "ack, ms, p99",
    "turn, ms, p50",
    "turn, ms, p99",
    "CPU ms, service",
    "CPU ms, database",
    "CPU ms, sandbox",
    "load of the machine",
)


def _capacity(figures: Figures) -> str:
    pages = []
    for name, rounds in figures.items():
        sustained_rates = [best(steps) for steps in rounds]
        rows: list[list[object]] = []
        for rate, answered in _rounds(rounds, "answered/s").items():
            middle = [median(_rounds(rounds, key)[rate]) for key in SHOWN]
            rows.append(
                [
                    f"{rate:g} ({len(answered)} rounds)",
                    *(f"{value:,.0f}" if value >= 20 else f"{value:.1f}" for value in middle),
                ]
            )
        least, most = min(sustained_rates), max(sustained_rates)
        pages.append(
            f"**{name}** sustained {median(sustained_rates):g} questions/s (median of {len(rounds)} rounds, "
            f"{least:g} to {most:g}).\n\n{_table(['asked/s', *SHOWN], rows)}"
        )
    return "\n\n".join(pages)


def draw(figures: Figures, path: Path) -> None:
    """Plot how long people wait and what the machine does, by questions a second."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    plots = figure.subplots(1, 3)
    for axis, key, title in zip(
        plots,
        ("ack, ms, p99", "turn, ms, p50", "CPU ms, service"),
        ("ack, p99, ms", "answer there, p50, ms", "CPU of the service, ms a question"),
        strict=True,
    ):
        for name, rounds in figures.items():
            points = _rounds(rounds, key)
            axis.plot(list(points), [median(values) for values in points.values()], "o-", label=name)
            axis.fill_between(
                list(points), [min(v) for v in points.values()], [max(v) for v in points.values()], alpha=0.15
            )
        axis.set_xlabel("questions/s")
        axis.set_title(title)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    plots[0].legend()
    figure.savefig(path, dpi=90)


PARTS: Sequence[tuple[str, str, Callable[[Figures], str]]] = (
    ("asked", "## Statements of a replica and of a question", _asked),
    ("latency", "## Milliseconds of a question's calls", _latency),
    ("written", "## Bytes of a question", _written),
    ("grown", "## Large tables", _grown),
    ("capacity", "## Questions a second", _capacity),
)

HEAD = """
# What the inbox and the service cost on PostgreSQL

Made by `.venv/bin/python -m tests.cluster.scale`. What follows from it for a deployment is in
[deploy/SCALE.md](../../../deploy/SCALE.md).

The machine was busy with other work, so that times, and most of all their p99, are on the high side; counts, bytes and
CPU for each question are not touched by that. PostgreSQL 15 of Debian with its own settings and `pg_stat_statements`,
`fsync` on, on the same machine and disk.
"""

FOOT = """
## How this was had

*Statements*: one real process, and a PostgreSQL that counts (`pg_stat_statements`). Idle is a minute of one replica
that is asked for its readiness every 5 s; it is taken off the others. A short answer is 5 pieces in 0.5 s, a long one
600 pieces in 12 s, of which as many cards as questions grow at once. `COUNT_CALLS` is at most one a second for each
replica, whatever its answers, so of each question it is less the more are asked.

*Milliseconds*: the inboxes in one process, as a replica opens them (8 connections), in turn, rounds of questions with
one touch each; the median of the rounds. Away is behind a process that passes everything on after half of the delay,
each way. SQLite has one writer, and writes of many share a commit.

*Bytes*: 100 answers at once, two touches each (an answer of 10 s), answers of 2 kB made of the sample shop's Chinese
texts. In place is PostgreSQL's HOT: no index had to be written. `all, bytes` is the tables `questions` and `turns` with
their indexes; aside is what of a long row is kept in a table of its own.

*Large tables*: 20,000 people asked what is finished. Each statement is planned and run by `EXPLAIN (ANALYZE, BUFFERS)`
five times and taken back; the median. The 200 questions that are asked behind what is finished follow a checkpoint,
after which each page that changes is written to the log as a whole once. Those who are open came after the last
`ANALYZE`, as in a storm. Then that many questions pass with no vacuum. The clean-up deletes everything, while 20
questions a second come.

*Questions a second*: real processes, the sandbox without its limit on calls (20 ms each), the load from the sandbox's
process, short answers from 1,000 people at an even rate; each step lasts 10 s, up to the first that is not sustained:
all answered within 20 s of the last, ack p99 below 1 s, the median answer not twice as late as at the lowest rate. The
medians of the rounds, set-ups in turn. Everything, load and all, shares the machine's processors.
"""
