"""Panels without a time axis: one figure, bars of figures, and tables."""

import math

from tests.operations.observed.preview.answers import Panel
from tests.operations.observed.preview.canvas import EDGE, FAINT, HUGE, LARGE, NORMAL, TEXT, Box, Canvas
from tests.operations.observed.preview.units import written

ROW = 34
"""Pixels of a row of a table."""


def stat(canvas: Canvas, box: Box, panel: Panel) -> None:
    """One figure as large as it fits, in the colour of its threshold; or the name of its series."""
    for named in panel.answers[:1]:
        value = named.series.last
        words = written(value, panel.unit, panel.decimals)
        if panel.options.get("textMode") == "name":
            words = named.name
        canvas.say(
            box.x + box.width / 2, box.y + box.height / 2 - 4, words, HUGE, fill=panel.coloured(value), at="center"
        )


def bargauge(canvas: Canvas, box: Box, panel: Panel) -> None:
    """A bar for each figure, with its name to the left and the figure to the right."""
    inner = box.inside(16, 6, 16, 14)
    left = max(canvas.extent(named.name, NORMAL) for named in panel.answers) + 16
    right = max(canvas.extent(_figure(panel, place), LARGE) for place in range(len(panel.answers))) + 14
    least = panel.defaults.get("min", 0)
    most = panel.defaults.get("max") or max(named.series.last for named in panel.answers) or 1
    height = inner.height / len(panel.answers)
    for place, named in enumerate(panel.answers):
        y, width = inner.y + place * height, inner.width - left - right
        shade = panel.override(named.name, "color")
        fill = panel.colours()[named.name] if shade else panel.coloured(named.series.last)
        track = Box(inner.x + left, y + height * 0.16, width, height * 0.68)
        canvas.frame(track, fill="#22252b", edge="#22252b")
        share = (named.series.last - least) / (most - least)
        share = max(0.012, min(1.0, share)) if math.isfinite(share) else 0.012
        canvas.bar(track._replace(width=width * share), fill)
        canvas.say(inner.x, y + height / 2, named.name, NORMAL)
        canvas.say(inner.x + inner.width, y + height / 2, _figure(panel, place), LARGE, fill=fill, at="right")


def table(canvas: Canvas, box: Box, panel: Panel) -> None:
    """Rows and columns as the panel's transformations have them."""
    head, rows = _laid_out(panel)
    inner = box.inside(16, 4, 16, 8)
    widths = [max(canvas.extent(row[column], NORMAL) for row in [head, *rows]) + 24 for column in range(len(head))]
    stretch = inner.width / sum(widths)
    shown = int((inner.height - ROW) // ROW)
    for place, row in enumerate([head, *rows[:shown]]):
        y, x = inner.y + place * ROW + ROW / 2, inner.x
        for width, words in zip(widths, row, strict=True):
            canvas.say(x, y, words, NORMAL, fill=TEXT if place else FAINT)
            x += width * stretch
        canvas.bar(Box(inner.x, y + ROW / 2 - 1, inner.width, 1), EDGE)


def _laid_out(panel: Panel) -> tuple[list[str], list[list[str]]]:
    """The heading and the rows."""
    transformations = {each["id"]: each["options"] for each in panel.json.get("transformations", ())}
    names: dict[str, str] = transformations.get("organize", {}).get("renameByName", {})
    if matrix := transformations.get("groupingToMatrix"):
        row, column = matrix["rowField"], matrix["columnField"]
        found = {
            (named.series.labels[row], named.series.labels[column]): written(named.series.last, panel.unit)
            for named in panel.answers
        }
        lines, columns = (sorted({key[place] for key in found}) for place in (0, 1))
        corner = names.get(f"{row}\\{column}", row)
        return [corner, *columns], [[line, *(found.get((line, each), "–") for each in columns)] for line in lines]
    labels = transformations.get("filterFieldsByName", {}).get("include", {}).get("names", list(names))
    cells = [
        [
            written(named.series.last, panel.override("Value", "unit") or panel.unit)
            if label == "Value"
            else str(named.series.labels.get(label, ""))
            for label in labels
        ]
        for named in panel.answers
    ]
    return [names.get(label, label) for label in labels], cells


def _figure(panel: Panel, place: int) -> str:
    return written(panel.answers[place].series.last, panel.unit, panel.decimals)
