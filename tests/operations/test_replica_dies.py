"""One replica of three dies: that is told once, nothing false is told of it, and the others are watched as before.

Prometheus says of the dead that it is not up, and ends its series; counters that it had stay in every window that
reaches back to its life.
"""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from grafana.source import alerts
from tests.operations.rules.burns import BURN_TESTS
from tests.operations.rules.running import GROUPS, NAMES, cases, needed, run_files

DIES_AT = 60
"""Minutes after which one of the three is dead."""

LAST = 150

FORGETFUL = {
    "DingTalkDown": ("absent(dingtalk_build_info)", "up == 0"),
    "DingTalkRobotGone": (
        "unless on (robot) dingtalk:stream_connected:max\n",
        "unless on (robot) count by (robot) (dingtalk_stream_connected) == 3\n",
    ),
    "DingTalkNoConnection": ("dingtalk:stream_connected:max == 0", "min by (robot) (dingtalk_stream_connected) == 0"),
    "DingTalkConnectionFlapping": ("and on (robot, job, instance) dingtalk_stream_connected", ""),
    "DingTalkReplicaGone": ("max_over_time(dingtalk_build_info[6h])", "dingtalk_build_info"),
    "DingTalkProcessRestarting": ("max_over_time(dingtalk_build_info[1h])", "dingtalk_build_info"),
    "DingTalkThrottled": ("max(max_over_time(dingtalk_replicas[10m]))", "max(dingtalk_replicas)"),
    "DingTalkQuotaRunsOut": (
        "min_over_time(dingtalk:openapi_quota_used:max[7d])",
        "min by (robot) (min_over_time(dingtalk_openapi_quota_used[7d]))",
    ),
}
"""Rules that would be false where one of several dies: what of an alert, and what stands in its place."""


def gauge(value: float, *, dead: bool) -> str:
    return f"{value:g}x{DIES_AT} stale" if dead else f"{value:g}x{LAST}"


def counter(pace: float, *, dead: bool) -> str:
    """Raised by so much every minute."""
    return f"0+{pace:g}x{DIES_AT} stale" if dead else f"0+{pace:g}x{LAST}"


def life(instance: str, *, dead: bool) -> dict[str, str]:
    """The series of one replica that is well, though all of it is near the limits: by name and labels, its values."""
    of = f'job="bot", instance="{instance}"'
    robot = f'{of}, robot="a"'
    found = {
        f"up{{{of}}}": f"1x{DIES_AT} 0x{LAST - DIES_AT}" if dead else f"1x{LAST}",
        f'dingtalk_build_info{{{of}, version="1"}}': gauge(1, dead=dead),
        f"process_start_time_seconds{{{of}}}": gauge(100, dead=dead),
        f'dingtalk_stream_connected{{{robot}, connection="0"}}': gauge(0 if dead else 1, dead=dead),
        f'dingtalk_stream_restarts_total{{{robot}, reason="lost"}}': counter(0.12, dead=dead),
        f'dingtalk_robot_parked{{{robot}, reason="crashed"}}': gauge(0, dead=dead),
        f'dingtalk_robot_outdated{{{robot}, reason="agent"}}': gauge(0, dead=dead),
        f"dingtalk_card_fallback{{{robot}}}": gauge(0, dead=dead),
        f"dingtalk_inbox_pending{{{robot}}}": gauge(9, dead=dead),
        f"dingtalk_openapi_quota_used{{{robot}}}": counter(1, dead=dead),
        f"dingtalk_openapi_quota_limit{{{robot}}}": gauge(1_000_000, dead=dead),
        f'dingtalk_openapi_throttled_total{{{robot}, api="streaming"}}': counter(5, dead=dead),
        f"dingtalk_replicas{{{of}}}": gauge(3, dead=True) if dead else f"3x{DIES_AT} 2x{LAST - DIES_AT}",
        f"dingtalk_event_loop_stuck_total{{{of}}}": counter(0.1, dead=dead),
        f'dingtalk_actor_failures_total{{{of}, actor="Connection"}}': gauge(3, dead=dead),
    }
    found |= {
        f'dingtalk_{name}{{{robot}, {label}="{value}"}}': counter(pace, dead=dead)
        for name, label, paces in (
            ("turns_total", "outcome", {"answered": 20, "failed": 0.1}),
            ("messages_total", "outcome", {"accepted": 20, "refused": 4}),
            ("feedback_total", "rating", {"helpful": 1, "not_helpful": 0.5}),
        )
        for value, pace in paces.items()
    }
    found |= {
        f'dingtalk_card_updates_total{{{robot}, stage="final", outcome="{outcome}"}}': counter(pace, dead=dead)
        for outcome, pace in (("ok", 20), ("failed", 1))
    }
    for histogram, edge in (("ack", 3), ("click_ack", 2), ("first_card", 3), ("first_token", 10), ("answer", 60)):
        name = f"dingtalk_{histogram}_seconds"
        for bucket in ("0.5", f"{edge}.0", "+Inf"):
            found[f'{name}_bucket{{{robot}, le="{bucket}"}}'] = counter(20, dead=dead)
        found[f"{name}_count{{{robot}}}"] = counter(20, dead=dead)
    return found


def story() -> dict[str, Any]:
    """Three replicas, of which one dies after an hour; what is told of them, every few minutes."""
    lives = life("one", dead=True) | life("two", dead=False) | life("three", dead=False)
    minutes = (30, 59, *range(DIES_AT, DIES_AT + 40, 2), *range(DIES_AT + 40, LAST, 10))
    told = {
        "exp_labels": {"severity": "ticket", "job": "bot"},
        "exp_annotations": next(
            {
                "summary": alert.summary.replace("{{ $labels.job }}", "bot"),
                "description": alert.description.replace("{{ $labels.job }}", "bot").replace("{{ $value }}", "1"),
                "runbook_url": f"{alerts.RUNBOOK}#{alert.name.lower()}",
            }
            for alert in alerts.PRESENCE
            if alert.name == "DingTalkReplicaGone"
        ),
    }
    asked = [
        {"eval_time": f"{minute}m", "alertname": name}
        | ({"exp_alerts": [told]} if name == "DingTalkReplicaGone" and minute > DIES_AT + 5 else {})
        for name in NAMES
        for minute in minutes
    ]
    series = [{"series": name, "values": values} for name, values in lives.items()]
    test = {"name": "one of three dies", "interval": "1m", "input_series": series, "alert_rule_test": asked}
    return {"evaluation_interval": "1m", "tests": [test]}


def test_its_death_is_told_once_and_nothing_else_is(tmp_path: Path) -> None:
    done = run_files([story()], GROUPS, tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", FORGETFUL)
def test_a_rule_that_forgets_the_dead_is_caught(name: str, tmp_path: Path) -> None:
    right, wrong = FORGETFUL[name]
    groups = needed(name)
    (rule,) = [rule for group in groups for rule in group["rules"] if right in rule["expr"]]
    rule["expr"] = rule["expr"].replace(right, wrong)
    file = story()
    (test,) = file["tests"]
    test["alert_rule_test"] = [each for each in test["alert_rule_test"] if each["alertname"] == name]
    assert "got:" in run_files([file, *cases(name)], groups, tmp_path).stdout


def with_a_dead_one(file: dict[str, Any]) -> dict[str, Any]:
    """The same unit tests, where each process had another one beside it that died a few minutes after the beginning.

    Its last words are the worst: everything that is told as it stands was 1, but for the month's calls, which rise.
    """
    file = copy.deepcopy(file)
    for test in file["tests"]:
        beside: dict[str, str] = {}
        for each in test["input_series"]:
            name = re.sub(r'instance="\w+"', 'instance="dead"', each["series"])
            assert name != each["series"], "a series that no process has"
            beside[name] = "0x1 stale" if re.search("_total|_seconds_|_quota_used", name) else "1x1 stale"
        test["input_series"] += [{"series": name, "values": values} for name, values in beside.items()]
    return file


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BURN_TESTS])
def test_what_is_told_of_the_others_is_the_same(name: str, tmp_path: Path) -> None:
    done = run_files([with_a_dead_one(file) for file in cases(name)], needed(name), tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_story_has_all_that_alerts_look_at() -> None:
    expressions = [rule["expr"] for group in GROUPS for rule in group["rules"]]
    looked_at = {name for expression in expressions for name in re.findall(r"\bdingtalk_\w+", expression)}
    told = {each["series"].partition("{")[0] for each in story()["tests"][0]["input_series"]}
    assert looked_at <= told
