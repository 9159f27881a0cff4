"""`python -m actors` with a folder of robots: what is checked, what is served, and which exit code that is."""

import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.nursery import run
from tests.jaap.trees import plant, robot
from tests.operations.test_commands import environment, logged, running

GOOD = {"shop": robot("ding-shop", agent="faq:", AGENT_TIMEOUT=5), "club": robot("ding-club", clientSecret="{{CLUB}}")}
NOWHERE = "http://127.0.0.1:9"


def command(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return run(environment(folder, **settings), *words)


def checked(folder: Path, robots: dict[str, Any], **settings: str) -> subprocess.CompletedProcess[str]:
    return command(folder, "check", ROBOTS_DIR=str(plant(folder / "app", robots)), CLUB="hush-hush", **settings)


def faults(ran: subprocess.CompletedProcess[str], folder: Path) -> list[str]:
    """What stands on stderr, without the folder's own path."""
    return [line.removeprefix(f"{folder}/app/imRobots/") for line in ran.stderr.splitlines()]


def test_check_prints_every_robot_with_its_own_settings(tmp_path: Path) -> None:
    ran = checked(tmp_path, GOOD, AGENT_TIMEOUT="7")
    process, club, shop = ran.stdout.split("\n\n")
    assert "AGENT_TIMEOUT=7.0" in process
    assert club.startswith("# imRobots.club 钉钉智能客服\nDINGTALK_CLIENT_ID=ding-club\n")
    assert "AGENT_TIMEOUT=7.0" in club
    assert "AGENT_TIMEOUT=5.0" in shop


def test_check_has_nothing_to_say_against_good_robots(tmp_path: Path) -> None:
    ran = checked(tmp_path, GOOD)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_check_masks_the_secrets_of_all_robots(tmp_path: Path) -> None:
    ran = checked(tmp_path, GOOD)
    assert ran.stdout.count("DINGTALK_CLIENT_SECRET=***") == 2
    assert "hush-hush" not in ran.stdout
    assert "secret-of" not in ran.stdout


def test_check_masks_a_secret_that_strayed_into_another_key(tmp_path: Path) -> None:
    ran = checked(tmp_path, GOOD | {"leaky": robot("ding-x", clientSecret="{{CLUB}}", agent="python:{{CLUB}}:answer")})
    assert "leaky/config.json: agent='python:***:answer'" in ran.stderr
    assert "hush-hush" not in ran.stderr


def test_check_names_broken_robots_beside_good_ones_and_is_content(tmp_path: Path) -> None:
    broken = {
        "agentless": robot("ding-x", agent="faq:/nowhere"),
        "broken": "{",
        "jitai": robot("ding-y", agent="ai.rag"),
    }
    ran = checked(tmp_path, GOOD | broken)
    assert ran.returncode == 0
    assert [re.split("['(]", line)[0] for line in faults(ran, tmp_path)] == [
        "broken/config.json: is no JSON ",
        "agentless/config.json: agent=",
        "jitai/config.json: agent=",
    ]


def test_check_says_that_jitai_elements_are_to_be_had_inside_jitnode(tmp_path: Path) -> None:
    ran = checked(tmp_path, GOOD | {"jitai": robot("ding-y", agent="aiagents.ragTest")})
    (told,) = faults(ran, tmp_path)
    assert told.startswith("jitai/config.json: agent='jit:aiagents.ragTest': is to be had only inside JitNode")


def test_a_wrong_agent_of_the_environment_is_told_with_the_robots_that_have_it(tmp_path: Path) -> None:
    ran = checked(tmp_path, GOOD | {"heir": robot("ding-x", agent=None)}, AGENT="nonsense:")
    assert ran.returncode == 0
    assert [line.split("'")[0] for line in faults(ran, tmp_path)] == ["heir/config.json: AGENT="]


def test_the_environments_robot_is_parked_too_if_its_agent_cannot_be_had(tmp_path: Path) -> None:
    own = {"DINGTALK_CLIENT_ID": "ding-own", "DINGTALK_CLIENT_SECRET": "of-its-own"}
    ran = checked(tmp_path, GOOD, AGENT="nonsense:", **own)
    assert (ran.returncode, ran.stderr.split("'")[0]) == (0, "AGENT=")


@pytest.mark.parametrize("words", ["check", "run"])
def test_without_a_valid_robot_every_fault_is_named_and_the_exit_code_is_2(tmp_path: Path, words: str) -> None:
    broken = {"a": "{", "b": robot("ding-b", agent="ai.rag"), "c": robot("ding-c", clientSecret="{{NOBODY}}")}
    ran = command(tmp_path, words, ROBOTS_DIR=str(plant(tmp_path / "app", broken)))
    assert ran.returncode == 2
    assert {line.split(":")[0] for line in faults(ran, tmp_path)} == {f"{name}/config.json" for name in broken}


@pytest.mark.parametrize("words", ["check", "run"])
def test_a_folder_that_is_not_there_is_named_and_the_exit_code_is_2(tmp_path: Path, words: str) -> None:
    ran = command(tmp_path, words, ROBOTS_DIR=str(tmp_path / "nowhere"))
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"ROBOTS_DIR='{tmp_path}/nowhere': there is no such folder")


def test_a_folder_without_a_robot_is_named_and_the_exit_code_is_2(tmp_path: Path) -> None:
    ran = checked(tmp_path, {})
    assert (ran.returncode, "has no instance" in ran.stderr) == (2, True)


def test_run_serves_what_can_be_served_and_names_the_rest(tmp_path: Path) -> None:
    folder = str(plant(tmp_path / "app", {"shop": robot("ding-shop"), "broken": "{"}))
    with running(tmp_path, ROBOTS_DIR=folder, DINGTALK_OPENAPI_ENDPOINT=NOWHERE) as process:
        assert logged(process, "robot_parked")["element"] == "imRobots.broken"
        assert logged(process, "service_started")["robots"] == 1
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_the_secrets_of_robots_are_in_no_log(tmp_path: Path) -> None:
    robots = GOOD | {"leaky": robot("ding-x", clientSecret="{{CLUB}}", agent="python:{{CLUB}}:answer")}
    folder = str(plant(tmp_path / "app", robots))
    endpoint = {"DINGTALK_OPENAPI_ENDPOINT": NOWHERE}
    with running(tmp_path, ROBOTS_DIR=folder, CLUB="hush-hush", LOG_LEVEL="DEBUG", **endpoint) as process:
        told = str(logged(process, "robot_parked"))
        logged(process, "service_started")
        process.send_signal(signal.SIGTERM)
        output = "".join(process.communicate(timeout=60))
    assert "hush-hush" not in told + output
    assert "secret-of" not in told + output
