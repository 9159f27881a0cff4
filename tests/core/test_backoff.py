"""The curve of the waits, and its agreement with the one that tenacity's loops follow."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import RetryCallState, Retrying

from actors.core.backoff import Backoff

STREAM = Backoff(initial=1.0, multiplier=2.0, maximum=60.0, jitter=1.0)

numbers = st.floats(min_value=0.0, max_value=1e6)
backoffs = st.builds(
    Backoff, initial=numbers, multiplier=st.floats(min_value=1.0, max_value=10.0), maximum=numbers, jitter=numbers
)
chances = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)


def never() -> float:
    return 0.0


def tenacitys_wait(backoff: Backoff, attempt: int) -> float:
    loop = Retrying()
    state = RetryCallState(loop, None, (), {})
    state.attempt_number = attempt
    return backoff.wait()(state)


def test_the_wait_doubles_up_to_the_ceiling() -> None:
    assert [STREAM.delay(attempt, never) for attempt in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_jitter_comes_on_top_of_the_ceiling() -> None:
    assert STREAM.delay(20, lambda: 0.5) == 60.5


def test_a_very_long_row_of_failures_still_waits_for_the_ceiling() -> None:
    assert STREAM.delay(100_000, never) == 60


def test_a_very_long_row_of_failures_without_a_wait_never_waits() -> None:
    assert Backoff(initial=0.0, multiplier=2.0, maximum=60.0, jitter=0.0).delay(100_000, never) == 0


def test_the_first_wait_of_a_tenacity_loop_is_the_first_of_the_curve() -> None:
    assert tenacitys_wait(Backoff(0.5, 2.0, 8.0, 0.0), 1) == 0.5


def test_tenacitys_jitter_stays_within_ours() -> None:
    waits = [tenacitys_wait(STREAM, 1) for _ in range(200)]
    assert 1.0 <= min(waits) < max(waits) <= 2.0


@pytest.mark.parametrize("field", ["initial", "multiplier", "maximum", "jitter"])
def test_a_negative_number_is_refused(field: str) -> None:
    numbers = {"initial": 1.0, "multiplier": 2.0, "maximum": 60.0, "jitter": 1.0, field: -1.0}
    with pytest.raises(ValueError, match=field):
        Backoff(**numbers)


@given(backoffs, st.integers(min_value=0, max_value=5000), chances)
def test_every_wait_is_bounded_by_ceiling_and_jitter(backoff: Backoff, attempt: int, chance: float) -> None:
    assert 0.0 <= backoff.delay(attempt, lambda: chance) <= backoff.maximum + backoff.jitter


@given(backoffs, st.integers(min_value=0, max_value=300))
def test_a_wait_is_never_shorter_than_the_one_before(backoff: Backoff, attempt: int) -> None:
    assert backoff.delay(attempt, never) <= backoff.delay(attempt + 1, never)


@given(
    initial=st.floats(min_value=0.001, max_value=1e3),
    multiplier=st.floats(min_value=1.0, max_value=10.0),
    maximum=st.floats(min_value=0.001, max_value=1e4),
    attempt=st.integers(min_value=0, max_value=2000),
)
def test_tenacity_follows_the_same_curve(initial: float, multiplier: float, maximum: float, attempt: int) -> None:
    backoff = Backoff(initial, multiplier, maximum, jitter=0.0)
    assert math.isclose(tenacitys_wait(backoff, attempt + 1), backoff.delay(attempt, never), rel_tol=1e-9)
