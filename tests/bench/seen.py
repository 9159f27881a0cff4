"""What the platform sees of an answer, found out where the sandbox is: the functions that `Platform.do` runs there.

Nothing is waited for at every change of the sandbox, where looking through all cards would be what is measured.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from actors.sandbox.records import Card, CardState
from actors.sandbox.server import Sandbox
from tests.bench.agents import planned, read

ROBOT, SECRET = "bench", "bench-secret"

LOOK_EVERY = 0.1
"""Seconds between two looks at what there is."""

START_WITHIN = 60.0

CALM = 5.0
"""Seconds without a call, beyond those of an answer, after which nothing more is awaited."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's question and what came of it; moments are monotonic seconds. `shown` is how many pieces the card had
    from a moment on, of `pieces`; `said_from` is when the agent's first piece was said, and it took `seconds`."""

    asked: float
    acked: float | None
    shown: tuple[tuple[float, int], ...]
    said_from: float | None
    pieces: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Called:
    """A call as it came to the platform; a `repeated` one is word by word what was sent before."""

    api: str
    at: float
    status: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class Run:
    """All answers of a case, and every call for a card."""

    answers: tuple[Answer, ...]
    calls: tuple[Called, ...]


NO_CARD = frozenset({"token", "open"})
"""Calls that are for no card."""


async def connected(sandbox: Sandbox, token: bool) -> float:
    """Wait until the robot is at rest; returns when its handshake was. `token`: it has fetched its token ahead."""
    await until(lambda: bool(sandbox.online(ROBOT) and sandbox.pings and sandbox.pings[0].acked), START_WITHIN)
    if token:
        await until(lambda: any(call.api == "token" and call.status for call in sandbox.calls), START_WITHIN)
    return sandbox.connections[0].opened_at


async def ask(sandbox: Sandbox, people: int, text: str, *, first: int = 0) -> None:
    """So many people ask the same at the same instant: each message leaves before the next one is written."""
    for number in range(first, first + people):
        sandbox.say(text, robot=ROBOT, sender=f"p{number}")
        await asyncio.sleep(0)


async def answered(sandbox: Sandbox, people: int, text: str, within: float, *, others: int = 0) -> Run:
    """So many people ask, and it is waited until every answer is whole on its card, nothing more happens, or it was
    long enough. `others` have asked the same before them, and have their answers."""
    if others:
        await answered(sandbox, others, text, within)
    pieces, seconds, wait = planned(text)
    began = time.monotonic()
    await ask(sandbox, people, text, first=others)

    def over() -> bool:
        latest = sandbox.calls[-1].at if sandbox.calls else began
        if time.monotonic() - max(latest, began) > seconds + wait + CALM:
            return True
        whole = sum(read(card.text)[1] == pieces for card in sandbox.cards.values())
        return whole == people + others

    await until(over, within, or_not=True)
    await asyncio.sleep(0.5)  # the calls that close a card
    return run(sandbox, text, began)


def run(sandbox: Sandbox, text: str, began: float) -> Run:
    """What there is by now of the answers to what was asked since then."""
    pieces, seconds, wait = planned(text)
    cards = {card.chats[0]: card for card in sandbox.cards.values() if card.chats}
    answers = []
    for said in filter(lambda said: said.at >= began, sandbox.said):
        acked = next((push.at + push.seconds for push in said.pushes if push.seconds is not None), None)
        card = cards.get(said.chat)
        asked_agent, shown = _shown(card) if card else (None, ())
        said_from = None if asked_agent is None else asked_agent + wait
        answers.append(Answer(said.at, acked, shown, said_from, pieces, seconds))
    known: set[tuple[str, str]] = set()
    calls = []
    for call in sandbox.calls:
        if call.api not in NO_CARD and call.at >= began:
            words = (call.api, repr(call.body))
            calls.append(Called(call.api, call.at, call.status, words in known))
            known.add(words)
    return Run(tuple(answers), tuple(calls))


def _shown(card: Card) -> tuple[float | None, tuple[tuple[float, int], ...]]:
    reads = [(version.at, *read(version.text)) for version in card.versions]
    began = next((began for _, began, _ in reads if began is not None), None)
    return began, tuple((at, count) for at, _, count in reads)


async def finished(sandbox: Sandbox, count: int, within: float) -> None:
    """Wait until so many cards are finished."""
    await until(lambda: sum(card.state is CardState.FINISHED for card in sandbox.cards.values()) >= count, within)


async def reconnected(sandbox: Sandbox) -> float:
    """Cut the connection after a healthy spell; returns how long it took until the next handshake."""
    await until(lambda: len(sandbox.pings) >= 3, START_WITHIN)
    aborted = time.monotonic()
    sandbox.abort(ROBOT)
    await until(lambda: len(sandbox.connections) >= 2, START_WITHIN)
    return sandbox.connections[1].opened_at - aborted


async def until(condition: Callable[[], bool], within: float, *, or_not: bool = False) -> None:
    """Look again and again, until it is so.

    Raises:
        TimeoutError: it was not so in time; `or_not`: then that is no matter.
    """
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            if or_not:
                return
            raise TimeoutError(f"not within {within:g} s")
        await asyncio.sleep(LOOK_EVERY)


def updates(card: Card) -> int:
    """How many text updates a card got."""
    return sum(version.call == "streaming" for version in card.versions)
