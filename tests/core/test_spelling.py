"""Slips of the finger are seen, other words are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.spelling import edits, near_miss

KNOWN = ["STREAM_RETRY_MAX", "AGENT_TIMEOUT", "INBOX_URL"]


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "abc", 0),
        ("abc", "abd", 1),
        ("abc", "ab", 1),
        ("abc", "abxc", 1),
        ("acb", "abc", 2),
        ("kitten", "sitting", 3),
    ],
)
def test_every_letter_that_differs_counts_one(one: str, other: str, distance: int) -> None:
    assert edits(one, other) == distance


@pytest.mark.parametrize(
    ("name", "meant"),
    [("AGENT_TIMOUT", "AGENT_TIMEOUT"), ("STREAM_RETRY_MXA", "STREAM_RETRY_MAX"), ("INBOX_DIR", None), ("PATH", None)],
)
def test_a_near_miss_is_of_the_nearest_name_within_two_letters(name: str, meant: str | None) -> None:
    assert near_miss(name, KNOWN) == meant


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_a_detour_is_never_shorter(one: str, between: str, other: str) -> None:
    assert edits(one, other) <= edits(one, between) + edits(between, other)


@given(st.text(max_size=10), st.text(max_size=10))
def test_both_ways_are_the_same_distance(one: str, other: str) -> None:
    assert edits(one, other) == edits(other, one)
