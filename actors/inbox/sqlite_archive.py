"""The operator's view of an inbox file, beside the process that serves from it or without one.

The law: it takes no hold but for a moment to clean a file that nobody serves from, and no lock for longer than a short
transaction. What `forget` deletes is overwritten, in the file and in its write-ahead log; copies that SQLite left in
unused parts of pages go when the file is made anew: at once if nobody serves from it, else at the service's next start.
Backups, and what a file system or a disk keeps of overwritten blocks, are out of reach.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from actors.errors import InboxError
from actors.inbox.port import Belongings
from actors.inbox.sql import Row, Step
from actors.inbox.sql_archive import SqlArchive
from actors.inbox.sqlite import perform
from actors.inbox.sqlite_file import at_work, empty_log, hold, mark_for_rewriting, open_beside, rewrite

_BRIEFLY = 100
"""Milliseconds that readers are waited for while nobody can write."""

_TRIES = 20
_PAUSE = 0.05
"""How often an attempt to empty the log is made, and the seconds in between, in which those who serve can write."""


class SqliteArchive(SqlArchive):
    """The archive of one file."""

    def __init__(self, path: Path, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        super().__init__(self, clock=clock)
        self._path = path
        self._connection = connection

    @classmethod
    async def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> Self:
        """Open the file.

        Raises:
            InboxError: there is none, or it is in doubt.
        """
        return cls(path, open_beside(path), clock)

    async def run(self, first: Step, *then: Step, line: str = "") -> list[list[Row]]:
        """Run steps at once, on the caller's thread: a command has nothing else to do meanwhile. See `sql.Runner`."""
        with at_work(self._path):
            # Not IMMEDIATE: what only reads must not keep those who serve from writing.
            self._connection.execute("BEGIN")
            try:
                done = perform(self._connection, (first, *then))
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return done

    async def forget(self, person: str, robot: str = "", *, unfinished: bool = False) -> Belongings:
        """Delete what is stored of a person; see `port.Archive`."""
        with at_work(self._path):
            mark_for_rewriting(self._connection)
        return await super().forget(person, robot, unfinished=unfinished)

    async def purge(self) -> bool:
        """Make the file anew if nobody serves from it, else empty the log; see `port.Archive`."""
        with at_work(self._path):
            try:
                with hold(self._path.resolve()):
                    return rewrite(self._connection)
            except InboxError:
                await self._empty_log()
                return False

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()

    async def _empty_log(self) -> None:
        (patience,) = self._connection.execute("PRAGMA busy_timeout").fetchone()
        self._connection.execute(f"PRAGMA busy_timeout = {_BRIEFLY}")
        for _ in range(_TRIES):
            if empty_log(self._connection):
                break
            await asyncio.sleep(_PAUSE)
        self._connection.execute(f"PRAGMA busy_timeout = {patience}")
