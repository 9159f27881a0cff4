"""Attempts at a question: leases, deaths, stored answers, and the end of an attempt, after which it writes nothing."""

from collections.abc import Awaitable, Callable

import pytest

from actors.errors import LeaseLost
from actors.inbox.port import Delivery, Inbox, Outcome
from tests.contract.stories import LEASE, LI, SHOP, WANG, Clock, put, take, taken

Use = Callable[[Delivery], Awaitable[object]]

USES: dict[str, Use] = {
    "touch": lambda delivery: delivery.touch(),
    "begun": lambda delivery: delivery.begun("旧的", "旧的"),
    "answered": lambda delivery: delivery.answered("旧的回答"),
    "done": lambda delivery: delivery.done(Outcome.ANSWERED),
    "retry": lambda delivery: delivery.retry(0),
}


class TestLease:
    async def test_a_question_whose_holder_is_silent_is_given_again(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1", "m2")
        await take(inbox)
        clock.advance(LEASE)
        assert await taken(inbox) == "m1"

    async def test_a_question_is_kept_to_its_holder_until_the_lease_ends(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        await take(inbox)
        clock.advance(LEASE - 0.1)
        assert await inbox.take(LI) is None

    async def test_a_lease_that_ran_out_counts_a_death(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        await take(inbox)
        clock.advance(LEASE)
        delivery = await take(inbox)
        assert (delivery.attempt, delivery.deaths) == (2, 1)

    async def test_every_lease_that_ran_out_counts_a_death(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        for _ in range(3):
            await take(inbox)
            clock.advance(LEASE)
        delivery = await take(inbox)
        assert (delivery.attempt, delivery.deaths) == (4, 3)

    async def test_a_touch_keeps_the_lease(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        for _ in range(3):
            clock.advance(LEASE - 1)
            await delivery.touch()
        clock.advance(LEASE - 1)
        assert await inbox.take(LI) is None

    async def test_a_late_holder_goes_on_while_nobody_else_took_the_question(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        clock.advance(LEASE * 2)
        await delivery.touch()
        assert await inbox.take(LI) is None


class TestFollowed:
    async def test_a_question_by_itself_is_followed_by_nobody(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await put(inbox, "m2", conversation=WANG)
        assert not (await take(inbox)).followed

    async def test_a_question_is_followed_by_those_that_came_after_it(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        assert (await take(inbox)).followed

    async def test_the_last_of_a_line_is_followed_by_nobody(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await (await take(inbox)).done(Outcome.ANSWERED)
        assert not (await take(inbox)).followed


class TestAbandon:
    async def test_an_abandoned_question_may_be_taken_at_once(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await take(inbox)
        await inbox.abandon(LI)
        assert await taken(inbox) == "m1"

    async def test_an_abandoned_question_counts_one_death(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await take(inbox)
        await inbox.abandon(LI)
        delivery = await take(inbox)
        assert (delivery.attempt, delivery.deaths) == (2, 1)

    async def test_abandoning_twice_counts_one_death(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await take(inbox)
        await inbox.abandon(LI)
        await inbox.abandon(LI)
        assert (await take(inbox)).deaths == 1

    async def test_a_lease_that_ran_out_before_the_death_was_noticed_is_one_death(
        self, inbox: Inbox, clock: Clock
    ) -> None:
        await put(inbox, "m1")
        await take(inbox)
        clock.advance(LEASE)
        await inbox.abandon(LI)
        assert (await take(inbox)).deaths == 1

    async def test_a_waiting_question_is_not_touched_by_abandoning(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await inbox.abandon(LI)
        delivery = await take(inbox)
        assert (delivery.attempt, delivery.deaths) == (1, 0)

    async def test_other_conversations_keep_their_holders(self, inbox: Inbox) -> None:
        await put(inbox, "m1", conversation=WANG)
        await take(inbox, WANG)
        await inbox.abandon(LI)
        assert await inbox.take(WANG) is None

    async def test_an_abandoned_question_keeps_its_answer(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).answered("明天到")
        await inbox.abandon(LI)
        assert (await take(inbox)).answer == "明天到"


@pytest.mark.parametrize("use", USES.values(), ids=USES)
class TestAnAttemptThatIsOver:
    async def test_writes_nothing_after_done(self, inbox: Inbox, use: Use) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        await delivery.done(Outcome.ANSWERED)
        with pytest.raises(LeaseLost):
            await use(delivery)

    async def test_writes_nothing_after_retry(self, inbox: Inbox, use: Use) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        await delivery.retry(0)
        with pytest.raises(LeaseLost):
            await use(delivery)

    async def test_writes_nothing_after_it_was_abandoned(self, inbox: Inbox, use: Use) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        await inbox.abandon(LI)
        with pytest.raises(LeaseLost):
            await use(delivery)

    async def test_writes_nothing_after_another_took_the_question(self, inbox: Inbox, clock: Clock, use: Use) -> None:
        await put(inbox, "m1")
        late = await take(inbox)
        clock.advance(LEASE)
        await take(inbox)
        with pytest.raises(LeaseLost):
            await use(late)

    async def test_leaves_the_next_attempt_as_it_is(self, inbox: Inbox, clock: Clock, use: Use) -> None:
        await put(inbox, "m1")
        late = await take(inbox)
        clock.advance(LEASE)
        await (await take(inbox)).answered("新的回答")
        with pytest.raises(LeaseLost):
            await use(late)
        clock.advance(LEASE)
        delivery = await take(inbox)
        assert (delivery.attempt, delivery.answer, await inbox.recall(LI, 9)) == (3, "新的回答", ())


class TestAnswered:
    async def test_the_next_attempt_finds_the_text(self, inbox: Inbox, clock: Clock) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).answered("明天到 📦")
        clock.advance(LEASE)
        assert (await take(inbox)).answer == "明天到 📦"

    @pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.FAILED, Outcome.STOPPED])
    async def test_the_next_attempt_finds_the_outcome(self, inbox: Inbox, clock: Clock, outcome: Outcome) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).answered("明天到", outcome)
        clock.advance(LEASE)
        assert (await take(inbox)).outcome is outcome

    async def test_the_last_text_counts(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        await delivery.answered("明天")
        await delivery.answered("明天到")
        await delivery.retry(0)
        assert (await take(inbox)).answer == "明天到"

    async def test_an_answer_does_not_close_the_question(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).answered("明天到")
        assert await inbox.pending() == {SHOP: 1}
