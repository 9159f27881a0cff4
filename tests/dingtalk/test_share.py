"""A replica's share of the calls per second: a table of what it comes to, and what holds whatever happens to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dingtalk.share import DECREASE, HEARD_WITHIN, LEAST, RECOVERY, Share, at_rest, joining

LIMIT = 20
NOW = 1000.0

happenings = st.lists(
    st.tuples(
        st.floats(0, 60),  # seconds that pass before
        st.one_of(
            st.tuples(st.just("refused"), st.floats(0, 2)),  # a call that was sent so long before
            st.tuples(st.just("beaten"), st.integers(1, 40), st.booleans()),
        ),
    ),
    max_size=30,
)
Happenings = list[tuple[float, tuple[str, float] | tuple[str, int, bool]]]


def lived(share: Share, happened: Happenings, now: float = NOW) -> tuple[Share, float]:
    """A share after all that, and the moment."""
    for passes, what in happened:
        now += passes
        match what:
            case "refused", float(before):
                share = share.refused(now - before, now)
            case "beaten", int(replicas), bool(wanted):
                share = share.beaten(replicas, now, wanted=wanted)
    return share, now


@pytest.mark.parametrize("replicas", [1, 2, 3, 7, 20, 40])
def test_replicas_at_rest_have_the_limit_together(replicas: int) -> None:
    assert at_rest(LIMIT, replicas, NOW).rate(NOW) * replicas == pytest.approx(LIMIT)


@given(happenings)
def test_a_replica_that_is_alone_has_all_whatever_happened(happened: Happenings) -> None:
    share, now = lived(joining(LIMIT, 3, NOW), happened)
    alone = share.beaten(1, now, wanted=True)
    assert alone.refused(now, now + 1).rate(now + 1) == LIMIT


@given(st.integers(2, 40), happenings, st.floats(0, 600))
def test_a_rate_is_never_above_the_limit_nor_below_what_a_replica_keeps(
    replicas: int, happened: Happenings, later: float
) -> None:
    share, now = lived(joining(LIMIT, replicas, NOW), happened)
    assert LEAST * share.fair * (1 - 1e-9) <= share.rate(now + later) <= LIMIT


@given(st.integers(2, 40), happenings, st.floats(0, 600), st.floats(0, 600))
def test_a_rate_does_not_fall_while_nothing_is_refused(
    replicas: int, happened: Happenings, later: float, still_later: float
) -> None:
    share, now = lived(joining(LIMIT, replicas, NOW), happened)
    assert share.rate(now + later) <= share.rate(now + later + still_later) + 1e-9


@given(st.integers(2, 40), happenings)
def test_a_refusal_lowers_the_rate_by_a_part_of_it(replicas: int, happened: Happenings) -> None:
    share, now = lived(at_rest(LIMIT, replicas, NOW), happened)
    now += 1.0
    before = share.rate(now)
    after = share.refused(now, now).rate(now)
    assert after == LIMIT if share.replicas == 1 else after <= max(DECREASE * before, LEAST * share.fair) + 1e-9


def test_of_calls_that_were_under_way_together_one_refusal_counts() -> None:
    once = at_rest(LIMIT, 3, NOW).refused(NOW, NOW + 0.1)
    assert once.refused(NOW, NOW + 0.2) == once
    assert once.refused(NOW + 1.1, NOW + 1.2).rate(NOW + 1.2) < once.rate(NOW + 1.2)


def test_a_rate_that_was_cut_comes_back_to_its_place_and_goes_beyond() -> None:
    cut = at_rest(LIMIT, 3, NOW).refused(NOW, NOW)
    recovery = 3 * RECOVERY
    assert cut.rate(NOW + recovery / 2) > (cut.rate(NOW) + LIMIT / 3) / 2  # most of the way in half the time
    assert cut.rate(NOW + recovery) == pytest.approx(LIMIT / 3)
    assert cut.rate(NOW + 5 * recovery) == LIMIT


def test_who_has_more_than_its_share_looks_for_less_after_a_refusal_and_who_has_less_for_more() -> None:
    rich = at_rest(LIMIT, 4, NOW)
    later = NOW + 2.5 * 4 * RECOVERY
    had = rich.rate(later)
    assert had > rich.fair
    cut = rich.refused(later, later)
    assert rich.fair < cut.ceiling < had
    poor = cut
    moment = later
    while poor.rate(moment + 1.0) >= poor.fair:
        moment += 1.0
        poor = poor.refused(moment, moment)
    had = poor.rate(moment + 1.0)
    assert had < poor.refused(moment + 1.0, moment + 1.0).ceiling < poor.fair


def test_who_wants_no_more_goes_back_to_its_share() -> None:
    rich, later = at_rest(LIMIT, 4, NOW), NOW + 600
    assert rich.beaten(4, later, wanted=True).rate(later) == LIMIT
    assert rich.beaten(4, later, wanted=False).rate(later) == LIMIT / 4


def test_who_wants_no_more_and_has_less_than_its_share_goes_on_recovering() -> None:
    cut = at_rest(LIMIT, 4, NOW).refused(NOW, NOW)
    assert cut.beaten(4, NOW + 1, wanted=False) == cut


@pytest.mark.parametrize(("before", "then", "rate"), [(3, 5, 4.0), (5, 2, 10.0), (1, 4, 5.0), (4, 1, 20.0)])
def test_when_replicas_come_or_go_each_has_its_part_of_the_new_number(before: int, then: int, rate: float) -> None:
    share = at_rest(LIMIT, before, NOW).beaten(then, NOW + 1, wanted=False)
    assert share.rate(NOW + 1) == pytest.approx(rate)


def test_who_joins_begins_low_until_the_others_have_heard_of_it_and_then_climbs_to_its_share() -> None:
    share = joining(LIMIT, 4, NOW)
    assert share.rate(NOW) == share.rate(NOW + HEARD_WITHIN) == LEAST * LIMIT / 4
    assert share.rate(NOW + HEARD_WITHIN + 4 * RECOVERY) == pytest.approx(LIMIT / 4)


def test_who_joins_nobody_has_all_at_once() -> None:
    assert joining(LIMIT, 1, NOW).rate(NOW) == LIMIT
