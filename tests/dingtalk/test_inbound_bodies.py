"""What people send beside plain words: attachments, rich texts, quotes, forwarded conversations.

Samples without a source are the documented ones (open.dingtalk.com, "receive messages"), shortened.
"""

import json
from typing import Any

import pytest

from actors.core.question import Attachment, Question
from actors.dingtalk.inbound import Unreadable
from tests.dingtalk.test_inbound import GROUP, message, of_kind, question, read, unreadable

PICTURE = Attachment("picture", "", "picture", "d")


def rich(*parts: object, **fields: Any) -> dict[str, Any]:
    return of_kind("richText", {"richText": list(parts)}, **fields)


def picture(code: str = "d") -> dict[str, Any]:
    return {"type": "picture", "downloadCode": code}


def asked(data: dict[str, Any]) -> tuple[str, str, tuple[Attachment, ...]]:
    """What an agent gets to see of a message."""
    got = question(data)
    return got.text, got.quote, got.attachments


@pytest.mark.parametrize(
    ("data", "attachment"),
    [
        (of_kind("picture", {"downloadCode": "d", "pictureDownloadCode": "p"}), PICTURE),
        (of_kind("picture", {"pictureDownloadCode": "d"}), PICTURE),
        (of_kind("picture", '{"downloadCode": "d"}'), PICTURE),
        (of_kind("picture", {"downloadCode": 42}), Attachment("picture", "", "picture", "42")),
        (
            of_kind("video", {"duration": "5", "videoType": "mov", "downloadCode": "d"}),
            Attachment("video", "", "video.mov", "d"),
        ),
        (of_kind("video", {"duration": 4000, "downloadCode": "d"}), Attachment("video", "", "video.mp4", "d")),
        (
            of_kind("file", {"fileName": "foobar.zip", "downloadCode": "d", "spaceId": "223", "fileId": "117"}),
            Attachment("file", "", "foobar.zip", "d"),
        ),
        (of_kind("file", {"fileName": None, "downloadCode": "d"}), Attachment("file", "", "file", "d")),
        (of_kind("audio", {"duration": 4000, "downloadCode": "d"}), Attachment("audio", "", "audio", "d")),
        (rich(picture()), PICTURE),
        (rich({"pictureDownloadCode": "d"}, {"text": " "}), PICTURE),
    ],
)
def test_a_message_without_words_is_a_question_of_its_attachment(data: dict[str, Any], attachment: Attachment) -> None:
    assert asked(data) == ("", "", (attachment,))


def test_a_voice_message_is_asked_in_the_words_of_its_transcript_and_keeps_the_recording() -> None:
    data = of_kind("audio", {"duration": 4000, "downloadCode": "d", "recognition": "钉钉，让进步发生"})
    assert asked(data) == ("钉钉，让进步发生", "", (Attachment("audio", "", "audio", "d"),))


def test_a_transcript_is_enough_where_the_recording_cannot_be_fetched() -> None:
    assert asked(of_kind("audio", {"recognition": "几点开门"})) == ("几点开门", "", ())


def test_pictures_of_a_rich_text_keep_their_order() -> None:
    data = rich({"text": "这两张"}, picture("one"), {"text": "哪张好？"}, picture("two"))
    assert [attachment.code for attachment in question(data).attachments] == ["one", "two"]


def test_a_picture_that_came_twice_is_one_attachment() -> None:
    assert len(question(rich(picture(), picture())).attachments) == 1


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([{"text": "看"}, picture(), {"text": "图"}], "看\n图"),
        ([{"text": "看 "}, picture(), {"text": "图"}], "看 图"),
        ([picture(), {"text": "图"}], "图"),
        ([{"text": "一\n"}, picture(), picture("other"), {"text": "二"}], "一\n二"),
        ([{"type": "text", "text": "问"}, {"msgType": "text", "content": "答"}], "问答"),
        ([{"text": "哈"}, {"type": "emoji", "content": "😀"}], "哈😀"),
        ([{"text": {"content": "里"}}, {"content": {"text": "面"}}], "里面"),
        ([{"text": '{"answer": 42}'}], '{"answer": 42}'),
        ([{"type": "at", "atName": "Tom", "atUserId": "1"}, {"text": "你好"}], "@Tom 你好"),
        (['{"text": "串"}', {"text": None}, 7], "串"),
    ],
)
def test_the_words_of_a_rich_text_are_joined_in_order(parts: list[object], words: str) -> None:
    assert question(rich(*parts)).text == words


ROBOT_ALONE = {"atUsers": [{"dingtalkId": "$:LWCP_v1:$bot"}], **GROUP}
TWO = {"atUsers": [{"dingtalkId": "$:LWCP_v1:$a", "staffId": "06"}, {"dingtalkId": "$:LWCP_v1:$bot"}], **GROUP}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (rich({"text": "@牛牛 "}, {"text": "/new"}, **ROBOT_ALONE), "/new"),
        (rich({"text": "@小白"}, {"text": "给个报价"}, **ROBOT_ALONE), "给个报价"),
        (rich({"text": "@小白 看一下"}, **ROBOT_ALONE), "看一下"),
        (rich({"text": "看一下"}, {"text": "@小白"}, **ROBOT_ALONE), "看一下"),
        (rich({"type": "at", "atName": "小白"}, {"text": "你好"}, **ROBOT_ALONE), "你好"),
        (rich({"text": "@小白"}, picture(), **ROBOT_ALONE), ""),
        (rich({"text": "@小白"}, {"text": "写信给 a@b.cn"}, **ROBOT_ALONE), "写信给 a@b.cn"),
        (rich({"text": "@小白"}, {"text": "@all 是谁"}, **ROBOT_ALONE), "@all 是谁"),
        (rich({"text": "@小白"}, {"text": "你好"}, **GROUP), "你好"),
        # Which of two is the robot is not said.
        (rich({"text": "@小白"}, {"text": "给"}, {"text": "@释心"}, {"text": "发"}, **TWO), "@小白给@释心发"),
        (rich({"text": "@张三"}, {"text": "是谁"}), "@张三是谁"),
    ],
)
def test_the_robots_own_mention_is_taken_out_of_a_rich_text(data: dict[str, Any], words: str) -> None:
    """As DingTalk does it in a text. The parts are as people logged them in 2026, which no document tells."""
    assert question(data).text == words


def test_a_forwarded_conversation_is_asked_by_its_summary() -> None:
    data = of_kind("chatRecord", {"title": "溯煜与祝欣莹的聊天记录", "summary": "祝欣莹:[消息]\n溯煜:这个就是"})
    assert question(data).text == "溯煜与祝欣莹的聊天记录\n祝欣莹:[消息]\n溯煜:这个就是"


@pytest.mark.parametrize("content", [{"summary": "[]", "title": "聊天记录"}, {"title": "聊天记录"}, {}])
def test_an_empty_forwarded_conversation_cannot_be_read(content: dict[str, Any]) -> None:
    assert unreadable(of_kind("chatRecord", content)).kind == "unknown"


def test_a_message_of_an_unknown_kind_is_asked_by_its_text_if_it_has_one() -> None:
    assert question(message(msgtype="hologram")).text == "hello DingTalk!"


def replying(words: str, kind: str, content: object, **fields: Any) -> dict[str, Any]:
    """A text message that quotes one of this kind; as observed in openclaw-channel-dingtalk's tests."""
    replied = {"msgType": kind, "msgId": "q", "senderId": "$:s", "createdAt": 1776065111071, "content": content}
    return message(text={"content": words, "isReplyMsg": True, "repliedMsg": replied}, originalMsgId="q", **fields)


RICH_QUOTE = [{"msgType": "text", "content": "@傲小天"}, {"msgType": "picture", "downloadCode": "d"}]
CARD_QUOTE: list[Any] = [
    {
        "elementType": "RICHTEXT",
        "children": [
            {"elementType": "UNKNOWN", "value": '{"content": [{"type": "text", "data": {"text": "直接回复"}}]}'},
            {"elementType": "TEXT", "value": "Bananas. Literal text: "},
            {"elementType": "TEXT", "value": "**A**"},
            {"elementType": "LINK", "value": "https://example.com/?x=a"},
            {"elementType": "IMAGE"},
            {"elementType": "TEXT", "value": "const a = b || c;\n"},
        ],
    },
    {"elementType": "RICHTEXT", "children": [{"elementType": "TEXT", "value": "second"}, None, 7]},
    {"elementType": "RICHTEXT", "children": None},
]
"""The shape of a robot's own answer that is quoted, as multica captured it in 2026-09."""

CARD_WORDS = "Bananas. Literal text: **A**https://example.com/?x=a \nconst a = b || c;\nsecond"


@pytest.mark.parametrize(
    ("kind", "content", "quote", "attachments"),
    [
        ("text", {"text": "DingTalk source probe 001."}, "DingTalk source probe 001.", ()),
        ("text", '{"text": "as JSON"}', "as JSON", ()),
        ("text", "bare", "bare", ()),
        ("text", {"text": {"content": "deep"}}, "deep", ()),
        ("text", {"text": None}, "", ()),
        ("text", None, "", ()),
        ("", {"text": "kindless"}, "kindless", ()),
        (None, {"richText": [{"text": "kindless"}]}, "kindless", ()),
        ("richText", {"richText": RICH_QUOTE}, "@傲小天", (PICTURE,)),
        ("richText", {"richText": [picture()]}, "[图片]", (PICTURE,)),
        ("picture", {"downloadCode": "d"}, "[图片]", (PICTURE,)),
        ("picture", {}, "[图片]", ()),
        ("picture", None, "[图片]", ()),
        (
            "file",
            {"spaceId": "2", "fileName": "report.pdf", "downloadCode": "d", "fileId": "2"},
            "[文件] report.pdf",
            (Attachment("file", "", "report.pdf", "d"),),
        ),
        ("file", {"fileName": "report.pdf"}, "[文件] report.pdf", ()),
        ("file", {}, "[文件]", ()),
        ("audio", {"duration": "2000", "downloadCode": "d"}, "[语音]", (Attachment("audio", "", "audio", "d"),)),
        ("audio", {"recognition": "几点开门"}, "几点开门", ()),
        ("video", {"duration": "1", "videoType": "mp4"}, "[视频]", ()),
        ("interactiveCard", {"cardContent": CARD_QUOTE}, CARD_WORDS, ()),
        ("interactiveCard", {"text": "plain card"}, "plain card", ()),
        ("interactiveCard", {"cardContent": {"cardData": {"cardParamMap": {"text": "other"}}}}, "", ()),
        ("interactiveCard", None, "", ()),
        ("chatRecord", {"title": "群聊的聊天记录", "summary": "寻径:查询异常"}, "群聊的聊天记录\n寻径:查询异常", ()),
        ("unknownMsgType", None, "", ()),
        ("location", {}, "", ()),
    ],
)
def test_what_is_quoted_stands_beside_the_words(
    kind: object, content: object, quote: str, attachments: tuple[Attachment, ...]
) -> None:
    assert asked(replying("怎么修？", kind, content)) == ("怎么修？", quote, attachments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        message(text={"content": "问"}, content={"repliedMsg": {"msgType": "text", "content": {"text": "引"}}}),
        of_kind(
            "richText",
            {"richText": [{"text": "问"}], "repliedMsg": {"msgType": "text", "content": {"text": "引"}}},
        ),
        message(text={"content": "问", "repliedMsg": json.dumps({"msgType": "text", "content": {"text": "引"}})}),
        message(text={"content": "问"}, quoteMessage={"msgId": "q", "msgtype": "text", "text": {"content": "引"}}),
    ],
)
def test_a_quote_is_found_wherever_it_stands(data: dict[str, Any]) -> None:
    assert asked(data) == ("问", "引", ())


@pytest.mark.parametrize("fields", [{"isReplyMsg": True}, {"isReplyMsg": True, "repliedMsg": None}])
def test_a_quote_of_which_only_the_id_came_is_no_quote(fields: dict[str, Any]) -> None:
    assert asked(message(text={"content": "问", **fields}, originalMsgId="q")) == ("问", "", ())


def test_whoever_writes_nothing_asks_what_they_quote() -> None:
    data = replying(" ", "text", {"text": "如果你能看到这条消息，请回复"})
    assert asked(data) == ("如果你能看到这条消息，请回复", "", ())


def test_whoever_quotes_a_picture_without_a_word_asks_about_the_picture() -> None:
    assert asked(replying(" ", "picture", {"downloadCode": "d"})) == ("", "[图片]", (PICTURE,))


def test_whoever_sends_a_picture_keeps_the_quote_beside_it() -> None:
    quoted = {"msgType": "text", "content": {"text": "哪里坏了？"}}
    data = of_kind("richText", {"richText": [picture()], "repliedMsg": quoted})
    assert asked(data) == ("", "哪里坏了？", (PICTURE,))


def test_the_pictures_that_were_sent_go_before_those_that_are_quoted() -> None:
    quoted = {"msgType": "picture", "content": {"downloadCode": "quoted"}}
    data = of_kind("richText", {"richText": [picture("sent")], "repliedMsg": quoted})
    assert [attachment.code for attachment in question(data).attachments] == ["sent", "quoted"]


@pytest.mark.parametrize(
    ("kind", "obstacle"), [("picture", "picture"), ("file", "file"), ("unknownMsgType", "empty"), ("text", "empty")]
)
def test_a_quote_that_cannot_be_read_is_no_question_by_itself(kind: str, obstacle: str) -> None:
    assert unreadable(replying(" ", kind, {})).kind == obstacle


@pytest.mark.parametrize("quoted", [{"msgType": "picture"}, {"msgType": "text", "content": {"text": "哪里坏了？"}}])
def test_what_was_sent_and_cannot_be_fetched_is_not_replaced_by_what_it_quotes(quoted: dict[str, Any]) -> None:
    assert unreadable(of_kind("file", {"fileName": "a.pdf", "repliedMsg": quoted})).kind == "file"


@pytest.mark.parametrize("data", [of_kind("picture", {"downloadCode": "d"}), rich({"text": "问"}, picture())])
@pytest.mark.parametrize("fields", [{"senderStaffId": ...}, {"senderStaffId": ""}])
def test_people_outside_the_company_are_read_like_everybody(data: dict[str, Any], fields: dict[str, Any]) -> None:
    got = read({name: value for name, value in (data | fields).items() if value is not ...})
    assert isinstance(got, Question)
    assert got.attachments == (PICTURE,)


def test_a_message_over_the_quota_stays_unreadable_though_it_quotes_something_without_words() -> None:
    got = read(message(text={"repliedMsg": {"msgType": "picture"}}, errorCode=20001))
    assert isinstance(got, Unreadable)
    assert got.kind == "over_quota"
