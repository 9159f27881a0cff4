"""The schema on PostgreSQL: made once, brought up to date beside those who serve, refused where it is not known."""

import asyncio

import pytest

from actors.errors import InboxError
from actors.inbox import statements
from actors.inbox.port import Put
from actors.inbox.postgresql_inbox import PostgresqlInbox
from tests.cluster.postgres import Server
from tests.contract.stories import DEDUPE_WINDOW, LEASE, RETENTION, SHOP, question

WIDER = (*statements.MIGRATIONS, ("ALTER TABLE questions ADD COLUMN mood TEXT",))


async def opened(url: str) -> PostgresqlInbox:
    return await PostgresqlInbox.open(url, pool=2, lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION)


def table(url: str) -> str:
    """The version's table, as the server's owner names it."""
    return f"{url.rpartition('%3D')[2]}.schema_version"


async def test_a_fresh_database_gets_the_newest_schema(url: str, postgresql: Server) -> None:
    await (await opened(url)).close()
    assert postgresql.execute(f"SELECT version FROM {table(url)}") == [(len(statements.MIGRATIONS),)]


async def test_replicas_that_start_at_once_make_it_once(url: str, postgresql: Server) -> None:
    inboxes = await asyncio.gather(*(opened(url) for _ in range(10)))
    assert [await inbox.put(question("m1"), limit=8) for inbox in inboxes] == [Put.NEW, *[Put.DUPLICATE] * 9]
    for inbox in inboxes:
        await inbox.close()
    assert postgresql.execute(f"SELECT version FROM {table(url)}") == [(len(statements.MIGRATIONS),)]


@pytest.mark.parametrize("former", range(1, len(statements.MIGRATIONS)))
async def test_every_older_schema_is_brought_up_to_date(
    url: str, former: int, monkeypatch: pytest.MonkeyPatch, postgresql: Server
) -> None:
    with monkeypatch.context() as older:
        older.setattr(statements, "MIGRATIONS", statements.MIGRATIONS[:former])
        older.setattr("actors.inbox.postgresql.must_be_writable", _nothing)
        await (await opened(url)).close()
    columns = "robot, message_id, conversation, chat_id, question, state, received_at"
    questions = table(url).replace("schema_version", "questions")
    asked = question().to_json()
    postgresql.execute(f"INSERT INTO {questions} ({columns}) VALUES ('{SHOP}','m','c','k','{asked}','open',0)")
    inbox = await opened(url)
    assert await inbox.pending() == {SHOP: 1}
    await inbox.close()


async def _nothing(_: object) -> None:
    """A former version asked for no rights."""


async def test_a_replica_serves_on_while_a_later_version_brings_the_schema_further(
    url: str, monkeypatch: pytest.MonkeyPatch, postgresql: Server
) -> None:
    old = await opened(url)
    await old.put(question("m1"), limit=8)
    with monkeypatch.context() as later:
        later.setattr(statements, "MIGRATIONS", WIDER)
        new = await opened(url)
    assert postgresql.execute(f"SELECT version FROM {table(url)}") == [(len(WIDER),)]
    assert await old.put(question("m2"), limit=8) is Put.NEW
    assert await new.pending() == await old.pending() == {SHOP: 2}
    await old.close()
    await new.close()
    again = await opened(url)
    assert await again.pending() == {SHOP: 2}
    await again.close()


async def test_a_later_schema_that_this_version_does_not_know_is_refused(url: str, postgresql: Server) -> None:
    await (await opened(url)).close()
    postgresql.execute(f"UPDATE {table(url)} SET version = 99, works_with = 90")
    with pytest.raises(InboxError, match=r"schema 99.*newer version.*INBOX_URL"):
        await opened(url)


async def test_a_table_of_somebody_else_is_not_taken_for_an_inbox(url: str, postgresql: Server) -> None:
    postgresql.execute(f"CREATE TABLE {table(url).replace('schema_version', 'questions')} (quiz TEXT)")
    with pytest.raises(InboxError, match="already exists"):
        await opened(url)
    assert postgresql.execute(f"SELECT to_regclass('{table(url)}') IS NULL") == [(True,)]
