"""Random mixtures of everything that people do at once, replayable by their seed.

`python -m tests.chaos.mixture ROUNDS [SEED]` plays many of them with each kind of card, calm and stormy, and ends at
the first that breaks a rule of `verdict`; the suite plays a few.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from actors.agents import Event, Question
from actors.core import texts
from actors.core.card import STOP, button_id, card_id
from actors.sandbox.records import Card
from tests.actors.cast import scripted
from tests.actors.conftest import Stage, connected, staged

AGENT = "python:tests.chaos.mixture:timed"
PERSISTENT = {"OPENAPI_RETRY_ATTEMPTS": "30"}
"""With this a storm delays calls, and fails none of them."""

LATENCY = 0.03
"""Seconds that each call takes, so that much is on its way at once."""

SCRIPTS = ["", "", "", "1x0.01", "3x0.01", "5x0.02", "hang", "2x0.01 hang", "tool 1x0.02 back", "2x0.01 boom", "boom"]
STORMY = ("create", "streaming", "update", "standard", "standard_update")
"""The calls that may be repeated without harm: a message by a webhook would come twice."""


@dataclass
class Run:
    """One run of the agent: when it began, and when it had said all."""

    question: Question
    began: float
    whole: float | None = None


RUNS: list[Run] = []


async def timed(question: Question) -> AsyncIterator[str | Event]:
    """Follow the script in the question's second line, and note when."""
    RUNS.append(run := Run(question, time.monotonic()))
    name, _, script = question.text.partition("\n")
    async for piece in scripted(replace(question, text=script or name)):
        yield piece
    run.whole = time.monotonic()


@dataclass(frozen=True)
class Deed:
    """What a person does next, after a pause of so many seconds."""

    what: str
    pause: float = 0.0
    script: str = ""


@dataclass
class Person:
    """One person's part, and what they have done of it."""

    name: str
    deeds: list[Deed] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """The message ids of their questions, in order."""
    renewed: list[int] = field(default_factory=list)
    """For each `/new`, how many questions were asked before it."""
    rated: dict[str, str] = field(default_factory=dict)
    """Their last rating of each answer."""


def plan(seed: int, people: int) -> list[Person]:
    """What so many people do, by the seed."""
    chance = random.Random(seed)
    return [Person(f"s{seed}p{number}", list(_deeds(chance))) for number in range(people)]


def _deeds(chance: random.Random) -> Iterator[Deed]:
    for _ in range(chance.randint(2, 16)):
        what = chance.choices(["ask", "stop", "new", "press", "rate"], [8, 3, 2, 2, 3])[0]
        yield Deed(what, chance.choice([0.0, 0.0, 0.01, 0.05, 0.2]), chance.choice(SCRIPTS))


async def play(stage: Stage, cast: list[Person], chance: random.Random, *, storm: bool = False) -> None:
    """Let everybody do their part, then stop what would go on for ever, until nothing is left to be done."""
    stage.sandbox.rules.latency = LATENCY
    trouble = asyncio.create_task(_storm(stage, chance)) if storm else None
    async with asyncio.TaskGroup() as tasks:
        for person in cast:
            tasks.create_task(_act(stage, person, random.Random(chance.random())))
    if trouble is not None:
        trouble.cancel()
        stage.sandbox.heal()
    async with asyncio.timeout(60):
        while not await at_rest(stage):
            await asyncio.sleep(0.1)
            if await _pending(stage):
                for person in cast:
                    await stage.ask("/stop", sender=person.name)


async def _act(stage: Stage, person: Person, chance: random.Random) -> None:
    for number, deed in enumerate(person.deeds):
        await asyncio.sleep(deed.pause)
        match deed.what:
            case "ask":
                person.asked.append(await stage.ask(f"{person.name}q{number}\n{deed.script}", sender=person.name))
            case "stop":
                await stage.ask("/stop", sender=person.name)
            case "new":
                person.renewed.append(len(person.asked))
                await stage.ask("/new", sender=person.name)
            case "press":
                _press(stage, person, chance, STOP)
            case "rate":
                for rating in chance.choices(list(texts.RATINGS), k=2):
                    if message_id := _press(stage, person, chance, rating):
                        person.rated[message_id] = rating


def _press(stage: Stage, person: Person, chance: random.Random, button: str) -> str | None:
    """Press this button on one of the cards that have it; returns whose."""
    shown = {
        message_id: card
        for message_id in person.asked
        if (card := stage.sandbox.cards.get(card_id(stage.robot, message_id))) and has(card, button, message_id)
    }
    if not shown:
        return None
    message_id = chance.choice(list(shown))
    pressed = next(each["id"] for each in shown[message_id].buttons() if _is(each, button, message_id))
    return message_id if stage.sandbox.click(shown[message_id].id, pressed, person.name) else None


def has(card: Card, button: str, message_id: str) -> bool:
    """Whether a card has this button, however its template spells it."""
    return any(_is(each, button, message_id) for each in card.buttons())


def _is(shown: dict[str, object], button: str, message_id: str) -> bool:
    return shown["id"] in {button, button_id(button, message_id)}


async def at_rest(stage: Stage) -> bool:
    """Whether nothing is left to be done."""
    acked = all(said.acked for said in stage.sandbox.said)
    beside = any(robot.intake._aside for robot in stage.service._parts.robots.values())
    return acked and not beside and not await _pending(stage)


async def _pending(stage: Stage) -> bool:
    inbox, reactor = stage.service._parts.inbox, stage.service._reactor
    return bool(await asyncio.wrap_future(reactor.submit(inbox.pending())))


async def _storm(stage: Stage, chance: random.Random) -> None:
    """Trouble with the platform's calls, of every kind that passes."""
    while True:
        await asyncio.sleep(chance.random() * 0.1)
        api = chance.choice(STORMY)
        match chance.choice(["busy", "reset", "lost", "late"]):
            case "busy":
                stage.sandbox.fail(api, status=503, code="system.busy", times=chance.randint(1, 2))
            case "reset":
                stage.sandbox.fail(api, reset=True)
            case "lost":
                stage.sandbox.fail(api, status=504, applied=True)
            case "late":
                stage.sandbox.fail(api, delay=chance.random() * 0.5)


async def main(rounds: int, seed: int) -> None:
    """Play many mixtures, with each kind of card."""
    from tests.chaos.conftest import KINDS
    from tests.chaos.mixture import RUNS as runs  # noqa: N811 - the agent's, where this file is run as a program
    from tests.chaos.verdict import Ledger, judge

    for kind, settings in KINDS.items():
        for number in range(seed, seed + rounds):
            storm = number % 2 == 1
            runs.clear()
            print(kind, "seed", number, "storm" if storm else "calm", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                async with staged(Path(folder), AGENT=AGENT, **PERSISTENT, **settings) as stage:
                    await connected(stage)
                    ledger, cast = Ledger(stage.service._parts.inbox), plan(number, 20)
                    await play(stage, cast, random.Random(number), storm=storm)
                    await judge(stage, cast, ledger, runs)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
