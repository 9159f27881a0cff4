"""A whole dashboard as one picture: its heading, its rows, and its panels where the grid has them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.operations.observed.preview import figures, graphs
from tests.operations.observed.preview.answers import Json, Named, Panel, named
from tests.operations.observed.preview.canvas import BACKGROUND, EDGE, FAINT, LARGE, NORMAL, Box, Canvas
from tests.operations.observed.prometheus import Prometheus
from tests.operations.observed.questions import filled_in

NOTE = "preview drawn from query results of a real Prometheus; not Grafana"

WIDTH, COLUMNS, UNIT, GAP, MARGIN, HEAD = 1920, 24, 41, 8, 16, 72
"""Pixels of the picture, columns of the grid, and pixels of one of its rows, between panels, at the edges and of the
heading."""

MOST = 59
"""How many rows of the grid are shown: the main panels are the upper ones."""

KINDS: dict[str, Callable[[Canvas, Box, Panel], None]] = {
    "stat": figures.stat,
    "bargauge": figures.bargauge,
    "table": figures.table,
    "timeseries": graphs.timeseries,
    "heatmap": graphs.heatmap,
    "state-timeline": graphs.states,
}


def draw(board: Json, prometheus: Prometheus, since: float, until: float, path: Path) -> None:
    """Ask what the dashboard asks, and draw the answers."""
    shown = _shown(board["panels"])
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in shown)
    canvas = Canvas(WIDTH, HEAD + rows * UNIT + MARGIN)
    _heading(canvas, board, since, until)
    for json in shown:
        box = _place(json["gridPos"])
        if json["type"] == "row":
            canvas.say(box.x + 4, box.y + box.height / 2 + 2, f"⌄  {json['title']}", NORMAL + 2)
            continue
        canvas.frame(box)
        canvas.say(box.x + 16, box.y + 21, json["title"], NORMAL)
        panel = Panel(json, _asked(json, prometheus, since, until), since, until)
        inner = box.inside(0, 36, 0, 0)
        if panel.answers:
            KINDS[json["type"]](canvas, inner, panel)
        else:
            words = panel.defaults.get("noValue", "no data")
            canvas.say(inner.x + inner.width / 2, inner.y + inner.height / 2, words, NORMAL, fill=FAINT, at="center")
    canvas.save(path)


def _shown(panels: list[Json]) -> list[Json]:
    """The upper rows with all their panels, as far as they fit."""
    ends = [panel["gridPos"]["y"] for panel in panels if panel["type"] == "row"][1:]
    limit = max(end for end in ends if end <= MOST)
    return [panel for panel in panels if panel["gridPos"]["y"] < limit]


def _asked(json: Json, prometheus: Prometheus, since: float, until: float) -> list[Named]:
    found: list[Named] = []
    for target in json["targets"]:
        expression = filled_in(target["expr"])
        answer = (
            prometheus.query(expression, until) if target.get("instant") else prometheus.range(expression, since, until)
        )
        found += [named(target.get("legendFormat", ""), series) for series in answer]
    return found


def _place(grid: Json) -> Box:
    column = (WIDTH - 2 * MARGIN + GAP) / COLUMNS
    return Box(MARGIN + grid["x"] * column, HEAD + grid["y"] * UNIT, grid["w"] * column - GAP, grid["h"] * UNIT - GAP)


def _heading(canvas: Canvas, board: Json, since: float, until: float) -> None:
    title = board["title"]
    canvas.say(MARGIN + 4, HEAD / 2, title, LARGE)
    begin, end = (datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S") for at in (since, until))
    right = WIDTH - MARGIN - 4
    canvas.say(right, HEAD / 2, NOTE, NORMAL, fill=FAINT, at="right")
    x = MARGIN + 4 + canvas.extent(title, LARGE) + 40
    chosen = [f"{each['label']}  All" for each in board["templating"]["list"] if each["type"] == "query"]
    for words in (*chosen, f"{begin} to {end} UTC"):
        width = canvas.extent(words, NORMAL) + 28
        canvas.frame(Box(x, HEAD / 2 - 17, width, 34), fill=BACKGROUND, edge=EDGE)
        canvas.say(x + 14, HEAD / 2, words, NORMAL)
        x += width + 10
