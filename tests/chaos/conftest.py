"""A real service in a process of its own, that can be killed; the platform stays up in the test."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest

from actors.sandbox.records import Card
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.actors.conftest import OWN, PUBLIC, STANDARD, TEMPLATES, TEXT, closed
from tests.chaos.cast import ASKED
from tests.chaos.nursery import Forked, fork
from tests.jaap.trees import plant

KINDS: dict[str, dict[str, str]] = {"public": PUBLIC, "own": OWN, "standard": STANDARD, "text": TEXT}
CARDS = [kind for kind in KINDS if kind != "text"]
"""Those whose answers are shown on cards."""

THOROUGH = os.environ.get("CHAOS") == "thorough"
"""Whether every variety of every scenario is played, as by `make chaos`."""

T = TypeVar("T")


def some(every: Sequence[T], few: int = 1) -> Sequence[T]:
    """All varieties of a scenario where there is time, else the first few."""
    return every if THOROUGH else every[:few]


ROOT = Path(__file__).parents[2]
SECRET = "robot-secret"


def client(kind: str) -> str:
    """The client id of the robot for a kind of card."""
    return f"chaos-{kind}"


@dataclass
class Running:
    """A service process."""

    process: asyncio.subprocess.Process | Forked
    output: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    readers: list[asyncio.Task[None]] = field(default_factory=list)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end; returns the exit code (minus the signal that ended it)."""
        code = await asyncio.wait_for(self.process.wait(), 60)
        await asyncio.gather(*self.readers)
        return code

    @property
    def port(self) -> int:
        """Its HTTP port."""
        return int(next(json.loads(line)["port"] for line in self.output if '"probes_listening"' in line))

    async def told(self, path: str) -> tuple[int, str]:
        """What it answers at a path of its HTTP port."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()


@dataclass
class Place:
    """The home of one robot, or of one for each kind of card: a folder with its inbox, the sandbox that it is connected
    to, and the processes that served it. `robots` are their client ids by kind, `kinds` the settings of each kind."""

    folder: Path
    robots: dict[str, str]
    sandbox: Sandbox
    kinds: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: KINDS)
    started: list[Running] = field(default_factory=list)

    @property
    def robot(self) -> str:
        """The robot of a place that has one."""
        return next(iter(self.robots.values()))

    async def run(self, *command: str, **settings: str) -> Running:
        """Start a service process (by default one of `python -m actors run`, forked); it is not awaited."""
        if not command:
            return await self.command("run", **settings)
        return self._watched(
            await asyncio.create_subprocess_exec(
                *command,
                cwd=ROOT,
                env=self._environment(settings),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )

    async def command(self, *words: str, **settings: str) -> Running:
        """Start a process of `python -m actors` with these words, forked; it is not awaited."""
        return self._watched(await fork(self._environment(settings), *words))

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        return self._robots_settings() | {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DINGTALK_OPENAPI_ENDPOINT": self.sandbox.url,
            "AGENT": "python:tests.chaos.cast:noted",
            ASKED: str(self._asked),
            "INBOX_URL": f"sqlite:///{self.folder}/inbox.db",
            "HTTP_PORT": "0",
            "STREAM_RETRY_INITIAL": "0.1",
            "STREAM_RETRY_JITTER": "0",
            "CARD_MIN_INTERVAL": "0.1",
            "PYTHONFAULTHANDLER": "1",
            **settings,
        }

    def _watched(self, process: asyncio.subprocess.Process | Forked) -> Running:
        running = Running(process)
        for stream, lines in ((process.stdout, running.output), (process.stderr, running.errors)):
            assert stream is not None
            running.readers.append(asyncio.create_task(_read(stream, lines)))
        self.started.append(running)
        return running

    async def serve(self, *command: str, **settings: str) -> Running:
        """Start a service process, as `run` does, and wait until it is connected."""
        before = len(self.sandbox.connections)
        running = await self.run(*command, **settings)
        try:
            await self.sandbox.until(lambda: self._connected(since=before), 60.0)
        except TimeoutError:
            running.kill(signal.SIGABRT)
            await running.ended()
            pytest.fail("".join(["the service did not connect\n", *running.output, *running.errors]))
        return running

    async def serve_after_kill_9(self, running: Running, **settings: str) -> Running:
        """Kill a service, and start another."""
        running.kill()
        await running.ended()
        return await self.serve(**settings)

    def ask(self, text: str, *, sender: str = "zhang", kind: str = "public") -> str:
        """Somebody asks; returns the message id."""
        return self.sandbox.say(text, robot=self.robots[kind], sender=sender)

    @property
    def asked(self) -> list[str]:
        """Every run of an agent, in any process: what it was asked, and the questions of its history."""
        return self._asked.read_text("utf-8").splitlines() if self._asked.exists() else []

    def let_go(self) -> None:
        """What is held goes on, now and in every later process."""
        self._asked.with_name("go").touch()

    @property
    def _asked(self) -> Path:
        return self.folder / "asked"

    async def card(self, sender: str = "zhang", *, calls: int = 1) -> Card:
        """Wait for a person's first card, and for so many calls to have reached it."""

        def there() -> Card | None:
            chat = self.sandbox.chat_id(self.robot, sender)
            cards = [card for card in self.sandbox.cards.values() if chat in card.chats]
            return cards[0] if cards and len(cards[0].versions) >= calls else None

        card = await self.sandbox.until(there, 30.0)
        assert card is not None
        return card

    async def all_closed(self, count: int) -> list[Card]:
        """Wait until so many cards are finished and closed; returns all cards there are."""
        await self.sandbox.until(lambda: sum(map(closed, self.sandbox.cards.values())) >= count, 60.0)
        return list(self.sandbox.cards.values())

    def cards(self, kind: str) -> list[Card]:
        """One robot's cards, oldest first."""
        return [card for card in self.sandbox.cards.values() if card.robot == self.robots[kind]]

    def messages(self, kind: str) -> list[str]:
        """One robot's plain messages, oldest first."""
        return [message.text for message in self.sandbox.messages if message.robot == self.robots[kind]]

    def _robots_settings(self) -> dict[str, str]:
        if list(self.robots) == ["public"]:
            return {"DINGTALK_CLIENT_ID": self.robot, "DINGTALK_CLIENT_SECRET": SECRET}
        configs = {
            kind: {"clientId": robot, "clientSecret": SECRET, **self.kinds.get(kind, PUBLIC)}
            for kind, robot in self.robots.items()
        }
        return {"ROBOTS_DIR": str(plant(self.folder / "app", configs))}

    def _connected(self, *, since: int) -> bool:
        new = {connection.robot for connection in self.sandbox.connections[since:] if connection.live}
        return new >= set(self.robots.values())


async def _read(stream: asyncio.StreamReader, lines: list[str]) -> None:
    async for line in stream:
        lines.append(line.decode())  # noqa: PERF401 - tests look at the lines while they come


@asynccontextmanager
async def placed(
    folder: Path,
    *kinds: str,
    known: Mapping[str, Mapping[str, str]] = KINDS,
    history: int = 2000,
    **own: Mapping[str, str],
) -> AsyncIterator[Place]:
    """A robot whose service is not started yet, or one for each of several kinds of card, of those that are known (a
    name that is none stands for a robot with the public template), and for each that is named with a configuration of
    its own; what was started is killed in the end."""
    robots = {kind: client(kind) for kind in (*kinds, *own) or ("public",)}
    rules = Rules(first_ping=0.02, ping_interval=1.0, redelivery_after=3600)
    secrets = dict.fromkeys(robots.values(), SECRET)
    async with Sandbox(robots=secrets, rules=rules, history=history, templates=TEMPLATES) as sandbox:
        place = Place(folder, robots, sandbox, {**known, **own})
        try:
            yield place
        finally:
            for running in place.started:
                running.kill()
                await running.ended()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A robot whose service is not started yet."""
    async with placed(tmp_path) as place:
        yield place


@pytest.fixture
async def houses(tmp_path: Path) -> AsyncIterator[Place]:
    """A robot for each kind of card, all in one service that is not started yet."""
    async with placed(tmp_path, *KINDS) as place:
        yield place
