"""A place whose agent is unruly: who asks there, what they see in the end, and what the agent itself has noted."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from actors.sandbox.records import CardState, Said
from tests.actors.endings import ending
from tests.chaos.cast import RUNS
from tests.chaos.conftest import Place, Running
from tests.chaos.promises import accepted, card_of
from tests.chaos.unruly import CENSUS, ENDS

SETTINGS = {
    "AGENT": "python:tests.chaos.unruly:unruly",
    "AGENT_RETRY_INITIAL": "0.05",
    "AGENT_RETRY_JITTER": "0",
    "CONVERSATION_IDLE": "0.5",
}
TRIES = 3
"""AGENT_RETRY_ATTEMPTS."""

NEIGHBOURS = [f"n{number}" for number in range(5)]

CLOSED = {"CancelledError", "GeneratorExit"}
"""How a stream notices that it is closed."""


def misbehave(place: Place, faults: Iterable[str], kind: str) -> None:
    """Each of these is done to somebody."""
    for fault in faults:
        place.ask(f"{fault} {fault}", sender=fault, kind=kind)


def neighbours_ask(place: Place, kind: str, *, pieces: int = 40) -> None:
    """Others have a question that is nothing unusual."""
    for name in NEIGHBOURS:
        place.ask(f"{name}.{len(place.sandbox.said)} {pieces}x0.05", sender=name, kind=kind)


async def all_run(place: Place, names: Iterable[str]) -> None:
    """Wait until the agent runs for each of these, and each card is there."""
    wanted = set(names)
    asked = [said for said in place.sandbox.said if first_word(said.text) in wanted]
    await place.sandbox.until(
        lambda: (
            {first_word(run["text"]) for run in noted(place, RUNS)} >= wanted
            and all(card_of(place, said) for said in asked)
        ),
        30.0,
    )


def first_word(text: str) -> str:
    """The name of a question."""
    return text.partition(" ")[0]


def noted(place: Place, name: str) -> list[dict[str, Any]]:
    """The lines that the agent wrote into one of its files."""
    file = place.folder / name
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def closed_after(place: Place, at: float) -> dict[str, float]:
    """The seconds after which each stream was closed that was, by the name of its question."""
    return {end["name"]: end["at"] - at for end in noted(place, ENDS) if end["how"] in CLOSED}


def seen(place: Place) -> dict[str, str]:
    """What stands on each card in the end, by the name of its question."""
    cards = {first_word(said.text): card_of(place, said) for said in accepted(place)}
    return {name: card.look().text for name, card in cards.items() if card is not None}


def slowest(place: Place) -> float:
    """Seconds that the slowest of the neighbours waited for a whole answer."""
    return max(_whole_at(place, said) - said.at for said in accepted(place) if said.sender in NEIGHBOURS)


def _whole_at(place: Place, said: Said) -> float:
    card = card_of(place, said)
    assert card is not None, f"{said.text} has no card"
    assert ending(card) == "answered", said.text
    return next(version.at for version in card.versions if version.state is CardState.FINISHED)


def stalls(service: Running) -> list[str]:
    """Where the event loop was held up for a second, as the service logs it."""
    return [json.loads(line)["stack"] for line in service.output if '"loop_stuck"' in line]


# What there is in the process


async def census(place: Place, kind: str) -> dict[str, Counter[str]]:
    """The actors, tasks, threads and open files of the service process, by name; without what is kept for whoever needs
    it next, which is connections to the platform and the threads of the pool."""
    before = len(noted(place, CENSUS))
    place.ask(f"census{before} counts_all", sender="watcher", kind=kind)
    await place.sandbox.until(lambda: len(noted(place, CENSUS)) > before, 30.0)
    counted: dict[str, Counter[str]] = {}
    for what, names in noted(place, CENSUS)[-1].items():
        counted[what] = Counter()
        for name, number in names.items():
            counted[what][re.sub(r"\d+", "", name)] += number
        del counted[what]["socket"], counted[what]["asyncio_"]
    return counted


async def alone(place: Place, kind: str) -> dict[str, Counter[str]]:
    """Wait until everybody but the watcher has gone home; returns what there is then."""
    async with asyncio.timeout(60):
        while (there := await census(place, kind))["actors"]["Conversation"] != 1:  # noqa: ASYNC110 - see there
            await asyncio.sleep(0.2)
    return there


async def left_over(place: Place, kind: str, before: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    """What there is beyond what there was before; it has a while to go."""
    more: dict[str, Counter[str]] = {}
    for _ in range(60):
        there = await census(place, kind)
        more = {what: extra for what in there if (extra := there[what] - before[what])}
        if not more:
            break
        await asyncio.sleep(0.5)
    return more
