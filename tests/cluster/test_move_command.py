"""`python -m actors inbox move` as an operator meets it."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from actors.records.move import command as moving
from actors.settings import load
from tests.cluster.stores import Make, Store, command, lived


async def test_it_says_what_it_moved(file: Store, database: Store) -> None:
    await lived(file)
    name = f"postgresql://{database.url.partition('@')[2].partition('?')[0]}"
    told = command("inbox", "move", file.url, database.url)
    first, *lines, last = told.stdout.splitlines()
    assert (told.returncode, first) == (0, f"moved {file.url} to {name}")
    assert {"  open questions: 6", "  closed questions: 5", "  ratings: 3"} <= set(lines)
    assert last == f"{file.url} is empty now, and no service starts on it"
    assert [json.loads(line)["action"] for line in told.stderr.splitlines()][-1] == "inbox_moved"
    again = command("inbox", "move", file.url, database.url)
    assert (again.returncode, again.stdout) == (
        0,
        f"{file.url} was moved to {name} before, and nothing is left to move\n",
    )


async def test_the_word_inbox_url_stands_for_the_one_that_is_set(file: Store, database: Store, tmp_path: Path) -> None:
    await lived(file)
    secret = tmp_path / "inbox-url"
    secret.write_text(database.url.replace("dingtalk@", "dingtalk:ge%3Aheim@"), encoding="utf-8")
    told = command("inbox", "move", file.url, "INBOX_URL", INBOX_URL_FILE=str(secret))
    assert told.returncode == 0
    assert len(database.contents()["questions"]) == 11
    assert not re.search("ge:heim|ge%3Aheim", told.stdout + told.stderr)


async def test_nothing_that_was_moved_is_left_in_the_file(file: Store, make: Make) -> None:
    await lived(file)
    file.rows(f"UPDATE questions SET answer = '{'长' * 100_000}' WHERE message_id = 'a1'")
    assert command("inbox", "move", file.url, make("sqlite").url).returncode == 0
    assert file.path is not None
    left = b"".join(part.read_bytes() for part in file.path.parent.glob(f"{file.path.name}*"))
    assert [word for word in ("staff-li", "抱歉", "talk of li") if word.encode() in left] == []
    assert len(left) < 300_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mysql://x", "INBOX_URL"), "FROM='mysql://x': must be sqlite:///PATH"),
        (("INBOX_URL", "postgresql://"), "TO='postgresql://': must be sqlite:///PATH"),
        (("INBOX_URL", "sqlite:///actors/../var/inbox.db"), "FROM and TO are the same inbox"),
        (("sqlite:////nowhere/inbox.db", "INBOX_URL"), "FROM: there is no inbox /nowhere/inbox.db"),
    ],
)
def test_what_is_wrong_is_named(
    words: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.logs.configure", lambda *_: None)
    assert moving(["move", *words])(load({})) == 2
    assert capsys.readouterr().err.startswith(said)


def test_it_logs_how_far_it_is(
    file: Store, make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(lived(file))
    monkeypatch.setattr("actors.logs.configure", lambda *_: None)
    monkeypatch.setattr("actors.records.move._TELL_EVERY", 0.0)
    with caplog.at_level("INFO"):
        assert moving(["move", file.url, make("sqlite").url])(load({})) == 0
    lines = [vars(line) for line in caplog.records if vars(line)["action"] == "inbox_moving"]
    last = {line["message"]: (line["came"], line["known"], line["total"]) for line in lines}
    assert (last["moving open questions"], last["moving ratings"]) == ((6, 0, 6), (3, 0, 3))


def test_no_password_is_told_of_a_database_that_cannot_be_had(file: Store) -> None:
    asyncio.run(lived(file))
    told = command("inbox", "move", file.url, "postgresql://bot:ge%3Aheim@127.0.0.1:1/inbox")
    assert (told.returncode, told.stderr.startswith("TO: postgresql://127.0.0.1:1/inbox: ")) == (2, True)
    assert not re.search("ge:heim|ge%3Aheim", told.stdout + told.stderr)
