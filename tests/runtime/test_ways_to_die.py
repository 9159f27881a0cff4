"""Every way in which an actor can end: its parent is told once, and nobody else notices."""

import asyncio
import itertools
import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import pykka
import pytest
from prometheus_client import REGISTRY

from actors.errors import ConnectionTrouble
from actors.runtime.actor import Killed, Reason, Ref, Terminated, tell
from tests.runtime.troupe import PATIENCE, Chronicle, Do, Guest, Note, Player, eventually, fail, threads_of

Start: TypeAlias = Callable[..., Ref]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to die: how the actor is made, what is told to it, what its parent shall hear."""

    setup: Callable[[], object] | None = None
    cleanup: Callable[[], object] | None = None
    told: Callable[[Ref], object] = lambda ref: None
    reason: Reason = Reason.FAILED
    error: type[Exception] | None = ZeroDivisionError


def raising(error: BaseException) -> Callable[[Ref], object]:
    return lambda ref: tell(ref, Do(fail(error)))


def stopping(ref: Ref) -> object:
    return ref.stop(block=False)


def recursing(ref: Ref) -> object:
    def deeper(_: object) -> object:
        return sorted([1], key=deeper)  # type: ignore[arg-type]

    return tell(ref, Do(deeper))


BUG = ZeroDivisionError("a bug")
LATER_BUG = KeyError("another one")

WAYS = {
    "it is stopped": Way(told=stopping, reason=Reason.NORMAL, error=None),
    "it stops itself": Way(told=lambda ref: tell(ref, Do(Player.stop)), reason=Reason.NORMAL, error=None),
    "a message fails": Way(told=raising(BUG)),
    "a message meets trouble": Way(told=raising(ConnectionTrouble("lost", "")), error=ConnectionTrouble),
    "a message raises SystemExit": Way(told=raising(SystemExit(3)), error=Killed),
    "a message raises CancelledError": Way(told=raising(asyncio.CancelledError()), error=Killed),
    "a message raises KeyboardInterrupt": Way(told=raising(KeyboardInterrupt()), error=Killed),
    "a message recurses for ever through C code": Way(told=recursing, error=RecursionError),
    "its setup fails": Way(setup=fail(BUG), reason=Reason.FAILED_START),
    "its setup raises SystemExit": Way(setup=fail(SystemExit()), reason=Reason.FAILED_START, error=Killed),
    "its cleanup fails": Way(cleanup=fail(BUG), told=stopping),
    "its cleanup raises SystemExit": Way(cleanup=fail(SystemExit()), told=stopping, error=Killed),
    "a message fails, then its cleanup": Way(cleanup=fail(LATER_BUG), told=raising(BUG)),
    "a message fails, then its cleanup raises SystemExit": Way(cleanup=fail(SystemExit()), told=raising(BUG)),
    "a message raises SystemExit, then its cleanup fails": Way(
        cleanup=fail(BUG), told=raising(SystemExit()), error=Killed
    ),
    "its setup fails, then its cleanup": Way(setup=fail(BUG), cleanup=fail(LATER_BUG), reason=Reason.FAILED_START),
}

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


def live_and_die(start: Start, way: Way, parent: Chronicle) -> Ref:
    ref = start(parent, setup=way.setup, cleanup=way.cleanup)
    way.told(ref)
    return ref


@every_way
def test_the_parent_is_told_why(start: Start, way: Way, chronicle: Chronicle) -> None:
    ref = live_and_die(start, way, chronicle)
    death = chronicle.next()
    assert (death.ref, death.reason, type(death.error)) == (ref, way.reason, way.error or type(None))


@every_way
def test_the_parent_is_told_once(start: Start, way: Way, chronicle: Chronicle, bystander: Ref) -> None:
    before = threads_of(Player)
    live_and_die(start, way, chronicle)
    chronicle.next()
    eventually(lambda: threads_of(Player) == before, "the actor's thread has ended")
    bystander.ask(Note("is its last turn over?"), timeout=PATIENCE)
    assert chronicle.rest == []


@every_way
def test_an_actor_that_is_a_parent_is_told_by_message(start: Start, way: Way) -> None:
    parent = start(lambda death: None)
    ref = start(parent, setup=way.setup, cleanup=way.cleanup)
    way.told(ref)
    death = parent.ask(Do(lambda player: player.notes), timeout=PATIENCE).get(timeout=PATIENCE)
    assert isinstance(death, Terminated)
    assert death.ref is ref


@every_way
def test_the_dead_are_not_registered(start: Start, way: Way, chronicle: Chronicle) -> None:
    live_and_die(start, way, chronicle)
    death = chronicle.next()
    assert death.ref not in pykka.ActorRegistry.get_all()


@every_way
def test_the_dead_say_so(start: Start, way: Way, chronicle: Chronicle) -> None:
    ref = live_and_die(start, way, chronicle)
    chronicle.next()
    assert not ref.is_alive()


@every_way
def test_the_dead_are_told_nothing(start: Start, way: Way, chronicle: Chronicle) -> None:
    ref = live_and_die(start, way, chronicle)
    chronicle.next()
    assert not tell(ref, Note("too late"))


@every_way
def test_other_actors_live_on(start: Start, way: Way, chronicle: Chronicle, bystander: Ref) -> None:
    before = threads_of(Player)
    live_and_die(start, way, chronicle)
    chronicle.next()
    eventually(lambda: threads_of(Player) == before, "only the bystander has a thread")
    assert bystander.ask(Note("are you there?"), timeout=PATIENCE) == "noted"


@every_way
def test_no_ask_is_left_unanswered(start: Start, way: Way, chronicle: Chronicle) -> None:
    at_the_door = threading.Event()
    ref = start(chronicle, setup=lambda: (at_the_door.wait(PATIENCE), way.setup and way.setup()), cleanup=way.cleanup)
    way.told(ref)
    asked = [ref.ask(Note("and now?"), block=False) for _ in range(3)]
    at_the_door.set()
    for answer in asked:
        with suppress(pykka.ActorDeadError):
            assert answer.get(timeout=PATIENCE) == "noted"


@every_way
def test_cleanup_runs_once(start: Start, way: Way, chronicle: Chronicle) -> None:
    cleanups = itertools.count()
    ref = start(chronicle, setup=way.setup, cleanup=lambda: (next(cleanups), way.cleanup and way.cleanup()))
    way.told(ref)
    chronicle.next()
    assert next(cleanups) == 1


@every_way
def test_a_stop_returns_when_the_parent_has_been_told(start: Start, way: Way, chronicle: Chronicle) -> None:
    ref = live_and_die(start, way, chronicle)
    ref.stop(timeout=PATIENCE)
    assert len(chronicle.rest) == 1


@pytest.mark.parametrize("error", [BUG, SystemExit(), asyncio.CancelledError()], ids=repr)
def test_an_exception_in_an_ask_answers_it_and_kills_nobody(
    start: Start, error: BaseException, chronicle: Chronicle
) -> None:
    ref = start(chronicle)
    with pytest.raises(ZeroDivisionError if error is BUG else Killed):
        ref.ask(Do(fail(error)), timeout=PATIENCE)
    assert ref.ask(Note("are you there?"), timeout=PATIENCE) == "noted"


def test_what_is_no_exception_stays_the_cause(start: Start, chronicle: Chronicle) -> None:
    exit_ = SystemExit(3)
    tell(start(chronicle), Do(fail(exit_)))
    error = chronicle.next().error
    assert error is not None
    assert error.__cause__ is exit_


def test_messages_that_were_never_handled_are_handed_to_the_parent_in_order(start: Start, chronicle: Chronicle) -> None:
    at_the_door = threading.Event()
    ref = start(chronicle, setup=lambda: at_the_door.wait(PATIENCE))
    for message in (Note("handled"), Do(fail(BUG)), Note("first"), Note("second")):
        tell(ref, message)
    at_the_door.set()
    assert chronicle.next().unread == (Note("first"), Note("second"))


def test_asks_and_stops_are_not_among_the_messages_that_are_handed_on(start: Start, chronicle: Chronicle) -> None:
    def stop_and_fail(player: Player) -> None:
        player.stop()
        player.actor_ref.ask(Note("and now?"), block=False)
        raise BUG

    tell(start(chronicle), Do(stop_and_fail))
    assert chronicle.next().unread == ()


def test_no_stop_returns_before_the_cleanup_is_over(start: Start, chronicle: Chronicle) -> None:
    cleaning, may_end = threading.Barrier(2), threading.Event()
    ref = start(chronicle, cleanup=lambda: (cleaning.wait(PATIENCE), may_end.wait(PATIENCE)))
    before_it = ref.stop(block=False)
    cleaning.wait(PATIENCE)
    during_it = ref.stop(block=False)
    for stop in (before_it, during_it):
        with pytest.raises(pykka.Timeout):
            stop.get(timeout=0.01)
    may_end.set()
    assert (before_it.get(timeout=PATIENCE), during_it.get(timeout=PATIENCE)) == (True, True)


def test_stopping_the_dead_says_that_they_were_dead(start: Start, chronicle: Chronicle) -> None:
    ref = start(chronicle)
    ref.stop(timeout=PATIENCE)
    assert not ref.stop(timeout=PATIENCE)


def test_a_parent_that_fails_at_the_news_leaves_no_ask_unanswered(start: Start) -> None:
    def inconsolable(_: Terminated) -> None:
        raise RuntimeError("my child!")

    assert start(inconsolable).stop(timeout=PATIENCE)


def test_a_parent_that_is_dead_itself_is_not_told(start: Start) -> None:
    parent = start(lambda death: None)
    child = start(parent)
    parent.stop(timeout=PATIENCE)
    assert child.stop(timeout=PATIENCE)


def test_a_constructor_that_fails_raises_in_the_caller_and_leaves_nothing() -> None:
    class Unborn(Player):
        def __init__(self) -> None:
            super().__init__(lambda death: None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Unborn.start()
    assert pykka.ActorRegistry.get_all() == []


def test_a_crash_is_logged_once_with_its_traceback(
    start: Start, chronicle: Chronicle, caplog: pytest.LogCaptureFixture
) -> None:
    tell(start(chronicle), Do(fail(BUG)))
    chronicle.next()
    [record] = caplog.records
    assert (record.levelno, record.exc_info is not None) == (logging.ERROR, True)


def test_trouble_is_no_more_than_a_debug_line(
    start: Start, chronicle: Chronicle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="actors")
    tell(start(chronicle), Do(fail(ConnectionTrouble("lost", ""))))
    chronicle.next()
    [record] = [record for record in caplog.records if record.name.startswith("actors")]
    assert (record.levelno, record.exc_info) == (logging.DEBUG, None)


def crashes_counted() -> float:
    kinds = (Player.__name__, Guest.__name__)
    return sum(REGISTRY.get_sample_value("dingtalk_actor_failures_total", {"actor": kind}) or 0.0 for kind in kinds)


def test_a_crash_is_counted(start: Start, chronicle: Chronicle) -> None:
    before = crashes_counted()
    tell(start(chronicle), Do(fail(BUG)))
    chronicle.next()
    assert crashes_counted() == before + 1


def test_trouble_is_not_counted_as_a_crash(start: Start, chronicle: Chronicle) -> None:
    before = crashes_counted()
    tell(start(chronicle), Do(fail(ConnectionTrouble("lost", ""))))
    chronicle.next()
    assert crashes_counted() == before


def test_an_actors_stack_is_its_own_and_that_of_other_threads_stays_as_it_was(chronicle: Chronicle) -> None:
    default = threading.stack_size(1024 * 1024)
    Player.start(chronicle)
    assert threading.stack_size(default) == 1024 * 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="an address space is limited by its rlimit on Linux")
def test_an_actor_for_which_there_is_no_thread_is_refused_and_leaves_nothing() -> None:
    script = """
        import pykka, resource
        from actors.runtime.actor import SpawnFailed
        from tests.runtime.troupe import Chronicle, Note, Player

        chronicle = Chronicle()
        started = [Player.start(chronicle)]
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20,) * 2)
        try:
            while True:
                started.append(Player.start(chronicle))
        except SpawnFailed as error:
            refusal = error
        registered = pykka.ActorRegistry.get_all()
        print("refused", "start new thread" in str(refusal))
        print("no zombie", len(registered) == len(started))
        print("all answer", all(ref.ask(Note("?"), timeout=20) == "noted" for ref in registered))
        print("stopped", all(pykka.ActorRegistry.stop_all(timeout=20)))
        print("deaths", len(chronicle.rest) == len(started))
    """
    limited = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )
    said = ["refused True", "no zombie True", "all answer True", "stopped True", "deaths True"]
    assert limited.stdout.splitlines() == said, limited.stderr
