"""An inbox on PostgreSQL that work is moved to, beside the replicas that serve from it or before there are any; or that
it is moved from, when there are none.

The law: as for who serves, what it says is stored is on the disk, and what is put into one conversation is put one
after another.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

import psycopg

from actors.errors import InboxError, InboxUnavailable
from actors.inbox.postgresql import DURABLE, LOCK_LINE, Connection, connected, said, where
from actors.inbox.postgresql_hints import telling
from actors.inbox.postgresql_schema import migrate, must_be_of_this_version, must_be_writable
from actors.inbox.postgresql_words import spelled
from actors.inbox.sql import Row, Step

_PATIENCE = "SET lock_timeout = 10000"
"""Milliseconds that others are waited for."""

_LONG = "SET idle_in_transaction_session_timeout = 0"
"""All pages are read in one transaction, which is idle while they are written elsewhere."""

_MOVES = "move"
"""The line of those who move work to one inbox: they look for a place before all others."""

_ALONE = "LOCK TABLE questions, turns, sessions, feedback, notes, calls, replicas, departures IN EXCLUSIVE MODE"
_SERVING = """
    SELECT COUNT(*), CAST(CEIL(MAX(alive_until) - EXTRACT(EPOCH FROM clock_timestamp())) AS BIGINT) FROM replicas
    WHERE alive_until > EXTRACT(EPOCH FROM clock_timestamp())
"""


class PostgresqlEnd:
    """One end of a move, on a connection of its own; see `move.End`."""

    hint: Step | None = telling("move")

    def __init__(self, url: str, connection: Connection, held: AsyncExitStack) -> None:
        self.name = where(url)
        self._connection = connection
        self._held = held

    @classmethod
    async def open_source(cls, url: str) -> Self:
        """Connect.

        Raises:
            InboxError: it cannot be connected to, there is no inbox, it is of another version, or replicas serve from
                it.
        """
        async with AsyncExitStack() as held:
            connection = await held.enter_async_context(connected(url))
            await must_be_of_this_version(connection)
            await must_be_writable(connection)
            await connection.execute(_LONG)
            await _must_serve_nobody(connection, where(url))
            return await cls._opened(url, connection, held.pop_all())

    @classmethod
    async def open_target(cls, url: str) -> Self:
        """Connect, and bring the schema up to date.

        Raises:
            InboxError: it cannot be connected to, or its schema cannot be worked with.
        """
        async with AsyncExitStack() as held:
            connection = await held.enter_async_context(connected(url))
            await migrate(connection)
            await must_be_writable(connection)
            return await cls._opened(url, connection, held.pop_all())

    @classmethod
    async def _opened(cls, url: str, connection: Connection, held: AsyncExitStack) -> Self:
        for statement in (DURABLE, _PATIENCE):
            await connection.execute(statement)
        return cls(url, connection, held)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """One transaction, while which everybody else can only read."""
        async with self._at_work(), self._connection.transaction():
            await self._connection.execute(_ALONE)
            await _must_serve_nobody(self._connection, self.name)
            yield

    @asynccontextmanager
    async def beside(self, conversations: Collection[str]) -> AsyncIterator[None]:
        """One transaction."""
        async with self._at_work(), self._connection.transaction():
            # One row after the other, in this order: a question that got a place in the line before and is seen after
            # a later one, would be taken while that one is held. Sorted, so that no two wait for each other.
            lines = [{"line": line} for line in (_MOVES, *sorted(conversations))]
            await self._connection.cursor().executemany(LOCK_LINE, lines)
            yield

    async def run(self, step: Step) -> list[Row]:
        """Run a statement; see `move.End`."""
        async with self._at_work():
            cursor = await self._connection.execute(spelled(step.statement), step.values)
            return await cursor.fetchall() if cursor.description else []

    async def write(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run a statement for each row; see `move.End`."""
        async with self._at_work():
            cursor = self._connection.cursor()
            await cursor.executemany(spelled(statement), rows)
            return cursor.rowcount

    async def clean(self) -> None:
        """The server itself takes back the room of what was deleted."""

    async def close(self) -> None:
        """Leave the database."""
        await self._held.aclose()

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise InboxUnavailable(f"the inbox {self.name}: {said(error)}") from error


async def _must_serve_nobody(connection: Connection, name: str) -> None:
    row = await (await connection.execute(_SERVING)).fetchone()
    alive, seconds = row or (0, 0)
    if alive:
        raise InboxError(
            f"{alive} replicas serve from {name}: stop them first; one that was killed counts for another {seconds} s"
        )
