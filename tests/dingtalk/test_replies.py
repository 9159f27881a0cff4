"""How a robot answers: by webhook while it lives and leads to DingTalk, else by the API, or on a card of its kind; long
texts arrive whole."""

import json
import logging
from dataclasses import replace

import pytest

from actors.core.card import CardKind, card_id, thinking
from actors.core.question import Address, Question
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.port import Replies
from actors.dingtalk.quota import Quota
from actors.dingtalk.replies import MESSAGE_BYTES, RobotReplies, numbered, trusted
from actors.dingtalk.standing import Standing
from actors.errors import CallFailed, Fault
from tests.dingtalk.conftest import Clock, MakeOpenApi, Spellers
from tests.dingtalk.scripted import CREATE, GROUP, OTO, RESET, SEND_STANDARD, WEBHOOK, Answer, DingTalk, error

NOW = 1_700_000_000.0
LIVE = NOW + 5_400
EXPIRED_SESSION = Answer(200, {"errcode": 300001, "errmsg": "session 不存在"})
LONG = "一行字。\n" * 3_000


@pytest.fixture
def replies(openapi: OpenApi, quota: Quota, standing: Standing) -> Replies:
    return RobotReplies(openapi, quota, standing, now=lambda: NOW)


def with_webhook(address: Address, dingtalk: DingTalk, expires: float = LIVE) -> Address:
    webhook = f"{dingtalk.url}{WEBHOOK}?session=the-webhooks-secret"
    return replace(address, webhook=webhook, webhook_expires=expires)


async def test_a_live_webhook_takes_the_message(dingtalk: DingTalk, replies: Replies, group: Address) -> None:
    await replies.say(with_webhook(group, dingtalk), "**好**\n\n完")
    [asked] = dingtalk.asked
    assert asked.path == WEBHOOK
    assert asked.body.pop("at") == {"atUserIds": ["staff-1"]}
    assert asked.body == {"msgtype": "markdown", "markdown": {"title": "**好**", "text": "**好**\n\n完"}}


async def test_a_webhook_in_a_private_chat_mentions_nobody(
    dingtalk: DingTalk, replies: Replies, private: Address
) -> None:
    await replies.say(with_webhook(private, dingtalk), "好")
    assert "at" not in dingtalk.to(WEBHOOK)[0].body


async def test_a_webhook_in_a_group_mentions_nobody_who_has_no_user_id(
    dingtalk: DingTalk, replies: Replies, group: Address
) -> None:
    await replies.say(with_webhook(replace(group, user=""), dingtalk), "好")
    assert "at" not in dingtalk.to(WEBHOOK)[0].body


async def test_a_webhook_gets_no_token(dingtalk: DingTalk, replies: Replies, group: Address) -> None:
    await replies.say(with_webhook(group, dingtalk), "好")
    assert dingtalk.asked[0].token == ""


@pytest.mark.parametrize("left", [60.0, 0.0, -1.0])
async def test_a_webhook_in_its_last_minute_is_not_used(
    dingtalk: DingTalk, replies: Replies, group: Address, left: float
) -> None:
    await replies.say(with_webhook(group, dingtalk, NOW + left), "好")
    assert dingtalk.to(WEBHOOK) == []
    assert len(dingtalk.to(GROUP)) == 1


async def test_a_group_is_reached_by_the_api(dingtalk: DingTalk, replies: Replies, group: Address) -> None:
    await replies.say(group, "好")
    [asked] = dingtalk.to(GROUP)
    assert json.loads(asked.body.pop("msgParam")) == {"title": "好", "text": "好"}
    assert asked.body == {"robotCode": "dingrobot", "msgKey": "sampleMarkdown", "openConversationId": "cidGroup=="}


async def test_a_private_chat_is_reached_by_the_api(dingtalk: DingTalk, replies: Replies, private: Address) -> None:
    await replies.say(private, "好")
    [asked] = dingtalk.to(OTO)
    assert json.loads(asked.body.pop("msgParam")) == {"title": "好", "text": "好"}
    assert asked.body == {"robotCode": "dingrobot", "msgKey": "sampleMarkdown", "userIds": ["staff-1"]}


@pytest.mark.parametrize(
    "refusal",
    [EXPIRED_SESSION, error(500, "unknownError"), Answer(200, "<html>")],
    ids=["expired under 200", "broken", "no json"],
)
async def test_a_webhook_that_fails_hands_over_to_the_api(
    dingtalk: DingTalk, replies: Replies, group: Address, refusal: Answer
) -> None:
    dingtalk.always_answers(WEBHOOK, refusal)
    await replies.say(with_webhook(group, dingtalk), "好")
    assert len(dingtalk.to(GROUP)) == 1


@pytest.mark.parametrize("answer", [RESET, Answer(504, "<html>Gateway Time-out")], ids=["reset", "gateway timeout"])
async def test_a_webhook_that_may_have_taken_the_message_is_not_asked_again(
    dingtalk: DingTalk, replies: Replies, group: Address, answer: Answer
) -> None:
    dingtalk.always_answers(WEBHOOK, answer)
    await replies.say(with_webhook(group, dingtalk), "好")
    assert (len(dingtalk.to(WEBHOOK)), len(dingtalk.to(GROUP))) == (1, 1)


async def test_a_message_that_may_have_gone_by_the_api_is_not_repeated_at_once(
    dingtalk: DingTalk, replies: Replies, private: Address, group: Address
) -> None:
    for path, address in ((OTO, private), (GROUP, group)):
        dingtalk.always_answers(path, RESET)
        with pytest.raises(CallFailed):
            await replies.say(address, "好")
        assert len(dingtalk.to(path)) == 1


async def test_a_message_that_did_not_get_there_is_repeated(
    dingtalk: DingTalk, replies: Replies, private: Address
) -> None:
    dingtalk.answers(OTO, error(503, "ServiceUnavailable"))
    await replies.say(private, "好")
    assert len(dingtalk.to(OTO)) == 2


async def test_an_expired_session_is_not_tried_again(dingtalk: DingTalk, replies: Replies, group: Address) -> None:
    dingtalk.always_answers(WEBHOOK, EXPIRED_SESSION)
    await replies.say(with_webhook(group, dingtalk), LONG)
    assert len(dingtalk.to(WEBHOOK)) == 1
    sent = [json.loads(asked.body["msgParam"])["text"] for asked in dingtalk.to(GROUP)]
    assert len(sent) > 1
    assert [text.split("\n", 1)[0] for text in sent] == [f"({n}/{len(sent)})" for n in range(1, len(sent) + 1)]


async def test_the_list_of_chats_shows_the_beginning_of_the_text_as_it_was_written(
    dingtalk: DingTalk, replies: Replies, group: Address
) -> None:
    """Not as it is spelled for a message, where a line's end may be a tag."""
    await replies.say(group, "包邮 < 99 元\n明天发货。\n" + LONG)
    titles = {json.loads(asked.body["msgParam"])["title"] for asked in dingtalk.to(GROUP)}
    assert titles == {"包邮 < 99 元"}


async def test_an_outsider_is_reached_by_webhook(dingtalk: DingTalk, replies: Replies, outsider: Address) -> None:
    await replies.say(outsider, "好")
    assert len(dingtalk.to(WEBHOOK)) == 1


async def test_an_outsider_without_a_webhook_cannot_be_reached(
    dingtalk: DingTalk, replies: Replies, outsider: Address
) -> None:
    dingtalk.always_answers(WEBHOOK, EXPIRED_SESSION)
    with pytest.raises(CallFailed) as caught:
        await replies.say(outsider, "好")
    assert (caught.value.fault, caught.value.code) == (Fault.REJECTED, "noStaffId")


async def test_a_message_that_does_not_reach_its_reader_is_a_failure(
    dingtalk: DingTalk, replies: Replies, private: Address
) -> None:
    dingtalk.always_answers(OTO, Answer(200, {"processQueryKey": "q", "invalidStaffIdList": ["staff-1"]}))
    with pytest.raises(CallFailed) as caught:
        await replies.say(private, "好")
    assert caught.value.code == "invalidStaffId"


async def test_a_reader_under_flow_control_is_tried_again(
    dingtalk: DingTalk, replies: Replies, private: Address
) -> None:
    dingtalk.answers(OTO, Answer(200, {"processQueryKey": "q", "flowControlledStaffIdList": ["staff-1"]}))
    await replies.say(private, "好")
    assert len(dingtalk.to(OTO)) == 2


async def test_a_failed_webhook_is_told_without_its_session(
    *, dingtalk: DingTalk, replies: Replies, group: Address, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    dingtalk.always_answers(WEBHOOK, EXPIRED_SESSION)
    await replies.say(with_webhook(group, dingtalk), "一个秘密")
    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "webhook_failed" in told
    assert not [secret for secret in ("the-webhooks-secret", "一个秘密", "the-robots-secret") if secret in told]


# Where a webhook may lead

ENDPOINT = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "webhook",
    [
        "https://oapi.dingtalk.com/robot/sendBySession?session=s",
        "https://OAPI.DingTalk.com/robot/sendBySession?session=s",
        "https://oapi.dingtalk.io/robot/sendBySession?session=s",
        "http://127.0.0.1:8080/robot/sendBySession?session=s",
    ],
)
def test_dingtalk_and_the_endpoint_are_trusted(webhook: str) -> None:
    assert str(trusted(webhook, ENDPOINT)).endswith("session=s")


@pytest.mark.parametrize(
    "webhook",
    [
        "http://oapi.dingtalk.com/robot/sendBySession",
        "https://oapi.dingtalk.com.evil.example/",
        "https://evildingtalk.com/",
        "https://oapi.dingtalk.com@evil.example/",
        "https://somebody:secret@oapi.dingtalk.com/",
        "https://evil.example/?x=.dingtalk.com",
        "https://evil.example#.dingtalk.com",
        "https://evil.example\\.dingtalk.com/",
        "http://127.0.0.1:8081/",
        "https://127.0.0.1:8080/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:8080/",
        "file:///etc/passwd",
        "//oapi.dingtalk.com/",
        "https://[::1",
        "https://oapi.dingtalk.com:port/",
        "",
    ],
)
def test_nowhere_else_is_trusted(webhook: str) -> None:
    assert trusted(webhook, ENDPOINT) is None


async def test_a_webhook_to_somewhere_else_is_not_followed(
    *, dingtalk: DingTalk, replies: Replies, group: Address, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = DingTalk()
    runner = await elsewhere.serve()
    await replies.say(with_webhook(group, elsewhere), "好")
    await runner.cleanup()
    assert elsewhere.asked == []
    assert len(dingtalk.to(GROUP)) == 1
    assert "webhook_refused" in {getattr(record, "action", "") for record in caplog.records}


# Long texts


def test_a_short_text_has_no_number() -> None:
    assert numbered("好") == ["好"]


def test_a_long_text_is_numbered() -> None:
    messages = numbered(LONG)
    count = len(messages)
    assert [message.split("\n\n", 1)[0] for message in messages] == [f"({n}/{count})" for n in range(1, count + 1)]
    assert "".join(message.split("\n\n", 1)[1] for message in messages) == LONG


@pytest.mark.parametrize("text", [LONG, '"' * 40_000, "\n" * 40_000, "😀" * 20_000, "\x00" * 10_000])
async def test_a_long_text_keeps_to_the_limits_of_both_ways(
    *, dingtalk: DingTalk, make_openapi: MakeOpenApi, quota: Quota, standing: Standing, group: Address, text: str
) -> None:
    replies = RobotReplies(make_openapi(qps=100), quota, standing, now=lambda: NOW)
    await replies.say(group, text)
    await replies.say(with_webhook(group, dingtalk), text)
    assert all(len(asked.body["msgParam"].encode()) <= MESSAGE_BYTES for asked in dingtalk.to(GROUP))
    assert all(len(asked.raw) <= 20_000 for asked in dingtalk.to(WEBHOOK))


# Cards and budget


def test_the_card_of_a_question_is_the_same_for_every_attempt(replies: Replies, question: Question) -> None:
    assert replies.card(question, 1).id == replies.card(question, 2).id == card_id("dingrobot", "msg-1")


def test_the_budget_is_whole_while_nobody_watches_the_quota(replies: Replies) -> None:
    assert replies.budget(20) == 20


async def test_the_budget_shrinks_with_the_quota(openapi: OpenApi, standing: Standing) -> None:
    async def nine_tenths(_month: str, _calls: int) -> int:
        return 4_500

    quota = Quota(5_000, nine_tenths)
    await quota.open("dingrobot")
    assert RobotReplies(openapi, quota, standing).budget(21) == 11


# What answers are shown on

NO_TEMPLATE = CallFailed("create", Fault.TEMPLATE, 400, "param.templateNotExist", "")


def refuse(standing: Standing) -> None:
    with pytest.raises(CallFailed), standing.watched("card-1"):
        raise NO_TEMPLATE


@pytest.mark.parametrize(("kind", "path"), [(CardKind.AI, CREATE), (CardKind.STANDARD, SEND_STANDARD)])
async def test_a_card_is_of_the_robots_kind(
    *,
    dingtalk: DingTalk,
    openapi: OpenApi,
    quota: Quota,
    standing: Standing,
    question: Question,
    kind: CardKind,
    path: str,
) -> None:
    await RobotReplies(openapi, quota, standing, kind).card(question, 1).create(thinking())
    assert len(dingtalk.to(path)) == 1


@pytest.mark.parametrize(
    ("kind", "text_only"), [(CardKind.AI, False), (CardKind.STANDARD, False), (CardKind.TEXT, True)]
)
def test_answers_go_as_text_where_the_settings_say_so(
    openapi: OpenApi, quota: Quota, standing: Standing, kind: CardKind, *, text_only: bool
) -> None:
    replies = RobotReplies(openapi, quota, standing, kind)
    assert (replies.text_only, replies.shown_on) == (text_only, kind)


@pytest.mark.parametrize("kind", [CardKind.AI, CardKind.STANDARD])
def test_answers_go_as_text_while_cards_are_refused(openapi: OpenApi, quota: Quota, kind: CardKind) -> None:
    standing = Standing("dingrobot", clock := Clock())
    replies = RobotReplies(openapi, quota, standing, kind)
    refuse(standing)
    assert replies.text_only
    clock.now = 3600.0
    assert not replies.text_only


def test_an_operator_reads_why_answers_go_as_text(openapi: OpenApi, quota: Quota, standing: Standing) -> None:
    replies = RobotReplies(openapi, quota, standing)
    refuse(standing)
    assert replies.shown_on.startswith("text")
    assert "param.templateNotExist" in replies.shown_on


async def test_a_long_message_is_spelled_beside_the_loop(
    dingtalk: DingTalk, replies: Replies, group: Address, spellers: Spellers
) -> None:
    await replies.say(with_webhook(group, dingtalk), spellers.text)
    assert spellers.on_the_loop == [False]
