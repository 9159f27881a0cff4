"""What is wrong with a built dashboard, each fault with dashboard, panel and query.

The law: nothing that an operator sees may be a dead end. Every query can give data, every panel says what it shows and
what to do, nothing lies on anything else, and every metric of the service is to be seen somewhere. It looks at the
built file, so that it holds whatever that was made with.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any, TypeAlias

from actors.metrics import DECLARED
from actors.settings import KNOWN
from grafana.source import checks
from grafana.source.queries import ALIKE
from grafana.source.rules import RECORDED

Json: TypeAlias = dict[str, Any]

SOURCE = "${datasource}"
COLUMNS = 24
NARROW = 4
"""Columns of a panel so narrow that its title has to be short."""
SHORT = 18
"""Characters of a title that a narrow panel shows on a screen 1280 pixels wide."""

SERIES = checks.known(RECORDED)

_VARIABLES = {"job": "job", "robot": "robot", "replica": "instance"}
"""By which label a dashboard's variables choose."""

_VARIABLE = re.compile(r"label_values\((.+), *(\w+)\)")
_SETTING = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")


def inspected(board: Json) -> Iterator[str]:
    """The faults of one dashboard."""
    where = f"dashboard {board['title']!r}"
    panels: list[Json] = board["panels"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield from _at(f"{where}, variable {variable['name']!r}", _variable(variable))
    for annotation in board["annotations"]["list"]:
        place = f"{where}, annotation {annotation['name']!r}"
        labels, wrong = checks.examine(annotation["expr"], SERIES)
        yield from _at(place, wrong)
        yield from _at(place, _source(annotation))
        yield from _at(place, _named(annotation.get("titleFormat", "") + annotation.get("textFormat", ""), labels))
    for panel in panels:
        if panel["type"] != "row":
            yield from _at(f"{where}, panel {panel.get('title')!r}", _panel(panel))
    yield from _at(where, _grid(panels))


def unseen(boards: Iterable[Json]) -> Iterator[str]:
    """The metrics that no panel of any dashboard shows."""
    queries = [target["expr"] for board in boards for panel in board["panels"] for target in panel.get("targets", ())]
    shown = frozenset().union(*(checks.metrics(query) for query in queries))
    for metric in DECLARED:
        if not shown & checks.series(metric).keys():
            yield f"metric {metric.name} is on no dashboard"


def _panel(panel: Json) -> Iterator[str]:
    description = panel.get("description", "")
    if "\n\n**If it looks bad:** " not in description:
        yield "has no description that says what it shows and what to do"
    for setting in sorted(set(_SETTING.findall(description)) - set(KNOWN)):
        yield f"its description names {setting}, which is no setting"
    if not panel.get("id"):
        yield "has no id"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield "has no unit"
    if panel["gridPos"]["w"] <= NARROW and len(panel["title"]) > SHORT:
        yield f"its title has more than the {SHORT} characters that fit"
    yield from _source(panel)
    if not panel.get("targets"):
        yield "has no query"
    for target in panel.get("targets", ()):
        yield from _at(f"query {target['refId']}", _query(target))


def _query(target: Json) -> Iterator[str]:
    labels, wrong = checks.examine(target["expr"], SERIES)
    yield from wrong
    if labels is not None:
        yield from _followed(target["expr"])
    yield from _source(target)
    yield from _named(target.get("legendFormat", ""), labels)


def _followed(query: str) -> Iterator[str]:
    """Variables that a query does not follow, though its series have their labels."""
    for name, labels in checks.matched(query):
        for variable, label in _VARIABLES.items():
            if label in SERIES[name] - labels and not (variable == "replica" and name in ALIKE):
                yield f"{name} does not follow the variable {variable}"


def _variable(variable: Json) -> Iterator[str]:
    asked = _VARIABLE.fullmatch(variable["query"])
    if not asked:
        yield f"is not of the form label_values(metric, label): {variable['query']}"
        return
    labels, wrong = checks.examine(asked[1], SERIES)
    yield from wrong
    yield from _source(variable)
    yield from _named(f"{{{{{asked[2]}}}}}", labels)


def _source(owner: Json) -> Iterator[str]:
    if owner.get("datasource", {}).get("uid") != SOURCE:
        yield f"its data source is not the variable {SOURCE}"


def _named(template: str, labels: frozenset[str] | None) -> Iterator[str]:
    """Labels in `{{}}` that the query's result does not have; of a query that is wrong nothing is known."""
    for label in re.findall(r"{{ *(\w+) *}}", template):
        if labels is not None and label not in labels:
            yield f"names its series by the label {label}, which the result does not have"


def _grid(panels: list[Json]) -> Iterator[str]:
    for key in ("id", "title"):
        values = [panel.get(key) for panel in panels]
        for value in sorted({value for value in values if values.count(value) > 1}, key=str):
            yield f"several panels have the {key} {value!r}"
    for panel in panels:
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > COLUMNS:
            yield f"panel {panel['title']!r} reaches beyond the {COLUMNS} columns"
    for one, other in combinations(panels, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"panels {one['title']!r} and {other['title']!r} overlap"


def _overlap(one: Json, other: Json) -> bool:
    return bool(
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def _at(place: str, wrong: Iterable[str]) -> Iterator[str]:
    for fault in wrong:
        yield f"{place}{':' if not fault.startswith('query ') else ','} {fault}"
