"""Whose lease has run out, and whose could not be renewed."""

from actors.inbox.renewals import RENEWED_WITHIN, Renewals

LEASE = 15.0


def seen(*events: tuple[str, float]) -> Renewals:
    """Renewals that saw writes `work` and `fail` at these times, from 0 on."""
    renewals = Renewals(LEASE, 0.0)
    for what, at in events:
        (renewals.worked if what == "work" else renewals.failed)(at)
    return renewals


def test_a_lease_is_over_when_it_runs_out() -> None:
    assert seen(("work", 90.0)).lapsed(100.0) == 100.0


def test_what_ran_out_while_nobody_could_renew_it_is_not_over() -> None:
    assert seen(("work", 10.0), ("fail", 12.0), ("fail", 70.0)).lapsed(75.0) == 10.0


def test_it_is_not_over_right_after_the_store_is_back_either() -> None:
    renewals = seen(("work", 10.0), ("fail", 12.0), ("fail", 70.0), ("work", 75.0))
    assert renewals.lapsed(76.0) == 10.0
    assert renewals.lapsed(75.0 + LEASE + RENEWED_WITHIN) == 75.0 + LEASE + RENEWED_WITHIN


def test_a_store_that_nobody_wrote_to_since_it_failed_may_be_away_still() -> None:
    assert seen(("work", 10.0), ("fail", 12.0)).lapsed(75.0) == 10.0


def test_it_was_away_until_a_write_went_through() -> None:
    assert seen(("work", 10.0), ("fail", 12.0), ("work", 16.0)).lapsed(17.0) == 10.0


def test_what_had_run_out_before_is_over_all_the_time() -> None:
    assert seen(("work", 10.0), ("fail", 70.0)).lapsed(75.0) >= 10.0


def test_a_failure_between_two_writes_that_work_keeps_nobody_from_renewing() -> None:
    assert seen(("work", 10.0), ("fail", 12.0), ("work", 12.5)).lapsed(13.0) == 13.0


def test_a_store_that_fails_now_and_then_does_not_hold_up_takeovers() -> None:
    events = [(what, 4.0 * number) for number in range(50) for what in ("work", "fail")]
    assert seen(*events).lapsed(200.0) == 200.0


def test_two_times_away_are_two() -> None:
    first = [("work", 10.0), ("fail", 12.0), ("fail", 70.0)]
    assert seen(*first, ("work", 75.0), ("fail", 76.0), ("fail", 90.0)).lapsed(91.0) == 75.0
