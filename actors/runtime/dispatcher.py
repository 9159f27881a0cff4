"""The dispatcher: one thread on which many actors take turns, a message each.

The law: a turn never waits, and what goes wrong in one is that actor's alone. To wake a thread costs more than all that
a conversation decides about a message (40 to 130 µs), and to start one more than that: where many have news at once,
they share one that is awake already. What an actor does in its turn is not known here.
"""

import logging
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

log = logging.getLogger(__name__)

STACK = 4 * 1024 * 1024
"""Bytes of stack of an actor's thread. Only what is touched costs memory. With less than 3 MiB an endless recursion
through C code (a sort key that sorts, measured) is no `RecursionError` but the end of the process."""

_starting = threading.Lock()


def start_thread(thread: threading.Thread) -> None:
    """Start a thread that actors live on.

    Raises:
        RuntimeError: the system gives none.
    """
    with _starting:
        # The size holds for the whole process, hence for a moment only and by one thread at a time.
        before = threading.stack_size(STACK)
        try:
            thread.start()
        finally:
            threading.stack_size(before)


class Dispatcher:
    """Gives turns in the order in which they were asked for. `clock` is in monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turns: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._live, name="dispatcher", daemon=True)
        self._turn_began: float | None = None

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: the system gives none.
        """
        start_thread(self._thread)

    def post(self, turn: Callable[[], object]) -> None:
        """Have a turn, from any thread, without waiting for it."""
        self._turns.put(turn)

    def alive(self, within: float) -> bool:
        """Whether turns are given, and none has lasted longer than `within` seconds."""
        began = self._turn_began
        return self._thread.is_alive() and (began is None or self._clock() - began <= within)

    def stop(self, timeout: float) -> bool:
        """Give the turns that were asked for, and end; False if `timeout` seconds were not enough."""
        self._turns.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _live(self) -> None:
        while (turn := self._turns.get()) is not None:
            self._turn_began = self._clock()
            try:
                turn()
            except BaseException as error:
                log.critical("a turn failed: %r", error, exc_info=error, extra={"action": "turn_failed"})
            self._turn_began = None
