"""Several robots in one process: each is served by itself, and the trouble of one is not the others'."""

import asyncio
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actors.core import texts
from tests.actors.cast import ASKED, AT_WORK
from tests.actors.conftest import Stage, closed, connected, eventually, several

SCRIPTED = "python:tests.actors.cast:scripted"
OTHER = "python:tests.actors.cast:other"
PLAIN: dict[str, Any] = {"a": {}, "b": {}}


async def body(stage: Stage, path: str) -> dict[str, Any]:
    """What a probe says."""
    told: dict[str, Any] = json.loads((await stage.get(path))[1])
    return told


async def robots(stage: Stage) -> dict[str, dict[str, Any]]:
    """What `/status` tells of each robot."""
    return {robot["robot"]: robot for robot in (await body(stage, "/status"))["robots"]}


def calls(stage: Stage, api: str) -> int:
    """How many calls of this API one robot made."""
    return sum(call.api == api and call.robot == stage.robot for call in stage.sandbox.calls)


def answered_in_a_group(stage: Stage) -> bool:
    """Whether a robot has finished a card."""
    return any(card.robot == stage.robot and closed(card) for card in stage.sandbox.cards.values())


async def greet(stage: Stage) -> None:
    """Ask, and wait for the answer."""
    await connected(stage)
    await stage.ask("你好")
    await stage.finished()


# Each for itself.


async def test_each_robot_answers_with_its_own_agent(tmp_path: Path) -> None:
    async with several(tmp_path, {"a": {"agent": SCRIPTED}, "b": {"agent": OTHER}}) as (a, b):
        await greet(a)
        await greet(b)
        assert [stage.cards()[0].text for stage in (a, b)] == ["您说：你好", "另一个回答"]


async def test_robots_answer_at_the_same_time(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN) as (a, b):
        await connected(a)
        await a.ask("hang")
        await a.sandbox.until(a.cards)
        await greet(b)
        assert not closed(a.cards()[0])


async def test_each_robot_has_a_token_of_its_own(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN) as (a, b):
        await greet(a)
        await greet(b)
        assert [calls(stage, "token") for stage in (a, b)] == [1, 1]
        assert [stage.cards()[0].robot for stage in (a, b)] == [a.robot, b.robot]


async def test_each_robot_has_clocks_of_its_own(tmp_path: Path) -> None:
    async with several(tmp_path, {"a": {"AGENT_FIRST_TOKEN_TIMEOUT": 0.2}, "b": {}}) as (a, b):
        for stage in (a, b):
            await connected(stage)
            await stage.ask("hang")
        (card,) = await a.finished()
        assert card.text == texts.AGENT_FAILED
        assert not closed(b.cards()[0])


async def test_each_robot_decides_by_itself_whether_thinking_is_shown(tmp_path: Path) -> None:
    thoughtful = {"agent": "python:tests.actors.cast:thoughtful"}
    async with several(tmp_path, {"a": thoughtful | {"AGENT_SHOW_REASONING": True}, "b": thoughtful}) as (a, b):
        await greet(a)
        await greet(b)
        assert ["让我想想" in stage.cards()[0].text for stage in (a, b)] == [True, False]


async def test_each_robot_has_a_card_template_of_its_own(tmp_path: Path) -> None:
    async with several(tmp_path, {"a": {"CARD_TEMPLATE_ID": "ours.schema"}, "b": {}}) as (a, b):
        await connected(a)
        await a.ask("你好")
        await greet(b)
        templates = {call.robot: call.body["cardTemplateId"] for call in a.sandbox.calls if call.api == "create"}
        assert templates[a.robot] == "ours.schema"
        assert templates[b.robot] != "ours.schema"


async def test_each_robot_has_its_own_kind_of_card(tmp_path: Path) -> None:
    async with several(tmp_path, {"a": {"CARD_KIND": "text"}, "b": {}}) as (a, b):
        await connected(a)
        await a.ask("你好")
        await a.sandbox.until(a.said_to)
        await greet(b)
        assert [len(stage.cards()) for stage in (a, b)] == [0, 1]


async def test_each_robot_is_counted_by_itself(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN) as (a, b):
        await greet(a)
        await connected(b)
        answered = 'dingtalk_turns_total{outcome="answered",{robot}}'
        await a.measures(answered, 1)
        assert await b.metric(answered) == 0


async def test_the_same_message_to_two_robots_of_a_group_is_two_questions(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN) as (a, b):
        for stage in (a, b):
            await connected(stage)
            await stage.ask(f"问{stage.robot}", message_id="one-for-both", group="售后")
        cards = a.sandbox.cards
        await a.sandbox.until(lambda: len(cards) == 2 and all(map(closed, cards.values())))
        assert {card.text for card in cards.values()} == {f"您说：问{stage.robot}" for stage in (a, b)}


async def test_robots_of_one_group_have_no_memory_in_common(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN, CONVERSATION_SCOPE="chat", MEMORY_SCOPE="chat") as (a, b):
        for stage in (a, b):
            await connected(stage)
            await stage.ask("你好", group="售后")
            await stage.sandbox.until(partial(answered_in_a_group, stage))
            await stage.settled()
        (asked,) = [question for question in ASKED if question.robot == b.robot]
        assert asked.history == ()


# One for all.


async def test_answers_at_once_are_limited_for_all_robots_together(tmp_path: Path) -> None:
    one_by_one = {"agent": "python:tests.actors.cast:one_by_one"}
    async with several(tmp_path, {"a": one_by_one, "b": one_by_one}, MAX_CONCURRENT_TURNS="1") as (a, b):
        for stage in (a, b):
            await connected(stage)
            await stage.ask("你好")
        await a.finished()
        await b.finished()
        first, second = [entry for entry in AT_WORK if entry[1:] in {a.robot, b.robot}][::2]
        assert [entry for entry in AT_WORK if entry[1:] in {a.robot, b.robot}] == [
            first,
            first.replace("+", "-"),
            second,
            second.replace("+", "-"),
        ]


async def test_the_months_quota_is_the_organisations(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN) as (a, b):
        await greet(a)
        await greet(b)
        counted = sum(call.api in {"create", "streaming", "update"} for call in a.sandbox.calls)
        for stage in (a, b):
            await stage.measures("dingtalk_openapi_quota_used{{robot}}", counted)


# Trouble of one.


async def test_a_robot_that_is_refused_backs_off_alone(tmp_path: Path) -> None:
    async with several(tmp_path, {"a": {"clientSecret": "wrong"}, "b": {}}) as (a, b):
        await a.sandbox.until(lambda: calls(a, "open") >= 4)
        await greet(b)
        assert calls(b, "open") == 1


async def test_a_robot_that_is_refused_is_named_by_the_readiness_probe_alone(tmp_path: Path) -> None:
    async with several(tmp_path, {"a": {"clientSecret": "wrong"}, "b": {}}) as (a, b):
        await connected(b)

        async def named() -> bool:
            told = await body(a, "/readyz")
            return bool(told["missing"] == [f"robot {a.robot} has no Stream connection (refused)"])

        await eventually(named)


async def crash(_: object) -> None:
    raise ZeroDivisionError


async def crashed(a: Stage) -> None:
    """Make a robot's connections crash, until it is parked."""
    await connected(a)
    a.service._parts.robots[a.robot].gateway.serve = crash  # type: ignore[assignment, method-assign]
    a.sandbox.abort(a.robot)

    async def is_parked() -> bool:
        return bool((await robots(a))[a.robot]["state"] == "parked")

    await eventually(is_parked)


async def test_a_robot_whose_connections_crash_is_parked_alone(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN, STREAM_RESTART_INTENSITY="1", STREAM_CONNECTIONS="2") as (a, b):
        await connected(b, 2)
        await crashed(a)
        await greet(b)
        told = await robots(b)
        assert [told[stage.robot]["state"] for stage in (a, b)] == ["parked", "serving"]
        assert told[a.robot]["reason"] == "its connections crashed too often"


async def test_a_robot_that_is_parked_for_crashing_is_missed(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN, STREAM_RESTART_INTENSITY="1") as (a, b):
        await connected(b)
        await crashed(a)
        status, _ = await a.get("/readyz")
        told = await body(a, "/readyz")
        assert (status, told["missing"]) == (503, [f"robot {a.robot} has no Stream connection (crashed)"])
        assert await a.metric('dingtalk_robot_parked{reason="crashed",{robot}}') == 1


async def test_with_the_last_robot_parked_the_service_ends_with_70(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN, STREAM_RESTART_INTENSITY="1") as (a, b):
        await connected(b)
        await crashed(a)
        b.service._parts.robots[b.robot].gateway.serve = crash  # type: ignore[assignment, method-assign]
        b.sandbox.abort(b.robot)
        await asyncio.to_thread(b.service._over.wait, 20)
        assert b.service._verdict()[0] == 70


async def test_calls_of_one_robot_that_are_too_fast_slow_no_other(tmp_path: Path) -> None:
    code = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
    a_and_b = {"a": {"CARD_TEMPLATE_ID": "ours.schema"}, "b": {}}
    async with several(tmp_path, a_and_b, OPENAPI_QPS="1", OPENAPI_RETRY_ATTEMPTS="1000") as (a, b):
        a.sandbox.fail("create", status=403, code=code, times=None, match={"cardTemplateId": "ours.schema"})
        await connected(a)
        await a.ask("你好")
        await a.sandbox.until(lambda: calls(a, "create"))
        await greet(b)


async def test_a_robot_whose_cards_are_refused_goes_without_them_alone(tmp_path: Path) -> None:
    async with several(tmp_path, {"a": {"CARD_TEMPLATE_ID": "nobodys.schema"}, "b": {}}) as (a, b):
        nobodys = {"cardTemplateId": "nobodys.schema"}
        a.sandbox.fail("create", status=400, code="param.templateNotExist", times=None, match=nobodys)
        await connected(a)
        await a.ask("你好")
        await a.sandbox.until(a.said_to)
        await greet(b)
        assert b.said_to() == []


async def test_a_robot_whose_agent_fails_apologises_alone(tmp_path: Path) -> None:
    async with several(tmp_path, PLAIN) as (a, b):
        await connected(a)
        await a.ask("boom")
        await a.finished()
        await greet(b)
        assert [stage.cards()[0].text for stage in (a, b)] == [texts.AGENT_FAILED, "您说：你好"]


# Robots that cannot be served at all.

BROKEN: dict[str, Any] = {"broken": "{", "jitai": {"agent": "aiagents.ragTest"}, "sound": {}}


async def test_a_robot_beside_broken_ones_is_served(tmp_path: Path) -> None:
    async with several(tmp_path, BROKEN) as (*_, sound):
        await greet(sound)
        await eventually(sound.ready)


async def test_broken_robots_are_listed_by_the_readiness_probe_and_are_not_missed(tmp_path: Path) -> None:
    async with several(tmp_path, BROKEN) as (_, jitai, sound):
        await eventually(sound.ready)
        told = await body(sound, "/readyz")
        assert told["missing"] == []
        assert [line.split(":")[0] for line in told["parked"]] == ["robot imRobots.broken", f"robot {jitai.robot}"]


async def test_the_status_lists_broken_robots_with_their_reason(tmp_path: Path) -> None:
    async with several(tmp_path, BROKEN) as (_, jitai, sound):
        told = await robots(sound)
        file = tmp_path / "app" / "imRobots" / "jitai" / "config.json"
        assert {name: robot["state"] for name, robot in told.items()} == {
            "imRobots.broken": "parked",
            jitai.robot: "parked",
            sound.robot: "serving",
        }
        assert told[jitai.robot]["reason"].startswith(
            f"{file}: agent='jit:aiagents.ragTest': is to be had only inside JitNode"
        )
        assert [told[name]["element"] for name in (jitai.robot, sound.robot)] == ["imRobots.jitai", "imRobots.sound"]


async def test_the_status_tells_each_robots_own_settings_without_its_secret(tmp_path: Path) -> None:
    async with several(tmp_path, {"a": {"AGENT_TIMEOUT": 5}, "b": {}}) as (a, b):
        told = await robots(a)
        assert [told[stage.robot]["settings"]["AGENT_TIMEOUT"] for stage in (a, b)] == [5, 600]
        assert told[a.robot]["settings"]["DINGTALK_CLIENT_SECRET"] == "***"


async def test_broken_robots_are_metrics(tmp_path: Path) -> None:
    async with several(tmp_path, BROKEN) as (_, jitai, sound):
        assert await sound.metric('dingtalk_robot_parked{reason="unreadable",robot="imRobots.broken"}') == 1
        assert await jitai.metric('dingtalk_robot_parked{reason="agent",{robot}}') == 1


async def test_one_warning_names_each_broken_robot(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with several(tmp_path, BROKEN) as (_, jitai, __):
        told = [vars(record) for record in caplog.records if vars(record).get("action") == "robot_parked"]
    assert [(line["robot"], line["element"], line["reason"]) for line in told] == [
        ("imRobots.broken", "imRobots.broken", "unreadable"),
        (jitai.robot, "imRobots.jitai", "agent"),
    ]
