"""Rolling a child: its successor is there before it goes, and no storm of rolls can be provoked."""

from collections.abc import Callable

import pytest

from actors.core.restart import Forget, RestartAfter
from actors.runtime.actor import Reason, tell
from actors.runtime.supervision import Healthy, StartChild
from tests.runtime.nursery import CRASH, TROUBLE, Nursery, Supervised, answers, spec, stuck
from tests.runtime.troupe import PATIENCE, Do, Player, eventually, fail


@pytest.fixture
def nursery() -> Supervised:
    """A supervisor with one connection that has been healthy for a minute."""
    nursery = Supervised()
    nursery.begins(spec("connection"))
    nursery.is_healthy_for("connection", 60.0)
    return nursery


def roll(nursery: Supervised) -> RestartAfter | None:
    """The present connection asks for its successor."""
    ref = nursery.child("connection")
    decision = nursery.does(lambda sup: sup.roll("connection", ref))
    assert decision is None or isinstance(decision, RestartAfter)
    return decision


def test_after_a_healthy_spell_the_successor_starts_at_once(nursery: Supervised) -> None:
    assert roll(nursery) == RestartAfter(0.0)
    assert nursery.timers.delays(StartChild) == [0.0]


def test_the_successor_starts_while_the_predecessor_lives(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    roll(nursery)
    assert nursery.wait_is_over() == ("started", "connection")
    assert answers(predecessor)
    assert answers(nursery.child("connection"))


@pytest.mark.parametrize("error", [None, TROUBLE, CRASH], ids=repr)
def test_the_predecessors_end_is_forgotten(error: Exception | None, nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    roll(nursery)
    nursery.wait_is_over()
    tell(predecessor, Do(Player.stop if error is None else fail(error)))
    eventually(lambda: nursery.timers.released == [predecessor], "the end was noted")
    assert nursery.quiet
    assert answers(nursery.child("connection"))


def test_a_predecessor_that_ends_during_the_wait_changes_nothing(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    roll(nursery)
    tell(predecessor, Do(fail(TROUBLE)))
    eventually(lambda: nursery.timers.released == [predecessor], "the end was noted")
    assert nursery.quiet
    assert nursery.timers.delays(StartChild) == [0.0]
    assert nursery.wait_is_over() == ("started", "connection")


def test_rolls_right_after_each_start_wait_longer_each_time(nursery: Supervised) -> None:
    waits = []
    for _ in range(5):
        roll(nursery)
        waits += nursery.timers.delays(StartChild)
        nursery.wait_is_over()
        nursery.is_healthy_for("connection", 0.5)
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0]


def test_a_second_request_to_roll_the_same_is_ignored(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    nursery.does(lambda sup: sup.roll("connection", predecessor))
    assert nursery.does(lambda sup: sup.roll("connection", predecessor)) is None
    nursery.wait_is_over()
    assert nursery.does(lambda sup: sup.roll("connection", predecessor)) is None


def test_a_successor_that_fails_is_started_again_while_the_predecessor_serves(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    roll(nursery)
    nursery.wait_is_over()
    assert nursery.end_of("connection", TROUBLE)[3] == RestartAfter(1.0)
    assert answers(predecessor)
    assert nursery.wait_is_over() == ("started", "connection")


def test_ending_a_rolled_child_ends_both_incarnations(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    roll(nursery)
    nursery.wait_is_over()
    successor = nursery.child("connection")
    nursery.does(lambda sup: sup.end("connection"))
    assert nursery.next() == ("ended", "connection", Reason.NORMAL, Forget())
    eventually(lambda: set(nursery.timers.released) == {predecessor, successor}, "both are dead")
    assert nursery.names == ()


def test_a_row_is_kept_until_the_last_of_its_incarnations_has_ended(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    roll(nursery)
    nursery.wait_is_over()
    with stuck(predecessor):
        nursery.does(lambda sup: sup.end("connection"))
        nursery.next()
        assert nursery.names == ("connection",)
    eventually(lambda: nursery.names == (), "the row is gone")


def test_an_ordered_stop_stops_both_incarnations(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    roll(nursery)
    nursery.wait_is_over()
    nursery.does(lambda sup: sup.begin_stop(PATIENCE))
    assert nursery.chronicle.next().reason is Reason.NORMAL
    assert not predecessor.is_alive()


def test_health_of_the_predecessor_is_not_the_successors(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    roll(nursery)
    nursery.wait_is_over()
    tell(nursery.ref, Healthy(predecessor))
    nursery.does(lambda sup: None)
    nursery.now += 600.0
    assert nursery.end_of("connection", TROUBLE)[3] == RestartAfter(1.0)


@pytest.mark.parametrize("leave", [Nursery.end, Nursery.park])
def test_a_child_that_is_on_its_way_out_does_not_roll(
    leave: Callable[[Nursery, str], None], nursery: Supervised
) -> None:
    with stuck(nursery.child("connection")):
        nursery.does(lambda sup: leave(sup, "connection"))
        assert roll(nursery) is None


def test_nothing_rolls_during_the_stop(nursery: Supervised) -> None:
    nursery.begins(spec("above", stage=1))
    with stuck(nursery.child("above")):
        nursery.does(lambda sup: sup.begin_stop(PATIENCE))
        assert roll(nursery) is None


def test_no_successor_starts_during_the_stop(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    with stuck(predecessor):
        roll(nursery)
        nursery.does(lambda sup: sup.begin_stop(PATIENCE))
        nursery.timers.fire(StartChild)
        assert nursery.quiet
