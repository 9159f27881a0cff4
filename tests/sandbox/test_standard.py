"""StandardCards: the layout comes with the request, and no Stream client hears of a click."""

import json
from typing import Any

import pytest

from actors.sandbox.records import CardState
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Answer, Line, Robot

SEND = "/v1.0/im/v1.0/robot/interactiveCards/send"
UPDATE = "/v1.0/im/robots/interactiveCards"


def button(name: str, **more: Any) -> dict[str, Any]:
    label = {"type": "text", "text": f"按钮 {name}", "id": f"label_{name}"}
    return {
        "type": "button",
        "id": f"button_{name}",
        "label": label,
        "actionType": "request",
        "status": "normal",
    } | more


def layout(text: str = "**正在思考**", *buttons: dict[str, Any]) -> dict[str, Any]:
    """A card as the founding tutorial writes it: a title, an answer, and perhaps a row of buttons."""
    contents: list[dict[str, Any]] = [{"type": "markdown", "text": text, "id": "answer"}]
    if buttons:
        contents += [{"type": "divider", "id": "line"}, {"type": "action", "actions": list(buttons), "id": "row"}]
    return {
        "config": {"autoLayout": True, "enableForward": True},
        "header": {"title": {"type": "text", "text": "怎么退货？"}},
        "contents": contents,
    }


async def send(robot: Robot, data: Any = None, **changes: Any) -> Answer:
    """A StandardCard in the private chat of u1."""
    body = {
        "cardTemplateId": "StandardCard",
        "singleChatReceiver": '{"userId": "u1"}',
        "cardBizId": "s1",
        "robotCode": ROBOT,
        "cardData": json.dumps(layout() if data is None else data),
    }
    return await robot.call("POST", SEND, body | changes)


async def update(robot: Robot, data: Any, **more: Any) -> Answer:
    return await robot.call("PUT", UPDATE, {"cardBizId": "s1", "cardData": json.dumps(data)} | more)


# Sending


async def test_a_standard_card_stands_in_the_persons_chat(robot: Robot, sandbox: Sandbox) -> None:
    sent = await send(robot)
    assert (sent.status, set(sent.body)) == (200, {"processQueryKey"})
    card = sandbox.cards["s1"]
    assert card.chats == [sandbox.chat_id(ROBOT, "u1")]
    assert (card.title, card.text, card.state) == ("怎么退货？", "**正在思考**", CardState.FINISHED)


async def test_a_standard_card_can_go_to_a_group(robot: Robot, sandbox: Sandbox) -> None:
    chat = sandbox.chat_id(ROBOT, group="产品群")
    assert (await send(robot, singleChatReceiver=None, openConversationId=chat)).status == 200
    assert sandbox.cards["s1"].chats == [chat]


async def test_the_text_is_what_the_contents_say(robot: Robot, sandbox: Sandbox) -> None:
    contents = [
        {"type": "text", "text": "一", "id": "t1"},
        {"type": "divider", "id": "d1"},
        {"type": "section", "content": {"type": "text", "text": "二", "id": "t2"}, "id": "s1"},
        {"type": "image", "image": "@media", "id": "i1"},
        {"type": "markdown", "text": "**三**", "id": "m1"},
    ]
    await send(robot, {"contents": contents})
    assert (sandbox.cards["s1"].title, sandbox.cards["s1"].text) == ("", "一\n\n二\n\n**三**")


async def test_buttons_are_read_from_actions_and_from_sections(robot: Robot, sandbox: Sandbox) -> None:
    data = layout("答", button("a", value='{"rating": 1}'), button("b", status="primary"))
    data["contents"].append({"type": "section", "id": "s", "extra": button("c", status="warning")})
    await send(robot, data)
    assert sandbox.cards["s1"].buttons() == [
        {"id": "button_a", "text": "按钮 a", "value": '{"rating": 1}', "color": ""},
        {"id": "button_b", "text": "按钮 b", "value": "", "color": "blue"},
        {"id": "button_c", "text": "按钮 c", "value": "", "color": "red"},
    ]


async def test_a_button_that_opens_a_link_has_its_address(robot: Robot, sandbox: Sandbox) -> None:
    link = button("a", actionType="openLink", url={"all": "https://example.com/"})
    await send(robot, layout("答", link))
    assert sandbox.cards["s1"].buttons()[0]["url"] == "https://example.com/"


async def test_a_card_remembers_whom_it_mentions(robot: Robot, sandbox: Sandbox) -> None:
    people = json.dumps([{"nickName": "李明", "userId": "u1"}, {"nickName": "王芳", "unionId": "x"}])
    await send(robot, sendOptions={"atUserListJson": people})
    assert sandbox.cards["s1"].mentions == ("u1",)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cardBizId": None}, "invalid.bizId"),
        ({"cardBizId": "x" * 101}, "invalid.bizId"),
        ({"cardTemplateId": "own.schema"}, "param.error"),
        ({"robotCode": "another"}, "invalid.robotCode"),
        ({"singleChatReceiver": None}, "param.error"),
        ({"openConversationId": "cid1"}, "param.error"),
        ({"singleChatReceiver": "u1"}, "param.error"),
        ({"singleChatReceiver": '{"userId": "nobody"}'}, "invalid.user"),
        ({"singleChatReceiver": None, "openConversationId": "cid1"}, "invalid.openConversationId"),
        ({"cardData": layout()}, "param.error"),
        ({"cardData": "[]"}, "param.error"),
        ({"cardData": "{}"}, "param.error"),
        ({"cardData": '{"contents": ["text"]}'}, "param.error"),
        ({"sendOptions": {"atUserListJson": "u1"}}, "param.error"),
        ({"sendOptions": {"atUserListJson": json.dumps([{"userId": "u1"}] * 31)}}, "param.error"),
    ],
)
async def test_a_wrong_standard_card_is_refused_and_leaves_nothing(
    robot: Robot, sandbox: Sandbox, changes: dict[str, Any], code: str
) -> None:
    refused = await send(robot, **changes)
    assert (refused.status, refused.code) == (400, code)
    assert not sandbox.cards


async def test_an_element_without_an_id_is_refused(robot: Robot) -> None:
    assert (await send(robot, layout("答", button("a", id=None)))).code == "param.error"


async def test_ids_that_occur_twice_are_refused_unless_the_rule_says_otherwise(robot: Robot, sandbox: Sandbox) -> None:
    same = layout("答", button("a"), button("b", label={"type": "text", "text": "b", "id": "label_a"}))
    assert (await send(robot, same)).code == "param.error"
    sandbox.rules.unique_element_ids = False
    assert (await send(robot, same)).status == 200


async def test_the_same_card_again_is_the_same_card_unchanged(robot: Robot, sandbox: Sandbox) -> None:
    await send(robot)
    assert (await send(robot, layout("别的"))).status == 200
    assert (sandbox.cards["s1"].text, len(sandbox.cards["s1"].chats)) == ("**正在思考**", 1)
    sandbox.rules.standard_card_again = False
    assert (await send(robot)).code == "create.cardInstance.failed"


async def test_an_id_that_another_kind_of_card_has_is_refused(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("s1")
    assert (await send(robot)).code == "create.cardInstance.failed"
    assert sandbox.cards["s1"].text == "…"


# Updating


async def test_an_update_replaces_the_whole_card(robot: Robot, sandbox: Sandbox) -> None:
    await send(robot)
    updated = await update(robot, layout("答案", button("a")))
    assert (updated.status, set(updated.body)) == (200, {"processQueryKey"})
    card = sandbox.cards["s1"]
    assert (card.text, [each["id"] for each in card.buttons()]) == ("答案", ["button_a"])
    assert [(version.call, version.text) for version in card.versions] == [
        ("standard", "**正在思考**"),
        ("standard_update", "答案"),
    ]


async def test_an_update_by_key_keeps_the_other_parts(robot: Robot, sandbox: Sandbox) -> None:
    await send(robot)
    part = {"contents": [{"type": "text", "text": "答案", "id": "a"}]}
    await update(robot, part, updateOptions={"updateCardDataByKey": True})
    assert (sandbox.cards["s1"].title, sandbox.cards["s1"].text) == ("怎么退货？", "答案")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cardBizId": ""}, "invalid.bizId"),
        ({"cardBizId": "none"}, "cardInstance.notExist"),
        ({"cardBizId": "c1"}, "cardInstance.notExist"),
        ({"cardData": None}, "param.error"),
        ({"cardData": None, "updateOptions": {"updateCardDataByKey": True}}, "param.error"),
        ({"cardData": '{"contents": [{"type": "text", "text": "x"}]}'}, "param.error"),
    ],
)
async def test_a_wrong_update_of_a_standard_card_is_refused_and_changes_nothing(
    robot: Robot, sandbox: Sandbox, changes: dict[str, Any], code: str
) -> None:
    await send(robot)
    await robot.create("c1")
    refused = await update(robot, layout("答案"), **changes)
    assert (refused.status, refused.code) == (400, code)
    assert len(sandbox.cards["s1"].versions) == 1


async def test_a_robot_cannot_touch_the_card_of_another() -> None:
    async with Sandbox() as sandbox, Robot.at(sandbox.url) as robot, Robot.at(sandbox.url, "other") as other:
        await send(robot)
        assert (await update(other, layout("答案"))).code == "cardInstance.notExist"
        assert (await send(other, robotCode="other")).code == "create.cardInstance.failed"


# What they are not


async def test_a_standard_card_takes_no_calls_of_template_cards(robot: Robot, sandbox: Sandbox) -> None:
    await send(robot)
    assert (await robot.stream("s1", "一")).code == "param.stream.outTrackId"
    assert (await robot.update("s1", {"title": "x"})).code == "param.cardNotExist"
    assert (await robot.create("s1")).code == "param.cardAlreadyExist"
    assert len(sandbox.cards["s1"].versions) == 1


async def test_a_click_reaches_no_stream_client(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await send(robot, layout("答", button("a")))
    assert not sandbox.click("s1", "button_a", "u1")
    assert not sandbox.pushes


async def test_trouble_and_limits_go_by_their_names(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.fail("standard", status=500)
    sandbox.fail("standard_update", status=504)
    assert [(await send(robot)).status for _ in range(2)] == [500, 200]
    assert [(await update(robot, layout())).status for _ in range(2)] == [504, 200]
    assert [call.api for call in sandbox.calls[1:]] == ["standard"] * 2 + ["standard_update"] * 2
