"""What is said beneath an answer that broke off."""

import pytest

from actors.core import texts

CODE = "看这里：\n\n```python\nprint(1)"


@pytest.mark.parametrize("beneath", [texts.torn, texts.stopped, texts.interrupted])
def test_a_word_beneath_an_answer_that_broke_off_in_code_stands_outside_of_it(beneath: object) -> None:
    assert callable(beneath)
    before, _, after = beneath(CODE).partition("\n\n---\n\n")
    assert (before.count("```"), "```" in after) == (2, False)


@pytest.mark.parametrize("beneath", [texts.torn, texts.stopped, texts.interrupted])
@pytest.mark.parametrize("said", ["0 ", "1", "**半", "| 半", "<di"])
def test_nothing_that_was_said_is_lost_above_the_word(said: str, beneath: object) -> None:
    assert callable(beneath)
    assert beneath(said).startswith(said)


@pytest.mark.parametrize("beneath", [texts.torn, texts.stopped, texts.interrupted])
def test_the_word_stands_alone_where_nothing_was_said(beneath: object) -> None:
    assert callable(beneath)
    assert "---" not in beneath("")
