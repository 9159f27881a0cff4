"""What is kept of how long answers took: a sketch that stays small, follows, and forgets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.durations import NOTHING_HEARD, SPANS, Durations


def after(*seconds: float) -> Durations:
    durations = NOTHING_HEARD
    for one in seconds:
        durations = durations.heard(one)
    return durations


def test_an_answer_weighs_in_the_span_that_it_ended_in() -> None:
    [(weight, (begin, end))] = [
        (weight, span) for weight, span in zip(after(10.0).weights, SPANS, strict=True) if weight
    ]
    assert (weight, begin <= 10.0 < end) == (1.0, True)


@given(st.lists(st.floats(0, 10_000), max_size=200))
def test_a_sketch_never_grows_and_weighs_no_more_than_its_answers(seconds: list[float]) -> None:
    weights = after(*seconds).weights
    assert len(weights) == len(SPANS)
    assert all(weight >= 0 for weight in weights)
    assert sum(weights) <= min(len(seconds), 64) + 1e-9


def test_what_answers_take_now_outweighs_what_hundreds_took_before() -> None:
    weights = after(*[300.0] * 500, *[5.0] * 100).weights
    short = sum(weight for weight, (begin, _) in zip(weights, SPANS, strict=True) if begin < 10)
    assert short > 0.75 * sum(weights)


@pytest.mark.parametrize("seconds", [0.0, 0.2, 1e6])
def test_an_answer_beyond_all_spans_counts_in_the_nearest(seconds: float) -> None:
    weights = after(seconds).weights
    assert weights[0 if seconds < 1 else -1] == 1.0
