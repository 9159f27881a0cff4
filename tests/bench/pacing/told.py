"""The page with the figures and what they say, and the plot. It measures nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.bench.pacing.figures import DRAWS

Figures = Mapping[str, Any]

COLOURS = {
    "the tutorial's way": "tab:red",
    "the former plan": "tab:orange",
    "ours, up to 600 s": "tab:blue",
    "ours, up to 120 s": "tab:cyan",
    "learned of 5": "tab:pink",
    "learned": "tab:purple",
    "knowing the end": "tab:green",
}


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _worst(known: Figures, than: str) -> str:
    lengths = known["lengths"]
    rows: list[list[object]] = []
    for name, kinds in known["by length"].items():
        row: list[object] = [name]
        for ratios in kinds.values():
            short = max(ratio for ratio, length in zip(ratios[than], lengths, strict=True) if length <= SHORT)
            row.append(f"{short:.2f} / {max(ratios[than]):.2f}")
        rows.append(row)
    kinds = list(next(iter(known["by length"].values())))
    return _table([f"worst to {SHORT:.0f} s / to 600 s", *kinds], rows)


SHORT = 120.0


def _robots(known: Figures, than: str) -> str:
    robots = {name: robot[than] for name, robot in known["by robot"].items()}
    names = list(next(iter(robots.values())))
    rows: list[list[object]] = [[name, *(robot[name] for robot in robots.values()), ""] for name in names]
    for row in rows:
        row[-1] = sum(cell for cell in row[1:-1] if isinstance(cell, float)) / len(robots)
    return _table(["mean over a robot's answers", *robots, "mean"], rows)


def _recorded(known: Figures) -> str:
    names = list(next(iter(known["recorded"].values())))[2:]
    rows = [
        [name, f"{one['seconds']:.1f}", one["optimum"], *(one[each] for each in names)]
        for name, one in known["recorded"].items()
    ]
    return _table(["answer", "seconds", "optimum, s", *names], rows)


def _cards(known: Figures) -> str:
    rows = [
        [
            name,
            one["fair interval, s"],
            one["longest"],
            f"{one['beyond 1.2']:.1%}",
            one["mean age"],
            one["final text waited, s"],
        ]
        for name, one in known["by cards"].items()
    ]
    head = ["answers, latency, cards", "fair interval, s", "longest, of it", "beyond 1.2", "mean age, of the fluid"]
    return _table([*head, "final waited at most, s"], rows)


def page(known: Figures) -> str:
    """All of it."""
    best, draws = known["best of plans"], known["bursts by draw"]
    return f"""# When a card is worth its next update

![What unseen text ages, of the least that it can, over an answer's length](pacing.png)

`python -m tests.bench.pacing` makes this page, its plot and `pacing.json`. Nothing of this machine is in it: answers
are moments made by seed, calls take no time, and the same figures come out everywhere. Only `recorded.json` was
measured.

An answer costs its reader the age of the oldest text not yet shown, in the mean over the answer. All have 20 updates,
the last one included, and leave 0.8 s between two; the tutorial's way leaves what it leaves. There are two to be
compared with. One **knows the end**: nothing but the answer's length, and shares what is left of the budget evenly.
The other **knows all**: when each piece will come; it is found exactly, by dynamic programming over a grid that has all
moments that can be best.

## Worst case, of one who knows the end

{_worst(known, "to the end")}

## Worst case, of one who knows all

{_worst(known, "to all")}

Each answer here is one of a kind and a length, of {len(known["lengths"])} lengths. "Ours" knows of nothing but how
long an answer may take at most (`AGENT_TIMEOUT`): the budget lasts for that. Where it is 120 s, text keeps to 2.3 of
one who knows the end, where it is 600 s, all but the pausing text to 3.1, in this draw (steady text also of one who
knows all, but for text that comes ever slower and ends after 2 or 3 s: 2.32 and 3.15). Bursts have pauses of 0.2 to
0.8 s between 0.5 to 2 s of text, "pausing" are pauses of 1 to 8 s.

Chance has a part in bursts. Of {DRAWS} draws of each length {draws["120 s"]["within"]:.1%} keep to 2.3 and
{draws["600 s"]["within"]:.1%} to 3.1, and the worst are at {draws["120 s"]["worst"]:.2f} and
{draws["600 s"]["worst"]:.2f}.
Against one who knows all nothing holds for them, and nothing can: to show a burst just as it ends costs him next to
nothing for as long as the pause is, and whoever does not know that it ends has waited, or has spent an update on a
part. What can be done is to show what there is once a pause is noticed. Before that was done the worst of the bursts
were 2.35 and 3.54, of the pausing text 2.87 and 6.43.

What no plan does better where text grows all the time and no length is known (a search over all plans, on a grid of
500 moments): **{best["least worst to 120 s"]:.2f}** at worst to 120 s, **{best["least worst to 600 s"]:.2f}** to 600 s.
A plan that keeps to 2.3 up to 120 s and to 3.1 beyond is spent at
**{best["2.3 to 120 s and 3.1 beyond lasts"]:.0f} s**:
both bounds at once cannot be had for 600 s. Hence each is kept for the answers that may take as long.

## What is learned

Mean ratios to one who knows the end:

{_robots(known, "to the end")}

To one who knows all:

{_robots(known, "to all")}

The means are over constant, ever faster, ever slower and bursty text of lengths that are drawn log-normally (6, 15 and
45 s with a spread of 0.5; 4 s of 0.4 or 40 s of 0.5; 20 s of 0.9), from 2 to 600 s. What is learned is of 200 other
answers of the same robot, or of 5, soon after a start: it is kept for as long as the process lives. "Worst of all
lengths" is what it does to steady text of any length from 2 to 600 s: what a robot pays whose answers are not what they
were. It gets over that: after 44 answers half of what it knows is new.

## Answers whose pieces were recorded

{_recorded(known)}

Ratios to one who knows all. Recorded on a busy machine (`python -m tests.bench.pacing.record`): three answers of the
sample shop, whose agent sets its own pace, and three of a language model of 270 million parameters on one core, told to
go on for ever. Neither is a large model far away. What is learned is of the usual robot, 15 s.

## Cards that share 20 calls a second

{_cards(known)}

The service's own limiter and rules on a clock that jumps; text grows all the time on each card. The fair interval is
cards / 20 s, or 0.8 s if that is more; where answers end it is of the calls that their final texts leave. The fluid
limit of the mean age is half of it.

What is lost, is lost to the places: a call holds its place for one second, for as long as it was slower than the
quickest of the last hundred, and for a quarter of that one's time, 0.06 s at most. So all intervals are longer by 2 %
at 80 ms and by 5 % at 200 ms where calls take the same time. How much later than usual DingTalk counts a call is not
known better than that ([test_ways.py](../../dingtalk/test_ways.py) plays several kinds of ways: hardly one is refused).

Final texts go first and take their calls from all alike: of 200 answers of 30 s, 6.7 a second are final texts, which
leaves 13.3 calls to 200 cards, 15 s for each in place of 10. Places come free as they were taken, so turns come evenly
and every call takes one: cards that began together would else take all places at once again and again, a final text
would wait for the next such moment, up to a second, and a card for one such burst more (1.5 times its fair interval,
with 40). So no card waits for more than about 1.1 times its fair interval, where all calls take as long.
"""


def draw(known: Figures, path: Path) -> None:
    """The ratios over the length, by kind, and the mean of each robot."""
    mpl.rcParams["font.size"] = 9
    figure = Figure(figsize=(12, 8), layout="constrained")
    axes = figure.subplots(2, 3).flat
    kinds = list(next(iter(known["by length"].values())))
    for kind, axis in zip(kinds, axes, strict=False):
        for name, ratios in known["by length"].items():
            axis.plot(known["lengths"], ratios[kind]["to all"], ".-", color=COLOURS[name], label=name, linewidth=1)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_yticks([1, 2, 3, 5, 10, 20], ["1", "2", "3", "5", "10", "20"])
        axis.set_ylim(0.95, 30)
        axis.set_title(f"{kind}: of one who knows all")
        axis.set_xlabel("seconds of text")
        axis.grid(alpha=0.3)
    (last,) = axes
    names = [name for name in COLOURS if name in next(iter(known["by robot"].values()))["to the end"]]
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        heights = [robot["to the end"][name] for robot in known["by robot"].values()]
        last.bar(
            [number + place * width for number in range(len(heights))],
            heights,
            width,
            color=COLOURS[name],
            label=name,
        )
    last.set_xticks([number + 0.4 for number in range(len(known["by robot"]))], list(known["by robot"]), rotation=15)
    last.axhline(1.7, color="black", linewidth=0.8, linestyle="--")
    last.set_ylim(1, 4)
    last.set_title("a robot's answers: of one who knows the end")
    figure.legend(*last.get_legend_handles_labels(), loc="outside lower center", ncols=len(names))
    figure.savefig(path, dpi=90)
