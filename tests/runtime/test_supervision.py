"""Deaths and new starts under a supervisor. A name begins as Erlang/OTP's suite calls the case, if it has it."""

import gc
import time
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from actors.core.backoff import Backoff
from actors.core.restart import Decision, Escalate, Forget, Restart, RestartAfter
from actors.runtime.actor import Reason, Ref, SpawnFailed, Terminated, tell
from actors.runtime.reactor import Reactor
from actors.runtime.supervision import Escalated, Healthy, StartChild, State
from tests.runtime.nursery import CRASH, TROUBLE, Nursery, Supervised, answers, spec
from tests.runtime.troupe import PATIENCE, Chronicle, Do, Note, Player, eventually, fail


@pytest.fixture
def nursery() -> Supervised:
    return Supervised()


def with_failing_setup(parent: Ref) -> Ref:
    return Player.start(parent, setup=fail(CRASH))


any_error = pytest.mark.parametrize("error", [None, CRASH, TROUBLE, SystemExit(1)], ids=repr)


@any_error
def test_permanent_a_permanent_child_is_always_started_again(error: BaseException | None, nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    reason = Reason.NORMAL if error is None else Reason.FAILED
    assert nursery.end_of("connection", error) == ("ended", "connection", reason, RestartAfter(1.0))
    assert nursery.wait_is_over() == ("started", "connection")


def test_transient_normal_a_transient_child_that_has_done_its_work_is_forgotten(nursery: Supervised) -> None:
    nursery.begins(spec("job", restart=Restart.TRANSIENT))
    assert nursery.end_of("job", None) == ("ended", "job", Reason.NORMAL, Forget())
    assert nursery.names == ()


def test_transient_abnormal_a_transient_child_that_failed_is_started_again(nursery: Supervised) -> None:
    nursery.begins(spec("job", restart=Restart.TRANSIENT))
    nursery.end_of("job", CRASH)
    assert nursery.wait_is_over() == ("started", "job")


@any_error
def test_temporary_a_temporary_child_is_always_forgotten(error: BaseException | None, nursery: Supervised) -> None:
    nursery.begins(spec("conversation", restart=Restart.TEMPORARY))
    assert nursery.end_of("conversation", error)[3] == Forget()
    assert nursery.names == ()


def test_temporary_bystander_a_temporary_child_outlives_its_siblings_restart(nursery: Supervised) -> None:
    nursery.begins(spec("connection"), spec("conversation", restart=Restart.TEMPORARY))
    nursery.end_of("connection", CRASH)
    nursery.wait_is_over()
    assert answers(nursery.child("conversation"))


def test_one_for_one_a_death_leaves_the_siblings_alone(nursery: Supervised) -> None:
    nursery.begins(spec("one"), spec("other"))
    other = nursery.child("other")
    nursery.end_of("one", CRASH)
    nursery.wait_is_over()
    assert nursery.child("other") is other


def crash_too_often(nursery: Supervised, name: str) -> None:
    for _ in range(2):
        nursery.end_of(name, CRASH)
        nursery.wait_is_over()
    assert nursery.end_of(name, CRASH) == ("ended", name, Reason.FAILED, Escalate())
    assert nursery.next() == ("escalated", name)


def test_one_for_one_escalation_too_many_crashes_of_one_end_the_supervisor(nursery: Supervised) -> None:
    nursery.begins(spec("buggy"), spec("sibling"))
    crash_too_often(nursery, "buggy")
    death = nursery.chronicle.next()
    assert (death.reason, type(death.error), str(death.error)) == (
        Reason.FAILED,
        Escalated,
        "buggy crashed too often",
    )


def test_one_for_one_escalation_stops_the_siblings_first(nursery: Supervised) -> None:
    nursery.begins(spec("buggy"), spec("sibling"))
    crash_too_often(nursery, "buggy")
    assert [nursery.next(), nursery.next()] == [
        ("ended", "sibling", Reason.NORMAL, Forget()),
        ("all stopped", ()),
    ]


def test_trouble_never_escalates(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    for _ in range(10):
        assert isinstance(nursery.end_of("connection", TROUBLE)[3], RestartAfter)
        nursery.wait_is_over()


def test_crashes_that_lie_far_apart_do_not_escalate(nursery: Supervised) -> None:
    nursery.begins(spec("buggy"))
    for _ in range(5):
        nursery.now += 51.0
        assert isinstance(nursery.end_of("buggy", CRASH)[3], RestartAfter)
        nursery.wait_is_over()


@pytest.mark.parametrize("error", [CRASH, SystemExit(1), SpawnFailed("no thread")], ids=repr)
def test_sup_start_fail_a_start_that_raises_is_the_childs_death(error: BaseException, nursery: Supervised) -> None:
    nursery.does(lambda sup: sup.begin(spec("unborn", start=fail(error))))
    assert nursery.next() == ("ended", "unborn", Reason.FAILED_START, RestartAfter(1.0))


def test_sup_start_fail_a_setup_that_raises_is_the_childs_death(nursery: Supervised) -> None:
    nursery.begins(spec("unborn", start=with_failing_setup))
    assert nursery.next() == ("ended", "unborn", Reason.FAILED_START, RestartAfter(1.0))


def test_sup_start_fail_is_logged_with_the_childs_id(nursery: Supervised, caplog: pytest.LogCaptureFixture) -> None:
    nursery.does(lambda sup: sup.begin(spec("unborn", start=fail(CRASH))))
    nursery.next()
    assert [vars(record)["child"] for record in caplog.records] == ["unborn"]


def test_sup_start_fail_of_a_child_that_was_ended_meanwhile_is_no_news(nursery: Supervised) -> None:
    def begin_and_end(sup: Nursery) -> None:
        sup.begin(spec("unborn", start=fail(CRASH)))
        sup.end("unborn")

    nursery.does(begin_and_end)
    assert nursery.quiet


@pytest.mark.parametrize("start", [fail(CRASH), with_failing_setup])
def test_sup_start_fail_starts_that_fail_too_often_escalate(start: Callable[[Ref], Ref], nursery: Supervised) -> None:
    nursery.does(lambda sup: sup.begin(spec("unborn", start=start)))
    while nursery.next()[0] != "escalated":
        eventually(lambda: nursery.timers.waiting or not nursery.ref.is_alive(), "there is a wait, or an end")
        if nursery.timers.delays(StartChild):
            nursery.timers.fire(StartChild)
    assert isinstance(nursery.chronicle.next().error, Escalated)


def test_multiple_restarts_failures_in_a_row_wait_longer_each_time(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    waits = []
    for _ in range(4):
        nursery.end_of("connection", TROUBLE)
        waits += nursery.timers.delays(StartChild)
        nursery.wait_is_over()
    assert waits == [1.0, 2.0, 4.0, 8.0]


def never_starting(attempts: list[int]) -> Callable[[Ref], Ref]:
    def start(_: Ref) -> Ref:
        attempts.append(1)
        raise CRASH.with_traceback(None)

    return start


def test_hanging_restart_loop_a_supervisor_whose_child_never_starts_can_be_stopped(reactor: Reactor) -> None:
    chronicle, attempts = Chronicle(), list[int]()
    at_once = Backoff(initial=0.0, multiplier=1.0, maximum=0.0, jitter=0.0)
    looping = spec("unborn", start=never_starting(attempts), backoff=at_once, expected=(ZeroDivisionError,))
    ref = Nursery.start(chronicle, reactor, time.monotonic, SimpleQueue())
    ref.ask(Do(lambda sup: sup.begin(looping)), timeout=PATIENCE)
    eventually(lambda: len(attempts) > 20, "the child's start has failed many times")
    ref.ask(Do(lambda sup: sup.begin_stop(PATIENCE)), timeout=PATIENCE)
    assert chronicle.next().reason is Reason.NORMAL


class Insistent(Nursery):
    """Begins anew, at once, whatever has ended."""

    def child_ended(self, name: str, terminated: Terminated, decision: Decision) -> None:
        super().child_ended(name, terminated, decision)
        self.begin(spec(name, start=Insistent.attempt, restart=Restart.TEMPORARY))

    @staticmethod
    def attempt(parent: Ref) -> Ref:
        return Player.start(parent)


def test_a_child_may_begin_anew_at_the_news_of_its_end() -> None:
    nursery = Supervised(Insistent)
    nursery.begins(spec("conversation", restart=Restart.TEMPORARY))
    nursery.end_of("conversation", CRASH)
    assert nursery.next() == ("started", "conversation")


def test_hanging_restart_loop_in_a_hook_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    attempts: list[int] = []
    monkeypatch.setattr(Insistent, "attempt", never_starting(attempts))
    nursery = Supervised(Insistent)
    nursery.does(lambda sup: sup.begin(spec("unborn", start=Insistent.attempt, restart=Restart.TEMPORARY)))
    eventually(lambda: len(attempts) > 1000, "the child's start has failed more often than a stack is deep")
    nursery.does(lambda sup: sup.begin_stop(PATIENCE))
    assert nursery.chronicle.next().reason is Reason.NORMAL


def test_do_not_save_start_parameters_for_temporary_children_nothing_is_kept_of_a_forgotten_child(
    nursery: Supervised,
) -> None:
    class Parameters:
        pass

    def begin_and_end() -> "weakref.ref[Parameters]":
        parameters = Parameters()
        nursery.begins(
            spec("conversation", start=lambda parent: (parameters, Player.start(parent))[1], restart=Restart.TEMPORARY)
        )
        nursery.end_of("conversation", None)
        return weakref.ref(parameters)

    kept = begin_and_end()
    nursery.does(lambda sup: None)
    gc.collect()
    assert kept() is None


def test_a_long_healthy_spell_makes_the_next_restart_quick_and_the_failure_after_it_the_first(
    nursery: Supervised,
) -> None:
    nursery.begins(spec("connection"))
    nursery.end_of("connection", TROUBLE)
    nursery.wait_is_over()
    nursery.is_healthy_for("connection", 60.0)
    assert nursery.end_of("connection", TROUBLE)[3] == RestartAfter(0.0)
    nursery.wait_is_over()
    assert nursery.end_of("connection", TROUBLE)[3] == RestartAfter(1.0)


def test_to_have_run_for_long_is_not_to_have_been_healthy(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    nursery.end_of("connection", TROUBLE)
    nursery.wait_is_over()
    nursery.now += 600.0
    assert nursery.end_of("connection", TROUBLE)[3] == RestartAfter(2.0)


def test_health_of_a_former_incarnation_counts_for_nothing(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    former = nursery.child("connection")
    nursery.end_of("connection", TROUBLE)
    nursery.wait_is_over()
    tell(nursery.ref, Healthy(former))
    nursery.does(lambda sup: None)
    nursery.now += 600.0
    assert nursery.end_of("connection", TROUBLE)[3] == RestartAfter(2.0)


def test_a_late_death_of_a_former_incarnation_is_ignored(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    former = nursery.child("connection")
    nursery.end_of("connection", TROUBLE)
    nursery.wait_is_over()
    tell(nursery.ref, Terminated(former, Reason.FAILED, CRASH))
    assert nursery.quiet
    assert answers(nursery.child("connection"))


def test_a_wait_that_was_for_a_former_row_starts_nothing(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    nursery.end_of("connection", TROUBLE)
    nursery.does(lambda sup: sup.end("connection"))
    nursery.begins(spec("connection"))
    nursery.end_of("connection", TROUBLE)
    nursery.timers.fire(StartChild)
    assert nursery.quiet
    assert nursery.wait_is_over() == ("started", "connection")


def test_all_that_ran_for_a_dead_child_is_released(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    ref = nursery.child("connection")
    nursery.end_of("connection", TROUBLE)
    assert nursery.timers.released == [ref]


def test_an_id_is_given_once(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    with pytest.raises(ValueError, match="connection"):
        nursery.does(lambda sup: sup.begin(spec("connection")))


def test_a_child_that_is_ended_is_stopped_and_forgotten(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    nursery.does(lambda sup: sup.end("connection"))
    assert nursery.next() == ("ended", "connection", Reason.NORMAL, Forget())
    assert nursery.names == ()


def test_a_child_that_is_ended_while_it_waits_is_forgotten_at_once(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    nursery.end_of("connection", TROUBLE)
    nursery.does(lambda sup: sup.end("connection"))
    assert nursery.names == ()


def test_a_crash_on_the_way_out_is_not_followed_by_a_start(nursery: Supervised) -> None:
    nursery.begins(spec("connection", start=lambda parent: Player.start(parent, cleanup=fail(CRASH))))
    nursery.does(lambda sup: sup.end("connection"))
    assert nursery.next() == ("ended", "connection", Reason.FAILED, Forget())


def test_ending_or_parking_whom_nobody_knows_changes_nothing(nursery: Supervised) -> None:
    nursery.does(lambda sup: (sup.end("nobody"), sup.park("nobody")))  # type: ignore[func-returns-value]
    assert nursery.quiet


def test_a_parked_child_is_stopped_and_stays_known(nursery: Supervised) -> None:
    nursery.begins(spec("connection"), spec("other"))
    nursery.does(lambda sup: sup.park("connection"))
    nursery.next()
    assert nursery.does(lambda sup: sup.parked) == ("connection",)


def test_a_parked_child_is_not_started_when_its_wait_is_over(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    nursery.end_of("connection", TROUBLE)
    nursery.does(lambda sup: sup.park("connection"))
    nursery.timers.fire(StartChild)
    assert nursery.quiet
    assert nursery.does(lambda sup: sup.children["connection"].state) is State.PARKED


def test_a_parked_child_can_be_ended(nursery: Supervised) -> None:
    nursery.begins(spec("connection"))
    nursery.does(lambda sup: sup.park("connection"))
    nursery.next()
    nursery.does(lambda sup: sup.end("connection"))
    assert nursery.names == ()


class Parking(Nursery):
    """Parks who crashes too often, and goes on with the rest."""

    def child_escalated(self, name: str) -> None:
        self._diary.put(("escalated", name))


def test_a_supervisor_may_go_on_without_the_child_that_escalated() -> None:
    nursery = Supervised(Parking)
    nursery.begins(spec("buggy"), spec("sibling"))
    crash_too_often(nursery, "buggy")
    assert nursery.does(lambda sup: sup.parked) == ("buggy",)
    assert answers(nursery.child("sibling"))


def test_a_message_that_nobody_knows_is_named_without_its_content(
    nursery: Supervised, caplog: pytest.LogCaptureFixture
) -> None:
    tell(nursery.ref, Note("a secret"))
    nursery.does(lambda sup: None)
    assert [record.getMessage() for record in caplog.records] == ["unexpected Note"]


class Faulty(Nursery):
    """Has a bug in a hook."""

    def child_ended(self, name: str, terminated: Terminated, decision: Decision) -> None:
        raise KeyError(name)


def test_a_bug_in_a_hook_ends_the_supervisor_and_its_children() -> None:
    nursery = Supervised(Faulty)
    nursery.begins(spec("one"), spec("other"))
    other: Any = nursery.child("other")
    tell(nursery.child("one"), Do(fail(CRASH)))
    assert isinstance(nursery.chronicle.next().error, KeyError)
    assert not other.is_alive()
