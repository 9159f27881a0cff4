"""Many actors on one thread: whose turn it is, and what is known of a turn that does not end."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import pytest

from actors.runtime.actor import Parent, Ref, tell
from actors.runtime.dispatcher import Dispatcher
from tests.runtime.troupe import PATIENCE, Chronicle, Do, Guest, Note, drained, fail


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def turn_under_way(dispatcher: Dispatcher) -> Iterator[None]:
    """Somebody's turn, which lasts as long as this."""
    began, may_end = threading.Event(), threading.Event()
    dispatcher.post(began.set)
    dispatcher.post(lambda: may_end.wait(PATIENCE))
    assert began.wait(PATIENCE)
    try:
        yield
    finally:
        may_end.set()


def caught_up(dispatcher: Dispatcher) -> None:
    """Wait until all turns that were asked for so far are over."""
    over = threading.Event()
    dispatcher.post(over.set)
    assert over.wait(PATIENCE)


def guest(dispatcher: Dispatcher, notes: "SimpleQueue[object] | None" = None) -> Ref:
    return Guest.start(lambda death: None, dispatcher, notes=notes)


def test_turns_are_given_message_by_message_in_the_order_in_which_they_came(dispatcher: Dispatcher) -> None:
    heard: SimpleQueue[object] = SimpleQueue()
    anna, ben = guest(dispatcher, heard), guest(dispatcher, heard)
    with turn_under_way(dispatcher):
        for ref, text in ((anna, "a1"), (ben, "b1"), (anna, "a2"), (ben, "b2")):
            tell(ref, Note(text))
    caught_up(dispatcher)
    assert [note.text for note in drained(heard) if isinstance(note, Note)] == ["a1", "b1", "a2", "b2"]


def test_a_hundred_actors_take_no_more_threads_than_one(dispatcher: Dispatcher) -> None:
    before = threading.active_count()
    refs = [guest(dispatcher) for _ in range(100)]
    assert all(ref.ask(Note("are you there?"), timeout=PATIENCE) == "noted" for ref in refs)
    assert threading.active_count() == before


def test_who_spawns_an_actor_does_not_wait_until_it_runs(dispatcher: Dispatcher) -> None:
    lived: SimpleQueue[object] = SimpleQueue()
    with turn_under_way(dispatcher):
        Guest.start(lambda death: None, dispatcher, setup=lambda: lived.put("set up"))
        already = drained(lived)
    caught_up(dispatcher)
    assert (already, drained(lived)) == ([], ["set up"])


def test_an_actor_hears_nothing_before_its_setup(dispatcher: Dispatcher) -> None:
    heard: SimpleQueue[object] = SimpleQueue()

    class Impatient(Guest):
        def __init__(self, parent: Parent, place: Dispatcher) -> None:
            super().__init__(parent, place, setup=lambda: heard.put("set up"), notes=heard)
            tell(self.actor_ref, Note("already?"))

    Impatient.start(lambda death: None, dispatcher)
    caught_up(dispatcher)
    assert drained(heard) == ["set up", Note("already?")]


def test_what_is_left_of_the_dead_disturbs_nobody(dispatcher: Dispatcher, chronicle: Chronicle) -> None:
    heard: SimpleQueue[object] = SimpleQueue()
    dying, neighbour = Guest.start(chronicle, dispatcher), guest(dispatcher, heard)
    with turn_under_way(dispatcher):
        tell(dying, Do(fail(ZeroDivisionError())))
        for _ in range(3):
            tell(dying, Note("too late"))
        tell(neighbour, Note("are you there?"))
    caught_up(dispatcher)
    assert (len(chronicle.next().unread), drained(heard)) == (3, [Note("are you there?")])


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def timed(clock: Hands) -> Iterator[Dispatcher]:
    """A dispatcher with a clock in our hand."""
    dispatcher = Dispatcher(clock)
    dispatcher.start()
    yield dispatcher
    assert dispatcher.stop(PATIENCE)


def test_a_dispatcher_whose_turn_does_not_end_is_not_alive(timed: Dispatcher, clock: Hands) -> None:
    with turn_under_way(timed):
        clock.now += 6.0
        assert not timed.alive(5.0)


def test_a_turn_may_take_its_time(timed: Dispatcher, clock: Hands) -> None:
    with turn_under_way(timed):
        clock.now += 4.0
        assert timed.alive(5.0)


def test_a_dispatcher_that_has_nothing_to_do_is_alive(timed: Dispatcher, clock: Hands) -> None:
    caught_up(timed)
    clock.now += 600.0
    assert timed.alive(5.0)


def test_a_dispatcher_is_alive_again_once_the_long_turn_is_over(timed: Dispatcher, clock: Hands) -> None:
    with turn_under_way(timed):
        clock.now += 600.0
    caught_up(timed)
    caught_up(timed)  # the turn that told of the first time may be under way still
    assert timed.alive(5.0)


def test_a_dispatcher_that_was_not_started_is_not_alive() -> None:
    assert not Dispatcher().alive(5.0)


def test_a_dispatcher_that_has_ended_is_not_alive(timed: Dispatcher) -> None:
    timed.stop(PATIENCE)
    assert not timed.alive(5.0)


def test_turns_that_were_asked_for_are_given_before_the_end(dispatcher: Dispatcher) -> None:
    given: SimpleQueue[object] = SimpleQueue()
    with turn_under_way(dispatcher):
        for number in range(3):
            dispatcher.post(lambda number=number: given.put(number))  # type: ignore[misc]
        assert not dispatcher.stop(0.01)
    assert dispatcher.stop(PATIENCE)
    assert drained(given) == [0, 1, 2]


def test_a_turn_that_fails_is_told_of_and_the_next_one_is_given(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher.post(fail(SystemExit(3)))
    caught_up(dispatcher)
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]
