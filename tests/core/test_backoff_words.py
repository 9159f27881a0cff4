"""A retry policy in words: readable for odd settings too, and true."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.backoff import Backoff
from actors.core.backoff_words import LISTED, Told, endless, figure, limited

numbers = st.one_of(st.just(0.0), st.floats(min_value=1e-6, max_value=1e6))
"""Seconds; between nothing and a microsecond floating point has its own ideas, and nobody has any use."""
backoffs = st.builds(
    Backoff,
    initial=numbers,
    multiplier=st.one_of(st.just(1.0), st.floats(min_value=1.0, max_value=1e9)),
    maximum=numbers,
    jitter=numbers,
)


def never() -> float:
    return 0.0


def always() -> float:
    return 1.0


@pytest.mark.parametrize(
    ("backoff", "attempts", "text"),
    [
        ((0.5, 2, 8, 0.5), 4, "4 tries, again after 0.5, 1, 2 s, each plus 0 to 0.5 s; 3.5 to 5 s of waiting in all"),
        ((0.5, 2, 8, 0), 4, "4 tries, again after 0.5, 1, 2 s; 3.5 s of waiting in all"),
        ((0.5, 2, 1, 0), 6, "6 tries, again after 0.5, then 1 s; 4.5 s of waiting in all"),
        ((0.5, 2, 8, 0), 10, "10 tries, again after 0.5, 1, 2, 4, then 8 s; 47.5 s of waiting in all"),
        ((0.5, 2, 60, 0), 9, "9 tries, again after 0.5, 1, 2 … 60 s; 123.5 s of waiting in all"),
        ((0.5, 2, 8, 0.5), 1, "1 try, not repeated"),
        ((0.5, 2, 8, 0.5), 2, "2 tries, again after 0.5 to 1 s"),
        ((0, 2, 0, 0), 3, "3 tries, again at once"),
        ((0, 2, 60, 1), 3, "3 tries, again after 0 to 1 s; 0 to 2 s of waiting in all"),
        ((5, 1, 60, 0), 3, "3 tries, again after 5 s; 10 s of waiting in all"),
        ((5, 1, 60, 1), 3, "3 tries, again after 5 to 6 s; 10 to 12 s of waiting in all"),
        ((8, 2, 8, 1), 3, "3 tries, again after 8 to 9 s; 16 to 18 s of waiting in all"),
        ((1, 1e300, 60, 0), 4, "4 tries, again after 1, then 60 s; 121 s of waiting in all"),
        ((0.1, 3, 60, 0), 3, "3 tries, again after 0.1, 0.3 s; 0.4 s of waiting in all"),
        ((1e-300, 1e300, 1e300, 1e300), 4, None),
        ((1, 1 + 1e-12, 1e308, 1e308), 10**9, None),
    ],
)
def test_tries_that_end(backoff: tuple[float, ...], attempts: int, text: str | None) -> None:
    said = limited(Backoff(*backoff), attempts).text
    assert text in {said, None}
    assert len(said) < 120


@pytest.mark.parametrize(
    ("backoff", "reset_after", "text"),
    [
        (
            (1, 2, 60, 1),
            60,
            "again after 1, 2, 4 … 60 s, each plus 0 to 1 s, for ever; after 60 s of health once within 0.3 s, then",
        ),
        ((1, 2, 8, 0), 60, "again after 1, 2, 4, then 8 s, for ever"),
        ((30, 2, 60, 0), 60, "again after 30, then 60 s, for ever"),
        ((60, 2, 60, 0), 60, "again after 60 s, for ever"),
        ((60, 2, 60, 1), 60, "again after 60 to 61 s, for ever"),
        ((5, 1, 60, 1), 60, "again after 5 to 6 s, for ever"),
        ((0, 2, 0, 0), 60, "again at once, for ever"),
        ((1, 1e9, 60, 0), 60, "again after 1, then 60 s, for ever"),
        ((1, 2, 60, 1), 0, "for ever; after any health once within 0.3 s"),
    ],
)
def test_tries_without_an_end(backoff: tuple[float, ...], reset_after: float, text: str) -> None:
    assert text in endless(Backoff(*backoff), reset_after).text


def test_an_answers_own_time_is_told() -> None:
    assert limited(Backoff(1, 1, 1, 0), 2, within=600).text.endswith("; tries and waits end after 600 s")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (0.1 + 0.2, "0.3"), (60.0, "60"), (1200, "1200"), (1e-5, "1e-05"), (2e12, "2e+12"), (1.0985, "1.099")],
)
def test_seconds_are_written_as_people_write_them(seconds: float, text: str) -> None:
    assert figure(seconds) == text


@given(backoffs, st.integers(min_value=2, max_value=200))
def test_the_sums_are_those_of_the_waits(backoff: Backoff, attempts: int) -> None:
    told = limited(backoff, attempts)
    assert told.least == pytest.approx(sum(backoff.delay(number, never) for number in range(attempts - 1)))
    assert told.most == pytest.approx(sum(backoff.delay(number, always) for number in range(attempts - 1)))


def policies() -> st.SearchStrategy[tuple[Backoff, Told]]:
    def told(backoff: Backoff, attempts: int | None) -> tuple[Backoff, Told]:
        return backoff, endless(backoff, 60) if attempts is None else limited(backoff, attempts)

    return st.builds(told, backoffs, st.one_of(st.none(), st.integers(min_value=2, max_value=200)))


@given(policies())
def test_the_waits_are_those_that_come(policy: tuple[Backoff, Told]) -> None:
    backoff, told = policy
    row = [backoff.delay(number, never) for number in range(len(told.waits))]
    assert list(told.waits) == row
    assert len(set(told.waits)) == len(row) <= LISTED
    last = 10_000 if told.attempts is None else told.attempts - 2
    if told.attempts is not None or backoff.multiplier == 1 or backoff.multiplier > 1.1:
        assert told.longest == pytest.approx(backoff.delay(last, never))
    if len(told.waits) < LISTED:  # then they are all there are
        assert told.longest == told.waits[-1]


@given(policies())
def test_a_policy_stays_short(policy: tuple[Backoff, Told]) -> None:
    _, told = policy
    assert len(told.text) < 200
    assert not re.search(r"inf|nan|\b0s|  ", told.text)
