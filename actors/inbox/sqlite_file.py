"""One inbox file: held by this process alone, private, whole, and of a schema that this version knows.

The law: nothing is served from a file that is in doubt, and a file in doubt is left as it is. What is deleted from it
is overwritten. It knows no questions and no threads.
"""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from actors.core.frozen import frozen
from actors.errors import InboxError, InboxUnavailable
from actors.inbox import statements
from actors.inbox.departure import must_be_here
from actors.inbox.sqlite_log import is_readable

log = logging.getLogger(__name__)

_BUSY_TIMEOUT = 0.5
"""Seconds to wait for an operator's shell that is writing to the file."""

_PATIENCE = 10.0
"""Seconds that an operator waits for those who serve."""


@frozen
class SqliteFile:
    """An open inbox file; used by the thread that opened it."""

    connection: sqlite3.Connection
    _path: Path
    _identity: tuple[int, int]
    _held: ExitStack

    def must_be_there(self) -> None:
        """Raises FileNotFoundError when the file was deleted or replaced: SQLite would go on writing into nothing."""
        if _identity(self._path) != self._identity:
            raise FileNotFoundError("the file was replaced")

    def close(self) -> None:
        """Close the file; SQLite moves its write-ahead log into it. Then the hold ends."""
        self._held.close()


def open_file(path: Path, *, moving: bool = False) -> SqliteFile:
    """Open or create the inbox at `path`, and void the leases of whoever held it before. `moving`: for who moves work,
    also where it was moved elsewhere.

    Raises:
        InboxError: another process holds it, it cannot be used, or it is in doubt.
    """
    path = path.resolve()  # two names of one file have to meet at one lock
    with ExitStack() as held:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            held.enter_context(hold(path))
            if _create(path):
                log.info("a new inbox was made", extra={"action": "inbox_made", "path": str(path)})
            _look(path)
            connection = held.enter_context(
                closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, cached_statements=64))
            )
            _must_keep_a_log(connection, path)
            voided = _migrate(connection, path, moving=moving)
            _rewrite_if_marked(connection, path)
            log.info(
                "inbox opened", extra={"action": "inbox_opened", "path": str(path), "questions_without_holder": voided}
            )
            return SqliteFile(connection, path, _identity(path), held.pop_all())
        except (OSError, sqlite3.Error) as error:
            raise InboxError(f"the inbox {path} cannot be used: {error}") from error


def open_beside(path: Path, *, moving: bool = False) -> sqlite3.Connection:
    """Open the inbox at `path` for an operator, beside the process that holds it or without one. Nothing is made,
    brought up to date or voided. `moving`: as for `open_file`.

    Raises:
        InboxError: there is none, it cannot be used, or it is in doubt.
    """
    path = path.resolve()
    if not path.exists():
        raise InboxError(f"there is no inbox {path}: the service makes it when it starts")
    with ExitStack() as opened:
        try:
            _look(path)
            uri = f"{path.as_uri()}?mode=rw"
            connection = opened.enter_context(
                closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None))
            )
            _must_be_of_this_version(connection, path)
            if not moving:
                _must_not_have_left(connection, path)
            _careful(connection)
        except (OSError, sqlite3.Error) as error:
            raise InboxError(f"the inbox {path} cannot be used: {error}") from error
        opened.pop_all()
        return connection


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the inbox at `path`, as long as the context lasts.

    Raises:
        InboxError: another process holds it.
    """
    # flock on a file of its own: the kernel drops it with the process, kill -9 included, and it knows no stale locks.
    # Not SQLite's exclusive locking mode: those locks vanish as soon as anything else in this process opens and closes
    # the file, and they would shut out an operator's shell that only reads.
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InboxError(
                f"the inbox {path} is in use by another process: stop that one, or name another file in INBOX_URL "
                "(several replicas share a postgresql:// inbox)"
            ) from error
        yield
    finally:
        os.close(descriptor)


def _create(path: Path) -> bool:
    """Make the file if it is not there; whether there is nothing in it."""
    empty = not path.exists() or path.stat().st_size == 0
    log_file = _log_of(path)
    if empty and log_file.exists() and log_file.stat().st_size > 0:
        raise InboxError(
            f"the inbox {path} is gone, but its log {log_file.name} is there and may hold questions: restore the file, "
            "or move the log away to start with an empty inbox"
        )
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # the log beside it gets the same mode from SQLite
    return empty


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _look(path: Path) -> None:
    """See that the file and its log are whole, without a chance to change them: who closes a file that may be written
    moves the log into it, and a damaged one would not be what it was."""
    log_file = _log_of(path)
    if not is_readable(log_file):
        raise _damaged(path, f"the beginning of its log {log_file.name} is broken")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT)) as connection:
        _must_be_whole(connection, path)


def _must_keep_a_log(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise InboxError(f"the inbox {path} lies on a file system without shared memory: use a local disk")
    _careful(connection)


def _careful(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")


def _must_be_whole(connection: sqlite3.Connection, path: Path) -> None:
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:  # the disk's fault or a lock's, not the content's
        raise
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise _damaged(path, " ".join(verdict.split()))


def _migrate(connection: sqlite3.Connection, path: Path, *, moving: bool) -> int:
    """Bring the schema up to date; returns how many questions were held by a former process."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(statements.VERSION_TABLE)
    row = connection.execute(statements.VERSION).fetchone()
    if row is None:
        connection.execute(statements.FIRST_VERSION)
    version = row[0] if row else 0
    _must_be_known(connection, path, version)
    for migration in statements.MIGRATIONS[version:]:
        for statement in migration:
            connection.execute(statement.format_map(statements.SQLITE_WORDS))
    if version < len(statements.MIGRATIONS):
        connection.execute(statements.SET_VERSION, {"version": len(statements.MIGRATIONS)})
    if not moving:
        _must_not_have_left(connection, path)
    voided = connection.execute(statements.VOID_ALL).fetchall()
    connection.execute(statements.ALL_DUE)
    connection.execute("COMMIT")
    return len(voided)


def _must_be_of_this_version(connection: sqlite3.Connection, path: Path) -> None:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone():
        raise InboxError(f"{path} is no inbox of this service: name the file of its INBOX_URL")
    (version,) = connection.execute(statements.VERSION).fetchone()
    _must_be_known(connection, path, version)
    newest = len(statements.MIGRATIONS)
    if version < newest:
        raise InboxError(
            f"the inbox {path} has schema {version}, this version of the service works with {newest}: start it once, "
            "which brings the inbox up to date"
        )


def _must_not_have_left(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute(statements.VERSION).fetchone()
    if version >= statements.KNOWS_DEPARTURES:
        must_be_here(f"the inbox {path}", connection.execute(statements.DEPARTURE).fetchall())


def _damaged(path: Path, why: str) -> InboxError:
    return InboxError(
        f"the inbox {path} is damaged or no database ({why}); it is left as it is: restore a copy, or move it away, "
        "together with its log, to start with an empty inbox"
    )


def _must_be_known(connection: sqlite3.Connection, path: Path, version: int) -> None:
    newest = len(statements.MIGRATIONS)
    if version > newest and connection.execute(statements.WORKS_WITH).fetchone()[0] > newest:
        raise InboxError(
            f"the inbox {path} has schema {version}, but this version of the service knows only {newest}: run the "
            "newer version again, or name another file in INBOX_URL"
        )


# What is left of deleted rows. Overwriting them where they stood is not all: SQLite moves rows from page to page as
# they grow and go, and leaves what it moved in the unused part of a page. Only a file that is made anew has none of
# that, and meanwhile nobody can write to it. So whoever deletes for good marks the file (in a field of its header that
# is the application's, see SQLite's "PRAGMA user_version"), and it is made anew when nobody serves from it.


def mark_for_rewriting(connection: sqlite3.Connection) -> None:
    """Have the file made anew when it is opened the next time to serve from it, unless it is done before."""
    connection.execute("PRAGMA user_version = 1")


def rewrite(connection: sqlite3.Connection) -> bool:
    """Make the file anew of what is stored in it, and nothing else; used by who holds it. False if somebody is reading:
    what was there before is not overwritten yet."""
    connection.execute("VACUUM")
    clean = empty_log(connection)
    if clean:
        connection.execute("PRAGMA user_version = 0")
    return clean


def empty_log(connection: sqlite3.Connection) -> bool:
    """Move what is in the write-ahead log into the file, and cut the log to nothing; False if somebody is reading."""
    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _rewrite_if_marked(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA user_version").fetchone() == (0,):
        return
    try:
        rewrite(connection)
    except sqlite3.Error as error:  # such as a disk without room for a second copy
        log.warning(
            "what was deleted may have left copies in the inbox's file: %s",
            error,
            extra={"action": "inbox_not_rewritten", "path": str(path)},
        )


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


@contextmanager
def at_work(path: Path) -> Iterator[None]:
    """What goes wrong in the file while somebody works on it beside those who serve.

    Raises:
        InboxUnavailable: something did.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise InboxUnavailable(f"the inbox {path}: {error}") from error
