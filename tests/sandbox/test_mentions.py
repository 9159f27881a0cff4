"""Who is called with an @: by a plain message, by a template card, by a StandardCard."""

import json
from typing import Any

import pytest

from actors.sandbox.records import EVERYBODY
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Line, Robot


@pytest.mark.parametrize(
    ("at", "mentions"),
    [
        ({"atUserIds": ["u1", "u2"]}, ("u1", "u2")),
        ({"atUserIds": ["u1"], "isAtAll": False}, ("u1",)),
        ({"isAtAll": True}, (EVERYBODY,)),
        ({"atMobiles": ["138"]}, ()),
        (None, ()),
        ("u1", ()),
        ({"atUserIds": "u1"}, ()),
        ({"atUserIds": [7, "u1"]}, ("u1",)),
    ],
)
async def test_a_message_by_webhook_mentions_people(
    robot: Robot, line: Line, sandbox: Sandbox, at: Any, mentions: tuple[str, ...]
) -> None:
    sandbox.say("你好", robot=ROBOT, group="产品群")
    body = {"msgtype": "text", "text": {"content": "@u1 您好"}, "at": at}
    answer = await robot.call("POST", (await line.message())["sessionWebhook"], body)
    assert answer.body["errcode"] == 0
    assert sandbox.messages[0].mentions == mentions


async def in_group(robot: Robot, sandbox: Sandbox, **more: Any) -> tuple[str, ...]:
    """Whom a card in a group mentions."""
    delivery = more.pop("delivery", {})
    fields: dict[str, Any] = {
        "openSpaceId": f"dtv1.card//IM_GROUP.{sandbox.chat_id(ROBOT, group='产品群')}",
        "imGroupOpenSpaceModel": {},
        "imGroupOpenDeliverModel": {"robotCode": ROBOT} | delivery,
    }
    assert (await robot.create("c1", **fields | more)).status == 200
    return sandbox.cards["c1"].mentions


@pytest.mark.parametrize(
    ("fields", "mentions"),
    [
        ({}, ()),
        ({"delivery": {"atUserIds": {"u1": "李明"}}}, ("u1",)),
        ({"cardAtUserIds": ["u2"]}, ("u2",)),
        ({"cardAtUserIds": ["u1"], "delivery": {"atUserIds": {"u1": "李明", "u2": "王芳"}}}, ("u1", "u2")),
        ({"delivery": {"atUserIds": {"@ALL": "@ALL"}}}, (EVERYBODY,)),
        ({"delivery": {"atUserIds": "u1"}}, ()),
    ],
)
async def test_a_card_in_a_group_mentions_people(
    robot: Robot, sandbox: Sandbox, fields: dict[str, Any], mentions: tuple[str, ...]
) -> None:
    assert await in_group(robot, sandbox, **fields) == mentions


async def test_a_standard_card_can_mention_everybody(robot: Robot, sandbox: Sandbox) -> None:
    body = {
        "cardTemplateId": "StandardCard",
        "openConversationId": sandbox.chat_id(ROBOT, group="产品群"),
        "cardBizId": "s1",
        "robotCode": ROBOT,
        "cardData": json.dumps({"contents": []}),
        "sendOptions": {"atAll": True, "atUserListJson": json.dumps([{"userId": "u1"}])},
    }
    assert (await robot.call("POST", "/v1.0/im/v1.0/robot/interactiveCards/send", body)).status == 200
    assert sandbox.cards["s1"].mentions == (EVERYBODY, "u1")
