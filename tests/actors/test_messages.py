"""Every kind of message that people send: each becomes a question, with what was attached, or gets a friendly word."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from actors.core import texts
from actors.core.question import Attachment, Question
from tests.actors.cast import ASKED
from tests.actors.conftest import Stage, connected, eventually, staged

READ: dict[str, bytes] = {}
"""What an agent read of the attachments of a question, by their names."""


async def reader(question: Question) -> Any:
    """An agent that opens what it is sent."""
    ASKED.append(question)
    for attachment in question.attachments:
        READ[attachment.name] = where(attachment).read_bytes()
    yield f"看到 {len(question.attachments)} 个附件：{question.text}"


READER = {"AGENT": "python:tests.actors.test_messages:reader"}


def where(attachment: Attachment) -> Path:
    return Path(unquote(urlsplit(attachment.url).path))


def asked(sender: str) -> list[Question]:
    """What an agent was asked by one person."""
    return [question for question in ASKED if question.sender_id == sender]


async def sent(stage: Stage, sender: str, msgtype: str, content: dict[str, Any], **more: Any) -> None:
    """Somebody sends something that is no plain text."""
    stage.sandbox.say("", robot=stage.robot, sender=sender, msgtype=msgtype, content=content, **more)


@pytest.mark.parametrize("kind", ["picture", "file", "video"])
async def test_what_is_attached_reaches_an_agent_that_opens_it(tmp_path: Path, kind: str) -> None:
    async with staged(tmp_path, **READER) as stage:
        await connected(stage)
        code = stage.sandbox.attach(b"bytes of a " + kind.encode(), "beleg.pdf")
        await sent(stage, f"sender-of-{kind}", kind, {"downloadCode": code, "fileName": "beleg.pdf"})
        (card,) = await stage.finished(sender=f"sender-of-{kind}")
        (question,) = asked(f"sender-of-{kind}")
        assert (card.text, question.attachments[0].kind) == ("看到 1 个附件：", kind)
        assert READ[question.attachments[0].name] == b"bytes of a " + kind.encode()


async def test_an_attachment_does_not_outlive_its_turn(tmp_path: Path) -> None:
    async with staged(tmp_path, **READER) as stage:
        await connected(stage)
        await sent(stage, "tidy", "file", {"downloadCode": stage.sandbox.attach(b"x", "a.txt"), "fileName": "a.txt"})
        await stage.finished(sender="tidy")
        path = where(asked("tidy")[0].attachments[0])

        async def gone() -> bool:
            return not await asyncio.to_thread(path.exists)

        await eventually(gone)


async def test_words_and_pictures_of_a_rich_text_come_together(tmp_path: Path) -> None:
    async with staged(tmp_path, **READER) as stage:
        await connected(stage)
        code = stage.sandbox.attach(b"picture", "p.png", "image/png")
        parts = [{"text": "这是什么"}, {"type": "picture", "downloadCode": code}, {"text": "多少钱"}]
        await sent(stage, "rich", "richText", {"richText": parts})
        await stage.finished(sender="rich")
        (question,) = asked("rich")
        assert (question.text.split(), len(question.attachments)) == (["这是什么", "多少钱"], 1)


async def test_a_voice_message_is_asked_in_dingtalks_transcript(stage: Stage) -> None:
    await sent(stage, "speaker", "audio", {"duration": 4000, "recognition": "钉钉，让进步发生"})
    (card,) = await stage.finished(sender="speaker")
    assert card.text == "您说：钉钉，让进步发生"


async def test_a_quote_comes_beside_the_question(stage: Stage) -> None:
    replied = {"msgType": "text", "content": {"text": "下午三点开会"}}
    stage.sandbox.say("几点？", robot=stage.robot, sender="quoter", content={"isReplyMsg": True, "repliedMsg": replied})
    await stage.finished(sender="quoter")
    (question,) = asked("quoter")
    assert (question.text, question.quote) == ("几点？", "下午三点开会")


@pytest.mark.parametrize(
    ("msgtype", "content", "word"),
    [
        ("picture", {"downloadCode": "c"}, "picture"),
        ("file", {"downloadCode": "c", "fileName": "a.zip"}, "file"),
        ("video", {"downloadCode": "c", "duration": "5"}, "video"),
        ("audio", {"downloadCode": "c", "duration": 4000}, "audio"),
        ("unknownMsgType", {"unknownMsgType": "用户发送了一条消息，机器人暂不支持接收。"}, "unknown"),
        ("text", {"content": " "}, "empty"),
    ],
)
async def test_what_the_agent_cannot_use_gets_a_friendly_sentence(
    tmp_path: Path, msgtype: str, content: dict[str, Any], word: str
) -> None:
    async with staged(tmp_path, AGENT="faq:") as stage:
        await connected(stage)
        await sent(stage, "zhang", msgtype, content)
        await stage.sandbox.until(stage.said_to)
        assert (stage.said_to(), stage.cards()) == ([texts.UNREADABLE[word]], [])


async def test_a_message_over_quota_gets_a_friendly_sentence(stage: Stage) -> None:
    gone = {"text": None, "errorCode": 20001, "errorMessage": "quota"}
    stage.sandbox.say("看不见", robot=stage.robot, sender="zhang", changes=gone)
    await stage.sandbox.until(stage.said_to)
    assert stage.said_to() == [texts.UNREADABLE["over_quota"]]


async def test_the_words_beside_what_an_agent_cannot_use_are_answered(tmp_path: Path) -> None:
    async with staged(tmp_path, AGENT="faq:") as stage:
        await connected(stage)
        parts = [{"text": "退款多久到账？"}, {"type": "picture", "downloadCode": "c"}]
        await sent(stage, "zhang", "richText", {"richText": parts})
        (card,) = await stage.finished()
        assert "工作日" in card.text
        assert not [call for call in stage.sandbox.calls if call.api == "download"]


async def test_a_sentence_is_said_once_however_often_a_message_comes(tmp_path: Path) -> None:
    async with staged(tmp_path, AGENT="faq:") as stage:
        await connected(stage)
        for _ in range(3):
            await sent(stage, "zhang", "picture", {"downloadCode": "c"}, message_id="same")
        await stage.ask("你好")
        await stage.finished()
        assert stage.said_to() == [texts.UNREADABLE["picture"]]


@pytest.mark.parametrize("trouble", ["too large", "too slow", "dead code"])
async def test_what_cannot_be_fetched_is_told_when_nothing_else_was_said(tmp_path: Path, trouble: str) -> None:
    limits = {"ATTACHMENT_MAX_BYTES": "1000", "ATTACHMENT_TIMEOUT": "0.5"}
    async with staged(tmp_path, **READER, **limits) as stage:
        await connected(stage)
        code = stage.sandbox.attach(b"x" * (2000 if trouble == "too large" else 10), "a.bin")
        if trouble == "too slow":
            stage.sandbox.fail("file", hang=True, times=None)
        await sent(stage, "zhang", "file", {"downloadCode": "dead" if trouble == "dead code" else code})
        (card,) = await stage.finished()
        assert (card.text, asked("zhang-never")) == (texts.NOT_FETCHED, [])


async def test_what_cannot_be_fetched_is_left_out_beside_words(tmp_path: Path) -> None:
    async with staged(tmp_path, **READER) as stage:
        await connected(stage)
        parts = [{"text": "这是什么"}, {"type": "picture", "downloadCode": "dead"}]
        await sent(stage, "zhang", "richText", {"richText": parts})
        (card,) = await stage.finished()
        assert card.text == "看到 0 个附件：这是什么"


async def test_a_download_never_delays_the_ack(tmp_path: Path) -> None:
    async with staged(tmp_path, **READER, ATTACHMENT_TIMEOUT="60") as stage:
        await connected(stage)
        stage.sandbox.fail("file", hang=True, times=None)
        await sent(stage, "zhang", "file", {"downloadCode": stage.sandbox.attach(b"x", "a.bin")})
        await stage.sandbox.until(lambda: stage.sandbox.acks)
        await stage.sandbox.until(stage.cards)
        assert (stage.sandbox.acks[0].code, stage.cards()[0].finalized) == (200, False)


async def test_somebody_waiting_has_their_file_fetched_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await connected(stage)
        await stage.ask("hang")
        await stage.sandbox.until(stage.cards)
        await sent(stage, "zhang", "file", {"downloadCode": stage.sandbox.attach(b"x", "a.bin")})
        await stage.sandbox.until(lambda: [call for call in stage.sandbox.calls if call.api == "download"])
        assert len(stage.cards()) <= 2


async def test_people_from_outside_can_send_pictures_too(tmp_path: Path) -> None:
    async with staged(tmp_path, **READER) as stage:
        await connected(stage)
        code = stage.sandbox.attach(b"x", "p.png")
        await sent(stage, "outside", "picture", {"downloadCode": code}, staff=False)
        await stage.sandbox.until(lambda: stage.said_to("outside"))
        assert stage.said_to("outside") == ["看到 1 个附件："]
