"""What one question asks of the inbox: milliseconds of each call, near and far, bytes, and updates in place."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from actors.inbox.postgresql_inbox import PostgresqlInbox
from actors.inbox.sqlite import SqliteInbox
from tests.cluster.postgres import Server
from tests.cluster.scale.counted import books, table
from tests.cluster.scale.delay import delayed
from tests.cluster.scale.material import Waits, answer_many

CALLS = ("put", "take", "recall", "session", "touch", "answered", "done")
DELAYS = (0.001, 0.005)
"""Seconds to the database and back."""

TIMES: dict[str, Any] = {"lease": 15.0, "dedupe_window": 86400.0, "retention": 2592000.0}
"""The settings' defaults."""

POOL = 8

Figures = dict[str, Any]


async def postgresql(url: str, pool: int = POOL) -> PostgresqlInbox:
    """An inbox as a replica opens it."""
    return await PostgresqlInbox.open(url, pool=pool, **TIMES)


@contextmanager
def inboxes(server: Server, database: str) -> Iterator[Mapping[str, str | Path]]:
    """Where the inboxes are that are compared; each has a database or a file of its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        places: dict[str, str | Path] = {"SQLite": Path(folder) / "inbox.db"}
        for delay in (0.0, *DELAYS):
            name = f"{database}{delay * 1000:.0f}"
            server.execute(f"CREATE DATABASE {name}")
            stack.callback(server.execute, f"DROP DATABASE {name} WITH (FORCE)")
            port = stack.enter_context(delayed(server.port, delay / 2)) if delay else server.port
            far = f", {delay * 1000:.0f} ms away" if delay else ""
            places[f"PostgreSQL{far}"] = Server(server.folder, port).url(name)
        yield places


async def latencies(server: Server, rounds: int, questions: int, at_once: int) -> Figures:
    """Milliseconds of each call, one question at a time and many, the engines in turn; medians of the rounds."""
    told: dict[str, dict[str, list[float]]] = {}
    with inboxes(server, "latency") as places:
        for _ in range(rounds):
            for name, place in places.items():
                inbox = await (postgresql(place) if isinstance(place, str) else SqliteInbox.open(place, **TIMES))
                one = told.setdefault(name, {})
                try:
                    await answer_many(inbox, 10, Waits(), at_once=1)
                    for many in (1, at_once):
                        waits = Waits()
                        spent = await answer_many(inbox, questions * (3 if many > 1 else 1), waits, at_once=many)
                        for call in CALLS:
                            for part in (50, 99):
                                key = f"{call}, {many} at once, p{part}"
                                one.setdefault(key, []).append(waits.percent(call, part))
                        rate = len(waits.by_name["put"]) / spent
                        one.setdefault(f"questions/s, {many} at once", []).append(rate)
                finally:
                    await inbox.close()
    return {name: {key: spread(values) for key, values in one.items()} for name, one in told.items()}


def spread(values: list[float]) -> Figures:
    """The median of some rounds, and the least and most."""
    return {"median": median(values), "min": min(values), "max": max(values)}


VARIANTS: Mapping[str, str] = {
    "as it is": "SELECT 1",
    "fillfactor 70": "ALTER TABLE questions SET (fillfactor = 70)",
    "an index by robot": "CREATE INDEX by_robot ON questions (robot) WHERE state <> 'closed'",
}
"""Of the table of questions: how much of a page is filled before a row goes to the next, and one index more."""

AT_ONCE = 100
"""Answers that run together where bytes are counted: between two writes to one row many others are made."""


async def bytes_each(server: Server, questions: int) -> Figures:
    """Bytes of the log and of the disk for each question of 2 touches (an answer of 10 s), and the updates in place."""
    told: Figures = {}
    for number, (name, alteration) in enumerate(VARIANTS.items()):
        database = f"bytes{number}"
        server.execute(f"CREATE DATABASE {database}")
        inbox = await postgresql(server.url(database))
        server.execute(alteration, database)
        server.execute("CHECKPOINT")
        before = books(server, database)
        waits = Waits()
        await answer_many(inbox, questions, waits, at_once=AT_ONCE, touches=2)
        counted = books(server, database).since(before)
        await inbox.close()
        written = table(server, database, "questions")
        remembered = table(server, database, "turns")
        server.execute("VACUUM ANALYZE", database)
        told[name] = {
            "statements": sum(counted.calls.values()) / questions,
            "database ms": sum(counted.spent.values()) / questions,
            "log bytes": counted.log / questions,
            "whole pages": counted.whole_pages / questions,
            "updates": written.updates / questions,
            "updates in place": written.in_place,
            "dead rows": written.dead / questions,
            "questions, bytes": written.table / questions,
            "questions aside, bytes": written.aside / questions,
            "questions indexes, bytes": {key: value / questions for key, value in written.indexes.items()},
            "turns, bytes": remembered.size / questions,
            "all, bytes": (written.size + remembered.size) / questions,
        }
        server.execute(f"DROP DATABASE {database}")
    return told
