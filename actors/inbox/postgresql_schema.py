"""The schema of an inbox on PostgreSQL: brought up to date at start, by one replica at a time, and looked at by the
others.

The law: nothing is served from a schema that this version does not know. A newer version may bring it further while
older ones still serve, as long as it says that they can go on with it. It knows no questions.
"""

import logging
from typing import Any, TypeAlias

import psycopg

from actors.errors import InboxError
from actors.inbox import statements
from actors.inbox.departure import must_be_here
from actors.inbox.postgresql_words import spelled

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

_LOCK = 0x64696E67  # "ding": who brings the schema up to date holds this advisory lock

_THERE = "SELECT to_regclass('schema_version') IS NOT NULL"
_RIGHTS = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
_WITHOUT_RIGHTS = """
    SELECT string_agg(name, ', ') FROM unnest(ARRAY[
        'questions', 'turns', 'sessions', 'feedback', 'notes', 'calls', 'replicas', 'departures', 'arrivals',
        'schema_version'
    ]) AS name WHERE NOT (
        has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT')
        AND has_table_privilege(name, 'UPDATE') AND has_table_privilege(name, 'DELETE')
    )
"""

OWNER = "make the user the owner of the inbox's tables, or GRANT ALL on them TO it"
"""What to do where rights are missing."""


async def migrate(connection: Connection) -> None:
    """Bring the schema up to date, in one transaction.

    Raises:
        InboxError: it is of a version that cannot be worked with, or the rights for it are missing.
        psycopg.Error: the server refused it.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        version = await _version(connection)
        newest = len(statements.MIGRATIONS)
        if version >= newest:
            return await _must_work_with(connection, version)
        await _must_be_allowed(connection)
        await connection.execute(spelled(statements.VERSION_TABLE))
        if version < 0:
            await connection.execute(spelled(statements.FIRST_VERSION))
        for migration in statements.MIGRATIONS[max(0, version) :]:
            for statement in migration:
                await connection.execute(spelled(statement.format_map(statements.POSTGRESQL_WORDS)))
        await connection.execute(spelled(statements.SET_VERSION), {"version": newest})
        log.info(
            "inbox schema brought up to date",
            extra={"action": "inbox_migrated", "from": max(0, version), "to": newest},
        )
    return None


async def must_be_writable(connection: Connection) -> None:
    """For who serves.

    Raises:
        InboxError: the rights for it are missing.
    """
    if tables := await _one(connection, _WITHOUT_RIGHTS):
        raise InboxError(f"the user may not read and write {tables}: {OWNER}")


async def must_not_have_left(connection: Connection) -> None:
    """For everybody but who moves work.

    Raises:
        InboxError: the work was moved elsewhere.
    """
    if await _version(connection) >= statements.KNOWS_DEPARTURES:
        must_be_here("the inbox", await (await connection.execute(spelled(statements.DEPARTURE))).fetchall())


async def must_be_of_this_version(connection: Connection) -> None:
    """For an operator: nothing is made or brought up to date.

    Raises:
        InboxError: it is no inbox, or of another version.
    """
    version = await _version(connection)
    newest = len(statements.MIGRATIONS)
    if version < 0:
        raise InboxError("there is no inbox in this database: the service makes it when it starts")
    if version < newest:
        raise InboxError(
            f"the inbox has schema {version}, this version of the service works with {newest}: start it once, which "
            "brings the inbox up to date"
        )
    await _must_work_with(connection, version)


async def _version(connection: Connection) -> int:
    """The schema's version, -1 where there is none."""
    if await _one(connection, _THERE) is not True:
        return -1
    version = await _one(connection, statements.VERSION)
    return -1 if version is None else int(version)


async def _must_work_with(connection: Connection, version: int) -> None:
    newest = len(statements.MIGRATIONS)
    if version > newest and int(await _one(connection, statements.WORKS_WITH)) > newest:
        raise InboxError(
            f"the inbox has schema {version}, but this version of the service knows only {newest}: run the newer "
            "version, or name another database in INBOX_URL"
        )


async def _must_be_allowed(connection: Connection) -> None:
    if await _one(connection, _RIGHTS) is not True:
        raise InboxError(
            "the inbox's tables cannot be made: the user has no CREATE on the schema (GRANT CREATE ON SCHEMA public "
            "TO …, or make the user the owner of the database)"
        )


async def _one(connection: Connection, statement: str) -> Any:
    row = await (await connection.execute(spelled(statement))).fetchone()
    return None if row is None else row[0]
