"""A model's thinking that stands within its text is told apart from it, wherever the pieces are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.agents.thinking import Thinking
from actors.core.events import Reasoning, Text

CASES = {
    "no thinking": ("七天。", "", "七天。"),
    "thinking first": ("<think>嗯</think>\n\n七天。", "嗯", "七天。"),
    "blanks before it": ("\n <think>嗯</think>七天。", "嗯", "七天。"),
    "no thoughts": ("<think>\n</think>七天。", "\n", "七天。"),
    "a mark later on": ("七天。<think>嗯</think>", "", "七天。<think>嗯</think>"),
    "a second one": ("<think>嗯</think>七天。<think>", "嗯", "七天。<think>"),
    "something like a mark": ("<thin> ice", "", "<thin> ice"),
    "half a mark": ("<thi", "", "<thi"),
    "thinking without an end": ("<think>嗯</thi", "嗯</thi", ""),
    "thinking of a mark": ("<think>a </ b</think>c", "a </ b", "c"),
    "blanks only": (" \n", "", " \n"),
    "nothing": ("", "", ""),
}


def read(*pieces: str) -> tuple[str, str]:
    thinking = Thinking()
    events = [event for piece in pieces for event in thinking.feed(piece)] + list(thinking.end())
    thought = "".join(event.text for event in events if isinstance(event, Reasoning))
    return thought, "".join(event.text for event in events if isinstance(event, Text))


@pytest.mark.parametrize(("text", "thought", "said"), CASES.values(), ids=CASES)
def test_thinking_is_told_apart(text: str, thought: str, said: str) -> None:
    assert read(text) == (thought, said)


@pytest.mark.parametrize(("text", "thought", "said"), CASES.values(), ids=CASES)
def test_it_makes_no_difference_where_a_text_is_cut(text: str, thought: str, said: str) -> None:
    assert read(*text) == (thought, said)


@given(st.lists(st.sampled_from(["<", "think", ">", "</", "a", " ", "<think>", "</think>"])))
def test_whatever_is_said_the_cuts_make_no_difference(pieces: list[str]) -> None:
    assert read(*pieces) == read("".join(pieces))
