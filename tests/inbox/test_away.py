"""The store is away, or its answer does not arrive: who holds a question keeps it, and nobody counts a death for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from actors.errors import InboxUnavailable
from actors.inbox import statements
from actors.inbox.port import Put
from actors.inbox.renewals import RENEWED_WITHIN
from actors.inbox.sql import Row, Step
from actors.inbox.sqlite import SqliteInbox
from tests.contract.stories import LEASE, LI, Clock, put, question, take, taken


@pytest.fixture
def clock(inbox: SqliteInbox) -> Clock:
    assert isinstance(inbox.now, Clock)
    return inbox.now


@contextmanager
def unheard(inbox: SqliteInbox, statement: str) -> Iterator[None]:
    """A statement is run, and its caller told that it was not: as when the database dies between the two."""
    genuine = inbox.engine.run

    async def run(first: Step, *then: Step, line: str = "") -> list[list[Row]]:
        done = await genuine(first, *then, line=line)
        if first.statement == statement:
            raise InboxUnavailable("no answer")
        return done

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(inbox.engine, "run", run)
        yield


@contextmanager
def away(inbox: SqliteInbox) -> Iterator[None]:
    async def run(*_: object, **__: object) -> None:
        raise InboxUnavailable("it is away")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(inbox.engine, "run", run)
        yield


async def looked_in_vain(inbox: SqliteInbox, clock: Clock, seconds: float) -> None:
    """Look for work every second, while the store is away."""
    with away(inbox):
        for _ in range(int(seconds)):
            with pytest.raises(InboxUnavailable):
                await inbox.backlog()
            clock.advance(1.0)


async def test_a_question_that_was_taken_unheard_is_taken_at_once_and_counts_no_death(inbox: SqliteInbox) -> None:
    await put(inbox, "m1")
    with unheard(inbox, statements.TAKE), pytest.raises(InboxUnavailable):
        await inbox.take(LI)
    delivery = await take(inbox)
    assert (delivery.question.message_id, delivery.attempt, delivery.deaths) == ("m1", 2, 0)


async def test_a_question_that_was_put_unheard_is_a_repeat_the_next_time(inbox: SqliteInbox) -> None:
    with unheard(inbox, statements.PUT), pytest.raises(InboxUnavailable):
        await inbox.put(question("m1"), limit=8)
    assert await inbox.put(question("m1"), limit=8) is Put.DUPLICATE


async def test_a_lease_that_ran_out_while_the_store_was_away_can_still_be_renewed(
    inbox: SqliteInbox, clock: Clock
) -> None:
    await put(inbox, "m1")
    delivery = await take(inbox)
    await looked_in_vain(inbox, clock, 4 * LEASE)
    assert await inbox.backlog() == ()
    assert await taken(inbox) is None
    assert await delivery.touch()


async def test_a_holder_that_is_not_heard_of_once_the_store_is_back_is_dead(inbox: SqliteInbox, clock: Clock) -> None:
    await put(inbox, "m1")
    await take(inbox)
    await looked_in_vain(inbox, clock, 4 * LEASE)
    assert await inbox.backlog() == ()
    clock.advance(LEASE + RENEWED_WITHIN)
    assert [work.conversation for work in await inbox.backlog()] == [LI]
    assert (await take(inbox)).deaths == 1
