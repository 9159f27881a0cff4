"""The inbox's file is broken or cannot be had at the start, or goes while people ask: nothing is lost, nothing begins
anew in silence, and all goes on when it is whole again."""

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import pytest

from actors.core import texts
from actors.inbox.sqlite_file import hold
from tests.actors.conftest import eventually
from tests.chaos.cast import RUNS
from tests.chaos.conftest import THOROUGH, Place, Running, placed, some
from tests.chaos.promises import SETTINGS, Allowed, accepted, kept

RUN = (sys.executable, "-m", "actors", "run")
NO_FAVOURS = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()
"""What has a command ask for permission to write, as everybody but root has to."""

FULL = ("prlimit", "--fsize=0")
"""What has a command find no room in any file."""

# What is wrong with the file at the start, for as long as it is wrong; each gives the words that a start is refused
# with.


def its_pages_are_overwritten(file: Path) -> str:
    whole = file.read_bytes()
    file.write_bytes(whole[:4_096].ljust(len(whole), b"\xff"))  # but for the first, which says what it is
    return "is damaged or no database"


def the_log_begins_with_garbage(file: Path) -> str:
    log = log_of(file)
    log.write_bytes(b"garbage!" + log.read_bytes()[8:])
    return "is damaged or no database"


def it_is_cut_off(file: Path) -> str:
    os.truncate(file, 10_000)
    return "is damaged or no database"


def it_is_something_else(file: Path) -> str:
    file.write_text("a shopping list\n" * 1000)
    return "is damaged or no database"


def it_is_gone_and_its_log_is_there(file: Path) -> str:
    file.unlink()
    return "is gone, but its log inbox.db-wal is there"


def it_may_not_be_written(file: Path) -> str:
    file.chmod(0o400)
    return "cannot be used: [Errno 13] Permission denied"


def its_log_may_not_be_written(file: Path) -> str:
    log_of(file).chmod(0o400)
    return "cannot be used: "


def its_folder_may_not_be_written(file: Path) -> str:
    file.with_name("inbox.db.lock").unlink()
    file.parent.chmod(0o500)
    return "cannot be used: [Errno 13] Permission denied"


BROKEN = [
    its_pages_are_overwritten,
    it_may_not_be_written,
    the_log_begins_with_garbage,
    it_is_cut_off,
    it_is_something_else,
    it_is_gone_and_its_log_is_there,
    its_log_may_not_be_written,
    its_folder_may_not_be_written,
]


def log_of(file: Path) -> Path:
    return file.with_name("inbox.db-wal")


@contextmanager
def broken(file: Path, how: Callable[[Path], str]) -> Iterator[str]:
    """Break it for as long as the context lasts."""
    parts = {part: part.read_bytes() for part in (file, log_of(file))}
    try:
        yield how(file)
    finally:
        file.parent.chmod(0o700)
        for part, content in parts.items():
            part.unlink(missing_ok=True)
            part.write_bytes(content)
            part.chmod(0o600)


SHELL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("writing", flush=True)
sys.stdin.read()
"""
"""In a process of its own: the locks of a process are gone when it closes the file, as a look at its bytes does."""


@contextmanager
def written_by_a_shell(file: Path) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", SHELL, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == "writing\n"
        yield "cannot be used: database is locked"
        shell.communicate()


@contextmanager
def held(file: Path) -> Iterator[str]:
    with hold(file):
        yield "is in use by another process"


def contents(file: Path) -> dict[str, bytes]:
    """What is stored; an empty log is as good as none."""
    return {part.name: part.read_bytes() for part in (file, log_of(file)) if part.exists() and part.stat().st_size}


async def refused(place: Place, words: str, *command: str) -> None:
    """A start is refused with these words, in one line, and leaves all as it is."""
    file = inbox_of(place)
    before = contents(file)
    service = await place.run(*(command or (*NO_FAVOURS, *RUN)), **SETTINGS, INBOX_URL=f"sqlite:///{file}")
    assert await service.ended() == 2
    (line,) = service.errors
    assert line.startswith(f"INBOX_URL: the inbox {file} ")
    assert words in line
    assert contents(file) == before


def inbox_of(place: Place) -> Path:
    return place.folder / "inbox" / "inbox.db"


async def test_an_inbox_that_cannot_be_used_is_refused_and_kept_until_it_can(tmp_path: Path) -> None:
    async with placed(tmp_path) as place:
        file = inbox_of(place)
        first = await place.serve(**SETTINGS, INBOX_URL=f"sqlite:///{file}")
        for number in range(20):
            place.ask(f"{number} 60x0.1", sender=f"p{number}")
        await place.sandbox.until(lambda: len(accepted(place)) == 20, 30.0)
        with closing(sqlite3.connect(file)) as shell:
            shell.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that something is in the file, and more in its log
        for number in range(20, 30):
            place.ask(f"{number} 60x0.1", sender=f"p{number}")
        await place.sandbox.until(lambda: len(accepted(place)) == 30, 30.0)
        first.kill()
        await first.ended()
        for how in some(BROKEN):
            with broken(file, how) as words:
                await refused(place, words)
        for kept_away in some([held, written_by_a_shell]):
            with kept_away(file) as words:
                await refused(place, words)
        if THOROUGH:
            await refused(place, "cannot be used", *FULL, *RUN)
        await place.serve(**SETTINGS, INBOX_URL=f"sqlite:///{file}")
        await kept(place, Allowed(deaths=1))


@contextmanager
def the_disk_is_full(_: Path, service: Running) -> Iterator[None]:
    pid = service.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    yield
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def a_shell_writes(file: Path, _: Running) -> Iterator[None]:
    with written_by_a_shell(file):
        yield


@contextmanager
def the_file_is_moved_away(file: Path, _: Running) -> Iterator[None]:
    away = file.with_name("away")
    file.rename(away)
    yield
    away.rename(file)


async def ready(service: Running) -> bool:
    return (await service.told("/readyz"))[0] == 200


async def takes_no_writes(service: Running) -> bool:
    return "the inbox takes no writes" in (await service.told("/readyz"))[1]


def begun(place: Place) -> int:
    """How many runs of an agent there were."""
    runs = place.folder / RUNS
    return len(runs.read_text("utf-8").splitlines()) if runs.exists() else 0


FAULTS = [the_disk_is_full, a_shell_writes, the_file_is_moved_away]


@pytest.mark.parametrize("fault", some(FAULTS))
@pytest.mark.parametrize("killed", some([False, True]))
async def test_while_the_inbox_takes_no_writes_nothing_is_acked_and_nothing_is_lost(
    tmp_path: Path, fault: Callable[[Path, Running], AbstractContextManager[None]], killed: bool
) -> None:
    async with placed(tmp_path, "public", "text") as place:
        file = tmp_path / "inbox.db"
        service = await place.serve(**SETTINGS)
        for kind in place.robots:
            place.ask(f"先{kind} 20x0.1", kind=kind)
            place.ask(f"后{kind} 3x0.01", kind=kind)
        await place.sandbox.until(lambda: begun(place) == len(place.robots), 30.0)
        with fault(file, service):
            await eventually(lambda: takes_no_writes(service), 30.0)
            for number in range(5):
                for kind in place.robots:
                    place.ask(f"{number}{kind} 3x0.01", sender=f"p{number}", kind=kind)
            await place.sandbox.until(
                lambda: [one.text for one in place.sandbox.messages].count(texts.ASK_AGAIN) == 10, 30.0
            )
            assert len(accepted(place)) == 2 * len(place.robots)
            if killed:
                service.kill()
                await service.ended()
        if killed:
            service = await place.serve(**SETTINGS)
        await eventually(lambda: ready(service), 10.0)
        for one in place.sandbox.said:
            if not one.acked:
                place.sandbox.say(one.text, robot=one.robot, sender=one.sender, message_id=one.id)
        await kept(place, Allowed(deaths=int(killed), messages=1 + killed))
