"""Card clicks: the callback on the wire, and what its answer changes."""

import json

from actors.sandbox.gateway import CARD_TOPIC
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import Line, Robot


async def test_a_click_is_json_in_json_in_json(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await robot.create("c1")
    assert sandbox.click("c1", "helpful", "u1", {"rating": "5"})
    frame = await line.callback()
    assert (frame["type"], frame["headers"]["topic"]) == ("CALLBACK", CARD_TOPIC)
    data = json.loads(frame["data"])
    content = {"cardPrivateData": {"actionIds": ["helpful"], "params": {"rating": "5"}}}
    assert json.loads(data["content"]) == content
    assert json.loads(data["value"]) == content
    assert (data["type"], data["outTrackId"], data["userId"], data["userIdType"]) == ("actionCallback", "c1", "u1", 1)
    assert (data["extension"], data["spaceType"]) == ("{}", "im")
    assert data["spaceId"] == sandbox.chat_id(robot.client_id, "u1")


async def test_the_answer_changes_the_clicking_persons_view_alone(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await robot.create("c1")
    sandbox.click("c1", "helpful", "u1")
    response = {
        "cardUpdateOptions": {"updateCardDataByKey": True},
        "cardData": {"cardParamMap": {"msgTitle": "谢谢"}},
        "userPrivateData": {"cardParamMap": {"clicked": "true"}},
    }
    await line.ack(await line.callback(), {"response": response})
    await sandbox.until(lambda: sandbox.cards["c1"].versions[-1].call == "click")
    card = sandbox.cards["c1"]
    assert (card.seen_by("u1")["msgTitle"], card.seen_by("u1")["clicked"]) == ("谢谢", "true")
    assert "msgTitle" not in card.seen_by("u2")
    assert (card.versions[-1].user, card.versions[-1].params["msgTitle"]) == ("u1", "谢谢")


async def test_news_for_everybody_replaces_what_one_person_saw(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await robot.create("c1")
    sandbox.click("c1", "helpful", "u1")
    await line.ack(await line.callback(), {"response": {"cardData": {"cardParamMap": {"msgTitle": "谢谢"}}}})
    await sandbox.until(lambda: sandbox.cards["c1"].views)
    await robot.update("c1", {"msgTitle": "大家看"})
    assert sandbox.cards["c1"].seen_by("u1")["msgTitle"] == "大家看"


async def test_an_answer_that_comes_late_changes_nothing(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.rules.click_deadline = 0.0
    await robot.create("c1")
    sandbox.click("c1", "helpful", "u1")
    await line.ack(await line.callback(), {"response": {"cardData": {"cardParamMap": {"msgTitle": "谢谢"}}}})
    await sandbox.until(lambda: sandbox.acks)
    assert sandbox.cards["c1"].views == {}


async def test_an_answer_of_failure_or_of_nothing_changes_nothing(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await robot.create("c1")
    answer = {"response": {"cardData": {"cardParamMap": {"msgTitle": "谢谢"}}}}
    for code, data in (
        (500, answer),
        (200, {"response": {}}),
        (200, {}),
        (200, "text"),
        (200, {"response": {"cardData": 1}}),
    ):
        sandbox.click("c1", "helpful", "u1")
        await line.ack(await line.callback(), data, code)
    await sandbox.until(lambda: len(sandbox.acks) == 5)
    assert len(sandbox.cards["c1"].versions) == 1


async def test_a_card_without_stream_callbacks_sends_none(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await robot.create("c1", callbackType="HTTP")
    assert not sandbox.click("c1", "helpful")
    assert not sandbox.pushes
