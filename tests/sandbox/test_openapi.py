"""Tokens, limits, trouble on order: what every call of the OpenAPI goes through."""

import asyncio

import aiohttp
import pytest

from actors.sandbox.faults import SlidingWindow
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, SECRET, Robot

# Tokens


async def test_a_token_stays_the_same_within_its_life(robot: Robot) -> None:
    again = await robot.get_token()
    assert again.body == {"accessToken": robot.token, "expireIn": 7200}


async def test_a_wrong_secret_gets_no_token(robot: Robot) -> None:
    refused = await robot.get_token(secret="wrong")
    assert (refused.status, refused.code) == (400, "invalidClientIdOrSecret")
    assert refused.body["message"] == "无效的clientId或者clientSecret"


@pytest.mark.parametrize("token", ["", "made-up"])
async def test_a_call_without_a_good_token_is_refused(robot: Robot, token: str) -> None:
    refused = await robot.call("PUT", "/v1.0/card/streaming", {}, token=token)
    assert (refused.status, refused.code) == (400, "InvalidAuthentication")
    assert refused.body["message"] == "不合法的access_token"
    assert "requestid" in refused.body


async def test_after_its_life_a_token_is_refused_and_another_is_given(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.expire_tokens()
    assert (await robot.create("c1")).code == "InvalidAuthentication"
    fresh = (await robot.get_token()).body["accessToken"]
    assert fresh != robot.token
    robot.token = fresh
    assert (await robot.create("c1")).status == 200


async def test_the_life_of_a_token_is_a_rule(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.expire_tokens()
    sandbox.rules.token_life = 0.0
    robot.token = (await robot.get_token()).body["accessToken"]
    assert (await robot.create("c1")).code == "InvalidAuthentication"


async def test_secrets_are_not_kept_with_the_calls(robot: Robot, sandbox: Sandbox) -> None:
    await robot.open()
    assert SECRET not in str(sandbox.calls)


async def test_a_token_is_renewed_by_asking_again(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.rules.token_life = 0.0
    assert (await robot.get_token()).body == {"accessToken": robot.token, "expireIn": 0}
    assert (await robot.create("c1")).code == "InvalidAuthentication", "its life began again, and is this short now"


async def test_the_former_way_gives_the_same_token(robot: Robot) -> None:
    answer = await robot.call("GET", f"/gettoken?appkey={ROBOT}&appsecret={SECRET}", None)
    assert answer.body == {"errcode": 0, "errmsg": "ok", "access_token": robot.token, "expires_in": 7200}


async def test_the_former_way_refuses_with_http_200(robot: Robot, sandbox: Sandbox) -> None:
    answer = await robot.call("GET", f"/gettoken?appkey={ROBOT}&appsecret=wrong", None)
    assert (answer.status, answer.body["errcode"]) == (200, 40089)
    assert "wrong" not in str(sandbox.calls)


# Limits


def test_the_window_of_calls_slides() -> None:
    window = SlidingWindow()
    assert [window.takes("r", "create", 2, now) for now in (0.0, 0.9, 0.95, 1.0, 1.5, 2.0)] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]


def test_apps_and_apis_have_windows_of_their_own() -> None:
    window = SlidingWindow()
    calls = [("one", "create"), ("one", "streaming"), ("other", "create")]
    assert all(window.takes(robot, api, 1, 0.0) for robot, api in calls)
    assert not any(window.takes(robot, api, 1, 0.0) for robot, api in calls)


async def test_too_many_calls_a_second_are_refused_and_not_executed(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.rules.calls_per_second = 1
    answers = await asyncio.gather(*(robot.create(f"c{number}") for number in range(30)))
    refused = [answer for answer in answers if answer.status == 403]
    assert {answer.code for answer in refused} == {"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"}
    assert len(sandbox.cards) == 30 - len(refused)
    assert (await robot.update(next(iter(sandbox.cards)), {})).status == 200, "another API is not concerned"


async def test_by_default_twenty_calls_a_second_are_allowed(robot: Robot) -> None:
    answers = await asyncio.gather(*(robot.create(f"c{number}") for number in range(20)))
    assert {answer.status for answer in answers} == {200}


# Trouble on order


async def test_trouble_comes_as_ordered_and_is_then_over(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", status=500, code="system.busy", message="系统繁忙", times=2)
    answers = [await robot.create("c1") for _ in range(3)]
    assert [answer.status for answer in answers] == [500, 500, 200]
    assert answers[0].code == "system.busy"


async def test_trouble_can_wait_for_its_turn(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", status=500, after=2)
    assert [(await robot.create(f"c{number}")).status for number in range(4)] == [200, 200, 500, 200]


async def test_trouble_can_be_meant_for_certain_calls(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    sandbox.fail("streaming", status=500, match={"isFinalize": True}, times=None)
    assert (await robot.stream("c1", "一")).status == 200
    assert (await robot.stream("c1", "一二", isFinalize=True)).status == 500


async def test_trouble_can_be_healed(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", status=500, times=None)
    sandbox.fail("token", status=500, times=None)
    sandbox.heal("create")
    assert (await robot.create("c1")).status == 200
    assert (await robot.get_token()).status == 500
    sandbox.heal()
    assert (await robot.get_token()).status == 200


async def test_an_answer_can_be_lost_after_the_call_took_effect(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", status=504, applied=True)
    assert (await robot.create("c1")).status == 504
    assert "c1" in sandbox.cards
    assert (await robot.create("c1")).code == "param.cardAlreadyExist"


async def test_an_answer_can_be_anything(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", body={"success": True, "result": {"deliverResults": []}})
    assert (await robot.create("c1")).body["result"] == {"deliverResults": []}
    sandbox.fail("token", status=403, body="<html>punished</html>")
    async with robot.http.post(f"{robot.url}/v1.0/oauth2/accessToken", json={}) as response:
        assert (response.status, await response.text()) == (403, "<html>punished</html>")


async def test_a_call_can_be_reset(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", reset=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await robot.create("c1")
    assert (await robot.create("c1")).status == 200


async def test_an_answer_can_break_off_in_the_middle(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", torn=True)
    with pytest.raises(aiohttp.ClientError):
        await robot.create("c1")
    assert "c1" in sandbox.cards
    assert (await robot.create("c1")).code == "param.cardAlreadyExist"


async def test_trouble_can_be_meant_for_one_robot(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", status=500, robot="other")
    sandbox.fail("create", status=503, robot=ROBOT)
    sandbox.fail("token", status=504, robot=ROBOT)
    assert [(await robot.create("c1")).status for _ in range(2)] == [503, 200]
    assert (await robot.get_token()).status == 504


async def test_trouble_can_be_healed_for_one_robot(robot: Robot, sandbox: Sandbox) -> None:
    for name in (ROBOT, "other"):
        sandbox.fail("create", status=500, times=None, robot=name)
    sandbox.heal("create", robot="other")
    assert (await robot.create("c1")).status == 500
    sandbox.heal(robot=ROBOT)
    assert (await robot.create("c1")).status == 200


async def test_the_tokens_of_one_robot_can_be_made_invalid(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.expire_tokens("other")
    assert (await robot.create("c1")).status == 200
    sandbox.expire_tokens(ROBOT)
    assert (await robot.create("c2")).code == "InvalidAuthentication"


async def test_a_call_can_hang_until_the_client_gives_up(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("create", hang=True)
    waiting = asyncio.create_task(robot.create("c1"))
    await sandbox.until(lambda: sandbox.calls[-1].api == "create")
    assert (await robot.get_token()).status == 200, "the others go on"
    assert not waiting.done()
    waiting.cancel()
    assert [call.status for call in sandbox.calls if call.api == "create"] == [0]


async def test_a_handshake_can_be_refused(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("connect", status=503)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with robot.line():
            pass
    assert refused.value.status == 503


async def test_trouble_with_an_unknown_api_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="createe"):
        sandbox.fail("createe", status=500)


async def test_latency_is_added_to_every_call(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.rules.latency = 0.1
    await robot.create("c1")
    assert (sandbox.calls[-1].seconds or 0.0) >= 0.1


async def test_every_call_is_recorded(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    await robot.create("c1")
    calls = [(call.api, call.robot, call.status, call.code) for call in sandbox.calls]
    assert calls == [
        ("token", ROBOT, 200, ""),
        ("create", ROBOT, 200, ""),
        ("create", ROBOT, 400, "param.cardAlreadyExist"),
    ]


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"\xff"])
async def test_a_body_that_is_no_object_is_refused_not_fatal(robot: Robot, body: bytes) -> None:
    headers = {"x-acs-dingtalk-access-token": robot.token}
    async with robot.http.put(f"{robot.url}/v1.0/card/streaming", data=body, headers=headers) as response:
        assert response.status == 400
