"""The decision about a death, as a table and as properties."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.backoff import Backoff
from actors.core.restart import (
    QUICK,
    ChildSpec,
    Decision,
    Escalate,
    Forget,
    History,
    Intensity,
    Restart,
    RestartAfter,
    decide,
    decide_roll,
)
from actors.errors import ConnectionTrouble

TROUBLE = ConnectionTrouble("unreachable", "no route")
CRASH = ZeroDivisionError("a bug")

CONNECTION: ChildSpec[object] = ChildSpec(
    id="connection",
    start=lambda parent: parent,
    restart=Restart.PERMANENT,
    intensity=Intensity(limit=2, period=100.0),
    backoff=Backoff(initial=1.0, multiplier=2.0, maximum=60.0, jitter=1.0),
    reset_after=60.0,
)


def never() -> float:
    return 0.0


def die(
    *errors: Exception | None, spec: ChildSpec[object] = CONNECTION, history: History | None = None, every: float = 0.0
) -> list[Decision]:
    """What follows each of these deaths, one `every` so many seconds."""
    history = history or History()
    decisions: list[Decision] = []
    for number, error in enumerate(errors):
        decision, history = decide(spec, history, error, now=1000.0 + number * every, random=never)
        decisions.append(decision)
    return decisions


@pytest.mark.parametrize(
    ("restart", "error", "expected"),
    [
        (Restart.PERMANENT, None, RestartAfter(1.0)),
        (Restart.PERMANENT, TROUBLE, RestartAfter(1.0)),
        (Restart.PERMANENT, CRASH, RestartAfter(1.0)),
        (Restart.TRANSIENT, None, Forget()),
        (Restart.TRANSIENT, TROUBLE, RestartAfter(1.0)),
        (Restart.TRANSIENT, CRASH, RestartAfter(1.0)),
        (Restart.TEMPORARY, None, Forget()),
        (Restart.TEMPORARY, TROUBLE, Forget()),
        (Restart.TEMPORARY, CRASH, Forget()),
    ],
)
def test_the_kind_of_child_says_which_deaths_are_followed_by_a_start(
    restart: Restart, error: Exception | None, expected: Decision
) -> None:
    assert die(error, spec=replace(CONNECTION, restart=restart)) == [expected]


@pytest.mark.parametrize("error", [None, TROUBLE])
def test_failures_in_a_row_wait_longer_each_time(error: Exception | None) -> None:
    assert die(*[error] * 4) == [RestartAfter(1.0), RestartAfter(2.0), RestartAfter(4.0), RestartAfter(8.0)]


def test_crashes_are_met_with_the_same_backoff_as_trouble() -> None:
    assert die(CRASH, TROUBLE, CRASH) == [RestartAfter(1.0), RestartAfter(2.0), RestartAfter(4.0)]


def test_one_crash_more_than_the_limit_escalates() -> None:
    assert die(CRASH, CRASH, CRASH)[-1] == Escalate()


def test_as_many_crashes_as_the_limit_do_not_escalate() -> None:
    assert Escalate() not in die(CRASH, CRASH)


def test_a_crash_at_the_very_edge_of_the_period_still_counts() -> None:
    assert die(CRASH, CRASH, CRASH, every=50.0)[-1] == Escalate()


def test_a_crash_before_the_period_does_not_count() -> None:
    assert Escalate() not in die(CRASH, CRASH, CRASH, every=50.001)


def test_trouble_between_crashes_does_not_make_them_more() -> None:
    assert Escalate() not in die(CRASH, TROUBLE, None, CRASH, TROUBLE)


def test_a_normal_end_of_a_permanent_child_is_trouble_and_no_crash() -> None:
    assert Escalate() not in die(*[None] * 50)


def test_what_is_expected_is_the_childs_to_say() -> None:
    spec = replace(CONNECTION, expected=(ZeroDivisionError,))
    assert (Escalate() in die(*[CRASH] * 9, spec=spec), Escalate() in die(*[TROUBLE] * 9, spec=spec)) == (False, True)


def test_a_limit_of_zero_escalates_at_the_first_crash() -> None:
    assert die(CRASH, spec=replace(CONNECTION, intensity=Intensity(0, 100.0))) == [Escalate()]


HEALTHY_FOR_LONG = History(failures=7, healthy_since=1000.0 - 60.0)
HEALTHY_FOR_A_MOMENT = History(failures=2, healthy_since=1000.0 - 59.9)


def test_after_a_long_healthy_spell_the_first_restart_is_quick_and_the_next_ones_start_the_curve_anew() -> None:
    assert die(TROUBLE, TROUBLE, TROUBLE, history=HEALTHY_FOR_LONG) == [
        RestartAfter(0.0),
        RestartAfter(1.0),
        RestartAfter(2.0),
    ]


def test_the_quick_restart_is_spread_over_its_bound() -> None:
    decision, _ = decide(CONNECTION, HEALTHY_FOR_LONG, TROUBLE, now=1000.0, random=lambda: 0.5)
    assert decision == RestartAfter(QUICK / 2)


def test_a_short_healthy_spell_resets_nothing() -> None:
    assert die(TROUBLE, history=HEALTHY_FOR_A_MOMENT) == [RestartAfter(4.0)]


def test_health_is_counted_from_the_first_time_it_was_told() -> None:
    assert History().healthy(10.0).healthy(50.0).healthy_since == 10.0


@pytest.mark.parametrize("before", [HEALTHY_FOR_LONG, HEALTHY_FOR_A_MOMENT])
def test_the_health_of_one_incarnation_is_not_the_nexts(before: History) -> None:
    _, history = decide(CONNECTION, before, TROUBLE, now=1000.0, random=never)
    assert history.healthy_since is None


def test_health_does_not_forgive_crashes() -> None:
    history = replace(HEALTHY_FOR_LONG, crashes=(990.0, 995.0))
    assert die(CRASH, history=history) == [Escalate()]


def test_a_roll_after_a_long_healthy_spell_starts_the_successor_at_once() -> None:
    assert decide_roll(CONNECTION, HEALTHY_FOR_LONG, now=1000.0, random=lambda: 0.9) == (RestartAfter(0.0), History())


def test_a_roll_right_after_the_start_waits_for_the_backoff() -> None:
    decision, _ = decide_roll(CONNECTION, HEALTHY_FOR_A_MOMENT, now=1000.0, random=never)
    assert decision == RestartAfter(4.0)


def test_rolls_one_after_another_wait_longer_each_time() -> None:
    history, delays = History(), []
    for _ in range(4):
        decision, history = decide_roll(CONNECTION, history.healthy(1000.0), now=1000.0, random=never)
        delays.append(decision.delay)
    assert delays == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("start", None),
        ("restart", "sometimes"),
        ("shutdown", -1.0),
        ("shutdown", float("inf")),
        ("intensity", Intensity(limit=-1, period=1.0)),
        ("intensity", Intensity(limit=1, period=0.0)),
        ("reset_after", -1.0),
        ("expected", (BaseException,)),
        ("stage", "last"),
    ],
)
def test_a_wrong_field_of_a_spec_is_named(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"with a wrong {field}$"):
        replace(CONNECTION, **{field: value})


# A life: what happened to a child, as steps of (seconds since the step before, what happened).
happenings = st.sampled_from([TROUBLE, CRASH, None, "healthy", "roll"])
lives = st.lists(st.tuples(st.floats(min_value=0.0, max_value=120.0), happenings), max_size=40)


class Life:
    """Plays a life and notes what was decided, and when."""

    def __init__(self, steps: list[tuple[float, Any]], random: Callable[[], float] = never) -> None:
        self.decisions: list[tuple[float, Any, History, Decision]] = []
        now, history = 0.0, History()
        for passed, happening in steps:
            now += passed
            if happening == "healthy":
                history = history.healthy(now)
                continue
            before = history
            decision: Decision
            if happening == "roll":
                decision, history = decide_roll(CONNECTION, history, now=now, random=random)
            else:
                decision, history = decide(CONNECTION, history, happening, now=now, random=random)
            self.decisions.append((now, happening, before, decision))


@given(lives, st.floats(min_value=0.0, max_value=1.0, exclude_max=True))
def test_every_wait_is_bounded(steps: list[tuple[float, Any]], chance: float) -> None:
    for _, _, _, decision in Life(steps, lambda: chance).decisions:
        assert not isinstance(decision, RestartAfter) or 0.0 <= decision.delay <= 61.0


@given(lives)
def test_a_permanent_child_is_never_forgotten(steps: list[tuple[float, Any]]) -> None:
    assert Forget() not in [decision for _, _, _, decision in Life(steps).decisions]


@given(lives)
def test_escalation_comes_exactly_when_a_crash_is_one_too_many_within_the_period(
    steps: list[tuple[float, Any]],
) -> None:
    crashes: list[float] = []
    for now, happening, _, decision in Life(steps).decisions:
        if happening is CRASH:
            crashes.append(now)
        too_many = happening is CRASH and sum(now - crash <= 100.0 for crash in crashes) > 2
        assert isinstance(decision, Escalate) == too_many


@given(lives)
def test_the_count_starts_anew_only_after_long_health(steps: list[tuple[float, Any]]) -> None:
    decisions = Life(steps).decisions
    for (now, _, before, decision), (_, _, after, _) in pairwise(decisions):
        if isinstance(decision, Escalate):
            continue
        long = before.healthy_since is not None and now - before.healthy_since >= 60.0
        assert after.failures == (0 if long else before.failures + 1)
