"""Questions in the inbox: told apart, counted against the limit, given one at a time and in order."""

from dataclasses import replace

import pytest

from actors.core.question import Attachment, Turn
from actors.inbox.port import Inbox, Outcome, Put
from tests.contract.stories import LEASE, LI, WANG, Clock, put, question, take, taken


class TestPut:
    async def test_a_question_that_was_never_seen_is_new(self, inbox: Inbox) -> None:
        assert await inbox.put(question("m1"), limit=8) is Put.NEW

    async def test_a_repeat_of_a_waiting_question_is_a_duplicate(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        assert await inbox.put(question("m1"), limit=8) is Put.DUPLICATE

    async def test_a_repeat_of_a_held_question_is_a_duplicate(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await take(inbox)
        assert await inbox.put(question("m1"), limit=8) is Put.DUPLICATE

    async def test_a_repeat_of_a_closed_question_is_a_duplicate(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).done(Outcome.STOPPED)
        assert await inbox.put(question("m1"), limit=8) is Put.DUPLICATE

    async def test_a_repeat_under_another_conversation_is_a_duplicate(self, inbox: Inbox) -> None:
        await put(inbox, "m1", conversation=LI)
        assert await inbox.put(question("m1", conversation=WANG), limit=8) is Put.DUPLICATE

    async def test_a_repeat_adds_no_work(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await inbox.put(question("m1"), limit=8)
        assert len(await inbox.waiting(LI)) == 1

    async def test_two_robots_may_use_the_same_message_id(self, inbox: Inbox) -> None:
        await inbox.put(question("m1", robot="ding-shop"), limit=8)
        assert await inbox.put(question("m1", robot="ding-bank"), limit=8) is Put.NEW

    async def test_one_more_than_may_wait_is_full(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        assert await inbox.put(question("m3"), limit=2) is Put.FULL

    async def test_as_many_as_may_wait_are_new(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        assert await inbox.put(question("m2"), limit=2) is Put.NEW

    async def test_the_running_question_does_not_count_against_the_limit(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await take(inbox)
        assert await inbox.put(question("m3"), limit=2) is Put.NEW

    async def test_a_question_whose_holder_went_silent_waits_again(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1", "m2")
        await take(inbox)
        clock.advance(LEASE)
        assert await inbox.put(question("m3"), limit=2) is Put.FULL

    async def test_what_waits_elsewhere_does_not_count_against_the_limit(self, inbox: Inbox) -> None:
        await put(inbox, "m1", conversation=WANG)
        assert await inbox.put(question("m2", conversation=LI), limit=1) is Put.NEW

    async def test_a_closed_question_does_not_count_against_the_limit(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).done(Outcome.ANSWERED)
        assert await inbox.put(question("m2"), limit=1) is Put.NEW

    async def test_a_repeat_of_a_refused_question_is_a_duplicate(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await inbox.put(question("m2"), limit=1)
        assert await inbox.put(question("m2"), limit=100) is Put.DUPLICATE

    async def test_a_repeat_is_a_duplicate_even_where_too_many_wait(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        assert await inbox.put(question("m1"), limit=1) is Put.DUPLICATE

    async def test_a_refused_question_is_no_work(self, inbox: Inbox) -> None:
        await inbox.put(question("m1"), limit=0)
        assert (await inbox.take(LI), await inbox.pending(), await inbox.backlog()) == (None, {}, ())


class TestTake:
    async def test_nothing_is_there_where_nobody_asked(self, inbox: Inbox) -> None:
        assert await inbox.take(LI) is None

    async def test_the_oldest_question_comes_first(self, inbox: Inbox) -> None:
        await put(inbox, "m2", "m1", "m3")
        order = []
        for _ in range(3):
            delivery = await take(inbox)
            order.append(delivery.question.message_id)
            await delivery.done(Outcome.ANSWERED)
        assert order == ["m2", "m1", "m3"]

    async def test_a_question_comes_out_as_it_went_in(self, inbox: Inbox) -> None:
        asked = replace(
            question(
                "m1", text="看看这张图\n“引用” 😄", chat_id="ding-shop:cid-1:li", received_at=1_799_999_999.123456
            ),
            attachments=(Attachment("picture", "https://example/a.png", "小票.png"),),
        )
        await inbox.put(asked, limit=8)
        assert (await take(inbox)).question == asked

    async def test_the_history_is_not_stored_with_the_question(self, inbox: Inbox) -> None:
        await inbox.put(question("m1").with_history((Turn("早", "您好"),)), limit=8)
        assert (await take(inbox)).question.history == ()

    async def test_half_a_character_in_a_text_keeps_no_question_out(self, inbox: Inbox) -> None:
        await inbox.put(question("m1", text="好的\ud83d"), limit=8)
        assert (await take(inbox)).question.text.startswith("好的")

    async def test_the_first_attempt_is_number_one_of_a_fresh_question(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        assert (delivery.attempt, delivery.deaths, delivery.answer, delivery.outcome) == (1, 0, None, None)

    async def test_nothing_is_given_while_a_question_of_the_conversation_is_held(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await take(inbox)
        assert await inbox.take(LI) is None

    async def test_a_held_question_does_not_hold_up_other_conversations(self, inbox: Inbox) -> None:
        await put(inbox, "m1", conversation=LI)
        await put(inbox, "m2", conversation=WANG)
        await take(inbox, LI)
        assert await taken(inbox, WANG) == "m2"

    async def test_the_next_question_is_given_once_the_first_is_done(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await (await take(inbox)).done(Outcome.FAILED)
        assert await taken(inbox) == "m2"

    @pytest.mark.parametrize("outcome", Outcome)
    async def test_a_closed_question_is_never_given_again(self, inbox: Inbox, clock: Clock, outcome: Outcome) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).done(outcome)
        clock.advance(LEASE * 10)
        assert await inbox.take(LI) is None


class TestRetry:
    async def test_a_question_given_back_is_not_given_before_it_is_due(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).retry(5)
        clock.advance(4.9)
        assert await inbox.take(LI) is None

    async def test_a_question_given_back_is_given_when_it_is_due(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).retry(5)
        clock.advance(5)
        assert await taken(inbox) == "m1"

    async def test_a_later_question_never_overtakes_one_that_is_not_due(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await (await take(inbox)).retry(5)
        assert await inbox.take(LI) is None

    async def test_a_retry_is_a_new_attempt_and_no_death(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).retry(0)
        delivery = await take(inbox)
        assert (delivery.attempt, delivery.deaths) == (2, 0)

    async def test_a_retry_keeps_the_stored_answer(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        await delivery.answered("明天到")
        await delivery.retry(0)
        assert (await take(inbox)).answer == "明天到"
