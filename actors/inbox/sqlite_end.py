"""An inbox file that work is moved from or to.

The law: it is held as by who serves from it, so that nobody does. A file that work is moved from is there already, and
is left as it is until all of its work has come.
"""

import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, Self

from actors.inbox.sql import Row, Step
from actors.inbox.sqlite_file import at_work, hold, mark_for_rewriting, open_beside, open_file, rewrite


class SqliteEnd:
    """One end of a move, of an absolute path without links; see `move.End`."""

    hint: Step | None = None

    def __init__(self, path: Path, connection: sqlite3.Connection, held: ExitStack) -> None:
        self.name = f"sqlite:///{path}"
        self._path = path
        self._connection = connection
        self._held = held

    @classmethod
    async def open_source(cls, path: Path) -> Self:
        """Open a file that is there.

        Raises:
            InboxError: there is none, somebody serves from it, or it is in doubt.
        """
        with ExitStack() as held:
            connection = held.enter_context(closing(open_beside(path, moving=True)))
            held.enter_context(hold(path))
            return cls(path, connection, held.pop_all())

    @classmethod
    async def open_target(cls, path: Path) -> Self:
        """Open or create a file.

        Raises:
            InboxError: somebody serves from it, or it is in doubt.
        """
        with ExitStack() as held:
            file = open_file(path, moving=True)
            held.callback(file.close)
            return cls(path, file.connection, held.pop_all())

    def alone(self) -> AbstractAsyncContextManager[None]:
        """One transaction, while which an operator's shell can only read."""
        return self.beside(())

    @asynccontextmanager
    async def beside(self, conversations: Collection[str]) -> AsyncIterator[None]:
        """The same: nobody serves from a file that is held here."""
        with at_work(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    async def run(self, step: Step) -> list[Row]:
        """Run a statement; see `move.End`."""
        with at_work(self._path):
            return self._connection.execute(step.statement, step.values).fetchall()

    async def write(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run a statement for each row; see `move.End`."""
        with at_work(self._path):
            return self._connection.executemany(statement, rows).rowcount

    async def clean(self) -> None:
        """Overwrite what was deleted from the file; see `move.End`."""
        with at_work(self._path):
            mark_for_rewriting(self._connection)
            rewrite(self._connection)

    async def close(self) -> None:
        """Close the file."""
        self._held.close()
