"""Effects and timers: what the reactor is handed runs, and what comes of it is told."""

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors.runtime.actor import Killed, Ref
from actors.runtime.reactor import Reactor
from tests.runtime.effects import Stage, hand_over, notes_of, on_stage, on_the_loop, slow_to_leave, soon
from tests.runtime.troupe import PATIENCE, Note, eventually, fail


@pytest.fixture
def told(actor: Ref) -> Callable[[], Any]:
    """The next thing that the actor was told."""
    notes = notes_of(actor)
    return lambda: notes.get(timeout=PATIENCE)


async def raising(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def test_a_result_comes_back_as_a_message(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:
    hand_over(reactor, actor, soon(42))
    assert told() == ("ok", 42)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("no"), ValueError),
        (asyncio.CancelledError(), Killed),
        (SystemExit(1), Killed),
        (KeyboardInterrupt(), Killed),
    ],
    ids=repr,
)
def test_a_failure_comes_back_as_a_message(
    error: BaseException, kind: type[Exception], reactor: Reactor, actor: Ref, told: Callable[[], Any]
) -> None:
    hand_over(reactor, actor, raising(error))
    assert told() == ("failed", kind)


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_an_effect_that_wants_to_end_the_process_ends_only_itself(
    error: BaseException, reactor: Reactor, actor: Ref, told: Callable[[], Any], deaths: list[Exception]
) -> None:
    hand_over(reactor, actor, raising(error))
    told()
    hand_over(reactor, actor, soon("next"))
    assert (told(), deaths) == (("ok", "next"), [])


def test_a_result_that_makes_no_message_is_a_failure(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:
    reactor.run(soon(1), to=actor, ok=fail(ValueError()), failed=type)
    assert told() is ValueError


def test_a_cancelled_effect_is_cancelled(reactor: Reactor, actor: Ref) -> None:
    stage, effect = on_stage(reactor, actor)
    effect.cancel()
    assert stage.cancelled.wait(PATIENCE)


def test_a_cancelled_effect_tells_nothing(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:
    stage, effect = on_stage(reactor, actor)
    effect.cancel()
    assert stage.cancelled.wait(PATIENCE)
    hand_over(reactor, actor, soon("next"))
    assert told() == ("ok", "next")


def test_an_effect_that_will_not_be_cancelled_tells_nothing_either(
    reactor: Reactor, actor: Ref, told: Callable[[], Any]
) -> None:
    ended = threading.Event()

    async def stubborn(stage: Stage) -> str:
        try:
            return await stage.play()
        except asyncio.CancelledError:
            ended.set()
            return "so there"

    stage = Stage()
    effect = hand_over(reactor, actor, stubborn(stage))
    assert stage.on.wait(PATIENCE)
    effect.cancel()
    assert ended.wait(PATIENCE)
    hand_over(reactor, actor, soon("next"))
    assert told() == ("ok", "next")


def test_cancelling_twice_does_not_cut_the_cleanup_short(reactor: Reactor, actor: Ref) -> None:
    stage, left = Stage(), list[str]()
    effect = hand_over(reactor, actor, slow_to_leave(stage, left))
    assert stage.on.wait(PATIENCE)
    effect.cancel()
    assert stage.cancelled.wait(PATIENCE)
    effect.cancel()
    eventually(lambda: not reactor._effects, "the effect is over")
    assert left == ["tidily"]


def test_an_effect_that_is_cancelled_before_it_begins_never_runs(
    reactor: Reactor, actor: Ref, told: Callable[[], Any]
) -> None:
    ran = []

    async def run() -> None:
        ran.append(True)

    on_the_loop(reactor, lambda: hand_over(reactor, actor, run()).cancel())
    hand_over(reactor, actor, soon("next"))
    assert (told(), ran) == (("ok", "next"), [])


def test_an_effect_that_is_cancelled_at_some_moment_or_other_leaves_nothing_behind(
    reactor: Reactor, actor: Ref
) -> None:
    for _ in range(500):
        hand_over(reactor, actor, soon(1)).cancel()
    on_the_loop(reactor, lambda: None)
    eventually(lambda: not reactor._effects, "all are over")


def test_cancelling_what_is_over_changes_nothing(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:
    effect = hand_over(reactor, actor, soon("first"))
    told()
    effect.cancel()
    effect.cancel()
    hand_over(reactor, actor, soon("next"))
    assert told() == ("ok", "next")


def test_an_effect_for_the_dead_never_runs(reactor: Reactor, actor: Ref) -> None:
    actor.stop(timeout=PATIENCE)
    ran = []

    async def run() -> None:
        ran.append(True)

    hand_over(reactor, actor, run())
    reactor.submit(soon(None)).result(PATIENCE)
    assert ran == []


def test_a_release_cancels_all_that_runs_for_an_actor(reactor: Reactor, actor: Ref) -> None:
    stages = [on_stage(reactor, actor)[0] for _ in range(3)]
    reactor.release(actor)
    assert all(stage.cancelled.wait(PATIENCE) for stage in stages)


def test_a_release_leaves_other_actors_effects_alone(
    reactor: Reactor, actor: Ref, bystander: Ref, told: Callable[[], Any]
) -> None:
    stage, _ = on_stage(reactor, actor)
    reactor.release(bystander)
    assert stage.may_go is not None
    on_the_loop(reactor, stage.may_go.set)
    assert told() == ("ok", "played")


def test_what_runs_is_not_lost_to_the_garbage_collector(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:
    futures: list[Callable[[], object]] = []

    async def wait_for_what_nobody_holds() -> str:
        future = asyncio.get_running_loop().create_future()
        futures.append(lambda: future.set_result("held"))
        return str(await future)

    hand_over(reactor, actor, wait_for_what_nobody_holds())
    eventually(lambda: futures, "the effect waits")
    gc.collect()
    on_the_loop(reactor, futures[0])
    assert told() == ("ok", "held")


def test_nothing_is_kept_of_what_is_over(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:
    hand_over(reactor, actor, soon(1))
    told()
    assert reactor._effects == {}


def test_a_timer_tells_when_its_time_has_come(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:
    before = reactor.monotonic()
    reactor.later(0.05, actor, Note("time"))
    assert (told(), reactor.monotonic() - before >= 0.05) == (Note("time"), True)


def test_timers_tell_in_the_order_of_their_times(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:
    on_the_loop(reactor, lambda: [reactor.later(delay, actor, delay) for delay in (0.02, 0.01, 0.0)])
    assert [told() for _ in range(3)] == [0.0, 0.01, 0.02]


def test_a_cancelled_timer_tells_nothing(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:
    on_the_loop(reactor, lambda: reactor.later(0.0, actor, Note("cancelled")).cancel())
    reactor.later(0.01, actor, Note("time"))
    assert told() == Note("time")


def test_a_release_cancels_timers_too(reactor: Reactor, actor: Ref, told: Callable[[], Any]) -> None:

    def arm_and_release() -> None:
        reactor.later(0.0, actor, Note("released"))
        reactor.release(actor)

    on_the_loop(reactor, arm_and_release)
    reactor.later(0.01, actor, Note("time"))
    assert told() == Note("time")


def test_a_thread_that_is_no_actors_gets_a_future(reactor: Reactor) -> None:
    assert reactor.submit(soon("result")).result(PATIENCE) == "result"
