"""The metrics against the contract's table, which dashboards and alerts are written against."""

import re

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from actors import metrics

CONTRACT = {
    "stream_connected": ("gauge", ("robot", "connection")),
    "stream_restarts_total": ("counter", ("robot", "reason")),
    "stream_backoff_seconds": ("gauge", ("robot", "connection")),
    "robot_parked": ("gauge", ("robot", "reason")),
    "robot_outdated": ("gauge", ("robot", "reason")),
    "stream_frames_total": ("counter", ("robot", "type")),
    "ack_seconds": ("histogram", ("robot",)),
    "click_ack_seconds": ("histogram", ("robot",)),
    "messages_total": ("counter", ("robot", "type", "outcome")),
    "attachments_total": ("counter", ("robot", "kind", "outcome")),
    "turns_total": ("counter", ("robot", "outcome")),
    "turns_in_progress": ("gauge", ("robot",)),
    "conversations": ("gauge", ("robot",)),
    "inbox_pending": ("gauge", ("robot",)),
    "first_card_seconds": ("histogram", ("robot",)),
    "first_token_seconds": ("histogram", ("robot", "agent")),
    "answer_seconds": ("histogram", ("robot", "agent")),
    "card_updates_total": ("counter", ("robot", "stage", "outcome")),
    "card_updates_skipped_total": ("counter", ("robot", "reason")),
    "card_updates_per_answer": ("histogram", ("robot",)),
    "card_lag_seconds": ("histogram", ("robot",)),
    "card_fallback": ("gauge", ("robot",)),
    "clicks_total": ("counter", ("robot", "outcome")),
    "openapi_request_seconds": ("histogram", ("api", "status")),
    "openapi_throttled_total": ("counter", ("robot", "api")),
    "openapi_rate": ("gauge", ("robot",)),
    "openapi_quota_used": ("gauge", ("robot",)),
    "openapi_quota_limit": ("gauge", ("robot",)),
    "retries_total": ("counter", ("scope", "reason")),
    "retry_policy": ("gauge", ("scope", "setting")),
    "agent_errors_total": ("counter", ("robot", "agent", "reason")),
    "agent_tokens_total": ("counter", ("robot", "agent", "kind")),
    "feedback_total": ("counter", ("robot", "rating")),
    "actor_failures_total": ("counter", ("actor",)),
    "event_loop_lag_seconds": ("histogram", ()),
    "event_loop_stuck_total": ("counter", ()),
    "replicas": ("gauge", ()),
    "build_info": ("gauge", ("version",)),
}

WORST_ALLOWED = {
    "ack_seconds": (0.1, 3),
    "click_ack_seconds": (0.1, 2),
    "first_card_seconds": (0.1, 0.25, 30),
    "answer_seconds": (1, 600),
    "card_lag_seconds": (1.5, 7),
    "openapi_request_seconds": (0.02, 10),
    "event_loop_lag_seconds": (0.001, 5),
}
"""Service levels and the ends of the range that each histogram has to tell apart."""


def touched(name: str) -> str:
    """The exposition after the metric was used once, with every label."""
    constant = name.removesuffix("_total").upper()
    metric = getattr(metrics, constant, None) or getattr(metrics, constant.removesuffix("_SECONDS"))
    labels = CONTRACT[name][1]
    metric = metric.labels(**dict.fromkeys(labels, "touched")) if labels else metric
    (metric.observe if CONTRACT[name][0] == "histogram" else metric.inc)(1)
    return generate_latest(REGISTRY).decode()


def test_the_contracts_metrics_are_all_there_in_its_order() -> None:
    assert [metric.name for metric in metrics.DECLARED] == [f"dingtalk_{name}" for name in CONTRACT]


@pytest.mark.parametrize("name", CONTRACT)
def test_a_metric_is_exposed_under_the_contracts_name_kind_and_labels(name: str) -> None:
    kind, labels = CONTRACT[name]
    exposed = touched(name)
    assert f"# TYPE dingtalk_{name} {kind}\n" in exposed
    sample = {"histogram": f"dingtalk_{name}_count"}.get(kind, f"dingtalk_{name}")
    inner = "{" + ",".join(f'{label}="touched"' for label in sorted(labels)) + "}" if labels else ""
    assert f"\n{sample}{inner} " in exposed


@pytest.mark.parametrize("metric", metrics.DECLARED, ids=lambda metric: metric.name)
def test_a_declaration_tells_the_truth(metric: metrics.Declaration) -> None:
    name = metric.name.removeprefix("dingtalk_")
    assert (metric.kind, metric.labels) == CONTRACT[name]
    assert f"# HELP {metric.name} {metric.help}\n" in touched(name)


def test_every_help_is_a_text_of_its_own() -> None:
    texts = [metric.help for metric in metrics.DECLARED]
    assert len(set(texts)) == len(texts)
    assert all(len(text) > 15 and not text.endswith(".") for text in texts)


def test_durations_name_their_unit() -> None:
    named = {metric.name: metric.help for metric in metrics.DECLARED if "_seconds" in metric.name}
    assert {name for name, text in named.items() if "second" not in text.lower()} == set()


@pytest.mark.parametrize(("name", "bounds"), WORST_ALLOWED.items())
def test_buckets_have_an_edge_at_each_service_level(name: str, bounds: tuple[float, ...]) -> None:
    edges = {float(edge) for edge in re.findall(rf'dingtalk_{name}_bucket{{.*?le="([\d.]+)"', touched(name))}
    assert set(bounds) <= edges


def test_no_series_tells_when_a_counter_was_made() -> None:
    assert "_created" not in touched("turns_total")


def test_openmetrics_takes_them_all() -> None:
    exposed = generate_openmetrics(REGISTRY).decode()  # type: ignore[no-untyped-call]
    assert exposed.endswith("# EOF\n")
    assert "# TYPE dingtalk_turns counter\n" in exposed
