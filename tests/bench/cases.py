"""What is measured: each case plays one scene against a fresh service and returns its figures, in seconds.

The platform is the sandbox in this process; the service is a process of its own. All figures are the platform's: when a
message was pushed, acked, and when a card showed what.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from actors.sandbox.records import Card, CardState
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox

ROOT = Path(__file__).parents[2]
ROBOT, SECRET = "bench", "bench-secret"
LATENCY = 0.08
"""Seconds of every API call, as in the cases that the founding tutorial was measured with."""

Figures = dict[str, float]
Case = Callable[[], Coroutine[Any, Any, Figures]]


@asynccontextmanager
async def served(latency: float = LATENCY, **settings: str) -> AsyncIterator[Sandbox]:
    """A sandbox with DingTalk's limits, and a service that is connected to it and has its token."""
    rules = Rules(latency=latency, first_ping=0.05, ping_interval=1.0, redeliveries=0)
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox(robots={ROBOT: SECRET}, rules=rules) as sandbox:
            environment = {
                "DINGTALK_CLIENT_ID": ROBOT,
                "DINGTALK_CLIENT_SECRET": SECRET,
                "DINGTALK_OPENAPI_ENDPOINT": sandbox.url,
                "AGENT": "python:tests.bench.agents:evenly",
                "INBOX_URL": f"sqlite:///{folder}/inbox.db",
                "HTTP_PORT": "0",
                "LOG_LEVEL": "WARNING",
            }
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "actors", "run", cwd=ROOT, env=dict(os.environ) | environment | settings
            )
            try:
                await sandbox.until(lambda: sandbox.online(ROBOT) and sandbox.pings and sandbox.pings[0].acked, 30)
                await sandbox.until(lambda: any(call.api == "token" and call.status for call in sandbox.calls), 30)
                yield sandbox
            finally:
                process.terminate()
                await process.wait()


def ask(sandbox: Sandbox, people: int, text: str) -> dict[str, float]:
    """So many people ask the same at the same instant; returns when each message was sent, by its id."""
    return {sandbox.say(text, robot=ROBOT, sender=f"p{number}"): time.monotonic() for number in range(people)}


async def finished(sandbox: Sandbox, count: int, timeout: float) -> list[Card]:
    """Wait until so many cards are finished."""
    cards = sandbox.cards
    await sandbox.until(lambda: sum(card.state is CardState.FINISHED for card in cards.values()) >= count, timeout)
    return list(cards.values())


def standstill(card: Card) -> float:
    """The longest time between two changes of a growing card's text, its end included."""
    shown = [version.at for version in card.versions if version.call == "streaming"]
    return max((later - earlier for earlier, later in pairwise(shown)), default=0.0)


def worst(values: Iterable[float]) -> float:
    """The largest of them."""
    return max(values)


async def twenty_people() -> Figures:
    """20 people at once, 500 pieces over 10 s each, 80 ms per call, 20 calls a second and API."""
    async with served() as sandbox:
        asked = ask(sandbox, 20, "500 pieces 10 s")
        cards = await finished(sandbox, 20, 60)
        began = min(asked.values())
        return {
            "first card, worst": worst(card.versions[0].at for card in cards) - began,
            "ack, worst": worst(ack.seconds or 0 for ack in sandbox.acks),
            "standstill of a card, worst": worst(map(standstill, cards)),
            "updates of a card, most": worst(
                sum(version.call == "streaming" for version in card.versions) for card in cards
            ),
            "all answered": worst(card.versions[-1].at for card in cards) - began,
            "calls refused": sum(call.status == 403 for call in sandbox.calls),
        }


async def burst_of_two_hundred() -> Figures:
    """200 people at once, short answers: each message is stored on disk before its ack."""
    async with served() as sandbox:
        asked = ask(sandbox, 200, "5 pieces 1 s")
        await sandbox.until(lambda: len(sandbox.acks) >= 200, 60)
        cards = await finished(sandbox, 200, 120)
        return {
            "ack, worst": worst(ack.seconds or 0 for ack in sandbox.acks),
            "first card, worst": worst(card.versions[0].at for card in cards) - min(asked.values()),
            "calls refused": sum(call.status == 403 for call in sandbox.calls),
        }


async def long_answer() -> Figures:
    """One answer of 1,500 pieces over 30 s with at most 20 updates."""
    async with served() as sandbox:
        ask(sandbox, 1, "1500 pieces 30 s")
        (card,) = await finished(sandbox, 1, 60)
        return {
            "standstill of a card, worst": standstill(card),
            "updates of a card, most": sum(version.call == "streaming" for version in card.versions),
        }


async def reconnect() -> Figures:
    """TCP abort after a healthy spell (2 s here, STREAM_RETRY_RESET_AFTER=1): until the next handshake."""
    async with served(STREAM_RETRY_RESET_AFTER="1") as sandbox:
        await sandbox.until(lambda: len(sandbox.pings) >= 3, 30)
        aborted = time.monotonic()
        sandbox.abort(ROBOT)
        await sandbox.until(lambda: len(sandbox.connections) >= 2, 30)
        return {"abort to handshake": sandbox.connections[1].opened_at - aborted}


CASES: dict[str, Case] = {
    "20 people, 10 s answers": twenty_people,
    "burst of 200": burst_of_two_hundred,
    "one answer of 30 s": long_answer,
    "reconnect": reconnect,
}
