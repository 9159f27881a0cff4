"""A long text in parts: nothing is lost, and every part travels in its limit."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from actors.core.splitting import split
from tests.core.conftest import unhurried

texts = st.text(st.sampled_from('aé中😀\n"\\\t\x00 ') | st.characters(), max_size=400)


@unhurried
@given(texts, st.integers(6, 100))
@example('"' * 50, 7)
@example("\n" * 50, 7)
def test_nothing_is_lost_by_splitting(text: str, limit: int) -> None:
    assert "".join(split(text, limit)) == text


@unhurried
@given(texts, st.integers(12, 100))
def test_every_part_travels_in_its_limit(text: str, limit: int) -> None:
    sizes = [len(json.dumps(part, ensure_ascii=False).encode(errors="replace")) - 2 for part in split(text, limit)]
    assert max(sizes) <= limit


@unhurried
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
