"""The lock files: pinned, hashed, free of any host, and in step with pyproject.toml and with each other."""

import re
import tomllib

import pytest

from tests.operations.workshop import ROOT

PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
LOCKS = ("deploy/requirements.txt", "tests/requirements.txt")


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall(text_of(lock)))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_path(lock: str) -> None:
    assert re.findall(r"https?:|file:|index-url|find-links|trusted-host| @ |(?<![\w-])/\w", text_of(lock)) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    stanzas = re.findall(r"^(?![ #]).+(?:\n[ #].*)*", text_of(lock), re.MULTILINE)
    assert len(stanzas) == len(PIN.findall(text_of(lock)))  # some have one for each Python
    assert [stanza for stanza in stanzas if "--hash=sha256:" not in stanza or not PIN.match(stanza)] == []


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert names(project["project"]["dependencies"]) <= set(pins("deploy/requirements.txt"))
    assert names(project["dependency-groups"]["test"]) <= set(pins("tests/requirements.txt"))


def test_the_tests_lock_holds_all_of_the_services_at_the_same_versions() -> None:
    assert pins("deploy/requirements.txt").items() <= pins("tests/requirements.txt").items()
