"""Trouble by its name: switched on it is met, switched off it is gone, and whoever looks sees what is on."""

import asyncio
from typing import Any

import pytest

from actors.sandbox.faults import APIS, Fault
from actors.sandbox.page import HEARTBEAT
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from actors.sandbox.troubles import TROUBLES, Kind
from tests.sandbox.robot import ROBOT, Line, Robot

CALLS = [trouble for trouble in TROUBLES.values() if trouble.kind is Kind.CALL]


def on(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(each["trouble"], each["robot"]) for each in sandbox.troubles_on]


async def post(robot: Robot, **body: Any) -> tuple[int, Any]:
    async with robot.http.post(f"{robot.url}/sandbox/switch", json=body) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("trouble", CALLS, ids=lambda trouble: str(trouble.name))
def test_the_order_of_every_trouble_with_calls_can_be_given(trouble: Any) -> None:
    assert trouble.apis
    assert trouble.apis <= APIS
    assert all(Fault(api, **trouble.order) for api in trouble.apis)


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=lambda trouble: str(trouble.name))
def test_every_trouble_has_its_name_in_both_languages(trouble: Any) -> None:
    assert trouble.chinese
    assert trouble.english.isascii()


def test_every_rule_of_a_trouble_is_one() -> None:
    rules = Rules()
    for trouble in TROUBLES.values():
        if trouble.kind is Kind.RULE:
            assert all(getattr(rules, rule) != value for rule, value in trouble.order.items())


async def test_a_trouble_with_a_call_lasts_until_it_is_switched_off(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.switch("qps", api="create", robot=ROBOT)
    assert [(await robot.create("c1")).code.rpartition(".")[2] for _ in range(2)] == ["QpsLimitForAppkeyAndApi"] * 2
    assert on(sandbox) == [("qps", ROBOT)]
    sandbox.switch("qps", on=False, api="create", robot=ROBOT)
    assert (await robot.create("c1")).status == 200
    assert on(sandbox) == []


async def test_one_that_is_to_come_so_often_switches_itself_off(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.switch("503", api="create", times=1)
    assert [(await robot.create("c1")).status for _ in range(2)] == [503, 200]
    assert on(sandbox) == []


async def test_one_that_is_on_already_begins_anew(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.switch("503", api="create")
    assert sandbox.switch("503", api="create", times=1)[0]["left"] == 1


async def test_without_an_api_all_that_it_applies_to_are_met(robot: Robot, sandbox: Sandbox) -> None:
    (told,) = sandbox.switch("quota")
    assert set(told["apis"]) == APIS
    assert (await robot.create("c1")).status == (await robot.get_token()).status == 403


async def test_one_robots_trouble_is_not_switched_off_with_everybodys(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.switch("503", api="create", robot=ROBOT)
    sandbox.switch("503", on=False)
    assert on(sandbox) == [("503", ROBOT)]


async def test_what_was_ordered_without_a_name_is_on_too(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", status=500, code="x", times=None)
    (told,) = sandbox.troubles_on
    assert (told["trouble"], told["says"], told["apis"]) == ("", "500 x", ["create"])
    sandbox.switch("", on=False, api="create")
    assert (await robot.create("c1")).status == 200


async def test_silence_ends_when_it_is_switched_off(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.switch("mute")
    assert on(sandbox) == [("mute", ROBOT)]
    sandbox.say("一", robot=ROBOT)
    sandbox.switch("mute", on=False)
    assert on(sandbox) == []
    sandbox.say("二", robot=ROBOT)
    assert (await line.message())["text"]["content"] == "二"


async def test_a_dead_line_lives_again(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.switch("dead", robot=ROBOT)
    sandbox.switch("dead", on=False, robot=ROBOT)
    sandbox.say("在吗？", robot=ROBOT)
    await line.message()
    await sandbox.until(lambda: sandbox.said[-1].acked)


async def test_silence_is_over_with_its_connection(robot: Robot, sandbox: Sandbox) -> None:
    async with robot.line():
        sandbox.switch("deaf")
        sandbox.abort(ROBOT)
        await sandbox.until(lambda: all(each.closed_at for each in sandbox.connections))
    assert on(sandbox) == []


async def test_a_message_comes_twice_while_duplicates_are_on(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.switch("duplicate")
    sandbox.say("一", robot=ROBOT)
    first, second = await line.callback(), await line.callback()
    assert first["data"] == second["data"]
    assert first["headers"]["messageId"] != second["headers"]["messageId"]
    sandbox.switch("duplicate", on=False)
    sandbox.say("二", robot=ROBOT)
    sandbox.say("三", robot=ROBOT)
    assert [(await line.message())["text"]["content"] for _ in range(2)] == ["二", "三"]


async def test_a_rule_gets_back_what_it_was(sandbox: Sandbox) -> None:
    sandbox.rules.calls_per_second = 7
    sandbox.switch("strict")
    sandbox.switch("strict")
    assert (sandbox.rules.calls_per_second, on(sandbox)) == (1, [("strict", "")])
    sandbox.switch("strict", on=False)
    assert (sandbox.rules.calls_per_second, on(sandbox)) == (7, [])


async def test_what_is_done_once_stays_not_on(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    for name in ("roll", "expire", "drop"):
        assert sandbox.switch(name) == []
    await line.end()
    assert (await robot.create("c1")).code == "InvalidAuthentication"


async def test_trouble_is_switched_over_http(robot: Robot) -> None:
    status, told = await post(robot, trouble="busy", api="webhook", times=2)
    assert (status, told["on"][0]["left"]) == (200, 2)
    async with robot.http.get(f"{robot.url}/sandbox/troubles") as response:
        seen = await response.json()
    assert {trouble["name"] for trouble in seen["troubles"]} == set(TROUBLES)
    assert seen["on"] == told["on"]
    assert await post(robot, trouble="busy", on=False) == (200, {"on": []})


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"trouble": "qqs"}, "qps"),
        ({"trouble": "exists", "api": "oto"}, "create"),
        ({"trouble": "mute", "api": "oto"}, "leave api out"),
    ],
)
async def test_a_trouble_that_cannot_be_is_refused_and_told_what_can(robot: Robot, body: Any, named: str) -> None:
    status, problem = await post(robot, **body)
    assert status == 400
    assert named in problem["error"]


async def test_switching_reaches_whoever_looks(robot: Robot, sandbox: Sandbox) -> None:
    url = f"{robot.url}/sandbox/events"
    async with asyncio.timeout(HEARTBEAT - 3.0), robot.http.get(url) as response:
        async for line in response.content:
            if line.startswith(b"event: limits"):
                sandbox.switch("busy")
            elif line.startswith(b'data: {"on": [{"trouble": "busy"'):
                return
    raise AssertionError
