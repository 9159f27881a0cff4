"""Tables and CSV of what people wrote in chats: they fit, they line up, and they do nothing."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.records.tables import LEAST, csv_record, one_line, safe, table, width

TEXTS = st.text(max_size=60)


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("订单", 4), ("，。", 4), ("😄", 2), ("e\u0301", 1), ("ｆ", 2), ("한국", 4), ("", 0)],
)
def test_a_text_takes_as_many_columns_as_a_terminal_gives_it(text: str, columns: int) -> None:
    assert width(text) == columns


def test_columns_line_up_under_chinese() -> None:
    lines = list(table(("nick", "id", "text"), [("小李", "m1", "在吗"), ("Wang", "m22", "hello")], 80))
    assert lines == ["nick  id   text", "小李  m1   在吗", "Wang  m22  hello"]


def test_a_long_text_is_cut_to_what_the_terminal_has_left() -> None:
    _, line = table(("id", "text"), [("m1", "我的订单到哪里了，什么时候能到，谢谢")], 30)
    assert line == "m1  我的订单到哪里了，什么时…"


def test_half_a_character_is_never_shown() -> None:
    _, line = table(("id", "text"), [("m12", "我的订单到哪里了，什么时候能到，谢谢")], 30)
    assert line == "m12  我的订单到哪里了，什么时…"


def test_two_texts_share_what_is_left() -> None:
    _, line = table(("id", "question", "answer"), [("m1", "q" * 90, "a" * 90)], 60, texts=2)
    assert (line.count("q"), line.count("a")) == (26, 26)


def test_an_id_is_never_cut() -> None:
    _, line = table(("id", "text"), [("m" * 90, "t" * 90)], 40)
    assert line == f"{'m' * 90}  {'t' * (LEAST - 1)}…"


def test_a_table_without_rows_is_its_header() -> None:
    assert list(table(("id", "text"), [], 80)) == ["id  text"]


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=5), st.integers(60, 200))
def test_a_row_is_one_line_of_the_terminals_width(rows: list[tuple[str, str, str]], columns: int) -> None:
    cut = [(one_line(first)[:8], second, third) for first, second, third in rows]
    lines = list(table(("id", "question", "answer"), cut, columns, texts=2))
    assert len(lines) == len(rows) + 1
    assert all(width(line) <= columns for line in lines)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("一\n二\r\n三\t四", "一 二 三 四"),
        ("\x1b[2J\x1b]0;own\x07", "[2J ]0;own"),
        ("a\u202eb\u200bc\ufeff", "abc"),
        ("\u2028新行", "新行"),
        ("\ue000\ud800", "\ufffd\ufffd"),
        ("👨\u200d👩\u200d👧 ☺\ufe0f", "👨👩👧 ☺"),
    ],
)
def test_a_cell_is_one_line_without_tricks(written: str, shown: str) -> None:
    assert one_line(written) == shown


def test_a_text_shown_whole_keeps_its_lines_and_steers_no_terminal() -> None:
    assert safe("一\n\t二 \x1b[31m红\x9b\u202e👨\u200d👩") == "一\n\t二 [31m红👨\u200d👩"


@given(st.lists(st.text().filter(lambda cell: not cell.lstrip(" ").startswith(tuple("=+-@\t\r＝＋－＠"))), min_size=1))
def test_csv_is_read_back_as_it_was(cells: list[str]) -> None:
    assert next(csv.reader(io.StringIO(csv_record(cells), newline=""), strict=True)) == cells


def test_a_record_ends_as_the_standard_says() -> None:
    assert csv_record(["一", "二,三", '四"五', "六\n七"]) == '一,"二,三","四""五","六\n七"\r\n'


@pytest.mark.parametrize("sign", list("=+-@\t\r＝＋－＠"))
@pytest.mark.parametrize("before", ["", " ", "  "])
def test_a_cell_is_never_a_formula(sign: str, before: str) -> None:
    record = csv_record([f"{before}{sign}cmd|'/c calc'!A1"])
    (cell,) = next(csv.reader(io.StringIO(record, newline="")))
    assert cell == f"'{before}{sign}cmd|'/c calc'!A1"


def test_an_ordinary_cell_is_left_alone() -> None:
    assert csv_record(["1-2=3", "a@b"]) == "1-2=3,a@b\r\n"
