"""An agent that does everything an agent must not do: what it does is the question's second word, one of FAULTS.

It notes its runs as `faithful` does, and in the file ENDS when and how each stream that could go on for ever ended. A
plain iterator runs in a thread of the service, all else on its loop. What holds out goes on when the test says so
(`Place.let_go`), and ends its answer then. Questions of other words are `faithful`'s.
"""

import asyncio
import gc
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pykka

from actors.agents import AgentFailed, Event, Question, Reasoning
from tests.chaos.cast import ASKED, END, RUNS, faithful, note_beside

ENDS = "ends"
"""The file beside ASKED in which the end of each stream is noted."""

CENSUS = "census"
"""The file beside ASKED in which `counts_all` notes what there is in the process."""

FLOOD = 10_000
"""Pieces of a flood, which are to come within about a second; it says 1 MB in all."""

BLOCKED = 3.0
"""Seconds for which the loop is blocked."""


async def unruly(question: Question) -> Any:
    """Misbehave as the question wants it."""
    name, _, rest = question.text.partition(" ")
    fault = FAULTS.get(rest.partition(" ")[0])
    if fault is None:
        return faithful(question)
    note_beside(RUNS, {"at": time.monotonic(), "text": question.text, "process": os.getpid()})
    return fault(f"「{name}」")


@contextmanager
def _noted(begin: str) -> Iterator[None]:
    """Note how a stream ends; one that is thrown away is closed, which is an exception too."""
    how = "its own end"
    try:
        yield
    except BaseException as error:
        how = type(error).__name__
        raise
    finally:
        note_beside(ENDS, {"at": time.monotonic(), "name": begin.strip("「」"), "how": how})


def _held() -> bool:
    return not Path(os.environ[ASKED]).with_name("go").exists()


# What fails


async def raises_at_once(begin: str) -> AsyncIterator[str]:
    if begin:
        raise RuntimeError("the agent fell over")
    yield begin


async def raises_in_the_middle(begin: str) -> AsyncIterator[str]:
    yield begin
    raise RuntimeError("the agent fell over")


async def raises_after_the_last_piece(begin: str) -> AsyncIterator[str]:
    yield begin + END
    raise RuntimeError("the agent fell over")


async def exits(begin: str) -> AsyncIterator[str]:
    yield begin
    raise SystemExit(1)


async def interrupts(begin: str) -> AsyncIterator[str]:
    yield begin
    raise KeyboardInterrupt


async def has_no_memory(begin: str) -> AsyncIterator[str]:
    yield begin
    raise MemoryError


async def cancels_itself(begin: str) -> AsyncIterator[str]:
    yield begin
    raise asyncio.CancelledError


async def closes_itself(begin: str) -> AsyncIterator[str]:
    yield begin
    raise GeneratorExit


async def breaks_off(begin: str) -> AsyncIterator[str]:
    yield begin
    raise AgentFailed("truncated", "the stream ended without its end marker")


async def breaks_off_at_once(begin: str) -> AsyncIterator[str]:
    if begin:
        raise AgentFailed("truncated", "the stream ended without its end marker")
    yield begin


async def says_nothing(begin: str) -> AsyncIterator[str]:
    if not begin:
        yield begin


async def says_blanks(_: str) -> AsyncIterator[str]:
    yield " "
    yield "\n"


def returns_nothing(_: str) -> None:
    return None


async def yields_a_number(begin: str) -> AsyncIterator[Any]:
    yield begin
    yield 7


async def yields_bytes_at_once(begin: str) -> AsyncIterator[Any]:
    yield begin.encode()


def plainly_raises(begin: str) -> Iterator[str]:
    yield begin
    raise RuntimeError("the agent fell over")


def plainly_exits(begin: str) -> Iterator[str]:
    yield begin
    raise SystemExit(1)


# What is too slow


async def hangs_at_once(begin: str) -> AsyncIterator[str]:
    with _noted(begin):
        while _held():  # noqa: ASYNC110 - a file tells no events
            await asyncio.sleep(0.02)
        yield begin + END


async def hangs_in_the_middle(begin: str) -> AsyncIterator[str]:
    with _noted(begin):
        yield begin
        while _held():  # noqa: ASYNC110 - a file tells no events
            await asyncio.sleep(0.02)
        yield END


async def thinks_for_ever(begin: str) -> AsyncIterator[str | Event]:
    with _noted(begin):
        yield begin
        while _held():
            yield Reasoning("…")
            await asyncio.sleep(0.02)
        yield END


def plainly_hangs_at_once(begin: str) -> Iterator[str]:
    with _noted(begin):
        while _held():
            time.sleep(0.02)
        yield begin + END


def plainly_hangs_in_the_middle(begin: str) -> Iterator[str]:
    with _noted(begin):
        yield begin
        while _held():
            time.sleep(0.02)
        yield END


def plainly_streams(begin: str) -> Iterator[str]:
    with _noted(begin):
        yield begin
        while _held():
            time.sleep(0.02)
            yield "…"
        yield END


async def streams(begin: str) -> AsyncIterator[str]:
    with _noted(begin):
        yield begin
        while _held():
            await asyncio.sleep(0.02)
            yield "…"
        yield END


async def floods_for_ever(begin: str) -> AsyncIterator[str]:
    with _noted(begin):
        yield begin
        while _held():
            yield "……"
        yield END


async def falls_over_again_and_again(begin: str) -> AsyncIterator[str]:
    """Each try fails; `AGENT_RETRY_INITIAL` is the wait in which it is then."""
    with _noted(begin):
        if _held():
            raise RuntimeError("the agent fell over")
        yield begin + END


# What does not listen


async def is_deaf(begin: str) -> AsyncGenerator[str, None]:
    """Swallow every cancellation, and go on as if nothing had happened."""
    with _noted(begin):
        yield begin
        while _held():
            try:
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                continue
        yield END


async def does_not_close(begin: str) -> AsyncGenerator[str, None]:
    """Answer its close with another piece."""
    with _noted(begin):
        yield begin
        while _held():
            try:
                await asyncio.sleep(0.02)
                yield ""
            except (asyncio.CancelledError, GeneratorExit):
                yield "…"
        yield END


async def blocks_the_loop(begin: str) -> AsyncIterator[str]:
    yield begin
    time.sleep(BLOCKED)  # noqa: ASYNC251 - that is the fault
    yield END


# What is too much


def _flood(begin: str) -> Iterator[str]:
    for number in range(FLOOD):
        yield f"- **第 {number} 项** `{number}` [链接](https://example.com/{number}) 及其说明，不长也不短，一百字节。\n"
    yield f"\n{begin}{END}"


async def floods(begin: str) -> AsyncIterator[str]:
    for number, piece in enumerate(_flood(begin)):
        yield piece
        if number % 100 == 0:
            await asyncio.sleep(0.01)


def plainly_floods(begin: str) -> Iterator[str]:
    return _flood(begin)


# What looks around


def _open_files() -> list[str]:
    with os.scandir("/proc/self/fd") as entries:  # it is open itself while it is read
        return [str(Path(entry.path).readlink()).partition(":")[0] for entry in entries]


async def counts_all(begin: str) -> AsyncIterator[str]:
    """Note what there is in the process when the thinking card is there and nothing moves."""
    await asyncio.sleep(0.3)
    gc.collect()
    named = {
        "actors": (ref.actor_class.__name__ for ref in pykka.ActorRegistry.get_all()),
        "tasks": (getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks()),
        "threads": (thread.name for thread in threading.enumerate()),
        "files": _open_files(),
    }
    note_beside(CENSUS, {what: Counter(names) for what, names in named.items()})
    yield begin + END


FAULTS: dict[str, Callable[[str], Any]] = {
    fault.__name__: fault
    for fault in (
        raises_at_once,
        raises_in_the_middle,
        raises_after_the_last_piece,
        exits,
        interrupts,
        has_no_memory,
        cancels_itself,
        closes_itself,
        breaks_off,
        breaks_off_at_once,
        says_nothing,
        says_blanks,
        returns_nothing,
        yields_a_number,
        yields_bytes_at_once,
        plainly_raises,
        plainly_exits,
        hangs_at_once,
        hangs_in_the_middle,
        thinks_for_ever,
        plainly_hangs_at_once,
        plainly_hangs_in_the_middle,
        plainly_streams,
        streams,
        floods_for_ever,
        falls_over_again_and_again,
        is_deaf,
        does_not_close,
        blocks_the_loop,
        floods,
        plainly_floods,
        counts_all,
    )
}
