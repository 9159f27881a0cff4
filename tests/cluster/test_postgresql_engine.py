"""The engine on PostgreSQL through cuts, silence and crashes: told in time, once, and over by itself."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from actors.errors import InboxUnavailable
from actors.inbox import postgresql_outage
from actors.inbox.port import Put
from actors.inbox.postgresql import WITHIN, PostgresqlEngine
from actors.inbox.postgresql_inbox import PostgresqlInbox
from actors.inbox.sql import step
from tests.cluster.postgres import Server
from tests.cluster.proxy import Proxy, proxied
from tests.cluster.test_postgresql_schema import opened
from tests.contract.stories import LI, question, taken

SOON = step("SELECT set_config('deadlock_timeout', '100ms', true)")
"""In this transaction the server looks for those who wait for each other sooner than after a second: both have to come
through within `WITHIN`, on a loaded machine, too."""

SLEEP = step("SELECT 1 FROM (SELECT pg_sleep(:seconds)) AS slept", seconds=0.3)


@pytest.fixture
async def proxy(postgresql: Server) -> AsyncIterator[Proxy]:
    async with proxied(postgresql.port) as proxy:
        yield proxy


@pytest.fixture
async def far(url: str, proxy: Proxy, postgresql: Server) -> AsyncIterator[PostgresqlInbox]:
    """An inbox behind the proxy."""
    inbox = await opened(url.replace(f":{postgresql.port}/", f":{proxy.port}/"))
    yield inbox
    proxy.swallows = False
    await inbox.close()


@pytest.fixture
async def near(url: str) -> AsyncIterator[PostgresqlInbox]:
    """Another replica, beside the database."""
    inbox = await opened(url)
    yield inbox
    await inbox.close()


async def works(inbox: PostgresqlInbox, within: float = 30.0) -> float:
    """Wait until a write goes through; gives the seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(within):
        while not await inbox.healthy():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)
    return time.monotonic() - began


def actions(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [getattr(record, "action", record.getMessage()) for record in caplog.records if record.name != "asyncio"]


async def test_connections_that_were_cut_while_nobody_used_them_are_no_failure(
    far: PostgresqlInbox, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await asyncio.gather(*(far.engine.run(SLEEP) for _ in range(4)))
    caplog.clear()
    proxy.cut()
    await asyncio.sleep(0)
    assert [await far.put(question(f"m{number}"), limit=9) for number in range(4)] == [Put.NEW] * 4
    assert actions(caplog) == []


async def test_a_transaction_that_is_cut_in_the_middle_leaves_nothing(
    far: PostgresqlInbox, near: PostgresqlInbox, proxy: Proxy
) -> None:
    note = step("INSERT INTO calls (month, counted) VALUES ('cut', 1) RETURNING 1")
    cut = asyncio.create_task(far.engine.run(note, SLEEP))
    await asyncio.sleep(0.1)
    proxy.cut()
    with pytest.raises(InboxUnavailable):
        await cut
    assert await near.count_calls("cut", 0) == 0
    await works(far)


async def test_a_transaction_whose_caller_is_cancelled_leaves_nothing(near: PostgresqlInbox) -> None:
    note = step("INSERT INTO calls (month, counted) VALUES ('gone', 1) RETURNING 1")
    caller = asyncio.create_task(near.engine.run(note, SLEEP))
    await asyncio.sleep(0.1)
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    assert await near.count_calls("gone", 0) == 0


async def test_silence_is_told_in_time_and_once_and_is_over_by_itself(
    far: PostgresqlInbox, proxy: Proxy, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_outage, "STEADY_AFTER", 0.0)
    caplog.set_level(logging.INFO)
    await asyncio.gather(*(far.engine.run(SLEEP) for _ in range(2)))
    caplog.clear()
    proxy.swallows, former, busy = True, proxy.connections, time.process_time()
    for number in range(4):
        began = time.monotonic()
        with pytest.raises(InboxUnavailable):
            await far.put(question(f"lost{number}"), limit=8)
        assert time.monotonic() - began < WITHIN + 1.0
    assert proxy.connections - former < 12
    assert time.process_time() - busy < 2.0
    proxy.swallows = False
    proxy.cut()
    assert await works(far) < 15.0
    await far.put(question("m"), limit=8)
    assert actions(caplog) == ["inbox_failing", "inbox_works_again"]


async def test_a_server_that_is_killed_and_back_much_later_is_found_soon(
    crashing: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_outage, "STEADY_AFTER", 0.0)
    caplog.set_level(logging.INFO)
    inbox = await opened(crashing.url())
    await inbox.put(question("m1"), limit=8)
    caplog.clear()
    crashing.kill()
    busy = time.process_time()
    away = time.monotonic() + 20.0
    while time.monotonic() < away:
        assert not await inbox.healthy()
        await asyncio.sleep(0.5)
    assert time.process_time() - busy < 5.0
    await asyncio.to_thread(crashing.start)
    assert await works(inbox) < 10.0
    assert await inbox.put(question("m1"), limit=8) is Put.DUPLICATE
    assert actions(caplog) == ["inbox_failing", "inbox_works_again"]
    await inbox.close()


async def test_of_two_that_wait_for_each_other_both_come_through(near: PostgresqlInbox, far: PostgresqlInbox) -> None:
    await near.count_calls("a", 1)
    await near.count_calls("b", 1)
    rise = "UPDATE calls SET counted = counted + 1 WHERE month = :month RETURNING 1"
    one, other = step(rise, month="a"), step(rise, month="b")
    await asyncio.gather(near.engine.run(SOON, one, SLEEP, other), far.engine.run(SOON, other, SLEEP, one))
    assert [await near.count_calls(month, 0) for month in "ab"] == [3, 3]


async def asleep(server: Server) -> None:
    """Wait until somebody sleeps in the server."""
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    async with asyncio.timeout(30.0):
        while not await asyncio.to_thread(server.execute, sleeping):  # noqa: ASYNC110 - it is another process's
            await asyncio.sleep(0.02)


async def test_a_question_is_not_stored_before_one_that_another_replica_began_to_store_earlier(
    near: PostgresqlInbox, far: PostgresqlInbox, url: str, postgresql: Server
) -> None:
    schema = url.rpartition("%3D")[2]
    postgresql.execute(
        f"""
        CREATE FUNCTION {schema}.dawdle() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(0.8); RETURN NULL; END $$;
        CREATE TRIGGER dawdle AFTER INSERT ON {schema}.questions FOR EACH ROW
            WHEN (NEW.message_id = 'slow') EXECUTE FUNCTION {schema}.dawdle()
        """
    )
    slow = asyncio.create_task(near.put(question("slow"), limit=8))
    await asleep(postgresql)
    assert await far.put(question("fast"), limit=8) is Put.NEW
    assert await taken(far) == "slow"
    assert await slow is Put.NEW


async def test_one_question_has_one_holder_whoever_reaches_for_it(near: PostgresqlInbox, far: PostgresqlInbox) -> None:
    for number in range(40):
        who = f"{LI}{number}"
        await near.put(question(f"m{number}", conversation=who), limit=8)
        takes = await asyncio.gather(*(inbox.take(who) for inbox in (near, far) * 4))
        assert len([taken for taken in takes if taken is not None]) == 1


STANDS = """
import asyncio, sys
from actors.inbox.postgresql import PostgresqlEngine
from actors.inbox.sql import step
async def main():
    engine = await PostgresqlEngine.open(sys.argv[1], 1)
    sleep = step("SELECT 1 FROM (SELECT pg_sleep(1)) AS standing")
    await engine.run(sleep, sleep, sleep, line="ding-shop:li")
asyncio.run(main())
"""


async def test_a_replica_that_stands_still_keeps_no_line_from_the_others(
    near: PostgresqlInbox, url: str, postgresql: Server
) -> None:
    zombie = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STANDS, url, cwd=Path(__file__).parents[2], stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await asleep(postgresql)
        os.kill(zombie.pid, signal.SIGSTOP)
        stored, began = None, time.monotonic()
        while stored is None and time.monotonic() - began < 20.0:
            with suppress(InboxUnavailable):
                stored = await near.put(question("m1"), limit=8)
        assert stored is Put.NEW
        assert time.monotonic() - began < 10.0
    finally:
        zombie.kill()
        await zombie.wait()


async def test_a_closed_engine_takes_nothing_more(url: str) -> None:
    inbox = await opened(url)
    await inbox.close()
    with pytest.raises(InboxUnavailable, match="closed"):
        await inbox.put(question("m1"), limit=8)
    engine = await PostgresqlEngine.open(url, 1)
    await engine.give_up()
