"""What there is to do, what is waiting, and what is forgotten when it is long done."""

from actors.inbox.port import Inbox, Outcome, Put, Work
from tests.contract.stories import DEDUPE_WINDOW, LEASE, LI, RETENTION, SHOP, WANG, Clock, put, question, take


class TestCounts:
    async def test_waiting_tells_what_nobody_holds_in_its_order(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2", "m3")
        await put(inbox, "m4", conversation=WANG)
        await take(inbox)
        assert [question.message_id for question in await inbox.waiting(LI)] == ["m2", "m3"]

    async def test_waiting_counts_a_question_whose_lease_ran_out(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        await take(inbox)
        clock.advance(LEASE)
        assert len(await inbox.waiting(LI)) == 1

    async def test_waiting_counts_a_question_that_is_not_due(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).retry(60)
        assert len(await inbox.waiting(LI)) == 1

    async def test_waiting_counts_no_closed_question(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).done(Outcome.ANSWERED)
        assert len(await inbox.waiting(LI)) == 0

    async def test_pending_counts_open_questions_by_robot(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2", "m3")
        await (await take(inbox)).done(Outcome.ANSWERED)
        await take(inbox)
        await inbox.put(question("m4", robot="ding-bank", conversation="ding-bank:li"), limit=8)
        assert await inbox.pending() == {SHOP: 2, "ding-bank": 1}


class TestBacklog:
    async def test_it_names_robot_and_conversation_of_open_questions(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        assert await inbox.backlog() == (Work(SHOP, LI, 0.0),)

    async def test_the_conversation_with_the_oldest_question_comes_first(self, inbox: Inbox) -> None:
        await put(inbox, "m1", conversation=LI)
        await put(inbox, "m2", conversation=WANG)
        await put(inbox, "m3", conversation=LI)
        await (await take(inbox, LI)).done(Outcome.ANSWERED)
        assert [work.conversation for work in await inbox.backlog()] == [WANG, LI]

    async def test_it_leaves_out_a_conversation_that_somebody_is_at_work_on(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await take(inbox)
        assert await inbox.backlog() == ()

    async def test_it_says_when_the_first_question_is_due(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1", "m2")
        await (await take(inbox)).retry(60)
        clock.advance(20)
        assert await inbox.backlog() == (Work(SHOP, LI, 40.0),)

    async def test_it_names_a_conversation_whose_holder_is_silent(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        await take(inbox)
        clock.advance(LEASE)
        assert await inbox.backlog() == (Work(SHOP, LI, 0.0),)

    async def test_it_names_an_abandoned_conversation(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await take(inbox)
        await inbox.abandon(LI)
        assert await inbox.backlog() == (Work(SHOP, LI, 0.0),)

    async def test_it_leaves_out_a_conversation_that_is_all_answered(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).done(Outcome.ANSWERED)
        assert await inbox.backlog() == ()


class TestSweep:
    async def close_one(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).done(Outcome.ANSWERED)

    async def test_a_message_id_is_remembered_through_the_dedupe_window(self, inbox: Inbox, clock: Clock) -> None:
        await self.close_one(inbox)
        clock.advance(DEDUPE_WINDOW - 1)
        await inbox.sweep()
        assert await inbox.put(question("m1"), limit=8) is Put.DUPLICATE

    async def test_a_closed_question_is_kept_as_long_as_its_answer(self, inbox: Inbox, clock: Clock) -> None:
        await self.close_one(inbox)
        clock.advance(RETENTION - 1)
        assert await inbox.sweep() == 0

    async def test_a_closed_question_is_forgotten_after_its_retention(self, inbox: Inbox, clock: Clock) -> None:
        await self.close_one(inbox)
        clock.advance(RETENTION)
        assert await inbox.sweep() == 1
        assert await inbox.put(question("m1"), limit=8) is Put.NEW

    async def test_a_refused_question_is_forgotten_after_its_retention(self, inbox: Inbox, clock: Clock) -> None:
        await inbox.put(question("m1"), limit=0)
        clock.advance(RETENTION)
        assert await inbox.sweep() == 1

    async def test_retention_runs_from_the_answer_and_not_from_the_question(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        clock.advance(RETENTION)
        await (await take(inbox)).done(Outcome.ANSWERED)
        assert await inbox.sweep() == 0

    async def test_open_questions_are_never_forgotten(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1", "m2")
        await take(inbox)
        clock.advance(RETENTION * 10)
        await inbox.sweep()
        assert await inbox.pending() == {SHOP: 2}

    async def test_many_rows_go_in_one_sweep(self, inbox: Inbox, clock: Clock) -> None:
        for number in range(1_203):
            await inbox.put(question(f"m{number}"), limit=0)
        clock.advance(RETENTION)
        assert await inbox.sweep() == 1_203
