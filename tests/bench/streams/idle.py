"""What a conversation takes that rests, and what is left of it when it was stopped for that.

The law: memory that the first answers take for good (code, connections, the allocator's stock) is not a conversation's,
so a wave of them goes before what is measured; and what a second wave of the same size takes again was not given back.
"""

import asyncio
from typing import Any

from tests.bench.streams.play import ask
from tests.bench.streams.stage import OURS, ROOT, Stage, staged

CONVERSATIONS = 1000
WARM = 200
REST = 12.0
"""Seconds of CONVERSATION_IDLE: longer than a wave of answers takes, so that all of it rests at one time."""

SETTINGS = {"OPENAPI_QPS": "2000", "CARD_MAX_UPDATES": "1", "CONVERSATION_IDLE": f"{REST:g}", "LOG_LEVEL": "WARNING"}


async def actors() -> dict[str, Any]:
    """Memory while so many conversations rest, by the loop that the service has; kB for each."""
    return {loop: [await _waves(command)] for loop, command in OURS.items()}


async def _waves(command: tuple[str, ...]) -> dict[str, float]:
    async with staged(command, ROOT, **SETTINGS) as stage:
        stage.sandbox.rules.calls_per_second = 0
        stage.sandbox.rules.latency = 0.0
        await _wave(stage, WARM, "warm")
        await _none_is_left(stage)
        empty = stage.used()
        await _wave(stage, CONVERSATIONS, "first")
        resting = stage.used()
        await _none_is_left(stage)
        stopped = stage.used()
        await _wave(stage, CONVERSATIONS, "second")
        again = stage.used()
        return {
            "resting, kB each": (resting.resident - empty.resident) * 1000 / CONVERSATIONS,
            "stopped, kB each": (stopped.resident - empty.resident) * 1000 / CONVERSATIONS,
            "second wave, kB each": (again.resident - resting.resident) * 1000 / CONVERSATIONS,
            "threads, empty": empty.threads,
            "threads, resting": resting.threads,
            "threads, stopped": stopped.threads,
        }


async def _wave(stage: Stage, people: int, name: str) -> None:
    before = _finished(stage)
    await ask(stage, people, "1 pieces", name)
    await stage.sandbox.until(lambda: _finished(stage) >= before + people, 120)
    await asyncio.sleep(1.0)


async def _none_is_left(stage: Stage) -> None:
    """Wait until every conversation was stopped: each has a thread."""
    async with asyncio.timeout(120):
        fewest, since = stage.used().threads, 0
        while since < REST:
            await asyncio.sleep(1.0)
            threads = stage.used().threads
            fewest, since = (threads, 0) if threads < fewest else (fewest, since + 1)


def _finished(stage: Stage) -> int:
    return sum(card.versions[-1].call == "update" for card in stage.sandbox.cards.values() if card.versions)
