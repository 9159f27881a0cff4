"""Where an observed run takes place: a DingTalk, the robots in it, and people who write to them and press buttons.

It knows what can be done; what is done, and when, is the run's.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actors.core import texts
from actors.sandbox.records import Card
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.actors.conftest import TEMPLATES, closed
from tests.actors.endings import spins
from tests.jaap.trees import plant, write
from tests.operations.observed.cast import FOLDER
from tests.operations.observed.programs import Program, ended, free_port, start_service

SECRET = "robot-secret"
CONNECTIONS = 2
"""Stream connections of each robot."""

PEOPLE = [f"person{number}" for number in range(400)]
"""Everybody who may ask."""

AGENT = "python:tests.operations.observed.cast:talkative"


@dataclass(frozen=True, slots=True)
class House:
    """A folder, the DingTalk, and the port on which the service serves its metrics. `robots` are settings by client id;
    those in `broken` stand in the folder of robots as well and cannot be served. `crowd` are people who have not
    written yet, and may."""

    folder: Path
    sandbox: Sandbox
    port: int
    robots: Mapping[str, Mapping[str, Any]]
    broken: Mapping[str, Any]
    crowd: Iterator[str] = field(default_factory=lambda: iter(PEOPLE))

    @contextmanager
    def service(self, robots: Collection[str], **settings: str) -> Iterator[Program]:
        """A service process for these robots, which is not awaited."""
        configs = {name: {"clientId": name, "clientSecret": SECRET, **self.robots[name]} for name in robots}
        app = plant(self.folder / f"app-of-{len(robots)}", configs | dict(self.broken))
        environment = {
            "ROBOTS_DIR": str(app),
            "DINGTALK_OPENAPI_ENDPOINT": self.sandbox.url,
            "AGENT": AGENT,
            "STREAM_CONNECTIONS": str(CONNECTIONS),
            "ALLOWED_SENDERS": ",".join(PEOPLE),
            FOLDER: str(self.folder),
            "INBOX_URL": f"sqlite:///{self.folder}/inbox.db",
            "HTTP_PORT": str(self.port),
            "PYTHONFAULTHANDLER": "1",
        }
        with ended(start_service(self.folder / "service.log", environment | settings)) as program:
            yield program

    def spoil(self, robot: str, robots: Collection[str]) -> None:
        """Somebody breaks the configuration of one of the robots that are served."""
        write(self.folder / f"app-of-{len(robots)}" / "imRobots" / robot / "config.json", "{")

    async def connected(self, *robots: str) -> None:
        """Wait until each of these robots has all its connections."""
        await self.until(lambda: all(self.sandbox.online(robot) == CONNECTIONS for robot in robots))

    async def until(self, condition: Any, timeout: float = 60.0) -> Any:
        """Wait until the sandbox sees it."""
        return await self.sandbox.until(condition, timeout)

    def somebody(self) -> str:
        """A person who has not written yet."""
        return next(self.crowd)

    def ask(self, robot: str, sender: str, text: str, **how: Any) -> str:
        """Somebody writes; returns the message id."""
        return self.sandbox.say(text, robot=robot, sender=sender, **how)

    def attach(self, robot: str, sender: str, data: bytes, name: str = "a.txt") -> str:
        """Somebody sends a file; returns the message id."""
        code = self.sandbox.attach(data, name, "text/plain")
        return self.ask(robot, sender, "", msgtype="file", content={"downloadCode": code, "fileName": name})

    def cards(self, robot: str, sender: str) -> list[Card]:
        """One person's cards, oldest first."""
        chat = self.sandbox.chat_id(robot, sender)
        return [card for card in self.sandbox.cards.values() if chat in card.chats]

    async def card(self, robot: str, sender: str, count: int = 1) -> Card:
        """Wait for somebody's latest card, which is the `count`-th."""
        await self.until(lambda: len(self.cards(robot, sender)) >= count)
        return self.cards(robot, sender)[count - 1]

    async def finished(self, robot: str, sender: str, count: int = 1) -> Card:
        """Wait until somebody's latest card, which is the `count`-th, is finished."""
        card = await self.card(robot, sender, count)
        await self.until(lambda: is_over(card))
        return card

    def press(self, card: Card, word: str, user: str) -> bool:
        """Somebody presses the button with these words; False when it is not there or nobody heard."""
        button = next((button for button in card.buttons() if word in button["text"]), None)
        return button is not None and self.sandbox.click(card.id, button["id"], user)

    def rate(self, card: Card, rating: str, user: str) -> bool:
        """Somebody rates an answer."""
        return self.press(card, texts.RATINGS[rating], user)


def is_over(card: Card) -> bool:
    """Whether nothing comes any more but the mark of a rating."""
    return not spins(card) if card.template == "StandardCard" else closed(card)


@asynccontextmanager
async def housed(
    folder: Path,
    robots: Mapping[str, Mapping[str, Any]],
    broken: Mapping[str, Any] | None = None,
    rules: Rules | None = None,
) -> AsyncIterator[House]:
    """A house whose service is not started yet."""
    secrets = dict.fromkeys(robots, SECRET)
    async with Sandbox(robots=secrets, rules=rules, history=20_000, templates=TEMPLATES) as sandbox:
        yield House(folder, sandbox, free_port(), robots, broken or {})


async def beside(work: Any) -> Any:
    """Something that blocks, in a thread, while the sandbox goes on."""
    return await asyncio.to_thread(work)
