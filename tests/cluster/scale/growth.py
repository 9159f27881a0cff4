"""How the inbox's statements behave in a large table: behind many finished questions, before many open ones, where much
was written since the last vacuum, and while a clean-up runs."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import psycopg

from actors.inbox import statements
from actors.inbox.postgresql_words import spelled
from tests.cluster.postgres import Server
from tests.cluster.scale.cost import CALLS, POOL, Figures, postgresql
from tests.cluster.scale.counted import books, table
from tests.cluster.scale.material import ANSWER, ROBOT, Waits, answer_many, passage, question

DATABASE = "growth"
DAY = 86400.0
PEOPLE = 20_000
"""Who asked what is finished."""

BESIDE: Mapping[str, str] = {
    "": "SELECT 1",
    ", with an index by robot": "CREATE INDEX by_robot ON questions (robot) WHERE state <> 'closed'",
}
"""What the open questions were found by, and what they were found by formerly, to see what that cost."""

ASKED = 200
"""Questions that are asked one by one behind what is finished, after a checkpoint."""

LOOKS = 5
"""How often a statement is run; the median counts."""

PUTS_EVERY = 0.05
"""Seconds between two questions that come while a clean-up runs."""


def fill(server: Server, database: str, first: int, last: int, age: float) -> None:
    """Finished questions with their turns, as they were asked over the `age` in seconds that ends now."""
    now = time.time()
    texts = [passage(ANSWER) for _ in range(200)]
    model = question("PERSON")
    stored = model.to_json().replace(model.message_id, "MESSAGE")
    with psycopg.connect(server.url(database)) as connection:
        connection.execute("CREATE TEMPORARY TABLE texts (number INT PRIMARY KEY, text TEXT)")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO texts VALUES (%s, %s)", [(-1, stored), *enumerate(texts)])
        rest = f"""
            FROM (
                SELECT
                    {ROBOT!r} AS robot, 'msg' || md5(number::text) AS message_id, 'p' || number % {PEOPLE} AS person,
                    {now} - {age} + {age} * (number - {first}) / {last - first} AS at, number % {len(texts)} AS which
                FROM generate_series({first}, {last - 1}) AS number
            ) AS asked JOIN texts ON texts.number = which ORDER BY at
        """
        connection.execute(
            f"""
            INSERT INTO questions (
                robot, message_id, conversation, chat_id, sender, question, state, attempt, holder, answer, outcome,
                received_at, closed_at
            ) SELECT
                robot, message_id, robot || ' ' || person, robot || ' ' || person, person,
                replace(replace((SELECT text FROM texts WHERE number = -1), 'MESSAGE', message_id), 'PERSON', person),
                'closed', 1, 'nobody', text, 'answered', at, at + 10
            {rest}
            """
        )
        connection.execute(
            "INSERT INTO turns (chat_id, sender, question, answer, ended_at)"
            f" SELECT robot || ' ' || person, person, 'what', text, at + 10 {rest}"
        )


def open_ones(server: Server, database: str, count: int) -> None:
    """So many people wait for their first answer."""
    model = question("PERSON")
    server.execute(
        f"""
        INSERT INTO questions (robot, message_id, conversation, chat_id, sender, question, state, received_at)
        SELECT {ROBOT!r}, 'open' || number, {ROBOT!r} || ' w' || number, {ROBOT!r} || ' w' || number, 'w' || number,
            '{model.to_json()}', 'open', {time.time()}
        FROM generate_series(1, {count}) AS number
        """,
        database,
    )


def looked_at(person: str) -> Mapping[str, tuple[str, dict[str, Any]]]:
    """The statements that are looked at, with their values."""
    now, asked = time.time(), question(person)
    key = {"conversation": asked.conversation}
    put = {
        "robot": asked.robot,
        "message_id": asked.message_id,
        **key,
        "chat_id": asked.chat_id,
        "sender": asked.sender_id,
        "question": asked.to_json(),
        "received_at": now,
        "limit": 8,
        "now": now,
    }
    return {
        "PUT": (statements.PUT, put),
        "TAKE": (statements.TAKE, {**key, "holder": "h", "now": now, "lapsed": now, "lease_until": now + 15}),
        "WAITING": (statements.WAITING, {**key, "now": now}),
        "BACKLOG": (statements.BACKLOG, {"lapsed": now}),
        "PENDING": (statements.PENDING, {}),
        "RECALL": (statements.RECALL, {"chat_id": asked.chat_id, "limit": 20}),
        "RECORD": (statements.RECORD, {"robot": ROBOT, "message_id": "open77"}),
        "FORGET_QUESTIONS": (statements.FORGET_QUESTIONS, {"before": now - 60 * DAY, "slice": 500}),
    }


def plans(server: Server, database: str, person: str) -> Figures:
    """Of each statement: milliseconds of its planning and running, pages that it touched the first time, and the
    indexes it used, and tables that it read from end to end. What it changes is taken back."""
    told: Figures = {}
    with psycopg.connect(server.url(database)) as connection:
        for name, (statement, values) in looked_at(person).items():
            explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + spelled(statement)
            spent, pages, ways = list[float](), list[int](), set[str]()
            for _ in range(LOOKS):
                row = connection.execute(explain, values).fetchone()
                connection.rollback()
                assert row is not None
                (one,) = row[0] if isinstance(row[0], list) else json.loads(row[0])
                spent.append(one["Planning Time"] + one["Execution Time"])
                pages.append(one["Plan"]["Shared Hit Blocks"] + one["Plan"]["Shared Read Blocks"])
                ways = set(_ways(one["Plan"]))
            told[name] = {"ms": median(spent), "first ms": spent[0], "pages": pages[0], "ways": sorted(ways)}
    return told


def _ways(plan: Mapping[str, Any]) -> Sequence[str]:
    own = [plan["Index Name"]] if "Index Name" in plan else []
    if plan["Node Type"] == "Seq Scan":
        own = [f"all of {plan['Relation Name']}"]
    return [*own, *(way for part in plan.get("Plans", ()) for way in _ways(part))]


async def growing(server: Server, sizes: Sequence[int], opened: int, passing: int) -> Figures:
    """The statements behind ever more finished questions, then before many open ones as well; last what became of them
    when so many more questions had passed without a vacuum, and what a vacuum changed."""
    database = DATABASE
    server.execute(f"CREATE DATABASE {database}")
    inbox = await postgresql(server.url(database))
    told: Figures = {}
    before = 0
    try:
        for size in sizes:
            began = time.perf_counter()
            await asyncio.to_thread(fill, server, database, before, size, 30 * DAY)
            server.execute("VACUUM ANALYZE", database)
            before = size
            waits = Waits()
            server.execute("CHECKPOINT")
            written = books(server, database)
            await answer_many(inbox, ASKED, waits, at_once=1)
            written = books(server, database).since(written)
            told[f"{size:,} finished"] = {
                "filled in s": time.perf_counter() - began,
                "plans": await asyncio.to_thread(plans, server, database, "p7"),
                "ms": {call: (waits.percent(call, 50), waits.percent(call, 99)) for call in CALLS},
                "log bytes": written.log / ASKED,
                "whole pages": written.whole_pages / ASKED,
                "bytes": sum(table(server, database, name).size for name in ("questions", "turns")),
            }
        for name, alteration in BESIDE.items():
            server.execute(alteration, database)
            server.execute("VACUUM ANALYZE questions", database)
            open_ones(server, database, opened)
            told[f"and {opened:,} open{name}"] = {"plans": await asyncio.to_thread(plans, server, database, "w77")}
            server.execute("DELETE FROM questions WHERE state <> 'closed'", database)
        server.execute("DROP INDEX by_robot", database)
        server.execute("VACUUM ANALYZE", database)
        server.execute("ALTER TABLE questions SET (autovacuum_enabled = off)", database)
        await answer_many(inbox, passing, Waits(), at_once=POOL)
        for when in ("before", "after"):
            dead = table(server, database, "questions").dead
            told[f"{passing:,} passed, {when} a vacuum"] = {
                "plans": await asyncio.to_thread(plans, server, database, "p7"),
                "dead rows": dead,
            }
            began = time.perf_counter()
            server.execute("VACUUM questions", database)
            told["that vacuum, s"] = told.get("that vacuum, s", time.perf_counter() - began)
    finally:
        await inbox.close()
    return told


async def swept(server: Server, database: str, calm_for: float) -> Figures:
    """Everything finished has become too old: how long its clean-up lasts, and what it does to those who ask then."""
    inbox = await postgresql(server.url(database))
    server.execute(
        "UPDATE questions SET closed_at = closed_at - 1e8 WHERE state = 'closed';"
        "UPDATE turns SET ended_at = ended_at - 1e8",
        database,
    )
    server.execute("VACUUM ANALYZE", database)
    waits = Waits()

    async def asking(name: str) -> None:
        while True:
            await waits.of(name, inbox.put(question(f"q{len(waits.by_name[name]) % 500}"), limit=10**6))
            await asyncio.sleep(PUTS_EVERY)

    try:
        calm = asyncio.create_task(asking("calm"))
        await asyncio.sleep(calm_for)
        calm.cancel()
        meanwhile = asyncio.create_task(asking("meanwhile"))
        began = time.perf_counter()
        gone = await inbox.sweep()
        spent = time.perf_counter() - began
        meanwhile.cancel()
        dead = table(server, database, "questions").dead
        began = time.perf_counter()
        server.execute("VACUUM ANALYZE questions", database)
        cleaned = time.perf_counter() - began
    finally:
        await inbox.close()
    return {
        "rows gone": gone,
        "seconds": spent,
        "put before, ms": (waits.percent("calm", 50), waits.percent("calm", 99)),
        "put meanwhile, ms": (waits.percent("meanwhile", 50), waits.percent("meanwhile", 99)),
        "dead rows": dead,
        "vacuum, s": cleaned,
    }
