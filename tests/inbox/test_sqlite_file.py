"""One inbox file: private, held by one process, refused with a clear word when in doubt, and never replaced."""

# ruff: noqa: ASYNC240 - nobody else waits for a test's loop

import logging
import re
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from actors.errors import InboxError, InboxUnavailable
from actors.inbox import statements
from actors.inbox.port import Put
from actors.inbox.sqlite import SqliteInbox
from tests.contract.stories import LI, SHOP, question, take
from tests.inbox.conftest import OpenFile


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def fill(inbox: SqliteInbox, count: int = 200) -> None:
    for number in range(count):
        await inbox.put(question(f"m{number}", text="长" * 400), limit=count)
    await inbox.close()


async def left_by_a_killed_process(open_file: OpenFile, path: Path, tmp_path: Path) -> Path:
    """What would be there if this process were killed now: a file, and a log with a question that is not in it."""
    await fill(await open_file(path))
    await (await open_file(path)).put(question("last"), limit=1000)
    (tmp_path / "left").mkdir()
    for name in ("inbox.db", "inbox.db-wal"):
        shutil.copy(path.with_name(name), tmp_path / "left" / name)
    return tmp_path / "left" / "inbox.db"


def contents(path: Path) -> tuple[bytes, bytes]:
    return path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()


class TestPlace:
    async def test_a_missing_folder_is_made_for_this_user_only(self, open_file: OpenFile, tmp_path: Path) -> None:
        await open_file(tmp_path / "var" / "shop" / "inbox.db")
        assert mode(tmp_path / "var" / "shop") == 0o700

    async def test_the_files_are_for_this_user_only(self, inbox: SqliteInbox, path: Path) -> None:
        await inbox.put(question("m1"), limit=8)
        names = ["inbox.db", "inbox.db-shm", "inbox.db-wal", "inbox.db.lock"]
        assert [(name, mode(path.with_name(name))) for name in names] == [(name, 0o600) for name in names]

    async def test_a_place_that_cannot_be_used_is_refused_by_name(self, open_file: OpenFile, tmp_path: Path) -> None:
        (tmp_path / "var").write_text("a file where a folder should be")
        with pytest.raises(InboxError, match=re.escape(str(tmp_path / "var" / "inbox.db"))):
            await open_file(tmp_path / "var" / "inbox.db")

    async def test_a_folder_in_the_place_of_the_file_is_refused(self, open_file: OpenFile, path: Path) -> None:
        path.mkdir()
        with pytest.raises(InboxError, match="cannot be used"):
            await open_file(path)

    async def test_a_refused_place_is_free_for_the_next_try(self, open_file: OpenFile, path: Path) -> None:
        path.write_bytes(b"no database" * 1000)
        with pytest.raises(InboxError):
            await open_file(path)
        path.unlink()
        assert await (await open_file(path)).healthy()


class TestHold:
    async def test_a_second_holder_is_refused_by_name(
        self, inbox: SqliteInbox, open_file: OpenFile, path: Path
    ) -> None:
        with pytest.raises(InboxError, match=f"{re.escape(str(path))} is in use.*INBOX_URL"):
            await open_file(path)

    async def test_a_second_name_of_the_file_is_no_way_round(
        self, inbox: SqliteInbox, open_file: OpenFile, tmp_path: Path, path: Path
    ) -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "inbox.db").symlink_to(path)
        with pytest.raises(InboxError, match="in use"):
            await open_file(tmp_path / "other" / "inbox.db")

    async def test_a_refused_second_leaves_the_first_alone(
        self, inbox: SqliteInbox, open_file: OpenFile, path: Path
    ) -> None:
        with pytest.raises(InboxError):
            await open_file(path)
        with pytest.raises(InboxError):
            await open_file(path)
        assert await inbox.put(question("m1"), limit=8) is Put.NEW

    async def test_a_closed_inbox_may_be_opened_again(self, open_file: OpenFile, path: Path) -> None:
        await (await open_file(path)).close()
        assert await (await open_file(path)).healthy()

    async def test_an_operator_may_read_a_file_that_is_in_use(self, inbox: SqliteInbox, path: Path) -> None:
        await inbox.put(question("m1"), limit=8)
        shell = sqlite3.connect(path)
        rows = shell.execute("SELECT COUNT(*) FROM questions").fetchall()
        shell.close()
        assert rows == [(1,)]
        assert await inbox.put(question("m2"), limit=8) is Put.NEW


class TestDoubt:
    async def test_a_file_that_is_no_database_is_refused_and_kept(self, open_file: OpenFile, path: Path) -> None:
        path.write_bytes(b"a shopping list\n" * 1000)
        with pytest.raises(InboxError, match="damaged or no database"):
            await open_file(path)
        assert path.read_bytes() == b"a shopping list\n" * 1000

    async def test_a_damaged_file_is_refused_and_kept(self, open_file: OpenFile, path: Path) -> None:
        await fill(await open_file(path))
        whole = path.read_bytes()
        damaged = whole[:40_960] + b"\xff" * 40_960 + whole[81_920:]
        path.write_bytes(damaged)
        with pytest.raises(InboxError, match="damaged or no database"):
            await open_file(path)
        assert path.read_bytes() == damaged

    async def test_a_file_that_was_cut_off_is_refused(self, open_file: OpenFile, path: Path) -> None:
        await fill(await open_file(path))
        path.write_bytes(path.read_bytes()[:81_920])
        with pytest.raises(InboxError, match="damaged or no database"):
            await open_file(path)

    async def test_a_damaged_file_and_its_log_are_kept_apart(
        self, open_file: OpenFile, path: Path, tmp_path: Path
    ) -> None:
        left = await left_by_a_killed_process(open_file, path, tmp_path)
        left.write_bytes(left.read_bytes()[:40_960] + b"\xff" * 40_960 + left.read_bytes()[81_920:])
        before = contents(left)
        with pytest.raises(InboxError, match="damaged or no database"):
            await open_file(left)
        assert contents(left) == before

    @pytest.mark.parametrize("place", [0, 16, 24], ids=["magic", "salt", "checksum"])
    async def test_a_log_with_a_broken_beginning_is_refused_and_kept(
        self, open_file: OpenFile, path: Path, tmp_path: Path, place: int
    ) -> None:
        left = await left_by_a_killed_process(open_file, path, tmp_path)
        log = left.with_name("inbox.db-wal")
        whole = log.read_bytes()
        log.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        before = contents(left)
        with pytest.raises(InboxError, match=r"damaged.*inbox\.db-wal"):
            await open_file(left)
        assert contents(left) == before

    @pytest.mark.parametrize("beginning", [b"", bytes(32), b"7\x7f\x06"], ids=["empty", "zeros", "torn"])
    async def test_a_log_that_was_just_begun_when_the_power_failed_is_none(
        self, open_file: OpenFile, path: Path, beginning: bytes
    ) -> None:
        await fill(await open_file(path), 3)
        path.with_name("inbox.db-wal").write_bytes(beginning)
        assert (await (await open_file(path)).pending()) == {SHOP: 3}

    async def test_a_missing_file_whose_log_is_there_is_refused(self, open_file: OpenFile, path: Path) -> None:
        path.with_name("inbox.db-wal").write_bytes(b"questions")
        with pytest.raises(InboxError, match=r"inbox\.db-wal"):
            await open_file(path)
        assert path.with_name("inbox.db-wal").read_bytes() == b"questions"

    async def test_somebody_elses_database_is_refused(self, open_file: OpenFile, path: Path) -> None:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE questions (quiz TEXT)")
        other.close()
        with pytest.raises(InboxError, match="cannot be used"):
            await open_file(path)

    async def test_a_newer_schema_is_refused_by_number(self, open_file: OpenFile, path: Path) -> None:
        await (await open_file(path)).close()
        newer = sqlite3.connect(path)
        newer.execute("UPDATE schema_version SET version = 99, works_with = 90")
        newer.commit()
        newer.close()
        with pytest.raises(InboxError, match=r"schema 99.*newer version"):
            await open_file(path)

    async def test_a_newer_schema_that_says_it_may_be_served_from_is_left_as_it_is(
        self, open_file: OpenFile, path: Path
    ) -> None:
        await (await open_file(path)).close()
        with closing(sqlite3.connect(path)) as newer:
            newer.execute("UPDATE schema_version SET version = 99")
            newer.commit()
            inbox = await open_file(path)
            assert await inbox.put(question("m1"), limit=8) is Put.NEW
            await inbox.close()
            assert newer.execute(statements.VERSION).fetchall() == [(99,)]

    async def test_a_fresh_file_has_the_newest_schema(self, open_file: OpenFile, path: Path) -> None:
        await (await open_file(path)).close()
        fresh = sqlite3.connect(path)
        rows = fresh.execute(statements.VERSION).fetchall()
        fresh.close()
        assert rows == [(len(statements.MIGRATIONS),)]

    async def test_who_asked_is_known_of_questions_and_turns_of_the_first_schema(
        self, open_file: OpenFile, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as former:
            former.setattr(statements, "MIGRATIONS", statements.MIGRATIONS[:1])
            await (await open_file(path)).close()
        old = sqlite3.connect(path)
        old.execute(
            "INSERT INTO questions (robot, message_id, conversation, chat_id, question, state, answer, received_at)"
            " VALUES ('r', 'm', 'c', 'k', ?, 'closed', '明天到', 0)",
            (question().to_json(),),
        )
        old.execute("INSERT INTO turns (chat_id, question, answer, ended_at) VALUES ('k', '到哪里了', '明天到', 0)")
        old.commit()
        old.close()
        await (await open_file(path)).close()
        migrated = sqlite3.connect(path)
        rows = migrated.execute("SELECT questions.sender, turns.sender FROM questions, turns").fetchall()
        migrated.close()
        assert rows == [("staff-li", "staff-li")]

    async def test_questions_from_before_there_were_runs_have_none(
        self, open_file: OpenFile, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as former:
            former.setattr(statements, "MIGRATIONS", statements.MIGRATIONS[:3])
            await fill(await open_file(path), 1)
        inbox = await open_file(path)
        record = await inbox.record(SHOP, "m0")
        assert record is not None
        assert (record.run, await inbox.session(LI)) == ("", "")
        await (await take(inbox)).begun("run-1", "talk-1")
        assert await inbox.session(LI) == "talk-1"

    async def test_an_older_schema_is_brought_up_to_date_and_keeps_its_questions(
        self, open_file: OpenFile, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await fill(await open_file(path), 3)
        wider = (*statements.MIGRATIONS, ("ALTER TABLE questions ADD COLUMN mood TEXT",))
        monkeypatch.setattr(statements, "MIGRATIONS", wider)
        await (await open_file(path)).close()
        migrated = sqlite3.connect(path)
        rows = migrated.execute("SELECT version, (SELECT COUNT(mood IS NULL) FROM questions) FROM schema_version")
        assert rows.fetchall() == [(len(wider), 3)]
        migrated.close()


class TestTrouble:
    async def test_a_file_that_was_moved_away_takes_no_writes(self, inbox: SqliteInbox, path: Path) -> None:
        path.rename(path.with_name("moved.db"))
        with pytest.raises(InboxUnavailable, match=re.escape(str(path))):
            await inbox.put(question("m1"), limit=8)
        assert await inbox.healthy() is False

    async def test_a_file_that_was_replaced_takes_no_writes(self, inbox: SqliteInbox, path: Path) -> None:
        path.rename(path.with_name("moved.db"))
        path.touch()
        with pytest.raises(InboxUnavailable, match="replaced"):
            await inbox.put(question("m1"), limit=8)

    async def test_writes_go_on_when_the_trouble_is_over(self, inbox: SqliteInbox, path: Path) -> None:
        path.rename(path.with_name("moved.db"))
        assert await inbox.healthy() is False
        path.with_name("moved.db").rename(path)
        assert await inbox.put(question("m1"), limit=8) is Put.NEW

    async def test_trouble_and_its_end_are_logged_once_each(
        self, inbox: SqliteInbox, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="actors.inbox")
        path.rename(path.with_name("moved.db"))
        await inbox.healthy()
        await inbox.healthy()
        path.with_name("moved.db").rename(path)
        await inbox.healthy()
        await inbox.healthy()
        assert [vars(record)["action"] for record in caplog.records] == ["inbox_failing", "inbox_works_again"]

    async def test_a_file_that_somebody_else_is_writing_takes_no_writes(self, inbox: SqliteInbox, path: Path) -> None:
        shell = sqlite3.connect(path, isolation_level=None)
        shell.execute("BEGIN IMMEDIATE")
        with pytest.raises(InboxUnavailable, match="locked"):
            await inbox.put(question("m1"), limit=8)
        shell.close()
        assert await inbox.put(question("m1"), limit=8) is Put.NEW


NARROW = {"questions_not_closed"}
"""A partial index that holds open questions only: short enough to be read from end to end."""


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, statement in vars(statements).items()
        if name.isupper() and isinstance(statement, str) and re.search(r"questions|turns|sessions|feedback", statement)
    ],
)
async def test_no_statement_reads_all_that_was_ever_stored(inbox: SqliteInbox, path: Path, name: str) -> None:
    statement: str = getattr(statements, name)
    values = dict.fromkeys(re.findall(r":(\w+)", statement), 1)
    planner = sqlite3.connect(path)
    plan = [row[3] for row in planner.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    planner.close()
    scans = [line.split()[-1] for line in plan if re.match(r"SCAN (questions|turns|sessions|feedback)", line)]
    assert set(scans) <= NARROW
