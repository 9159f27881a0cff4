"""A copy of the inbox, made by a process of its own: beside a service, beside one that is writing, or beside none."""

import asyncio
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.inbox.sqlite import SqliteInbox
from actors.inbox.sqlite_archive import SqliteArchive
from tests.chaos.cast import WHOLE
from tests.chaos.conftest import Place, Running, placed
from tests.chaos.crowd import crowded
from tests.contract.stories import question
from tests.operations.test_records_beside import Told, command, ended
from tests.operations.workshop import ROOT

BACKUP = [sys.executable, "-m", "actors", "backup"]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as place:
        yield place


@pytest.fixture
async def service(place: Place) -> Running:
    """One that has answered two people."""
    service = await place.serve()
    for sender in ("zhang", "wang"):
        place.ask("你好", sender=sender)
    await ended(service, 2)
    return service


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A large inbox that nobody serves from."""
    path = tmp_path / "inbox.db"

    async def filled() -> None:
        inbox = await SqliteInbox.open(path, lease=15, dedupe_window=3600, retention=86400)
        await inbox.put(question("m1", text="长" * 200_000), limit=9)
        await inbox.close()

    asyncio.run(filled())
    return path


def environment(inbox: Path) -> dict[str, str]:
    return os.environ | {"INBOX_URL": f"sqlite:///{inbox}"}


async def questions(path: Path) -> list[str]:
    """The message ids of the questions in a file, newest first."""
    archive = await SqliteArchive.open(path)
    found = [stored.question.message_id async for stored in archive.questions()]
    await archive.close()
    return found


def left_in(folder: Path) -> list[str]:
    """What is in a folder beside the inbox and what belongs to it."""
    mine = {"inbox.db", "inbox.db-wal", "inbox.db-shm", "inbox.db.lock", "asked", "go"}
    return sorted(path.name for path in folder.iterdir() if path.name not in mine)


async def backup(place: Place, name: str = "copy.db") -> Told:
    return await command(place, "backup", str(place.folder / name))


@pytest.mark.usefixtures("service")
class TestBesideAService:
    async def test_it_says_what_it_copied(self, place: Place) -> None:
        told, copy = await backup(place), place.folder / "copy.db"
        said = f"copied {place.folder}/inbox.db to {copy}: {copy.stat().st_size} bytes, 2 questions\n"
        assert (told.code, told.out, told.err) == (0, said, "")

    async def test_the_copy_is_one_file_for_its_owner_alone(self, place: Place) -> None:
        await backup(place)
        assert left_in(place.folder) == ["copy.db"]
        assert (place.folder / "copy.db").stat().st_mode & 0o777 == 0o600

    async def test_a_file_that_is_there_is_left_as_it_is(self, place: Place) -> None:
        there = place.folder / "copy.db"
        there.write_text("something else")
        told = await backup(place)
        assert (told.code, told.err.startswith(f"{there} is there already")) == (1, True)
        assert (there.read_text(), left_in(place.folder)) == ("something else", ["copy.db"])

    async def test_a_link_is_not_followed(self, place: Place) -> None:
        (place.folder / "copy.db").symlink_to(place.folder / "elsewhere.db")
        assert (await backup(place)).code == 1
        assert left_in(place.folder) == ["copy.db"]

    async def test_a_folder_that_is_not_there_is_named(self, place: Place) -> None:
        told = await backup(place, "none/copy.db")
        assert (told.code, told.err) == (
            1,
            f"{place.folder}/none/copy.db cannot be written: No such file or directory\n",
        )

    async def test_stdout_gets_the_copy_and_nothing_else(self, place: Place) -> None:
        fetched = place.folder / "fetched.db"
        shell = await place.run("sh", "-c", f"exec {' '.join(BACKUP)} - > {fetched}")
        assert await shell.ended() == 0
        said = f"copied {place.folder}/inbox.db to stdout: {fetched.stat().st_size} bytes, 2 questions\n"
        assert shell.errors == [said]
        assert len(await questions(fetched)) == 2
        assert left_in(place.folder) == ["fetched.db"]

    async def test_a_copy_of_an_inbox_that_is_to_be_made_anew_has_no_need_of_it(self, place: Place) -> None:
        assert (await command(place, "forget", "zhang", "--yes")).code == 0
        await backup(place)
        connection = sqlite3.connect(place.folder / "copy.db")
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)
        connection.close()


class TestRestored:
    async def test_a_repeat_of_what_was_answered_before_the_copy_is_not_answered_again(self, place: Place) -> None:
        name, _ = await self.restored(place)
        place.sandbox.say("第一", robot=place.robot, sender="zhang", message_id=name)
        place.ask("第二")
        await place.all_closed(2)
        assert [line.split(" | ")[0] for line in place.asked] == ["第一", "第二"]

    async def test_what_was_said_before_the_copy_is_remembered(self, place: Place) -> None:
        await self.restored(place)
        place.ask("第二")
        await place.all_closed(2)
        assert place.asked[-1] == "第二 | 第一"

    async def test_a_rating_from_before_the_copy_is_there(self, place: Place) -> None:
        _, copy = await self.restored(place)
        told = await command(place, "feedback", INBOX_URL=f"sqlite:///{copy}")
        assert "very_helpful" in told.out

    async def test_what_was_open_when_the_copy_was_made_is_answered(self, place: Place) -> None:
        first = await place.serve()
        place.ask("held")
        await place.card(calls=2)
        assert (await backup(place)).code == 0
        first.kill()
        await first.ended()
        place.let_go()
        await place.serve(INBOX_URL=f"sqlite:///{place.folder}/copy.db")
        (card,) = await place.all_closed(1)
        assert card.text == WHOLE

    @staticmethod
    async def restored(place: Place) -> tuple[str, Path]:
        """A service on the copy of another's inbox, which had one answer, rated; gives the question's message id."""
        first, copy = await place.serve(), place.folder / "copy.db"
        name = place.ask("第一")
        (card,) = await place.all_closed(1)
        await ended(first, 1)
        place.sandbox.click(card.id, card.buttons()[0]["id"], "zhang")
        await place.sandbox.until(lambda: len(place.sandbox.acks) == 2)
        assert (await backup(place)).code == 0
        first.kill(signal.SIGTERM)
        assert await first.ended() == 0
        await place.serve(INBOX_URL=f"sqlite:///{copy}")
        return name, copy


async def test_beside_a_service_that_is_writing_each_copy_has_all_that_was_acked_before_it(place: Place) -> None:
    settings = {"AGENT": "python:tests.chaos.cast:counting", "CONVERSATION_QUEUE": "1000", "OPENAPI_QPS": "1000"}
    service = await place.serve(**settings)
    async with crowded(place, 20) as crowd:
        for number in range(5):
            before = len(crowd.accepted)
            await place.sandbox.until(lambda before=before: len(crowd.accepted) >= before + 20, 60.0)  # type: ignore[misc]
            acked = {said.id for said in crowd.accepted}
            assert (await backup(place, f"copy{number}.db")).code == 0
            assert acked <= set(await questions(place.folder / f"copy{number}.db"))
    assert [ack.seconds for ack in place.sandbox.acks if (ack.seconds or 0) >= 3] == []
    assert not [line for line in service.output if '"level": "ERROR"' in line]


def test_a_copy_of_an_inbox_that_nobody_serves_from_leaves_nothing_beside_it(inbox: Path) -> None:
    copy = inbox.with_name("copy.db")
    ran = subprocess.run([*BACKUP, str(copy)], cwd=ROOT, env=environment(inbox), check=False, timeout=60)
    assert (ran.returncode, left_in(inbox.parent)) == (0, ["copy.db"])


def test_a_copy_has_no_traces_of_what_was_deleted(inbox: Path) -> None:
    connection = sqlite3.connect(inbox, isolation_level=None)
    connection.execute("PRAGMA secure_delete = OFF")  # as it is with rows that SQLite moved before they were deleted
    connection.execute("DELETE FROM questions")
    connection.close()
    copy = inbox.with_name("copy.db")
    ran = subprocess.run([*BACKUP, str(copy)], cwd=ROOT, env=environment(inbox), check=False, timeout=60)
    assert ran.returncode == 0
    assert ["长长".encode() in file.read_bytes() for file in (inbox, copy)] == [True, False]


def test_a_reader_that_goes_away_has_no_copy(inbox: Path) -> None:
    with subprocess.Popen(
        [*BACKUP, "-"], cwd=ROOT, env=environment(inbox), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read().decode() == "stdout cannot be written: Broken pipe\n"
        assert process.wait(60) == 1
    assert left_in(inbox.parent) == []


def test_a_copy_that_is_broken_off_leaves_nothing_behind(inbox: Path) -> None:
    with subprocess.Popen([*BACKUP, "-"], cwd=ROOT, env=environment(inbox), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(10)  # the rest does not fit into the pipe
        process.terminate()
        assert process.wait(60) == 1
    assert left_in(inbox.parent) == []


def test_a_copy_that_the_disk_does_not_hold_is_not_kept(inbox: Path) -> None:
    shell = f"ulimit -f 200; exec {' '.join(BACKUP)} {inbox.parent}/copy.db"
    ran = subprocess.run(
        ["/bin/bash", "-c", shell], cwd=ROOT, env=environment(inbox), capture_output=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stderr.decode().startswith(f"the inbox {inbox} was not copied: ")) == (1, True)
    assert left_in(inbox.parent) == []


def test_a_terminal_gets_no_copy(inbox: Path) -> None:
    ours, theirs = pty.openpty()
    ran = subprocess.run(
        [*BACKUP, "-"], cwd=ROOT, env=environment(inbox), stdout=theirs, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(theirs)
    os.close(ours)
    assert (ran.returncode, b"send stdout to a file" in ran.stderr) == (2, True)


def test_an_inbox_that_is_not_there_is_a_wrong_setting(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*BACKUP, str(tmp_path / "copy.db")],
        cwd=ROOT,
        env=environment(tmp_path / "none.db"),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr.startswith(b"INBOX_URL: there is no inbox")) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["one", "two"]])
def test_wrong_words_are_told(words: list[str], inbox: Path) -> None:
    ran = subprocess.run([*BACKUP, *words], cwd=ROOT, env=environment(inbox), capture_output=True, check=False)
    assert (ran.returncode, ran.stderr.startswith(b"usage: python -m actors backup")) == (2, True)


def test_its_help_says_how_to_restore_and_that_a_copy_forgets_nobody(inbox: Path) -> None:
    ran = subprocess.run([*BACKUP, "-h"], cwd=ROOT, env=environment(inbox), capture_output=True, text=True, check=False)
    words = " ".join(ran.stdout.split())
    assert "To restore it, stop the service" in words
    assert "A copy keeps what `forget` deletes later" in words
