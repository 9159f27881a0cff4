"""The cast of these tests: actors that do as they are told, a place where deaths are noted, timers fired by hand."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from actors.runtime.actor import Actor, DispatchedActor, Parent, Ref, Terminated, tell

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds after which a test gives up; nothing waits for so long unless it is broken."""


@dataclass(frozen=True, slots=True)
class Do:
    """Whoever gets this calls it with itself, on its thread; what comes back is the answer."""

    action: Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Note:
    """Any message that is not acted upon."""

    text: str


class Player(Actor):
    """Does what it is told and keeps every note."""

    def __init__(
        self,
        parent: Parent,
        *place: Any,
        setup: Callable[[], object] | None = None,
        cleanup: Callable[[], object] | None = None,
        notes: SimpleQueue[Any] | None = None,
    ) -> None:
        super().__init__(parent, *place)
        self.notes = notes or SimpleQueue()
        self._setup = setup
        self._cleanup = cleanup

    def setup(self) -> None:
        if self._setup is not None:
            self._setup()

    def handle(self, message: object) -> object:
        if isinstance(message, Do):
            return message.action(self)
        self.notes.put(message)
        return "noted"

    def cleanup(self) -> None:
        if self._cleanup is not None:
            self._cleanup()


class Guest(Player, DispatchedActor):
    """The same, on a dispatcher's thread."""


class Chronicle:
    """A parent that is no actor: notes every death it is told of."""

    def __init__(self) -> None:
        self._deaths: SimpleQueue[Terminated] = SimpleQueue()

    def __call__(self, death: Terminated) -> None:
        self._deaths.put(death)

    def next(self) -> Terminated:
        """The next death."""
        return self._deaths.get(timeout=PATIENCE)

    @property
    def rest(self) -> list[Terminated]:
        """All deaths that nobody has asked for."""
        return drained(self._deaths)


@dataclass(slots=True)
class HandTimers:
    """Timers that fire when a test says so, in place of the reactor's."""

    waiting: list[tuple[float, Ref, object]] = field(default_factory=list)
    released: list[Ref] = field(default_factory=list)

    def later(self, delay: float, to: Ref, message: object) -> None:
        self.waiting.append((delay, to, message))

    def release(self, ref: Ref) -> None:
        self.released.append(ref)

    def delays(self, kind: type) -> list[float]:
        """How long each of these messages was to wait."""
        return [delay for delay, _, message in self.waiting if isinstance(message, kind)]

    def fire(self, kind: type) -> None:
        """The time of the oldest message of this kind has come."""
        number = next(number for number, (_, _, message) in enumerate(self.waiting) if isinstance(message, kind))
        _, to, message = self.waiting.pop(number)
        tell(to, message)


def drained(queue: "SimpleQueue[T]") -> list[T]:
    """Take out all that is in a queue."""
    rest = []
    while True:
        try:
            rest.append(queue.get_nowait())
        except Empty:
            return rest


def fail(error: BaseException) -> Callable[..., object]:
    """A function that raises."""

    def failing(*_: object) -> object:
        raise error.with_traceback(None)

    return failing


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.002)


def threads_of(kind: type) -> int:
    """How many actors of a class have a thread."""
    return sum(thread.name.startswith(f"{kind.__name__}-") for thread in threading.enumerate())
