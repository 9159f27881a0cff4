"""What every durable inbox still knows after it was closed and opened again."""

from actors.core.question import Turn
from actors.inbox.port import Feedback, Inbox, Outcome, Put, Work
from tests.contract.conftest import OpenInbox
from tests.contract.stories import LI, SHOP, question, take


async def hold_one(inbox: Inbox, run: str = "", session: str = "") -> None:
    """A question whose holder is at work when the process ends."""
    await inbox.put(question("m1"), limit=8)
    await (await take(inbox)).begun(run, session)


async def test_open_questions_are_there_again(open_inbox: OpenInbox) -> None:
    inbox = await open_inbox()
    await inbox.put(question("m1", text="在吗"), limit=8)
    await inbox.put(question("m2"), limit=8)
    await inbox.close()
    delivery = await take(await open_inbox())
    assert delivery.question == question("m1", text="在吗")


async def test_repeats_are_still_known(open_inbox: OpenInbox) -> None:
    inbox = await open_inbox()
    await inbox.put(question("m1"), limit=8)
    await inbox.close()
    assert await (await open_inbox()).put(question("m1"), limit=8) is Put.DUPLICATE


async def test_the_leases_of_a_closed_inbox_are_void(open_inbox: OpenInbox) -> None:
    inbox = await open_inbox()
    await hold_one(inbox)
    await inbox.close()
    assert await (await open_inbox()).backlog() == (Work(SHOP, LI, 0.0),)


async def test_an_ordered_end_counts_no_death_and_attempts_go_on_rising(open_inbox: OpenInbox) -> None:
    inbox = await open_inbox()
    await hold_one(inbox)
    await inbox.close()
    delivery = await take(await open_inbox())
    assert (delivery.attempt, delivery.deaths) == (2, 0)


async def test_a_stored_answer_is_there_again(open_inbox: OpenInbox) -> None:
    inbox = await open_inbox()
    await inbox.put(question("m1"), limit=8)
    delivery = await take(inbox)
    await delivery.answered("明天到", Outcome.FAILED)
    await inbox.close()
    again = await take(await open_inbox())
    assert (again.answer, again.outcome) == ("明天到", Outcome.FAILED)


async def test_what_a_back_end_calls_its_answer_and_its_memory_is_there_again(open_inbox: OpenInbox) -> None:
    inbox = await open_inbox()
    await hold_one(inbox, "run-1", "talk-1")
    await inbox.close()
    inbox = await open_inbox()
    record = await inbox.record(SHOP, "m1")
    assert (record and record.run, await inbox.session(LI)) == ("run-1", "talk-1")


async def test_memories_feedback_and_counted_calls_are_there_again(open_inbox: OpenInbox) -> None:
    inbox = await open_inbox()
    await inbox.put(question("m1", text="在吗"), limit=8)
    delivery = await take(inbox)
    await delivery.answered("在的")
    await delivery.done(Outcome.ANSWERED)
    await inbox.feedback(Feedback(SHOP, "m1", "staff-li", "helpful"))
    await inbox.count_calls("2026-11", 5)
    await inbox.close()
    inbox = await open_inbox()
    assert await inbox.recall(LI, 20) == (Turn("在吗", "在的"),)
    assert await inbox.feedback(Feedback(SHOP, "m1", "staff-li", "helpful")) is False
    assert await inbox.count_calls("2026-11", 1) == 6
