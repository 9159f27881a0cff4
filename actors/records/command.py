"""The commands that read what is stored, and change it at an operator's word: feedback, questions, forget.

The law: they work beside a running service as well as without one, print what was asked for and nothing else, and
change nothing that they were not told to. What is stored how is the inbox's, how it looks is told by `views`.
"""

import argparse
import asyncio
import io
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple
from datetime import datetime
from functools import partial
from operator import add

from actors.errors import InboxError
from actors.inbox.port import REPLAYABLE, Archive, Belongings, Outcome, State
from actors.parts import open_archive
from actors.records import views
from actors.records.tables import csv_record, table
from actors.settings import Settings

DONE, NOT_DONE, WRONG = 0, 1, 2
"""Exit codes. Not done: the command was understood, but there is nothing to do it to, or it takes longer."""

BYTE_ORDER_MARK = "\ufeff"
"""Without it a Chinese Excel takes a CSV file for GBK."""

_PIPED = (160, 24)
"""Columns and lines where there is no terminal to ask."""

_LOOK_EVERY = 0.5
"""Seconds between two looks whether the service has closed what was cancelled."""


def command(words: Sequence[str]) -> Callable[[Settings], int]:
    """The command that these words ask for; it returns the exit code. Ends the process where they are wrong, or ask for
    help, as argparse does."""
    if words[0] == "questions" and (len(words) == 1 or words[1] not in {"list", "show", "replay", "-h", "--help"}):
        words = ["questions", "list", *words[1:]]
    return partial(_run, _parser().parse_args(words))


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        code = asyncio.run(_with_archive(settings, arguments))
        sys.stdout.flush()
    except InboxError as error:
        return _complain(f"INBOX_URL: {error}", WRONG)
    except BrokenPipeError:  # whoever was reading has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return _complain("interrupted", NOT_DONE)
    return code


async def _with_archive(settings: Settings, arguments: argparse.Namespace) -> int:
    archive = await open_archive(settings)
    try:
        code: int = await arguments.work(archive, arguments)
        return code
    finally:
        await archive.close()


async def _feedback(archive: Archive, arguments: argparse.Namespace) -> int:
    ratings = archive.ratings(robot=arguments.robot, since=arguments.since)
    if arguments.csv:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        print(BYTE_ORDER_MARK, csv_record(views.CSV_HEADER), sep="", end="")
        async for rating in ratings:
            print(csv_record(views.csv_row(rating)), end="")
        return DONE
    return _print_table(views.RATING_HEADER, [views.rating_row(rating) async for rating in ratings], texts=2)


async def _list(archive: Archive, arguments: argparse.Namespace) -> int:
    state, outcome = arguments.state and State(arguments.state), arguments.outcome and Outcome(arguments.outcome)
    rows: list[tuple[str, ...]] = []
    async for stored in archive.questions(robot=arguments.robot, state=state, outcome=outcome):
        if len(rows) == arguments.limit:
            break
        rows.append(views.question_row(stored))
    return _print_table(views.QUESTION_HEADER, rows[::-1], texts=1)


async def _show(archive: Archive, arguments: argparse.Namespace) -> int:
    found = [one async for one in archive.questions(robot=arguments.robot, message_id=arguments.message_id)]
    if not found:
        return _complain(f"no question {arguments.message_id} is stored", NOT_DONE)
    for stored in reversed(found):
        question = stored.question
        ratings = archive.ratings(robot=question.robot, message_id=question.message_id)
        print(*views.shown(stored, [rating async for rating in ratings]), sep="\n")
    return DONE


async def _replay(archive: Archive, arguments: argparse.Namespace) -> int:
    found = [one async for one in archive.questions(robot=arguments.robot, message_id=arguments.message_id)]
    if not found:
        return _complain(f"no question {arguments.message_id} is stored", NOT_DONE)
    if len(found) > 1:
        robots = ", ".join(stored.question.robot for stored in found)
        return _complain(f"{arguments.message_id} was asked of several robots, name one by --robot: {robots}", WRONG)
    (stored,) = found
    if not await archive.replay(stored.question.robot, arguments.message_id):
        wanted = " or ".join(sorted(REPLAYABLE))
        return _complain(
            f"{arguments.message_id} is {views.state_of(stored)}: only what is {wanted} is replayed", NOT_DONE
        )
    print(f"{arguments.message_id} is open again: the service takes it up within seconds, or when it starts")
    return DONE


async def _forget(archive: Archive, arguments: argparse.Namespace) -> int:
    there = await archive.belongings(arguments.person, arguments.robot)
    if any(astuple(there)):
        if not arguments.yes and not sys.stdin.isatty():
            return _complain("there is no terminal to ask at whether you are sure: add --yes", WRONG)
        if not arguments.yes and not _sure(f"Delete {views.counted(there)} of {arguments.person}?"):
            return _complain("nothing was deleted", NOT_DONE)
        gone, left = await _forgotten(archive, arguments)
        print(f"deleted: {views.counted(gone)}")
    else:
        left = there
        print(f"nothing is stored of {arguments.person}")
    if not await archive.purge():
        print(
            "The inbox is in use: copies in unused parts of its file are overwritten when the service starts the next"
            " time, or when you run this again while it is stopped."
        )
    if left.open:
        return _complain(
            f"{left.open} not closed yet: cancelled, and to be deleted once the service has closed them. Run this again"
            " then, or add --now to delete them as they are (their cards stay unfinished).",
            NOT_DONE,
        )
    return DONE


async def _forgotten(archive: Archive, arguments: argparse.Namespace) -> tuple[Belongings, Belongings]:
    """Forget, and wait for the service to close what is open; gives what went and what is left."""
    until = time.monotonic() + arguments.wait
    gone = Belongings(0, 0, 0, 0, 0)
    while True:
        went = await archive.forget(arguments.person, arguments.robot, unfinished=arguments.now)
        gone = Belongings(*map(add, astuple(gone), astuple(went)))
        left = await archive.belongings(arguments.person, arguments.robot)
        if not left.open or time.monotonic() >= until:
            return gone, left
        await asyncio.sleep(_LOOK_EVERY)


# How one speaks with an operator.


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int) -> int:
    for line in table(header, rows, shutil.get_terminal_size(_PIPED).columns, texts=texts):
        print(line)
    return DONE


def _complain(what: str, code: int) -> int:
    sys.stdout.flush()
    print(what, file=sys.stderr)
    return code


def _sure(question: str) -> bool:
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio's would wait for the line's end
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except (EOFError, KeyboardInterrupt):
        return False
    finally:
        signal.signal(signal.SIGINT, former)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m actors")
    commands = parser.add_subparsers(required=True)

    feedback = _command(commands, "feedback", "the ratings of answers, oldest first", _feedback)
    feedback.add_argument("--csv", action="store_true", help="as CSV (RFC 4180, UTF-8 with a byte order mark)")
    feedback.add_argument(
        "--since",
        type=_since,
        default=0.0,
        metavar="WHEN",
        help="only those given since then: 2026-11-01, 2026-11-01T09:00 or 2026-11-01T09:00+08:00",
    )

    questions = commands.add_parser("questions", help="the stored questions: list (the default), show, replay")
    of_questions = questions.add_subparsers(required=True)
    listed = _command(of_questions, "list", "the last questions, newest last", _list)
    listed.add_argument("--state", choices=[*map(str, State)], help="only those in this state")
    listed.add_argument("--outcome", choices=[*map(str, Outcome)], help="only those that came out so")
    listed.add_argument("--limit", type=_limit, default=20, metavar="N", help="this many at most (%(default)s)")
    shown = _command(of_questions, "show", "all that is stored of one question", _show)
    shown.add_argument("message_id")
    replayed = _command(
        of_questions, "replay", "have a question answered after all that got an apology (expired, failed)", _replay
    )
    replayed.add_argument("message_id")

    forget = _command(commands, "forget", "delete all that is stored of one person", _forget)
    forget.epilog = (
        "Copies that `backup` made before keep it: delete them too, or forget again after a restore. What an agent's "
        "back end keeps of its own is not deleted there."
    )
    forget.add_argument("person", help="the staff id, or the sender's id of people outside the company")
    forget.add_argument("--yes", action="store_true", help="do not ask whether you are sure")
    forget.add_argument("--now", action="store_true", help="also what is not closed: its cards stay unfinished")
    forget.add_argument(
        "--wait",
        type=_seconds,
        default=30.0,
        metavar="SECONDS",
        help="for the service to close what is open (%(default)s)",
    )
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    meaning: str,
    work: Callable[[Archive, argparse.Namespace], Awaitable[int]],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")
    parser.add_argument("--robot", default="", metavar="CLIENT_ID", help="only of this robot")
    parser.set_defaults(work=work)
    return parser


def _since(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date or time such as 2026-11-01 or 2026-11-01T09:00") from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise argparse.ArgumentTypeError("must be a number of seconds")
    return seconds


def _limit(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)
