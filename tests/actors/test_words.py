"""The words: `/new`, `/stop` and `/help` take effect ahead of every question that waits, once, and for the speaker."""

from pathlib import Path

import pytest

from actors.core import texts
from actors.sandbox.records import CardState
from tests.actors.cast import ASKED, asked_by, whole
from tests.actors.conftest import (
    OWN,
    PUBLIC,
    STANDARD,
    TEXT,
    Stage,
    closed,
    connected,
    eventually,
    served_again,
    staged,
)


async def running(stage: Stage, sender: str = "zhang") -> None:
    """Wait until somebody's first answer is seen to run."""
    await stage.sandbox.until(lambda: stage.cards(sender), 20.0)


@pytest.mark.parametrize("word", ["/stop", "停止", "／STOP", " /停止。"])
async def test_a_stopped_answer_says_so_on_its_card(stage: Stage, word: str) -> None:
    await stage.ask("hang")
    await running(stage)
    await stage.ask(word)
    (card,) = await stage.finished()
    assert (card.text, card.state, card.buttons()) == (texts.STOPPED, CardState.FINISHED, [])


@pytest.mark.parametrize("kind", [PUBLIC, OWN, STANDARD], ids=["public", "own", "standard"])
async def test_a_stopped_answer_keeps_what_was_said(tmp_path: Path, kind: dict[str, str]) -> None:
    async with staged(tmp_path, **kind) as stage:
        await connected(stage)
        await stage.ask("3x0.01 hang")
        await stage.card_with(whole(3))
        await stage.ask("/stop")
        card = await stage.card_with(texts.STOPPED.splitlines()[0])
        assert card.text.startswith(whole(3))


async def test_stopping_is_counted_as_an_outcome(stage: Stage) -> None:
    await stage.ask("hang")
    await running(stage)
    await stage.ask("/stop")
    await stage.finished()
    await eventually(lambda: _is(stage, 'dingtalk_turns_total{outcome="stopped",{robot}}', 1))


async def test_stopping_leaves_those_who_wait_alone(stage: Stage) -> None:
    await stage.ask("hang")
    await running(stage)
    await stage.ask("第二")
    await stage.ask("/stop")
    first, second = await stage.finished(2)
    assert (first.text, second.text) == (texts.STOPPED, "您说：第二")


async def test_stopping_nothing_is_told(stage: Stage) -> None:
    await stage.ask("/stop")
    await stage.sandbox.until(stage.said_to)
    assert stage.said_to() == [texts.NOTHING_TO_STOP]


async def test_a_word_that_comes_twice_acts_once(stage: Stage) -> None:
    await stage.ask("hang")
    await running(stage)
    await stage.ask("/stop", message_id="stop1")
    await stage.finished()
    await stage.ask("3x0.2")
    await stage.ask("/stop", message_id="stop1")
    _, second = await stage.finished(2)
    assert second.text == whole(3)


async def test_the_stop_button_of_our_template_stops_the_answer(tmp_path: Path) -> None:
    async with staged(tmp_path, **OWN) as stage:
        await connected(stage)
        await stage.ask("hang")
        await running(stage)
        (stop,) = stage.cards()[0].buttons()
        assert stage.sandbox.click(stage.cards()[0].id, stop["id"], "zhang")
        (card,) = await stage.finished()
        assert (card.text, card.buttons()) == (texts.STOPPED, [])
        assert await stage.metric('dingtalk_clicks_total{outcome="stopped",{robot}}') == 1


async def test_the_stop_button_is_acked_and_goes_for_who_pressed_it(tmp_path: Path) -> None:
    async with staged(tmp_path, **OWN) as stage:
        await connected(stage)
        await stage.ask("hang")
        await running(stage)
        (stop,) = stage.cards()[0].buttons()
        stage.sandbox.click(stage.cards()[0].id, stop["id"], "zhang")
        ack = await stage.sandbox.until(lambda: [ack for ack in stage.sandbox.acks if "card" in ack.topic])
        changes = ack[0].data["response"]["cardData"]["cardParamMap"]
        assert changes == {"stoppable": "false", "status": texts.STOPPING}


async def test_nobody_stops_somebody_elses_answer_by_its_button(tmp_path: Path) -> None:
    async with staged(tmp_path, **OWN) as stage:
        await connected(stage)
        stage.sandbox.say("5x0.1", robot=stage.robot, sender="zhang", group="team")
        (card,) = await stage.sandbox.until(lambda: stage.cards(group="team"))
        stage.sandbox.click(card.id, card.buttons()[0]["id"], "li")
        await stage.sandbox.until(lambda: card.finalized)
        assert card.text == whole(5)


@pytest.mark.parametrize("word", ["/new", "新会话"])
async def test_a_new_session_is_told(stage: Stage, word: str) -> None:
    await stage.ask(word)
    await stage.sandbox.until(stage.said_to)
    assert stage.said_to() == [texts.NEW_SESSION]


async def test_a_new_session_ends_what_runs_and_what_waits(stage: Stage) -> None:
    await stage.ask("hang", sender="renewer")
    await running(stage, "renewer")
    for number in range(3):
        await stage.ask(f"第{number}", sender="renewer")
    await stage.sandbox.until(lambda: len(stage.cards("renewer")) == 4)
    await stage.ask("/new", sender="renewer")
    cards = await stage.finished(4, sender="renewer")
    assert [card.text for card in cards] == [texts.STOPPED] * 4
    assert asked_by("renewer") == ["hang"]


async def test_a_new_session_forgets_what_was_said(stage: Stage) -> None:
    await stage.ask("第一", sender="forgetter")
    await stage.finished(sender="forgetter")
    await stage.ask("/new", sender="forgetter")
    await stage.ask("第二", sender="forgetter")
    await stage.finished(2, sender="forgetter")
    last = [question for question in ASKED if question.sender_id == "forgetter"][-1]
    assert (last.text, last.history) == ("第二", ())


async def test_a_question_after_a_new_session_is_answered(stage: Stage) -> None:
    await stage.ask("hang")
    await running(stage)
    await stage.ask("/new")
    await stage.ask("你好")
    _, second = await stage.finished(2)
    assert second.text == "您说：你好"


@pytest.mark.parametrize("word", ["/help", "帮助"])
async def test_help_is_told_ahead_of_a_running_answer(stage: Stage, word: str) -> None:
    await stage.ask("hang")
    await running(stage)
    await stage.ask(word)
    await stage.sandbox.until(stage.said_to)
    assert stage.said_to() == [texts.HELP]


async def test_a_word_takes_no_place_in_line(stage: Stage) -> None:
    await stage.ask("hang", sender="chatty")
    await running(stage, "chatty")
    for _ in range(12):
        await stage.ask("/help", sender="chatty")
    await stage.sandbox.until(lambda: len(stage.said_to("chatty")) == 12)
    assert texts.QUEUE_FULL not in stage.said_to("chatty")


async def test_a_question_that_begins_with_a_word_is_a_question(stage: Stage) -> None:
    await stage.ask("停止发货怎么办")
    (card,) = await stage.finished()
    assert card.text == "您说：停止发货怎么办"


async def test_a_word_works_where_there_are_no_cards(tmp_path: Path) -> None:
    async with staged(tmp_path, **TEXT) as stage:
        await connected(stage)
        await stage.ask("1x0.01 hang", sender="stopper")
        await eventually(lambda: _is(stage, "dingtalk_turns_in_progress{{robot}}", 1))
        await stage.ask("/stop", sender="stopper")
        await stage.sandbox.until(lambda: stage.said_to("stopper"))
        assert texts.STOPPED in stage.said_to("stopper")[0]


async def test_a_stop_outlives_the_process_that_took_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await connected(stage)
        await stage.ask("hang", sender="zhang")
        await running(stage)
        inbox, reactor = stage.service._parts.inbox, stage.service._reactor
        reactor.submit(inbox.cancel(stage.robot, stage.sandbox.said[-1].id)).result(5)
        async with served_again(stage, tmp_path):
            (card,) = await stage.finished()
            assert card.text == texts.STOPPED


async def test_in_a_shared_conversation_people_stop_their_own_answers_only(tmp_path: Path) -> None:
    async with staged(tmp_path, CONVERSATION_SCOPE="chat") as stage:
        await connected(stage)
        stage.sandbox.say("5x0.1", robot=stage.robot, sender="zhang", group="team")
        (card,) = await stage.sandbox.until(lambda: stage.cards(group="team"))
        stage.sandbox.say("/stop", robot=stage.robot, sender="li", group="team")
        await stage.sandbox.until(lambda: closed(card))
        assert (card.text, stage.said_to(group="team")) == (whole(5), [texts.NOTHING_TO_STOP])


async def _is(stage: Stage, line: str, value: float) -> bool:
    return await stage.metric(line) == value


async def test_a_word_that_is_under_way_when_the_service_ends_arrives(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await connected(stage)
        stage.sandbox.fail("webhook", delay=0.3)
        await stage.ask("/help")
        await stage.sandbox.until(lambda: [call for call in stage.sandbox.calls if call.api == "webhook"])
        async with served_again(stage, tmp_path):
            assert stage.said_to() == [texts.HELP]
