"""Robot messages in and out: payloads, session webhooks, the robot-message APIs."""

import json
import time
from typing import Any

import pytest

from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Line, Robot

HELLO = {"msgtype": "text", "text": {"content": "您好"}}
FEED = {"title": "新闻", "messageURL": "u", "picURL": "p"}

# What a robot receives


async def test_a_private_text_has_the_fields_of_the_real_one(line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT, sender="u1")
    data = await line.message()
    assert data["text"] == {"content": "你好"}
    assert (data["msgtype"], data["conversationType"], data["robotCode"]) == ("text", "1", ROBOT)
    assert (data["senderStaffId"], data["senderNick"]) == ("u1", "李明")
    assert data["senderId"].startswith("$:LWCP_v1:$")
    assert data["conversationId"].startswith("cid")
    assert {"chatbotCorpId", "chatbotUserId", "senderCorpId", "isAdmin", "createAt", "senderPlatform"} <= set(data)
    assert "conversationTitle" not in data


async def test_a_session_webhook_lives_for_ninety_minutes(line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    data = await line.message()
    assert data["sessionWebhook"].startswith(f"{sandbox.url}/robot/sendBySession?session=")
    assert data["sessionWebhookExpiredTime"] - data["createAt"] == pytest.approx(5_400_000, abs=5)


async def test_in_a_group_the_mention_leaves_a_blank(line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT, group="产品群")
    data = await line.message()
    assert data["text"]["content"] == " 你好"
    assert (data["conversationType"], data["conversationTitle"], data["isInAtList"]) == ("2", "产品群", True)
    assert data["atUsers"] == [{"dingtalkId": data["chatbotUserId"]}]


async def test_somebody_from_outside_has_no_staff_id(line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT, sender="guest", nick="访客", staff=False)
    data = await line.message()
    assert "senderStaffId" not in data
    assert (data["senderNick"], data["senderId"].startswith("$:")) == ("访客", True)


@pytest.mark.parametrize(
    ("msgtype", "content"),
    [
        ("richText", {"richText": [{"text": "看图"}, {"type": "picture", "downloadCode": "d"}]}),
        ("picture", {"downloadCode": "d", "pictureDownloadCode": "p"}),
        ("audio", {"duration": 4000, "downloadCode": "d", "recognition": "你好"}),
        ("video", {"duration": "5", "videoType": "mp4", "downloadCode": "d"}),
        ("file", {"fileName": "a.zip", "downloadCode": "d", "spaceId": "1", "fileId": "2"}),
        ("unknownMsgType", {"unknownMsgType": "暂不支持"}),
    ],
)
async def test_other_kinds_of_message_carry_their_content(
    line: Line, sandbox: Sandbox, msgtype: str, content: dict[str, Any]
) -> None:
    sandbox.say("", robot=ROBOT, msgtype=msgtype, content=content)
    data = await line.message()
    assert (data["msgtype"], data["content"]) == (msgtype, content)
    assert "text" not in data


@pytest.mark.parametrize("msgtype", ["audio", "video", "file"])
async def test_audio_video_and_files_do_not_reach_a_robot_from_a_group(
    line: Line, sandbox: Sandbox, msgtype: str
) -> None:
    sandbox.say("", robot=ROBOT, group="产品群", msgtype=msgtype, content={"downloadCode": "d"})
    sandbox.say("你好", robot=ROBOT, group="产品群")
    assert (await line.message())["msgtype"] == "text"
    assert [said.delivered for said in sandbox.said] == [False, True]


async def test_a_quote_joins_the_text(line: Line, sandbox: Sandbox) -> None:
    sandbox.say("这个呢", robot=ROBOT, content={"isReplyMsg": True, "repliedMsg": {"msgType": "text"}})
    assert (await line.message())["text"] == {
        "content": "这个呢",
        "isReplyMsg": True,
        "repliedMsg": {"msgType": "text"},
    }


@pytest.mark.parametrize(
    ("said", "kind", "content"),
    [
        ({"text": "原话"}, "text", {"text": "原话"}),
        ({"text": "", "msgtype": "file", "content": {"fileName": "a"}}, "file", {"fileName": "a"}),
    ],
)
async def test_what_a_person_said_can_be_quoted_by_its_line(
    line: Line, sandbox: Sandbox, said: dict[str, Any], kind: str, content: dict[str, str]
) -> None:
    sandbox.say(robot=ROBOT, sender="u2", **said)
    first = await line.message()
    sandbox.say("这个呢", robot=ROBOT, quoting=sandbox.entries[-1].id)
    text = (await line.message())["text"]
    replied = text["repliedMsg"]
    assert (text["content"], text["isReplyMsg"], replied["msgType"], replied["content"]) == (
        "这个呢",
        True,
        kind,
        content,
    )
    assert (replied["msgId"], replied["senderId"]) == (first["msgId"], first["senderId"])
    assert sandbox.said[-1].quote is not None
    assert sandbox.said[-1].quote.nick == "王芳"


async def test_a_robots_message_can_be_quoted(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    body = {"msgtype": "text", "text": {"content": "**您好**"}}
    first = await line.message()
    await robot.call("POST", first["sessionWebhook"], body)
    sandbox.say("谢谢", robot=ROBOT, quoting=sandbox.entries[-1].id)
    replied = (await line.message())["text"]["repliedMsg"]
    assert (replied["content"], replied["senderId"]) == ({"text": "**您好**"}, first["chatbotUserId"])
    assert sandbox.said[-1].quote is not None
    assert sandbox.said[-1].quote.text == "您好"


async def test_people_who_are_mentioned_in_a_group_are_named_beside_the_robot(line: Line, sandbox: Sandbox) -> None:
    sandbox.say("一起看 @王芳", robot=ROBOT, group="产品群", at=["u2"])
    message = await line.message()
    assert message["atUsers"][0] == {"dingtalkId": message["chatbotUserId"]}
    assert [user.get("staffId") for user in message["atUsers"]] == [None, "u2"]


async def test_a_payload_can_be_bent_in_any_way(line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT, changes={"text": None, "errorCode": 20001, "msgId": 7})
    data = await line.message()
    assert "text" not in data
    assert (data["errorCode"], data["msgId"]) == (20001, 7)


async def test_a_chat_keeps_its_id_and_people_do_not_share_one(line: Line, sandbox: Sandbox) -> None:
    chats = []
    for sender, group in (("u1", None), ("u1", None), ("u2", None), ("u1", "g"), ("u2", "g")):
        sandbox.say("你好", robot=ROBOT, sender=sender, group=group)
        chats.append((await line.message())["conversationId"])
    assert chats[0] == chats[1] == sandbox.chat_id(ROBOT, "u1")
    assert chats[3] == chats[4] == sandbox.chat_id(ROBOT, group="g")
    assert len(set(chats)) == 3


# Session webhooks


async def webhook_of(line: Line, sandbox: Sandbox) -> str:
    """A fresh session webhook."""
    sandbox.say("你好", robot=ROBOT)
    return str((await line.message())["sessionWebhook"])


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (HELLO, ("text", "", "您好")),
        ({"msgtype": "markdown", "markdown": {"title": "标题", "text": "**您好**"}}, ("markdown", "标题", "**您好**")),
        ({"msgtype": "link", "link": {"title": "标题", "text": "您好", "messageUrl": "u"}}, ("link", "标题", "您好")),
        ({"msgtype": "feedCard", "feedCard": {"links": [FEED, FEED]}}, ("feedCard", "", "[新闻](u)\n\n[新闻](u)")),
    ],
)
async def test_an_answer_by_webhook_stands_in_the_chat(
    robot: Robot, line: Line, sandbox: Sandbox, body: dict[str, Any], seen: tuple[str, str, str]
) -> None:
    webhook = await webhook_of(line, sandbox)
    assert (await robot.call("POST", webhook, body)).body == {"errcode": 0, "errmsg": "ok"}
    (message,) = sandbox.messages
    assert (message.kind, message.title, message.text) == seen
    assert (message.via, message.robot, message.chat) == ("webhook", ROBOT, sandbox.chat_id(ROBOT, "u1"))


async def test_a_session_that_is_over_says_so_with_http_200(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.rules.webhook_life = 0.0
    answer = await robot.call("POST", await webhook_of(line, sandbox), HELLO)
    assert (answer.status, answer.body) == (200, {"errcode": 300001, "errmsg": "session 不存在"})
    assert not sandbox.messages


async def test_the_session_of_an_older_message_stays_good(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    older, newer = await webhook_of(line, sandbox), await webhook_of(line, sandbox)
    assert older != newer
    assert (await robot.call("POST", older, HELLO)).body["errcode"] == 0


async def test_a_session_of_nobody_is_over(robot: Robot) -> None:
    answer = await robot.call("POST", "/robot/sendBySession?session=none", HELLO)
    assert answer.body["errcode"] == 300001


async def test_an_answer_by_webhook_is_at_most_20000_bytes(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    webhook = await webhook_of(line, sandbox)
    body = {"msgtype": "text", "text": {"content": "x" * 20_000}}
    assert (await robot.call("POST", webhook, body)).body["errcode"] == 460101
    body["text"] = {"content": "x" * 19_000}
    assert (await robot.call("POST", webhook, body)).body["errcode"] == 0


@pytest.mark.parametrize(
    "body", [{}, {"msgtype": "image"}, {"msgtype": "text", "text": "x"}, {"msgtype": "text"}, {"msgtype": "feedCard"}]
)
async def test_an_answer_that_is_not_understood_is_refused(
    robot: Robot, line: Line, sandbox: Sandbox, body: dict[str, Any]
) -> None:
    assert (await robot.call("POST", await webhook_of(line, sandbox), body)).body["errcode"] != 0
    assert sandbox.calls[-1].code


# Robot-message APIs


def markdown(**more: Any) -> dict[str, Any]:
    """A Markdown message of the robot."""
    param = json.dumps({"title": "标题", "text": "**您好**"})
    return {"robotCode": ROBOT, "msgKey": "sampleMarkdown", "msgParam": param} | more


async def test_a_message_to_people_names_those_it_did_not_reach(robot: Robot, sandbox: Sandbox) -> None:
    sent = await robot.call("POST", "/v1.0/robot/oToMessages/batchSend", markdown(userIds=["u1", "nobody"]))
    assert sent.status == 200
    assert sent.body["processQueryKey"]
    assert (sent.body["invalidStaffIdList"], sent.body["flowControlledStaffIdList"]) == (["nobody"], [])
    (message,) = sandbox.messages
    assert (message.via, message.title, message.text) == ("oto", "标题", "**您好**")
    assert message.chat == sandbox.chat_id(ROBOT, "u1")


async def test_a_message_to_a_group_stands_in_it(robot: Robot, sandbox: Sandbox) -> None:
    chat = sandbox.chat_id(ROBOT, group="g")
    body = markdown(openConversationId=chat, msgKey="sampleText", msgParam='{"content": "您好"}')
    sent = await robot.call("POST", "/v1.0/robot/groupMessages/send", body)
    assert set(sent.body) == {"processQueryKey"}
    assert (sandbox.messages[0].via, sandbox.messages[0].chat, sandbox.messages[0].text) == ("group", chat, "您好")


@pytest.mark.parametrize(
    "changes",
    [
        {"robotCode": "another"},
        {"userIds": []},
        {"userIds": ["u1"] * 21},
        {"userIds": "u1"},
        {"msgKey": None},
        {"msgParam": {"text": "x"}},
        {"msgParam": "no json"},
        {"msgParam": json.dumps({"text": "x" * 15_000})},
    ],
)
async def test_a_wrong_message_to_people_is_refused(robot: Robot, sandbox: Sandbox, changes: dict[str, Any]) -> None:
    body = markdown(userIds=["u1"]) | changes
    assert (await robot.call("POST", "/v1.0/robot/oToMessages/batchSend", body)).status == 400
    assert not sandbox.messages


async def test_a_message_to_an_unknown_group_is_refused(robot: Robot) -> None:
    body = markdown(openConversationId="cid-unknown")
    assert (await robot.call("POST", "/v1.0/robot/groupMessages/send", body)).status == 400


async def test_times_are_those_of_the_clock(line: Line, sandbox: Sandbox) -> None:
    before = time.time()
    sandbox.say("你好", robot=ROBOT)
    assert before * 1000 - 1 <= (await line.message())["createAt"] <= time.time() * 1000
