"""`python:MODULE:NAME`: an agent of somebody's own, in whichever of Python's ways to produce pieces it is written.

`NAME(question)` may be a coroutine function, an async generator function, or anything plain. What it returns may be an
async iterator, a plain iterator, or a single piece; a piece is a `str` or one of the event classes of `actors.agents`.
The end of the iteration is the end of the answer, so an agent that cannot go on must raise.

What is declared `async` runs on the loop and must not block it. Everything plain, the call of a plain function
included, runs in a daemon thread of its own (`threads.py`). This file must not know clocks or retries.
"""

import asyncio
import difflib
import importlib
import inspect
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, get_args

from actors.agents.setup import Setup
from actors.agents.threads import THREADS, HandOver, Threads
from actors.core.events import Event, Feedback, Finished, Text
from actors.core.frozen import frozen
from actors.core.question import Question
from actors.errors import SettingsError

PIECE = (str, *get_args(Event))


class PythonAgent:
    """Answers with the pieces of `function(question)`."""

    name = "python"
    accepts = frozenset({"picture", "file", "audio", "video"})

    def __init__(self, function: Callable[[Question], Any], *, threads: int = THREADS) -> None:
        self._function = function
        self._threads = Threads(threads)

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

    async def _pieces_from_thread(self, found: Iterable[Any]) -> AsyncGenerator[Any, None]:
        async with aclosing(self._threads.pieces(lambda hand_over: _walk(found, hand_over))) as pieces:
            async for piece in pieces:
                if isinstance(piece, _ForTheLoop):
                    async with aclosing(self._pieces(piece.found)) as inner:
                        async for inner_piece in inner:
                            yield inner_piece
                else:
                    yield piece


@frozen
class _ForTheLoop:
    """What a plain function returned where only the loop can read it: a coroutine or an async iterator."""

    found: Any


def _walk(found: Iterable[Any], hand_over: HandOver) -> None:
    pieces = iter(found)
    try:
        for piece in pieces:
            hand_over(piece)
    finally:
        if hasattr(pieces, "close"):
            pieces.close()


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
