"""What one replica does, another hears of, and nothing depends on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from actors.inbox.port import Hint, Word
from actors.inbox.postgresql_inbox import PostgresqlInbox
from tests.cluster.postgres import Server
from tests.contract.stories import DEDUPE_WINDOW, LEASE, LI, RETENTION, SHOP, question, take

LOOK = Hint("", "", ())
"""There may be work."""


class Replica:
    """An inbox, and what it heard."""

    def __init__(self, inbox: PostgresqlInbox) -> None:
        self.inbox = inbox
        self.heard: asyncio.Queue[Hint] = asyncio.Queue()
        inbox.follow(self.heard.put_nowait)

    async def hears(self) -> Hint:
        return await asyncio.wait_for(self.heard.get(), 10.0)


@pytest.fixture
async def replicas(url: str) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two that listen already."""
    async with AsyncExitStack() as opened:

        async def replica() -> Replica:
            inbox = await PostgresqlInbox.open(
                url, pool=2, lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION
            )
            opened.push_async_callback(inbox.close)
            replica = Replica(inbox)
            assert await replica.hears() == LOOK
            return replica

        yield await replica(), await replica()


async def test_a_question_that_is_stopped_elsewhere_is_heard_of_by_whoever_runs_it(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    await one.inbox.put(question("m1"), limit=8)
    await take(one.inbox)
    assert await other.inbox.stop(Word(SHOP, "w1", LI, LI, "staff-li")) == ("m1",)
    assert await one.hears() == Hint(SHOP, LI, ("m1",))


async def test_a_new_session_is_heard_of_with_all_that_was_taken_back(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    names = [f"m{number}" for number in range(120)]
    for name in names:
        await one.inbox.put(question(name), limit=200)
    await other.inbox.start_over(Word(SHOP, "w1", LI, LI, "staff-li"))
    heard = [await one.hears() for _ in range(3)]
    assert sorted(name for hint in heard for name in hint.taken_back) == sorted(names)


async def test_whoever_holds_a_conversation_hears_of_a_question_that_waits(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    await other.inbox.tell_holder(LI)
    assert await one.hears() == Hint("", LI, ())


async def test_a_press_of_stop_is_heard_of(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    await one.inbox.put(question("m1"), limit=8)
    assert await other.inbox.cancel(SHOP, "m1")
    assert await one.hears() == Hint(SHOP, LI, ("m1",))


async def test_a_replica_that_ends_in_order_has_the_others_look_for_work(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    await one.inbox.put(question("m1"), limit=8)
    await take(one.inbox)
    await one.inbox.close()
    assert await other.hears() == LOOK
    assert [work.conversation for work in await other.inbox.backlog()] == [LI]


async def test_nobody_hears_what_they_did_themselves(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    await one.inbox.put(question("m1"), limit=8)
    await one.inbox.put(question("m2"), limit=8)
    await one.inbox.cancel(SHOP, "m1")
    await other.inbox.cancel(SHOP, "m2")
    assert await one.hears() == Hint(SHOP, LI, ("m2",))


async def test_who_listens_comes_back_after_the_connection_was_cut(
    replicas: tuple[Replica, Replica], postgresql: Server
) -> None:
    one, _ = replicas
    postgresql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    assert await one.hears() == LOOK


async def test_what_a_later_version_tells_is_passed_over(replicas: tuple[Replica, Replica], postgresql: Server) -> None:
    one, other = replicas
    for payload in ("", "[]", '{"from": "x"}', '{"from": "x", "robot": 1, "conversation": "c", "taken_back": 5}'):
        postgresql.execute(f"SELECT pg_notify('dingtalk_actors', '{payload}')")
    await one.inbox.put(question("m1"), limit=8)
    await other.inbox.cancel(SHOP, "m1")
    assert await one.hears() == Hint(SHOP, LI, ("m1",))
