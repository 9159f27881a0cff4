"""When the next call may go: properties of the pure schedule."""

import heapq
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dingtalk.limits import (
    ENOUGH,
    MARGIN,
    MOST_PATIENCE,
    PATIENCE,
    REST,
    WINDOW,
    Kind,
    Rank,
    Schedule,
    Ticket,
)

QPS = 5

RankedAt = Callable[[float], Rank]
final: RankedAt = partial(Rank, Kind.FINAL)
usual: RankedAt = partial(Rank, Kind.USUAL)
growing: RankedAt = partial(Rank, Kind.USUAL, growing=True)

Callers = list[tuple[float, RankedAt, float, float]]
"""When each comes, with what rank, and its way to DingTalk and back."""


def callers_of(*ranks: RankedAt) -> st.SearchStrategy[Callers]:
    way = st.floats(0, PATIENCE / 2)
    return st.lists(st.tuples(st.floats(0, 4), st.sampled_from(ranks), way, way), min_size=1, max_size=60)


arrivals = callers_of(final, usual, growing)


class Run:
    """A simulated clock that drives a schedule with callers until everybody went."""

    def __init__(self, callers: Callers) -> None:
        self.schedule = Schedule(QPS)
        self.sent: list[tuple[float, Ticket]] = []
        self.counted: list[float] = []
        self.came: dict[Ticket, float] = {}
        self.first_in_rank: list[Rank] = []
        moments: list[tuple[float, int, str, object]] = []
        for number, (at, ranked, there, back) in enumerate(callers):
            heapq.heappush(moments, (at, number, "comes", (ranked, there, back)))
        ways: dict[Ticket, tuple[float, float]] = {}
        number = len(callers)
        while moments:
            now, _, what, subject = heapq.heappop(moments)
            if what == "comes":
                ranked, there, back = subject  # type: ignore[misc]
                ticket = self.schedule.join(ranked(now))
                ways[ticket], self.came[ticket] = (there, back), now
            elif what == "answered":
                assert isinstance(subject, Ticket)
                self.schedule.answered(subject, now)
            while ticket_now := self.schedule.admit(now):
                there, back = ways[ticket_now]
                gone = {ticket for _, ticket in self.sent}
                self.first_in_rank.append(min(ticket.rank for ticket in self.came if ticket not in gone))
                self.sent.append((now, ticket_now))
                self.counted.append(now + there)
                number += 1
                heapq.heappush(moments, (now + there + back, number, "answered", ticket_now))
            if (due := self.schedule.due(now)) is not None:
                number += 1
                heapq.heappush(moments, (due, number, "alarm", None))


def most_within_a_second(times: list[float]) -> int:
    ordered = sorted(times)
    almost = WINDOW - 1e-6  # sums of floats
    return max(sum(1 for time in ordered if start <= time < start + almost) for start in ordered)


@given(arrivals)
def test_dingtalk_never_counts_more_than_the_limit_in_any_second(callers: Callers) -> None:
    assert most_within_a_second(Run(callers).counted) <= QPS


@given(arrivals)
def test_everybody_goes_in_the_end_and_once(callers: Callers) -> None:
    sent = [ticket for _, ticket in Run(callers).sent]
    assert len(sent) == len(set(sent)) == len(callers)


@given(arrivals)
def test_whoever_goes_is_the_first_in_rank_of_those_who_wait(callers: Callers) -> None:
    run = Run(callers)
    assert [ticket.rank for _, ticket in run.sent] == run.first_in_rank


def places_taken(now: float, earlier: list[float]) -> int:
    """How many places may not be free yet."""
    return sum(now - WINDOW - PATIENCE - 1e-6 <= at for at in earlier)


@given(callers_of(final, usual))
def test_nobody_waits_while_a_place_is_free(callers: Callers) -> None:
    run = Run(callers)
    for place, (now, ticket) in enumerate(run.sent):
        if now > run.came[ticket]:
            assert places_taken(now, [at for at, _ in run.sent[:place]]) >= QPS


@given(arrivals)
def test_growing_texts_go_evenly_though_one_that_was_late_is_followed_sooner(callers: Callers) -> None:
    moments = [now for now, ticket in Run(callers).sent if ticket.rank.growing]
    assert all(later - earlier >= WINDOW / QPS / 2 - 1e-6 for earlier, later in pairwise(moments))


@given(arrivals)
def test_where_texts_grow_nobody_waits_for_longer_than_a_place_and_as_many_turns_as_were_taken(
    callers: Callers,
) -> None:
    run, turn = Run(callers), (WINDOW + PATIENCE) / QPS
    for place, (now, ticket) in enumerate(run.sent):
        earlier = [at for at, _ in run.sent[:place]]
        if now > run.came[ticket] and places_taken(now, earlier) < QPS:
            assert any(now <= since + turn * len(earlier[number:]) + 1e-6 for number, since in enumerate(earlier))


@given(arrivals)
def test_a_place_is_free_again_no_later_than_its_answer_allows(callers: Callers) -> None:
    schedule, now = Schedule(1), 0.0
    for _, _, there, back in callers:
        schedule.join(usual(now))
        ticket = schedule.admit(now)
        assert ticket is not None
        answered = now + there + back
        schedule.answered(ticket, answered)
        now = answered + WINDOW


rates = st.lists(st.tuples(st.floats(0, 3), st.floats(0.25, QPS)), min_size=1, max_size=20)


@given(rates)
def test_a_rate_that_changes_is_kept_to_at_every_moment(changes: list[tuple[float, float]]) -> None:
    schedule, now, sent = Schedule(changes[0][1]), 0.0, list[float]()
    for lasts, rate in changes:
        schedule.rate, end = rate, now + lasts
        while now <= end:
            schedule.join(Rank(Kind.USUAL, 0.0))
            if ticket := schedule.admit(now):
                schedule.answered(ticket, now)
                sent.append(now)
                window = max(WINDOW, WINDOW / rate) - 1e-6
                assert sum(now - window < earlier for earlier in sent) <= max(1, int(rate))
            else:
                due = schedule.due(now)
                assert due is not None
                now = due
        now = end


def test_whoever_waits_at_a_rate_that_was_lowered_waits_for_all_places_that_are_too_many() -> None:
    schedule = Schedule(3)
    for since in (0.0, 0.1, 0.2):
        schedule.join(Rank(Kind.USUAL, 0.0))
        ticket = schedule.admit(since)
        assert ticket is not None
        schedule.answered(ticket, since)
    schedule.join(Rank(Kind.USUAL, 0.0))
    schedule.rate = 2
    assert schedule.due(0.3) == pytest.approx(0.1 + WINDOW)
    schedule.rate = 1
    assert schedule.due(0.3) == pytest.approx(0.2 + WINDOW)


@pytest.mark.parametrize(("rate", "within_12_seconds"), [(5.0, 60), (20 / 3, 72), (1.9, 12), (0.5, 6), (0.4, 5)])
def test_a_rate_lets_as_many_go_as_are_whole_calls_in_a_second_or_one_in_some(
    rate: float, within_12_seconds: int
) -> None:
    schedule, now, went = Schedule(rate), 0.0, 0
    while now < 12 - 1e-6:
        schedule.join(Rank(Kind.USUAL, 0.0))
        if ticket := schedule.admit(now):
            schedule.answered(ticket, now)
            went += 1
        now = schedule.due(now) or now
    assert went == within_12_seconds


def test_an_idle_window_lets_everybody_go_at_once() -> None:
    schedule = Schedule(20)
    for number in range(21):
        schedule.join(Rank(Kind.USUAL, float(number)))
    assert sum(schedule.admit(100.0) is not None for _ in range(21)) == 20


def test_a_call_without_an_answer_gives_its_place_up_after_the_patience() -> None:
    schedule = Schedule(1)
    schedule.join(Rank(Kind.USUAL, 0.0))
    schedule.admit(0.0)
    schedule.join(Rank(Kind.USUAL, 0.0))
    assert schedule.due(0.5) == WINDOW + PATIENCE


def test_a_late_answer_does_not_make_the_place_last_longer() -> None:
    schedule = Schedule(1)
    schedule.join(Rank(Kind.USUAL, 0.0))
    ticket = schedule.admit(0.0)
    assert ticket
    schedule.answered(ticket, 1.0)
    schedule.join(Rank(Kind.USUAL, 0.0))
    assert schedule.due(1.0) == WINDOW + PATIENCE


STEADY = 0.08
"""Seconds that a call takes where nothing delays it."""

delayed = st.lists(
    st.tuples(
        st.floats(2, 6),
        st.sampled_from([final, usual, growing]),
        st.floats(STEADY / 2, STEADY / 2 + 0.5),  # the way to DingTalk, on which a call may be held up
        st.floats(STEADY / 2, STEADY / 2 + 0.5),  # and back
    ),
    min_size=1,
    max_size=60,
)


undelayed: Callers = [(0.0, usual, STEADY / 2, STEADY / 2)]


@pytest.mark.parametrize("known", [1, ENOUGH])
@given(callers=delayed)
def test_calls_that_are_delayed_do_not_meet_those_behind_them(known: int, callers: Callers) -> None:
    after = [(at + 1.2 * known / QPS, rank, there, back) for at, rank, there, back in callers]
    assert most_within_a_second(Run(undelayed * known + after).counted) <= QPS


@pytest.mark.parametrize("took", [0.08, 0.2, 0.8])
def test_once_enough_answers_told_how_long_one_takes_little_of_that_costs_calls(took: float) -> None:
    sent = [now for now, _ in Run([(0.0, usual, took / 2, took / 2)] * (ENOUGH + 20 * QPS + 1)).sent]
    assert sent[-1] - sent[ENOUGH] <= 20 * (WINDOW + min(took, PATIENCE) / 3)


def test_a_platform_that_is_slow_but_steady_costs_no_calls() -> None:
    steady = Run([(0.0, usual, 0.4, 0.4)] * QPS * 10)
    hurried = Run([(0.0, usual, PATIENCE / 2, PATIENCE / 2)] * QPS * 10)
    assert steady.sent[-1][0] == hurried.sent[-1][0]


def late(*took: float) -> tuple[Schedule, float]:
    """A schedule of one place, after answers that took so long, and when that place is free."""
    schedule, now = Schedule(1), 0.0
    for seconds in took:
        schedule.join(usual(now))
        now = schedule.due(now) or now
        ticket = schedule.admit(now)
        assert ticket is not None
        now += seconds
        schedule.answered(ticket, now)
    return schedule, now + WINDOW


def next_after(schedule: Schedule, now: float, took: float, *, executed: bool = True) -> float:
    """When the next but one may go, if the next one goes now and its answer takes so long."""
    schedule.join(usual(now))
    ticket = schedule.admit(now)
    assert ticket is not None
    schedule.answered(ticket, now + took, executed=executed)
    schedule.join(usual(now + took))
    due = schedule.due(now + took)
    assert due is not None
    return due


@pytest.mark.parametrize(("took", "patience"), [(0.1, PATIENCE), (1.6, 1.5), (9.0, MOST_PATIENCE)])
def test_where_answers_are_late_another_is_waited_for_longer_but_not_for_ever(took: float, patience: float) -> None:
    schedule, now = late(0.1, took)
    for _ in range(2):
        schedule.join(usual(now))
    schedule.admit(now)
    assert schedule.due(now) == pytest.approx(now + patience + WINDOW)


def test_how_soon_a_call_is_refused_does_not_tell_how_soon_one_is_counted() -> None:
    schedule, now = late(*[STEADY] * ENOUGH)
    now = next_after(schedule, now, 0.001, executed=False)
    assert next_after(schedule, now, STEADY) == pytest.approx(now + WINDOW + MARGIN * STEADY)


def test_how_late_a_call_is_refused_tells_how_late_one_may_be() -> None:
    schedule, now = late(0.1)
    now = next_after(schedule, now, 1.6, executed=False)
    schedule.admit(now)
    schedule.join(usual(now))
    assert schedule.due(now) == pytest.approx(now + 1.5 + WINDOW)


def test_after_a_rest_all_of_an_answers_time_counts() -> None:
    schedule, now = late(*[STEADY] * ENOUGH)
    assert next_after(schedule, now + REST, STEADY) == pytest.approx(now + REST + WINDOW + STEADY)


def test_a_platform_that_turns_quick_has_counted_later_what_it_answered_before() -> None:
    schedule, now = late(*[0.16] * ENOUGH)
    schedule.rate = 2
    schedule.join(usual(now))
    before = schedule.admit(now)
    assert before is not None
    schedule.answered(before, now + 0.16)
    schedule.join(usual(now + 0.2))
    quick = schedule.admit(now + 0.2)
    assert quick is not None
    schedule.answered(quick, now + 0.26)
    schedule.join(usual(now + 0.3))
    assert schedule.due(now + 0.3) == pytest.approx(now + WINDOW + 0.1 + MARGIN * 0.06)


def test_every_call_takes_a_turn_of_those_that_growing_texts_wait_for() -> None:
    schedule = Schedule(20)
    for _ in range(10):
        schedule.join(final(0.0))
        schedule.admit(0.0)
    schedule.join(growing(0.0))
    assert schedule.due(0.0) == pytest.approx(9.5 * WINDOW / 20)


def test_a_place_that_is_given_back_gives_back_its_turn() -> None:
    schedule = Schedule(20)
    places = [schedule.join(final(0.0)) for _ in range(10)]
    for _ in places:
        schedule.admit(0.0)
    schedule.leave(places[-1])
    schedule.join(growing(0.0))
    assert schedule.due(0.0) == pytest.approx(8.5 * WINDOW / 20)


def test_turns_do_not_run_away_from_places_where_most_answers_are_slow_and_many_quick() -> None:
    schedule, now = Schedule(20), 0.0
    for number in range(600):
        schedule.join(final(now))
        now = schedule.due(now) or now
        ticket = schedule.admit(now)
        assert ticket is not None
        schedule.answered(ticket, now + (0.25 if number % 20 < 11 else 0.06))
    schedule.join(growing(now))
    assert (schedule.due(now) or 0.0) <= now + WINDOW + PATIENCE


def test_a_pause_holds_for_everybody() -> None:
    schedule = Schedule(5)
    schedule.pause(7.0)
    schedule.join(Rank(Kind.FINAL, 0.0))
    assert schedule.admit(6.9) is None
    assert schedule.due(6.9) == 7.0
    assert schedule.admit(7.0) is not None


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    schedule = Schedule(5)
    schedule.pause(7.0)
    schedule.pause(3.0)
    schedule.join(Rank(Kind.USUAL, 0.0))
    assert schedule.due(0.0) == 7.0


def test_nothing_is_due_while_nobody_waits() -> None:
    assert Schedule(1).due(0.0) is None


def test_live_cards_get_the_same_share() -> None:
    schedule, now, shown = Schedule(QPS), 0.0, dict.fromkeys(range(7), 0)
    waiting = {schedule.join(growing(now)): card for card in shown}
    while now < 60:
        while ticket := schedule.admit(now):
            card = waiting.pop(ticket)
            shown[card] += 1
            schedule.answered(ticket, now)
            waiting[schedule.join(growing(now))] = card
        now = schedule.due(now) or now
    assert max(shown.values()) - min(shown.values()) <= 1
