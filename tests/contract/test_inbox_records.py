"""What the inbox keeps beside questions: memories, feedback, counted calls; and how it begins and ends."""

import asyncio

import pytest

from actors.core.question import Turn
from actors.errors import InboxUnavailable
from actors.inbox.port import Feedback, Inbox, Outcome, Word
from tests.contract.stories import LI, RETENTION, SHOP, Clock, question, take


async def answer(
    inbox: Inbox, message_id: str, text: str | None = "明天到", outcome: Outcome = Outcome.ANSWERED, chat_id: str = LI
) -> None:
    """A question's whole way."""
    await inbox.put(question(message_id, text=f"问题 {message_id}", chat_id=chat_id), limit=100)
    delivery = await take(inbox)
    if text is not None:
        await delivery.answered(text, outcome)
    await delivery.done(outcome)


class TestMemory:
    async def test_an_answered_question_becomes_a_turn(self, inbox: Inbox) -> None:
        await answer(inbox, "m1", "明天到")
        assert await inbox.recall(LI, 20) == (Turn("问题 m1", "明天到"),)

    @pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.ANSWERED])
    async def test_a_question_that_was_not_answered_becomes_no_turn(self, inbox: Inbox, outcome: Outcome) -> None:
        await answer(inbox, "m1", "对不起", outcome)
        assert await inbox.recall(LI, 20) == ()

    @pytest.mark.parametrize("text", [None, ""])
    async def test_an_answer_without_a_text_becomes_no_turn(self, inbox: Inbox, text: str | None) -> None:
        await answer(inbox, "m1", text)
        assert await inbox.recall(LI, 20) == ()

    async def test_turns_come_oldest_first(self, inbox: Inbox) -> None:
        for message_id in ("m1", "m2", "m3"):
            await answer(inbox, message_id)
        assert [turn.question for turn in await inbox.recall(LI, 20)] == ["问题 m1", "问题 m2", "问题 m3"]

    async def test_only_the_last_turns_come_back(self, inbox: Inbox) -> None:
        for message_id in ("m1", "m2", "m3"):
            await answer(inbox, message_id)
        assert [turn.question for turn in await inbox.recall(LI, 2)] == ["问题 m2", "问题 m3"]

    async def test_no_turns_are_given_to_who_wants_none(self, inbox: Inbox) -> None:
        await answer(inbox, "m1")
        assert await inbox.recall(LI, 0) == ()

    async def test_a_turn_belongs_to_the_memory_and_not_to_the_conversation(self, inbox: Inbox) -> None:
        await answer(inbox, "m1", chat_id="ding-shop:group-7:li")
        assert (len(await inbox.recall("ding-shop:group-7:li", 20)), await inbox.recall(LI, 20)) == (1, ())

    async def test_a_text_stored_by_a_former_attempt_becomes_the_turn(self, inbox: Inbox) -> None:
        await inbox.put(question("m1", text="在吗"), limit=8)
        first = await take(inbox)
        await first.answered("在的")
        await inbox.abandon(LI)
        second = await take(inbox)
        await second.done(Outcome.ANSWERED)
        assert await inbox.recall(LI, 20) == (Turn("在吗", "在的"),)

    async def test_turns_are_forgotten_after_their_retention(self, inbox: Inbox, clock: Clock) -> None:
        await answer(inbox, "m1")
        clock.advance(RETENTION - 1)
        await answer(inbox, "m2")
        clock.advance(1)
        await inbox.sweep()
        assert [turn.question for turn in await inbox.recall(LI, 20)] == ["问题 m2"]


class TestFeedback:
    click = Feedback(SHOP, "m1", "staff-li", "helpful")

    async def test_the_first_click_is_new(self, inbox: Inbox) -> None:
        assert await inbox.feedback(self.click) is True

    async def test_the_same_click_again_is_a_repeat(self, inbox: Inbox) -> None:
        await inbox.feedback(self.click)
        assert await inbox.feedback(self.click) is False

    async def test_another_rating_is_a_change(self, inbox: Inbox) -> None:
        await inbox.feedback(self.click)
        assert await inbox.feedback(Feedback(SHOP, "m1", "staff-li", "not_helpful")) is True

    async def test_the_last_rating_counts(self, inbox: Inbox) -> None:
        await inbox.feedback(self.click)
        await inbox.feedback(Feedback(SHOP, "m1", "staff-li", "not_helpful"))
        assert await inbox.feedback(self.click) is True

    @pytest.mark.parametrize(
        "other",
        [
            Feedback(SHOP, "m1", "staff-wang", "helpful"),
            Feedback(SHOP, "m2", "staff-li", "helpful"),
            Feedback("ding-bank", "m1", "staff-li", "helpful"),
        ],
        ids=["another person", "another answer", "another robot"],
    )
    async def test_everyone_rates_every_answer_for_themselves(self, inbox: Inbox, other: Feedback) -> None:
        await inbox.feedback(self.click)
        assert await inbox.feedback(other) is True

    async def test_feedback_is_kept_through_its_retention(self, inbox: Inbox, clock: Clock) -> None:
        await inbox.feedback(self.click)
        clock.advance(RETENTION - 1)
        await inbox.sweep()
        assert await inbox.feedback(self.click) is False

    async def test_feedback_is_forgotten_after_its_retention(self, inbox: Inbox, clock: Clock) -> None:
        await inbox.feedback(self.click)
        clock.advance(RETENTION)
        assert await inbox.sweep() == 1
        assert await inbox.feedback(self.click) is True

    async def test_a_changed_rating_is_kept_from_the_change_on(self, inbox: Inbox, clock: Clock) -> None:
        await inbox.feedback(Feedback(SHOP, "m1", "staff-li", "not_helpful"))
        clock.advance(RETENTION - 1)
        await inbox.feedback(self.click)
        clock.advance(1)
        assert await inbox.sweep() == 0


class TestCountedCalls:
    async def test_calls_add_up_over_a_month(self, inbox: Inbox) -> None:
        assert [await inbox.count_calls("2026-11", calls) for calls in (3, 0, 4)] == [3, 3, 7]

    async def test_every_month_begins_anew(self, inbox: Inbox) -> None:
        await inbox.count_calls("2026-11", 3)
        assert await inbox.count_calls("2026-12", 1) == 1


class TestReplicas:
    async def test_a_process_that_is_alone_counts_one_however_often_it_asks(self, inbox: Inbox, clock: Clock) -> None:
        counted = []
        for _ in range(3):
            counted.append(await inbox.beat(life=15.0))
            clock.advance(20.0)
        assert counted == [1, 1, 1]

    async def test_a_heartbeat_leaves_nothing_behind_that_would_count_as_work(self, inbox: Inbox) -> None:
        await inbox.beat(life=15.0)
        assert (await inbox.pending(), await inbox.backlog()) == ({}, ())


class TestEnd:
    async def test_an_open_inbox_is_healthy(self, inbox: Inbox) -> None:
        assert await inbox.healthy() is True

    async def test_a_closed_inbox_is_not_healthy(self, inbox: Inbox) -> None:
        await inbox.close()
        assert await inbox.healthy() is False

    async def test_a_closed_inbox_takes_nothing(self, inbox: Inbox) -> None:
        await inbox.close()
        with pytest.raises(InboxUnavailable):
            await inbox.put(question(), limit=8)

    async def test_a_delivery_of_a_closed_inbox_writes_nothing(self, inbox: Inbox) -> None:
        await inbox.put(question(), limit=8)
        delivery = await take(inbox)
        await inbox.close()
        with pytest.raises(InboxUnavailable):
            await delivery.done(Outcome.ANSWERED)

    async def test_closing_twice_is_fine(self, inbox: Inbox) -> None:
        await inbox.close()
        await inbox.close()

    async def test_what_is_said_in_a_conversation_is_carried_out_in_its_order(self, inbox: Inbox) -> None:
        new_session = Word(SHOP, "w1", LI, LI, "staff-li")
        await asyncio.gather(
            *(inbox.put(question(f"m{number}"), limit=8) for number in range(3)),
            inbox.start_over(new_session),
            *(inbox.put(question(f"m{number}"), limit=8) for number in range(3, 8)),
        )
        assert [waiting.message_id for waiting in await inbox.waiting(LI)] == ["m3", "m4", "m5", "m6", "m7"]
