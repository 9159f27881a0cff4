"""The control over HTTP, and who may use it."""

from typing import Any

import pytest

from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Line, Robot


async def post(robot: Robot, action: str, body: Any, **headers: str) -> tuple[int, Any]:
    async with robot.http.post(f"{robot.url}/sandbox/{action}", json=body, headers=headers) as response:
        return response.status, await response.json(content_type=None) if response.status < 401 else None


async def get(robot: Robot, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    async with robot.http.get(f"{robot.url}{path}", headers=headers) as response:
        return response.status, await response.text(), dict(response.headers)


async def test_somebody_speaks(robot: Robot, line: Line) -> None:
    status, said = await post(robot, "say", {"robot": ROBOT, "sender": "u2", "text": "你好"})
    assert (status, said["delivered"]) == (200, True)
    message = await line.message()
    assert (message["msgId"], message["senderNick"]) == (said["msgId"], "王芳")


async def test_a_nick_holds_from_when_its_person_is_first_seen(robot: Robot, line: Line) -> None:
    for nick in ("访客", "somebody else"):
        await post(robot, "say", {"robot": ROBOT, "sender": "guest", "nick": nick, "text": "你好"})
        assert (await line.message())["senderNick"] == "访客"


async def test_a_file_is_attached_by_its_bytes_in_base64(robot: Robot, line: Line) -> None:
    status, attached = await post(robot, "attach", {"data": "5L2g5aW9", "name": "a.txt", "kind": "text/plain"})
    assert status == 200
    body = {"downloadCode": attached["downloadCode"], "robotCode": ROBOT}
    url = (await robot.call("POST", "/v1.0/robot/messageFiles/download", body)).body["downloadUrl"]
    async with robot.http.get(url) as response:
        assert (await response.text("utf-8"), response.content_type) == ("你好", "text/plain")


async def test_a_group_is_founded_by_asking_for_its_id(robot: Robot, sandbox: Sandbox) -> None:
    _, group = await post(robot, "chat_id", {"robot": ROBOT, "group": "产品群"})
    assert group == {"id": sandbox.chat_id(ROBOT, group="产品群")}


async def test_a_click_travels(robot: Robot, line: Line) -> None:
    await robot.create("c1")
    assert await post(robot, "click", {"card": "c1", "button": "b1", "user": "u1"}) == (200, {"delivered": True})
    assert '"outTrackId": "c1"' in (await line.callback())["data"]


async def test_connections_can_be_rolled_closed_and_aborted(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    assert await post(robot, "roll", {"robot": ROBOT}) == (200, {"connections": 1})
    assert await post(robot, "abort", {"robot": ROBOT}) == (200, {"connections": 1})
    await line.end()
    async with robot.line() as other:
        closing = post(robot, "close", {"robot": ROBOT, "code": 4000})
        _, message = [await closing, await other.end()]
        assert message.data == 4000


async def test_trouble_is_ordered_and_healed(robot: Robot) -> None:
    assert await post(robot, "fail", {"api": "create", "status": 500, "times": None}) == (200, {})
    assert (await robot.create("c1")).status == 500
    assert await post(robot, "heal", {}) == (200, {})
    assert (await robot.create("c1")).status == 200


async def test_rules_change_at_once(robot: Robot, sandbox: Sandbox) -> None:
    status, rules = await post(robot, "rules", {"latency": 0.01, "streaming_after_finalize": True})
    assert (status, rules["latency"], rules["calls_per_second"]) == (200, 0.01, 20)
    assert sandbox.rules.streaming_after_finalize is True


@pytest.mark.parametrize(
    "rules", [{"latencyy": 1}, {"latency": True}, {"streaming_after_finalize": 1}, {"latency": "1"}]
)
async def test_a_rule_that_is_none_is_refused(robot: Robot, sandbox: Sandbox, rules: dict[str, Any]) -> None:
    status, problem = await post(robot, "rules", rules)
    assert status == 400
    assert next(iter(rules)) in problem["error"]
    assert sandbox.rules.latency == 0.0


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("say", {"text": "?"}),
        ("say", {"robot": ROBOT, "text": "?", "sneder": "u1"}),
        ("say", []),
        ("say", {"robot": ROBOT, "text": "?", "quoting": 99}),
        ("attach", {"name": "a.txt", "data": "no base64!"}),
        ("click", {"card": "none", "button": "b"}),
        ("fail", {"api": "createe"}),
        ("close", {"robot": ROBOT, "kode": 1}),
    ],
)
async def test_wrong_arguments_are_named(robot: Robot, action: str, body: Any) -> None:
    status, problem = await post(robot, action, body)
    assert status == 400
    assert problem["error"]


async def test_whether_a_message_was_delivered_is_told_of_the_robot_that_it_went_to(robot: Robot, line: Line) -> None:
    for client_id, delivered in ((ROBOT, True), ("dingother", False), (ROBOT, True)):
        _, told = await post(robot, "say", {"robot": client_id, "text": "你们好", "group": "群", "message_id": "m1"})
        assert told == {"msgId": "m1", "delivered": delivered}


async def test_an_unknown_action_is_404(robot: Robot) -> None:
    assert (await post(robot, "explode", {}))[0] == 404


async def test_the_state_shows_everything_but_secrets(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    data = await line.message()
    await robot.create("c1")
    await robot.stream("c1", "答案", isFinalize=True)
    await robot.call("POST", data["sessionWebhook"], {"msgtype": "text", "text": {"content": "您好"}})
    await sandbox.until(lambda: sandbox.acks)
    async with robot.http.get(f"{robot.url}/sandbox/state") as response:
        state = await response.json()
    (card,) = state["cards"]
    assert (card["id"], card["state"], card["text"]) == ("c1", "FINISHED", "答案")
    assert [version["call"] for version in card["versions"]] == ["create", "streaming"]
    assert (state["said"][0]["acked"], state["messages"][0]["text"], state["acks"][0]["code"]) == (True, "您好", 200)
    assert (len(state["connections"]), len(state["opens"]), state["rules"]["calls_per_second"]) == (1, 1, 20)
    assert {call["api"] for call in state["calls"]} == {"token", "open", "create", "streaming", "webhook"}
    assert robot.secret not in str(state)
    assert robot.token not in str(state)


# Who may


@pytest.mark.parametrize("path", ["/", "/static/chat.js", "/sandbox/state"])
async def test_every_page_has_a_strict_policy(robot: Robot, path: str) -> None:
    status, _, headers = await get(robot, path)
    assert status == 200
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}])
async def test_pages_from_elsewhere_are_refused(robot: Robot, sandbox: Sandbox, headers: dict[str, str]) -> None:
    assert (await post(robot, "say", {"robot": ROBOT, "text": "你好"}, **headers))[0] == 403
    assert (await get(robot, "/sandbox/state", **headers))[0] == 403
    assert not sandbox.said


async def test_pages_from_elsewhere_cannot_play_a_robot(robot: Robot) -> None:
    url, headers = f"{robot.url}/v1.0/gateway/connections/open", {"Origin": "http://evil.example"}
    async with robot.http.post(url, data=b"{}", headers=headers) as response:
        assert response.status == 403


async def test_our_own_page_may(robot: Robot, sandbox: Sandbox) -> None:
    assert (await post(robot, "say", {"robot": ROBOT, "text": "你好"}, Origin=sandbox.url))[0] == 200


async def test_a_body_that_a_form_could_send_is_refused(robot: Robot, sandbox: Sandbox) -> None:
    body, headers = b'{"robot": "dingrobot", "text": "hi"}', {"Content-Type": "text/plain"}
    async with robot.http.post(f"{robot.url}/sandbox/say", data=body, headers=headers) as response:
        assert response.status == 415
    assert not sandbox.said


async def test_files_beside_the_pages_are_out_of_reach(robot: Robot) -> None:
    assert (await get(robot, "/static/..%2fserver.py"))[0] in {403, 404}


async def test_a_robot_may_know_the_sandbox_by_any_name(robot: Robot) -> None:
    async with robot.http.post(f"{robot.url}/v1.0/oauth2/accessToken", headers={"Host": "dingtalk:8080"}) as response:
        assert response.status == 400, "refused for its empty body, not for the name"
