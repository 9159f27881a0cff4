"""What a conversation takes that rests, and what is left of it when it was stopped for that.

The law: memory that the first answers take for good (code, connections, the allocator's stock) is not a conversation's,
so some go before what is measured. People come some at a time: a crowd that is answered at once leaves behind what its
answers took, not its rest. What each further wave of the same size takes again was not given back.
"""

import asyncio
from functools import partial

from tests.bench.streams.play import ask
from tests.bench.streams.stage import OURS, ROOT, Stage, staged

CONVERSATIONS = 1000
WARM = 200
TOGETHER = 20
"""People who ask at one time."""

WAVES = ("first", "second", "third")
REST = 25.0
"""Seconds of CONVERSATION_IDLE: longer than a wave of answers takes, so that all of it rests at one time."""

SETTINGS = {"OPENAPI_QPS": "2000", "CARD_MAX_UPDATES": "1", "CONVERSATION_IDLE": f"{REST:g}", "LOG_LEVEL": "WARNING"}


async def conversations() -> dict[str, float]:
    """Memory while so many conversations rest, kB for each."""
    async with staged(OURS, ROOT, 1, **SETTINGS) as stage:
        stage.sandbox.rules.calls_per_second = 0
        stage.sandbox.rules.latency = 0.0
        await _wave(stage, WARM, "warm")
        await _none_is_left(stage)
        empty = stage.used()
        figures = {"threads, empty": float(empty.threads)}
        for name in WAVES:
            await _wave(stage, CONVERSATIONS, name)
            resting = stage.used()
            await _none_is_left(stage)
            stopped = stage.used()
            figures |= {
                f"{name} wave, resting, kB each": (resting.resident - empty.resident) * 1000 / CONVERSATIONS,
                f"{name} wave, stopped, kB each": (stopped.resident - empty.resident) * 1000 / CONVERSATIONS,
                f"{name} wave, threads, resting": float(resting.threads),
                f"{name} wave, threads, stopped": float(stopped.threads),
            }
        return figures


async def _wave(stage: Stage, people: int, name: str) -> None:
    for number in range(0, people, TOGETHER):
        done = _finished(stage) + TOGETHER
        await ask(stage, TOGETHER, "1 pieces", f"{name} {number} ")
        await stage.sandbox.until(partial(_has_finished, stage, done), 120)
    await asyncio.sleep(1.0)


async def _none_is_left(stage: Stage) -> None:
    """Wait until every conversation was stopped: each has a thread."""
    async with asyncio.timeout(120):
        fewest, since = stage.used().threads, 0
        while since < REST:
            await asyncio.sleep(1.0)
            threads = stage.used().threads
            fewest, since = (threads, 0) if threads < fewest else (fewest, since + 1)


def _has_finished(stage: Stage, count: int) -> bool:
    return _finished(stage) >= count


def _finished(stage: Stage) -> int:
    return sum(card.versions[-1].call == "update" for card in stage.sandbox.cards.values() if card.versions)
