"""The rules in Prometheus' own unit tests: each alert fires on its case, is silent on healthy series, and resolves.

`rules/` has a file for each alert, which `promtool test rules` runs as it is; those of the service levels are alike, and
made by `burns.py`. Here each alert is run with no other rules than it needs, which is quick enough to plant faults.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.source import alerts, rules
from tests.operations.rules.burns import BURN_TESTS

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "grafana" / "rules"
CASES = Path(__file__).parent / "rules"

Groups = list[dict[str, Any]]

NAMES = tuple(dict.fromkeys(alert.name for held in alerts.ALERTS.values() for alert in held))
GROUPS: Groups = rules.groups() + alerts.groups()


def needed(name: str) -> Groups:
    """The rules of an alert, and those that record what it is made of."""
    wanted = {name}
    kept: Groups = []
    for group in reversed(GROUPS):
        rules_ = [rule for rule in reversed(group["rules"]) if _wanted(rule, wanted)]
        if rules_:
            kept.append({"name": group["name"], "rules": [dict(rule) for rule in reversed(rules_)]})
    return kept[::-1]


def _wanted(rule: dict[str, Any], wanted: set[str]) -> bool:
    """Whether a rule is needed; then so is what its expression names. Rules use only what stands before them."""
    if rule.get("alert", rule.get("record")) not in wanted:
        return False
    wanted |= set(re.findall(r"dingtalk:[\w:]+", rule["expr"]))
    return True


def cases(name: str) -> list[dict[str, Any]]:
    """The files of unit tests of an alert."""
    if name in BURN_TESTS:
        return BURN_TESTS[name]
    return [yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))]


def run(name: str, groups: Groups, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an alert's unit tests on these rules."""
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    paths = [folder / f"test-{number}.yaml" for number in range(len(cases(name)))]
    # Without it promtool takes the groups at random, and an alert may not see what is recorded only then.
    own = {"rule_files": ["rules.yaml"], "group_eval_order": [group["name"] for group in GROUPS]}
    for path, case in zip(paths, cases(name), strict=True):
        path.write_text(yaml.safe_dump(case | own), encoding="utf-8")
    return promtool("test", "rules", *map(str, paths))


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_fires_on_its_case_and_on_no_other(name: str, tmp_path: Path) -> None:
    done = run(name, needed(name), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
