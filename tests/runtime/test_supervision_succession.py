"""A successor by order: it is there at once, whoever was before goes on until it is told, and the past is forgotten."""

import pytest

from actors.core.restart import Forget, History
from actors.runtime.actor import Reason, tell
from actors.runtime.supervision import StartChild, StopOverdue
from tests.runtime.nursery import CRASH, TROUBLE, Nursery, Supervised, answers, spec
from tests.runtime.troupe import Do, eventually, fail


class Forgetful(Nursery):
    """A nursery whose diary has who is forgotten."""

    def child_forgotten(self, name: str) -> None:
        self._diary.put(("forgotten", name))


@pytest.fixture
def nursery() -> Supervised:
    """A supervisor with one connection."""
    nursery = Supervised(Forgetful)
    nursery.begins(spec("connection"))
    return nursery


def test_a_successor_starts_at_once_and_beside_its_predecessor(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    nursery.does(lambda sup: sup.succeed("connection"))
    assert nursery.next() == ("started", "connection")
    assert nursery.child("connection") is not predecessor
    assert answers(predecessor)
    assert answers(nursery.child("connection"))


def test_predecessors_stop_when_they_are_told(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    nursery.does(lambda sup: sup.succeed("connection"))
    nursery.next()
    nursery.does(lambda sup: sup.stop_predecessors("connection"))
    eventually(lambda: nursery.timers.released == [predecessor], "the end was noted")
    assert len(nursery.timers.delays(StopOverdue)) == 1
    assert nursery.quiet
    assert answers(nursery.child("connection"))


def test_a_child_that_waits_is_succeeded_without_the_wait(nursery: Supervised) -> None:
    nursery.end_of("connection", TROUBLE)
    nursery.does(lambda sup: sup.succeed("connection"))
    assert nursery.next() == ("started", "connection")
    successor = nursery.child("connection")
    nursery.timers.fire(StartChild)  # the wait that was under way
    assert nursery.child("connection") is successor
    assert nursery.quiet


def test_a_child_that_is_parked_is_succeeded(nursery: Supervised) -> None:
    nursery.does(lambda sup: sup.park("connection"))
    nursery.next()
    nursery.does(lambda sup: sup.succeed("connection"))
    assert nursery.next() == ("started", "connection")
    assert nursery.does(lambda sup: sup.parked) == ()


def test_what_was_held_against_a_child_is_forgotten(nursery: Supervised) -> None:
    nursery.end_of("connection", CRASH)
    nursery.wait_is_over()
    nursery.does(lambda sup: sup.succeed("connection"))
    assert nursery.does(lambda sup: sup.children["connection"].history) == History()


def test_a_child_that_is_to_end_has_no_successor(nursery: Supervised) -> None:
    def end_and_succeed(sup: Nursery) -> None:
        sup.end("connection")
        sup.succeed("connection")

    nursery.does(end_and_succeed)
    assert {nursery.next(), nursery.next()} == {
        ("forgotten", "connection"),
        ("ended", "connection", Reason.NORMAL, Forget()),
    }
    assert nursery.quiet


def test_nobody_is_succeeded_who_is_not_there(nursery: Supervised) -> None:
    nursery.does(lambda sup: sup.succeed("nobody"))
    nursery.does(lambda sup: sup.stop_predecessors("nobody"))
    assert nursery.quiet


def test_a_child_is_forgotten_when_its_last_predecessor_is_gone(nursery: Supervised) -> None:
    predecessor = nursery.child("connection")
    nursery.does(lambda sup: sup.succeed("connection"))
    nursery.next()
    tell(predecessor, Do(fail(TROUBLE)))
    eventually(lambda: predecessor in nursery.timers.released, "the end was noted")
    assert nursery.quiet
    nursery.does(lambda sup: sup.end("connection"))
    assert nursery.next() == ("forgotten", "connection")


def test_a_child_that_waits_is_forgotten_as_soon_as_it_is_to_end(nursery: Supervised) -> None:
    nursery.end_of("connection", TROUBLE)
    nursery.does(lambda sup: sup.end("connection"))
    assert nursery.next() == ("forgotten", "connection")
