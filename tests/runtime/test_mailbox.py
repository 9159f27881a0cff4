"""The mailbox: bounded for work, open for control, closed for good."""

import itertools
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import ClassVar

import pykka
import pytest
from pykka._envelope import Envelope

from actors.core.frozen import frozen
from actors.runtime.actor import MailboxFull, Ref, Work, tell
from actors.runtime.mailbox import Mailbox
from tests.runtime.troupe import PATIENCE, Chronicle, Do, Note, Player


@frozen
class Chore(Work):
    number: int


class Clerk(Player):
    """Takes two chores at most."""

    mailbox_limit: ClassVar[int | None] = 2


@pytest.fixture
def door() -> threading.Event:
    """Behind it the clerk waits before reading anything."""
    return threading.Event()


@pytest.fixture
def clerk(chronicle: Chronicle, door: threading.Event) -> Iterator[Ref]:
    yield Clerk.start(chronicle, setup=lambda: door.wait(PATIENCE))
    door.set()


@pytest.fixture
def full(clerk: Ref) -> Ref:
    """The clerk with as many chores as may wait."""
    assert all(tell(clerk, Chore(number)) for number in range(2))
    return clerk


def test_work_beyond_the_limit_is_refused(full: Ref) -> None:
    assert not tell(full, Chore(2))


def test_whoever_insists_on_telling_learns_that_the_mailbox_is_full(full: Ref) -> None:
    with pytest.raises(MailboxFull):
        full.tell(Chore(2))


def test_an_ask_beyond_the_limit_is_answered_with_the_refusal(full: Ref) -> None:
    with pytest.raises(MailboxFull):
        full.ask(Chore(2), timeout=PATIENCE)


def test_control_is_taken_by_a_full_mailbox(full: Ref) -> None:
    assert tell(full, Note("mind the step"))


def test_a_full_actor_can_be_stopped(full: Ref, door: threading.Event) -> None:
    ending = full.stop(block=False)
    door.set()
    assert ending.get(timeout=PATIENCE)


def test_work_that_was_read_makes_room(full: Ref, door: threading.Event) -> None:
    door.set()
    full.ask(Note("done with it?"), timeout=PATIENCE)
    assert [tell(full, Chore(number)) for number in range(2)] == [True, True]


def test_control_does_not_take_the_place_of_work(clerk: Ref) -> None:
    for _ in range(10):
        tell(clerk, Note("mind the step"))
    assert tell(clerk, Chore(0))


def test_work_without_a_limit_is_always_taken(chronicle: Chronicle) -> None:
    ref = Player.start(chronicle)
    assert all(tell(ref, Chore(number)) for number in range(1000))


def test_messages_are_read_in_the_order_in_which_they_came(full: Ref, door: threading.Event) -> None:
    tell(full, Note("last"))
    door.set()
    notes = full.ask(Do(lambda clerk: clerk.notes), timeout=PATIENCE)
    assert [notes.get(timeout=PATIENCE) for _ in range(3)] == [Chore(0), Chore(1), Note("last")]


def test_the_dead_refuse_everything(chronicle: Chronicle) -> None:
    ref = Player.start(chronicle)
    ref.stop(timeout=PATIENCE)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask(Note("hello?"), timeout=PATIENCE)


def test_a_closed_mailbox_refuses_what_is_told() -> None:
    mailbox = Mailbox(None)
    mailbox.close()
    with pytest.raises(pykka.ActorDeadError):
        mailbox.put(Envelope(Note("hello?")))


def test_a_closed_mailbox_answers_what_is_asked() -> None:
    mailbox, answer = Mailbox(None), pykka.ThreadingFuture[object]()
    mailbox.close()
    mailbox.put(Envelope(Note("hello?"), reply_to=answer))
    with pytest.raises(pykka.ActorDeadError):
        answer.get(timeout=PATIENCE)


def test_closing_hands_out_what_nobody_has_read() -> None:
    mailbox = Mailbox(None)
    letters: list[Envelope[object]] = [Envelope(Note("first")), Envelope(Note("second"))]
    for letter in letters:
        mailbox.put(letter)
    assert mailbox.close() == letters


class Weighty(Envelope[object]):
    """A letter that is looked at twice before it is taken; in between, somebody else tries to close the mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__(Note("hello?"))
        self.left: Future[list[Envelope[object]]] = Future()
        self._closing = threading.Thread(target=lambda: self.left.set_result(mailbox.close()))
        self._looks = itertools.count(1)

    def __getattribute__(self, name: str) -> object:
        if name == "message" and next(self._looks) == 2:
            self._closing.start()
            with suppress(TimeoutError):
                self.left.result(timeout=0.05)
        return super().__getattribute__(name)


def test_a_mailbox_does_not_close_while_it_takes_a_letter() -> None:
    mailbox = Mailbox(None)
    letter = Weighty(mailbox)
    mailbox.put(letter)
    assert letter.left.result(timeout=PATIENCE) == [letter]


@pytest.fixture
def interrupted() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Has a function called by a signal handler on this thread, again and again."""
    before = signal.getsignal(signal.SIGVTALRM)

    def arm(action: Callable[[], object]) -> None:
        signal.signal(signal.SIGVTALRM, lambda *_: action())
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.001, 0.001)

    yield arm
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no interval timers")
def test_a_signal_handler_may_tell_what_its_own_thread_is_just_telling(
    chronicle: Chronicle, interrupted: Callable[[Callable[[], object]], None]
) -> None:
    ref = Player.start(chronicle)
    signals: list[bool] = []
    interrupted(lambda: signals.append(tell(ref, Note("stop, please"))))
    while len(signals) < 100:
        tell(ref, Note("work"))
    assert all(signals)
