"""What an operator sees is true: every query of dashboards and rules, put to a real Prometheus over real runs."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from actors.metrics import DECLARED
from tests.operations.observed import counted, questions
from tests.operations.observed.clean import clean
from tests.operations.observed.preview.board import draw
from tests.operations.observed.prometheus import Prometheus
from tests.operations.observed.questions import DASHBOARDS, RULES
from tests.operations.observed.runs import Play, Run, looked_at, shared
from tests.operations.observed.troubled import troubled

pytestmark = pytest.mark.timeout(400)

Look = tuple[Run, Prometheus]


def _look(factory: pytest.TempPathFactory, name: str, play: Play) -> Iterator[Look]:
    run = shared(factory.getbasetemp(), name, play)
    with looked_at(run, factory.mktemp(name)) as prometheus:
        yield run, prometheus


@pytest.fixture(scope="session")
def a_clean_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """A run in which every call was answered, and well."""
    yield from _look(tmp_path_factory, "clean", partial(clean, rules=RULES))


@pytest.fixture(scope="session")
def a_troubled_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """A run in which everything happened."""
    yield from _look(tmp_path_factory, "troubled", partial(troubled, rules=RULES))


def missing(look: Look, *asked: questions.Question) -> list[str]:
    """What is wrong with the answers in a run."""
    run, prometheus = look
    return questions.faults(asked, prometheus, run.since, run.until)


def all_questions() -> Iterator[questions.Question]:
    for path in DASHBOARDS:
        yield from questions.of_dashboard(path)
    for path in RULES:
        yield from questions.of_rules(path)


def otherwise(look: Look, mark: str, asked: dict[str, str] | None = None) -> list[str]:
    """The figures that Prometheus has otherwise than the sandbox."""
    run, prometheus = look
    at, figures = run.marks[mark]
    assert figures
    return counted.differences(figures, prometheus, at, asked)


# A clean run


def test_prometheus_has_the_figures_that_the_sandbox_counted(a_clean_run: Look) -> None:
    assert otherwise(a_clean_run, "clean") == []


def test_dashboards_and_rules_show_the_figures_that_the_sandbox_counted(a_clean_run: Look) -> None:
    assert otherwise(a_clean_run, "shown", {asked.place: asked.expression for asked in all_questions()}) == []


def test_both_count_the_same_attempts_when_connections_are_reset_after_the_call(a_clean_run: Look) -> None:
    assert otherwise(a_clean_run, "resets") == []


# A run in which everything happens


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_has_something_to_show(a_troubled_run: Look, path: Path) -> None:
    assert missing(a_troubled_run, *questions.of_dashboard(path)) == []


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_rule_has_its_case(a_troubled_run: Look, path: Path) -> None:
    assert missing(a_troubled_run, *questions.of_rules(path)) == []


def test_prometheus_evaluates_every_rule_and_keeps_what_is_recorded(a_troubled_run: Look) -> None:
    run, prometheus = a_troubled_run
    names = {rule["record"] for path in RULES for rule in questions.rules(path) if "record" in rule}
    assert run.unwell == []
    assert names - set(prometheus.label_values("__name__", '{__name__=~"dingtalk:.+"}')) == set()


@pytest.mark.parametrize("metric", DECLARED, ids=lambda metric: metric.name)
def test_every_metric_moves(a_troubled_run: Look, metric: Any) -> None:
    series = metric.name + ("_count" if metric.kind == "histogram" else "")
    assert missing(a_troubled_run, questions.Question(metric.name, f"{series} > 0")) == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_preview_shows_a_dashboard_as_wide_as_a_screen(a_troubled_run: Look, tmp_path: Path, path: Path) -> None:
    run, prometheus = a_troubled_run
    picture = tmp_path / "preview.png"
    draw(json.loads(path.read_text("utf-8")), prometheus, run.since, run.until, picture)
    with Image.open(picture) as drawn:
        assert drawn.width == 1920
    assert picture.stat().st_size < 400_000


# Planted faults

Change = Callable[[str], str]


def planted(path: Path, folder: Path, place: str, change: Change) -> Iterator[questions.Question]:
    """The questions of a copy of a dashboard or a file of rules, with a change in the expression at that place."""
    copy, changed = folder / path.name, []
    of = questions.of_dashboard if path.suffix == ".json" else questions.of_rules
    known = json.loads(path.read_text("utf-8")) if path.suffix == ".json" else yaml.safe_load(path.read_text("utf-8"))
    for title, owner in _expressions(known):
        if title == place:
            owner["expr"], before = change(owner["expr"]), owner["expr"]
            changed.append(owner["expr"] != before)
    assert any(changed)
    copy.write_text(json.dumps(known), encoding="utf-8")
    yield from of(copy)


def _expressions(known: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in known.get("panels", ()):
        for target in panel.get("targets", ()):
            yield panel["title"], target
    for group in known.get("groups", ()):
        for rule in group["rules"]:
            yield rule.get("alert", rule.get("record")), rule


def swapped(expression: str) -> str:
    """A share upside down."""
    upper, _, lower = expression.partition(" / ")
    return f"{lower} / {upper}"


PLANTED: dict[str, tuple[str, str, Change]] = {
    "a metric that does not exist": (
        "conversations-and-cards",
        "Clicks",
        lambda text: text.replace("dingtalk_clicks_total", "dingtalk_click_total"),
    ),
    "a label that does not exist": (
        "connections-and-retries",
        "Quota used",
        lambda text: text.replace("robot=~", "bot=~").replace('"$robot"', '"ding.+"'),
    ),
    "a value that does not exist": (
        "service-levels",
        "Answered",
        lambda text: text.replace('outcome="answered"', 'outcome="answer"'),
    ),
    "a share upside down": ("service-levels", "First card ≤ 3 s", swapped),
    "an expression that cannot be read": ("service-levels", "Ack ≤ 3 s", lambda text: f"{text})"),
    "a rule on a metric that does not exist": (
        "alerts",
        "DingTalkThrottled",
        lambda text: text.replace("throttled_total", "throttles_total"),
    ),
    "a rule on a label that does not exist": (
        "recording",
        "dingtalk:stream_connected:max",
        lambda text: text.replace("dingtalk_stream_connected", 'dingtalk_stream_connected{bot="ding-shop"}'),
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen_where_it_is(a_troubled_run: Look, tmp_path: Path, fault: str) -> None:
    name, place, change = PLANTED[fault]
    (path,) = (path for path in [*DASHBOARDS, *RULES] if path.stem == name)
    (found,) = missing(a_troubled_run, *planted(path, tmp_path, place, change))
    assert found.startswith(f"{path.name}, ")
    assert place in found


NUMERATORS: dict[str, tuple[str, str, Change]] = {
    "of a panel": (
        "service-levels",
        "Answered",
        lambda text: text.replace('{outcome="answered"', '{outcome="failed"'),
    ),
    "of a rule": (
        "recording",
        "dingtalk:answered:error_ratio_rate5m",
        lambda text: text.replace('{outcome="answered"}', '{outcome="failed"}'),
    ),
}


@pytest.mark.parametrize("of", NUMERATORS)
def test_a_wrong_numerator_does_not_show_what_the_sandbox_counted(a_clean_run: Look, tmp_path: Path, of: str) -> None:
    name, place, change = NUMERATORS[of]
    (path,) = (path for path in [*DASHBOARDS, *RULES] if path.stem == name)
    asked = {asked.place: asked.expression for asked in all_questions()}
    asked |= {asked.place: asked.expression for asked in planted(path, tmp_path, place, change)}
    (found,) = otherwise(a_clean_run, "shown", asked)
    assert place in found
