"""Panels with a time axis: lines and bars, heat maps, and the states of something."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from tests.operations.observed.preview.answers import Named, Panel
from tests.operations.observed.preview.canvas import FAINT, GRID, PANEL, SMALL, TEXT, Box, Canvas, colour, points
from tests.operations.observed.preview.units import written

LINE = 24
"""Pixels of a line of a legend."""

HEAT = LinearSegmentedColormap.from_list("heat", ["#22344f", "#3d6fb6", "#8ab8ff", "#e3efff"])


def timeseries(canvas: Canvas, box: Box, panel: Panel) -> None:
    """Lines, stacked areas or bars over time, with thresholds and a legend beneath."""
    shades, custom = panel.colours(), panel.custom
    names = list(dict.fromkeys(named.name for named in panel.answers))
    below = _legend(canvas, box, panel, names)
    axes = canvas.axes(box.inside(82, 8, 24, below + 32))
    stacked = custom.get("stacking", {}).get("mode", "none") != "none"
    base: np.ndarray | None = None
    for named in sorted(panel.answers, key=lambda named: names.index(named.name)):
        times, values = _dense(named, panel)
        shade = shades[named.name]
        filled = custom.get("fillOpacity", 0) / 100
        if custom.get("drawStyle") == "bars" or stacked:
            heights = np.nan_to_num(values)
            bottom = np.zeros_like(heights) if base is None else base
            base = bottom + heights
            axes.fill_between(times, bottom, base, step="mid", color=shade, alpha=max(filled, 0.6), linewidth=0)
            if custom.get("drawStyle") != "bars":
                axes.plot(times, np.where(np.isnan(values), np.nan, base), color=shade, linewidth=points(1.5))
        else:
            axes.fill_between(times, 0, values, color=shade, alpha=filled, linewidth=0)
            axes.plot(times, values, color=shade, linewidth=points(2.4), solid_joinstyle="round")
    _scaled(axes, panel)
    _time(axes, panel)
    if custom.get("thresholdsStyle", {}).get("mode", "off") != "off":
        low, high = axes.get_ylim()
        for least, shade in panel.steps:
            if least is not None and low <= least <= high:
                axes.axhline(least, color=shade, linewidth=points(1.6), linestyle=(0, (6, 4)), alpha=0.9)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, panel.unit)))


def heatmap(canvas: Canvas, box: Box, panel: Panel) -> None:
    """How many events fell into each bucket, over time; the buckets are told apart by their upper edges."""
    buckets = sorted(panel.answers, key=lambda named: float(named.name))
    rows = [_dense(named, panel) for named in buckets]
    times = rows[0][0]
    counts = np.diff(np.nan_to_num(np.array([values for _, values in rows])), axis=0, prepend=0)
    shown = [place for place in range(len(counts)) if place < len(counts) - 1 or counts[place].any()]
    axes = canvas.axes(box.inside(82, 8, 24, 36))
    every = max(1, len(times) // 60)
    cells = np.array([[row[at : at + every].max() for at in range(0, len(times), every)] for row in counts[shown]])
    grid = np.ma.masked_less_equal(cells, 1e-9)
    edges = [*times[::every], times[::every][-1] + every]
    norm = PowerNorm(0.5, vmin=0, vmax=max(1.0, float(cells.max())))
    axes.pcolormesh(edges, np.arange(len(shown) + 1), grid, cmap=HEAT, norm=norm, edgecolors=PANEL, linewidth=points(1))
    labels = [written(float(buckets[place].name), panel.unit) for place in shown]
    spaced = 1 if len(shown) * LINE * 0.7 < box.height - 42 else 2
    axes.yaxis.set_major_locator(FixedLocator([place + 0.5 for place in range(0, len(shown), spaced)]))
    axes.set_yticklabels(labels[::spaced])
    axes.grid(visible=False)
    _time(axes, panel)


def states(canvas: Canvas, box: Box, panel: Panel) -> None:
    """What state each series is in, over time: a bar for each, with the words of the states beneath."""
    words = {
        float(value): (shown["text"], colour(shown["color"]))
        for mapping in panel.defaults.get("mappings", ())
        for value, shown in mapping["options"].items()
    }
    series = sorted(panel.answers, key=lambda named: named.name, reverse=True)
    left = 24 + max(canvas.extent(named.name) for named in series)
    axes = canvas.axes(box.inside(left, 8, 24, LINE + 36))
    for place, named in enumerate(series):
        for since, until, value in _spells(named):
            _, shade = words.get(value, ("", FAINT))
            axes.barh(place, until - since, left=since, height=0.72, color=shade, alpha=0.85, linewidth=0)
    row = (box.height - LINE - 44) / len(series)
    axes.set_yticks(range(len(series)), [named.name for named in series], fontsize=points(min(SMALL, row * 0.95)))
    axes.set_ylim(-0.6, len(series) - 0.4)
    axes.grid(visible=False)
    _time(axes, panel)
    _row(canvas, box.x + 16, box.y + box.height - LINE / 2 - 6, list(words.values()))


def _legend(canvas: Canvas, box: Box, panel: Panel, names: Sequence[str]) -> float:
    """Draw the legend; returns its height. It takes what lines it needs, as long as a third of the panel is enough."""
    shades, listed = panel.colours(), panel.options.get("legend", {}).get("displayMode") == "table"
    if listed:
        return _table(canvas, box, panel, names)
    lines: list[list[tuple[str, str]]] = [[]]
    used = 0.0
    for name in names:
        width = canvas.extent(name) + 44
        if used + width > box.width - 32 and lines[-1]:
            lines.append([])
            used = 0.0
        lines[-1].append((name, shades[name]))
        used += width
    lines = lines[: max(1, int(box.height / 3 // LINE))]
    for place, line in enumerate(lines):
        _row(canvas, box.x + 16, box.y + box.height - (len(lines) - place - 0.5) * LINE - 6, line)
    return len(lines) * LINE + 6


def _table(canvas: Canvas, box: Box, panel: Panel, names: Sequence[str]) -> float:
    """A legend with the last and the largest value of each series, the largest first."""
    values = {
        named.name: [value for _, value in named.series.samples if not math.isnan(value)] for named in panel.answers
    }
    ranked = sorted(names, key=lambda name: max(values[name], default=0), reverse=True)
    most = int(box.height * 0.42 // LINE) - 1
    head = box.y + box.height - (min(len(ranked), most) + 0.5) * LINE - 6
    columns = ((box.width - 110, "Last"), (box.width - 18, "Max"))
    for x, words in columns:
        canvas.say(box.x + x, head, words, fill=FAINT, at="right")
    for place, name in enumerate(ranked[:most]):
        y = head + (place + 1) * LINE
        _row(canvas, box.x + 16, y, [(name, panel.colours()[name])])
        for (x, _), value in zip(columns, (values[name][-1:], [max(values[name], default=math.nan)]), strict=True):
            canvas.say(box.x + x, y, written(value[0], panel.unit) if value else "–", at="right")
    return (min(len(ranked), most) + 1) * LINE + 6


def _row(canvas: Canvas, x: float, y: float, entries: Sequence[tuple[str, str]]) -> None:
    for name, shade in entries:
        canvas.bar(Box(x, y - 2, 16, 4), shade)
        canvas.say(x + 23, y, name, fill=TEXT)
        x += canvas.extent(name) + 44


def _dense(named: Named, panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Every second of the time shown, with what is missing as NaN."""
    times = np.arange(math.floor(panel.since), math.floor(panel.until) + 1, dtype=float)
    values = np.full(len(times), np.nan)
    for at, value in named.series.samples:
        place = round(at - times[0])
        if 0 <= place < len(values) and math.isfinite(value):
            values[place] = value
    return times, values


def _spells(named: Named) -> list[tuple[float, float, float]]:
    """For how long each value lasted."""
    spells: list[tuple[float, float, float]] = []
    for (since, value), (then, _) in pairwise([*named.series.samples, (named.series.samples[-1][0] + 1, 0.0)]):
        until = then if then - since < 2 else since + 1
        if spells and spells[-1][2] == value and abs(spells[-1][1] - since) < 0.5:
            spells[-1] = (spells[-1][0], until, value)
        else:
            spells.append((since, until, value))
    return spells


def _scaled(axes: Axes, panel: Panel) -> None:
    scale = panel.custom.get("scaleDistribution", {})
    least, most = panel.defaults.get("min"), panel.defaults.get("max")
    if scale.get("type") == "log":
        axes.set_yscale("log", base=scale.get("log", 10))
    elif scale.get("type") == "symlog":
        axes.set_yscale("symlog", base=scale.get("log", 10), linthresh=scale.get("linearThreshold", 1))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.autoscale(axis="y")
    low, high = axes.get_ylim()
    soft = panel.custom.get("axisSoftMax")
    high = max(high, soft) if soft is not None else high
    if scale.get("type") == "log":
        axes.set_ylim(low, most or high)
    else:
        axes.set_ylim(low if least is None else least, (high if high > 0 else 1) if most is None else most * 1.02)


def _time(axes: Axes, panel: Panel) -> None:
    axes.set_xlim(math.floor(panel.since), math.floor(panel.until))
    every = next(each for each in (10, 15, 30, 60, 300, 900, 3600) if (panel.until - panel.since) / each <= 7)
    first = math.ceil(panel.since / every) * every
    axes.xaxis.set_major_locator(FixedLocator(list(np.arange(first, panel.until - every / 4, every))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")))
    axes.tick_params(axis="x", labelcolor=FAINT, labelsize=points(SMALL))
    axes.grid(axis="x", color=GRID, linewidth=points(1))
