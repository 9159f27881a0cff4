"""How old unseen text gets under a budget, against those who know the answer before it is written."""

import random
from dataclasses import replace
from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.core.pacing import Budget
from tests.bench.pacing.contestants import USUAL, Contestant, against_the_end, former, ours, taught, tutorial
from tests.bench.pacing.optimum import cost, optimum
from tests.bench.pacing.traces import KINDS, Trace, gridded, trace

STEADY = ("constant", "slow start", "long tail")
LENGTHS = tuple(2 * 300 ** (step / 30) for step in range(31))


def worst(contestant: Contestant, kind: str = "constant", longest: float = 600.0) -> float:
    answers = [trace(kind, length) for length in LENGTHS if length <= longest]
    return max(against_the_end(contestant, answer) for answer in answers)


def usual(seconds: float, spread: float = 0.5, seed: int = 1) -> list[float]:
    """A hundred and more answers of about so long."""
    chance = random.Random(seed)
    return [min(600.0, max(2.0, chance.lognormvariate(0, spread) * seconds)) for _ in range(120)]


# The worst case, with nothing learned


@pytest.mark.parametrize("kind", STEADY)
@pytest.mark.parametrize(("longest", "bound"), [(120.0, 2.3), (600.0, 3.1)])
def test_steady_text_is_at_most_so_much_older_as_if_the_end_were_known(kind: str, longest: float, bound: float) -> None:
    assert worst(ours(replace(USUAL, longest=longest)), kind, longest) <= bound


@pytest.mark.parametrize(("longest", "bound"), [(120.0, 2.3), (600.0, 3.4)])
def test_text_in_bursts_is_hardly_older_than_that(longest: float, bound: float) -> None:
    assert worst(ours(replace(USUAL, longest=longest)), "bursty", longest) <= bound


@pytest.mark.parametrize(("longest", "bound"), [(120.0, 2.3), (600.0, 4.0)])
def test_text_that_pauses_for_seconds_is_shown_as_it_pauses(longest: float, bound: float) -> None:
    assert worst(ours(replace(USUAL, longest=longest)), "pausing", longest) <= bound


@pytest.mark.parametrize("kind", STEADY)
@pytest.mark.parametrize("seconds", [2.0, 5.0, 8.0])
@pytest.mark.parametrize(("longest", "bound"), [(120.0, 2.3), (600.0, 3.2)])
def test_it_is_hardly_more_than_that_if_all_of_the_answer_were_known(
    kind: str, seconds: float, longest: float, bound: float
) -> None:
    answer = trace(kind, seconds)
    assert cost(answer, ours(replace(USUAL, longest=longest))(answer)) / optimum(answer, 20, 0.8) <= bound


def test_the_former_plan_and_the_tutorial_are_far_beyond() -> None:
    assert worst(former) > 6
    assert worst(tutorial) > 15


# What is learned


@pytest.mark.parametrize("seconds", [6.0, 15.0, 45.0])
def test_what_was_learned_makes_the_mean_age_less_than_twice_what_it_must_be(seconds: float) -> None:
    known = usual(seconds)
    ratios = [against_the_end(ours(taught(known[:100])), trace("constant", length)) for length in known[100:]]
    assert mean(ratios) <= 1.9


@pytest.mark.parametrize("seconds", [4.0, 15.0, 45.0])
@pytest.mark.parametrize("kind", ["constant", "bursty"])
def test_what_was_learned_only_helps(kind: str, seconds: float) -> None:
    known = usual(seconds)
    answers = [trace(kind, length) for length in known[100:]]
    informed, ignorant = (
        mean(cost(answer, contestant(answer)) for answer in answers)
        for contestant in (ours(taught(known[:100])), ours())
    )
    assert informed <= 0.85 * ignorant


@pytest.mark.parametrize("seconds", [2.0, 6.0, 15.0, 120.0, 600.0])
def test_a_sketch_that_is_wrong_keeps_the_worst_case_in_bounds(seconds: float) -> None:
    assert worst(ours(taught([seconds] * 1000))) <= 9.0


def test_a_robot_whose_answers_got_longer_is_soon_paced_for_that() -> None:
    long = ours(taught([8.0] * 500 + [100.0] * 50))
    assert against_the_end(long, trace("constant", 100.0)) <= 1.6


# The optimum itself


def brute(answer: Trace, updates: int, gap: int) -> float:
    """The optimum by trying everything."""

    def best(last: int, left: int) -> float:
        waits = next((tick for tick in answer.ticks if tick > last), None)
        if waits is None:
            return 0.0
        costs = [float(max(0, answer.end - waits)) ** 2]
        if left > 1:
            begin = 0 if last < 0 else last + gap
            costs += [max(0, at - waits) ** 2 + best(at, left - 1) for at in range(begin, answer.end + 1)]
        return min(costs)

    return best(-1, updates) * answer.tick**2 / 2 / answer.seconds


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 0.3), max_size=12), st.integers(1, 4))
def test_the_optimum_is_what_trying_everything_finds(moments: list[float], updates: int) -> None:
    answer = gridded("any", 0.3, iter(moments))
    assert optimum(answer, updates, 0.06) == pytest.approx(brute(answer, updates, 3))


# Never beyond the budget

budgets = st.builds(
    Budget,
    st.integers(1, 40),
    st.floats(0.1, 3),
    st.floats(1, 2000),
    st.lists(st.floats(0, 900), max_size=80).map(lambda seconds: taught(seconds).lately),
)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(KINDS)), st.floats(0.5, 600), budgets)
def test_whatever_was_learned_budget_and_interval_hold_and_the_first_text_goes_at_once(
    kind: str, seconds: float, budget: Budget
) -> None:
    sent = ours(budget)(trace(kind, seconds))
    assert len(sent) <= budget.updates - 1
    assert all(later - earlier >= budget.min_interval - 1e-9 for earlier, later in pairwise(sent))
    assert budget.updates == 1 or sent[0] == 0.0
