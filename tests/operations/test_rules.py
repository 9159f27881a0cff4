"""The rules in Prometheus' own unit tests: each alert fires on its case, is silent on healthy series, and resolves.

`rules/` has a file for each alert, which `promtool test rules` runs as it is; those of the service levels are alike,
and made by `burns.py`. Here each alert is run with no other rules than it needs, which is quick enough to plant faults.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest

from actors.series import begin_robot
from grafana.source import __main__ as source
from grafana.source import alerts, checks, levels, rules, runbook
from tests.operations.rules.burns import BURN_TESTS
from tests.operations.rules.running import BUILT, CASES, GROUPS, NAMES, Groups, cases, needed, promtool, run


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_fires_on_its_case_and_on_no_other(name: str, tmp_path: Path) -> None:
    done = run(name, needed(name), tmp_path)
    assert done.returncode == 0, done.stdout


def planted(name: str) -> Iterator[tuple[str, Groups]]:
    """An alert's rules, each time with one fault in them: not held, a limit twice or half, a matcher left out."""
    for rule in (rule for group in needed(name) for rule in group["rules"]):
        if "for" in rule:
            yield "without for", _with(name, rule, {"for": "0s"})
        for limit in re.finditer(r"[<>=]=? (?:on \(robot\) )?([\d.]+)", rule["expr"]):
            number = float(limit[1])
            for wrong in (f"{number * 2:g}", f"{number / 2:g}") if number else ("-1",):
                expr = f"{rule['expr'][: limit.start(1)]}{wrong}{rule['expr'][limit.end(1) :]}"
                yield f"{limit[0]} is {wrong}", _with(name, rule, {"expr": expr})
        for matcher in re.finditer(r"\{[^}]*\}", rule["expr"]):
            expr = rule["expr"][: matcher.start()] + rule["expr"][matcher.end() :]
            yield f"without {matcher[0]}", _with(name, rule, {"expr": expr})


def _with(name: str, wrong: dict[str, Any], changed: dict[str, str]) -> Groups:
    groups = needed(name)
    for rule in (rule for group in groups for rule in group["rules"]):
        if rule == wrong:
            rule.update(changed)
    return groups


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BURN_TESTS])
def test_a_fault_in_an_alert_is_caught(name: str, tmp_path: Path) -> None:
    """Those of the service levels are as sharp, but take their time: one of them stands for all, below."""
    unnoticed = [what for what, groups in planted(name) if "got:" not in run(name, groups, tmp_path).stdout]
    assert unnoticed == []


def test_a_swapped_numerator_in_a_service_level_is_caught(tmp_path: Path) -> None:
    groups = needed("DingTalkAnswersFailing")
    for rule in groups[0]["rules"]:
        rule["expr"] = rule["expr"].replace('outcome="answered"', 'outcome="stopped"')
    assert "got:" in run("DingTalkAnswersFailing", groups, tmp_path).stdout


def test_one_failed_question_of_three_in_a_quiet_night_alarms_nobody(tmp_path: Path) -> None:
    groups, level = needed("DingTalkAnswersFailing"), levels.ANSWERED
    outcome = 'dingtalk_turns_total{{robot="a", outcome="{}"}}'
    night = {
        "interval": "1m",
        "input_series": [
            {"series": outcome.format("answered"), "values": "0x60 2x60"},
            {"series": outcome.format("failed"), "values": "0x60 1x60"},
        ],
        "alert_rule_test": [
            {"eval_time": f"{minutes}m", "alertname": "DingTalkAnswersFailing"} for minutes in range(60, 120, 5)
        ],
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    file = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [night]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")
    done = promtool("test", "rules", str(tmp_path / "test.yaml"))
    assert done.returncode == 0, done.stdout
    without = (tmp_path / "rules.yaml").read_text(encoding="utf-8").replace(f">= {alerts.FLOOR}", ">= 0")
    (tmp_path / "rules.yaml").write_text(without, encoding="utf-8")
    assert "got:" in promtool("test", "rules", str(tmp_path / "test.yaml")).stdout, f"the floor of {level.name}"


@pytest.mark.parametrize("file", ["recording.yaml", "alerts.yaml"])
def test_prometheus_takes_the_rules_and_has_nothing_to_say(file: str) -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(BUILT / file))
    assert done.returncode == 0, done.stdout


def test_the_operators_object_holds_the_same_rules() -> None:
    recording, alerting, whole = (
        yaml.safe_load((BUILT / file).read_text(encoding="utf-8"))
        for file in ("recording.yaml", "alerts.yaml", "prometheus-rule.yaml")
    )
    assert (whole["apiVersion"], whole["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert whole["spec"]["groups"] == recording["groups"] + alerting["groups"]
    assert "{{ $labels.robot }}" in str(whole)


def test_every_alert_fires_and_resolves_in_its_tests_with_a_text_that_is_whole() -> None:
    for name in NAMES:
        checked = [check for file in cases(name) for test in file["tests"] for check in test["alert_rule_test"]]
        assert {check["alertname"] for check in checked} == {name}
        fired = [check for check in checked if check.get("exp_alerts")]
        told = [alert for check in fired for alert in check["exp_alerts"]]
        severities = {alert.severity for held in alerts.ALERTS.values() for alert in held if alert.name == name}
        assert {alert["exp_labels"]["severity"] for alert in told} == severities, name
        for alert in told:
            assert set(alert["exp_annotations"]) == {"summary", "description", "runbook_url"}
            assert not re.search(r"no value|\{\{|%!", str(alert)), name
        silent = [check for check in checked if not check.get("exp_alerts")]
        assert len(silent) > len(fired), name


def test_no_file_of_unit_tests_is_without_an_alert() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} | BURN_TESTS.keys() == set(NAMES)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_file_of_unit_tests_can_be_run_as_it_is(path: Path) -> None:
    file = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {(path.parent / name).resolve() for name in file["rule_files"]} == {
        BUILT / "recording.yaml",
        BUILT / "alerts.yaml",
    }
    assert file["group_eval_order"] == [group["name"] for group in GROUPS]


@pytest.mark.parametrize("level", levels.LEVELS, ids=lambda level: level.name)
def test_the_good_events_of_a_level_are_a_series_of_the_service(level: levels.Level) -> None:
    begin_robot("robot", "agent", ["create"])
    name, _, matchers = level.good.partition("{")
    lines = [line for line in generate_latest(REGISTRY).decode().splitlines() if line.startswith(f"{name}{{")]
    assert any(matchers.removesuffix("}") in line for line in lines)


def test_every_level_has_a_page_and_a_ticket() -> None:
    assert set(alerts.BURNING) == set(levels.LEVELS)
    assert len({(alert.name, alert.severity) for alert in alerts.LEVEL_ALERTS}) == 2 * len(levels.LEVELS)


# What `make check` says of rules and runbook.


def test_rules_and_runbook_are_in_order() -> None:
    assert list(source.faults()) == []


@pytest.mark.parametrize(
    ("expr", "fault"),
    [
        ("dingtalk_turn_total > 1", "there is no metric dingtalk_turn_total, did you mean dingtalk_turns_total?"),
        ('dingtalk_turns_total{outcom="failed"} > 1', "dingtalk_turns_total has no label outcom"),
        ("sum by (robbot) (dingtalk_turns_total) > 1", "label robbot"),
        ("sum(dingtalk_turns_total > 1", "cannot be read"),
    ],
)
def test_what_is_unknown_in_an_alert_is_named_with_its_place(
    expr: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(alerts.ALERTS, "wrong", (alerts.Alert("DingTalkX", "page", expr, "s", "d"),))
    (told,) = alerts.faults()
    assert told.startswith("grafana/source/alerts.py: DingTalkX: ")
    assert fault in told


def test_an_unknown_metric_in_a_recording_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rules.RECORDINGS, "wrong", (rules.Recording("dingtalk:x:max", 'up{robot="a"}'),))
    (fault,) = rules.faults()
    assert fault.startswith("grafana/source/rules.py: dingtalk:x:max: up has no label robot")


def test_an_alert_without_an_entry_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(alerts.ALERTS, "new", (alerts.Alert("DingTalkX", "page", "up == 0", "s", "d"),))
    (fault,) = runbook.faults()
    assert fault == "grafana/RUNBOOK.md: the alert DingTalkX has no entry; write one under the heading: ## DingTalkX"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("## DingTalkDawn", "DingTalkDawn is no alert, did you mean DingTalkDown?"),
        ("`AGENT_RETRY_ATEMPTS`", "there is no variable AGENT_RETRY_ATEMPTS, did you mean AGENT_RETRY_ATTEMPTS?"),
        ("`CARD_KIND_FILE`", "there is no variable CARD_KIND_FILE"),
        ("`dingtalk_turn_total`", "there is no metric dingtalk_turn_total, did you mean dingtalk_turns_total?"),
        ("`dingtalk:ack:error_ratio_rate7d`", "there is no metric dingtalk:ack:error_ratio_rate7d"),
        ('`action="agent_faled"`', "nothing logs the action agent_faled, did you mean agent_failed?"),
        ("see [there](#dingtalkdawn)", "there is no heading #dingtalkdawn"),
    ],
)
def test_what_the_runbook_names_and_is_not_there_is_told_with_its_line(line: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "RUNBOOK.md"
    lines = runbook.PATH.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:3], line, *lines[3:]]), encoding="utf-8")
    told = next(each for each in runbook.faults(path) if fault in each)
    assert told.startswith("grafana/RUNBOOK.md:4: ")


def test_an_entry_without_one_of_its_parts_is_named(tmp_path: Path) -> None:
    path = tmp_path / "RUNBOOK.md"
    path.write_text(runbook.PATH.read_text(encoding="utf-8").replace("**Turn.**", "Turn.", 1), encoding="utf-8")
    (fault,) = runbook.faults(path)
    assert re.fullmatch(r"grafana/RUNBOOK\.md:\d+: DingTalkDown has no part \*\*Turn\.\*\*", fault)


def test_every_recorded_series_is_known_to_the_check() -> None:
    assert checks.known(rules.RECORDED).keys() >= set(rules.RECORDED)
