"""A card's own budget: first text at once, never more than the budget, and enough left for text and for the end."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.pacing import Budget, Pace, next_update

USUAL = Budget(updates=20, min_interval=0.8)


def times(length: float, budget: Budget = USUAL, latency: float = 0.0, after: Pace | None = None) -> list[float]:
    """When the updates of an answer go out that grows all the time until `length`; the last is its end."""
    pace, sent = after or Pace(began=0.0), list[float]()
    now = pace.began
    while (at := next_update(pace, budget, now)) is not None and max(at, now) < length:
        now = max(at, now)
        sent.append(now)
        pace = pace.showed(now)
        now += latency
    return [*sent, length]


def longest_standstill(length: float, budget: Budget = USUAL) -> float:
    sent = times(length, budget)
    return max(later - earlier for earlier, later in pairwise(sent))


def test_the_first_text_is_shown_as_soon_as_it_exists() -> None:
    assert next_update(Pace(began=7.0), USUAL, 7.0) == 7.0


def test_a_budget_of_one_is_kept_for_the_end() -> None:
    assert next_update(Pace(began=0.0), Budget(updates=1, min_interval=0.8), 0.0) is None


def test_a_failed_update_costs_nothing_of_the_budget() -> None:
    assert Pace(began=0.0).missed(1.0).shown == 0


def test_a_failed_update_is_not_repeated_before_the_interval() -> None:
    assert next_update(Pace(began=0.0).missed(5.0), USUAL, 0.0) == pytest.approx(5.8)


def test_an_answer_of_ten_seconds_never_stands_still_for_long() -> None:
    assert longest_standstill(10.0) <= 2.2


def test_an_answer_of_thirty_seconds_never_stands_still_for_long() -> None:
    assert longest_standstill(30.0) <= 7.0


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


def test_text_that_is_wanted_at_once_does_not_wait_for_the_plan() -> None:
    pace = Pace(began=0.0).showed(0.0).showed(0.9)
    planned = next_update(pace, USUAL, 1.0)
    assert planned is not None
    assert planned > 1.7
    assert next_update(pace, USUAL, 1.0, at_once=True) == pytest.approx(1.7)


def test_what_comes_after_a_silence_is_given_the_time_to_grow() -> None:
    planned = next_update(Pace(began=0.0).showed(0.0), USUAL, 40.0)
    assert planned is not None
    assert 41.0 < planned < 50.0


# Text that pauses


TWICE = Pace(began=0.0).showed(0.0).showed(4.0)


def due(newest: float, pace: Pace = TWICE, since: float = 4.1) -> float:
    at = next_update(pace, USUAL, since, newest)
    assert at is not None
    return at


def test_text_that_pauses_is_shown_before_its_time() -> None:
    assert due(newest=4.2) < due(newest=100.0) - 0.3


def test_text_that_pauses_just_before_its_time_is_shown_at_its_time() -> None:
    assert due(newest=due(newest=100.0) - 0.01) == due(newest=100.0)


def test_the_longer_it_goes_on_the_later_it_is_taken_for_a_pause() -> None:
    moments = [due(newest=4.2 + step / 10) for step in range(15)]
    assert moments == sorted(moments)
    assert moments[0] < moments[-1]


def test_where_updates_are_rare_a_pause_must_be_long() -> None:
    late = TWICE.showed(60.0)
    planned = due(100.0, late, 60.1)
    assert due(planned - 1.0, late, 60.1) == planned
    assert due(61.0, late, 60.1) < planned - 1.0


@given(st.floats(0.1, 30), st.floats(0, 30))
def test_a_pause_makes_no_two_updates_closer_than_the_interval(since: float, newest: float) -> None:
    at = due(since + newest, Pace(began=0.0).showed(0.0), since)
    assert at >= 0.8


def test_nothing_is_wanted_so_much_that_it_costs_the_end() -> None:
    assert next_update(Pace(began=0.0).showed(0.0), Budget(updates=2, min_interval=0.8), 0.0, at_once=True) is None


# What is being done, before there is any text


def busy_until(length: float, budget: Budget) -> tuple[Pace, int]:
    """The pace of an answer that had news of what is being done all the time, and how many updates that took."""
    pace, now, count = Pace(began=0.0, speaking=False), 0.0, 0
    while (at := next_update(pace, budget, now)) is not None and max(at, now) < length:
        now = max(at, now)
        pace, count = pace.showed(now), count + 1
    return pace, count


budgets = st.builds(Budget, st.integers(1, 100), st.floats(0.1, 5))


def test_what_is_being_done_is_told_at_once() -> None:
    assert next_update(Pace(began=7.0, speaking=False), USUAL, 7.0) == 7.0


@given(st.floats(0, 600), budgets)
def test_what_is_being_done_costs_at_most_half_of_what_an_answer_has_before_its_end(
    length: float, budget: Budget
) -> None:
    assert busy_until(length, budget)[1] <= (budget.updates - 1) / 2


@given(st.floats(0.1, 600), st.floats(1, 600), budgets)
def test_status_and_text_together_keep_to_the_budget(busy: float, speaking: float, budget: Budget) -> None:
    pace, count = busy_until(busy, budget)
    assert count + len(times(busy + speaking, budget, after=pace.spoke(busy))) <= budget.updates


@given(st.floats(0.1, 600), st.floats(1, 600), budgets.filter(lambda budget: budget.updates > 1))
def test_the_first_text_waits_for_nothing_but_the_interval(busy: float, speaking: float, budget: Budget) -> None:
    pace, _ = busy_until(busy, budget)
    first, *_ = times(busy + budget.min_interval + speaking, budget, after=pace.spoke(busy))
    assert first <= busy + budget.min_interval


@given(st.floats(0.1, 600))
def test_text_that_comes_after_much_ado_still_moves_for_minutes(busy: float) -> None:
    pace, _ = busy_until(busy, USUAL)
    sent = times(busy + 600.0, USUAL, after=pace.spoke(busy))
    assert len(sent) >= 10
    assert sent[-2] > busy + 120.0


@given(st.floats(0.1, 600))
def test_text_of_ten_seconds_that_comes_after_much_ado_never_stands_still_for_long(busy: float) -> None:
    pace, _ = busy_until(busy, USUAL)
    sent = times(busy + 10.0, USUAL, after=pace.spoke(busy))
    assert max(later - earlier for earlier, later in pairwise(sent)) <= 4.2
