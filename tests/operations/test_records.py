"""What an operator sees of a shop's inbox, and may do to it, while no service is running."""

import asyncio
import csv
import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from actors.core.question import Attachment, Question
from actors.inbox.port import Feedback, Inbox, Outcome
from actors.inbox.sqlite import SqliteInbox
from actors.records import command as records
from actors.records.tables import width
from actors.settings import load
from tests.contract.stories import LI, SHOP, question, take, taken
from tests.operations.workshop import ROOT

NOON = datetime(2026, 11, 26, 12, 0).timestamp()  # noqa: DTZ001 - as the operator's clock on the wall says


@dataclass
class Told:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Shop:
    """A shop's inbox file, and an operator at its terminal."""

    path: Path
    capture: pytest.CaptureFixture[str]

    def live(self, story: Callable[[Inbox], Awaitable[object]], *, at: float = NOON) -> None:
        """Let something happen in the inbox, while a service runs."""

        async def open_and_close() -> None:
            inbox = await SqliteInbox.open(self.path, lease=15, dedupe_window=3600, retention=86400, clock=lambda: at)
            await story(inbox)
            await inbox.close()

        asyncio.run(open_and_close())

    def closed(self, asked: Question, outcome: Outcome, answer: str | None = None, *, rating: str = "") -> None:
        """A question's whole way."""

        async def story(inbox: Inbox) -> None:
            await inbox.put(asked, limit=99)
            delivery = await take(inbox, asked.conversation)
            if answer is not None:
                await delivery.begun("run-1", f"talk with {asked.sender_id}")
                await delivery.answered(answer, outcome)
            await delivery.done(outcome)
            if rating:
                await inbox.feedback(Feedback(asked.robot, asked.message_id, asked.sender_id, rating))

        self.live(story, at=asked.received_at)

    def run(self, *words: str) -> Told:
        """Give a command."""
        code = records.command(words)(load({"INBOX_URL": f"sqlite:///{self.path}"}))
        out, err = self.capture.readouterr()
        return Told(code, out, err)

    def kept(self) -> list[str]:
        """The message ids that are still there."""
        return [line.split()[3] for line in self.run("questions").lines[1:]]


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("COLUMNS", "120")
    return Shop(tmp_path / "inbox.db", capsys)


def asked(message_id: str = "m1", text: str = "我的订单到哪里了？", **other: str) -> Question:
    return question(message_id, text=text, received_at=NOON, **other)


class TestFeedback:
    def test_a_rating_is_one_line_with_its_question_and_answer(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.ANSWERED, "明天到", rating="helpful")
        header, line = shop.run("feedback").lines
        assert header.split() == ["given", "robot", "message", "id", "who", "rating", "question", "answer"]
        assert line.split() == ["2026-11-26", "12:00", SHOP, "m1", "小李", "helpful", "我的订单到哪里了？", "明天到"]

    def test_a_line_fits_the_terminal(self, shop: Shop) -> None:
        shop.closed(asked(text="我的订单" * 90), Outcome.ANSWERED, "明天到" * 90, rating="helpful")
        assert [width(line) for line in shop.run("feedback").lines][1] in {119, 120}

    def test_no_rating_is_no_fault(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.ANSWERED)
        told = shop.run("feedback")
        assert (told.code, len(told.lines)) == (0, 1)

    def test_csv_has_everything_in_columns(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.ANSWERED, "明天，\n最晚后天", rating="slightly_helpful")
        header, record = csv.reader(io.StringIO(shop.run("feedback", "--csv").out.removeprefix("\ufeff"), newline=""))
        given_at = datetime.fromtimestamp(NOON).astimezone().isoformat()
        assert dict(zip(header, record, strict=True)) == {
            "given_at": given_at,
            "robot": SHOP,
            "message_id": "m1",
            "person": "staff-li",
            "nick": "小李",
            "rating": "slightly_helpful",
            "type": "unhelpful",
            "question": "我的订单到哪里了？",
            "answer": "明天，\n最晚后天",
        }

    def test_times_in_csv_have_their_zone(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.ANSWERED, rating="helpful")
        assert re.search(r"^2026-11-26T12:00:00[+-]\d\d:\d\d,", shop.run("feedback", "--csv").out, re.MULTILINE)

    def test_csv_begins_with_the_mark_that_excel_needs(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.ANSWERED)
        assert shop.run("feedback", "--csv").out.startswith("\ufeffgiven_at,robot,")

    def test_what_a_customer_wrote_is_no_formula_in_csv(self, shop: Shop) -> None:
        shop.closed(asked(text='=HYPERLINK("http://x")'), Outcome.ANSWERED, "- 明天", rating="helpful")
        _, record = csv.reader(io.StringIO(shop.run("feedback", "--csv").out, newline=""))
        assert record[-2:] == ['\'=HYPERLINK("http://x")', "'- 明天"]

    def test_a_person_who_rates_somebody_elses_answer_has_no_nick(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.ANSWERED, "明天到")
        shop.live(lambda inbox: inbox.feedback(Feedback(SHOP, "m1", "staff-wang", "helpful")))
        assert shop.run("feedback").lines[1].split()[4] == "staff-wang"
        _, record = csv.reader(io.StringIO(shop.run("feedback", "--csv").out, newline=""))
        assert record[3:5] == ["staff-wang", ""]

    @pytest.mark.parametrize(
        ("since", "count"), [("2026-11-26", 1), ("2026-11-26T12:00", 1), ("2026-11-26T12:01", 0), ("2026-11-27", 0)]
    )
    def test_only_what_was_given_since_a_day_or_hour(self, shop: Shop, since: str, count: int) -> None:
        shop.closed(asked(), Outcome.ANSWERED, rating="helpful")
        assert len(shop.run("feedback", "--since", since).lines) == 1 + count

    def test_only_what_was_given_to_one_robot(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.ANSWERED, rating="helpful")
        shop.closed(asked(robot="ding-bank"), Outcome.ANSWERED, rating="not_helpful")
        (_, line) = shop.run("feedback", "--robot", "ding-bank").lines
        assert "not_helpful" in line


class TestList:
    def test_a_question_is_one_line(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.EXPIRED, "抱歉")
        header, line = shop.run("questions").lines
        assert header.split()[:4] == ["received", "robot", "message", "id"]
        assert line.split() == [
            *("2026-11-26", "12:00", SHOP, "m1", "小李", "expired", "1", "0", "我的订单到哪里了？"),
        ]

    def test_the_newest_comes_last(self, shop: Shop) -> None:
        for name in ("m1", "m2", "m3"):
            shop.closed(asked(name), Outcome.ANSWERED)
        assert shop.kept() == ["m1", "m2", "m3"]

    def test_the_last_ones_are_listed(self, shop: Shop) -> None:
        for name in ("m1", "m2", "m3"):
            shop.closed(asked(name), Outcome.ANSWERED)
        assert [line.split()[3] for line in shop.run("questions", "list", "--limit", "2").lines[1:]] == ["m2", "m3"]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (("--state", "open"), ["m2"]),
            (("--state", "closed"), ["m1"]),
            (("--outcome", "failed"), ["m1"]),
            (("--outcome", "answered"), []),
            (("--robot", "ding-bank"), []),
        ],
    )
    def test_what_is_wanted_is_told_apart(self, shop: Shop, wanted: tuple[str, ...], found: list[str]) -> None:
        shop.closed(asked("m1"), Outcome.FAILED)
        shop.live(lambda inbox: inbox.put(asked("m2"), limit=9))
        assert [line.split()[3] for line in shop.run("questions", *wanted).lines[1:]] == found

    def test_a_question_that_was_taken_back_says_so_until_it_is_closed(self, shop: Shop) -> None:
        async def story(inbox: Inbox) -> None:
            await inbox.put(asked(), limit=9)
            await inbox.cancel(SHOP, "m1")

        shop.live(story)
        assert "open, cancelled" in shop.run("questions").lines[1]

    def test_a_nick_of_many_lines_is_short_and_one_line(self, shop: Shop) -> None:
        shop.closed(replace(asked(), sender_nick="老\n" * 99), Outcome.ANSWERED)
        assert "老 老 老 老 老 老  answered" in shop.run("questions").lines[1]


class TestShow:
    def test_everything_is_shown(self, shop: Shop) -> None:
        picture = Attachment("picture", "https://p.example/1", "p.png")
        asked_with = replace(asked(text="第一行\n第二行"), attachments=(picture,))
        shop.closed(asked_with, Outcome.ANSWERED, "明天到", rating="helpful")
        told = shop.run("questions", "show", "m1")
        assert told.lines == [
            f"robot       {SHOP}",
            "message id  m1",
            "asked by    小李 (staff-li)",
            "chat        cid-1 (private)",
            f"received    {datetime.fromtimestamp(NOON).astimezone().isoformat()}",
            "state       answered",
            f"closed      {datetime.fromtimestamp(NOON).astimezone().isoformat()}",
            "run         run-1",
            "attempts    1 (deaths: 0, replays: 0)",
            "attachment  picture p.png https://p.example/1",
            "rating      2026-11-26 12:00 staff-li helpful",
            "",
            "question:",
            "第一行",
            "第二行",
            "",
            "answer:",
            "明天到",
            "",
        ]

    def test_an_open_question_has_neither_end_nor_answer(self, shop: Shop) -> None:
        shop.live(lambda inbox: inbox.put(asked(), limit=9))
        out = shop.run("questions", "show", "m1").out
        assert "state       open" in out
        assert "closed" not in out
        assert "answer:" not in out

    def test_what_people_wrote_steers_no_terminal_and_forges_no_line(self, shop: Shop) -> None:
        evil = replace(asked(text="\x1b[2J您好"), sender_nick="李\nstate       answered")
        shop.closed(evil, Outcome.FAILED)
        out = shop.run("questions", "show", "m1").out
        assert "\x1b" not in out
        assert re.findall(r"^state .*", out, re.MULTILINE) == ["state       failed"]

    def test_one_message_asked_of_two_robots_is_shown_twice(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.ANSWERED)
        shop.closed(asked(robot="ding-bank"), Outcome.ANSWERED)
        assert re.findall(r"^robot +(.*)", shop.run("questions", "show", "m1").out, re.MULTILINE) == [SHOP, "ding-bank"]

    def test_an_unknown_one_is_named(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.ANSWERED)
        told = shop.run("questions", "show", "m9")
        assert (told.code, told.err) == (1, "no question m9 is stored\n")


class TestReplay:
    @pytest.mark.parametrize("outcome", [Outcome.EXPIRED, Outcome.FAILED])
    def test_what_got_an_apology_is_taken_by_the_next_service(self, shop: Shop, outcome: Outcome) -> None:
        shop.closed(asked(), outcome, "抱歉")
        told = shop.run("questions", "replay", "m1")
        found: list[str | None] = []

        async def look(inbox: Inbox) -> None:
            found.append(await taken(inbox, LI))

        shop.live(look)
        assert (told.code, told.out.startswith("m1 is open again"), found) == (0, True, ["m1"])

    @pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.STOPPED, Outcome.REFUSED])
    def test_what_did_not_is_left_alone_and_the_reason_told(self, shop: Shop, outcome: Outcome) -> None:
        shop.closed(asked(), outcome)
        told = shop.run("questions", "replay", "m1")
        assert (told.code, told.err) == (1, f"m1 is {outcome}: only what is expired or failed is replayed\n")
        assert shop.run("questions", "--state", "open").lines[1:] == []

    def test_an_unknown_one_is_named(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.FAILED)
        told = shop.run("questions", "replay", "m9")
        assert (told.code, told.err) == (1, "no question m9 is stored\n")

    def test_one_message_asked_of_two_robots_needs_the_robots_name(self, shop: Shop) -> None:
        shop.closed(asked(), Outcome.FAILED)
        shop.closed(asked(robot="ding-bank"), Outcome.FAILED)
        told = shop.run("questions", "replay", "m1")
        assert (told.code, "--robot: ding-bank, ding-shop" in told.err) == (2, True)
        assert shop.run("questions", "replay", "m1", "--robot", SHOP).code == 0


class TestForget:
    def test_what_goes_is_counted_and_gone(self, shop: Shop) -> None:
        shop.closed(asked("m1"), Outcome.ANSWERED, "明天到", rating="helpful")
        shop.closed(asked("m2", sender="staff-wang"), Outcome.ANSWERED, "后天到")
        told = shop.run("forget", "staff-li", "--yes")
        assert (told.code, told.out) == (
            0,
            "deleted: questions with their answers: 1, turns of memories: 1, sessions: 1, ratings: 1\n",
        )
        assert shop.kept() == ["m2"]

    def test_its_words_say_nothing_of_what_people_wrote(self, shop: Shop) -> None:
        shop.closed(asked("m1"), Outcome.ANSWERED, "明天到")
        told = shop.run("forget", "staff-li", "--yes")
        assert [word for word in ("订单", "明天", "小李") if word in told.out + told.err] == []

    def test_no_byte_of_the_person_stays_in_the_files(self, shop: Shop) -> None:
        shop.closed(asked("m1", text="身份证三三零一"), Outcome.ANSWERED, "银行卡六二二", rating="helpful")
        shop.run("forget", "staff-li", "--yes")
        left = b"".join(file.read_bytes() for file in shop.path.parent.iterdir())
        assert [word for word in ("身份证", "银行卡", "小李", "staff-li") if word.encode() in left] == []

    def test_at_one_robot_only_what_is_there_goes(self, shop: Shop) -> None:
        shop.closed(asked("m1"), Outcome.ANSWERED)
        shop.closed(asked("m2", robot="ding-bank"), Outcome.ANSWERED)
        shop.run("forget", "staff-li", "--yes", "--robot", "ding-bank")
        assert shop.kept() == ["m1"]

    def test_a_stranger_is_no_fault(self, shop: Shop) -> None:
        shop.closed(asked("m1"), Outcome.ANSWERED)
        told = shop.run("forget", "staff-wang", "--yes")
        assert (told.code, told.out) == (0, "nothing is stored of staff-wang\n")
        assert shop.kept() == ["m1"]

    def test_what_is_open_is_left_for_the_service_to_close(self, shop: Shop) -> None:
        shop.closed(asked("m1"), Outcome.ANSWERED)
        shop.live(lambda inbox: inbox.put(asked("m2"), limit=9))
        told = shop.run("forget", "staff-li", "--yes", "--wait", "0")
        assert (told.code, told.err.startswith("1 not closed yet"), shop.kept()) == (1, True, ["m2"])

    def test_what_is_open_may_be_deleted_as_it_is(self, shop: Shop) -> None:
        shop.live(lambda inbox: inbox.put(asked("m1"), limit=9))
        told = shop.run("forget", "staff-li", "--yes", "--now")
        assert (told.code, shop.kept()) == (0, [])
        assert "questions with their answers: 1 (1 of them not closed)" in told.out

    def test_without_a_terminal_it_wants_to_be_told_yes(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        shop.closed(asked("m1"), Outcome.ANSWERED)
        told = shop.run("forget", "staff-li")
        assert (told.code, "--yes" in told.err, shop.kept()) == (2, True, ["m1"])

    @pytest.mark.parametrize(
        ("typed", "code", "left"),
        [("y\n", 0, []), ("YES\n", 0, []), ("n\n", 1, ["m1"]), ("\n", 1, ["m1"]), ("\x04", 1, ["m1"])],
    )
    def test_at_a_terminal_it_asks(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, left: list[str]
    ) -> None:
        shop.closed(asked("m1"), Outcome.ANSWERED)
        ours, theirs = pty.openpty()
        with os.fdopen(theirs, encoding="utf-8") as terminal, os.fdopen(ours, "w", encoding="utf-8") as keyboard:
            monkeypatch.setattr("sys.stdin", terminal)
            keyboard.write(typed)
            keyboard.flush()
            told = shop.run("forget", "staff-li")
        assert (told.code, shop.kept()) == (code, left)
        assert told.out.startswith(
            "Delete questions with their answers: 1, turns of memories: 0, sessions: 0, ratings: 0 of staff-li?"
        )


def piped(shop: Shop, words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Give a command in a shell."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m actors {words}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "INBOX_URL": f"sqlite:///{shop.path}", **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


class TestOutput:
    def test_a_reader_who_has_seen_enough_is_no_fault(self, shop: Shop) -> None:
        shop.closed(asked(text="长" * 100_000), Outcome.ANSWERED)
        told = piped(shop, "questions show m1 | head -c 5")
        assert (told.returncode, told.stdout, told.stderr) == (0, b"robot", b"")

    @pytest.mark.parametrize(("encoding", "text"), [("gbk", "多久发货 ?"), ("ascii", "???? ?")])
    def test_a_terminal_of_another_encoding_is_no_fault(self, shop: Shop, encoding: str, text: str) -> None:
        shop.closed(asked(text="多久发货 ☃"), Outcome.ANSWERED)
        told = piped(shop, "questions", PYTHONIOENCODING=encoding)
        assert told.stdout.decode(encoding).rstrip().endswith(text)

    def test_csv_is_utf_8_in_any_terminal(self, shop: Shop) -> None:
        shop.closed(asked(text="多久发货 ☃"), Outcome.ANSWERED, rating="helpful")
        told = piped(shop, "feedback --csv", PYTHONIOENCODING="gbk")
        assert told.stdout.decode("utf-8-sig").endswith(",多久发货 ☃,\r\n")


class TestUsage:
    @pytest.mark.parametrize(
        "words",
        [
            ["feedback", "--since", "yesterday"],
            ["questions", "list", "--limit", "0"],
            ["questions", "--state", "lost"],
            ["questions", "show"],
            ["questions", "fly"],
            ["forget"],
            ["forget", "staff-li", "--wait", "nan"],
        ],
    )
    def test_wrong_words_are_named_before_anything_is_opened(
        self, words: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            records.command(words)
        assert (ended.value.code, "error:" in capsys.readouterr().err) == (2, True)

    @pytest.mark.parametrize("words", [["feedback"], ["questions"], ["questions", "show", "m1"], ["forget", "li"]])
    def test_a_missing_inbox_is_named_and_not_made(self, shop: Shop, words: list[str]) -> None:
        told = shop.run(*words)
        assert (told.code, told.err.startswith(f"INBOX_URL: there is no inbox {shop.path}")) == (2, True)
        assert not shop.path.exists()
