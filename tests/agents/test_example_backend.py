"""The back end that the agents' README shows is a whole one: installed as a package, it answers, stops and fails."""

import asyncio
import json
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from actors.agents import registry
from actors.agents.setup import Setup, no_session
from actors.core.events import Agent, Begun, Text
from actors.errors import SettingsError
from actors.variables import Variables
from tests.agents.stories import answer_of, ask, outcome, read, until

HERE = Path(__file__).parent
README = HERE.parents[1] / "actors" / "agents" / "README.md"
ENTRY_POINT = "[dingtalk_actors.agents]\ncoze = tests.agents.example_backend:make\n"

IDS = {"id": "chat-1", "conversation_id": "conversation-1"}
CREATED = ("conversation.chat.created", IDS)
HOLD: tuple[str, Any] = ("hold", {})
COMPLETED = ("conversation.chat.completed", IDS | {"usage": {"input_count": 12, "output_count": 3}})


def delta(text: str, **more: Any) -> tuple[str, Any]:
    return "conversation.message.delta", {"type": "answer", "content": text} | more


@dataclass
class FakeCoze:
    """Says what it is told to, as often as it is asked; at `HOLD` it waits to be cancelled."""

    says: list[tuple[str, Any]] = field(default_factory=list)
    whole: Any = None
    """A reply that is no stream."""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    cancelled: list[Any] = field(default_factory=list)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == "Bearer pat-secret"
        self.asked.append((request.query["conversation_id"], await request.json()))
        if self.whole:
            return web.json_response(self.whole)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for name, data in self.says:
            if (name, data) == HOLD:
                await self._over.wait()
            await response.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
        return response

    async def cancel(self, request: web.Request) -> web.Response:
        self.cancelled.append(await request.json())
        self._over.set()
        return web.json_response({"code": 0, "msg": ""})


@dataclass
class Bot:
    """The agent, and whom it asks."""

    coze: FakeCoze
    agent: Agent


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example as an installed package."""
    metadata = tmp_path / "dingtalk_coze-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: dingtalk-coze\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINT)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COZE_API_TOKEN", "pat-secret")


@pytest.fixture
async def bot(installed: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    coze = FakeCoze([CREATED, delta("七天"), delta("内。"), COMPLETED, ("done", "[DONE]")])
    application = web.Application()
    application.router.add_post("/v3/chat", coze.chat)
    application.router.add_post("/v3/chat/cancel", coze.cancel)
    async with AsyncExitStack() as opened:
        runner = web.AppRunner(application)
        await runner.setup()
        opened.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        monkeypatch.setenv("COZE_BASE_URL", "http://{}:{}".format(*runner.addresses[0]))
        session = await opened.enter_async_context(aiohttp.ClientSession())
        agent = registry.make_agent("coze:bot-7", Setup(Variables(), lambda: session))
        opened.push_async_callback(agent.close)
        yield Bot(coze, agent)


def blocks(language: str) -> list[str]:
    """The README's blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_readme_shows_this_very_file() -> None:
    (shown,) = blocks("python")
    assert shown == (HERE / "example_backend.py").read_text(encoding="utf-8")


def test_the_readmes_entry_point_is_of_the_group_that_is_looked_up() -> None:
    (shown,) = blocks("toml")
    assert tomllib.loads(shown)["project"]["entry-points"] == {registry.GROUP: {"coze": "dingtalk_coze:make"}}


async def test_it_answers(bot: Bot) -> None:
    assert await outcome(answer_of(bot.agent)) == ("七天内。", "")
    ((conversation, body),) = bot.coze.asked
    assert (conversation, body["bot_id"], body["additional_messages"][0]["content"]) == ("", "bot-7", "怎么退货？")


async def test_its_conversation_goes_on(bot: Bot) -> None:
    heard, _ = await read(answer_of(bot.agent))
    (begun,) = [event for event in heard if isinstance(event, Begun)]
    await outcome(answer_of(bot.agent, ask().with_session(begun.session)))
    assert [conversation for conversation, _ in bot.coze.asked] == ["", "conversation-1"]


async def test_its_thoughts_are_no_answer(bot: Bot) -> None:
    bot.coze.says = [CREATED, delta("", reasoning_content="想想"), delta("七天。", reasoning_content=""), COMPLETED]
    assert await outcome(answer_of(bot.agent)) == ("七天。", "")


async def test_it_stops_an_answer_that_is_left(bot: Bot) -> None:
    bot.coze.says = [CREATED, delta("七天"), HOLD]
    async with aclosing(answer_of(bot.agent)) as events:
        async for event in events:
            if isinstance(event, Text):
                break
    await until(lambda: bool(bot.coze.cancelled))
    assert bot.coze.cancelled == [{"chat_id": "chat-1", "conversation_id": "conversation-1"}]


async def test_it_stops_nothing_that_is_over(bot: Bot) -> None:
    await outcome(answer_of(bot.agent))
    await bot.agent.close()
    assert bot.coze.cancelled == []


async def test_an_error_under_200_is_one(bot: Bot) -> None:
    bot.coze.whole = {"code": 4100, "msg": "authentication is invalid"}
    _, failed = await read(answer_of(bot.agent))
    assert failed
    assert (failed.reason, failed.detail, len(bot.coze.asked)) == ("rejected", "authentication is invalid", 1)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (("conversation.chat.failed", IDS | {"last_error": {"code": 5000, "msg": "busy"}}), "unavailable"),
        (("conversation.chat.requires_action", IDS), "rejected"),
        (("error", {"code": 5000, "msg": "busy"}), "rejected"),
        (("done", "[DONE]"), "truncated"),
    ],
)
async def test_an_answer_that_breaks_off_says_why(bot: Bot, last: tuple[str, Any], reason: str) -> None:
    bot.coze.says = [CREATED, delta("七"), last]
    assert await outcome(answer_of(bot.agent)) == ("七", reason)


@pytest.mark.usefixtures("installed")
def test_without_a_token_it_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COZE_API_TOKEN")
    with pytest.raises(SettingsError, match=r"^COZE_API_TOKEN: "):
        registry.make_agent("coze:bot-7", Setup(Variables(), no_session))
