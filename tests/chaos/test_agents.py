"""Agents that fail, hang, flood and never listen: whoever asked them has the whole answer, or the text so far and an
apology; nobody else notices; and nothing of it is left in the process."""

import asyncio
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from actors.core import texts
from actors.core.card import STOP
from actors.core.markdown import presentable
from actors.sandbox.records import CardState, Said
from tests.actors.endings import ending
from tests.chaos.cast import RUNS
from tests.chaos.conftest import CARDS, KINDS, Place, Running, placed, some
from tests.chaos.promises import Allowed, accepted, card_of, kept
from tests.chaos.unruly import BLOCKED, CENSUS, ENDS, FLOOD

SETTINGS = {
    "AGENT": "python:tests.chaos.unruly:unruly",
    "AGENT_RETRY_INITIAL": "0.05",
    "AGENT_RETRY_JITTER": "0",
    "CONVERSATION_IDLE": "0.5",
}
HASTY = {"AGENT_FIRST_TOKEN_TIMEOUT": "4", "AGENT_IDLE_TIMEOUT": "1", "AGENT_TIMEOUT": "5"}
"""The clocks of a robot whose agents are too slow."""

TRIES = 3
"""AGENT_RETRY_ATTEMPTS."""


class Fails(NamedTuple):
    """How an answer fails: whether it has begun, how often the agent runs, and the reason that is counted each time."""

    begun: bool
    runs: int
    reason: str


AT_ONCE, IN_THE_MIDDLE = Fails(False, TRIES, "error"), Fails(True, 1, "error")
BROKEN = {
    "raises_at_once": AT_ONCE,
    "returns_nothing": AT_ONCE,
    "yields_bytes_at_once": AT_ONCE,
    "says_nothing": Fails(False, TRIES, "empty"),
    "says_blanks": Fails(False, TRIES, "empty"),
    "breaks_off_at_once": Fails(False, TRIES, "truncated"),
    "breaks_off": Fails(True, 1, "truncated"),
    **dict.fromkeys(
        (
            "raises_in_the_middle",
            "raises_after_the_last_piece",
            "exits",
            "interrupts",
            "has_no_memory",
            "cancels_itself",
            "closes_itself",
            "yields_a_number",
            "plainly_raises",
            "plainly_exits",
        ),
        IN_THE_MIDDLE,
    ),
}
SLOW = {
    "hangs_at_once": Fails(False, 1, "first_token_timeout"),
    "plainly_hangs_at_once": Fails(False, 1, "first_token_timeout"),
    "hangs_in_the_middle": Fails(True, 1, "idle_timeout"),
    "plainly_hangs_in_the_middle": Fails(True, 1, "idle_timeout"),
    "is_deaf": Fails(True, 1, "idle_timeout"),
    "thinks_for_ever": Fails(True, 1, "timeout"),
    "does_not_close": Fails(True, 1, "timeout"),
}
FAILING = BROKEN | SLOW
FLOODING = ("floods", "plainly_floods")
NEIGHBOURS = [f"n{number}" for number in range(5)]

IN_TIME = 30.0
"""Seconds that a neighbour's answer of two seconds may take on a busy machine."""


def misbehave(place: Place, *faults: str, kind: str) -> None:
    """Somebody has each of these done to them."""
    for fault in faults:
        place.ask(f"{fault} {fault}", sender=fault, kind=kind)


def neighbours_ask(place: Place, kind: str, *, pieces: int = 40) -> None:
    """Others have a question that is nothing unusual."""
    for name in NEIGHBOURS:
        place.ask(f"{name}.{len(place.sandbox.said)} {pieces}x0.05", sender=name, kind=kind)


def seen(place: Place) -> dict[str, str]:
    """What stands on each card in the end, by the first word of its question."""
    cards = {said.text.partition(" ")[0]: card_of(place, said) for said in accepted(place)}
    return {name: card.look().text for name, card in cards.items() if card is not None}


def apology(fault: str, fails: Fails) -> str:
    """What stands on the card of an answer that failed: all that was said, and a word that tells what to do."""
    said = f"「{fault}」" if fails.begun else ""
    return presentable(texts.torn(said + ("——完" if fault == "raises_after_the_last_piece" else "")))


def noted(place: Place, name: str) -> list[dict[str, str]]:
    """The lines that the agent wrote into one of its files."""
    file = place.folder / name
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def waited(place: Place, said: Said) -> float:
    """Seconds from a question to its whole answer."""
    card = card_of(place, said)
    assert card is not None
    assert ending(card) == "answered"
    return next(version.at for version in card.versions if version.state is CardState.FINISHED) - said.at


async def census(place: Place, kind: str) -> dict[str, Counter[str]]:
    """The tasks, threads and open files of the service process, by name. Without what is kept for the next who needs
    it: connections to the platform, and the threads of the pool."""
    before = len(noted(place, CENSUS))
    place.ask(f"census{before} counts_all", sender="watcher", kind=kind)
    await place.sandbox.until(lambda: len(noted(place, CENSUS)) > before, 30.0)
    counted: dict[str, Counter[str]] = {}
    for what, names in noted(place, CENSUS)[-1].items():
        counted[what] = Counter()
        for name, number in dict(names).items():
            counted[what][re.sub(r"\d+", "", name)] += int(number)
        del counted[what]["socket"], counted[what]["asyncio_"]
    return counted


async def alone(place: Place, kind: str) -> dict[str, Counter[str]]:
    """Wait until everybody but the watcher has gone home; returns what there is then."""
    async with asyncio.timeout(60):
        while (there := await census(place, kind))["threads"]["Conversation-"] != 1:
            await asyncio.sleep(0.2)
    return there


async def as_before(place: Place, kind: str, before: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Wait until there is no more than before, for a bounded time; returns what there is beyond."""
    more = before
    for _ in range(60):
        there = await census(place, kind)
        more = {what: extra for what in there if (extra := there[what] - before[what])}
        if not more:
            break
        await asyncio.sleep(0.5)
    return more


async def metrics(service: Running) -> dict[str, float]:
    """What the service tells Prometheus."""
    listening = next(json.loads(line) for line in service.output if "probes_listening" in line)
    url = f"http://127.0.0.1:{listening['port']}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        lines = (await response.text()).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def failed_tries(told: dict[str, float]) -> Counter[str]:
    """The failures that were counted, by reason."""
    counted: Counter[str] = Counter()
    for line, value in told.items():
        if line.startswith("dingtalk_agent_errors_total") and (reason := re.search(r'reason="(\w+)"', line)):
            counted[reason[1]] += int(value)
    return +counted


def stalls(service: Running) -> list[str]:
    """Where the event loop was held up for long, by the service's own log."""
    logged = (json.loads(line) for line in service.output if '"loop_stuck"' in line)
    return [line["stack"] for line in logged]


def closed(place: Place) -> dict[str, dict[str, str]]:
    """How each stream that could go on for ever has ended so far, by the first word of its question."""
    return {end["name"]: end for end in noted(place, ENDS)}


@pytest.mark.parametrize("kind", some(CARDS))
async def test_whatever_an_agent_does_everybody_is_answered_or_told(tmp_path: Path, kind: str) -> None:
    async with placed(tmp_path, kind, hasty=KINDS[kind] | HASTY) as place:
        service = await place.serve(**SETTINGS)
        neighbours_ask(place, kind, pieces=2)
        await kept(place)
        before = await alone(place, kind)
        misbehave(place, *BROKEN, *FLOODING, kind=kind)
        misbehave(place, *SLOW, kind="hasty")
        neighbours_ask(place, kind)
        await kept(place, Allowed(tries=TRIES, ends=frozenset({"answered", "failed"})))

        texts_seen = seen(place)
        assert {fault: texts_seen[fault] for fault in FAILING} == {
            fault: apology(fault, fails) for fault, fails in FAILING.items()
        }
        assert {fault: texts_seen[fault].count("链接") for fault in FLOODING} == dict.fromkeys(FLOODING, FLOOD)
        runs = Counter(run["text"].partition(" ")[0] for run in noted(place, RUNS))
        assert {fault: runs[fault] for fault in FAILING} == {fault: fails.runs for fault, fails in FAILING.items()}
        expected: Counter[str] = Counter()
        for fails in FAILING.values():
            expected[fails.reason] += fails.runs
        assert failed_tries(await metrics(service)) == expected
        assert max(waited(place, said) for said in accepted(place) if said.sender in NEIGHBOURS) < IN_TIME
        assert [stack for stack in stalls(service) if "markdown" in stack] == []

        place.let_go()
        assert await as_before(place, kind, before) == {}
        assert service.errors == []


LISTENING = (
    "hangs_at_once",
    "hangs_in_the_middle",
    "streams",
    "thinks_for_ever",
    "floods_for_ever",
    "plainly_streams",
    "falls_over_again_and_again",
)
"""Agents that can be stopped: most where they wait, a plain iterator at its next piece."""

DEAF = ("is_deaf", "does_not_close", "plainly_hangs_at_once", "plainly_hangs_in_the_middle")
"""Agents that cannot."""

WAYS = ("/stop", "/new", "button")
SOON = 5.0
"""Seconds within which a busy machine does what takes some hundredths of one."""


async def all_run(place: Place, names: list[str]) -> None:
    """Wait until the agent runs for each of these, and each card is there."""
    await place.sandbox.until(lambda: {run["text"].partition(" ")[0] for run in noted(place, RUNS)} >= set(names), 30.0)
    cards = [said for said in place.sandbox.said if said.text.partition(" ")[0] in names]
    await place.sandbox.until(lambda: all(card_of(place, said) for said in cards), 30.0)


def take_back(place: Place, name: str, way: str) -> None:
    """The person of a question does not want its answer any more."""
    if way == "button":
        said = next(said for said in place.sandbox.said if said.text.partition(" ")[0] == name)
        card = card_of(place, said)
        assert card is not None
        button = next(shown["id"] for shown in card.buttons() if shown["id"].partition(":")[0] == STOP)
        assert place.sandbox.click(card.id, button, said.sender)
    else:
        place.ask(way, sender=name, kind="own")


async def test_an_answer_that_is_not_wanted_any_more_stops_at_once(tmp_path: Path) -> None:
    async with placed(tmp_path, "own") as place:
        service = await place.serve(**SETTINGS | {"AGENT_RETRY_INITIAL": "60", "AGENT_RETRY_MAX": "60"})
        before = await alone(place, "own")
        names = {f"{fault}-{way.strip('/')}": (fault, way) for fault in (*LISTENING, *DEAF) for way in WAYS}
        for name, (fault, _) in names.items():
            place.ask(f"{name} {fault}", sender=name, kind="own")
        await all_run(place, list(names))
        at = time.monotonic()
        for name, (_, way) in names.items():
            take_back(place, name, way)
        await kept(place, Allowed(ends=frozenset({"answered", "stopped"})))
        stopped = [said for said in accepted(place) if said.sender in names]
        cards = [card for said in stopped if (card := card_of(place, said)) is not None]
        assert {card.id: ending(card) for card in cards} == {card.id: "stopped" for card in cards}
        print("cards", sorted(card.versions[-1].at - at for card in cards))

        listening = {name for name, (fault, _) in names.items() if fault in LISTENING}
        await place.sandbox.until(lambda: closed(place).keys() >= listening, 30.0)
        print("took", sorted((float(closed(place)[name]["at"]) - at, name) for name in listening))
        print({n: closed(place)[n]["how"] for n in closed(place)})

        for name in names:
            place.ask(f"{name}-then 2x0.01", sender=name, kind="own")
        await kept(place, Allowed(ends=frozenset({"answered", "stopped"})))
        place.let_go()
        print(await as_before(place, "own", before))
        print(service.errors)
        assert 0
