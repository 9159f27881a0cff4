"""The figures of event streams in words and pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

Rows = Mapping[str, Any]

TITLES = {
    "four hundred": "400 answers at once (goal: ≤ 0.5 core)",
    "thousand": "1,000 answers at once (goal: ≤ 1 core, ≤ 200 MB, stretched ≤ 1.1 ×)",
    "bound": "CPU per piece against the bound without actors, 500 answers (goal: ≤ 1.3 ×)",
    "before": "Before the changes and now, 400 answers, in one run",
    "streams": "Growth with the number of answers",
    "length": "Growth with the length of an answer: its last seconds, 100 at once",
    "robots": "Growth with the number of robots, 200 answers",
    "connections": "Growth with the number of Stream connections, 200 answers",
}
"""The parts that are plays, in the order of the page."""

GROWN = {
    "streams": "answers at once",
    "length": "pieces of an answer, 100 answers",
    "robots": "robots, 200 answers",
    "connections": "Stream connections, 200 answers",
}
"""The parts in which something grows, and what."""

COLUMNS: Sequence[tuple[str, str, str]] = (
    ("service, cores", "contestant", ".2f"),
    ("µs per piece", "per_piece", ".1f"),
    ("stretch, median", "stretch", ".3f"),
    ("worst", "worst_stretch", ".3f"),
    ("peak, MB", "peak", ".0f"),
    ("threads", "threads", ".0f"),
    ("model's server, cores", "server", ".2f"),
    ("sandbox, cores", "sandbox", ".2f"),
    ("strangers, cores", "strangers", ".2f"),
)

READING = """\
Made by `python -m tests.bench.streams`. Each answer is an event stream of its own, 50 pieces a second, from a model's
server in another process; DingTalk is the sandbox, 20 calls a second and API, 80 ms each. Figures are of seconds in
which all answers flow; medians of rounds in turn, with the least and the most in brackets. Server, sandbox and service
share the machine's two cores, so what each took stands beside; *strangers* is what else ran meanwhile: with more than
some tenths of a core of it, two threads of one core share their units and every figure is on the high side. *Stretch*
is the time until the end of an answer was read by the time that its pieces took to be sent.
"""


def page(known: Rows) -> str:
    """All parts that were measured."""
    parts = [f"# Many event streams at once\n\n{READING}"]
    for part, title in TITLES.items():
        if part in known:
            parts.append(f"## {title}\n\n{_had(known[part]['had'])}\n\n{_table(known[part]['figures'])}")
    if "bound" in known:
        parts.append(f"Service ÷ bound: **{ratio(known['bound']['figures']):.2f}**.")
    if "idle" in known:
        parts.append(
            f"## A conversation that rests (goal: ≤ 60 kB, and 0 once it was stopped)\n\n{_idle(known['idle'])}"
        )
    parts.append(_words("profile"))
    if GROWN.keys() & known.keys():
        parts.append(_words("growth"))
        parts.append("![CPU, memory and stretch against what grows](streams.png)")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _words(name: str) -> str:
    """What is to be said of the figures, as somebody wrote it."""
    return Path(__file__).with_name(f"{name}.md").read_text("utf-8")


def ratio(figures: Rows) -> float:
    """What a piece costs in the service, by what it costs in the bound."""
    service, bound = (float(median(each["per_piece"] for each in figures[name])) for name in ("service", "bound"))
    return service / bound


def _had(had: Rows) -> str:
    return "On " + "; ".join(
        f"{value}" if name in {"on", "machine"} else f"{name} {value}" for name, value in had.items()
    )


def _table(figures: Rows) -> str:
    names = ["", *(title for title, _, _ in COLUMNS)]
    lines = [f"| {' | '.join(names)} |", f"| --- |{' ---: |' * len(COLUMNS)}"]
    for name, rounds in figures.items():
        cells = [_cell([each[key] for each in rounds], spec) for _, key, spec in COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float], spec: str) -> str:
    least, middle, most = (format(value, spec) for value in (min(values), median(values), max(values)))
    return middle if least == most else f"{middle} ({least} … {most})"


def _idle(part: Rows) -> str:
    lines = ["| | |", "| --- | ---: |", *(f"| {name} | {figure:.1f} |" for name, figure in part["figures"].items())]
    return f"{_had(part['had'])}\n\n" + "\n".join(lines)


def draw(known: Rows, path: Path) -> None:
    """CPU, cost of a piece, memory and stretch against what grows; a row of the picture for each."""
    grown = {part: axis for part, axis in GROWN.items() if part in known}
    if not grown:
        return
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(11, 2.9 * len(grown)), layout="constrained")
        for axes, (part, axis) in zip(figure.subplots(len(grown), 3, squeeze=False), grown.items(), strict=True):
            _draw_row(axes, known[part]["figures"], axis)
        figure.savefig(path, dpi=110)


def _draw_row(axes: Any, figures: Rows, axis: str) -> None:
    sizes = [int(size.replace(",", "")) for size in figures]
    rows = [rounds[0] for rounds in figures.values()]
    left, middle, right = axes
    for name, key in (("service", "contestant"), ("model's server", "server"), ("sandbox", "sandbox")):
        left.plot(sizes, [row[key] for row in rows], "o-", label=name, markersize=3)
    left.set(title="cores", xlabel=axis, ylim=(0, None))
    left.legend()
    middle.plot(sizes, [row["per_piece"] for row in rows], "o-", markersize=3)
    middle.set(title="µs of the service per piece", xlabel=axis, ylim=(0, None))
    right.plot(sizes, [row["peak"] for row in rows], "o-", label="peak, MB", markersize=3)
    right.plot(sizes, [100 * row["worst_stretch"] for row in rows], "s--", label="worst stretch × 100", markersize=3)
    right.set(title="MB, and the worst stretch × 100", xlabel=axis, ylim=(0, None))
    right.legend()
