"""Cards that share an API's calls: none is left behind, and unseen text gets hardly older than the rate makes it."""

import pytest

from tests.bench.pacing.fair import RATE, Seen, fair_interval, shared

CARDS = (5, 20, 60, 200)


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
def test_a_place_is_held_as_long_as_the_answer_takes_and_nothing_else_is_lost(cards: int) -> None:
    assert shared(cards, latency=0.0).mean_age == pytest.approx(fair_interval(cards) / 2, rel=0.01)


@pytest.mark.parametrize("cards", [20, 60, 200])
def test_final_texts_take_their_calls_from_all_alike_and_wait_for_a_window_at_most(cards: int) -> None:
    lasting, window = 30.0, 1.08
    seen = shared(cards, answers=lasting)
    assert max(seen.intervals) <= 1.2 * fair_interval(cards, lasting) + window
    assert max(seen.finals) <= window
    assert keeps_to_the_rate(seen)
