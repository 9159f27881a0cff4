"""A real service in a process of its own, that can be killed; the platform stays up in the test."""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actors.sandbox.records import Card
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.actors.conftest import closed

ROOT = Path(__file__).parents[2]
SECRET = "robot-secret"
_numbers = itertools.count(1)


@dataclass
class Running:
    """A service process."""

    process: asyncio.subprocess.Process
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


@dataclass
class Place:
    """A robot's home: a folder with its inbox, the sandbox it is connected to, and the processes that served it."""

    folder: Path
    robot: str
    sandbox: Sandbox
    started: list[Running] = field(default_factory=list)

    async def run(self, *command: str, **settings: str) -> Running:
        """Start a service process (by default `python -m actors run`); it is not awaited."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DINGTALK_CLIENT_ID": self.robot,
            "DINGTALK_CLIENT_SECRET": SECRET,
            "DINGTALK_OPENAPI_ENDPOINT": self.sandbox.url,
            "AGENT": "python:tests.actors.cast:scripted",
            "INBOX_URL": f"sqlite:///{self.folder}/inbox.db",
            "HTTP_PORT": "0",
            "STREAM_RETRY_INITIAL": "0.1",
            "STREAM_RETRY_JITTER": "0",
            "CARD_MIN_INTERVAL": "0.1",
            "PYTHONFAULTHANDLER": "1",
        }
        process = await asyncio.create_subprocess_exec(
            *(command or (sys.executable, "-m", "actors", "run")),
            cwd=ROOT,
            env=environment | settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        running = Running(process)
        for stream, lines in ((process.stdout, running.output), (process.stderr, running.errors)):
            assert stream is not None
            running.readers.append(asyncio.create_task(_read(stream, lines)))
        self.started.append(running)
        return running

    async def serve(self, **settings: str) -> Running:
        """Start a service process and wait until it is connected."""
        before = len(self.sandbox.connections)
        running = await self.run(**settings)
        try:
            await self.sandbox.until(
                lambda: len(self.sandbox.connections) > before and self.sandbox.online(self.robot), 30.0
            )
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

    def ask(self, text: str, *, sender: str = "zhang") -> str:
        """Somebody asks; returns the message id."""
        return self.sandbox.say(text, robot=self.robot, sender=sender)

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


async def _read(stream: asyncio.StreamReader, lines: list[str]) -> None:
    async for line in stream:
        lines.append(line.decode())  # noqa: PERF401 - tests look at the lines while they come


@asynccontextmanager
async def placed(folder: Path) -> AsyncIterator[Place]:
    """A robot whose service is not started yet; what was started is killed in the end."""
    robot = f"chaos{next(_numbers)}"
    rules = Rules(first_ping=0.02, ping_interval=1.0, redelivery_after=3600)
    async with Sandbox(robots={robot: SECRET}, rules=rules) as sandbox:
        place = Place(folder, robot, sandbox)
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
