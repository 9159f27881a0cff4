"""A question that an operator has answered anew comes out on a card of its own, and is rated there."""

from pathlib import Path

from actors.core import texts
from actors.parts import open_archive
from tests.actors.conftest import Stage, closed, connected, staged


async def replayed(stage: Stage, message_id: str) -> None:
    """An operator has a question answered anew, beside the running service."""
    archive = await open_archive(stage.service._settings)
    assert await archive.replay(stage.robot, message_id)
    await archive.close()


async def test_a_replayed_question_is_answered_on_a_new_card(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await connected(stage)
        message_id = await stage.ask("boom")
        (apology,) = await stage.finished()
        await stage.settled()
        await replayed(stage, message_id)
        cards = await stage.sandbox.until(lambda: stage.cards() if len(stage.cards()) == 2 else [], 20.0)
        await stage.sandbox.until(lambda: closed(cards[1]))
        assert (apology.text, cards[1].text) == (texts.AGENT_FAILED, texts.AGENT_FAILED)
        assert cards[0].id != cards[1].id


async def test_the_answer_of_a_replay_can_be_rated_on_its_new_card(tmp_path: Path) -> None:
    async with staged(tmp_path, AGENT_RETRY_ATTEMPTS="1") as stage:
        await connected(stage)
        message_id = await stage.ask("once 1x0.01")
        await stage.finished()
        await stage.settled()
        await replayed(stage, message_id)
        _, second = await stage.finished(2)
        stage.sandbox.click(second.id, second.buttons()[0]["id"], "zhang")
        await stage.sandbox.until(lambda: second.buttons()[0]["text"].startswith("✅"))
