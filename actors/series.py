"""The series that are there before anything happens, at 0.

The law: a counter begins with its robot and not with its first failure, which `increase()` would not see; and only
with words that its labels can take here. Nothing is counted or declared here.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import get_args

from prometheus_client import Counter, Histogram

from actors import metrics
from actors.core import texts
from actors.core.turn_words import End
from actors.errors import PASSING, AgentReason, ConnectionReason

RESTARTED = (*get_args(ConnectionReason), "rolled", "crashed")
"""Why a connection is started again."""

_FINAL = frozenset({"refused", "rejected", "first_token_timeout", "idle_timeout", "timeout"})
REPEATED = tuple(reason for reason in get_args(AgentReason) if reason not in _FINAL)
"""Why an agent is asked again: not where that cannot help, and not when somebody has waited long enough."""

_Series = Iterator[tuple[Counter | Histogram, dict[str, Iterable[str]]]]
"""A metric, and the values that each of its labels begins with."""


def begin_robot(robot: str, agent: str, card_apis: Iterable[str]) -> None:
    """A robot is served. `agent` is its agent's label, `card_apis` are the names of the calls its cards take."""
    _begin(_of_robot([robot], [agent]))
    if names := tuple(card_apis):
        _begin(_of_cards([robot], names))


def begin_process(actors: Iterable[type]) -> None:
    """This process serves; `actors` are the classes of its actors."""
    for scope, reasons in (("stream", RESTARTED), ("openapi", PASSING), ("agent", REPEATED)):
        _begin(iter([(metrics.RETRIES, {"scope": [scope], "reason": reasons})]))
    _begin(iter([(metrics.ACTOR_FAILURES, {"actor": [actor.__name__ for actor in actors]})]))


def _of_robot(robot: list[str], agent: list[str]) -> _Series:
    yield metrics.STREAM_RESTARTS, {"robot": robot, "reason": RESTARTED}
    yield metrics.ACK_SECONDS, {"robot": robot}
    yield metrics.CLICK_ACK_SECONDS, {"robot": robot}
    yield metrics.MESSAGES, {"robot": robot, "type": ["text"], "outcome": get_args(metrics.Reception)}
    yield metrics.TURNS, {"robot": robot, "outcome": End}
    yield metrics.FIRST_TOKEN_SECONDS, {"robot": robot, "agent": agent}
    yield metrics.ANSWER_SECONDS, {"robot": robot, "agent": agent}
    yield metrics.CLICKS, {"robot": robot, "outcome": get_args(metrics.Press)}
    yield metrics.AGENT_ERRORS, {"robot": robot, "agent": agent, "reason": get_args(AgentReason)}
    yield metrics.AGENT_TOKENS, {"robot": robot, "agent": agent, "kind": get_args(metrics.Cost)}
    yield metrics.FEEDBACK, {"robot": robot, "rating": texts.RATINGS}


def _of_cards(robot: list[str], apis: tuple[str, ...]) -> _Series:
    yield metrics.FIRST_CARD_SECONDS, {"robot": robot}
    yield (
        metrics.CARD_UPDATES,
        {
            "robot": robot,
            "stage": get_args(metrics.Stage),
            "outcome": get_args(metrics.Called),
        },
    )
    yield metrics.CARD_UPDATES, {"robot": robot, "stage": ["streaming"], "outcome": ["skipped"]}
    yield metrics.CARD_UPDATES_SKIPPED, {"robot": robot, "reason": get_args(metrics.Skip)}
    yield metrics.CARD_UPDATES_PER_ANSWER, {"robot": robot}
    yield metrics.CARD_LAG_SECONDS, {"robot": robot}
    yield metrics.OPENAPI_THROTTLED, {"robot": robot, "api": apis}


def _begin(series: _Series) -> None:
    for metric, values in series:
        for labels in product(*values.values()):
            metric.labels(**dict(zip(values, labels, strict=True)))
