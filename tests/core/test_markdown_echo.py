"""What a person wrote, shown again: nothing of it comes alive, and it reads as it was written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.markdown import neutral, presentable
from tests.core.markdown_reading import markups, tokens

ECHOES = {
    "plain text": ("什么时候发货？ When, please?", "什么时候发货？ When, please?"),
    "a time and an amount": ("10:30 前下单 2 件, 50% off!", "10:30 前下单 2 件, 50% off!"),
    "several lines": ("第一行\n\n  第二行\t三", "第一行 第二行 三"),
    "everybody": ("@all @所有人 @manager7675", "＠all ＠所有人 ＠manager7675"),
    "everybody by reference": ("&#64;all", "＆＃64;all"),
    "everybody by placeholder": ("<@all>", "＜＠all＞"),
    "an action link": (
        "[点我](dtmd://dingtalkclient/sendMessage?content=a)",
        "［点我］(dtmd：//dingtalkclient/sendMessage?content=a)",
    ),
    "a bare link": ("看 https://a.b/c 和 www.d.e", "看 https：//a.b/c 和 www．d.e"),
    "a picture": ("![x](http://a.b/c.png)", "!［x］(http：//a.b/c.png)"),
    "HTML": ("<a atId=all>x</a>", "＜a atId=all＞x＜/a＞"),
    "emphasis": ("**粗** _斜_ ~~删~~ `码`", "＊＊粗＊＊ ＿斜＿ ～～删～～ ｀码｀"),
    "a heading": ("# 题", "＃ 题"),
    "a quote": ("> 题", "＞ 题"),
    "a bullet": ("- 题", "－ 题"),
    "a number": ("1. 题 2. 目", "1． 题 2. 目"),
    "a decimal": ("1.5 倍", "1.5 倍"),
    "a rule": ("---", "－－－"),
    "a table": ("| a | b |\n|--|--|", "｜ a ｜ b ｜ ｜--｜--｜"),
    "a card": ('{"config": {}, "contents": []}', '｛"config": ｛｝, "contents": ［］｝'),
    "an escape": ("\\*", "＼＊"),
    "a turned direction": ("a\u202eb\u2066c", "abc"),
    "control characters and halves": ("a\x00b\x1b\ud83d\ude00\ud83d", "ab\U0001f600\ufffd"),
    "nothing": (" \n ", ""),
}


@pytest.mark.parametrize(("text", "shown"), ECHOES.values(), ids=ECHOES.keys())
def test_an_echo(text: str, shown: str) -> None:
    assert neutral(text) == shown


@given(markups)
def test_an_echo_is_one_paragraph_of_nothing_but_text(text: str) -> None:
    assert {token.type for token in tokens(neutral(text))} <= {"paragraph_open", "inline", "text", "paragraph_close"}


@given(markups)
def test_an_echo_in_a_quote_is_nothing_but_text(text: str) -> None:
    kinds = {token.type for token in tokens(f"> {neutral(text)}")}
    assert kinds <= {"blockquote_open", "paragraph_open", "inline", "text", "paragraph_close", "blockquote_close"}


@given(markups)
def test_no_mention_link_or_reference_is_left_in_an_echo(text: str) -> None:
    assert not any(mark in neutral(text) for mark in ("@", "://", "<", "&", "](", "{"))


@given(markups)
def test_an_echo_reads_as_it_was_written(text: str) -> None:
    written = unicodedata.normalize("NFKC", " ".join(text.replace("\x00", "").split()))
    read = unicodedata.normalize("NFKC", neutral(text))
    assert "".join(filter(str.isalnum, read)) == "".join(filter(str.isalnum, written))


@given(markups)
def test_an_echo_of_an_echo_is_the_same(text: str) -> None:
    assert neutral(neutral(text)) == neutral(text)


@given(markups)
def test_an_echo_within_an_answer_stays_as_it_is(text: str) -> None:
    assert presentable(f"问：{neutral(text)}") == f"问：{neutral(text)}".rstrip(" ")


@given(markups, st.integers(1, 40))
def test_an_echo_keeps_its_limit(text: str, limit: int) -> None:
    whole, short = neutral(text), neutral(text, limit)
    assert len(short) <= limit
    assert short == whole or (short.endswith("…") and whole.startswith(short[:-1]))


def test_an_echo_that_fits_is_whole() -> None:
    assert neutral("四个字啊", 4) == "四个字啊"


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("什么时候发货", 4, "什么时…"),
        ("什么 时候", 4, "什么…"),
        ("e\u0301e\u0301e\u0301", 4, "e\u0301…"),
        ("好👨‍👩‍👧好", 4, "好…"),
        ("👍🏽👍🏽", 2, "…"),
        ("🇨🇳🇫🇷🇩🇪", 4, "🇨🇳…"),
        ("❤\ufe0f好好", 2, "…"),
        ("好", 1, "好"),
        ("好好", 1, "…"),
    ],
)
def test_an_echo_is_cut_between_what_a_person_sees_as_characters(text: str, limit: int, shown: str) -> None:
    assert neutral(text, limit) == shown


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="limit must be at least 1, not 0"):
        neutral("好", 0)


def test_a_megabyte_is_cut_to_a_line() -> None:
    assert neutral("@好\n" * 300_000, 10) == "＠好 ＠好 ＠好…"
