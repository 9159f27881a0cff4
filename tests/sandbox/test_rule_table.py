"""The sandbox's README against the code: what its tables name is there, and what there is they name."""

import json
import re
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import pytest

from actors.sandbox.rules import Rules

TESTS = Path(__file__).parent
SANDBOX = TESTS.parents[1] / "actors" / "sandbox"
PAGE = (SANDBOX / "README.md").read_text("utf-8")
MARKS = re.findall(r"^- \*\*(\w+)\*\*:", PAGE, re.MULTILINE)
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and line.count("|") == 6 and not line.startswith(("| rule |", "| --- |"))
]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_rule_that_can_be_changed_is_in_a_table() -> None:
    named = {name for rule, *_ in ROWS for name in names(rule)}
    assert {field.name for field in fields(Rules)} <= named


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_names_its_place_its_tests_and_what_it_stands_on(row: list[str]) -> None:
    _, where, tests, source, mark = row
    assert names(where)
    assert all((SANDBOX / name).exists() for name in names(where))
    assert all((TESTS / name).exists() for name in names(tests))
    assert tests == "–" or names(tests)
    assert source
    assert mark in MARKS


def test_every_module_with_rules_of_the_platform_is_in_a_table() -> None:
    # The others are the sandbox's own affair: its page, its control, what it remembers.
    own = {
        *("__init__", "__main__", "actions", "builder", "control", "description", "inspection", "inspector"),
        *("jsontext", "page", "plain", "program", "records", "replies", "rules", "scenario", "scenarios", "seen"),
        *("server", "shapes", "story", "switches", "testing", "timing", "trace", "views", "weight", "world"),
    }
    named = {name for _, where, *_ in ROWS for name in names(where)}
    assert {path.name for path in SANDBOX.glob("*.py") if path.stem not in own} <= named


def test_the_interceptor_for_node_is_the_one_that_is_tested() -> None:
    (shown,) = re.findall(r"^```js\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown == (TESTS / "node" / "to-sandbox.mjs").read_text("utf-8")


def test_the_versions_that_it_names_are_those_that_are_tested() -> None:
    lock = json.loads((TESTS / "node" / "package-lock.json").read_text("utf-8"))
    (later,) = re.findall(r"^dingtalk-stream==(\S+)", (TESTS.parent / "requirements-sdk-next.txt").read_text("utf-8"))
    node = lock["packages"]["node_modules/dingtalk-stream"]["version"]
    assert f"Python {version('dingtalk-stream')} and {later}" in PAGE
    assert f"Node {node} " in PAGE
