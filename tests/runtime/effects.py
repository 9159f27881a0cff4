"""What these tests hand over to a reactor, and how they look at what comes of it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from typing import Any

from actors.runtime.actor import Ref
from actors.runtime.reactor import Reactor
from tests.runtime.troupe import PATIENCE, Do


def notes_of(actor: Ref) -> SimpleQueue[Any]:
    """What the actor was told."""
    notes = actor.ask(Do(lambda player: player.notes), timeout=PATIENCE)
    assert isinstance(notes, SimpleQueue)
    return notes


def hand_over(reactor: Reactor, actor: Ref, coroutine: Coroutine[Any, Any, object]) -> Any:
    """An effect whose message says how it ended."""
    return reactor.run(
        coroutine, to=actor, ok=lambda result: ("ok", result), failed=lambda error: ("failed", type(error))
    )


class Stage:
    """A coroutine that says when it is on, and stays on until it is cancelled or let go."""

    def __init__(self) -> None:
        self.on = threading.Event()
        self.cancelled = threading.Event()
        self.may_go: asyncio.Event | None = None

    async def play(self) -> str:
        self.may_go = asyncio.Event()
        self.on.set()
        try:
            await self.may_go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "played"


def on_stage(reactor: Reactor, actor: Ref) -> tuple[Stage, Any]:
    """A stage that is on, and its effect."""
    stage = Stage()
    effect = hand_over(reactor, actor, stage.play())
    assert stage.on.wait(PATIENCE)
    return stage, effect


def on_the_loop(reactor: Reactor, action: Callable[[], object]) -> None:
    """Do something on the loop's own thread, where nothing else happens meanwhile."""

    async def act() -> None:
        action()

    reactor.submit(act()).result(PATIENCE)


async def soon(result: object) -> object:
    await asyncio.sleep(0)
    return result


async def slow_to_leave(stage: Stage, left: list[str]) -> None:
    """Needs a while for its cleanup, such as a socket that says goodbye."""
    try:
        await stage.play()
    finally:
        await asyncio.sleep(0.01)
        left.append("tidily")
