"""A folder of Markdown becomes entries, and every fault of it is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.agents.faq.folder import Entry, parse, read_folder
from actors.errors import SettingsError
from tests.agents.shop import ENTRIES


def test_a_file_holds_several_entries() -> None:
    assert parse("# 停车\n\n## 收费吗？\n免费。\n\n## 几点关门？\n\n22 点。\n", "parking") == [
        Entry("收费吗？", "", "免费。", "停车 · 收费吗？"),
        Entry("几点关门？", "", "22 点。", "停车 · 几点关门？"),
    ]


@pytest.mark.parametrize(
    ("markdown", "question"),
    [("# 怎么停车？\n\n后院。", "怎么停车？"), ("后院。", "parking"), ("\n后院。\n", "parking")],
)
def test_a_file_without_a_second_heading_is_one_entry(markdown: str, question: str) -> None:
    assert parse(markdown, "parking") == [Entry(question, "", "后院。", question)]


@pytest.mark.parametrize("line", ["关键词：车位、parking", "关键词: 车位、parking", "Keywords: 车位、parking"])
def test_keywords_stand_first_in_an_entry(line: str) -> None:
    [entry] = parse(f"## 怎么停车？\n\n{line}\n\n后院。", "parking")
    assert (entry.keywords.strip(), entry.answer) == ("车位、parking", "后院。")


def test_an_entry_is_asked_for_by_its_heading_and_by_each_keyword() -> None:
    entry = Entry("怎么停车？收费吗？", "车位、parking lot, 停车费；", "后院。", "停车")
    assert entry.phrases == ["怎么停车", "收费吗", "车位", "parking lot", "停车费"]


def test_a_file_name_stands_in_for_a_topic() -> None:
    [entry] = parse("## 怎么停车？\n后院。", "parking")
    assert entry.source == "parking · 怎么停车？"


def test_a_heading_in_a_code_block_or_quote_is_part_of_the_answer() -> None:
    body = "```sh\n## not a question\n```\n\n> ## nor this\n\n### nor this"
    [entry] = parse(f"## 怎么安装？\n\n{body}", "install")
    assert entry.answer == body


@pytest.mark.parametrize("markdown", ["", "\n\n", "# 停车", "## 收费吗？\n\n## 几点？", "## 收费吗？\n关键词：钱"])
def test_a_heading_without_an_answer_is_no_entry(markdown: str) -> None:
    assert parse(markdown, "parking") == []


@given(st.text(), st.text(min_size=1))
def test_any_text_can_be_a_file(markdown: str, name: str) -> None:
    assert all(entry.answer for entry in parse(markdown, name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, one of them further down."""
    (tmp_path / "parking.md").write_text("\ufeff# 停车\n\n## 怎么停车？\n\n后院有车位。", encoding="utf-8")
    (tmp_path / "food").mkdir()
    (tmp_path / "food" / "lunch.md").write_text("# 午饭\r\n\r\n## 食堂几点开？\r\n\r\n11 点。", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("## 不算\n\n不算。", encoding="utf-8")
    return tmp_path


def test_a_folder_is_read_with_all_below_it(folder: Path) -> None:
    assert [entry.source for entry in read_folder(folder)] == ["午饭 · 食堂几点开？", "停车 · 怎么停车？"]


def problems_of(folder: Path) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read_folder(folder)
    return caught.value.problems


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "gone") == (f"AGENT='faq:{tmp_path / 'gone'}': there is no such folder",)


def test_a_file_is_no_folder(folder: Path) -> None:
    assert "there is no such folder" in problems_of(folder / "parking.md")[0]


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    assert "there is no entry in it" in problems_of(tmp_path)[0]


def test_every_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "gbk.md").write_bytes("# 停车".encode("gbk"))
    (folder / "folder.md").mkdir()
    first, second = problems_of(folder)
    assert "folder.md cannot be read" in first
    assert "gbk.md cannot be read" in second


def test_the_sample_shop_has_more_than_thirty_entries() -> None:
    assert len(ENTRIES) > 30


def test_no_two_entries_of_the_sample_shop_have_one_heading() -> None:
    assert len({entry.question for entry in ENTRIES}) == len(ENTRIES)
