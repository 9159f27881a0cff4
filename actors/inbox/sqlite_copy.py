"""A copy of an inbox file, taken while somebody serves from it or while nobody does.

The law: a copy is whole, of one moment, private, on the disk, and never in the place of another file; until it is all
that, it has no name of its own. Nobody who serves is kept waiting. It has only what is stored: of what was deleted
there are no traces in it, whatever the file that it is of still has.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from actors.core.frozen import frozen
from actors.errors import InboxUnavailable
from actors.inbox.sqlite_file import open_beside


@frozen
class Copy:
    """A copy at `path`, of so many bytes and questions."""

    path: Path
    size: int
    questions: int


@contextmanager
def copied(inbox: Path, folder: Path) -> Iterator[Copy]:
    """A copy of the inbox file in this folder, for as long as the context lasts: keep it with `keep`, or read it.

    Raises:
        InboxError: there is no inbox, or it is in doubt.
        InboxUnavailable: it could not be copied.
        OSError: the folder takes no copy.
    """
    with closing(open_beside(inbox)) as connection:
        descriptor, name = tempfile.mkstemp(prefix=f".{inbox.name}-copy-", dir=folder)  # of mode 0600
        path = Path(name)
        try:
            # Not SQLite's backup interface: that copies pages, and with them what deleted rows left in their unused
            # parts. Both read one snapshot of the write-ahead log, and hold up no writer.
            connection.execute("VACUUM INTO ?", (name,))
            questions = _made_clean(path)
            os.fsync(descriptor)
            yield Copy(path, path.stat().st_size, questions)
        except sqlite3.Error as error:
            raise InboxUnavailable(f"the inbox {inbox} was not copied: {error}") from error
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)


def keep(copy: Copy, target: Path) -> None:
    """Give the copy its name, in the folder that it is in.

    Raises:
        FileExistsError: there is such a file; it is left as it is.
    """
    # A link does not replace what came there meanwhile, as a rename would; not every file system has them.
    try:
        target.hardlink_to(copy.path)
    except FileExistsError:
        raise
    except OSError:
        copy.path.rename(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _made_clean(path: Path) -> int:
    """See that the copy is whole; returns how many questions it has."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")
        connection.execute("PRAGMA user_version = 0")  # the mark of a file that still has traces, see `sqlite_file`
        (questions,) = connection.execute("SELECT COUNT(*) FROM questions").fetchone()
    return int(questions)
