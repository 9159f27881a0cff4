"""What is measured to size a container: what the service takes of memory, CPU, threads and disk, at rest and at the
most that its settings allow."""

import asyncio
from pathlib import Path

from actors.core.card import card_id
from actors.sandbox.records import Card, CardState
from tests.bench.scene import ROBOT, Case, Figures, Scene, ask, ended, finished, refused, served, worst

TURNS, CONVERSATIONS = 400, 2000
"""The defaults of MAX_CONCURRENT_TURNS and MAX_CONVERSATIONS."""

AT_A_TIME = 50
"""People who ask at once where it is not the rush that is measured."""

DAYS = 30
"""The default of INBOX_RETENTION."""


async def idle() -> Figures:
    """A service that nobody asks anything: it answers the gateway's pings, one a second here."""
    watched = 15.0
    async with served() as scene:
        await asyncio.sleep(2.0)  # what the start left to be done
        before = scene.now()
        await asyncio.sleep(watched)
        now = scene.now()
        return {
            "memory at rest, MB": now.resident,
            "memory at its peak, MB": now.peak,
            "threads": now.threads,
            "CPU to start": scene.rested.cpu,
            "CPU in a minute": (now.cpu - before.cpu) * 60 / watched,
        }


async def as_many_answers_as_may_be() -> Figures:
    """400 people at once, 600 pieces over 20 s each, under DingTalk's limits: cards begin 20 a second."""
    async with served(LOG_LEVEL="ERROR") as scene:
        sandbox = scene.sandbox
        asked = ask(sandbox, TURNS, "600 pieces 20 s")
        await sandbox.until(lambda: len(sandbox.cards) == TURNS, 120)
        threads = scene.now().threads
        cards = await finished(sandbox, TURNS, 300)
        began = min(asked.values())
        return {
            "ack, worst": worst(ack.seconds or 0 for ack in sandbox.acks),
            "all answered": worst(card.versions[-1].at for card in cards) - began,
            "calls refused": refused(sandbox),
            "threads": threads,
            **scene.used(TURNS),
        }


async def as_many_conversations_as_may_be() -> Figures:
    """2,000 people had an answer each, and may ask on: their conversations rest. No limit on calls, to be done soon."""
    async with served(latency=0.0, limit=0, OPENAPI_QPS="2000", CONVERSATION_IDLE="3600") as scene:
        await _answered(scene, CONVERSATIONS, "1 pieces 0 s")
        now = scene.now()
        return {
            "memory of them all resting, MB": now.resident,
            "memory per conversation, kB": (now.resident - scene.rested.resident) * 1000 / CONVERSATIONS,
            "threads": now.threads,
            **scene.used(CONVERSATIONS),
        }


async def disk() -> Figures:
    """500 answers of 2 kB: what the inbox keeps of each, closed and with its turn of memory."""
    answers, size = 500, 340
    async with served(latency=0.0, limit=0, OPENAPI_QPS="2000") as scene:
        empty = _size(scene.inbox)
        await _answered(scene, answers, f"{size} pieces 0 s")
        log = _size(scene.inbox.with_name("inbox.db-wal"))
        await ended(scene.process)
        each = (_size(scene.inbox) - empty) / answers
        return {
            "inbox per answer, bytes": each,
            "write-ahead log, MB": log / 1e6,
            f"{DAYS} days of 1,000 a day, MB": each * 1000 * DAYS / 1e6,
        }


async def _answered(scene: Scene, people: int, text: str) -> None:
    """So many people ask, few at a time, and their questions are closed."""
    sandbox = scene.sandbox
    for first in range(0, people, AT_A_TIME):
        names = range(first, min(first + AT_A_TIME, people))
        ids = [card_id(ROBOT, sandbox.say(text, robot=ROBOT, sender=f"p{number}")) for number in names]
        await sandbox.until(lambda ids=ids: all(_closed(sandbox.cards.get(each)) for each in ids), 60)  # type: ignore[misc]
    await asyncio.sleep(1.0)  # a question is closed a moment after its card


def _closed(card: Card | None) -> bool:
    return card is not None and card.state is CardState.FINISHED and card.versions[-1].call == "update"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


CASES: dict[str, Case] = {
    "idle": idle,
    f"{TURNS} answers at once": as_many_answers_as_may_be,
    f"{CONVERSATIONS} conversations": as_many_conversations_as_may_be,
    "disk": disk,
}
