"""The whole service against the sandbox: a frame in, a card out, over a real WebSocket and real HTTP."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from actors import metrics
from actors.sandbox.records import Card, CardState
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from actors.service import Service
from actors.settings import load
from tests.jaap.trees import plant

SECRET = "robot-secret"
TEMPLATES = Path(__file__).parents[2] / "deploy" / "dingtalk"

PUBLIC: dict[str, str] = {}
OWN = {"CARD_TEMPLATE_ID": "card-template.schema", "CARD_CONTENT_KEY": "content"}
STANDARD = {"CARD_KIND": "standard"}
TEXT = {"CARD_KIND": "text"}
"""The ways to show an answer: DingTalk's public template, our own, a StandardCard, or no card at all."""
Arrange = Callable[[Sandbox], Awaitable[dict[str, str]]]
_numbers = itertools.count(1)


@dataclass
class Stage:
    """One robot, served by a real service, and the DingTalk it lives in."""

    robot: str
    sandbox: Sandbox
    service: Service

    async def ask(
        self, text: str, *, sender: str = "zhang", message_id: str | None = None, group: str | None = None
    ) -> str:
        """Somebody asks; returns the message id."""
        return self.sandbox.say(text, robot=self.robot, sender=sender, message_id=message_id, group=group)

    def cards(self, sender: str = "zhang", *, group: str | None = None) -> list[Card]:
        """The cards in a person's private chat, or in a group, oldest first."""
        chat = self.sandbox.chat_id(self.robot, sender, group)
        return [card for card in self.sandbox.cards.values() if chat in card.chats]

    def said_to(self, sender: str = "zhang", *, group: str | None = None) -> list[str]:
        """The plain messages in a person's private chat, or in a group."""
        chat = self.sandbox.chat_id(self.robot, sender, group)
        return [message.text for message in self.sandbox.messages if message.chat == chat]

    async def card_with(self, text: str, sender: str = "zhang") -> Card:
        """Wait until a person has a card that shows this text somewhere."""

        def there() -> Card | None:
            return next((card for card in self.cards(sender) if text in shown(card)), None)

        card = await self.sandbox.until(there, 20.0)
        assert card is not None
        return card

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

    async def measures(self, line: str, value: float) -> None:
        """Wait until a line of /metrics has this value: the service learns of a call's end after the sandbox does."""
        seen = None
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while (seen := await self.metric(line)) != value:  # noqa: ASYNC110 - the probes tell no events
                    await asyncio.sleep(0.02)
        assert (line, seen) == (line, value)

    async def settled(self) -> None:
        """Wait until what was answered is closed in the store, which is a moment after its card is."""
        await self.measures("dingtalk_turns_in_progress{{robot}}", 0)


def shown(card: Card) -> str:
    """All the words that a person makes out on a card."""
    look = card.look()
    return "\n".join((look.title, look.status, look.text))


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
    folder: Path, rules: Rules | None = None, arrange: Arrange | None = None, /, **settings: str
) -> AsyncIterator[Stage]:
    """A service and its sandbox, started and stopped. `arrange` comes between, and may have settings to add."""
    robot = f"staged{next(_numbers)}"
    credentials = {"DINGTALK_CLIENT_ID": robot, "DINGTALK_CLIENT_SECRET": SECRET}
    async with _serving(folder, [robot], rules, credentials | settings, arrange=arrange) as (stage,):
        yield stage


@asynccontextmanager
async def served_again(stage: Stage, folder: Path, **settings: str) -> AsyncIterator[Stage]:
    """The same robot, served by a new service in the same place, when the one before it has ended."""
    stage.service.drain()
    await asyncio.to_thread(stage.service.wait)
    credentials = {"DINGTALK_CLIENT_ID": stage.robot, "DINGTALK_CLIENT_SECRET": SECRET}
    async with _serving(folder, [stage.robot], None, credentials | settings, sandbox=stage.sandbox) as (again,):
        await connected(again)
        yield again


@asynccontextmanager
async def several(
    folder: Path, robots: Mapping[str, Any], rules: Rules | None = None, /, **settings: str
) -> AsyncIterator[tuple[Stage, ...]]:
    """A stage for each robot of an element tree, all in one service. `robots` has what their `config.json` has beside
    the credentials, or the whole of it as text where that is broken."""
    number = next(_numbers)
    ids = {name: f"{name}{number}" for name in robots}
    configs = {
        name: config if isinstance(config, str) else {"clientId": ids[name], "clientSecret": SECRET} | config
        for name, config in robots.items()
    }
    tree = {"ROBOTS_DIR": str(plant(folder / "app", configs))}
    async with _serving(folder, list(ids.values()), rules, tree | settings) as stages:
        yield stages


@asynccontextmanager
async def _serving(
    folder: Path,
    robots: list[str],
    rules: Rules | None,
    settings: dict[str, str],
    *,
    sandbox: Sandbox | None = None,
    arrange: Arrange | None = None,
) -> AsyncIterator[tuple[Stage, ...]]:
    rules = rules or Rules(first_ping=0.02, ping_interval=0.5, calls_per_second=0)
    async with AsyncExitStack() as opened:
        if sandbox is None:
            secrets = dict.fromkeys(robots, SECRET)
            sandbox = await opened.enter_async_context(Sandbox(robots=secrets, rules=rules, templates=TEMPLATES))
        environment = {
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
        environ = environment | arranged | settings
        service = Service(load(environ), environ)
        await asyncio.to_thread(service.start)
        try:
            yield tuple(Stage(robot, sandbox, service) for robot in robots)
        finally:
            service.drain()
            await asyncio.to_thread(service.wait)
            for robot in robots:
                _forget_series(robot)


def _forget_series(robot: str) -> None:
    """What was counted of a robot ends with its stage: with those of hundreds each look at /metrics takes a second."""
    for metric in vars(metrics).values():
        if "robot" in getattr(metric, "_labelnames", ()):
            metric.remove_by_labels({"robot": robot})


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A robot with the usual settings, connected."""
    async with staged(tmp_path) as stage:
        await connected(stage)
        yield stage


async def connected(stage: Stage, count: int = 1) -> None:
    """Wait until the robot has so many live connections."""
    await stage.sandbox.until(lambda: stage.sandbox.online(stage.robot) >= count, 10.0)
