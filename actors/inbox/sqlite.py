"""The inbox in one SQLite file: an engine with a thread of its own and group commit.

The law: the thread takes whatever is waiting, runs it in the order of the calls in one transaction, syncs once, and
only then tells the callers. So the loop never waits for a disk, and a burst pays for one sync, not for one each.
It knows no questions; `sql` says what is run.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Self, TypeAlias

from actors.core.frozen import frozen
from actors.errors import InboxUnavailable
from actors.inbox.sql import Row, SqlInbox, Step
from actors.inbox.sqlite_file import SqliteFile, open_file

log = logging.getLogger(__name__)

_Result: TypeAlias = list[list[Row]] | Exception
_Perform: TypeAlias = Callable[[sqlite3.Connection, tuple[Step, ...]], _Result]

_BATCH = 256
"""Jobs in one transaction; bounds how long the first of them waits for the last."""


class SqliteInbox(SqlInbox):
    """The inbox of one process in one file."""

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        lease: float,
        dedupe_window: float,
        retention: float,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open or create the file; whoever held a question before is dead.

        Raises:
            InboxError: another process holds the file, or it cannot be used.
        """
        engine = await SqliteEngine.open(path)
        return cls(engine, lease=lease, dedupe_window=dedupe_window, retention=retention, clock=clock)


@frozen
class _Job:
    steps: tuple[Step, ...]
    future: asyncio.Future[list[list[Row]]]


class SqliteEngine:
    """Runs steps on one file in one thread; made by `open`, used from the loop that opened it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._closing = False
        self._failing = False
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        # A daemon: a process that ends without `close` must not hang here, and the file survives that.
        self._thread = threading.Thread(target=self._live, name="inbox", daemon=True)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Start the thread, which opens the file.

        Raises:
            InboxError: see `open_file`.
        """
        engine = cls(path)
        engine._thread.start()
        try:
            await engine._opened
        except BaseException:
            engine._jobs.put(None)
            raise
        return engine

    async def run(self, first: Step, *then: Step, line: str = "") -> list[list[Row]]:
        """Queue steps as one job and wait until they are durable; all jobs are in one `line`. See `sql.Runner`."""
        if self._closing:
            raise InboxUnavailable(f"the inbox {self._path} is closed")
        return await self._queue((first, *then))

    async def close(self, last: Step, *then: Step) -> None:
        """Finish what is queued, run `last`, close the file and end the thread; see `sql.Engine`."""
        if not self._closing:
            self._closing = True
            job = self._queue((last, *then))
            self._jobs.put(None)
            try:
                await asyncio.shield(job)
            except InboxUnavailable as error:
                log.warning("inbox closed badly", extra={"action": "inbox_closed_badly", "reason": str(error)})
        await self._ended.wait()
        self._thread.join()

    def _queue(self, steps: tuple[Step, ...]) -> asyncio.Future[list[list[Row]]]:
        job = _Job(steps, self._loop.create_future())
        self._jobs.put(job)
        return job.future

    # From here on, in the thread.

    def _live(self) -> None:
        try:
            file = open_file(self._path)
        except Exception as error:  # noqa: BLE001 - it goes to the caller of `open`
            self._tell(_settle, [self._opened], [error])
            return
        self._tell(_settle, [self._opened], [None])
        try:
            ending = False
            while not ending:
                jobs, ending = self._next()
                wanted = [job for job in jobs if not job.future.cancelled()]
                self._tell(_settle, [job.future for job in wanted], self._results(file, wanted))
        finally:
            file.close()
            self._tell(self._ended.set)

    def _next(self) -> tuple[list[_Job], bool]:
        """Wait for a job and take what else is waiting; True when these are the last."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == _BATCH:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _results(self, file: SqliteFile, jobs: list[_Job]) -> list[_Result]:
        # A fence around each job costs two more statements, and each statement gives the interpreter's lock away
        # several times: beside a busy loop that is most of the price. So there are fences only after a failure.
        try:
            try:
                results = _transaction(file, jobs, perform)
            except Exception:  # noqa: BLE001 - the second try tells whose it is
                results = _transaction(file, jobs, _perform_fenced)
        except Exception as error:  # noqa: BLE001 - it goes to the callers; the next batch tries again
            results = [InboxUnavailable(f"the inbox {self._path} takes no writes: {error}", str(error)) for _ in jobs]
        self._log_change(next((result for result in results if isinstance(result, Exception)), None))
        return results

    def _log_change(self, error: Exception | None) -> None:
        if error is not None and not self._failing:
            log.error("inbox failing", extra={"action": "inbox_failing", "reason": str(error)})
        elif error is None and self._failing:
            log.info("inbox works again", extra={"action": "inbox_works_again"})
        self._failing = error is not None

    def _tell(self, callback: Callable[..., object], *values: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is waiting any more
            self._loop.call_soon_threadsafe(callback, *values)


def _transaction(file: SqliteFile, jobs: list[_Job], perform: _Perform) -> list[_Result]:
    connection = file.connection
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = [perform(connection, job.steps) for job in jobs]
        file.must_be_there()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself rolls back when the disk is full
            connection.execute("ROLLBACK")
        raise
    return results


def perform(connection: sqlite3.Connection, steps: tuple[Step, ...]) -> list[list[Row]]:
    """Run the first step, and the others if it gives rows; the transaction is the caller's."""
    first, *then = steps
    done = [connection.execute(first.statement, first.values).fetchall()]
    if done[0]:
        done += [connection.execute(later.statement, later.values).fetchall() for later in then]
    return done


def _perform_fenced(connection: sqlite3.Connection, steps: tuple[Step, ...]) -> _Result:
    connection.execute("SAVEPOINT job")
    result: _Result
    try:
        result = perform(connection, steps)
    except Exception as error:  # noqa: BLE001 - it goes to its caller
        connection.execute("ROLLBACK TO job")
        result = InboxUnavailable(f"the inbox refused it: {error}") if isinstance(error, sqlite3.Error) else error
    connection.execute("RELEASE job")
    return result


def _settle(futures: list[asyncio.Future[object]], results: list[object]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.done():  # its caller was cancelled
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
