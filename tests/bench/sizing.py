"""What is measured to size a container: what the service takes of memory, CPU, threads and disk, at rest and at the
most that its settings allow."""

import asyncio
from pathlib import Path

from actors.core.card import card_id
from actors.sandbox.records import Card, CardState
from actors.sandbox.server import Sandbox
from tests.bench import seen
from tests.bench.case import Case, Played
from tests.bench.figures import figures
from tests.bench.scene import Scene, ended, served
from tests.bench.seen import ROBOT

TURNS, CONVERSATIONS = 400, 2000
"""The defaults of MAX_CONCURRENT_TURNS and MAX_CONVERSATIONS."""

AT_A_TIME = 50
"""People who ask at once where it is not the rush that is measured."""

DAYS = 30
"""The default of INBOX_RETENTION."""


async def idle() -> Played:
    """A service that nobody asks anything: it answers the gateway's pings, one a second here."""
    watched = 15.0
    async with served() as scene:
        await asyncio.sleep(2.0)  # what the start left to be done
        before = scene.now()
        await asyncio.sleep(watched)
        now = scene.now()
        return Played(
            {
                "memory at rest, MB": now.resident,
                "memory at its peak, MB": now.peak,
                "threads": now.threads,
                "CPU to start": scene.rested.cpu,
                "CPU in a minute": (now.cpu - before.cpu) * 60 / watched,
            }
        )


async def as_many_answers_as_may_be() -> Played:
    """400 people at once, 600 pieces over 20 s each, under DingTalk's limits: cards begin 20 a second."""
    async with served(LOG_LEVEL="ERROR") as scene:
        text = "600 pieces 20 s"
        asked = asyncio.create_task(scene.platform.do(seen.answered, TURNS, text, 300))
        threads = 0
        while not asked.done():
            await asyncio.wait({asked}, timeout=1.0)
            threads = max(threads, scene.now().threads)
        return Played({**figures(await asked), "threads": threads, **scene.used(TURNS)})


async def as_many_conversations_as_may_be() -> Played:
    """2,000 people had an answer each, and may ask on: their conversations rest. No limit on calls, to be done soon."""
    async with served(latency=0.0, limit=0, OPENAPI_QPS="2000", CONVERSATION_IDLE="3600") as scene:
        await scene.platform.do(_answered, CONVERSATIONS, "1 pieces 0 s")
        now = scene.now()
        return Played(
            {
                "memory of them all resting, MB": now.resident,
                "memory per conversation, kB": (now.resident - scene.rested.resident) * 1000 / CONVERSATIONS,
                "threads": now.threads,
                **scene.used(CONVERSATIONS),
            }
        )


async def disk() -> Played:
    """500 answers of 2 kB: what the inbox keeps of each, closed and with its turn of memory."""
    answers, size = 500, 340
    async with served(latency=0.0, limit=0, OPENAPI_QPS="2000") as scene:
        empty = _size(scene.inbox)
        await scene.platform.do(_answered, answers, f"{size} pieces 0 s")
        log = _size(_log(scene))
        await ended(scene.process)
        each = (_size(scene.inbox) - empty) / answers
        return Played(
            {
                "inbox per answer, bytes": each,
                "write-ahead log, MB": log / 1e6,
                f"{DAYS} days of 1,000 a day, MB": each * 1000 * DAYS / 1e6,
            }
        )


def _log(scene: Scene) -> Path:
    return scene.inbox.with_name(f"{scene.inbox.name}-wal")


async def _answered(sandbox: Sandbox, people: int, text: str) -> None:
    """So many people ask, few at a time, and their questions are closed."""
    for first in range(0, people, AT_A_TIME):
        names = range(first, min(first + AT_A_TIME, people))
        ids = [card_id(ROBOT, sandbox.say(text, robot=ROBOT, sender=f"p{number}")) for number in names]
        await sandbox.until(lambda ids=ids: all(_closed(sandbox.cards.get(each)) for each in ids), 60)  # type: ignore[misc]
    await asyncio.sleep(1.0)  # a question is closed a moment after its card


def _closed(card: Card | None) -> bool:
    return card is not None and card.state is CardState.FINISHED and card.versions[-1].call == "update"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


CASES = (
    Case("idle", idle),
    Case(f"{TURNS} answers at once", as_many_answers_as_may_be, seldom=True),
    Case(f"{CONVERSATIONS} conversations", as_many_conversations_as_may_be, seldom=True),
    Case("disk", disk),
)
