"""The retry policies in effect, where an operator meets them: in `check`, in `/status`, in the log and as gauges."""

import json
import re
from pathlib import Path

from tests.actors.conftest import connected, several, staged
from tests.jaap.trees import plant, robot
from tests.operations.test_commands import UNREACHABLE, command, logged, running

SCOPES = ["stream", "openapi", "agent"]
SEVEN = "7 tries, again after 3 s; 18 s of waiting in all; tries and waits end after 600 s"
SEVEN_TRIES = {"AGENT_RETRY_ATTEMPTS": 7, "AGENT_RETRY_INITIAL": 3, "AGENT_RETRY_MAX": 3, "AGENT_RETRY_JITTER": 0}


def test_check_says_what_the_defaults_amount_to(tmp_path: Path) -> None:
    told = command(tmp_path, "check").stdout.splitlines()[-3:]
    assert told == [
        (
            "# STREAM_RETRY_*: again after 1, 2, 4 … 60 s, each plus 0 to 1 s, for ever; "
            "after 60 s of health once within 0.3 s, then from the first wait on"
        ),
        "# OPENAPI_RETRY_*: 4 tries, again after 0.5, 1, 2 s, each plus 0 to 0.5 s; 3.5 to 5 s of waiting in all",
        (
            "# AGENT_RETRY_*: 3 tries, again after 0.5, 1 s, each plus 0 to 0.5 s; 1.5 to 2.5 s of waiting in all; "
            "tries and waits end after 600 s"
        ),
    ]


def test_what_check_prints_can_still_be_read_as_an_environment(tmp_path: Path) -> None:
    tree = str(plant(tmp_path / "app", {"shop": robot("ding-shop", **SEVEN_TRIES)}))
    lines = command(tmp_path, "check", ROBOTS_DIR=tree).stdout.splitlines()
    assert [line for line in lines if not re.fullmatch(r"(#.*|[A-Z_]+=.*|)", line)] == []


def test_check_says_what_a_robots_own_settings_amount_to(tmp_path: Path) -> None:
    robots = {"club": robot("ding-club"), "shop": robot("ding-shop", **SEVEN_TRIES)}
    ran = command(tmp_path, "check", ROBOTS_DIR=str(plant(tmp_path / "app", robots)))
    process, club, shop = ran.stdout.split("\n\n")
    assert [SEVEN in text for text in (process, club, shop)] == [False, False, True]
    assert [text.count("_RETRY_*") for text in (process, club, shop)] == [3, 1, 1]


def test_a_run_logs_each_policy_once_before_it_serves(tmp_path: Path) -> None:
    robots = {"club": robot("ding-club"), "shop": robot("ding-shop", **SEVEN_TRIES)}
    tree = {"ROBOTS_DIR": str(plant(tmp_path / "app", robots))}
    endpoint = {"DINGTALK_OPENAPI_ENDPOINT": UNREACHABLE["DINGTALK_OPENAPI_ENDPOINT"]}
    with running(tmp_path, **tree, **endpoint) as process:
        told = [logged(process, "retry_policy") for _ in range(4)]
        assert process.stdout is not None
        until_served = []
        for line in process.stdout:
            until_served.append(json.loads(line)["action"])
            if until_served[-1] == "service_started":
                break
    assert [(line["scope"], line.get("robot")) for line in told] == [
        *((scope, None) for scope in SCOPES),
        ("agent", "ding-shop"),
    ]
    assert str(told[1]["message"]).startswith("retry policy, openapi: 4 tries, again after 0.5, 1, 2 s")
    assert SEVEN in str(told[3]["message"])
    assert "retry_policy" not in until_served


async def test_the_status_page_tells_each_policy_in_words_and_figures(tmp_path: Path) -> None:
    settings = {name: str(value) for name, value in SEVEN_TRIES.items()}
    async with staged(tmp_path, STREAM_RETRY_MAX="9", STREAM_RETRY_INITIAL="9", **settings) as stage:
        await connected(stage)
        policies = json.loads((await stage.get("/status"))[1])["retry_policies"]
    assert list(policies) == SCOPES
    assert policies["stream"]["text"].startswith("again after 9 s, for ever")
    assert policies["agent"] == {
        "text": SEVEN,
        "attempts": 7,
        "waits": [3.0],
        "longest": 3.0,
        "jitter": 0.0,
        "least": 18.0,
        "most": 18.0,
    }


async def test_the_status_page_tells_each_robots_own_policy(tmp_path: Path) -> None:
    async with several(tmp_path, {"club": {}, "shop": SEVEN_TRIES}) as (club, shop):
        robots = json.loads((await club.get("/status"))[1])["robots"]
    told = {robot["robot"]: robot["retry_policies"]["agent"]["text"] for robot in robots}
    assert (told[club.robot], told[shop.robot]) == ("1 try, not repeated", SEVEN)


async def test_the_gauges_tell_the_settings_and_the_attempts(tmp_path: Path) -> None:
    async with staged(tmp_path, OPENAPI_RETRY_ATTEMPTS="6", STREAM_RETRY_RESET_AFTER="77") as stage:
        for scope, setting, value in (
            ("openapi", "attempts", 6),
            ("openapi", "max", 0.1),
            ("stream", "reset_after", 77),
        ):
            gauge = f'dingtalk_retry_policy{{scope="{scope}",setting="{setting}"}}'
            assert await stage.metric(gauge) == value
