"""The whole service against the sandbox: a frame in, a card out, over a real WebSocket and real HTTP."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from actors.sandbox.records import Card, CardState
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from actors.service import Service
from actors.settings import load

SECRET = "robot-secret"
_numbers = itertools.count(1)


@dataclass
class Stage:
    """One robot, served by a real service, and the DingTalk it lives in."""

    robot: str
    sandbox: Sandbox
    service: Service

    async def ask(self, text: str, *, sender: str = "zhang", message_id: str | None = None) -> str:
        """Somebody asks; returns the message id."""
        return self.sandbox.say(text, robot=self.robot, sender=sender, message_id=message_id)

    def cards(self, sender: str = "zhang") -> list[Card]:
        """The cards in a person's private chat, oldest first."""
        chat = self.sandbox.chat_id(self.robot, sender)
        return [card for card in self.sandbox.cards.values() if chat in card.chats]

    def said_to(self, sender: str = "zhang") -> list[str]:
        """The plain messages in a person's private chat."""
        chat = self.sandbox.chat_id(self.robot, sender)
        return [message.text for message in self.sandbox.messages if message.chat == chat]

    async def finished(self, count: int = 1, *, sender: str = "zhang", timeout: float = 20.0) -> list[Card]:
        """Wait until so many of a person's cards are finished and closed."""

        def done() -> list[Card]:
            cards = [card for card in self.cards(sender) if closed(card)]
            return cards if len(cards) >= count else []

        return await self.sandbox.until(done, timeout)

    async def get(self, path: str) -> tuple[int, str]:
        """Ask the probes' server."""
        url = f"http://127.0.0.1:{self.service.probes.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()

    async def ready(self) -> bool:
        """What the readiness probe says; it learns of a connection a moment after the sandbox does."""
        return (await self.get("/readyz"))[0] == 200

    async def metric(self, line: str) -> float:
        """The value of one line of /metrics, 0 if it is not there; `{robot}` stands for this robot."""
        _, text = await self.get("/metrics")
        wanted = line.replace("{robot}", f'robot="{self.robot}"')
        return next((float(row.split()[-1]) for row in text.splitlines() if row.rsplit(" ", 1)[0] == wanted), 0.0)


def closed(card: Card) -> bool:
    """Whether a card got its closing update."""
    return card.state is CardState.FINISHED and card.versions[-1].call == "update"


async def eventually(condition: Callable[[], Awaitable[bool]], timeout: float = 20.0) -> None:
    """Wait for something that only polling can see."""
    async with asyncio.timeout(timeout):
        while not await condition():  # noqa: ASYNC110 - the probes tell no events
            await asyncio.sleep(0.02)


@asynccontextmanager
async def staged(
    folder: Path,
    rules: Rules | None = None,
    arrange: Callable[[Sandbox], Awaitable[dict[str, str]]] | None = None,
    /,
    **settings: str,
) -> AsyncIterator[Stage]:
    """A service and its sandbox, started and stopped. `arrange` comes between, and may have settings to add."""
    robot = f"staged{next(_numbers)}"
    rules = rules or Rules(first_ping=0.02, ping_interval=0.5, calls_per_second=0)
    async with Sandbox(robots={robot: SECRET}, rules=rules) as sandbox:
        environment = {
            "DINGTALK_CLIENT_ID": robot,
            "DINGTALK_CLIENT_SECRET": SECRET,
            "DINGTALK_OPENAPI_ENDPOINT": sandbox.url,
            "AGENT": "python:tests.actors.cast:scripted",
            "INBOX_URL": f"sqlite:///{folder}/inbox.db",
            "HTTP_PORT": "0",
            "OPENAPI_QPS": "1000",
            "OPENAPI_RETRY_INITIAL": "0.02",
            "OPENAPI_RETRY_MAX": "0.1",
            "OPENAPI_RETRY_JITTER": "0",
            "STREAM_RETRY_INITIAL": "0.05",
            "STREAM_RETRY_MAX": "0.2",
            "STREAM_RETRY_JITTER": "0",
            "AGENT_RETRY_ATTEMPTS": "1",
            "CARD_MIN_INTERVAL": "0.05",
            "SHUTDOWN_GRACE": "0.1",
        }
        arranged = await arrange(sandbox) if arrange else {}
        service = Service(load(environment | arranged | settings))
        await asyncio.to_thread(service.start)
        try:
            yield Stage(robot, sandbox, service)
        finally:
            service.drain()
            await asyncio.to_thread(service.wait)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A robot with the usual settings, connected."""
    async with staged(tmp_path) as stage:
        await connected(stage)
        yield stage


async def connected(stage: Stage, count: int = 1) -> None:
    """Wait until the robot has so many live connections."""
    await stage.sandbox.until(lambda: stage.sandbox.online(stage.robot) >= count, 10.0)
