"""The sandbox in a process of its own, so that who measures and who is measured take nothing of its time.

The law: a benchmark sees nothing but what it asks the sandbox's process to find out. `do` runs a function there, which
gets the sandbox as its first argument; it goes by its name, so it is one of a module, and what it returns comes back.
"""

import asyncio
import gc
import multiprocessing
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox

P = ParamSpec("P")
T = TypeVar("T")

HISTORY = 10_000
"""How much of everything the sandbox remembers."""


class Platform:
    """A sandbox that is there; `url` is where."""

    def __init__(self, pipe: Connection, url: str) -> None:
        self._pipe = pipe
        self.url = url

    async def do(
        self,
        deed: Callable[Concatenate[Sandbox, P], Coroutine[Any, Any, T]],
        *words: P.args,
        **named: P.kwargs,
    ) -> T:
        """Have a coroutine function run where the sandbox is, and return what it returned.

        Raises:
            Whatever it does.
        """
        self._pipe.send((deed, words, named))
        result, error = await asyncio.to_thread(self._pipe.recv)
        if error is not None:
            raise error
        return cast("T", result)


@asynccontextmanager
async def platform(robots: Mapping[str, str], rules: Rules) -> AsyncIterator[Platform]:
    """A sandbox with these robots (secrets by client id) and rules."""
    context = multiprocessing.get_context("spawn")  # a fork would take this process' event loop with it
    here, there = context.Pipe()
    process = context.Process(target=_live, args=(there, dict(robots), rules), daemon=True)
    process.start()
    there.close()
    try:
        yield Platform(here, await asyncio.to_thread(here.recv))
    finally:
        here.close()
        await asyncio.to_thread(process.join)


def _live(pipe: Connection, robots: dict[str, str], rules: Rules) -> None:
    gc.disable()  # it lives for one case, and a search among all that it remembers stops it for 30 ms (measured)
    with suppress(EOFError, OSError, KeyboardInterrupt):  # who asks has gone
        asyncio.run(_listen(pipe, robots, rules))


async def _listen(pipe: Connection, robots: dict[str, str], rules: Rules) -> None:
    async with Sandbox(robots=robots, rules=rules, history=HISTORY) as sandbox:
        pipe.send(sandbox.url)
        while True:
            deed, words, named = await asyncio.to_thread(pipe.recv)
            pipe.send(await _tried(deed, sandbox, *words, **named))


async def _tried(deed: Callable[..., Any], *words: Any, **named: Any) -> tuple[Any, Exception | None]:
    try:
        return await deed(*words, **named), None
    except Exception as error:  # noqa: BLE001 - it goes to who asked
        return None, error
