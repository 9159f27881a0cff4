"""Events of the organisation: their frame, and their repeats."""

import json
from collections.abc import AsyncIterator

import pytest

from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, SECRET, Line, Robot


@pytest.fixture
async def listener(robot: Robot, sandbox: Sandbox) -> AsyncIterator[Line]:
    """A connection that subscribed to events, which are repeated at once."""
    sandbox.rules.event_retry = sandbox.rules.event_second_retry = 0.05
    body = {"clientId": ROBOT, "clientSecret": SECRET, "subscriptions": [{"type": "EVENT", "topic": "*"}]}
    grant = (await robot.call("POST", "/v1.0/gateway/connections/open", body)).body
    async with robot.http.ws_connect(grant["endpoint"], params={"ticket": grant["ticket"]}) as socket:
        yield Line(socket, robot.http)


async def test_an_event_has_the_headers_of_the_real_one(listener: Line, sandbox: Sandbox) -> None:
    event = sandbox.event("user_add_org", {"userId": ["u1"]}, robot=ROBOT)
    frame = await listener.callback()
    assert (frame["type"], json.loads(frame["data"])) == ("EVENT", {"userId": ["u1"]})
    assert set(frame["headers"]) == {
        *("topic", "messageId", "contentType", "time"),
        *("eventType", "eventId", "eventCorpId", "eventBornTime", "eventUnifiedAppId"),
    }
    assert [frame["headers"][name] for name in ("topic", "eventType", "eventId")] == ["*", "user_add_org", event]


async def test_an_event_that_was_consumed_does_not_come_again(listener: Line, sandbox: Sandbox) -> None:
    sandbox.event("user_add_org", {}, robot=ROBOT)
    await listener.ack(await listener.callback(), {"status": "SUCCESS"})
    await sandbox.until(lambda: sandbox.acks)
    sandbox.event("user_leave_org", {}, robot=ROBOT)
    assert (await listener.callback())["headers"]["eventType"] == "user_leave_org"


@pytest.mark.parametrize("how", ["later", "failed", "silent"])
async def test_an_event_that_was_not_consumed_comes_twice_more(listener: Line, sandbox: Sandbox, how: str) -> None:
    sandbox.event("user_add_org", {}, robot=ROBOT)
    frames = []
    for _ in range(3):
        frames.append(await listener.callback())
        if how != "silent":
            status, code = ("LATER", 200) if how == "later" else ("", 500)
            await listener.ack(frames[-1], {"status": status}, code)
    assert len({frame["headers"]["eventId"] for frame in frames}) == 1
    assert len({frame["headers"]["messageId"] for frame in frames}) == 3
    sandbox.event("the_next", {}, robot=ROBOT)
    following = [(await listener.callback())["headers"]["eventType"] for _ in range(3)]
    assert following == ["the_next"] * 3


async def test_who_did_not_subscribe_hears_of_no_event(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.event("user_add_org", {}, robot=ROBOT)
    sandbox.say("你好", robot=ROBOT)
    assert (await line.callback())["type"] == "CALLBACK"


async def test_events_do_not_count_on_the_months_pushes(listener: Line, sandbox: Sandbox) -> None:
    sandbox.rules.pushes_per_month = 1
    sandbox.event("user_add_org", {}, robot=ROBOT)
    await listener.callback()
    assert not sandbox._world.counted


async def test_an_event_can_be_made_from_another_process(robot: Robot, listener: Line) -> None:
    what = {"event_type": "user_add_org", "data": {"userId": ["u1"]}, "robot": ROBOT}
    made = await robot.call("POST", "/sandbox/event", what)
    assert (await listener.callback())["headers"]["eventId"] == made.body["eventId"]
