"""Group commit: who shares a transaction, what a failure or a cancelled caller does to the others, and the end."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from actors.errors import InboxError, InboxUnavailable
from actors.inbox import statements
from actors.inbox.port import Put
from actors.inbox.sql import Step, step
from actors.inbox.sqlite import SqliteInbox
from tests.contract.stories import LI, SHOP, question, take
from tests.inbox.conftest import OpenFile
from tests.inbox.gate import Gate

T = TypeVar("T")


def commits(path: Path) -> int:
    """Transactions in the file's write-ahead log: frames that say how large the database is after a commit.

    The layout is that of "The Write-Ahead Log" in SQLite's file format: a header of 32 bytes, then frames of 24 bytes
    and a page. Frames of an older log have another salt.
    """
    stored = path.with_name(f"{path.name}-wal").read_bytes()
    page, salt = int.from_bytes(stored[8:12], "big"), stored[16:24]
    frames = (stored[at : at + 24] for at in range(32, len(stored), 24 + page))
    return sum(frame[8:16] == salt and any(frame[4:8]) for frame in frames)


async def started(calls: Iterable[Awaitable[T]]) -> list[asyncio.Future[T]]:
    """The calls, each one made and waiting."""
    tasks: list[asyncio.Future[T]] = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    return tasks


async def test_a_put_that_returned_is_in_the_file(inbox: SqliteInbox, path: Path) -> None:
    await inbox.put(question("m1"), limit=8)
    with sqlite3.connect(path) as other:
        rows = other.execute("SELECT message_id FROM questions").fetchall()
    other.close()
    assert rows == [("m1",)]


async def test_every_commit_is_synced(inbox: SqliteInbox) -> None:
    assert await inbox.engine.run(Step("PRAGMA synchronous", {})) == [[(2,)]]


async def test_the_file_keeps_a_write_ahead_log(inbox: SqliteInbox) -> None:
    assert await inbox.engine.run(Step("PRAGMA journal_mode", {})) == [[("wal",)]]


async def test_health_is_tried_by_a_real_write(inbox: SqliteInbox, path: Path) -> None:
    before = commits(path)
    assert await inbox.healthy()
    assert commits(path) - before == 1


async def test_a_burst_shares_its_commits(inbox: SqliteInbox, path: Path) -> None:
    before = commits(path)
    await asyncio.gather(*(inbox.put(question(f"m{number}"), limit=200) for number in range(200)))
    assert commits(path) - before < 50


async def test_what_waits_for_the_thread_is_one_commit(inbox: SqliteInbox, path: Path) -> None:
    gate = Gate(inbox)
    await gate.hold()
    before = commits(path)
    puts = await started(inbox.put(question(f"m{number}"), limit=200) for number in range(200))
    gate.open()
    await asyncio.gather(*puts)
    assert commits(path) - before == 1


async def test_a_commit_has_a_bounded_number_of_calls(inbox: SqliteInbox, path: Path) -> None:
    gate = Gate(inbox)
    await gate.hold()
    before = commits(path)
    puts = await started(inbox.put(question(f"m{number}"), limit=600) for number in range(600))
    gate.open()
    await asyncio.gather(*puts)
    assert commits(path) - before == 3


async def test_nobody_hears_a_result_before_the_commit(inbox: SqliteInbox) -> None:
    first, second = Gate(inbox), Gate(inbox)
    await first.hold()
    (put,) = await started([inbox.put(question("m1"), limit=8)])
    second.queue()
    await asyncio.sleep(0)
    first.open()
    await second.is_reached()
    assert not put.done()
    second.open()
    assert await put is Put.NEW


async def test_a_slow_disk_does_not_hold_up_the_loop(inbox: SqliteInbox) -> None:
    gate = Gate(inbox)
    await gate.hold()
    (put,) = await started([inbox.put(question("m1"), limit=8)])
    for _ in range(100):
        await asyncio.sleep(0)
    assert not put.done()
    gate.open()
    assert await put is Put.NEW


async def test_a_call_that_fails_leaves_its_neighbours_alone(inbox: SqliteInbox) -> None:
    results = await asyncio.gather(
        inbox.put(question("m1"), limit=8),
        inbox.count_calls("2026-11", 10**30),
        inbox.put(question("m2"), limit=8),
        return_exceptions=True,
    )
    assert [results[0], type(results[1]), results[2]] == [Put.NEW, OverflowError, Put.NEW]


async def test_a_call_that_fails_half_way_has_done_nothing(inbox: SqliteInbox) -> None:
    half = step(statements.COUNT_CALLS, month="2026-11", calls=5)
    with pytest.raises(InboxUnavailable):
        await inbox.engine.run(half, Step("INSERT INTO nowhere VALUES (1)", {}))
    assert await inbox.count_calls("2026-11", 0) == 0


async def test_a_neighbour_of_a_failing_call_is_carried_out_once(inbox: SqliteInbox) -> None:
    gate = Gate(inbox)
    await gate.hold()
    (counted,) = await started([inbox.count_calls("2026-11", 5)])
    (failing,) = await started([inbox.engine.run(Step("no SQL", {}))])
    gate.open()
    assert await counted == 5
    with pytest.raises(InboxUnavailable):
        await failing


async def test_the_later_steps_of_a_job_are_left_out_when_the_first_touches_nothing(inbox: SqliteInbox) -> None:
    touch = step(statements.TOUCH, sequence=1, attempt=1, lease_until=0)
    await inbox.engine.run(touch, step(statements.COUNT_CALLS, month="2026-11", calls=5))
    assert await inbox.count_calls("2026-11", 0) == 0


async def test_a_caller_who_gave_up_before_its_turn_has_stored_nothing(inbox: SqliteInbox) -> None:
    gate = Gate(inbox)
    await gate.hold()
    first, given_up, last = await started(inbox.put(question(name), limit=8) for name in ("m1", "m2", "m3"))
    given_up.cancel()
    await asyncio.wait([given_up])
    gate.open()
    assert (await first, await last) == (Put.NEW, Put.NEW)
    assert await inbox.put(question("m2"), limit=8) is Put.NEW


async def test_a_caller_who_gives_up_in_mid_batch_does_not_break_it(inbox: SqliteInbox) -> None:
    first, second = Gate(inbox), Gate(inbox)
    await first.hold()
    (given_up,) = await started([inbox.put(question("m1"), limit=8)])
    second.queue()
    (neighbour,) = await started([inbox.put(question("m2"), limit=8)])
    first.open()
    await second.is_reached()
    given_up.cancel()
    second.open()
    assert await neighbour is Put.NEW
    assert await inbox.put(question("m1"), limit=8) is Put.DUPLICATE


async def test_closing_finishes_what_was_asked_for(open_file: OpenFile, path: Path) -> None:
    inbox = await open_file(path)
    puts = await started(inbox.put(question(f"m{number}"), limit=600) for number in range(300))
    await inbox.close()
    assert {put.result() for put in puts} == {Put.NEW}
    assert await (await open_file(path)).pending() == {SHOP: 300}


async def test_closing_gives_back_what_was_taken_just_before(open_file: OpenFile, path: Path) -> None:
    inbox = await open_file(path)
    await inbox.put(question("m1"), limit=8)
    (taking,) = await started([inbox.take(LI)])
    await inbox.close()
    assert await taking is not None
    again = await take(await open_file(path))
    assert again.deaths == 0


async def test_closing_leaves_one_whole_file(inbox: SqliteInbox, path: Path) -> None:
    await inbox.put(question("m1"), limit=8)
    await inbox.close()
    assert not path.with_name("inbox.db-wal").exists()


async def test_closing_ends_the_thread(inbox: SqliteInbox) -> None:
    await inbox.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "inbox"]


async def test_a_close_that_was_cancelled_still_gives_back_what_is_held(open_file: OpenFile, path: Path) -> None:
    inbox = await open_file(path)
    await inbox.put(question("m1"), limit=8)
    await take(inbox)
    gate = Gate(inbox)
    await gate.hold()
    (closing,) = await started([inbox.close()])
    closing.cancel()
    await asyncio.wait([closing])
    gate.open()
    await inbox.close()
    again = await take(await open_file(path))
    assert again.deaths == 0


async def test_an_opening_that_was_cancelled_leaves_the_file_free(open_file: OpenFile, path: Path) -> None:
    (opening,) = await started([open_file(path)])
    opening.cancel()
    await asyncio.wait([opening])
    async with asyncio.timeout(30):
        inbox: SqliteInbox | None = None
        while inbox is None:
            with suppress(InboxError):
                inbox = await open_file(path)
    assert await inbox.healthy()
