"""Things that live on an event loop, for a test that has none: the loop runs in a thread, and every call waits for it.

It knows nothing of the sandbox.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Self


class Plain:
    """A thing, seen from another thread: each attribute is read there, each call is made and awaited there."""

    def __init__(self, thing: Any, loop: "_Loop", kinds: tuple[type, ...]) -> None:
        self._thing = thing
        self._loop = loop
        self._kinds = kinds

    @classmethod
    def begin(cls, thing: AbstractAsyncContextManager[Any], kinds: tuple[type, ...]) -> Self:
        """Enter a thing on a loop in a new thread. What its calls return is plain, too, when it is of these kinds."""
        thread = _Loop()
        plain = cls(thing, thread, kinds)
        try:
            thread.wait(thing.__aenter__)
        except BaseException:
            thread.end()
            raise
        return plain

    def end(self) -> None:
        """Leave the thing, and end the loop."""
        try:
            self._loop.wait(lambda: self._thing.__aexit__(None, None, None))
        finally:
            self._loop.end()

    def __getattr__(self, name: str) -> Any:
        value = self._loop.wait(lambda: getattr(self._thing, name))
        if not callable(value):
            return self._shown(value)

        def call(*arguments: Any, **named: Any) -> Any:
            given = [_own(each) for each in arguments]
            return self._shown(
                self._loop.wait(lambda: value(*given, **{key: _own(each) for key, each in named.items()}))
            )

        return call

    def __setattr__(self, name: str, value: Any) -> None:
        if name in {"_thing", "_loop", "_kinds"}:
            object.__setattr__(self, name, value)
        else:
            self._loop.wait(lambda: setattr(self._thing, name, _own(value)))

    def __repr__(self) -> str:
        return repr(self._thing)

    def _shown(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._shown(each) for each in value]
        return Plain(value, self._loop, self._kinds) if isinstance(value, self._kinds) else value


def _own(value: Any) -> Any:
    return value._thing if isinstance(value, Plain) else value  # noqa: SLF001 - its own kind


class _Loop:
    """A thread with an event loop."""

    def __init__(self) -> None:
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="sandbox", daemon=True)
        self._thread.start()

    def wait(self, do: Callable[[], Any]) -> Any:
        """Do something there; returns what it comes to."""

        async def done() -> Any:
            outcome = do()
            return await outcome if inspect.isawaitable(outcome) else outcome

        return asyncio.run_coroutine_threadsafe(done(), self._loop.result()).result()

    def end(self) -> None:
        self._loop.result().call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop.set_result(asyncio.get_running_loop())
        await self._end.wait()
