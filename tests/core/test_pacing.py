"""A card's own budget: first text at once, never more than the budget, and enough left for the end."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.pacing import Budget, Pace, next_update

USUAL = Budget(updates=20, min_interval=0.8)


def times(length: float, budget: Budget = USUAL, latency: float = 0.0) -> list[float]:
    """When the updates of an answer go out that grows all the time, for `length` seconds; the last is its end."""
    pace, sent = Pace(began=0.0), []
    now = 0.0
    while (at := next_update(pace, budget)) is not None and max(at, now) < length:
        now = max(at, now)
        sent.append(now)
        pace = pace.showed(now)
        now += latency
    return [*sent, length]


def longest_standstill(length: float, budget: Budget = USUAL) -> float:
    sent = times(length, budget)
    return max(later - earlier for earlier, later in pairwise(sent))


def test_the_first_text_is_shown_as_soon_as_it_exists() -> None:
    assert next_update(Pace(began=7.0), USUAL) == 7.0


def test_a_budget_of_one_is_kept_for_the_end() -> None:
    assert next_update(Pace(began=0.0), Budget(updates=1, min_interval=0.8)) is None


def test_a_failed_update_costs_nothing_of_the_budget() -> None:
    assert Pace(began=0.0).missed(1.0).shown == 0


def test_a_failed_update_is_not_repeated_before_the_interval() -> None:
    assert next_update(Pace(began=0.0).missed(5.0), USUAL) == pytest.approx(5.8)


def test_an_answer_of_ten_seconds_never_stands_still_for_long() -> None:
    assert longest_standstill(10.0) <= 1.4


def test_an_answer_of_thirty_seconds_never_stands_still_for_long() -> None:
    assert longest_standstill(30.0) <= 6.0


def test_an_answer_of_two_minutes_keeps_moving_to_its_end() -> None:
    assert longest_standstill(120.0) <= 40.0


@given(st.floats(1, 600), st.integers(1, 100), st.floats(0.1, 5), st.floats(0, 2))
def test_no_answer_gets_more_updates_than_its_budget(length: float, updates: int, gap: float, latency: float) -> None:
    assert len(times(length, Budget(updates, gap), latency)) <= updates


@given(st.floats(1, 600), st.integers(2, 100), st.floats(0.1, 5))
def test_two_updates_are_never_closer_than_the_interval(length: float, updates: int, gap: float) -> None:
    sent = times(length, Budget(updates, gap))[:-1]
    assert all(later - earlier >= gap - 1e-9 for earlier, later in pairwise(sent))


@given(st.floats(0, 590))
def test_the_usual_budget_is_never_spent_before_five_minutes(age: float) -> None:
    sent = times(600.0)
    assert sent[-2] > 240.0
    assert any(at > age for at in sent)
