"""Queries of dashboards and rules against what the service declares: what is wrong with one is said."""

import pytest

from grafana.source.checks import examine, known, problems

SERIES = known({"dingtalk:turns:rate5m": "sum by (robot) (rate(dingtalk_turns_total[5m]))"})

TURNS = "rate(dingtalk_turns_total[5m])"


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        (f"sum by (robot, outcome) ({TURNS})", {"robot", "outcome"}),
        (f"sum without (instance, pod, job, namespace) ({TURNS})", {"robot", "outcome"}),
        (f"sum({TURNS})", set()),
        (f"topk(3, sum by (robot) ({TURNS}))", {"robot"}),
        ("time() - 8 * 3600", set()),
        ("2 * dingtalk:turns:rate5m", {"robot"}),
        ("histogram_quantile(0.9, sum by (le, api) (rate(dingtalk_openapi_request_seconds_bucket[5m])))", {"api"}),
        (f"sum by (robot) ({TURNS}) / sum by (robot) ({TURNS})", {"robot"}),
        (f"sum by (robot, outcome) ({TURNS}) / on (robot) group_left sum by (robot) ({TURNS})", {"robot", "outcome"}),
        (f"sum by (robot) ({TURNS}) / ignoring (outcome) sum by (robot, outcome) ({TURNS})", {"robot"}),
        (f"sum by (robot) ({TURNS}) unless on (robot) dingtalk_inbox_pending > 0", {"robot"}),
        (f"sum by (robot) ({TURNS}) or sum by (outcome) ({TURNS})", {"robot", "outcome"}),
        ("max by (robot) (max_over_time(dingtalk_inbox_pending[1h:5m]))", {"robot"}),
        ("sum by (version) (dingtalk_build_info)", {"version"}),
        ('rate(dingtalk_ack_seconds_bucket{le="3.0", job=~"$job"}[$__rate_interval])',
         {"robot", "le", "instance", "job", "namespace", "pod"}),
        ('sum by (outcome) (increase(dingtalk_turns_total{outcome!~"failed|expired", robot=~"$robot"}[$__range]))',
         {"outcome"}),
    ],
)  # fmt: skip
def test_a_query_that_can_give_data_passes_and_its_labels_are_known(query: str, labels: set[str]) -> None:
    found, wrong = examine(query, SERIES)
    assert (found, wrong) == (frozenset(labels), [])


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("sum(rate(dingtalk_turns_total[5m])", "cannot be read"),
        ("sum by (agent) (rate(dingtalk_turns_total[5m]))", "it is grouped by a label agent, which is not there"),
        ("sum by (robot) (sum(rate(dingtalk_turns_total[5m])))", "it is grouped by a label robot, which is not there"),
        (
            f"sum by (robot) ({TURNS}) / sum({TURNS})",
            "the sides of / never match: robot on the left, no labels on the right",
        ),
        (
            f"sum by (robot) ({TURNS}) unless sum by (outcome) ({TURNS})",
            "the sides of unless never match: robot on the left, outcome on the right",
        ),
        (
            f"sum by (robot) ({TURNS}) / on (outcome) sum by (robot) ({TURNS})",
            "it is matched by a label outcome, which is not there",
        ),
        (
            f"sum by (robot) ({TURNS}) * on (robot) group_left (version) sum by (robot) ({TURNS})",
            "it takes over a label version, which is not there",
        ),
        ('dingtalk_ack_seconds_bucket{le="3"}', "label le of dingtalk_ack_seconds_bucket is never 3; it is one of"),
        ('dingtalk_ack_seconds_bucket{le="4.0"}', "label le of dingtalk_ack_seconds_bucket is never 4.0"),
        ('dingtalk_turns_total{outcome=~"failed|expird"}', "label outcome of dingtalk_turns_total is never expird"),
        ('dingtalk_turns_total{outcome!="fail"}', "label outcome of dingtalk_turns_total is never fail"),
        ('dingtalk_retry_policy{scope="connection"}', "label scope of dingtalk_retry_policy is never connection"),
        ('dingtalk:turns:rate5m{job="x"}', "dingtalk:turns:rate5m has no label job; it has robot"),
        ("dingtalk_ack_seconds", "there is no metric dingtalk_ack_seconds"),
    ],
)
def test_what_is_wrong_with_a_query_is_said(query: str, problem: str) -> None:
    (found,) = problems(query, SERIES)
    assert problem in found


def test_of_a_query_that_is_wrong_no_labels_are_known() -> None:
    assert examine("sum by (robot) (dingtalk_nothing)", SERIES)[0] is None
