"""The words that are no questions: how they may be written, and how near to one a question may come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.commands import Command, read_command

WORDS = {
    "/new": Command.NEW,
    "新会话": Command.NEW,
    "/stop": Command.STOP,
    "停止": Command.STOP,
    "/help": Command.HELP,
    "帮助": Command.HELP,
}

words = pytest.mark.parametrize(("word", "command"), WORDS.items())


@words
def test_a_word_is_understood_in_both_languages(word: str, command: Command) -> None:
    assert read_command(word) is command


@words
def test_a_full_width_slash_is_a_slash(word: str, command: Command) -> None:
    assert read_command(word.replace("/", "／")) is command


@words
def test_a_slash_may_stand_before_the_chinese_word_too(word: str, command: Command) -> None:
    assert read_command("/" + word.removeprefix("/")) is command
    assert read_command("／" + word.removeprefix("/")) is command


@words
def test_capitals_make_no_difference(word: str, command: Command) -> None:
    assert read_command(word.upper()) is command
    assert read_command(word.title()) is command


@words
@pytest.mark.parametrize("mark", ["。", "!", "！", ".", "！！", " 。", "。 ", " ! "])
def test_a_mark_at_the_end_makes_no_difference(word: str, command: Command, mark: str) -> None:
    assert read_command(word + mark) is command


@words
@pytest.mark.parametrize("around", ["  ", "\n", "\t ", "\u3000"])
def test_blanks_around_it_make_no_difference(word: str, command: Command, around: str) -> None:
    assert read_command(around + word + around) is command


@words
@pytest.mark.parametrize("rest", [" 是什么意思", "是什么", " please", "\n我的订单", "？", "?", "/", " /new"])
def test_a_question_that_begins_with_a_word_is_a_question(word: str, command: Command, rest: str) -> None:
    assert read_command(word + rest) is None


@words
def test_a_question_that_ends_with_a_word_is_a_question(word: str, command: Command) -> None:
    assert read_command(f"请 {word}") is None


@pytest.mark.parametrize("text", ["", "/", "。", "new", "stop", "help", "Help!", "/newer", "/st op", "停", "/退出"])
def test_everything_else_is_a_question(text: str) -> None:
    assert read_command(text) is None


@given(st.text())
def test_a_text_that_has_none_of_the_words_is_a_question(text: str) -> None:
    folded = text.replace("／", "/").casefold()
    assert read_command(text) is None or any(word in folded for word in (*WORDS, "新会话", "停止", "帮助"))
