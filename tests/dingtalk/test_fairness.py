"""Cards that share an API's calls: none is left behind, and unseen text gets hardly older than the rate makes it."""

from itertools import pairwise

import pytest

from tests.bench.pacing.fair import RATE, Seen, fair_interval, shared

CARDS = (5, 20, 60, 200)

ENDING = (5, 20, 30, 40, 60, 100, 200)
LASTING = 30.0
"""Cards of whose answers one after the other ends, and seconds that each answer takes."""


def keeps_to_the_rate(seen: Seen) -> bool:
    moments = sorted(seen.sent)
    return all(later - earlier > 1 - 1e-6 for earlier, later in zip(moments, moments[RATE:], strict=False))


@pytest.mark.parametrize("cards", CARDS)
def test_no_card_waits_more_than_1_2_times_its_fair_interval(cards: int) -> None:
    seen = shared(cards)
    assert max(seen.intervals) <= 1.2 * fair_interval(cards)
    assert keeps_to_the_rate(seen)


@pytest.mark.parametrize("cards", CARDS)
def test_unseen_text_is_at_most_1_25_times_as_old_as_in_the_fluid_limit(cards: int) -> None:
    assert shared(cards).mean_age <= 1.25 * fair_interval(cards) / 2


@pytest.mark.parametrize("cards", CARDS)
def test_where_calls_take_no_time_none_is_lost(cards: int) -> None:
    assert shared(cards, latency=0.0).mean_age == pytest.approx(fair_interval(cards) / 2, rel=0.01)


@pytest.mark.parametrize("latency", [0.03, 0.08, 0.2])
@pytest.mark.parametrize("cards", ENDING)
def test_no_card_waits_more_than_1_2_times_its_fair_interval_where_answers_end_all_the_time(
    cards: int, latency: float
) -> None:
    seen = shared(cards, answers=LASTING, latency=latency)
    assert max(seen.intervals) <= 1.2 * fair_interval(cards, LASTING)
    assert keeps_to_the_rate(seen)


@pytest.mark.parametrize("cards", ENDING)
def test_a_final_text_hardly_waits_however_many_cards_grow(cards: int) -> None:
    assert max(shared(cards, answers=LASTING).finals) <= 0.45


def test_cards_that_began_together_are_apart_soon_and_stay_so() -> None:
    apart = [later - earlier for earlier, later in pairwise(shared(RATE, seconds=2.0).sent[2 * RATE :])]
    assert min(apart) >= 0.45 / RATE
