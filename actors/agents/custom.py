"""`python:MODULE:NAME`: an agent of somebody's own, in whichever of Python's ways to produce pieces it is written.

`NAME(question)` may be a coroutine function, an async generator function, or anything plain. What it returns may be an
async iterator, a plain iterator, or a single piece; a piece is a `str` or one of the event classes of `actors.agents`.
The end of the iteration is the end of the answer, so an agent that cannot go on must raise.

What is declared `async` runs on the loop and must not block it. Everything plain, the call of a plain function
included, runs in a daemon thread of its own. This file must not know clocks or retries.
"""

import asyncio
import difflib
import importlib
import inspect
import logging
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from actors.agents.setup import Setup
from actors.core.events import Event, Feedback, Finished, Text
from actors.core.question import Question
from actors.errors import SettingsError

log = logging.getLogger(__name__)

THREADS = 32
"""Plain answers at work at once; more wait for a thread. Write the agent `async` to serve more."""

AHEAD = 8
"""Pieces that a thread may be ahead of its reader; then it waits."""

STOP_GRACE = 2.0
"""Seconds after which a thread that was told to stop and still runs is reported."""

PIECE = (str, *get_args(Event))


class PythonAgent:
    """Answers with the pieces of `function(question)`."""

    name = "python"
    accepts = frozenset({"picture", "file", "audio", "video"})

    def __init__(self, function: Callable[[Question], Any], *, threads: int = THREADS) -> None:
        self._function = function
        self._free_threads = asyncio.Semaphore(threads)

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """The pieces as events, and `Finished` after the last of them unless the function said it itself."""
        if _is_async(self._function):
            pieces = self._pieces(self._function(question))
        else:
            pieces = self._pieces(_called(self._function, question))
        async with aclosing(pieces):
            async for piece in pieces:
                event = Text(piece) if isinstance(piece, str) else piece
                yield event
                if isinstance(event, Finished):
                    return
        yield Finished()

    async def feedback(self, given: Feedback) -> None:
        """Hand a rating to the function's own `feedback(given)`, if it has one; a plain one runs in a thread."""
        own = getattr(self._function, "feedback", None)
        if own is None:
            return
        if _is_async(own):
            await own(given)
        else:
            await asyncio.to_thread(own, given)

    async def close(self) -> None:
        """Nothing is held between answers."""

    async def _pieces(self, found: Any) -> AsyncGenerator[Any, None]:
        """The pieces of whatever a function returned."""
        if isinstance(found, Awaitable):
            found = await found
        if isinstance(found, AsyncIterable):
            try:
                async for piece in found:
                    yield piece
            finally:
                if hasattr(found, "aclose"):
                    await found.aclose()
        elif isinstance(found, PIECE):
            yield found
        else:
            async with aclosing(self._pieces_from_thread(found)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _pieces_from_thread(self, pieces: Iterable[Any]) -> AsyncGenerator[Any, None]:
        await self._free_threads.acquire()
        try:
            walk = _Walk(pieces, self._free_threads.release)
        except RuntimeError:  # the system gives no more threads: nobody else would free the place
            self._free_threads.release()
            raise
        try:
            while (piece := await walk.next_piece()) is not _END:
                if isinstance(piece, _ForTheLoop):
                    async with aclosing(self._pieces(piece.found)) as inner:
                        async for inner_piece in inner:
                            yield inner_piece
                else:
                    yield piece
        finally:
            walk.stop()


@dataclass(frozen=True, slots=True)
class _ForTheLoop:
    """What a plain function returned where only the loop can read it: a coroutine or an async iterator."""

    found: Any


_END = object()


def _called(function: Callable[[Question], Any], question: Question) -> Iterator[Any]:
    """The call of a plain function as an iterator, so that the call itself happens in the thread, too."""
    found = function(question)
    if isinstance(found, Awaitable | AsyncIterable):
        yield _ForTheLoop(found)
    elif isinstance(found, PIECE):
        yield found
    else:
        yield from found


def _is_async(function: Callable[..., Any]) -> bool:
    return any(
        inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate)
        for candidate in (function, getattr(function, "__call__", None))  # noqa: B004  an object with an async __call__
    )


class _Walk:
    """A daemon thread that walks through a plain iterable and hands its pieces to the loop.

    A thread cannot be cancelled: told to stop, it ends at the next piece, and closes the iterator itself. One that
    blocks for ever keeps its place among the threads until it ends, but never keeps the process from ending.
    """

    def __init__(self, pieces: Iterable[Any], when_over: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._when_over = when_over
        self._handed_over: asyncio.Queue[Any] = asyncio.Queue()
        self._error: BaseException | None = None
        self._room = threading.Semaphore(AHEAD)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, args=(pieces,), name="python agent", daemon=True)
        self._thread.start()

    async def next_piece(self) -> Any:
        """The next piece, or `_END`; raises what the iterable raised."""
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

    def _run(self, pieces: Iterable[Any]) -> None:
        try:
            self._walk(iter(pieces))
        except BaseException as error:  # noqa: BLE001  whatever ends this thread is news for the loop
            self._error = error
        self._tell_loop(self._over)

    def _walk(self, pieces: Iterator[Any]) -> None:
        try:
            for piece in pieces:
                self._room.acquire()
                if self._stopped:
                    return
                self._tell_loop(self._handed_over.put_nowait, piece)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _over(self) -> None:
        self._when_over()
        self._handed_over.put_nowait(_END)

    def _tell_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # a loop that is closed needs no news: its process is about to end
            self._loop.call_soon_threadsafe(function, *arguments)


def make(rest: str, _: Setup) -> PythonAgent:
    """The agent of `python:MODULE:NAME`.

    Raises:
        SettingsError: there is no such function.
    """
    module, _colon, name = rest.partition(":")
    if not (module and name):
        raise SettingsError((f"AGENT={'python:' + rest!r}: names no function, write python:MODULE:NAME",))
    return PythonAgent(load(module, name))


def load(module_name: str, name: str) -> Callable[[Question], Any]:
    """The function `name` of a module that is found on PYTHONPATH or in the working directory.

    Raises:
        SettingsError: there is no such thing to call.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    where = f"AGENT='python:{module_name}:{name}':"
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a module may do anything while it is imported
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise SettingsError(
            (f"{where} the module cannot be imported from PYTHONPATH or the working directory ({what})",),
        ) from error
    function = getattr(module, name, None)
    if function is None:
        near = difflib.get_close_matches(name, vars(module), n=1)
        hint = f", did you mean {near[0]}?" if near else ""
        raise SettingsError((f"{where} the module has no {name}{hint}",))
    if not callable(function):
        raise SettingsError((f"{where} {name} is not callable, it is of type {type(function).__name__}",))
    return function  # type: ignore[no-any-return]
