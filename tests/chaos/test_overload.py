"""Ten times as many questions as can be answered: first cards move less often, then people see their place in line, and
then they are refused politely. Acks stay quick, the service stays ready, and afterwards all is as it was before.

The long form goes on for a minute, and prints what was measured (`-s` shows it).
"""

import asyncio
import json
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import fmean, median

import aiohttp

from actors.core import texts
from actors.sandbox.records import Card, CardState, Said
from tests.actors.conftest import eventually
from tests.bench.usage import Usage, usage
from tests.chaos.conftest import THOROUGH, Place, Running
from tests.chaos.promises import SETTINGS, Allowed, accepted, broken, card_of, kept, runs_of

AT_ONCE, QUEUE, PLACES = 3, 2, 9
"""Answers at once, questions that may wait for each person, and people who can be served at a time."""

ANSWER = "10x0.1"
"""An answer of a second, so that as many are given a second as run at once."""

RATE = 10 * AT_ONCE
"""Questions a second: ten times what can be answered."""

PEOPLE = 12
"""Who ask in turn."""

MINUTES = 1 if THOROUGH else 0
SECONDS = 60 if THOROUGH else 4
ACK_WITHIN = 3.0
"""Seconds that DingTalk waits for an ack."""

LIMITS = SETTINGS | {
    "MAX_CONCURRENT_TURNS": str(AT_ONCE),
    "CONVERSATION_QUEUE": str(QUEUE),
    "MAX_CONVERSATIONS": str(PLACES),
    "CONVERSATION_IDLE": "0.5",
    "CARD_MAX_UPDATES": "1000",
}
REFUSALS = {texts.QUEUE_FULL, texts.ALL_BUSY}
MORE_MEMORY = 50.0
"""MB that so many answers may take at their peak."""


@dataclass
class Watch:
    """What a service takes, and what its readiness probe says, as long as it is watched."""

    process: int
    port: int
    ready: list[int] = field(default_factory=list)
    taken: list[Usage] = field(default_factory=list)

    @property
    def now(self) -> tuple[int, int]:
        """Threads and file descriptors."""
        return usage(self.process).threads, len(os.listdir(f"/proc/{self.process}/fd"))  # noqa: PTH208 - no files

    async def look(self) -> None:
        """Look again and again, until it is cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                    self.ready.append(answer.status)
                self.taken.append(usage(self.process))
                await asyncio.sleep(0.2)


@asynccontextmanager
async def watching(watch: Watch) -> AsyncIterator[None]:
    looking = asyncio.create_task(watch.look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def push(place: Place) -> list[Said]:
    """Everybody asks in turn, evenly; returns what was said."""
    loop, before = asyncio.get_running_loop(), len(place.sandbox.said)
    began = loop.time()
    for number in range(RATE * SECONDS):
        await asyncio.sleep(began + number / RATE - loop.time())
        place.ask(f"问{number} {ANSWER}", sender=f"p{number % PEOPLE}")
    return place.sandbox.said[before:]


async def all_is_over(place: Place) -> None:
    """Wait until everything is acked, and no question is open any more."""

    async def none_is_open() -> bool:
        with sqlite3.connect(place.folder / "inbox.db") as inbox:
            ((number,),) = inbox.execute("SELECT count(*) FROM questions WHERE state <> 'closed'")
        return bool(number == 0)

    await place.sandbox.until(lambda: all(said.acked for said in place.sandbox.said), 60.0)
    await eventually(none_is_open, 120.0)


async def calm(place: Place, name: str) -> Card:
    """One person asks alone, and is answered."""
    place.ask(f"{name} {ANSWER}", sender=name)
    await kept(place)
    card = card_of(place, accepted(place)[-1])
    assert card is not None
    return card


def updates(card: Card) -> int:
    """How often its text moved."""
    return sum(version.call == "streaming" for version in card.versions)


def open_at(place: Place, moment: float, taken: Sequence[Said]) -> Counter[str]:
    """How many questions each person had then that were taken and not answered."""
    return Counter(said.sender for said in taken if said.at < moment < over_at(place, said))


def over_at(place: Place, said: Said) -> float:
    card = card_of(place, said)
    assert card is not None
    return next(version.at for version in card.versions if version.state is CardState.FINISHED)


def port_of(service: Running) -> int:
    """Where its probes are, as it logged."""
    lines = (json.loads(line) for line in service.output)
    return int(next(line["port"] for line in lines if line.get("action") == "probes_listening"))


async def test_ten_times_the_capacity(place: Place) -> None:
    service = await place.serve(**LIMITS)
    # The last of them knows how long they are.
    at_rest = [updates(await calm(place, f"先{number}")) for number in range(6)][-1]
    watch = Watch(service.process.pid, port_of(service))
    before, memory = watch.now, usage(watch.process).resident
    async with watching(watch):
        asked = await push(place)
        await all_is_over(place)

    taken = [said for said in asked if card_of(place, said) is not None]
    refused = [said for said in asked if card_of(place, said) is None]
    cards = [card for said in taken if (card := card_of(place, said)) is not None]
    acks = sorted(push.seconds or 0.0 for said in asked for push in said.pushes)
    words = [message for message in place.sandbox.messages if message.text in REFUSALS]
    peak = max(taken.resident for taken in watch.taken)
    print(
        f"{len(asked)} asked, {len(taken)} answered, {len(refused)} refused by {len(words)} words; ack: median "
        f"{median(acks):.3f} s, worst {acks[-1]:.3f} s; updates of an answer: {at_rest} at rest, "
        f"{fmean(map(updates, cards)):.1f}; memory: {memory:.0f} MB, {peak:.0f} MB at its peak"
    )

    assert acks[-1] < ACK_WITHIN
    assert set(watch.ready) == {200}
    assert peak < memory + MORE_MEMORY

    assert fmean(map(updates, cards)) < at_rest
    in_line = [card for card in cards if any(texts.in_line(ahead) in seen(card) for ahead in range(1, QUEUE + 1))]
    assert len(in_line) > len(cards) / 2
    assert len(refused) > len(asked) / 2
    for said in refused:
        waiting = open_at(place, said.at, taken)
        assert waiting[said.sender] >= QUEUE or len(waiting) >= PLACES - AT_ONCE
    assert {said.text for said in refused} & set(runs_of(place)) == set()

    chats = {said.chat for said in refused}
    told = Counter((message.chat, message.text) for message in words)
    assert {chat for chat, _ in told} == chats
    assert max(told.values()) <= 1 + MINUTES

    for said in refused:  # they have no promise but that
        place.sandbox.said.remove(said)
    assert broken(place, Allowed()) == []

    async def as_before() -> bool:
        return all(now <= then for now, then in zip(watch.now, before, strict=True))

    await eventually(as_before, 60.0)
    assert usage(watch.process).resident < memory + MORE_MEMORY
    await calm(place, "后")


def seen(card: Card) -> str:
    """All that a card ever showed."""
    return "\n".join(value for version in card.versions for value in version.params.values())
