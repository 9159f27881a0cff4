"""A model behind the whole service: what a person reads of its answer, and an operator of its trouble."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actors.core import texts
from actors.sandbox.records import Card
from actors.sandbox.server import Sandbox
from tests.actors.conftest import Stage, connected, staged
from tests.agents.model_server import DONE, HANG, STOP, ModelServer, Reply, delta, saying, streamed, whole

KEY = "sk-0123456789abcdef"
PNG = b"\x89PNG\r\n\x1a\n and so on"
ERRORS = 'dingtalk_agent_errors_total{{agent="openai",reason="{reason}",{{robot}}}}'


@asynccontextmanager
async def modelled(folder: Path, *replies: Reply, **settings: str) -> AsyncIterator[tuple[Stage, ModelServer]]:
    """A robot whose model's server gives these replies."""
    async with ModelServer(*replies).serving() as server:

        async def arrange(_: Sandbox) -> dict[str, str]:
            return {"AGENT": "openai:qwen-plus", "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY}

        retries = {"AGENT_RETRY_ATTEMPTS": "3", "AGENT_RETRY_INITIAL": "0.02", "AGENT_RETRY_JITTER": "0"}
        async with staged(folder, None, arrange, **retries | settings) as stage:
            await connected(stage)
            yield stage, server


def parts(card: Card) -> list[str]:
    """What was said, and the word beneath it."""
    return card.text.split("\n\n***\n\n")


async def test_a_model_remembers_as_many_turns_as_it_may(tmp_path: Path) -> None:
    async with modelled(tmp_path, saying("一"), saying("二"), saying("三"), CONVERSATION_HISTORY="1") as (
        stage,
        server,
    ):
        for text in ("第一", "第二", "第三"):
            await stage.ask(text)
        await stage.finished(3)
        said = [message["content"] for message in server.asked[2].body["messages"]]
        assert said == ["第二", "二", "第三"]


async def test_thinking_is_not_shown(tmp_path: Path) -> None:
    thinking = streamed(delta(reasoning_content="嗯"), delta("<think>好"), delta("吧</think>七天。"), STOP, DONE)
    async with modelled(tmp_path, thinking) as (stage, _):
        await stage.ask("怎么退货？")
        (card,) = await stage.finished()
        assert card.text == "七天。"


async def test_a_refused_key_is_an_apology_to_people_and_a_reason_to_operators(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refusal = whole({"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}, 401)
    async with modelled(tmp_path, refusal) as (stage, server):
        await stage.ask("怎么退货？")
        (card,) = await stage.finished()
        assert card.text == texts.AGENT_FAILED
        assert len(server.asked) == 1
        assert await stage.metric(ERRORS.format(reason="refused")) == 1
    [failed] = [vars(record) for record in caplog.records if vars(record).get("action") == "agent_failed"]
    assert (failed["reason"], failed["detail"]) == (
        "refused",
        "HTTP 401: Incorrect API key provided: *** (invalid_api_key); check OPENAI_API_KEY",
    )


async def test_a_torn_answer_stays_and_an_apology_follows(tmp_path: Path) -> None:
    async with modelled(tmp_path, streamed(delta("七天内，"))) as (stage, server):
        await stage.ask("怎么退货？")
        (card,) = await stage.finished()
        assert parts(card) == ["七天内，", texts.AGENT_FAILED]
        assert len(server.asked) == 1
        assert await stage.metric(ERRORS.format(reason="truncated")) == 1


async def test_what_was_cut_at_its_length_limit_says_so(tmp_path: Path) -> None:
    async with modelled(tmp_path, streamed(delta("七天内，"), delta(finish="length"), DONE)) as (stage, _):
        await stage.ask("怎么退货？")
        (card,) = await stage.finished()
        assert parts(card) == ["七天内，", texts.CUT_SHORT]


async def test_who_stops_an_answer_hangs_up(tmp_path: Path) -> None:
    async with modelled(tmp_path, streamed(delta("七天"), HANG)) as (stage, server):
        await stage.ask("怎么退货？")
        await stage.card_with("七天")
        await stage.ask("/stop")
        async with asyncio.timeout(20):
            await server.asked[0].over.wait()
        (card,) = await stage.finished()
        assert parts(card) == ["七天", texts.STOPPED]


async def test_a_picture_reaches_the_model(tmp_path: Path) -> None:
    async with modelled(tmp_path, saying("一只猫。")) as (stage, server):
        code = stage.sandbox.attach(PNG, "cat.png", "image/png")
        parts = [{"text": "这是什么？"}, {"type": "picture", "downloadCode": code}]
        stage.sandbox.say("", robot=stage.robot, sender="zhang", msgtype="richText", content={"richText": parts})
        await stage.finished()
        text, picture = server.asked[0].body["messages"][-1]["content"]
        assert text["text"] == "这是什么？"
        assert base64.b64decode(picture["image_url"]["url"].partition("base64,")[2]) == PNG


async def test_a_picture_that_cannot_be_had_is_named_to_the_model(tmp_path: Path) -> None:
    async with modelled(tmp_path, saying("我看不到图片。")) as (stage, server):
        parts = [{"text": "这是什么？"}, {"type": "picture", "downloadCode": "no such code"}]
        stage.sandbox.say("", robot=stage.robot, sender="zhang", msgtype="richText", content={"richText": parts})
        await stage.finished()
        said = server.asked[0].body["messages"][-1]["content"]
        assert (said.splitlines()[0], said.splitlines()[-1]) == ("这是什么？", '- picture "picture"')


async def test_what_an_answer_cost_is_counted(tmp_path: Path) -> None:
    async with modelled(tmp_path, saying("七天。")) as (stage, _):
        await stage.ask("怎么退货？")
        await stage.finished()
        await stage.measures('dingtalk_agent_tokens_total{agent="openai",kind="read",{robot}}', 12)
