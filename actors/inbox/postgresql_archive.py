"""The operator's view of an inbox on PostgreSQL, beside the replicas that serve from it or without any.

The law: nothing is made or brought up to date. What `forget` deletes is gone for every reader at once; the space that
it took is used again after the server's own vacuum, and backups are out of reach.
"""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Self

import psycopg

from actors.errors import InboxUnavailable
from actors.inbox.postgresql import Connection, connected, execute, said, where
from actors.inbox.postgresql_schema import must_be_of_this_version, must_not_have_left
from actors.inbox.sql import Row, Step
from actors.inbox.sql_archive import SqlArchive


class PostgresqlArchive(SqlArchive):
    """The archive of one database, on a connection of its own."""

    def __init__(self, url: str, connection: Connection, held: AsyncExitStack, clock: Callable[[], float]) -> None:
        super().__init__(self, clock=clock)
        self._where = where(url)
        self._connection = connection
        self._held = held

    @classmethod
    async def open(cls, url: str, *, clock: Callable[[], float] = time.time) -> Self:
        """Connect.

        Raises:
            InboxError: it cannot be connected to, there is no inbox, or it is of another version.
        """
        async with AsyncExitStack() as held:
            connection = await held.enter_async_context(connected(url))
            await must_be_of_this_version(connection)
            await must_not_have_left(connection)
            return cls(url, connection, held.pop_all(), clock)

    async def run(self, first: Step, *then: Step, line: str = "") -> list[list[Row]]:
        """Run steps in one transaction; see `sql.Runner`."""
        try:
            return await execute(self._connection, (first, *then), line)
        except psycopg.Error as error:
            raise InboxUnavailable(f"the inbox {self._where}: {said(error)}") from error

    async def purge(self) -> bool:
        """Have the server take back the room of what was deleted; see `port.Archive`."""
        try:
            for table in ("questions", "turns", "sessions", "feedback", "notes"):
                await self._connection.execute(f"VACUUM {table}")
        except psycopg.Error as error:
            raise InboxUnavailable(f"the inbox {self._where}: {said(error)}") from error
        return True

    async def close(self) -> None:
        """Leave the database as it is."""
        await self._held.aclose()
