"""A stream cut at a certain place: what is closed, and what is held back."""

import pytest

from actors.core.markdown import Dialect, presentable

CUTS = {
    "a fence is closed": ("```py\nx = 1", "```py\nx = 1\n```"),
    "a fence's own end does not show": ("```py\nx = 1\n``", "```py\nx = 1\n```"),
    "a fence whose first line is not whole waits": ("看：\n```py", "看："),
    "a fence in a list is closed": ("- a\n  ```\n  x", "- a\n\n```\nx\n```"),
    "code is closed": ("用 `pip ins", "用 `pip ins`"),
    "code of two backticks is closed": ("用 ``a`b", "用 ``a`b``"),
    "code of two backticks half closed is closed": ("用 ``a`", "用 ``a``"),
    "code without content waits": ("用 `", "用"),
    "bold is closed": ("这是**重", "这是**重**"),
    "bold half closed is closed": ("这是**重点*", "这是**重点**"),
    "bold without content waits": ("这是 **", "这是"),
    "bold over two lines is closed": ("**一\n二", "**一<br>二**"),
    "bold and code are closed in order": ("**用 `a", "**用 `a`**"),
    "bold before Chinese is closed": ("看**“这", "看 **“这**"),
    "italic is closed": ("an *ital", "an *ital*"),
    "strikethrough is closed": ("~~旧", "~~旧~~"),
    "an asterisk within a word is text": ("3*4", "3*4"),
    "a link's label waits": ("看 [控制", "看"),
    "a link's label waits for its target": ("看 [控制台]", "看"),
    "a link whose target is coming shows its label": ("看 [控制台](https://exa", "看 控制台"),
    "a link's label may be code": ("看 [`a`](htt", "看 `a`"),
    "a link that leads elsewhere is text at once": ("看 [a](/b/c", "看 [a] (/b/c"),
    "a picture waits": ("看![图](https://exa", "看"),
    "a tag waits": ("一<br", "一"),
    "a tag that cannot be a break shows": ("一<div cl", "一&lt;div cl"),
    "less than before Chinese shows": ("若 a<三", "若 a<三"),
    "a reference waits": ("一&am", "一"),
    "an escape waits": ("一\\", "一"),
    "half a character waits": ("一\ud83d", "一"),
    "a heading's mark waits": ("一\n##", "一"),
    "a heading grows": ("## 标题 *重", "## 标题 *重*"),
    "a bullet waits": ("一\n- ", "一"),
    "a bullet with text shows": ("一\n- 二", "一\n\n- 二"),
    "a bullet before bold waits": ("- **", ""),
    "a number that may be a bullet waits": ("一\n12", "一"),
    "a number that is no bullet shows": ("一\n12 月", "一<br>12 月"),
    "a task's box waits": ("- [x]", ""),
    "a rule waits": ("一\n--", "一"),
    "a quote's mark waits": ("一\n>", "一"),
    "a table's head waits": ("看：\n| a | b |", "看："),
    "a table's head waits for its delimiters": ("看：\n| a | b |\n|--", "看："),
    "a table's head waits for the end of its delimiters": ("| a | b |\n|--|--|", ""),
    "a table shows from its delimiters on": ("| a | b |\n|--|--|\n", "| a | b |\n| :- | :- |"),
    "a row is filled up": ("| a | b |\n|--|--|\n| 1", "| a | b |\n| :- | :- |\n| 1 |  |"),
    "a cell that is whole holds nothing back": (
        "| a | b |\n|--|--|\n| [1] | 2",
        "| a | b |\n| :- | :- |\n| [1] | 2 |",
    ),
    "a cell's bold is closed": ("| a | b |\n|--|--|\n| **1", "| a | b |\n| :- | :- |\n| **1** |  |"),
    "bars that make no table show": ("| a | b |\n一", "| a | b |<br>一"),
    "a heading's underline waits": ("标题\n==", "标题"),
    "marks alone are not closed": ("~~a\n~~\n", "~~a<br>~~"),
    "a newline changes nothing": ("**一\n", "**一**"),
    "a paragraph that is over is not closed": ("**一\n\n二", "**一\n\n二"),
}


@pytest.mark.parametrize(("cut", "shown"), CUTS.values(), ids=CUTS.keys())
def test_a_stream_that_is_cut(cut: str, shown: str) -> None:
    assert presentable(cut, growing=True) == shown


def test_a_row_of_a_table_grows_in_a_message_too() -> None:
    cut = "| a | b |\n|--|--|\n| 1 | **2"
    assert presentable(cut, growing=True, dialect=Dialect.MESSAGE) == "a | b\n\n- 1 | **2**"


def test_what_was_held_back_is_in_the_whole_text() -> None:
    assert presentable("一\n12") == "一<br>12"
