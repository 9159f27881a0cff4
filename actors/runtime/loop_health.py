"""Whether the event loop turns in time: a heart that beats on the loop, and a watch that listens to it from outside.

The law: a loop that is stuck cannot say so itself, so a thread of its own does. Each stall is told once, with the stack
of what holds the loop up, and once more when it is over. This file must not know what runs on the loop; it only looks.
A stack that ends in the loop's own `select` means that nothing blocks it: the whole process stood still.
"""

import asyncio
import contextlib
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator

from actors import metrics

log = logging.getLogger(__name__)

TICK = 0.25
"""Seconds between two beats, and between two looks at a loop that is stuck."""

STUCK_AFTER = 1.0
"""Seconds without a beat after which the loop counts as stuck."""

FRAMES = 50
"""Frames of a stack that are told at most, the innermost ones."""


class Heart:
    """Beats on the loop. `beaten` is the time of its last beat, on the given clock; any thread may read it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self.beaten = monotonic()

    async def beat(self, stopping: asyncio.Event) -> None:
        """Beat until `stopping` is set; every beat measures how late it comes."""
        while not stopping.is_set():
            due = self.monotonic() + TICK
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await stopping.wait()
            self.beaten = self.monotonic()
            metrics.EVENT_LOOP_LAG.observe(max(0.0, self.beaten - due))

    @property
    def silence(self) -> float:
        """Seconds since the last beat."""
        return self.monotonic() - self.beaten


class Watch:
    """Judges a heart whenever it is asked to look; `thread` is the ident of the loop's thread."""

    def __init__(self, heart: Heart, thread: int) -> None:
        self._heart = heart
        self._thread = thread
        self._stall: float | None = None

    def look(self) -> float:
        """Tell what is to be told now; returns the seconds until the next look.

        While all is well that is when the last beat would be too long ago: no stall is missed, and the thread wakes
        little more than once a second.
        """
        beaten = self._heart.beaten
        if self._stall is not None and beaten != self._stall:
            lasted = beaten - self._stall
            self._stall = None
            log.info(
                "the event loop runs again after %.1f s",
                lasted,
                extra={"action": "loop_runs_again", "seconds": round(lasted, 3)},
            )
        left = STUCK_AFTER - (self._heart.monotonic() - beaten)
        if left > 0:
            return left
        if self._stall is None:
            self._stall = beaten
            metrics.EVENT_LOOP_STUCK.inc()
            log.warning(
                "the event loop is stuck: no beat for %.1f s",
                STUCK_AFTER - left,
                extra={"action": "loop_stuck", "stack": _stack_of(self._thread)},
            )
        return TICK


@contextlib.contextmanager
def watched(heart: Heart) -> Iterator[None]:
    """Have the heart listened to, by a thread of its own, for as long as the calling thread is in here."""
    watch = Watch(heart, threading.get_ident())
    over = threading.Event()

    def listen() -> None:
        while not over.wait(watch.look()):
            pass

    threading.Thread(target=listen, name="loop-watch", daemon=True).start()
    try:
        yield
    finally:
        # Not waited for: nothing on the loop's thread waits for anybody, and the listener has nothing to give back.
        over.set()


def _stack_of(thread: int) -> str:
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - the documented way to another thread's stack
    return "".join(traceback.format_stack(frame)[-FRAMES:]).rstrip() if frame else ""
