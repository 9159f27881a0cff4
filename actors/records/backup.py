"""The command `backup`: a copy of the inbox in a file, or on stdout for whoever fetches it from a container.

The law: what it says is true once it has said it, and with `-` nothing is on stdout but the copy. How a copy is made
is the inbox's.
"""

import argparse
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from actors.errors import InboxError, InboxUnavailable
from actors.inbox.sqlite_copy import Copy, copied, keep
from actors.records.command import DONE, NOT_DONE, WRONG
from actors.settings import Settings

STDOUT = "-"


def command(words: Sequence[str]) -> Callable[[Settings], int]:
    """The backup that these words ask for; it returns the exit code. Ends the process where they are wrong, or ask for
    help, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="python -m actors backup",
        description="Copy the inbox, as it is at this moment, beside a running service or without one.",
        epilog="To restore it, stop the service, put the copy in the place of the inbox's file, remove the files "
        "beside that whose names end in -wal and -shm, and start the service. A copy keeps what `forget` deletes "
        "later: forget again after a restore, and do not keep copies for ever.",
    )
    parser.add_argument("file", help="where the copy goes: a file that is not there yet, or - for stdout")
    return partial(_run, parser.parse_args(words).file)


def _run(file: str, settings: Settings) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # half a copy is not left behind
    try:
        inbox = settings.inbox_path
        if inbox is None:
            return _complain("INBOX_URL: is a database, which has tools of its own for that, such as pg_dump", WRONG)
        return _to_stdout(inbox) if file == STDOUT else _to_file(inbox, Path(file))
    except InboxUnavailable as error:
        return _complain(str(error), NOT_DONE)
    except InboxError as error:
        return _complain(f"INBOX_URL: {error}", WRONG)
    except FileExistsError:
        return _complain(f"{file} is there already, and is left as it is: name another file", NOT_DONE)
    except OSError as error:
        place = "stdout" if file == STDOUT else file
        return _complain(f"{place} cannot be written: {error.strerror or error}", NOT_DONE)
    except KeyboardInterrupt:
        return _complain("interrupted, nothing was kept", NOT_DONE)


def _to_file(inbox: Path, target: Path) -> int:
    if target.is_symlink() or target.exists():
        raise FileExistsError
    with copied(inbox, target.absolute().parent) as copy:
        keep(copy, target.absolute())
        print(_told(inbox, str(target), copy))
    return DONE


def _to_stdout(inbox: Path) -> int:
    if sys.stdout.isatty():
        return _complain("a copy is nothing to read: send stdout to a file, and give the container no terminal", WRONG)
    # Beside the inbox is the one place that can be written to, in a container whose root cannot.
    with copied(inbox, inbox.absolute().parent) as copy, copy.path.open("rb") as content:
        shutil.copyfileobj(content, sys.stdout.buffer)
        sys.stdout.flush()
        print(_told(inbox, "stdout", copy), file=sys.stderr)
    return DONE


def _told(inbox: Path, target: str, copy: Copy) -> str:
    return f"copied {inbox} to {target}: {copy.size} bytes, {copy.questions} questions"


def _complain(what: str, code: int) -> int:
    print(what, file=sys.stderr)
    return code
