"""An inbox file in an operator's hands: refused when in doubt, left alone while somebody serves from it, and clean of a
person who was forgotten."""

# ruff: noqa: ASYNC240 - nobody else waits for a test's loop

import asyncio
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from actors.errors import InboxError, InboxUnavailable
from actors.inbox import sqlite_archive, sqlite_file, statements
from actors.inbox.port import Feedback, Outcome, Put, State
from actors.inbox.sqlite import SqliteInbox
from actors.inbox.sqlite_archive import SqliteArchive
from tests.contract.stories import LI, SHOP, Clock, question, take, taken
from tests.inbox.conftest import OpenFile

OpenArchive = Callable[[], Awaitable[SqliteArchive]]

SECRET = "身份证三三零一"

TALKERS, QUESTIONS_EACH = 20, 6


@pytest.fixture
async def open_archive(path: Path) -> AsyncIterator[OpenArchive]:
    async with AsyncExitStack() as opened:

        async def open_one() -> SqliteArchive:
            archive = await SqliteArchive.open(path, clock=Clock())
            opened.push_async_callback(archive.close)
            return archive

        yield open_one


async def shown(archive: SqliteArchive) -> list[str]:
    return [stored.question.message_id async for stored in archive.questions()]


class TestDoubt:
    async def test_a_missing_file_is_named_and_not_made(self, open_archive: OpenArchive, path: Path) -> None:
        with pytest.raises(InboxError, match=f"no inbox {re.escape(str(path))}"):
            await open_archive()
        assert list(path.parent.iterdir()) == []

    async def test_a_file_that_is_no_database_is_refused_and_kept(self, open_archive: OpenArchive, path: Path) -> None:
        path.write_bytes(b"a shopping list\n" * 1000)
        with pytest.raises(InboxError, match="damaged or no database"):
            await open_archive()
        assert path.read_bytes() == b"a shopping list\n" * 1000

    async def test_a_damaged_file_is_refused_and_kept(
        self, inbox: SqliteInbox, open_archive: OpenArchive, path: Path
    ) -> None:
        for number in range(50):
            await inbox.put(question(f"m{number}", text="长" * 400), limit=100)
        await inbox.close()
        whole = path.read_bytes()
        damaged = whole[:40_960] + b"\xff" * 20_480 + whole[61_440:]
        path.write_bytes(damaged)
        with pytest.raises(InboxError, match="damaged or no database"):
            await open_archive()
        assert path.read_bytes() == damaged

    @pytest.mark.parametrize("content", [[], ["CREATE TABLE questions (quiz TEXT)"]], ids=["empty", "a database"])
    async def test_somebody_elses_file_is_refused_and_kept(
        self, open_archive: OpenArchive, path: Path, content: list[str]
    ) -> None:
        path.touch()
        with closing(sqlite3.connect(path)) as other:
            for statement in content:
                other.execute(statement)
        before = path.read_bytes()
        with pytest.raises(InboxError, match="no inbox of this service"):
            await open_archive()
        assert path.read_bytes() == before

    async def test_an_older_schema_is_left_for_the_service_to_bring_up_to_date(
        self, open_file: OpenFile, open_archive: OpenArchive, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as former:
            former.setattr(statements, "MIGRATIONS", statements.MIGRATIONS[:1])
            await (await open_file(path)).close()
        with pytest.raises(InboxError, match=r"schema 1,.*start it once"):
            await open_archive()
        with closing(sqlite3.connect(path)) as other:
            assert other.execute(statements.VERSION).fetchall() == [(1,)]

    async def test_a_newer_schema_is_refused_by_number(
        self, inbox: SqliteInbox, open_archive: OpenArchive, path: Path
    ) -> None:
        await inbox.close()
        with closing(sqlite3.connect(path)) as newer:
            newer.execute("UPDATE schema_version SET version = 99, works_with = 90")
            newer.commit()
        with pytest.raises(InboxError, match=r"schema 99.*newer version"):
            await open_archive()


class TestBesideTheService:
    async def test_it_takes_no_hold(self, inbox: SqliteInbox, open_archive: OpenArchive) -> None:
        await open_archive()
        assert await inbox.put(question("m1"), limit=8) is Put.NEW

    async def test_the_service_may_start_meanwhile(
        self, inbox: SqliteInbox, open_file: OpenFile, open_archive: OpenArchive, path: Path
    ) -> None:
        await inbox.close()
        await open_archive()
        assert await (await open_file(path)).healthy()

    async def test_it_sees_what_was_stored_a_moment_ago(self, inbox: SqliteInbox, open_archive: OpenArchive) -> None:
        archive = await open_archive()
        await inbox.put(question("m1"), limit=8)
        assert await shown(archive) == ["m1"]

    async def test_it_reads_while_somebody_writes(
        self, inbox: SqliteInbox, open_archive: OpenArchive, path: Path
    ) -> None:
        await inbox.put(question("m1"), limit=8)
        archive = await open_archive()
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            assert await shown(archive) == ["m1"]

    async def test_the_service_stores_while_it_reads(self, inbox: SqliteInbox, open_archive: OpenArchive) -> None:
        await inbox.put(question("m1"), limit=8)
        archive = await open_archive()
        async for _ in archive.questions():
            assert await inbox.put(question("m2"), limit=8) is Put.NEW

    async def test_a_file_that_stays_locked_is_named(
        self, inbox: SqliteInbox, open_archive: OpenArchive, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite_file, "_PATIENCE", 0.01)
        archive = await open_archive()
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            with pytest.raises(InboxUnavailable, match=f"{re.escape(str(path))}.*locked"):
                await archive.forget("staff-li")

    async def test_leases_of_the_service_are_not_voided(self, inbox: SqliteInbox, open_archive: OpenArchive) -> None:
        await inbox.put(question("m1"), limit=8)
        held = await take(inbox)
        archive = await open_archive()
        await archive.purge()
        await archive.close()
        await held.done(Outcome.ANSWERED)

    async def test_a_replayed_question_is_found_by_the_service(
        self, inbox: SqliteInbox, open_archive: OpenArchive
    ) -> None:
        await inbox.put(question("m1"), limit=8)
        await (await take(inbox)).done(Outcome.EXPIRED)
        await (await open_archive()).replay(SHOP, "m1")
        assert [work.conversation for work in await inbox.backlog()] == [LI]
        assert await taken(inbox) == "m1"

    async def test_a_question_replayed_without_a_service_is_found_by_the_next(
        self, inbox: SqliteInbox, open_file: OpenFile, open_archive: OpenArchive, path: Path
    ) -> None:
        await inbox.put(question("m1"), limit=8)
        await (await take(inbox)).done(Outcome.EXPIRED)
        await inbox.close()
        archive = await open_archive()
        await archive.replay(SHOP, "m1")
        await archive.close()
        assert await taken(await open_file(path)) == "m1"


def bytes_of(path: Path) -> bytes:
    """All that stands in the inbox's files."""
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def fail_to_rewrite(_: sqlite3.Connection) -> bool:
    raise sqlite3.OperationalError("database or disk is full")


async def live_through(inbox: SqliteInbox) -> None:
    """Many people ask, briefly or at length, and get answers; every fourth wants to be forgotten later."""
    lengths = random.Random(1)

    async def talk(talker: int) -> None:
        conversation = f"{SHOP}::{talker}"
        sender, word = ("staff-li", SECRET) if talker % 4 == 0 else (f"staff-{talker}", "多久发货？")
        for number in range(QUESTIONS_EACH):
            name, text = f"{sender}-{talker}-{number}", word * lengths.choice([1, 3, 20, 60, 300])
            await inbox.put(question(name, text=text, sender=sender, conversation=conversation), limit=99)
            delivery = await take(inbox, conversation)
            await delivery.answered(text * lengths.choice([1, 2]))
            await delivery.done(Outcome.ANSWERED)
            await inbox.feedback(Feedback(SHOP, name, sender, "helpful"))

    await asyncio.gather(*(talk(talker) for talker in range(TALKERS)))


def leave_copies(path: Path) -> None:
    """Delete some of the person's questions in a way that leaves their text in unused pages, as SQLite's moving of rows
    does now and then."""
    with closing(sqlite3.connect(path)) as careless:
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("DELETE FROM questions WHERE sender = 'staff-li' AND sequence % 3 = 0")
        careless.commit()


class TestCleanness:
    async def test_without_a_service_nothing_of_a_forgotten_person_stays_in_the_files(
        self, inbox: SqliteInbox, open_archive: OpenArchive, path: Path
    ) -> None:
        await live_through(inbox)
        await inbox.close()
        leave_copies(path)
        assert SECRET.encode() in bytes_of(path)
        archive = await open_archive()
        await archive.forget("staff-li")
        assert await archive.purge() is True
        assert [name for name in (SECRET, "staff-li") if name.encode() in bytes_of(path)] == []

    async def test_beside_a_service_what_is_deleted_is_overwritten_where_it_stood(
        self, inbox: SqliteInbox, open_archive: OpenArchive, path: Path
    ) -> None:
        for number in range(20):
            await inbox.put(question(f"m{number}", text=SECRET), limit=99)
            delivery = await take(inbox)
            await delivery.answered(SECRET)
            await delivery.done(Outcome.ANSWERED)
        archive = await open_archive()
        await archive.forget("staff-li")
        await archive.purge()
        assert SECRET.encode() not in bytes_of(path)

    async def test_beside_a_service_the_log_is_emptied(
        self, inbox: SqliteInbox, open_archive: OpenArchive, path: Path
    ) -> None:
        await live_through(inbox)
        archive = await open_archive()
        await archive.forget("staff-li")
        assert await archive.purge() is False
        assert path.with_name("inbox.db-wal").read_bytes() == b""

    async def test_after_the_next_start_nothing_of_a_person_stays_who_was_forgotten_beside_the_service(
        self, inbox: SqliteInbox, open_file: OpenFile, open_archive: OpenArchive, path: Path
    ) -> None:
        await live_through(inbox)
        leave_copies(path)
        archive = await open_archive()
        await archive.forget("staff-li")
        await archive.purge()
        await archive.close()
        await inbox.close()
        await open_file(path)
        assert [name for name in (SECRET, "staff-li") if name.encode() in bytes_of(path)] == []

    async def test_the_file_is_made_anew_once(
        self, inbox: SqliteInbox, open_file: OpenFile, open_archive: OpenArchive, path: Path
    ) -> None:
        await (await open_archive()).forget("staff-li")
        await inbox.close()
        for _ in range(2):
            await (await open_file(path)).close()
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA user_version").fetchall() == [(0,)]

    async def test_all_else_is_kept(self, inbox: SqliteInbox, open_archive: OpenArchive) -> None:
        await live_through(inbox)
        await inbox.close()
        archive = await open_archive()
        await archive.forget("staff-li")
        await archive.purge()
        assert (
            len([stored async for stored in archive.questions(state=State.CLOSED)]) == TALKERS * QUESTIONS_EACH * 3 // 4
        )

    async def test_a_file_that_cannot_be_made_anew_is_served_all_the_same_and_tried_again(
        self, open_file: OpenFile, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        await (await open_file(path)).close()
        archive = await SqliteArchive.open(path)
        await archive.forget("staff-li")
        await archive.close()
        with monkeypatch.context() as full:
            full.setattr(sqlite_file, "rewrite", fail_to_rewrite)
            await (await open_file(path)).close()
        assert [vars(record)["action"] for record in caplog.records] == ["inbox_not_rewritten"]
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA user_version").fetchall() == [(1,)]

    async def test_while_somebody_reads_the_file_is_not_called_clean(
        self, inbox: SqliteInbox, open_archive: OpenArchive, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await inbox.put(question("m1"), limit=8)
        await inbox.close()
        monkeypatch.setattr(sqlite_file, "_PATIENCE", 0.01)
        archive = await open_archive()
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM questions").fetchall()
            await archive.forget("staff-li", unfinished=True)
            assert await archive.purge() is False
        assert await archive.purge() is True

    async def test_a_reader_who_does_not_go_away_keeps_nobody_from_writing(
        self, inbox: SqliteInbox, open_archive: OpenArchive, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite_archive, "_TRIES", 2)
        archive = await open_archive()
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM questions").fetchall()
            await inbox.put(question("m1"), limit=8)
            assert await archive.purge() is False
            assert await inbox.put(question("m2"), limit=8) is Put.NEW
