"""What the inspector is told: every frame and call, with its conversation, its end and what passed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors.sandbox.inspection import limits
from actors.sandbox.page import HEARTBEAT
from actors.sandbox.records import Call
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from actors.sandbox.trace import LATEST, Stray, Trace
from actors.sandbox.troubles import TROUBLES
from tests.sandbox.robot import PATIENCE, ROBOT, Line, Robot


class Stream:
    """The page's stream, as far as it was read."""

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self.news: dict[str, Any] = {}

    async def read(
        self, until: str, name: str = "", *, then: Callable[[], Awaitable[object]] | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Read a new stream until there is a row of this name, or news of this kind, with these fields; `then` is done
        when the stream has begun."""
        async with asyncio.timeout(PATIENCE), self._robot.http.get(f"{self._robot.url}/sandbox/events") as response:
            kind = ""
            async for line in response.content:
                label, _, text = line.decode().strip().partition(": ")
                if label == "event":
                    kind = text
                elif label == "data":
                    self.news[kind] = data = json.loads(text)
                    if then and kind == "limits":
                        await then()
                        then = None
                    found = data["events"] if kind == "events" else [data]
                    for each in found if kind == until else ():
                        if each.get("name", "") == name and fields.items() <= each.items():
                            return dict(each)
        raise AssertionError


async def get(robot: Robot, path: str, **query: str) -> tuple[int, Any]:
    async with robot.http.get(f"{robot.url}{path}", params=query) as response:
        return response.status, await response.json(content_type=None) if response.status == 200 else None


async def test_a_message_is_seen_with_its_conversation_and_its_ack(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("怎么退货？", robot=ROBOT)
    await line.message()
    seen = await Stream(robot).read("events", "message", state="ok")
    assert (seen["note"], seen["code"], seen["way"], seen["where"]) == (
        "怎么退货？",
        "ack 200",
        "out",
        f"李明 → {ROBOT}",
    )
    _, details = await get(robot, f"/sandbox/event/{seen['id']}")
    assert details["parts"]["data"]["text"] == {"content": "怎么退货？"}
    assert details["parts"]["ack"] == {"response": None}


async def test_what_happens_is_told_as_it_happens(robot: Robot) -> None:
    seen = await Stream(robot).read("events", "create", state="ok", then=lambda: robot.create("c1"))
    assert seen["card"] == "c1"


async def test_an_ack_is_told_when_it_comes(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("怎么退货？", robot=ROBOT)
    frame = await line.callback()
    stream = Stream(robot)

    async def ack() -> None:
        assert stream.news["events"]["events"][-1]["code"] == "no ack"
        await line.ack(frame)

    assert (await stream.read("events", "message", then=ack, state="ok"))["code"] == "ack 200"


async def test_calls_of_the_last_second_pass(robot: Robot) -> None:
    """Nothing else happens that would have the limits told."""
    await robot.create("c1")
    stream = Stream(robot)
    async with asyncio.timeout(HEARTBEAT - 3.0):
        await stream.read("limits", rates=[{"robot": ROBOT, "api": "create", "now": 0, "peak": 1}])


async def test_a_message_that_reached_no_robot_is_seen_as_lost(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.say("有人吗？", robot=ROBOT)
    assert (await Stream(robot).read("events", "message"))["code"] == "lost"


async def test_every_kind_of_call_is_seen_in_its_conversation(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    webhook = (await line.message())["sessionWebhook"]
    chat = sandbox.chat_id(ROBOT)
    await robot.call("POST", webhook, {"msgtype": "text", "text": {"content": "您好"}})
    await robot.create("c1")
    await robot.stream("c1", "答")
    body = {"robotCode": ROBOT, "userIds": ["u1"], "msgKey": "sampleText", "msgParam": '{"content": "您好"}'}
    await robot.call("POST", "/v1.0/robot/oToMessages/batchSend", body)
    stream = Stream(robot)
    await stream.read("limits")
    seen = {each["name"]: each["chat"] for each in stream.news["events"]["events"] if each["kind"] == "call"}
    assert seen == {"token": "", "open": "", **dict.fromkeys(("webhook", "create", "streaming", "oto"), chat)}


async def test_a_refused_call_is_bad_and_says_why(robot: Robot) -> None:
    await robot.stream("none", "答")
    seen = await Stream(robot).read("events", "streaming")
    assert (seen["state"], seen["code"]) == ("bad", "400 param.stream.outTrackId")
    _, details = await get(robot, f"/sandbox/event/{seen['id']}")
    assert details["parts"]["request"]["content"] == "答"
    assert details["parts"]["answer"]["code"] == "param.stream.outTrackId"


async def test_a_call_that_met_trouble_names_it(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.switch("qps", api="create")
    await robot.create("c1")
    assert (await Stream(robot).read("events", "create"))["trouble"] == "qps"


async def test_no_secret_is_shown(robot: Robot, line: Line) -> None:
    stream = Stream(robot)
    await stream.read("limits")
    assert {"token", "open"} <= {each["name"] for each in stream.news["events"]["events"]}
    for each in stream.news["events"]["events"]:
        _, details = await get(robot, f"/sandbox/event/{each['id']}")
        assert robot.secret not in str(details)
        assert robot.token not in str(details)


async def test_a_connection_is_seen_from_its_beginning_to_its_end(robot: Robot, sandbox: Sandbox) -> None:
    async with robot.line():
        assert (await Stream(robot).read("events", "connection"))["code"] == "open"
        sandbox.roll(ROBOT)
        assert (await Stream(robot).read("events", "connection"))["code"] == "rolled"
    assert (await Stream(robot).read("events", "connection", code="closed 1000"))["state"] == "ok"


async def test_an_ack_of_nothing_is_seen(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await line.ack({"headers": {"messageId": "none"}})
    assert (await Stream(robot).read("events", "stray ack"))["state"] == "bad"


async def test_the_updates_of_a_card_are_listed(robot: Robot) -> None:
    await robot.create("c1")
    await robot.stream("c1", "请在")
    await robot.stream("c1", "请在七天内", isFinalize=True)
    _, told = await get(robot, "/sandbox/updates", card="c1")
    assert [(each["call"], each["text"], each["grew"]) for each in told["updates"]] == [
        ("create", "…", 1),
        ("streaming", "请在", 1),
        ("streaming", "请在七天内", 3),
    ]
    assert told["state"] == "FINISHED"


@pytest.mark.parametrize("path", ["/sandbox/event/999999", "/sandbox/updates?card=none"])
async def test_what_is_forgotten_is_404(robot: Robot, path: str) -> None:
    assert (await get(robot, path))[0] == 404


async def test_a_page_is_told_of_the_time_that_an_answer_took(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("怎么退货？", robot=ROBOT)
    await line.message()
    await robot.create("c1")
    await robot.stream("c1", "请在七天内", isFinalize=True)
    stream = Stream(robot)
    await stream.read("limits")
    (question,) = stream.news["questions"]["questions"]
    assert (question["state"], set(question["moments"])) == ("done", {"ack", "card", "token", "final"})


async def test_a_message_to_two_robots_is_a_question_to_each(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    for name in (ROBOT, "other"):
        sandbox.say("你们好", robot=name, group="产品群", message_id="m1")
    stream = Stream(robot)
    await stream.read("limits")
    questions = stream.news["questions"]["questions"]
    assert [(each["robot"], each["state"]) for each in questions] == [(ROBOT, "waiting"), ("other", "lost")]
    assert len({each["id"] for each in questions}) == 2


def test_the_trace_forgets_the_oldest() -> None:
    trace = Trace(limit=3)
    for number in range(5):
        trace.note(Stray("bot", str(number), ""))
    assert [event.id for event in trace] == [3, 4, 5]
    assert LATEST <= 1000


def test_a_record_noted_again_is_the_same_event() -> None:
    trace, call = Trace(3), Call("create", "bot", 0.0, {})
    first = trace.note(call, trouble="qps")
    assert trace.note(call, answer={"code": "x"}) is first
    assert (first.trouble, first.answer, len(trace)) == ("qps", {"code": "x"}, 1)


# Limits


def calls(*at: float, api: str = "streaming", code: str = "") -> list[Call]:
    return [Call(api, "bot", each, {}, 200, code) for each in at]


def test_the_calls_of_the_last_second_and_of_the_busiest_are_counted() -> None:
    (rate,) = limits(calls(10.0, 10.5, 10.9, 12.0, 12.6), {}, Rules(), 13.5)["rates"]
    assert (rate["now"], rate["peak"]) == (1, 3)


def test_calls_longer_ago_than_a_minute_are_no_peak() -> None:
    assert limits(calls(10.0, 10.1), {}, Rules(), 100.0)["rates"] == []


def test_calls_that_were_refused_for_their_rate_are_not_counted() -> None:
    refused = calls(10.0, code=TROUBLES["qps"].order["code"])
    (rate,) = limits([*refused, *calls(10.0)], {}, Rules(), 10.0)["rates"]
    assert rate["now"] == 1


async def test_the_months_quota_counts_messages_and_cards_but_no_tokens(
    sandbox: Sandbox, robot: Robot, line: Line
) -> None:
    sandbox.say("你好", robot=ROBOT)
    webhook = (await line.message())["sessionWebhook"]
    await robot.call("POST", webhook, {"msgtype": "text", "text": {"content": "您好"}})
    await robot.create("c1")
    await robot.stream("c1", "答案")
    told = limits(sandbox.calls, sandbox._world.counted, Rules(), 0.0)
    assert (told["calls"], told["pushes"]) == ({"used": 2, "limit": 5000}, {"used": 2, "limit": 3000})


def test_the_quota_that_the_rules_have_is_the_limit() -> None:
    told = limits([], {"calls": 7}, Rules(calls_per_month=10, pushes_per_month=20), 0.0)
    assert (told["calls"], told["pushes"]) == ({"used": 7, "limit": 10}, {"used": 0, "limit": 20})
