"""Whatever breaks on the way of one answer, the person gets it, or an apology, and no card is left spinning."""

import asyncio
import time
from pathlib import Path

import pytest

from actors.core import texts
from actors.core import turn as turns
from actors.core.markdown import presentable
from actors.core.question import Address, Question
from actors.sandbox.records import CardState
from tests.actors.cast import asked_by, whole
from tests.actors.conftest import Stage, connected, staged


async def test_an_answer_without_a_card_goes_as_a_message(stage: Stage) -> None:
    stage.sandbox.fail("create", status=400, code="param.templateNotExist", times=None)
    await stage.ask("你好")
    await stage.sandbox.until(stage.said_to)
    assert stage.said_to() == ["您说：你好"]


async def test_a_card_that_takes_no_final_text_gives_way_to_a_message(stage: Stage) -> None:
    stage.sandbox.fail("streaming", status=400, code="param.error", times=None, match={"isFinalize": True})
    await stage.ask("你好")
    await stage.sandbox.until(stage.said_to)
    assert stage.said_to() == ["您说：你好"]


async def test_a_card_whose_answer_went_as_a_message_spins_no_more(stage: Stage) -> None:
    stage.sandbox.fail("streaming", status=400, code="param.error", times=None, match={"isFinalize": True})
    await stage.ask("你好")
    (card,) = await stage.finished()
    assert card.text == texts.SENT_BESIDE


async def test_a_dead_webhook_gives_way_to_the_robot_message_api(stage: Stage) -> None:
    stage.sandbox.fail("create", status=400, code="param.templateNotExist", times=None)
    stage.sandbox.fail("webhook", status=200, body={"errcode": 300001, "errmsg": "session 不存在"}, times=None)
    await stage.ask("你好")
    (message,) = await stage.sandbox.until(lambda: stage.sandbox.messages)
    assert (message.via, message.text) == ("oto", "您说：你好")


async def test_an_answer_that_nobody_takes_comes_when_the_platform_is_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SAY_AGAIN_AFTER", 0.2)
    for api in ("streaming", "webhook", "oto"):
        stage.sandbox.fail(api, status=400, code="param.error", times=None)
    await stage.ask("你好", sender="patient")
    await stage.sandbox.until(lambda: any(call.api == "oto" for call in stage.sandbox.calls))
    stage.sandbox.heal()
    (card,) = await stage.finished(sender="patient")
    assert (card.text, asked_by("patient")) == ("您说：你好", ["你好"])


async def test_passing_trouble_with_every_call_is_outlived(stage: Stage) -> None:
    for api in ("create", "streaming", "update"):
        stage.sandbox.fail(api, status=503, times=2)
    await stage.ask("3x0.1")
    (card,) = await stage.finished()
    assert card.state is CardState.FINISHED


async def test_a_call_that_is_too_fast_is_repeated(stage: Stage) -> None:
    code = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
    stage.sandbox.fail("create", status=403, code=code, times=1)
    await stage.ask("你好")
    (card,) = await stage.finished()
    assert card.text == "您说：你好"


async def test_a_token_that_is_void_is_fetched_again(stage: Stage) -> None:
    await stage.ask("你好")
    await stage.finished()
    stage.sandbox.expire_tokens()
    await stage.ask("再见")
    await stage.finished(2)


async def test_a_create_whose_answer_was_lost_still_has_one_card(stage: Stage) -> None:
    stage.sandbox.fail("create", status=504, times=1, applied=True)
    await stage.ask("你好")
    (card,) = await stage.finished()
    assert (card.text, stage.said_to()) == ("您说：你好", [])


async def test_an_agent_that_fails_at_once_gets_an_apology(stage: Stage) -> None:
    await stage.ask("boom")
    (card,) = await stage.finished()
    assert card.text == texts.AGENT_FAILED


async def test_an_agent_that_fails_in_mid_answer_keeps_what_it_said(stage: Stage) -> None:
    await stage.ask("3x0.01 boom")
    (card,) = await stage.finished()
    assert card.text == presentable(texts.torn(whole(3)))


async def test_an_apology_has_no_feedback_buttons(stage: Stage) -> None:
    await stage.ask("boom")
    (card,) = await stage.finished()
    assert card.buttons() == []


async def test_a_failed_answer_is_counted_as_failed(stage: Stage) -> None:
    await stage.ask("boom")
    await stage.finished()
    await stage.ask("你好")
    await stage.finished(2)
    assert await stage.metric('dingtalk_turns_total{outcome="failed",{robot}}') == 1


@pytest.mark.parametrize(
    ("clock", "script", "reason"),
    [
        ("AGENT_FIRST_TOKEN_TIMEOUT", "hang", "first_token_timeout"),
        ("AGENT_IDLE_TIMEOUT", "2x0.01 hang", "idle_timeout"),
        ("AGENT_TIMEOUT", "100x0.05", "timeout"),
    ],
)
async def test_every_clock_ends_in_an_apology(tmp_path: Path, clock: str, script: str, reason: str) -> None:
    async with staged(tmp_path, None, **{clock: "0.3"}) as stage:
        await connected(stage)
        await stage.ask(script)
        (card,) = await stage.finished()
        assert card.text.endswith(texts.AGENT_FAILED)
        assert await stage.metric(f'dingtalk_agent_errors_total{{agent="python",reason="{reason}",{{robot}}}}') == 1


async def test_a_question_after_a_failed_one_is_answered(stage: Stage) -> None:
    await stage.ask("boom")
    await stage.ask("你好")
    _, card = await stage.finished(2)
    assert card.text == "您说：你好"


async def test_a_conversation_that_crashes_is_started_again_and_answers(stage: Stage) -> None:
    """The inbox's memory fails once, in a way that nobody expects."""
    inbox = stage.service._parts.inbox
    recall, crashes = inbox.recall, iter([True])

    async def recall_crashing_once(chat_id: str, limit: int) -> object:
        if next(crashes, False):
            raise ZeroDivisionError
        return await recall(chat_id, limit)

    inbox.recall = recall_crashing_once  # type: ignore[method-assign, assignment]
    await stage.ask("你好")
    (card,) = await stage.finished()
    assert card.text == "您说：你好"


async def test_a_poisonous_question_is_given_up_and_those_behind_it_are_answered(tmp_path: Path) -> None:
    async with staged(tmp_path, INBOX_MAX_ATTEMPTS="2") as stage:
        await connected(stage)
        inbox = stage.service._parts.inbox
        recall, tries = inbox.recall, iter([True, True])

        async def poisoned(chat_id: str, limit: int) -> object:
            if next(tries, False):
                raise ZeroDivisionError
            return await recall(chat_id, limit)

        inbox.recall = poisoned  # type: ignore[method-assign, assignment]
        await stage.ask("毒")
        await stage.ask("你好")
        first, second = await stage.finished(2)
        assert (first.text, second.text) == (texts.POISONED, "您说：你好")


async def test_a_question_that_cannot_be_stored_is_not_acked_and_its_sender_is_told(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "inbox.db").rename(tmp_path / "away.db")
    await stage.ask("你好")
    await stage.sandbox.until(stage.said_to)
    assert (stage.said_to(), stage.sandbox.acks) == ([texts.ASK_AGAIN], [])


async def test_a_question_that_comes_again_when_the_inbox_is_back_is_answered(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "inbox.db").rename(tmp_path / "away.db")
    await stage.ask("你好", message_id="again")
    await stage.sandbox.until(stage.said_to)
    (tmp_path / "away.db").rename(tmp_path / "inbox.db")
    await stage.ask("你好", message_id="again")
    (card,) = await stage.finished()
    assert card.text == "您说：你好"


async def test_an_inbox_that_takes_no_writes_is_named_by_the_readiness_probe(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "inbox.db").rename(tmp_path / "away.db")
    status, body = await stage.get("/readyz")
    assert (status, "the inbox takes no writes" in body) == (503, True)


async def test_an_answer_waits_for_an_inbox_that_takes_no_writes(stage: Stage, tmp_path: Path) -> None:
    await stage.ask("10x0.05")
    await stage.sandbox.until(lambda: any(call.api == "streaming" for call in stage.sandbox.calls))
    (tmp_path / "inbox.db").rename(tmp_path / "away.db")
    await asyncio.sleep(0.8)  # the agent's own time
    (tmp_path / "away.db").rename(tmp_path / "inbox.db")
    (card,) = await stage.finished()
    assert card.text == whole(10)


async def test_a_press_on_a_card_that_is_not_its_own_counts_for_nothing(stage: Stage) -> None:
    await stage.ask("你好")
    (card,) = await stage.finished()
    stage.sandbox.click(card.id, "very_helpful:another-message", "zhang")
    await stage.sandbox.until(lambda: len(stage.sandbox.acks) == 2)
    assert await stage.metric('dingtalk_feedback_total{rating="very_helpful",{robot}}') == 0


async def test_updates_that_are_refused_for_good_are_not_repeated(stage: Stage) -> None:
    stage.sandbox.fail("streaming", status=400, code="param.stream.isFull", times=None, match={"isFinalize": False})
    await stage.ask("60x0.03")
    (card,) = await stage.finished()
    refused = [call for call in stage.sandbox.calls if call.api == "streaming" and call.status == 400]
    assert (len(refused), card.text) == (1, whole(60))


async def test_a_card_that_may_have_been_created_is_closed_beside_the_message(stage: Stage) -> None:
    stage.sandbox.fail("create", status=504, times=1, applied=True)
    stage.sandbox.fail("create", status=504, times=None)
    await stage.ask("你好")
    (card,) = await stage.finished()
    assert (card.text, stage.said_to()) == (texts.SENT_BESIDE, ["您说：你好"])


async def test_questions_of_a_robot_that_is_not_served_are_left_alone(stage: Stage) -> None:
    inbox, reactor = stage.service._parts.inbox, stage.service._reactor
    address = Address("other", "cid1", group=False, user="li", webhook="", webhook_expires=0.0)
    foreign = Question("other", "m1", "other::li", "other:cid1:li", "在吗", "li", "李四", address, time.time())
    await asyncio.wrap_future(reactor.submit(inbox.put(foreign, limit=8)))
    await asyncio.wrap_future(reactor.submit(stage.service._housekeeping.look()))
    await stage.ask("你好")
    await stage.finished()
    untouched = await asyncio.wrap_future(reactor.submit(inbox.take("other::li")))
    assert untouched is not None
    assert (untouched.attempt, untouched.deaths) == (1, 0)


async def test_a_long_answer_keeps_its_lease(tmp_path: Path) -> None:
    async with staged(tmp_path, INBOX_LEASE="0.6") as stage:
        await connected(stage)
        await stage.ask("40x0.05")
        inbox, reactor = stage.service._parts.inbox, stage.service._reactor
        while not stage.cards() or not stage.cards()[0].finalized:
            assert await asyncio.wrap_future(reactor.submit(inbox.backlog())) == ()
            await asyncio.sleep(0.05)


async def test_an_answer_that_took_its_time_is_measured(stage: Stage) -> None:
    await stage.ask("你好")
    await stage.finished()
    assert await stage.metric('dingtalk_answer_seconds_count{agent="python",{robot}}') == 1
