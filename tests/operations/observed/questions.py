"""Everything that dashboards and rules ask Prometheus, read from the built files, and what is wrong with the answers.

The law: a question is put as Grafana or Prometheus would put it, with the variables filled in, and has to bring a value
other than zero, or of an alert any, at some moment of a run in which its subject happened. What looks two minutes back
looks twenty seconds back here, and what waits for the second day of a month does not, since a run is so much shorter.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.operations.observed.programs import ROOT
from tests.operations.observed.prometheus import Prometheus, QueryFailed, Series

DASHBOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
RULES = [ROOT / "grafana" / "rules" / f"{name}.yaml" for name in ("recording", "alerts")]

RATE_INTERVAL = "10s"

_FILLED_IN = (
    ("$__rate_interval", RATE_INTERVAL),
    ("$__interval", "1s"),
    ("$__range", "5m"),
    ("offset 2m", "offset 20s"),
    ("dingtalk:month_elapsed:days >= 1", "dingtalk:month_elapsed:days >= 0"),
)
_VALUES_OF_LABEL = re.compile(r"label_values\((?P<selector>.+), *(?P<label>\w+)\)")


@dataclass(frozen=True, slots=True)
class Question:
    """One expression and its place: file, panel or rule, and which query of it. `instant` asks for the value as it is
    now; `label` asks for that label's values instead. An alert's answer is what it fires for, and may be zero; a share
    of events is never more than one."""

    place: str
    expression: str
    instant: bool = False
    label: str = ""
    alert: bool = False
    share: bool = False


def of_dashboard(path: Path) -> Iterator[Question]:
    """Every query of every panel, annotation and variable."""
    board = json.loads(path.read_text("utf-8"))
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            asked = _VALUES_OF_LABEL.fullmatch(variable["query"])
            assert asked, variable["query"]
            place = f"{path.name}, variable {variable['name']}"
            yield Question(place, filled_in(asked["selector"]), label=asked["label"])
    for annotation in board["annotations"]["list"]:
        yield Question(f"{path.name}, annotation {annotation['name']!r}", filled_in(annotation["expr"]))
    for panel in panels(board):
        for target in panel["targets"]:
            place = f"{path.name}, panel {panel['title']!r}, query {target['refId']}"
            percent = panel["fieldConfig"]["defaults"].get("unit") == "percentunit"
            share = percent and re.search(r"(increase|rate)\(.+ / ", target["expr"]) is not None
            yield Question(place, filled_in(target["expr"]), instant=bool(target.get("instant")), share=share)


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard that ask something, those in rows included."""
    for panel in board["panels"]:
        yield from panels(panel) if panel.get("panels") else ()
        if panel.get("targets"):
            yield panel


def of_rules(path: Path) -> Iterator[Question]:
    """The expression of every rule."""
    for rule in rules(path):
        name = rule.get("alert", rule.get("record"))
        yield Question(f"{path.name}, {name}", filled_in(rule["expr"]), alert="alert" in rule)


def rules(path: Path) -> list[dict[str, Any]]:
    """Every rule of a file."""
    return [rule for group in yaml.safe_load(path.read_text("utf-8"))["groups"] for rule in group["rules"]]


def filled_in(expression: str) -> str:
    """An expression as it reaches Prometheus, everything being chosen."""
    for variable, value in _FILLED_IN:
        expression = expression.replace(variable, value)
    return re.sub(r"\$\{?\w+\}?", ".*", expression)


def faults(questions: Sequence[Question], prometheus: Prometheus, since: float, until: float) -> list[str]:
    """What is wrong with the answers, each with the place and the expression."""
    return [
        f"{question.place}: {fault}: {question.expression}"
        for question in questions
        if (fault := _fault(question, prometheus, since, until))
    ]


def _fault(question: Question, prometheus: Prometheus, since: float, until: float) -> str:
    try:
        if question.label:
            return "" if prometheus.label_values(question.label, question.expression) else "has no values"
        if question.instant:
            prometheus.query(question.expression, until)
        return _emptiness(question, prometheus.range(question.expression, since, until))
    except QueryFailed as refusal:
        return f"is refused ({refusal})"


def _emptiness(question: Question, answer: Sequence[Series]) -> str:
    values = [value for series in answer for _, value in series.samples if not math.isnan(value)]
    if not values:
        return "never has data"
    if question.share and max(values) > 1 + 1e-9:
        return f"is a share, and comes to {max(values):g}"
    return "" if question.alert or any(values) else "is always zero"
