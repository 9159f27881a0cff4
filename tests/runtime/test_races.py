"""Thousands of rounds of what happens at the same moment: nothing hangs, nothing is lost, nothing comes twice."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeAlias

import pykka
import pytest

from actors.runtime.actor import Ref, tell
from tests.runtime.troupe import PATIENCE, Chronicle, Do, Note, drained, fail

ROUNDS = 1500


Start: TypeAlias = Callable[..., Ref]

ENDS: dict[str, Callable[[Ref], object]] = {
    "a stop": lambda ref: ref.stop(block=False),
    "a crash": lambda ref: tell(ref, Do(fail(SystemExit()))),
}


@pytest.fixture(autouse=True)
def _a_crowd(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Threads take turns as often as they can, and nobody talks."""
    caplog.set_level("CRITICAL")
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(pool: ThreadPoolExecutor, *actions: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same moment, each on its own thread."""
    gate = threading.Barrier(len(actions))

    def passing(action: Callable[[], Any]) -> Any:
        gate.wait(PATIENCE)
        return action()

    doing: list[Future[Any]] = [pool.submit(passing, action) for action in actions]
    return [future.result(PATIENCE) for future in doing]


def asking(ref: Ref) -> str:
    try:
        return str(ref.ask(Note("?"), timeout=PATIENCE))
    except pykka.ActorDeadError:
        return "dead"


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_an_ask_at_the_moment_of_the_end_is_answered(start: Start, end: Callable[[Ref], object]) -> None:
    chronicle = Chronicle()
    with ThreadPoolExecutor(3) as pool:
        answers = set()
        for _ in range(ROUNDS):
            ref = start(chronicle)
            answers |= set(together(pool, lambda: end(ref), lambda: asking(ref), lambda: asking(ref))[1:])  # noqa: B023
            chronicle.next()
    assert answers <= {"noted", "dead"}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_what_is_told_at_the_moment_of_the_end_is_handled_or_handed_on_or_refused(
    start: Start, end: Callable[[Ref], object]
) -> None:
    chronicle = Chronicle()
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            handled: SimpleQueue[object] = SimpleQueue()
            ref = start(chronicle, notes=handled)
            _, taken = together(
                pool,
                lambda: end(ref),  # noqa: B023
                lambda: [note for note in map(Note, "abcdefgh") if tell(ref, note)],  # noqa: B023
            )
            unread = chronicle.next().unread
            assert taken == [*drained(handled), *unread]


def test_many_stops_at_once_end_an_actor_once(start: Start) -> None:
    chronicle = Chronicle()
    with ThreadPoolExecutor(3) as pool:
        for _ in range(ROUNDS):
            ref = start(chronicle)
            together(pool, *[lambda: ref.stop(timeout=PATIENCE)] * 3)  # noqa: B023
            chronicle.next()
    assert chronicle.rest == []


def test_all_actors_that_start_while_all_are_stopped_are_told_of(start: Start) -> None:
    chronicle = Chronicle()

    def starting() -> int:
        return len([start(chronicle) for _ in range(10)])

    started = 0
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS // 10):
            started += together(pool, starting, lambda: pykka.ActorRegistry.stop_all(timeout=PATIENCE))[0]
    pykka.ActorRegistry.stop_all(timeout=PATIENCE)
    assert len(chronicle.rest) == started
