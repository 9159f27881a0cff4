"""The reactor's own life: alive or not, and how it ends."""

import asyncio
import concurrent.futures
import contextlib
import gc
import threading
from queue import SimpleQueue

import pytest
from prometheus_client import REGISTRY

from actors.runtime.actor import Ref
from actors.runtime.reactor import Reactor
from tests.runtime.effects import Stage, hand_over, notes_of, on_stage, on_the_loop, slow_to_leave, soon
from tests.runtime.troupe import PATIENCE, Note, eventually, fail


def test_the_loops_lateness_is_measured(reactor: Reactor) -> None:
    def measured() -> float:
        return REGISTRY.get_sample_value("dingtalk_event_loop_lag_seconds_count") or 0.0

    before = measured()
    eventually(lambda: measured() > before, "the lag was observed")


def test_a_loop_that_turns_is_alive(reactor: Reactor) -> None:
    assert reactor.alive(within=PATIENCE)


def test_a_loop_that_is_blocked_is_not_alive(reactor: Reactor) -> None:
    may_go = threading.Event()

    async def block() -> None:
        may_go.wait(PATIENCE)

    blocking = reactor.submit(block())
    eventually(lambda: not reactor.alive(within=0.5), "the blocked loop is noticed")
    may_go.set()
    blocking.result(PATIENCE)
    eventually(lambda: reactor.alive(within=0.5), "the loop is alive again")


def test_a_reactor_that_was_not_started_is_not_alive() -> None:
    assert not Reactor(fail(AssertionError())).alive(within=PATIENCE)


@pytest.fixture
def ending() -> Reactor:
    """A reactor that the test itself stops."""
    reactor = Reactor(fail(AssertionError()))
    reactor.start()
    return reactor


def test_a_stop_cancels_what_runs_and_waits_for_its_cleanup(ending: Reactor, actor: Ref) -> None:
    stage, left = Stage(), list[str]()
    hand_over(ending, actor, slow_to_leave(stage, left))
    assert stage.on.wait(PATIENCE)
    assert (ending.stop(PATIENCE), left) == (True, ["tidily"])


def test_a_stop_does_not_cut_a_cleanup_short_that_is_under_way(ending: Reactor, actor: Ref) -> None:
    stage, left = Stage(), list[str]()
    effect = hand_over(ending, actor, slow_to_leave(stage, left))
    assert stage.on.wait(PATIENCE)
    effect.cancel()
    assert stage.cancelled.wait(PATIENCE)
    assert (ending.stop(PATIENCE), left) == (True, ["tidily"])


def test_a_stop_tells_nobody_of_what_it_cancelled(ending: Reactor, actor: Ref) -> None:
    on_stage(ending, actor)
    ending.stop(PATIENCE)
    assert notes_of(actor).empty()


def test_a_stop_does_not_wait_for_what_will_not_end(
    ending: Reactor, actor: Ref, caplog: pytest.LogCaptureFixture
) -> None:
    on = threading.Event()

    async def stubborn() -> None:
        on.set()
        while ending.alive(PATIENCE):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(PATIENCE)

    hand_over(ending, actor, stubborn())
    assert on.wait(PATIENCE)
    ending.stop(0.2)
    eventually(lambda: not ending.alive(PATIENCE), "the thread has ended")
    assert "without 1 tasks" in caplog.text


def test_a_second_stop_is_welcome(reactor: Reactor) -> None:
    assert (reactor.stop(PATIENCE), reactor.stop(PATIENCE)) == (True, True)


def test_a_stopped_reactor_takes_nothing(reactor: Reactor, actor: Ref) -> None:
    reactor.stop(PATIENCE)
    hand_over(reactor, actor, soon(1))
    reactor.later(0.0, actor, Note("never"))
    reactor.release(actor)
    with pytest.raises(RuntimeError, match="does not run"):
        reactor.submit(soon(1))


def test_whoever_waits_for_a_future_at_the_stop_is_not_left_waiting(reactor: Reactor) -> None:
    stage = Stage()
    future = reactor.submit(stage.play())
    assert stage.on.wait(PATIENCE)
    reactor.stop(PATIENCE)
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(PATIENCE)


def test_effects_that_are_handed_over_during_the_stop_leave_nothing_behind(actor: Ref) -> None:
    for _ in range(30):
        reactor = Reactor(fail(AssertionError()))
        reactor.start()
        over = threading.Event()

        def keep_handing_over(reactor: Reactor = reactor, over: threading.Event = over) -> None:
            while not over.is_set():
                hand_over(reactor, actor, soon(1)).cancel()

        thread = threading.Thread(target=keep_handing_over)
        thread.start()
        assert reactor.stop(PATIENCE)
        over.set()
        thread.join(PATIENCE)
    gc.collect()


def test_a_socket_that_was_in_use_at_the_stop_is_closed(ending: Reactor, actor: Ref) -> None:
    connected = threading.Event()

    async def talk() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.read()
            finally:
                writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                connected.set()
                await reader.read()
            finally:
                writer.close()

    hand_over(ending, actor, talk())
    assert connected.wait(PATIENCE)
    assert ending.stop(PATIENCE)
    gc.collect()


@pytest.fixture
def broken() -> tuple[Reactor, Exception]:
    """A reactor whose loop somebody has stopped, and what it said of that."""
    deaths: SimpleQueue[Exception] = SimpleQueue()
    reactor = Reactor(deaths.put)
    reactor.start()
    on_the_loop(reactor, lambda: asyncio.get_running_loop().stop())
    return reactor, deaths.get(timeout=PATIENCE)


def test_the_death_of_the_loop_is_reported(broken: tuple[Reactor, Exception]) -> None:
    _, death = broken
    assert isinstance(death, RuntimeError)


def test_a_dead_loop_is_not_alive(broken: tuple[Reactor, Exception]) -> None:
    reactor, _ = broken
    eventually(lambda: not reactor.alive(PATIENCE), "the thread has ended")


def test_a_dead_loop_takes_nothing(broken: tuple[Reactor, Exception]) -> None:
    reactor, _ = broken
    with pytest.raises(RuntimeError, match="does not run"):
        reactor.submit(soon(1))


def test_whoever_waits_for_a_future_at_the_death_of_the_loop_is_not_left_waiting() -> None:
    reactor = Reactor(lambda error: None)
    reactor.start()
    future = reactor.submit(Stage().play())
    on_the_loop(reactor, lambda: asyncio.get_running_loop().stop())
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(PATIENCE)
