"""A long text in parts, or cut in two: nothing is lost, and every part travels in its limit."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from actors.core.splitting import cut, fenced, split

texts = st.text(st.sampled_from('aé中😀\n"\\\t\x00 ') | st.characters(), max_size=400)


def size(part: str) -> int:
    """Bytes of a part as it travels."""
    return len(json.dumps(part, ensure_ascii=False).encode(errors="replace")) - 2


@given(texts, st.integers(6, 100))
@example('"' * 50, 7)
@example("\n" * 50, 7)
def test_nothing_is_lost_by_splitting(text: str, limit: int) -> None:
    assert "".join(split(text, limit)) == text


@given(texts, st.integers(12, 100))
def test_every_part_travels_in_its_limit(text: str, limit: int) -> None:
    assert max(map(size, split(text, limit))) <= limit


@given(texts, st.integers(12, 100))
def test_no_part_is_empty_unless_the_text_is(text: str, limit: int) -> None:
    assert all(split(text, limit)) or not text


def test_a_text_is_split_between_its_lines() -> None:
    assert split("one\ntwo\nthree", 10) == ["one\ntwo\n", "three"]


def test_a_line_that_is_too_long_is_split_between_characters() -> None:
    assert split("中中中中", 7) == ["中中", "中中"]


def test_half_a_character_is_no_obstacle() -> None:
    assert split("\ud83d" * 3, 2) == ["\ud83d" * 2, "\ud83d"]


def test_a_part_is_not_cut_short_for_a_line_that_ends_early() -> None:
    assert split("a\n" + "b" * 20, 12) == ["a\n" + "b" * 9, "b" * 11]


# Cut in two


@given(texts, st.integers(12, 100))
def test_part_and_rest_are_the_text(text: str, limit: int) -> None:
    part, rest = cut(text, limit)
    assert part + rest == text
    assert size(part) <= limit


@given(texts, st.integers(12, 100))
def test_there_is_a_rest_only_where_the_text_does_not_fit(text: str, limit: int) -> None:
    assert bool(cut(text, limit)[1]) == (size(text) > limit)


@given(texts, st.integers(0, 12))
def test_a_part_takes_something_however_little_fits(text: str, limit: int) -> None:
    assert cut(text, limit)[0] or not text


@given(texts, st.integers(12, 100))
def test_as_much_is_taken_as_fits_unless_a_line_a_sentence_or_a_word_ends_before_it(text: str, limit: int) -> None:
    part, rest = cut(text, limit)
    if rest and not part.endswith(("\n", "。", "！", "？", "；", " ")):
        assert size(part + rest[0]) > limit


def test_a_text_of_just_the_limit_is_whole() -> None:
    assert cut("中中", 6) == ("中中", "")


def test_a_line_that_ends_in_the_second_half_is_where_it_is_cut() -> None:
    assert cut("0123456\n89abcdef", 10) == ("0123456\n", "89abcdef")


def test_a_line_that_ends_in_the_first_half_is_no_place_to_cut() -> None:
    assert cut("01\n3456789abcdef", 10) == ("01\n345678", "9abcdef")


def test_a_quotation_mark_takes_two_bytes_on_its_way() -> None:
    assert cut('""""', 6) == ('"""', '"')


CODE = "前言\n```python\nprint(1)\nprint(2)\n```\n后记"


def test_code_that_is_cut_is_closed_and_opened_again() -> None:
    first, second = CODE.split("print(2)")
    assert list(fenced((first, f"print(2){second}"))) == [
        "前言\n```python\nprint(1)\n```",
        "```python\nprint(2)\n```\n后记",
    ]


def test_code_over_three_parts_is_code_in_each() -> None:
    assert list(fenced(("```\n一\n", "二\n", "三\n```"))) == ["```\n一\n```", "```\n二\n```", "```\n三\n```"]


def test_parts_without_code_are_left_as_they_are() -> None:
    assert list(fenced(("一\n", "二"))) == ["一\n", "二"]


def test_backticks_within_code_do_not_end_it() -> None:
    assert list(fenced(("````\n```\n", "x\n````"))) == ["````\n```\n````", "````\nx\n````"]


@given(st.lists(st.sampled_from(["```", "文字", "", "- 项"]), max_size=12), st.integers(1, 11))
def test_every_part_closes_as_many_fences_as_it_opens(lines: list[str], at: int) -> None:
    first = next(fenced(("\n".join(lines[:at]), "\n".join(lines[at:]))))
    assert sum(line.startswith("```") for line in first.split("\n")) % 2 == 0
