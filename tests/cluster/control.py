"""`python -m tests.cluster.control`: how long a word or a press takes from the replica it comes to, to the one that
runs the answer, and how long its ack takes.

Real processes, a real PostgreSQL and the sandbox, on this machine. A word or a press is sent to a replica that does not
run the answer; the agent notes when it is stopped, or hears of a rating.
"""

import asyncio
import os
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.core.card import STOP, button_id
from actors.sandbox.records import Card, Push
from tests.actors.conftest import closed
from tests.chaos.conftest import Place, placed
from tests.chaos.ward import noted
from tests.cluster.cast import HEARD, STOPPED
from tests.cluster.postgres import served
from tests.cluster.replicas import Cluster

RESULTS = Path(__file__).parent / "results"

HANGS = "1x0.01 hang"
"""An answer that goes on until it is stopped."""

TIMES = 30


@dataclass(frozen=True)
class Took:
    """Seconds since the platform sent the frame."""

    ack: float
    agent: float
    card: float
    """Until the card says it to everybody."""


@dataclass
class Stage:
    """A robot that two replicas serve: questions come to one of them, words and presses to the other."""

    place: Place
    here: str
    there: str
    """The ids of their Stream connections."""

    def say(self, text: str, person: str, connection: str, message_id: str | None = None) -> str:
        """Somebody writes to this replica; the message has its text for its id unless it has another."""
        name = message_id or text
        robot = self.place.robot
        return self.place.sandbox.say(text, robot=robot, sender=person, message_id=name, connection=connection)

    async def asked(self, person: str, script: str = HANGS) -> tuple[str, Card]:
        """Somebody asks what is answered here; waits until the answer has begun to be shown."""
        name = self.say(f"{person}问 {script}", person, self.here)
        return name, await self.place.card(person, calls=2)

    async def word(self, word: str, person: str) -> Took:
        """Somebody says a word there while an answer is given here."""
        name, card = await self.asked(person)
        said = self.say(word, person, self.there, f"{word} of {person}")
        return await self._took(said, name, STOPPED, card, closed)

    async def stop_button(self, person: str) -> Took:
        """Somebody presses stop, and the press comes there."""
        name, card = await self.asked(person)
        assert self.place.sandbox.click(card.id, button_id(STOP, name), person, connection=self.there)
        return await self._took(card.id, name, STOPPED, card, closed)

    async def rating(self, person: str, rating: str = "helpful") -> Took:
        """Somebody rates an answer that was given here, and the press comes there."""
        name, card = await self.asked(person, "1x0.01")
        await self.place.sandbox.until(lambda: closed(card) and len(card.buttons()) == 4, 30.0)
        shown = sum(not version.user for version in card.versions)
        assert self.place.sandbox.click(card.id, button_id(rating, name), person, connection=self.there)

        def told(card: Card) -> bool:
            return sum(not version.user for version in card.versions) > shown

        return await self._took(card.id, name, HEARD, card, told)

    def noted(self, file: str, text: str) -> list[dict[str, Any]]:
        """What the agents noted of a question."""
        return [note for note in noted(self.place, file) if note["text"] == text]

    async def _took(self, about: str, text: str, file: str, card: Card, over: Callable[[Card], bool]) -> Took:
        sandbox = self.place.sandbox

        def push() -> Push | None:
            acked = [push for push in sandbox.acks if push.about == about and push.connection == self.there]
            return acked[-1] if acked else None

        acked = await sandbox.until(push, 30.0)
        assert acked is not None
        assert acked.seconds is not None
        await sandbox.until(lambda: over(card), 60.0)
        shown = next(version.at for version in card.versions if version.at > acked.at and not version.user)
        for _ in range(1000):
            if notes := self.noted(file, text):
                return Took(acked.seconds, notes[0]["at"] - acked.at, shown - acked.at)
            await asyncio.sleep(0.02)
        raise AssertionError(f"the agent has noted nothing of {text} in {file}")


@asynccontextmanager
async def staged(folder: Path, url: str, **settings: str) -> AsyncIterator[Stage]:
    """Two replicas, connected."""
    async with placed(folder) as place:
        cluster = Cluster(place, url, AGENT="python:tests.cluster.cast:watched", **settings)
        await cluster.grow(2)
        here, there = (connection.id for connection in place.sandbox.connections)
        yield Stage(place, here, there)


async def measured(stage: Stage, times: int) -> dict[str, list[Took]]:
    """Every word and press, so many times, one after the other."""
    return {
        "/stop": [await stage.word("/stop", f"s{number}") for number in range(times)],
        "/new": [await stage.word("/new", f"n{number}") for number in range(times)],
        "the stop button": [await stage.stop_button(f"b{number}") for number in range(times)],
        "a rating": [await stage.rating(f"r{number}") for number in range(times)],
    }


def told(took: dict[str, list[Took]]) -> str:
    """The page with the numbers, and how they were had."""

    def both(seconds: Sequence[float]) -> str:
        return f"{statistics.median(seconds) * 1000:.0f} / {max(seconds) * 1000:.0f}"

    table = "\n".join(
        f"| {what} | {both([one.ack for one in every])} | {both([one.agent for one in every])} | "
        f"{both([one.card for one in every])} |"
        for what, every in took.items()
    )
    return f"""# How long words and presses take to another replica

| what came to a replica that does not run the answer | ack, ms | agent, ms | card, ms |
| --- | ---: | ---: | ---: |
{table}

Median and worst of {len(next(iter(took.values())))}, each from the moment in which the platform sends the frame: until
its ack is there; until the agent is stopped in the replica that runs it, or hears of the rating (that is in the replica
that the press came to); and until the next call about it has reached the card. At this pace some calls have to wait for
their place among the robot's 20 a second.

## How this was had

`.venv/bin/python -m tests.cluster.control` starts two processes of the service, a PostgreSQL that forgets at a crash
(`fsync=off`) and the sandbox, all on one machine with {os.cpu_count()} cores, and writes this file. Its load average
was {os.getloadavg()[0]:.0f} at that time. Questions go to one replica, words and presses to the other.
"""


async def _measure() -> dict[str, list[Took]]:
    with served("fsync=off") as server, tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder), server.url(), INBOX_LEASE="60") as stage:
            return await measured(stage, TIMES)


if __name__ == "__main__":
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "control.md").write_text(told(asyncio.run(_measure())), encoding="utf-8")
