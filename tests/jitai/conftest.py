"""An app with the family in it, as a JitAi user has it, and the DingTalk that its robots live in."""

import asyncio
import itertools
import logging
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from actors.embedded import stop_all
from actors.sandbox.records import Card
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.actors.conftest import closed
from tests.jitai.node import App, Log, install, uninstall

FAMILY = Path(__file__).parents[2] / "deploy" / "jitai" / "imRobots"
DEMO = "imRobots.dingTalkDemo"
OTHER = "imRobots.other"
SECRET = "robot-secret"
SCRIPTED = "python:tests.actors.cast:scripted"
_numbers = itertools.count(1)

T = TypeVar("T")


@dataclass
class House:
    """A JitNode with one app, and DingTalk. JitNode has a thread of its own, since DingTalk is in the test's."""

    app: App
    log: Log
    sandbox: Sandbox
    robot: str
    pool: ThreadPoolExecutor

    async def do(self, step: Callable[..., T], *words: Any, **keys: Any) -> T:
        """Have JitNode do something."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, lambda: step(*words, **keys))

    async def element(self, name: str = DEMO) -> Any:
        """What `app.getElement` gives."""
        return await self.do(self.app.getElement, name)

    async def online(self, robot: str = "", *, count: int = 1) -> None:
        """Wait until a robot has so many live connections."""
        await self.sandbox.until(lambda: self.sandbox.online(robot or self.robot) == count, 20.0)

    async def answer(self, text: str, *, robot: str = "", sender: str = "zhang") -> str:
        """Ask, and wait for the finished card; returns what it says."""
        robot = robot or self.robot
        before = len(self.cards(robot))
        self.sandbox.say(text, robot=robot, sender=sender)

        def finished() -> list[Card]:
            return [card for card in self.cards(robot)[before:] if closed(card)]

        return (await self.sandbox.until(finished, 20.0))[0].text

    def cards(self, robot: str = "") -> list[Card]:
        """A robot's cards, oldest first."""
        return [card for card in self.sandbox.cards.values() if card.robot == (robot or self.robot)]

    def config(self, **keys: Any) -> dict[str, Any]:
        """The demo's `config.json`, with other keys."""
        return {"agent": SCRIPTED, "clientId": self.robot, "clientSecret": "{{DEMO_CLIENT_SECRET}}"} | keys


async def eventually(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    """Wait for something that only polling can see."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - threads and sockets tell no events
            await asyncio.sleep(0.02)


def threads() -> int:
    """How many threads there are."""
    return threading.active_count()


def open_files() -> int:
    """How many files and sockets are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """The package's logger is the process', and other tests listen to it."""
    ours = logging.getLogger("actors")
    before = ours.handlers[:], ours.level, ours.propagate
    yield
    ours.handlers[:], level, ours.propagate = before
    ours.setLevel(level)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The family in an app that is not initialised yet."""
    number = next(_numbers)
    robot = f"jitnode{number}"
    folder = tmp_path / "myapp" / "0.0.0"
    shutil.copytree(FAMILY, folder / "imRobots", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "appData").mkdir()
    robots = dict.fromkeys((robot, f"{robot}b"), SECRET)
    rules = Rules(first_ping=0.02, ping_interval=0.5, calls_per_second=0)
    async with Sandbox(robots=robots, rules=rules) as sandbox:
        variables = {
            "DEMO_AGENT": SCRIPTED,
            "DEMO_CLIENT_ID": robot,
            "DEMO_CLIENT_SECRET": SECRET,
            "DINGTALK_OPENAPI_ENDPOINT": sandbox.url,
            "OPENAPI_QPS": 1000,
            "STREAM_RETRY_INITIAL": 0.05,
            "STREAM_RETRY_JITTER": 0,
            "CARD_MIN_INTERVAL": 0.05,
            "SHUTDOWN_GRACE": 0.1,
            "UNUSED": None,
        }
        app, log = App(folder, variables), Log()
        install(app, log)
        with ThreadPoolExecutor(1, "jitnode") as pool:
            house = House(app, log, sandbox, robot, pool)
            await house.do(lambda: None)
            yield house
            await house.do(stop_all, f"{app.envId}/")
        uninstall(app)
