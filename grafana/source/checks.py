"""Whether a query can give data at all: its syntax, its metrics and its labels, against what the service declares.

The law: whatever an operator is shown or woken by is made of metrics that exist, with labels and label values that they
have, and joined by labels that both sides have. What a query means is not judged here.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType

import promql_parser
from promql_parser import AggModifierType, LabelModifierType, MatchOp, ValueType, VectorMatchCardinality

from actors.core.spelling import near_miss
from actors.metrics import DECLARED, Declaration
from grafana.source.values import fixed_values

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
"""Labels that the scrape adds; what a recording rule made has none of them."""

_GRAFANA = (
    ("$__rate_interval", "1m"),
    ("$__interval", "1m"),
    ("$__range", "1h"),
)
_PARTS = {"histogram": ("_bucket", "_count", "_sum")}
_SET_OPERATORS = frozenset({"and", "or", "unless"})
_PICKING = frozenset({"topk", "bottomk"})
_WORDS = re.compile(r"\w+(?:\|\w+)*")


def known(recorded: Mapping[str, str] = MappingProxyType({})) -> dict[str, frozenset[str]]:
    """Every series that a query may name, with its labels; `recorded` are queries of recording rules by their names,
    each after those that it uses. What a rule that is wrong has for labels is not known, and none are assumed."""
    every = {name: labels | TARGET for name, labels in OTHERS.items()}
    for metric in DECLARED:
        every |= series(metric)
    for name, query in recorded.items():
        every[name] = examine(query, every)[0] or frozenset()
    return every


def series(metric: Declaration) -> dict[str, frozenset[str]]:
    """The series of one metric as Prometheus has them, with their labels."""
    labels = frozenset(metric.labels) | TARGET
    return {
        metric.name + part: labels | {"le"} if part == "_bucket" else labels for part in _PARTS.get(metric.kind, ("",))
    }


def without_variables(query: str) -> str:
    """A dashboard's query as Prometheus reads it, with stand-ins for Grafana's own variables."""
    for variable, value in _GRAFANA:
        query = query.replace(variable, value)
    return re.sub(r"\$\{?\w+\}?", ".*", query)


def problems(query: str, series: dict[str, frozenset[str]]) -> Iterator[str]:
    """What is wrong with a query, each with what to do."""
    yield from examine(query, series)[1]


def examine(query: str, series: dict[str, frozenset[str]]) -> tuple[frozenset[str] | None, list[str]]:
    """The labels of a query's result, and what is wrong with it; of one that is wrong no labels are known."""
    try:
        parsed = promql_parser.parse(without_variables(query))
    except ValueError as error:
        return None, [f"cannot be read ({error}): {query}"]
    wrong = [fault for selector in _selectors(parsed) for fault in _selected(selector, series)]
    if wrong:
        return None, wrong
    labels = _labels(parsed, series, wrong) or frozenset()
    return (None, [f"{fault}: {query}" for fault in wrong]) if wrong else (labels, [])


def metrics(query: str) -> frozenset[str]:
    """The series that a query names; of one that cannot be read, none."""
    return frozenset(name for name, _ in matched(query))


def matched(query: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Every series that a query names, with the labels by which it is picked; of one that cannot be read, none."""
    with suppress(ValueError):
        for selector in _selectors(promql_parser.parse(without_variables(query))):
            yield selector.name or "", frozenset(matcher.name for matcher in selector.matchers.matchers)


def _selected(selector: promql_parser.VectorSelector, series: dict[str, frozenset[str]]) -> Iterator[str]:
    """What is wrong with one place where a metric is named."""
    name = selector.name or ""
    if name not in series:
        near = near_miss(name, tuple(series))
        yield f"there is no metric {name}" + (f", did you mean {near}?" if near else "")
        return
    for matcher in selector.matchers.matchers:
        if matcher.name not in series[name]:
            yield f"{name} has no label {matcher.name}; it has {_listed(series[name])}"
            continue
        values = fixed_values().get((name, matcher.name))
        exact = matcher.op in (MatchOp.Equal, MatchOp.NotEqual)
        if values and (exact or _WORDS.fullmatch(matcher.value)):
            for value in [matcher.value] if exact else matcher.value.split("|"):
                if value not in values:
                    yield f"label {matcher.name} of {name} is never {value}; it is one of {_listed(values)}"


def _labels(
    expression: promql_parser.Expr, series: dict[str, frozenset[str]], wrong: list[str]
) -> frozenset[str] | None:
    """The labels of what an expression gives, None of a plain number; labels that are not there go to `wrong`."""
    match expression:
        case promql_parser.VectorSelector():
            return series[expression.name or ""]
        case promql_parser.MatrixSelector():
            return series[expression.vector_selector.name or ""]
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr() | promql_parser.SubqueryExpr():
            return _labels(expression.expr, series, wrong)
        case promql_parser.Call():
            inner = [_labels(argument, series, wrong) for argument in expression.args]
            if expression.func.return_type == ValueType.Scalar:
                return None
            labels = frozenset[str]().union(*(given for given in inner if given))
            return labels - {"le"} if expression.func.name == "histogram_quantile" else labels
        case promql_parser.AggregateExpr():
            return _aggregated(expression, _labels(expression.expr, series, wrong) or frozenset(), wrong)
        case promql_parser.BinaryExpr():
            return _joined(
                expression, _labels(expression.lhs, series, wrong), _labels(expression.rhs, series, wrong), wrong
            )
    return None


def _aggregated(aggregate: promql_parser.AggregateExpr, inner: frozenset[str], wrong: list[str]) -> frozenset[str]:
    if str(aggregate.op) in _PICKING:
        return inner
    if aggregate.modifier is None:
        return frozenset()
    named = frozenset(aggregate.modifier.labels)
    wrong.extend(f"it is grouped by a label {label}, which is not there" for label in sorted(named - inner))
    return named if aggregate.modifier.type == AggModifierType.By else inner - named


def _joined(
    join: promql_parser.BinaryExpr, left: frozenset[str] | None, right: frozenset[str] | None, wrong: list[str]
) -> frozenset[str] | None:
    if left is None or right is None:
        return left if right is None else right
    modifier, operator = join.modifier, str(join.op)
    if operator == "or":
        return left | right
    matching = modifier.matching if modifier else None
    if matching is None:
        if left != right:
            sides = f"{_listed(left) or 'no labels'} on the left, {_listed(right) or 'no labels'} on the right"
            wrong.append(f"the sides of {operator} never match: {sides}")
        return left
    named = frozenset(matching.labels)
    included = matching.type == LabelModifierType.Include
    there = left & right if included else left | right
    wrong.extend(f"it is matched by a label {label}, which is not there" for label in sorted(named - there))
    if operator in _SET_OPERATORS:
        return left
    many, one = (right, left) if modifier and modifier.card == VectorMatchCardinality.OneToMany else (left, right)
    if modifier and modifier.group_labels is not None:
        taken = frozenset(modifier.group_labels)
        wrong.extend(f"it takes over a label {label}, which is not there" for label in sorted(taken - one))
        return many | taken
    return named if included else many - named


def _selectors(expression: promql_parser.Expr) -> Iterator[promql_parser.VectorSelector]:
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


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))
