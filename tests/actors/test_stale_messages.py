"""What DingTalk brings too late is turned down with a word: nobody waits for its answer, and no late word acts."""

import time
from pathlib import Path

import pytest

from actors.core import texts
from tests.actors.cast import whole
from tests.actors.conftest import Stage, served_again

LATE = 1000.0
"""Seconds, more than the 900 of INBOX_MAX_AGE."""


async def brought(stage: Stage, text: str, *, after: float | None, message_id: str | None = None) -> str:
    """DingTalk brings a message so long after it was written; None: it does not say when that was."""
    written = None if after is None else int((time.time() - after) * 1000)
    return stage.sandbox.say(
        text, robot=stage.robot, sender="zhang", message_id=message_id, changes={"createAt": written}
    )


async def stale(stage: Stage) -> float:
    return await stage.metric('dingtalk_messages_total{outcome="stale",{robot},type="text"}')


async def test_a_message_that_comes_too_late_gets_a_word_and_no_answer(stage: Stage) -> None:
    await brought(stage, "在吗", after=LATE)
    await stage.sandbox.until(stage.said_to)
    assert (stage.said_to(), stage.cards(), await stale(stage)) == ([texts.EXPIRED], [], 1)


async def test_it_is_turned_down_once_however_often_it_comes(stage: Stage) -> None:
    for _ in range(3):
        await brought(stage, "在吗", after=LATE, message_id="same")
    await stage.ask("你好")
    await stage.finished()
    assert (stage.said_to(), await stale(stage)) == ([texts.EXPIRED], 1)


async def test_a_word_that_comes_too_late_does_nothing(stage: Stage) -> None:
    await stage.ask("2x0.01 hang")
    await stage.card_with(whole(2))
    await brought(stage, "/stop", after=LATE)
    await stage.sandbox.until(stage.said_to)
    assert (stage.said_to(), len(stage.cards())) == ([texts.EXPIRED], 1)


@pytest.mark.parametrize("after", [0.0, 800.0, None, -5000.0], ids=["now", "in time", "not said", "ahead of time"])
async def test_what_comes_in_time_is_answered(stage: Stage, after: float | None) -> None:
    await brought(stage, "你好", after=after)
    assert len(await stage.finished()) == 1


async def test_a_late_repeat_of_what_was_answered_is_a_duplicate(tmp_path: Path, stage: Stage) -> None:
    asked = await stage.ask("你好")
    await stage.finished()
    async with served_again(stage, tmp_path) as again:
        await brought(again, "你好", after=LATE, message_id=asked)
        await again.ask("还在吗")
        await again.finished(2)
        assert (again.said_to(), await stale(again)) == ([], 0)
