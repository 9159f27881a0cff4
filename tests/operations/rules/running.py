"""Alerts and their unit tests, and how they are run: each alert with no other rules than it needs."""

import copy
import re
import subprocess
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import yaml

from grafana.source import alerts, rules
from tests.operations.rules.burns import BURN_TESTS

BUILT = Path(__file__).parents[3] / "grafana" / "rules"
CASES = Path(__file__).parent

Groups = list[dict[str, Any]]

NAMES = tuple(dict.fromkeys(alert.name for held in alerts.ALERTS.values() for alert in held))
GROUPS: Groups = rules.groups() + alerts.groups()


def needed(name: str) -> Groups:
    """The rules of an alert, and those that record what it is made of."""
    wanted = {name}
    kept: Groups = []
    for group in reversed(GROUPS):
        used = [rule for rule in reversed(group["rules"]) if _wanted(rule, wanted)]
        if used:
            kept.append({"name": group["name"], "rules": copy.deepcopy(used[::-1])})
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
    return run_files(cases(name), groups, folder)


def run_files(files: list[dict[str, Any]], groups: Groups, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run files of unit tests on these rules."""
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    paths = [folder / f"test-{number}.yaml" for number in range(len(files))]
    # Without it promtool takes the groups at random, and an alert may not see what is recorded only then.
    own = {"rule_files": ["rules.yaml"], "group_eval_order": [group["name"] for group in GROUPS]}
    for path, case in zip(paths, files, strict=True):
        path.write_text(yaml.safe_dump(case | own), encoding="utf-8")
    return promtool("test", "rules", *map(str, paths))


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it; failures are on stderr, and told here with the rest."""
    command = ["promtool", *arguments]
    return subprocess.run(command, stdout=PIPE, stderr=STDOUT, text=True, timeout=100, check=False)
