"""The page and the plots of what was measured."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.bench import contest
from tests.bench.contest import LOADS, UPDATES, Load
from tests.bench.contestants import OURS, TASKS, THREADS, TUTORIAL, WHO
from tests.bench.goals import verdicts
from tests.bench.results import Play

SHOWN = (
    "first card, worst",
    "ack, worst",
    "first text, worst",
    "age of unseen text, mean",
    "standstill of a card, worst",
    "all answered, worst",
    "without a card",
    "without an ack",
    "without the whole text",
    "calls per answer",
    "calls wasted, %",
    "CPU per answer",
    "memory at its peak, MB",
)
"""The figures of a contest, in seconds where no unit is named."""

MISSING = {
    "first card, worst": "without a card",
    "ack, worst": "without an ack",
    "first text, worst": "without a card",
    "all answered, worst": "without the whole text",
}
"""What tells that the worst of a figure did not come within the time: then the worst of the others says nothing."""

WORSE = 1.05
"""Ours against another, from which on it is called worse."""

COLOURS = {OURS: "tab:blue", TASKS: "tab:green", THREADS: "tab:orange", TUTORIAL: "tab:red"}


def page(plays: Sequence[Play]) -> str:
    """All of it, as Markdown."""
    by_case: dict[str, list[Play]] = {}
    for play in plays:
        by_case.setdefault(play["case"], []).append(play)
    loads = {load.name: load for load in LOADS}
    met = [part for case, of_it in by_case.items() if case in loads for part in _contest(loads[case], of_it)]
    alone = [part for case, of_it in by_case.items() if case not in loads for part in _alone(case, of_it)]
    who = "\n".join(f"- **{name}**: {words}" for name, words in WHO.items())
    return "\n".join(
        [
            "# What was measured",
            "",
            "`make bench` writes this page; `latest.json` beside it has every figure. Each program is a process of its",
            "own, and so is the sandbox that stands for DingTalk, all on loopback. A number is the median of the",
            "rounds, with the least and the most of them behind it; seconds where no unit is named.",
            "",
            who,
            "",
            "## Goals",
            "",
            *_goals(plays),
            "",
            "## Contests",
            "",
            "`×` is ours against the other. A contestant that took longer than the case is watched has what it did in",
            "that time, and what was missing then is counted.",
            "",
            *met,
            "## Where ours is worse",
            "",
            "Where calls are scarce our agents begin before their cards are there, so that their text gets older; who",
            "waits for the card to ask the agent has younger text, and people who wait longer for it.",
            "",
            *_worse(plays),
            "",
            "## The service alone",
            "",
            *alone,
            "## How it was had",
            "",
            *_had(plays),
            "",
        ]
    )


def _goals(plays: Sequence[Play]) -> Iterable[str]:
    yield "| figure | goal | limit | at most | ours | met |"
    yield "| --- | --- | ---: | ---: | ---: | --- |"
    for verdict in verdicts(plays):
        goal = verdict.goal
        limit = "" if goal.limit is None else number(goal.limit)
        met = "yes" if verdict.met else "**no**"
        yield f"| {goal.title} | {goal.rule} | {limit} | {number(goal.most)} | {spread(verdict.ours)} | {met} |"


def _contest(load: Load, plays: Sequence[Play]) -> Iterable[str]:
    """One load's table: a row for each figure, a column for each contestant."""
    rate = f"{load.rate} calls/s and API" if load.rate else "no limit of calls"
    budget = "" if load.updates == UPDATES else ", no budget of updates"
    others = f"; {load.others} others have their answers already" if load.others else ""
    yield f"### {load.name}"
    yield ""
    yield (
        f"{load.people} people, each `{load.text}`, {load.latency * 1000:g} ms a call, {rate}{budget}{others}; "
        f"watched for {load.within:g} s."
    )
    yield ""
    yield "| | " + " | ".join(play["contestant"] for play in plays) + " |"
    yield "| --- |" + " ---: |" * len(plays)
    ours = plays[0]["figures"] if plays[0]["contestant"] == OURS else {}
    for figure in SHOWN:
        yield f"| {figure} | " + " | ".join(_cell(figure, play, ours) for play in plays) + " |"
    yield ""


def _cell(figure: str, play: Play, ours: Mapping[str, Any]) -> str:
    row = play["figures"].get(figure)
    if row is None or _is_missing(MISSING.get(figure, ""), play):
        return "not within the time"
    ratio = _ratio(figure, play, ours)
    return spread(row) if ratio is None else f"{spread(row)} · {number(ratio)} ×"


def _is_missing(what: str, play: Play) -> bool:
    return bool(play["figures"].get(what, {"max": 0})["max"] > 0)


def _ratio(figure: str, play: Play, ours: Mapping[str, Any]) -> float | None:
    """Ours against another that has all of its answers; None where there is nothing to compare."""
    row, mine = play["figures"].get(figure), ours.get(figure)
    unlike = play["contestant"] == OURS or figure.startswith("without") or _is_missing("without the whole text", play)
    if unlike or row is None or mine is None or row["median"] == 0:
        return None
    return float(mine["median"] / row["median"])


def _worse(plays: Sequence[Play]) -> Iterable[str]:
    """Where a contestant that answered everybody did better than the service."""
    ours = {play["case"]: play["figures"] for play in plays if play["contestant"] == OURS}
    for play in plays:
        worse = [
            f"{figure} {number(ratio)} ×"
            for figure in SHOWN
            if (ratio := _ratio(figure, play, ours.get(play["case"], {}))) is not None and ratio > WORSE
        ]
        if worse:
            yield f"- {play['case']}, than {play['contestant']}: {', '.join(worse)}"


def _alone(case: str, plays: Sequence[Play]) -> Iterable[str]:
    yield f"### {case}"
    yield ""
    yield "| | |"
    yield "| --- | ---: |"
    for play in plays:
        yield from (f"| {figure} | {spread(row)} |" for figure, row in play["figures"].items())
    yield ""


def _had(plays: Sequence[Play]) -> Iterable[str]:
    """The machine, once, and the load before each round, which says how far a figure may be trusted."""
    machines = {
        "; ".join(f"{name} {value}" for name, value in play["had"].items() if not name.startswith("load")): 0
        for play in plays
    }
    yield from machines
    yield ""
    yield "Load of the machine before each round:"
    yield ""
    for play in plays:
        loads = ", ".join(f"{load:.2f}" for load in play["had"]["load before each round"])
        yield f"- {play['case']}, {play['contestant']}: {loads}"


def spread(row: Mapping[str, float]) -> str:
    """The median, and the least and the most where they differ."""
    if row["min"] == row["max"]:
        return number(row["median"])
    return f"{number(row['median'])} ({number(row['min'])} – {number(row['max'])})"


def number(value: float) -> str:
    """Three digits that say something."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.3g}'):g}"


def draw(plays: Sequence[Play], folder: Path) -> None:
    """Plot what was measured of it: how a card grows, and how long people wait."""
    known = {(play["case"], play["contestant"]): play for play in plays}
    mpl.rcParams["font.size"] = 9
    figure = Figure(figsize=(11, 8), layout="constrained")
    grown, waited = figure.subplots(2, 1, height_ratios=(3, 2))
    _draw_growth(grown, known)
    _draw_waits(waited, known)
    figure.savefig(folder / "latest.png", dpi=90)


def _draw_growth(axis: Any, known: Mapping[tuple[str, str], Play]) -> None:
    load = next(load for load in LOADS if load.name == contest.LONG)
    axis.set_title("One answer of 30 s, 1,500 pieces: what its card shows")
    for contestant in load.contestants:
        curve = known.get((load.name, contestant), {}).get("curve", [])
        if curve:
            axis.step(*zip(*curve, strict=True), where="post", label=contestant, color=COLOURS[contestant])
    axis.plot((0, 30), (0, 1500), color="black", linewidth=0.8, linestyle="--", label="said")
    axis.set_xlabel("seconds since the question")
    axis.set_ylabel("pieces on the card")
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left")


def _draw_waits(axis: Any, known: Mapping[tuple[str, str], Play]) -> None:
    axis.set_title("The last of so many people waits for a card (hatched: not within the time)")
    loads = [load for load in LOADS if len(load.contestants) > 1 and load.people > 1]
    width = 0.8 / len(COLOURS)
    for number_, (contestant, colour) in enumerate(COLOURS.items()):
        places, heights, hatches = [], [], []
        for place, load in enumerate(loads):
            play = known.get((load.name, contestant), {"figures": {}})
            if "first card, worst" in play["figures"]:
                missing = _is_missing("without a card", play)
                places.append(place + number_ * width)
                heights.append(load.within if missing else play["figures"]["first card, worst"]["median"])
                hatches.append("//" if missing else "")
        axis.bar(places, heights, width, label=contestant, color=colour, align="edge", hatch=hatches, edgecolor="white")
    axis.set_xticks([place + 0.4 for place in range(len(loads))], [load.name for load in loads])
    if axis.patches:
        axis.set_yscale("log")
    axis.set_ylabel("seconds")
    axis.grid(alpha=0.3, axis="y")
    axis.legend(loc="upper left")
