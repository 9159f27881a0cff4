"""Replicas count each other: by what each has written of itself, as long as that holds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

import psycopg
import pytest

from actors.errors import InboxUnavailable
from actors.inbox.port import Hint
from actors.inbox.postgresql_inbox import PostgresqlInbox
from tests.cluster.postgres import Server
from tests.contract.stories import DEDUPE_WINDOW, LEASE, LI, RETENTION, Clock, put

LIFE = 15.0
Open = Callable[[], Awaitable[PostgresqlInbox]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def open_(url: str, clock: Clock) -> AsyncIterator[Open]:
    """Opens one more replica's inbox."""
    async with AsyncExitStack() as opened:

        async def one() -> PostgresqlInbox:
            inbox = await PostgresqlInbox.open(
                url, pool=2, lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION, clock=clock
            )
            opened.push_async_callback(inbox.close)
            return inbox

        yield one


async def test_each_counts_all_that_are_alive(open_: Open) -> None:
    replicas = [await open_() for _ in range(3)]
    assert [await replica.beat(life=LIFE) for replica in replicas] == [1, 2, 3]
    assert [await replica.beat(life=LIFE) for replica in replicas] == [3, 3, 3]


async def test_who_is_not_heard_of_for_its_life_counts_no_more(open_: Open, clock: Clock) -> None:
    one, dead = await open_(), await open_()
    await dead.beat(life=LIFE)
    clock.advance(LIFE - 1)
    assert await one.beat(life=LIFE) == 2
    clock.advance(1)
    assert await one.beat(life=LIFE) == 1


async def test_who_was_taken_for_dead_counts_again_when_it_is_heard_of(open_: Open, clock: Clock) -> None:
    one, zombie = await open_(), await open_()
    await zombie.beat(life=LIFE)
    clock.advance(LIFE)
    await one.beat(life=LIFE)
    await one.sweep()
    assert await zombie.beat(life=LIFE) == 2


async def test_who_closes_counts_no_more_at_once(open_: Open) -> None:
    one, other = await open_(), await open_()
    await other.beat(life=LIFE)
    assert await one.beat(life=LIFE) == 2
    await other.close()
    assert await one.beat(life=LIFE) == 1


async def test_the_rows_of_the_dead_go_and_those_of_the_living_stay(
    open_: Open, clock: Clock, postgresql: Server, url: str
) -> None:
    one, dead = await open_(), await open_()
    await dead.beat(life=LIFE)
    clock.advance(LIFE)
    await one.beat(life=LIFE)
    assert await one.sweep() == 1
    schema = url.rpartition("%3D")[2]
    assert postgresql.execute(f"SELECT holder FROM {schema}.replicas") == [(one.holder,)]


async def test_who_comes_and_who_goes_tells_the_others_once(open_: Open) -> None:
    one, heard = await open_(), asyncio.Queue[Hint]()
    one.follow(heard.put_nowait)
    look = Hint("", "", ())
    assert await asyncio.wait_for(heard.get(), 10) == look  # what there was before
    other = await open_()
    for _ in range(3):
        await other.beat(life=LIFE)
    assert await asyncio.wait_for(heard.get(), 10) == look
    assert heard.empty()
    await other.close()
    assert await asyncio.wait_for(heard.get(), 10) == look


async def test_replicas_that_beat_at_the_same_time_after_a_long_silence_do_not_wait_for_each_other(
    open_: Open, clock: Clock
) -> None:
    replicas = [await open_() for _ in range(6)]
    for _ in range(10):
        clock.advance(2 * LIFE)
        await asyncio.gather(*(replica.beat(life=LIFE) for replica in replicas for _ in range(2)))
        assert await replicas[0].beat(life=LIFE) == 6


async def beside_a_holder(open_: Open) -> PostgresqlInbox:
    """A replica beside one that holds a question."""
    holder, other = await open_(), await open_()
    await put(holder, "m1")
    assert await holder.take(LI) is not None
    return other


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Questions can be read, and not written."""
    with psycopg.connect(url) as shell:
        shell.execute("LOCK TABLE questions IN SHARE MODE")
        yield


async def test_a_beat_that_goes_through_does_not_say_that_a_lease_could_be_renewed(
    open_: Open, url: str, clock: Clock
) -> None:
    other = await beside_a_holder(open_)
    with locked(url):
        for _ in range(3):
            clock.advance(LEASE / 3)
            await other.beat(life=LIFE)
            with pytest.raises(InboxUnavailable):
                await put(other, "m2")
        clock.advance(1.0)
    assert await other.take(LI) is None


async def test_who_has_nothing_to_write_finds_out_how_long_no_lease_could_be_renewed(
    open_: Open, url: str, clock: Clock
) -> None:
    other = await beside_a_holder(open_)
    with locked(url):
        with pytest.raises(InboxUnavailable):
            await put(other, "m2")
        clock.advance(LEASE + 1.0)
    assert await other.backlog() == ()
    assert await other.take(LI) is None
