"""The scene of a case: the sandbox as the platform, in this process, and a fresh service in a process of its own.

All figures but the service's own use of the machine are the platform's: when a message was pushed, acked, and when a
card showed what.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from actors.sandbox.records import Card, CardState
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.bench.usage import Usage, usage

ROOT = Path(__file__).parents[2]
ROBOT, SECRET = "bench", "bench-secret"
LATENCY = 0.08
"""Seconds of every API call, as in the cases that the founding tutorial was measured with."""

LIMIT = 20
"""Calls a second and API that DingTalk takes."""

Figures = dict[str, float]
Case = Callable[[], Coroutine[Any, Any, Figures]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A service that is connected; `rested` is what it took then."""

    sandbox: Sandbox
    inbox: Path
    process: asyncio.subprocess.Process
    rested: Usage

    def now(self) -> Usage:
        """What the service takes now."""
        return usage(self.process.pid)

    def used(self, answers: int) -> Figures:
        """What so many answers took of the machine."""
        now = self.now()
        cpu = now.cpu - self.rested.cpu
        return {
            "memory at rest, MB": self.rested.resident,
            "memory at its peak, MB": now.peak,
            "CPU": cpu,
            **({"CPU per answer": cpu / answers} if answers else {}),
        }


@asynccontextmanager
async def served(*, latency: float = LATENCY, limit: int = LIMIT, **settings: str) -> AsyncIterator[Scene]:
    """A sandbox with DingTalk's limits, and a service that is connected to it and has its token. `limit` 0: none."""
    rules = Rules(latency=latency, calls_per_second=limit, first_ping=0.05, ping_interval=1.0, redeliveries=0)
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox(robots={ROBOT: SECRET}, rules=rules, history=10_000) as sandbox:
            inbox = Path(folder) / "inbox.db"
            environment = {
                "DINGTALK_CLIENT_ID": ROBOT,
                "DINGTALK_CLIENT_SECRET": SECRET,
                "DINGTALK_OPENAPI_ENDPOINT": sandbox.url,
                "AGENT": "python:tests.bench.agents:evenly",
                "INBOX_URL": f"sqlite:///{inbox}",
                "HTTP_PORT": "0",
                "LOG_LEVEL": "WARNING",
            }
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "actors", "run", cwd=ROOT, env=dict(os.environ) | environment | settings
            )
            try:
                await sandbox.until(lambda: sandbox.online(ROBOT) and sandbox.pings and sandbox.pings[0].acked, 30)
                await sandbox.until(lambda: any(call.api == "token" and call.status for call in sandbox.calls), 30)
                yield Scene(sandbox, inbox, process, usage(process.pid))
            finally:
                await ended(process)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Drain a service, and wait for its end."""
    if process.returncode is None:
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


def updates(card: Card) -> int:
    """How many text updates a card got."""
    return sum(version.call == "streaming" for version in card.versions)


def refused(sandbox: Sandbox) -> int:
    """How many calls went beyond DingTalk's limits."""
    return sum(call.status == 403 for call in sandbox.calls)


def worst(values: Iterable[float]) -> float:
    """The largest of them."""
    return max(values)
