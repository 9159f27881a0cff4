"""What an agent's back end calls its answers and its memories: kept with them, and forgotten with them."""

import pytest

from actors.errors import LeaseLost
from actors.inbox.port import Delivery, Inbox, Outcome, Word
from tests.contract.stories import LEASE, LI, RETENTION, SHOP, WANG, Clock, put, question, take

MR_WANG = "staff-wang"
GROUP = "ding-shop:group-7:"


def new(message_id: str = "w1", *, person: str = "staff-li", chat_id: str = LI) -> Word:
    """A person's word that begins a new session."""
    return Word(SHOP, message_id, LI, chat_id, person)


async def asked(inbox: Inbox, message_id: str = "m1") -> Delivery:
    """A question that is being answered."""
    await put(inbox, message_id)
    return await take(inbox)


async def run_of(inbox: Inbox, message_id: str = "m1") -> str:
    record = await inbox.record(SHOP, message_id)
    assert record is not None
    return record.run


class TestRuns:
    async def test_a_question_whose_answer_has_not_begun_has_none(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        assert await run_of(inbox) == ""

    async def test_it_is_on_record(self, inbox: Inbox) -> None:
        await (await asked(inbox)).begun("run-1", "")
        assert await run_of(inbox) == "run-1"

    async def test_it_is_on_record_when_the_question_is_closed(self, inbox: Inbox) -> None:
        delivery = await asked(inbox)
        await delivery.begun("run-1", "")
        await delivery.answered("明天到")
        await delivery.done(Outcome.ANSWERED)
        assert await run_of(inbox) == "run-1"

    async def test_the_last_one_counts_and_an_empty_one_changes_nothing(self, inbox: Inbox) -> None:
        delivery = await asked(inbox)
        for run in ("run-1", "run-2", ""):
            await delivery.begun(run, "")
        assert await run_of(inbox) == "run-2"

    async def test_another_attempt_begins_without_one(self, inbox: Inbox) -> None:
        delivery = await asked(inbox)
        await delivery.begun("run-1", "")
        await delivery.retry(0)
        await take(inbox)
        assert await run_of(inbox) == ""

    async def test_another_attempt_at_delivering_an_answer_keeps_it(self, inbox: Inbox) -> None:
        delivery = await asked(inbox)
        await delivery.begun("run-1", "")
        await delivery.answered("明天到")
        await delivery.retry(0)
        await take(inbox)
        assert await run_of(inbox) == "run-1"

    async def test_a_question_that_was_taken_back_gets_none(self, inbox: Inbox) -> None:
        delivery = await asked(inbox)
        await inbox.cancel(SHOP, "m1")
        await delivery.begun("run-1", "")
        assert await run_of(inbox) == ""


class TestSessions:
    async def test_a_memory_without_one_has_none(self, inbox: Inbox) -> None:
        assert await inbox.session(LI) == ""

    async def test_it_is_there_at_once(self, inbox: Inbox) -> None:
        await (await asked(inbox)).begun("", "talk-1")
        assert await inbox.session(LI) == "talk-1"

    async def test_it_belongs_to_the_memory_and_not_to_the_conversation(self, inbox: Inbox) -> None:
        await inbox.put(question("m1", chat_id=GROUP), limit=8)
        await (await take(inbox)).begun("", "talk-1")
        assert [await inbox.session(GROUP), await inbox.session(LI)] == ["talk-1", ""]

    async def test_it_outlives_its_question(self, inbox: Inbox) -> None:
        delivery = await asked(inbox)
        await delivery.begun("", "talk-1")
        await delivery.done(Outcome.FAILED)
        assert await inbox.session(LI) == "talk-1"

    async def test_the_last_one_counts_and_an_empty_one_changes_nothing(self, inbox: Inbox) -> None:
        delivery = await asked(inbox)
        for session in ("talk-1", "talk-2", ""):
            await delivery.begun("", session)
        assert await inbox.session(LI) == "talk-2"

    async def test_an_answer_without_a_name_for_its_memory_leaves_the_one_that_it_was_asked_in(
        self, inbox: Inbox
    ) -> None:
        delivery = await asked(inbox)
        await delivery.begun("", "talk-1")
        await delivery.begun("run-2", "", former="talk-1")
        assert await inbox.session(LI) == "talk-1"

    async def test_others_have_their_own(self, inbox: Inbox) -> None:
        await put(inbox, "m2", conversation=WANG)
        await (await asked(inbox)).begun("", "talk-1")
        await (await take(inbox, WANG)).begun("", "talk-2")
        assert [await inbox.session(LI), await inbox.session(WANG)] == ["talk-1", "talk-2"]

    async def test_a_late_attempt_does_not_overwrite_it(self, inbox: Inbox, clock: Clock) -> None:
        late = await asked(inbox)
        clock.advance(LEASE)
        await (await take(inbox)).begun("run-2", "talk-2")
        with pytest.raises(LeaseLost):
            await late.begun("run-1", "talk-1")
        assert [await run_of(inbox), await inbox.session(LI)] == ["run-2", "talk-2"]

    async def test_a_question_that_was_taken_back_leaves_none(self, inbox: Inbox) -> None:
        delivery = await asked(inbox)
        await inbox.cancel(SHOP, "m1")
        await delivery.begun("", "talk-1")
        assert await inbox.session(LI) == ""


class TestForgetting:
    async def test_a_new_session_forgets_it(self, inbox: Inbox) -> None:
        await (await asked(inbox)).begun("", "talk-1")
        await inbox.start_over(new())
        assert await inbox.session(LI) == ""

    async def test_a_repeat_of_the_word_forgets_nothing(self, inbox: Inbox) -> None:
        await inbox.start_over(new())
        await (await asked(inbox)).begun("", "talk-1")
        await inbox.start_over(new())
        assert await inbox.session(LI) == "talk-1"

    async def test_other_memories_keep_theirs(self, inbox: Inbox) -> None:
        await (await asked(inbox)).begun("", "talk-1")
        await inbox.start_over(new(chat_id=WANG))
        assert await inbox.session(LI) == "talk-1"

    async def test_an_answer_from_before_does_not_bring_it_back(self, inbox: Inbox) -> None:
        delivery = await asked(inbox)
        await inbox.start_over(new())
        await delivery.begun("run-1", "talk-1")
        assert await inbox.session(LI) == ""

    async def test_somebody_elses_answer_in_a_shared_memory_does_not_bring_it_back(self, inbox: Inbox) -> None:
        await inbox.put(question("m1", conversation=WANG, chat_id=GROUP, sender=MR_WANG), limit=8)
        delivery = await take(inbox, WANG)
        await delivery.begun("", "talk-1")
        await inbox.start_over(new(chat_id=GROUP))
        await delivery.begun("", "talk-1", former="talk-1")
        assert await inbox.session(GROUP) == ""
        await delivery.begun("", "talk-2", former="talk-1")
        await delivery.begun("", "talk-1", former="talk-1")
        assert await inbox.session(GROUP) == "talk-2"

    async def test_one_that_was_not_used_for_its_retention_goes(self, inbox: Inbox, clock: Clock) -> None:
        await (await asked(inbox)).begun("", "talk-1")
        clock.advance(RETENTION)
        assert await inbox.sweep() == 1
        assert await inbox.session(LI) == ""

    async def test_one_that_is_used_stays(self, inbox: Inbox, clock: Clock) -> None:
        delivery = await asked(inbox)
        await delivery.begun("", "talk-1")
        clock.advance(RETENTION - 1)
        await delivery.begun("", "talk-1", former="talk-1")
        clock.advance(1)
        assert await inbox.sweep() == 0
        assert await inbox.session(LI) == "talk-1"
