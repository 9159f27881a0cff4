"""Plain, blocking code that produces pieces: it works in a daemon thread, and its pieces arrive on the loop.

A thread cannot be cancelled. Told to stop, it ends at the next piece that it hands over, where `Stopped` is raised in
it; one that blocks for ever keeps its place among the threads until it ends, but never keeps the process from ending.
This file must not know what the work is.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)

THREADS = 32
"""Plain answers at work at once, of one agent; more wait for a thread."""

AHEAD = 8
"""Pieces that a thread may be ahead of its reader; then it waits."""

STOP_GRACE = 2.0
"""Seconds after which a thread that was told to stop and still runs is reported."""

HandOver = Callable[[Any], None]
"""What the work calls with each piece: it waits while the reader is behind, and raises `Stopped` once nobody reads."""


class Stopped(BaseException):
    """Nobody wants the rest. No `Exception`: code between the work and us that forgives errors must let it through."""


class Threads:
    """Daemon threads, at most `limit` of them at once."""

    def __init__(self, limit: int = THREADS) -> None:
        self._free = asyncio.Semaphore(limit)

    async def pieces(
        self, work: Callable[[HandOver], None], when_over: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[Any, None]:
        """What `work(hand_over)` hands over, in order; raises what it raised. Closing this tells the thread to stop.

        `when_over()` is called once, on the loop, when nothing is at work any more: when the thread has ended, however
        long after the closing that is, or at once if there was no thread to be had.
        """

        def over() -> None:
            self._free.release()
            when_over()

        try:
            await self._free.acquire()
        except BaseException:
            when_over()
            raise
        try:
            thread = _Thread(work, over)
        except RuntimeError:  # the system gives no more threads: nobody else would free the place
            over()
            raise
        try:
            while (piece := await thread.next_piece()) is not _END:
                yield piece
        finally:
            thread.stop()


_END = object()


class _Thread:
    """One thread at work for one reader."""

    def __init__(self, work: Callable[[HandOver], None], over: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = over
        self._handed_over: asyncio.Queue[Any] = asyncio.Queue()
        self._error: BaseException | None = None
        self._room = threading.Semaphore(AHEAD)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, args=(work,), name="agent", daemon=True)
        self._thread.start()

    async def next_piece(self) -> Any:
        """The next piece, or `_END`; raises what the work raised."""
        piece = await self._handed_over.get()
        if piece is _END and self._error is not None:
            raise self._error
        self._room.release()
        return piece

    def stop(self) -> None:
        """Ask the thread to end, without waiting for it."""
        self._stopped = True
        self._room.release()
        self._loop.call_later(STOP_GRACE, self._report_if_alive)

    def _report_if_alive(self) -> None:
        if self._thread.is_alive():
            log.error("agent thread left behind", extra={"action": "agent_thread_left_behind"})

    def _run(self, work: Callable[[HandOver], None]) -> None:
        try:
            work(self._hand_over)
        except BaseException as error:  # noqa: BLE001  whatever ends this thread is news for the loop
            self._error = error
        self._tell_loop(self._end)

    def _hand_over(self, piece: Any) -> None:
        if not self._stopped:
            self._room.acquire()
        if self._stopped:
            raise Stopped
        self._tell_loop(self._handed_over.put_nowait, piece)

    def _end(self) -> None:
        self._over()
        self._handed_over.put_nowait(_END)

    def _tell_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # a loop that is closed needs no news: its process is about to end
            self._loop.call_soon_threadsafe(function, *arguments)
