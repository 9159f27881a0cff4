"""What holds for every text, however it is written."""

import time
from itertools import pairwise, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.core.markdown import Dialect, presentable
from tests.core.markdown_reading import documents, goes_on_beneath, letters, markups, tokens, visible

dialects = st.sampled_from(Dialect)

at_leisure = settings(deadline=None, max_examples=200)


@given(markups, dialects)
@at_leisure
def test_nothing_is_lost_and_nothing_is_added(text: str, dialect: Dialect) -> None:
    assert letters(presentable(text, dialect=dialect)) == letters(text)


@given(documents, dialects)
@at_leisure
def test_a_well_formed_text_reads_as_it_was_written(text: str, dialect: Dialect) -> None:
    assert letters(visible(presentable(text, dialect=dialect))) == letters(visible(text))


@given(markups, dialects)
@at_leisure
def test_what_is_presentable_stays_as_it_is(text: str, dialect: Dialect) -> None:
    once = presentable(text, dialect=dialect)
    assert presentable(once, dialect=dialect) == once


prose = st.text(st.characters(categories=["L"]) | st.sampled_from("，。？！：“”（）、,.?'\""), min_size=1).map(
    "好{}".format
)


@given(st.lists(prose, min_size=1, max_size=4).map("\n\n".join), dialects)
@at_leisure
def test_plain_prose_comes_back_unchanged(text: str, dialect: Dialect) -> None:
    assert presentable(text, dialect=dialect) == text


@given(markups, dialects, st.booleans())
@at_leisure
def test_no_block_swallows_what_follows_the_text(text: str, dialect: Dialect, growing: bool) -> None:
    assert goes_on_beneath(presentable(text, growing=growing, dialect=dialect))


@given(markups, dialects, st.booleans())
@at_leisure
def test_no_tag_but_a_line_break_comes_through(text: str, dialect: Dialect, growing: bool) -> None:
    shown = tokens(presentable(text, growing=growing, dialect=dialect))
    assert {token.content.strip() for token in shown if token.type in {"html_inline", "html_block"}} <= {"<br>"}


@given(markups, dialects, st.booleans())
@at_leisure
def test_links_lead_into_the_web_only(text: str, dialect: Dialect, growing: bool) -> None:
    shown = tokens(presentable(text, growing=growing, dialect=dialect))
    targets = [str(token.attrs["href"]) for token in shown if token.type == "link_open"]
    assert all(target.lower().startswith(("http://", "https://", "mailto:", "tel:")) for target in targets)


@given(markups, dialects)
@at_leisure
def test_what_comes_out_can_be_sent(text: str, dialect: Dialect) -> None:
    shown = presentable(text, growing=True, dialect=dialect)
    assert shown.encode().decode() == shown


@given(markups, dialects)
@at_leisure
def test_a_growing_text_shows_the_beginning_of_what_it_says(text: str, dialect: Dialect) -> None:
    assert letters(text).startswith(letters(presentable(text, growing=True, dialect=dialect)))


@given(markups, st.data(), dialects)
@at_leisure
def test_complete_lines_but_the_last_come_out_the_same_for_every_longer_text(
    text: str, data: st.DataObject, dialect: Dialect
) -> None:
    cut = data.draw(st.integers(0, len(text)))
    complete = "\n".join(text[:cut].split("\n")[:-2])
    now = presentable(text[:cut], growing=True, dialect=dialect)
    for growing in (True, False):
        later = presentable(text, growing=growing, dialect=dialect)
        shared = "".join(
            one for one, other in takewhile(lambda pair: pair[0] == pair[1], zip(now, later, strict=False))
        )
        assert letters(shared).startswith(letters(complete))


def frames(text: str, dialect: Dialect) -> list[str]:
    """What a card shows at each character of a stream, and at its end."""
    cut = (presentable(text[:end], growing=True, dialect=dialect) for end in range(len(text) + 1))
    return [*cut, presentable(text, dialect=dialect)]


@given(documents, dialects)
@settings(deadline=None, max_examples=25)
def test_what_is_shown_of_a_well_formed_stream_only_ever_grows(text: str, dialect: Dialect) -> None:
    for before, after in pairwise(map(visible, frames(text, dialect))):
        assert after.startswith(before)


@given(documents)
@settings(deadline=None, max_examples=25)
def test_no_row_of_a_table_is_ever_torn(text: str) -> None:
    for frame in frames(text, Dialect.CARD):
        rows = [line.count("|") for line in frame.split("\n") if line.startswith("| ")]
        tables = [line.count("|") for line in text.split("\n") if line.startswith("|")]
        assert set(rows) <= set(tables)


HOSTILE = {
    "emphasis": "*a ",
    "bold": "中**“",
    "backticks": "\\``a`",
    "brackets": "[[]",
    "links": "](http://a(",
    "pictures": "![a](data:",
    "tags": "<a ",
    "references": "&#",
    "backslashes": "\\",
    "quotes": "> ",
    "lists": "- ",
    "nested": "- a\n  - b\n    - c\n",
    "newlines": "\n",
    "lines": "a\n",
    "bars": "| a ",
    "delimiters": "|-",
    "headings": "# ",
    "underlines": "=\n",
    "definitions": "[a]: b\n",
    "autolinks": "<http://a",
    "code": "    a\n\n",
    "marks": "\u0301",
    "halves": "\ud800",
    "overrides": "\u202e",
}


def seconds(text: str) -> float:
    """What a text costs, whole and growing."""
    before = time.process_time()
    presentable(text)
    presentable(text, growing=True)
    return time.process_time() - before


@pytest.mark.parametrize("scrap", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_text_eight_times_as_long_takes_about_eight_times_as_long(scrap: str) -> None:
    short, long = ((scrap * length)[:length] for length in (15_000, 120_000))
    assert seconds(long) < 30 * min(seconds(short) for _ in range(3)) + 1


def test_backticks_of_every_length_take_no_more_than_their_share_of_time() -> None:
    assert seconds(" ".join("`" * length for length in range(1, 500))) < 5


def test_a_line_of_a_megabyte_is_no_trouble() -> None:
    text = "好" * 1_000_000
    assert presentable(text) == text
