"""The engine of an inbox on PostgreSQL: a pool of connections for one of any number of replicas.

The law: a transaction is short, and none is waited for longer than `WITHIN`: who asks is told that the inbox is not
available, and what became of it is found out by asking again. What belongs to one line of questions is written one
after another, across replicas. It knows no questions; `sql` says what is run.
"""

import asyncio
import logging
import re
import select
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Self, TypeAlias, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from actors.errors import InboxError, InboxUnavailable
from actors.inbox.postgresql_outage import Outage
from actors.inbox.postgresql_schema import OWNER, migrate, must_be_writable, must_not_have_left
from actors.inbox.postgresql_words import spelled
from actors.inbox.sql import Row, Step

log = logging.getLogger(__name__)

T = TypeVar("T")
Connection: TypeAlias = psycopg.AsyncConnection[Row]

WITHIN = 1.9
"""Seconds that a transaction may take: a little less than the 2 s after which a person is told that a question was not
stored, so that the log says why."""

_CONNECTION_WITHIN = WITHIN - 0.2
"""Seconds that one may wait for a connection: it is known why there is none."""

LOCK_LINE = "SELECT pg_advisory_xact_lock(hashtextextended(%(line)s, 0))"

DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
"""An ack promises that the question survives the server's crash, whatever the server's default is."""

_SESSION = (
    # The server gives up what nobody waits for any more, and ends a transaction whose replica stands still in it.
    f"SET statement_timeout = {WITHIN * 1000:.0f}",
    f"SET idle_in_transaction_session_timeout = {WITHIN * 1000:.0f}",
    DURABLE,
)

_UNSAID: dict[str, Any] = {
    "application_name": "dingtalk-actors",
    "connect_timeout": 3,
    # Of several hosts the one that takes writes; a standby alone is refused.
    "target_session_attrs": "read-write",
    # A server that is gone without a word is found out about by these, not by the hour that TCP takes.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""What a URL may say otherwise."""

_START_WITHIN = 15.0
"""Seconds that the start waits for the server."""

_LOCKED_WITHIN = "SET lock_timeout = '15s'"
"""Whoever keeps the inbox locked is told of, not waited for in silence."""

_TRIES = 3
"""How often a transaction that the server broke off for another's sake is run."""

# What becomes of connections, the engine says itself, once.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)


class PostgresqlEngine:
    """Runs steps on one database; made by `open`, used from the loop that opened it."""

    def __init__(self, url: str, pool: int) -> None:
        self._where = where(url)
        self._closing = False
        self._outage = Outage(self._where)
        self._unconnected: psycopg.Error | None = None
        """Why the last connection could not be made."""
        self._running: set[asyncio.Task[Any]] = set()
        self._lines: dict[str, asyncio.Task[Any]] = {}
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            with_defaults(url),
            connection_class=_telling(self._connecting),
            kwargs={"autocommit": True},
            min_size=1,
            max_size=pool,
            timeout=_CONNECTION_WITHIN,
            # After this it begins anew with short pauses, as soon as somebody asks for a connection.
            reconnect_timeout=5.0,
            configure=_configure,
            check=self._check,
            open=False,
        )

    @classmethod
    async def open(cls, url: str, pool: int) -> Self:
        """Connect, and bring the schema up to date.

        Raises:
            InboxError: see `connected` and `migrate`.
        """
        async with connected(url) as connection:
            await migrate(connection)
            await must_be_writable(connection)
            await must_not_have_left(connection)
        engine = cls(url, pool)
        await engine._pool.open()
        log.info("inbox opened", extra={"action": "inbox_opened", "database": engine._where})
        return engine

    async def run(self, first: Step, *then: Step, line: str = "") -> list[list[Row]]:
        """Run steps in one transaction, and wait until they are durable; see `sql.Runner`."""
        if self._closing:
            raise InboxUnavailable(f"the inbox {self._where} is closed")
        steps, before = (first, *then), self._lines.get(line)
        return await self._in_time(self._run_after(before, steps, line) if before else self._run(steps, line), line)

    async def close(self, last: Step, *then: Step) -> None:
        """Wait for what is running, run `last`, and close the connections; see `sql.Engine`."""
        if not self._closing:
            self._closing = True
            if self._running:
                await asyncio.wait(self._running, timeout=WITHIN)
            try:
                await self._in_time(self._run((last, *then)))
            except InboxUnavailable as error:
                log.warning("inbox closed badly", extra={"action": "inbox_closed_badly", "reason": str(error)})
        await self.give_up()

    async def give_up(self) -> None:
        """Close the connections as they are."""
        await self._pool.close(WITHIN)

    async def _run(self, steps: tuple[Step, ...], line: str = "") -> list[list[Row]]:
        async with self._pool.connection() as connection:
            for _ in range(_TRIES - 1):
                with suppress(psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                    return await execute(connection, steps, line)
            return await execute(connection, steps, line)

    async def _check(self, connection: Connection) -> None:
        """Whether a connection that nobody used for a while is still one: it has nothing to say but its end. Where it
        is not, neither are the others, and who asks gets a new one instead of a failure for each."""
        if _readable(connection):
            await connection.close()
            await self._pool.drain()
            raise psycopg.OperationalError("the server closed the connection")

    async def _run_after(self, before: asyncio.Task[Any], steps: tuple[Step, ...], line: str) -> list[list[Row]]:
        await asyncio.wait({before})
        return await self._run(steps, line)

    async def _in_time(self, work: Coroutine[Any, Any, T], line: str = "") -> T:
        """Wait for the work, but not longer than WITHIN: giving a connection up that hangs takes longer than that."""
        task = asyncio.create_task(work)
        self._running.add(task)
        if line:
            self._lines[line] = task
        task.add_done_callback(partial(self._ran, line))
        try:
            done, _ = await asyncio.wait({task}, timeout=WITHIN)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            raise await self._failed(self._unconnected or "it does not answer", drain=not self._outage.lasts)
        error = task.exception()
        if error is None:
            self._outage.worked()
            return task.result()
        if isinstance(error, PoolTimeout):
            raise await self._failed(self._unconnected or "all its connections are in use, see INBOX_POOL_SIZE")
        if isinstance(error, psycopg.Error | OSError):
            # One that takes no writes any more is a standby now, and says so on every connection for as long as it has.
            demoted = isinstance(error, psycopg.errors.ReadOnlySqlTransaction)
            raise await self._failed(error, drain=demoted) from error
        raise error

    async def _failed(self, why: str | BaseException, *, drain: bool = False) -> InboxUnavailable:
        """What a caller is to be told; `drain`: who asks next shall not try each of the other connections in vain."""
        reason, for_all = (why, False) if isinstance(why, str) else (said(why), is_for_all(why))
        failure = self._outage.failed(reason, for_all=for_all)
        if drain:
            await self._pool.drain()
        return failure

    def _connecting(self, error: psycopg.Error | None) -> None:
        self._unconnected = error

    def _ran(self, line: str, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if self._lines.get(line) is task:
            del self._lines[line]
        if not task.cancelled():
            task.exception()  # it was told, or nobody waits for it any more


_LOOK_AT = "see that the server runs, and that host, port, database, user, password and sslmode are right"


async def _connect(url: str) -> Connection:
    try:
        return await psycopg.AsyncConnection.connect(with_defaults(url), autocommit=True)
    except ValueError as error:
        raise InboxError(str(error)) from None
    except psycopg.Error as error:
        raise InboxError(f"the inbox cannot be connected to: {said(error)}: {_LOOK_AT}") from error


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection of its own.

    Raises:
        InboxError: there is none to be had, or what was done on it failed.
    """
    try:
        async with asyncio.timeout(_START_WITHIN):
            connection = await _connect(url)
        async with connection:
            await connection.execute(_LOCKED_WITHIN)
            yield connection
    except TimeoutError as error:
        raise InboxError(f"the inbox {where(url)} does not answer: {_LOOK_AT}") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise InboxError(f"the inbox {where(url)} cannot be used: {said(error)}: {OWNER}") from error
    except psycopg.Error as error:
        raise InboxError(f"the inbox {where(url)} cannot be used: {said(error)}") from error
    except InboxError as error:
        raise InboxError(f"{where(url)}: {error}") from error


def with_defaults(url: str) -> str:
    """The connection's parameters, where what the URL does not say is filled in.

    Raises:
        ValueError: it is no URL of a PostgreSQL database.
    """
    try:
        words = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        # Its words may quote the password.
        raise ValueError("must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE") from error
    return psycopg.conninfo.make_conninfo(**(_UNSAID | words))


def where(url: str) -> str:
    """A database as people may read of it: without user, password and options."""
    place = url.partition("://")[2]
    before, _, options = place.partition("?")
    if "@" in options and "@" not in before:
        return "postgresql://"  # it is not known where a password ends that has a question mark in it
    return f"postgresql://{before.rpartition('@')[2]}"


def _readable(connection: Connection) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def _configure(connection: Connection) -> None:
    try:
        async with asyncio.timeout(WITHIN):
            for statement in _SESSION:
                await connection.execute(statement)
    except BaseException:
        await connection.close()
        raise


def _telling(connecting: Callable[[psycopg.Error | None], object]) -> type[Connection]:
    """Connections that tell why they could not be made, None if they could: the pool keeps that to itself."""

    class Telling(psycopg.AsyncConnection[Row]):
        @classmethod
        async def connect(cls, *where: Any, **how: Any) -> "Telling":
            try:
                made = await super().connect(*where, **how)
            except psycopg.Error as error:
                connecting(error)
                raise
            connecting(None)
            return made

    return Telling


async def execute(connection: Connection, steps: tuple[Step, ...], line: str) -> list[list[Row]]:
    """Run steps in one transaction, as `sql.Runner` says."""
    first, *then = steps
    if not then:
        # What is sent together, without a BEGIN, is one transaction, and one journey to the server.
        async with connection.pipeline():
            if line:
                await connection.execute(LOCK_LINE, {"line": line})
            cursor = await connection.execute(spelled(first.statement), first.values)
        return [await cursor.fetchall()]
    async with connection.transaction():
        if line:
            await connection.execute(LOCK_LINE, {"line": line})
        done = [await _rows(connection, first)]
        if done[0]:
            done += [await _rows(connection, later) for later in then]
        return done


async def _rows(connection: Connection, step: Step) -> list[Row]:
    return await (await connection.execute(spelled(step.statement), step.values)).fetchall()


_FOR_ALL = re.compile(
    r"Connection refused|closed the connection unexpectedly|is starting up|is shutting down|in recovery mode|read-only"
    r"|No space left"
)
_FOR_ME = re.compile(r"timeout|timed out|unreachable|too many")


def is_for_all(error: BaseException) -> bool:
    """Whether the database says of itself that it takes writes from nobody, or nobody is there to say anything. Silence
    is no such word, nor is it one where it comes from one host of several: it may be this process's way alone."""
    words = str(error)
    return _FOR_ALL.search(words) is not None and _FOR_ME.search(words) is None


def said(error: BaseException) -> str:
    """The first line of what is wrong, which quotes no value."""
    with suppress(IndexError):
        return str(error).strip().splitlines()[0]
    return type(error).__name__
