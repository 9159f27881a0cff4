"""The command `inbox move`: all that one inbox keeps, to another.

The law: who runs it again, after whatever came between, is where he wants to be; and no password is told. What is moved
how is the inbox's.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from actors import logs
from actors.errors import InboxError, InboxUnavailable, SettingsError
from actors.inbox.move import End, Progress, move
from actors.inbox.sqlite_end import SqliteEnd
from actors.records.command import DONE, NOT_DONE, WRONG
from actors.settings import Settings, load

log = logging.getLogger(__name__)

CONFIGURED = "INBOX_URL"
"""Stands for the inbox of the settings, so that its password need not be in the command."""

_TELL_EVERY = 5.0
"""Seconds between two log lines about how far it is."""


def command(words: Sequence[str]) -> Callable[[Settings], int]:
    """The move that these words ask for; it returns the exit code. Ends the process where they are wrong, or ask for
    help, as argparse does."""
    parser = argparse.ArgumentParser(prog="python -m actors inbox")
    commands = parser.add_subparsers(required=True)
    moved = commands.add_parser(
        "move",
        help="move all that an inbox keeps to another",
        description="Move all that an inbox keeps to another: from a file to a database that many replicas share, or "
        "back. Nobody may serve from FROM; TO is made where it is not there, and replicas may serve from it already.",
        epilog="FROM and TO are as INBOX_URL takes them. The word INBOX_URL itself stands for the one that is set (or "
        "in the file that INBOX_URL_FILE names), which keeps its password out of the command; PGPASSWORD, PGPASSFILE "
        "and ~/.pgpass work too. Whatever stops it: run it again, and it goes on where it was. No service starts on "
        "FROM from the moment that it begins, and FROM is empty in the end.",
    )
    moved.add_argument("source", metavar="FROM", help="such as sqlite:////app/var/inbox.db")
    moved.add_argument("target", metavar="TO", help="such as postgresql://USER@HOST/DATABASE, or INBOX_URL")
    moved.add_argument(
        "--anew",
        action="store_true",
        help="begin anew, where a move to another place was not run to its end and what came there is thrown away",
    )
    return partial(_run, parser.parse_args(words))


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    logs.configure(settings.log_level, settings.log_format, sys.stderr)
    try:
        source = _named("FROM", arguments.source, settings)
        target = _named("TO", arguments.target, settings)
        if _place(source) == _place(target):
            return _complain("FROM and TO are the same inbox", WRONG)
        return asyncio.run(_move(source, target, anew=arguments.anew))
    except SettingsError as error:
        return _complain(str(error), WRONG)
    except InboxUnavailable as error:
        return _complain(f"{error}: run it again, it goes on where it was", NOT_DONE)
    except InboxError as error:
        return _complain(str(error), WRONG)
    except KeyboardInterrupt:
        return _complain("interrupted: run it again, it goes on where it was", NOT_DONE)


def _named(name: str, url: str, settings: Settings) -> Settings:
    """Settings of that inbox; its password is hidden from now on."""
    if url == CONFIGURED:
        return settings
    try:
        return load({CONFIGURED: url})
    except SettingsError as error:
        raise SettingsError(tuple(problem.replace(CONFIGURED, name, 1) for problem in error.problems)) from None


def _place(settings: Settings) -> Path | str:
    path = settings.inbox_path
    return settings.inbox_url.get_secret_value() if path is None else path.resolve()


async def _move(source: Settings, target: Settings, *, anew: bool) -> int:
    async with _opened("FROM", source) as one, _opened("TO", target) as other:
        log.info("moving", extra={"action": "inbox_move_began", "source": one.name, "target": other.name})
        moved = await move(one, other, anew=anew, clock=time.time, told=_Teller())
        await one.clean()
        names = one.name, other.name
    if moved is None:
        print(f"{names[0]} was moved to {names[1]} before, and nothing is left to move")
        return DONE
    log.info(
        "moved",
        extra={"action": "inbox_moved", "source": names[0], "target": names[1]}
        | {progress.kind.name: progress.came for progress in moved},
    )
    print(f"moved {names[0]} to {names[1]}")
    for progress in moved:
        known = f" ({progress.known} more were there already)" if progress.known else ""
        print(f"  {progress.kind.name}: {progress.came}{known}")
    print(f"{names[0]} is empty now, and no service starts on it")
    return DONE


@asynccontextmanager
async def _opened(name: str, settings: Settings) -> AsyncIterator[End]:
    end = await _open(name, settings)
    try:
        yield end
    finally:
        await end.close()


async def _open(name: str, settings: Settings) -> End:
    source = name == "FROM"
    try:
        if settings.inbox_path is not None:
            path = settings.inbox_path.resolve()
            return await (SqliteEnd.open_source(path) if source else SqliteEnd.open_target(path))
        from actors.inbox.postgresql_end import PostgresqlEnd  # noqa: PLC0415 - see `parts.open_inbox`

        url = settings.inbox_url.get_secret_value()
        return await (PostgresqlEnd.open_source(url) if source else PostgresqlEnd.open_target(url))
    except InboxError as error:
        raise InboxError(f"{name}: {error}") from error


class _Teller:
    """Tells the log how far the move is, now and then."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._last >= _TELL_EVERY:
            self._last = time.monotonic()
            log.info(
                "moving %s",
                progress.kind.name,
                extra={
                    "action": "inbox_moving",
                    "came": progress.came,
                    "known": progress.known,
                    "total": progress.total,
                },
            )


def _complain(what: str, code: int) -> int:
    sys.stdout.flush()
    print(what, file=sys.stderr)
    return code
