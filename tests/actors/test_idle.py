"""Idle conversations stop, and nothing that arrives meanwhile falls between two actors."""

import asyncio
import json
from pathlib import Path

from tests.actors.cast import asked_by
from tests.actors.conftest import connected, eventually, staged


async def test_idle_stops_never_lose_a_question(tmp_path: Path) -> None:
    async with staged(tmp_path, CONVERSATION_IDLE="0.002", CONVERSATION_QUEUE="100") as stage:
        await connected(stage)
        for number in range(60):
            await stage.ask(f"第{number}", sender="comer")
            await asyncio.sleep(0.004 * (number % 9))
        await stage.finished(60, sender="comer", timeout=60)
        assert asked_by("comer") == [f"第{number}" for number in range(60)]


async def test_an_idle_conversation_is_stopped(tmp_path: Path) -> None:
    async with staged(tmp_path, CONVERSATION_IDLE="0.05") as stage:
        await connected(stage)
        await stage.ask("你好")
        await stage.finished()
        await stage.measures("dingtalk_conversations{{robot}}", 0)


async def test_the_longest_idle_conversation_makes_room_for_a_new_one(tmp_path: Path) -> None:
    async with staged(tmp_path, MAX_CONVERSATIONS="2") as stage:
        await connected(stage)

        async def all_rest() -> bool:
            status = json.loads((await stage.get("/status"))[1])
            return bool(status["conversations"] == status["resting"])

        for person in ("a", "b", "c", "d"):
            await stage.ask("你好", sender=person)
            await stage.finished(sender=person)
            await eventually(all_rest)
        assert await stage.metric("dingtalk_conversations{{robot}}") <= 2


async def test_where_all_are_at_work_one_more_is_refused_politely(tmp_path: Path) -> None:
    async with staged(tmp_path, MAX_CONVERSATIONS="1") as stage:
        await connected(stage)
        await stage.ask("hang", sender="busy")
        await stage.sandbox.until(lambda: stage.cards("busy"))
        await stage.ask("你好", sender="late")
        await stage.sandbox.until(lambda: stage.said_to("late"))
        assert stage.cards("late") == []
