"""What a database counted itself: statements by name, transactions' log, updates in place, bytes on the disk.

It reads the server's own books (pg_stat_statements and the like). It knows no inbox, only the texts of its statements.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from actors.inbox import statements
from tests.cluster.postgres import Server, served

PLAIN = (
    ("begin", "BEGIN"),
    ("commit", "COMMIT"),
    ("pg_advisory_xact_lock", "lock of a line"),
    ("pg_notify", "NOTIFY"),
    ("listen", "LISTEN"),
    ("clock_timestamp", "CLOCK"),
)
"""Statements that are no constant of `statements`, by a word in them."""


@contextmanager
def counting(*settings: str) -> Iterator[Server]:
    """A server that counts statements, with the settings that it has by itself."""
    with served("shared_preload_libraries=pg_stat_statements", *settings) as server:
        server.execute("CREATE EXTENSION pg_stat_statements")
        yield server


@dataclass(frozen=True, slots=True)
class Books:
    """What was counted since the server's start: calls and milliseconds by statement, bytes of the write-ahead log, and
    how many of its pages were written whole, as each is that changes for the first time after a checkpoint."""

    calls: Counter[str]
    spent: Counter[str]
    log: int
    whole_pages: int

    def since(self, before: "Books") -> "Books":
        """What was counted between two looks."""
        calls, spent = Counter(self.calls), Counter(self.spent)
        calls.subtract(before.calls)
        spent.subtract(before.spent)
        return Books(+calls, +spent, self.log - before.log, self.whole_pages - before.whole_pages)


def books(server: Server, database: str) -> Books:
    """Look at what was counted for one database; the log is the whole server's."""
    rows = server.execute(
        "SELECT query, calls, total_exec_time FROM pg_stat_statements"
        f" WHERE dbid = (SELECT oid FROM pg_database WHERE datname = '{database}')"
    )
    calls, spent = Counter[str](), Counter[str]()
    for query, count, milliseconds in rows:
        calls[name_of(str(query))] += count  # type: ignore[operator]
        spent[name_of(str(query))] += milliseconds  # type: ignore[operator]
    ((log, pages),) = server.execute(
        "SELECT CAST(pg_current_wal_insert_lsn() - '0/0' AS BIGINT), (SELECT wal_fpi FROM pg_stat_wal)"
    )
    return Books(calls, spent, int(str(log)), int(str(pages)))


def name_of(query: str) -> str:
    """What a statement is called in this project."""
    bare = _bare(query)
    if bare in _names():
        return _names()[bare]
    return next((name for word, name in PLAIN if word in bare.lower()), " ".join(query.split())[:60])


@cache
def _names() -> Mapping[str, str]:
    texts = {name: text for name, text in vars(statements).items() if isinstance(text, str) and name.isupper()}
    return {_bare(text): name for name, text in texts.items()}


def _bare(query: str) -> str:
    """A statement without its values, however they are marked."""
    values = re.sub(r"\$\d+|(?<!:):[a-z_]+|'[^']*'|\b(\d+|true|NULL)\b", "?", query)
    return " ".join(values.split())


@dataclass(frozen=True, slots=True)
class Table:
    """What a table is on the disk, in bytes, and how it was written to. `in_place` is the share of the updates that
    needed no new entry in any index; `dead` is how many former versions of rows wait to be cleaned up."""

    rows: int
    table: int
    aside: int
    indexes: Mapping[str, int]
    updates: int
    in_place: float
    dead: int

    @property
    def size(self) -> int:
        """All of it."""
        return self.table + self.aside + sum(self.indexes.values())


def table(server: Server, database: str, name: str) -> Table:
    """Look at a table; who wrote to it last has to have gone, or to have had a second, to be counted."""
    server.execute("SELECT pg_stat_force_next_flush()", database)
    one = server.execute(
        "SELECT n_live_tup, pg_relation_size(relid), pg_table_size(relid) - pg_relation_size(relid), n_tup_upd,"
        f" n_tup_hot_upd, n_dead_tup FROM pg_stat_user_tables WHERE relname = '{name}'",
        database,
    )
    rows, size, aside, updates, in_place, dead = (int(str(value)) for value in one[0])
    indexes: list[tuple[Any, ...]] = server.execute(
        "SELECT indexrelname, pg_relation_size(indexrelid) FROM pg_stat_user_indexes"
        f" WHERE relname = '{name}' ORDER BY 1",
        database,
    )
    return Table(rows, size, aside, dict(indexes), updates, in_place / updates if updates else 0.0, dead)
