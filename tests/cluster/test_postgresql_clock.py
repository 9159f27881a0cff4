"""Leases are looked at by the database's clock: one that is wrong neither steals nor starves."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from actors.inbox.port import Word
from actors.inbox.postgresql import PostgresqlEngine
from actors.inbox.postgresql_clock import DatabaseClock
from actors.inbox.postgresql_inbox import PostgresqlInbox
from actors.inbox.sql import SqlDelivery
from tests.contract.stories import DEDUPE_WINDOW, LEASE, LI, RETENTION, SHOP, question, take, taken

HOUR = 3_600.0


async def taken_soon(inbox: PostgresqlInbox) -> SqlDelivery:
    """Take what is due now by another's estimate of the database's time, which may be ahead by some milliseconds."""
    async with asyncio.timeout(10):
        while (delivery := await inbox.take(LI)) is None:  # noqa: ASYNC110 - a clock tells no events
            await asyncio.sleep(0.01)
    return delivery


class Wrong:
    """A clock that is wrong, and can be set."""

    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self) -> float:
        return time.monotonic() + self.by


@pytest.fixture
async def engine(url: str) -> AsyncIterator[PostgresqlEngine]:
    engine = await PostgresqlEngine.open(url, 1)
    yield engine
    await engine.give_up()


@pytest.mark.parametrize("by", [0.0, HOUR, -HOUR])
async def test_the_database_tells_the_time_whatever_the_clock_here_says(engine: PostgresqlEngine, by: float) -> None:
    clock = DatabaseClock(engine, Wrong(by))
    await clock.set()
    assert clock() == pytest.approx(time.time(), abs=1.0)


async def test_a_clock_that_jumped_is_right_after_the_next_look(engine: PostgresqlEngine) -> None:
    wrong = Wrong(0.0)
    clock = DatabaseClock(engine, wrong)
    await clock.set()
    wrong.by = HOUR
    assert clock() == pytest.approx(time.time() + HOUR, abs=1.0)
    await clock.set()
    assert clock() == pytest.approx(time.time(), abs=1.0)


@pytest.mark.parametrize("by", [HOUR, -HOUR])
async def test_a_replica_whose_clock_is_wrong_neither_steals_nor_starves(
    url: str, by: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as opened:

        async def replica() -> PostgresqlInbox:
            inbox = await PostgresqlInbox.open(
                url, pool=1, lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION
            )
            opened.push_async_callback(inbox.close)
            return inbox

        right = await replica()
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + by)
        wrong = await replica()
        await right.put(question("m1"), limit=8)
        held = await take(right)
        assert await taken(wrong) is None
        assert await wrong.backlog() == ()
        await held.retry(0.0)
        back = await taken_soon(wrong)
        assert await taken(right) is None
        await back.touch()
        await wrong.stop(Word(SHOP, "w1", LI, LI, "staff-li"))
        await wrong.sweep()
        assert await back.touch() is False
