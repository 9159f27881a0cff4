"""When everybody is answered nothing of them is left in the process: no task, no file, no entry in a table."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pykka
import pytest

from actors.conversation import Conversation
from tests.actors.conftest import Stage, connected, eventually, staged
from tests.chaos.mixture import at_rest
from tests.folders import files_in

PEOPLE = [f"person{number}" for number in range(10)]
SCRIPTS = ("2x0.01", "你好", "boom", "tool 1x0.01 back", "3x0.01")


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idle: str) -> AsyncIterator[Stage]:
    monkeypatch.setattr("actors.parts.DIRECTORY", tmp_path / "attachments")
    async with staged(tmp_path, CONVERSATION_IDLE=idle) as stage:
        await connected(stage)
        yield stage


async def ask_much(stage: Stage) -> None:
    """Everybody asks five questions at once, each with a picture; some take theirs back in the middle of it."""
    picture = {"type": "picture", "downloadCode": stage.sandbox.attach(b"a picture", "p.png", "image/png")}
    for script in SCRIPTS:
        for person in PEOPLE:
            content = {"richText": [{"text": script}, picture]}
            stage.sandbox.say("", robot=stage.robot, sender=person, msgtype="richText", content=content)
    for number, person in enumerate(PEOPLE):
        await stage.ask(("/new", "/stop", "/help")[number % 3], sender=person)
    await eventually(lambda: at_rest(stage))


def resting() -> list[Any]:
    """The conversations that are alive."""
    refs = pykka.ActorRegistry.get_by_class(Conversation)
    return [actor for ref in refs if (actor := ref._actor_weakref()) is not None]


def kept(stage: Stage, folder: Path) -> dict[str, int]:
    """What a robot's parts hold of people and their questions, as far as they hold something."""
    parts = stage.service._parts.robots[stage.robot]
    held = {
        "attachments": len(parts.files._held) + len(parts.files._aside),
        "what happens beside an ack": len(parts.intake._aside),
        "ratings under way": len(parts.intake._presses._turns),
        "calls in line": sum(len(limiter._asleep) for limiter in parts.api._limiters.values()),
        "answers without a socket": len(parts.gateway._left_behind),
        "doubts": len(parts.standing._doubted),
        "files": len(files_in(folder / "attachments")),
    }
    return {what: number for what, number in held.items() if number}


@pytest.mark.parametrize("idle", ["600"])
async def test_a_conversation_at_rest_keeps_nothing_of_its_questions(stage: Stage, tmp_path: Path) -> None:
    await ask_much(stage)

    async def nothing_is_kept() -> bool:
        return kept(stage, tmp_path) == {}

    await eventually(nothing_is_kept)
    talks = resting()
    assert len(talks) == len(PEOPLE)
    for talk in talks:
        line = talk._line
        assert (talk._turn, talk._taken_back) == (None, frozenset())
        assert (line._line, line._shown, line._claimed, line._touched) == ((), {}, set(), {})


@pytest.mark.parametrize("idle", ["0.1"])
async def test_when_everybody_has_gone_home_the_process_is_as_it_was(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.supervisor.STOP_WITHIN", 0.2)  # seconds that a stopped actor is watched
    await ask_much(stage)  # from now on all is there that is made at the first question
    before = await at_home(stage)
    for _ in range(3):
        await ask_much(stage)
    assert await at_home(stage) == before
    assert kept(stage, tmp_path) == {}


async def at_home(stage: Stage) -> list[str]:
    """Wait until there is no conversation, and no effect but the connection; returns what goes on all the same."""
    reactor = stage.service._reactor

    async def nobody_is_there() -> bool:
        return not resting() and sum(map(len, reactor._effects.values())) == 1

    async def tasks() -> list[str]:
        coroutines = [task.get_coro() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        names = {coroutine.__qualname__ for coroutine in coroutines}  # type: ignore[union-attr]
        return sorted(names - {"Quota._store"})  # which writes the month's calls now and then

    await eventually(nobody_is_there)
    return await asyncio.wrap_future(reactor.submit(tasks()))
