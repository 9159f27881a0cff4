"""Inboxes that work is moved between: filled by a story, read row by row, and moved by the law itself or by the
command."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from actors.core.question import Question
from actors.inbox.move import End, Progress, move
from actors.inbox.port import Feedback, Inbox, Outcome, Put
from actors.inbox.postgresql import LOCK_LINE
from actors.inbox.postgresql_end import PostgresqlEnd
from actors.inbox.postgresql_inbox import PostgresqlInbox
from actors.inbox.sqlite import SqliteInbox
from actors.inbox.sqlite_end import SqliteEnd
from tests.chaos.nursery import run
from tests.contract.stories import LEASE, LI, SHOP, WANG, question, take

ROOT = Path(__file__).parents[2]
ORDERED = {"questions": "sequence", "turns": "sequence", "feedback": "sequence"}
KEYS = ORDERED | {"notes": "robot, message_id", "sessions": "chat_id", "calls": "month"}
"""The tables that are moved, and in which order their rows are."""
GIVEN_ANEW = {"sequence", "holder", "lease_until", "due_at"}
"""What a row has of its place, and of who holds it."""
LONG = 10_000_000_000.0


@dataclass
class Store:
    """An inbox in a file or a database."""

    url: str
    heard: list[Progress] = field(default_factory=list)

    @property
    def path(self) -> Path | None:
        scheme, _, place = self.url.partition(":///")
        return Path(place) if scheme == "sqlite" else None

    async def open(self, clock: Callable[[], float] = time.time) -> Inbox:
        """As a service does that keeps everything for ever."""
        if self.path is not None:
            return await SqliteInbox.open(self.path, lease=LEASE, dedupe_window=LONG, retention=LONG, clock=clock)
        return await PostgresqlInbox.open(
            self.url, pool=2, lease=LEASE, dedupe_window=LONG, retention=LONG, clock=clock
        )

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Inbox]:
        """Open for as long as the context lasts."""
        inbox = await self.open()
        try:
            yield inbox
        finally:
            await inbox.close()

    async def made(self) -> None:
        """Serve from it for a moment."""
        async with self.served():
            pass

    async def source(self) -> End:
        return await (PostgresqlEnd.open_source(self.url) if self.path is None else SqliteEnd.open_source(self.path))

    async def target(self) -> End:
        return await (PostgresqlEnd.open_target(self.url) if self.path is None else SqliteEnd.open_target(self.path))

    async def move(self, target: "Store", *, anew: bool = False) -> dict[str, tuple[int, int]] | None:
        """Move everything; gives how many of each kind came, and how many were there."""
        one = await self.source()
        try:
            other = await target.target()
            try:
                moved = await move(one, other, anew=anew, clock=time.time, told=target.heard.append)
            finally:
                await other.close()
        finally:
            await one.close()
        return None if moved is None else {one.kind.name: (one.came, one.known) for one in moved}

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query gives, by an operator's shell."""
        if self.path is None:
            with psycopg.connect(self.url, row_factory=dict_row, autocommit=True) as database:
                cursor = database.execute(query.encode())
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.path, isolation_level=None)) as file:
            file.row_factory = sqlite3.Row
            return [dict(row) for row in file.execute(query).fetchall()]

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        """All that is kept, in its order; what is closed before what is open."""
        read = {table: self.rows(f"SELECT * FROM {table} ORDER BY {order}") for table, order in KEYS.items()}
        read["questions"].sort(key=lambda row: row["state"] != "closed")
        return {
            table: [{name: value for name, value in row.items() if name not in GIVEN_ANEW} for row in rows]
            for table, rows in read.items()
        }

    def columns(self, table: str) -> set[str]:
        return set(self.rows(f"SELECT * FROM {table} LIMIT 1")[0]) - GIVEN_ANEW


Make = Callable[[str], Store]
"""Makes a place for an inbox, of this engine."""


def asked(message_id: str, conversation: str = LI, **other: Any) -> Question:
    return question(message_id, conversation=conversation, sender=f"staff-{conversation[-2:]}", **other)


async def lived(store: Store) -> None:
    """A shop's days: something of all that is kept, and who served it was killed in the end."""
    async with store.served() as inbox:
        for name in ("a1", "a2", "a3"):
            await inbox.put(asked(name, text=f"问{name}"), limit=9)
            delivery = await take(inbox)
            await delivery.begun(f"run of {name}", "talk of li")
            await delivery.answered(f"答{name}")
            await delivery.done(Outcome.ANSWERED)
            await inbox.feedback(Feedback(SHOP, name, "staff-li", "helpful"))
        await inbox.put(asked("b1", WANG), limit=9)
        await (await take(inbox, WANG)).done(Outcome.FAILED)
        assert await inbox.put(asked("b2", WANG), limit=0) is Put.FULL
        for number in range(5):
            await inbox.note(SHOP, f"/help {number}")
        for name in ("m1", "m2", "m3", "m4"):
            await inbox.put(asked(name), limit=9)
        for name in ("w1", "w2"):
            await inbox.put(asked(name, WANG, chat_id="ding-shop:memory"), limit=9)
        delivery = await take(inbox)
        await delivery.begun("run of m1", "talk of li", former="talk of li")
        await delivery.answered("抱歉", Outcome.FAILED)
        await delivery.retry(0.0)
        await take(inbox)
        await (await take(inbox, WANG)).retry(3600.0)
        await inbox.cancel(SHOP, "m3")
        await inbox.count_calls("2026-10", 70)
        await inbox.count_calls("2026-11", 7)
    store.rows(f"UPDATE questions SET state = 'held', holder = 'x', lease_until = {LONG} WHERE message_id = 'm1'")
    if store.path is None:
        store.rows("DELETE FROM replicas")


def taken_over(contents: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The same, where who held a question is known to be dead."""
    freed = [
        row | {"state": "open", "deaths": row["deaths"] + 1} if row["state"] == "held" else row
        for row in contents["questions"]
    ]
    return contents | {"questions": freed}


def nothing() -> dict[str, list[dict[str, Any]]]:
    return {table: [] for table in KEYS}


def command(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m actors` with these words to its end."""
    return run({"PATH": os.environ["PATH"], **settings}, *words)


def begin(*words: str) -> subprocess.Popen[str]:
    """Run it in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "actors", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def until(condition: Callable[[], bool], within: float = 30.0) -> None:
    """Wait for something that only polling can see."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - a store tells no events
            await asyncio.sleep(0.02)


@contextmanager
def held_line(database: Store, conversation: str) -> Iterator[None]:
    """A replica puts a question into a conversation, and takes its time."""
    with psycopg.connect(database.url) as replica:
        replica.execute(LOCK_LINE, {"line": conversation})
        yield
