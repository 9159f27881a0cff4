"""Thoughts within an answer's text are told apart from it, wherever a tag is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.agents.thinking import Thinking
from actors.core.events import Reasoning, Text


def taken_apart(*pieces: str) -> tuple[str, str]:
    """The answer and the thoughts."""
    thinking = Thinking()
    events = [event for piece in pieces for event in thinking.feed(piece)]
    events += thinking.end()
    return (
        "".join(event.text for event in events if isinstance(event, Text)),
        "".join(event.text for event in events if isinstance(event, Reasoning)),
    )


CASES = {
    "an answer alone": ("七天。", ("七天。", "")),
    "thoughts, then the answer": ("<think>\n退货？\n</think>\n\n七天。", ("\n\n七天。", "\n退货？\n")),
    "thoughts twice": ("<think>a</think>b<think>c</think>d", ("bd", "ac")),
    "thoughts that do not end": ("<think>a", ("", "a")),
    "an end without a beginning": ("a</think>b", ("a</think>b", "")),
    "what only begins like a tag": ("a <thin air", ("a <thin air", "")),
    "what ends like the beginning of a tag": ("a <thi", ("a <thi", "")),
    "a beginning of a tag ahead of a tag": ("<<think>a</think>", ("<", "a")),
}


@pytest.mark.parametrize(("text", "apart"), CASES.values(), ids=CASES)
def test_thoughts_are_taken_out_of_an_answer(text: str, apart: tuple[str, str]) -> None:
    assert taken_apart(text) == apart


@pytest.mark.parametrize(("text", "apart"), CASES.values(), ids=CASES)
def test_it_makes_no_difference_where_the_text_is_cut(text: str, apart: tuple[str, str]) -> None:
    assert taken_apart(*text) == apart


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "</thin", "k>", "a", "\n"])))
def test_whatever_is_said_the_cuts_make_no_difference(pieces: list[str]) -> None:
    assert taken_apart(*pieces) == taken_apart("".join(pieces))


def test_what_cannot_be_a_tag_is_said_at_once() -> None:
    assert list(Thinking().feed("七天<")) == [Text("七天")]
