"""Whether a query can give data at all: its syntax, its metrics and its labels, against what the service declares.

The law: whatever an operator is shown or woken by is made of metrics that exist, with labels that they have. Each fault
names its place. What a query means is not judged here.
"""

import re
from collections.abc import Iterable, Iterator

import promql_parser

from actors.core.spelling import near_miss
from actors.metrics import DECLARED

OTHERS: dict[str, frozenset[str]] = {
    "up": frozenset(),
    "process_cpu_seconds_total": frozenset(),
    "process_max_fds": frozenset(),
    "process_open_fds": frozenset(),
    "process_resident_memory_bytes": frozenset(),
    "process_start_time_seconds": frozenset(),
}
"""Metrics that the service has and does not declare, and Prometheus' own; with their labels."""

TARGET = frozenset({"instance", "job", "namespace", "pod"})
"""Labels that the scrape adds."""

_GRAFANA = (
    ("$__rate_interval", "1m"),
    ("$__interval", "1m"),
    ("$__range", "1h"),
)
_PARTS = {"histogram": ("_bucket", "_count", "_sum")}


def known(recorded: Iterable[str] = ()) -> dict[str, frozenset[str]]:
    """Every series that a query may name, with its labels; `recorded` are names of recording rules, by robot."""
    series = dict(OTHERS)
    for metric in DECLARED:
        labels = frozenset(metric.labels)
        for part in _PARTS.get(metric.kind, ("",)):
            series[metric.name + part] = labels | {"le"} if part == "_bucket" else labels
    return series | dict.fromkeys(recorded, frozenset({"robot"}))


def without_variables(query: str) -> str:
    """A dashboard's query as Prometheus reads it, with stand-ins for Grafana's own variables."""
    for variable, value in _GRAFANA:
        query = query.replace(variable, value)
    return re.sub(r"\$\{?\w+\}?", ".*", query)


def problems(query: str, series: dict[str, frozenset[str]]) -> Iterator[str]:
    """What is wrong with a query, each with what to do."""
    try:
        parsed = promql_parser.parse(without_variables(query))
    except ValueError as error:
        yield f"cannot be read ({error}): {query}"
        return
    labels: set[str] = set(TARGET)
    for selector in _selectors(parsed):
        if selector.name not in series:
            near = near_miss(selector.name or "", tuple(series))
            yield f"there is no metric {selector.name}" + (f", did you mean {near}?" if near else "")
            continue
        own = series[selector.name] | TARGET
        labels |= own
        for matcher in selector.matchers.matchers:
            if matcher.name not in own:
                yield f"{selector.name} has no label {matcher.name}; it has {_listed(own)}"
    for label in re.findall(r"\w+", " ".join(re.findall(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)", query))):
        if label not in labels:
            yield f"no metric of this query has a label {label}: {query}"


def _selectors(expression: object) -> Iterator[promql_parser.VectorSelector]:
    """Every place in a query where a metric is named."""
    match expression:
        case promql_parser.VectorSelector():
            yield expression
        case promql_parser.MatrixSelector():
            yield expression.vector_selector
        case promql_parser.Call():
            for argument in expression.args:
                yield from _selectors(argument)
        case promql_parser.BinaryExpr():
            yield from _selectors(expression.lhs)
            yield from _selectors(expression.rhs)
        case promql_parser.AggregateExpr() | promql_parser.ParenExpr() | promql_parser.UnaryExpr():
            yield from _selectors(expression.expr)
        case promql_parser.SubqueryExpr():
            yield from _selectors(expression.expr)


def _listed(labels: frozenset[str]) -> str:
    return ", ".join(sorted(labels))
