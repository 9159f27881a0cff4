"""Robot messages as the platform sends them, and as it might: who asks, where the answer goes, what is no question."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core import texts
from actors.core.question import Address, Question
from actors.core.scope import Scope
from actors.dingtalk.inbound import Malformed, Unreadable, read_message

ROBOT = "dingc6gk"
GROUP: dict[str, Any] = {"conversationType": "2", "conversationTitle": "客服群"}

TEXT: dict[str, Any] = {
    "conversationId": "cide****4g=",
    "chatbotCorpId": "ding****6741",
    "chatbotUserId": "$:LWC****ihY/",
    "msgId": "msgY****Pw==",
    "senderNick": "张三",
    "isAdmin": True,
    "senderStaffId": "042297",
    "sessionWebhookExpiredTime": 1695289035996,
    "createAt": 1695283635765,
    "senderCorpId": "ding****6741",
    "conversationType": "1",
    "senderId": "$:LWC****PA==",
    "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=79b48****4d4b",
    "robotCode": "dingrobotcode",
    "msgtype": "text",
    "text": {"content": "hello DingTalk!"},
}
"""A text message in a single chat, from DingTalk developerpedia, bot/message.md."""


def message(**fields: Any) -> dict[str, Any]:
    """The message above with other fields; a field that is ... is left out."""
    return {name: value for name, value in (TEXT | fields).items() if value is not ...}


def of_kind(msgtype: str, content: object, **fields: Any) -> dict[str, Any]:
    return message(msgtype=msgtype, content=content, text=..., **fields)


def read(data: dict[str, Any]) -> Question | Unreadable:
    return read_message(
        data,
        robot=ROBOT,
        conversation_scope=Scope.SENDER,
        memory_scope=Scope.SENDER_IN_CHAT,
        received_at=1695283636.5,
    )


def question(data: dict[str, Any]) -> Question:
    got = read(data)
    assert isinstance(got, Question)
    return got


def unreadable(data: dict[str, Any]) -> Unreadable:
    got = read(data)
    assert isinstance(got, Unreadable)
    return got


def test_a_text_message_becomes_a_question() -> None:
    assert read(TEXT) == Question(
        robot=ROBOT,
        message_id="msgY****Pw==",
        conversation="dingc6gk::042297",
        chat_id="dingc6gk:cide%2A%2A%2A%2A4g=:042297",
        text="hello DingTalk!",
        sender_id="042297",
        sender_nick="张三",
        address=Address(
            robot_code="dingrobotcode",
            chat="cide****4g=",
            group=False,
            user="042297",
            webhook="https://oapi.dingtalk.com/robot/sendBySession?session=79b48****4d4b",
            webhook_expires=1695289035.996,
        ),
        received_at=1695283636.5,
    )


def test_a_message_of_a_group_is_answered_in_the_group() -> None:
    assert question(message(**GROUP)).address.group


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (message(text={"content": " 你好"}, **GROUP), "你好"),
        (message(text={"content": "  two\n  lines \n"}), "two\n  lines"),
        (message(text={"content": "\u2005在吗"}), "在吗"),
        (message(text={"content": 42}), "42"),
        (message(text='{"content": "as JSON"}'), "as JSON"),
        (message(msgtype=...), "hello DingTalk!"),
        (message(text={"content": "half \ud83d an emoji\x00"}), "half ? an emoji"),
        (of_kind("richText", {"richText": [{"text": "看这里"}, {"text": "，好吗？"}]}), "看这里，好吗？"),
        (of_kind("richText", {"richText": [None, 7, {"text": None}, {"text": "ok"}]}), "ok"),
        (of_kind("audio", {"duration": 4000, "downloadCode": "d", "recognition": "几点开门"}), "几点开门"),
    ],
)
def test_the_words_of_a_message_are_found(data: dict[str, Any], words: str) -> None:
    assert question(data).text == words


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (message(text={"content": " \n"}), "empty"),
        (message(text={"content": None}), "empty"),
        (message(text={}), "empty"),
        (message(text=None), "empty"),
        (message(text=...), "empty"),
        (of_kind("richText", {"richText": []}), "empty"),
        (of_kind("richText", {"richText": "no list"}), "empty"),
        (of_kind("richText", None), "empty"),
        (of_kind("richText", {"richText": [{"type": "picture"}, {"text": " "}]}), "picture"),
        (of_kind("picture", {"downloadCode": ""}), "picture"),
        (of_kind("picture", None), "picture"),
        (of_kind("picture", ...), "picture"),
        (of_kind("audio", {"duration": 4000, "recognition": "", "downloadCode": None}), "audio"),
        (of_kind("video", {"duration": "5", "videoType": "mp4"}), "video"),
        (of_kind("file", {"fileName": "foobar.zip", "spaceId": "223", "fileId": "117"}), "file"),
        (of_kind("unknownMsgType", {"unknownMsgType": "用户发送了一条消息，机器人暂不支持接收。"}), "unknown"),
        (of_kind("interactiveCard", {}), "unknown"),
        (of_kind("", {}), "unknown"),
        (message(msgtype=None, text=...), "unknown"),
        (message(msgtype=["text"], text=...), "unknown"),
        (message(text=..., errorCode=20001, errorMessage="quota used up"), "over_quota"),
        (message(text=..., errCode="20001"), "over_quota"),
        (of_kind("picture", None, errorCode="20001"), "over_quota"),
    ],
)
def test_a_message_without_words_says_what_it_is_instead(data: dict[str, Any], kind: str) -> None:
    assert unreadable(data).kind == kind


def test_an_unreadable_message_can_be_answered_and_allowed_like_a_question() -> None:
    got, asked = unreadable(of_kind("file", {})), question(TEXT)
    assert (got.robot, got.message_id, got.conversation, got.address, got.sender_id) == (
        asked.robot,
        asked.message_id,
        asked.conversation,
        asked.address,
        asked.sender_id,
    )


def test_there_is_a_sentence_for_whatever_cannot_be_answered() -> None:
    kinds = {"empty", "picture", "audio", "video", "file", "over_quota", "unknown"}
    assert kinds == set(texts.UNREADABLE)


@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        ({}, "042297"),
        ({"senderStaffId": 42297}, "42297"),
        ({"senderStaffId": ""}, "$:LWC****PA=="),
        ({"senderStaffId": None}, "$:LWC****PA=="),
        ({"senderStaffId": ...}, "$:LWC****PA=="),
        ({"senderStaffId": ..., "senderId": ...}, "cide****4g="),
        ({"senderStaffId": ..., "senderId": ..., "conversationId": ...}, "msgY****Pw=="),
    ],
)
def test_a_sender_is_known_by_the_best_id_there_is(fields: dict[str, Any], sender: str) -> None:
    assert question(message(**fields)).sender_id == sender


def test_a_person_outside_the_company_has_no_user_to_send_to() -> None:
    assert question(message(senderStaffId=...)).address.user == ""


@pytest.mark.parametrize("code", [..., None, ""])
def test_a_message_without_robot_code_is_answered_by_the_client_id(code: object) -> None:
    assert question(message(robotCode=code)).address.robot_code == ROBOT


@pytest.mark.parametrize(
    ("given_as", "expires"),
    [
        ("1695289035996", 1695289035.996),
        (1695289035996.0, 1695289035.996),
        (None, 0.0),
        (..., 0.0),
        ("soon", 0.0),
        ("NaN", 0.0),
        ("1e999", 0.0),
        (10**400, 0.0),
        ([1], 0.0),
    ],
)
def test_the_end_of_the_webhook_is_read_leniently(given_as: object, expires: float) -> None:
    assert question(message(sessionWebhookExpiredTime=given_as)).address.webhook_expires == expires


@pytest.mark.parametrize("id_", [..., None, "", [], {}, True])
def test_a_message_without_an_id_is_malformed(id_: object) -> None:
    with pytest.raises(Malformed) as caught:
        read(message(msgId=id_))
    assert caught.value.field == "msgId"


@pytest.mark.parametrize(
    ("fields", "answerable"),
    [
        ({"sessionWebhook": ...}, True),
        ({"senderStaffId": ...}, True),
        ({"sessionWebhook": ..., "senderStaffId": ..., **GROUP}, True),
        ({"sessionWebhook": ..., "senderStaffId": ...}, False),
        ({"sessionWebhook": ..., "senderStaffId": ..., "conversationId": ..., **GROUP}, False),
    ],
)
def test_a_message_is_malformed_only_if_nobody_could_answer_it(fields: dict[str, Any], answerable: bool) -> None:
    if answerable:
        question(message(**fields))
    else:
        with pytest.raises(Malformed, match="sessionWebhook"):
            read(message(**fields))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON, and some that is none."""

CODES = ANYTHING | st.sampled_from(["code"])
PARTS = ANYTHING | st.fixed_dictionaries(
    {}, optional={"text": ANYTHING, "type": ANYTHING | st.just("picture"), "downloadCode": CODES, "atName": ANYTHING}
)
CARD_RUNS = st.fixed_dictionaries({"elementType": st.sampled_from(["TEXT", "LINK", "IMAGE", 1]), "value": ANYTHING})
CONTENT = {
    "content": ANYTHING,
    "text": ANYTHING,
    "richText": ANYTHING | st.lists(PARTS, max_size=4),
    "recognition": ANYTHING,
    "downloadCode": CODES,
    "pictureDownloadCode": CODES,
    "fileName": ANYTHING,
    "videoType": ANYTHING,
    "summary": ANYTHING,
    "title": ANYTHING,
    "cardContent": ANYTHING
    | st.lists(st.fixed_dictionaries({"children": st.lists(CARD_RUNS, max_size=3)}), max_size=2),
}
KINDS = ANYTHING | st.sampled_from(
    ["text", "richText", "audio", "picture", "video", "file", "interactiveCard", "chatRecord", "unknownMsgType", ""]
)
REPLIED = ANYTHING | st.fixed_dictionaries(
    {},
    optional={
        "msgType": KINDS,
        "msgtype": KINDS,
        "text": ANYTHING,
        "content": ANYTHING | st.fixed_dictionaries({}, optional=CONTENT),
    },
)
BODIES = ANYTHING | st.fixed_dictionaries({}, optional=CONTENT | {"repliedMsg": REPLIED})


@given(
    st.dictionaries(st.sampled_from([*TEXT, "errorCode", "atUsers"]), ANYTHING),
    st.fixed_dictionaries({}, optional={"text": BODIES, "content": BODIES, "msgtype": KINDS, "quoteMessage": REPLIED}),
    st.sampled_from(Scope),
    st.sampled_from(Scope),
)
def test_any_payload_is_a_question_unreadable_or_malformed(
    odd: dict[str, Any], body: dict[str, Any], conversations: Scope, memories: Scope
) -> None:
    data = {"msgId": "m", "sessionWebhook": "https://oapi.dingtalk.com/"} | odd | body
    try:
        got = read_message(data, robot=ROBOT, conversation_scope=conversations, memory_scope=memories, received_at=0.0)
    except Malformed:
        return
    if isinstance(got, Unreadable):
        assert got.kind in texts.UNREADABLE
        return
    assert got.text or got.attachments
    assert all(attachment.code for attachment in got.attachments)
    assert Question.from_json(got.to_json()) == got
    got.to_json().encode()
