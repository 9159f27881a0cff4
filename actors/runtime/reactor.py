"""The reactor: one asyncio loop in one thread, where everything that waits for the outside world runs.

The law: an actor hands over a coroutine and goes on; what comes of it reaches the actor as a message. Nobody waits for
the loop's thread but `stop`, and nothing on that thread waits for anybody. The reactor decides nothing and knows no
protocol.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

from actors.runtime.actor import as_exception
from actors.runtime.loop_health import Heart, watched
from actors.runtime.mailbox import Ref, tell

log = logging.getLogger(__name__)

T = TypeVar("T")


class Effect:
    """Something that the reactor does for an actor."""

    def __init__(self, owner: Ref, cancel: Callable[["Effect"], None]) -> None:
        self.owner = owner
        self.cancelled = False
        self.task: asyncio.Task[Any] | None = None
        self._cancel = cancel

    @property
    def over(self) -> bool:
        """Whether it is no more under way."""
        return self.cancelled or (self.task is not None and self.task.done())

    def cancel(self) -> None:
        """Stop it, from any thread. It tells nothing any more, though what it has told may still be unread."""
        self._cancel(self)


Timer: TypeAlias = Effect
"""An effect that does nothing but wait."""


class Reactor:
    """Runs effects and timers for actors. If the loop breaks, `on_death` is called, on the loop's thread."""

    def __init__(self, on_death: Callable[[Exception], object]) -> None:
        self._on_death = on_death
        self._thread = threading.Thread(target=self._live, name="reactor", daemon=True)
        self._lock = threading.Lock()
        self._open = False
        self._effects: dict[Ref, set[Effect]] = {}
        self._posted: list[Callable[[], object]] = []
        self._patience = 1.0

    def start(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._heart = Heart(self.monotonic)
        self._open = True
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Cancel what still runs, wait for its cleanup, close the loop; False if `timeout` seconds were not enough."""
        with self._lock:
            if self._open:
                self._open = False
                self._patience = timeout / 2
                self._post(self._stopping.set)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def run(
        self,
        coroutine: Coroutine[Any, Any, T],
        *,
        to: Ref,
        ok: Callable[[T], object],
        failed: Callable[[Exception], object],
    ) -> Effect:
        """Run a coroutine; the actor `to` is told `ok(result)` or `failed(error)`, unless the effect is cancelled."""
        effect = Effect(to, self._cancel)

        def begin() -> None:
            if to.is_alive():
                effect.task = self._loop.create_task(coroutine)
                effect.task.add_done_callback(end)
            else:
                coroutine.close()
                self._forget(effect)

        def end(task: asyncio.Task[T]) -> None:
            self._forget(effect)
            try:
                message = ok(task.result())
            except BaseException as raised:  # noqa: BLE001 - a cancelled task is a failure too, if nobody here cancelled it
                message = failed(as_exception(raised))
            if not effect.cancelled:
                tell(to, message)

        with self._lock:
            if self._open:
                self._effects.setdefault(to, set()).add(effect)
                self._post(begin)
                return effect
        effect.cancelled = True
        coroutine.close()
        return effect

    def later(self, delay: float, to: Ref, message: object) -> Timer:
        """Tell `to` the message in `delay` seconds."""
        return self.run(asyncio.sleep(delay), to=to, ok=lambda _: message, failed=lambda _: message)

    def release(self, ref: Ref) -> None:
        """Cancel all that runs for an actor, because it is dead."""
        with self._lock:
            effects = tuple(self._effects.get(ref, ()))
        for effect in effects:
            effect.cancel()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine for a thread that is no actor's.

        Raises:
            RuntimeError: the reactor does not run.
        """
        with self._lock:
            if self._open:
                return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        coroutine.close()
        raise RuntimeError("the reactor does not run")

    def monotonic(self) -> float:
        """The clock of the timers, in seconds."""
        return time.monotonic()

    def alive(self, within: float) -> bool:
        """Whether the loop has turned in the last `within` seconds."""
        return self._thread.is_alive() and self._heart.silence <= within

    def _cancel(self, effect: Effect) -> None:
        with self._lock:
            # Once is enough: a second time would cut the cleanup short.
            first, effect.cancelled = not effect.cancelled, True
            if first and self._open and effect in self._effects.get(effect.owner, ()):
                self._post(lambda: effect.task and effect.task.cancel())

    def _post(self, what: Callable[[], object]) -> None:
        """Have something done on the loop, in the order of the posting; for who holds the lock."""
        # Waking the loop is a call of the system, while which this thread holds the lock and others may run: a hundred
        # of them that wake it each by itself stand in line for the lock, and so does the loop.
        self._posted.append(what)
        if len(self._posted) == 1:
            self._loop.call_soon_threadsafe(self._take_post)

    def _take_post(self) -> None:
        with self._lock:
            posted, self._posted = self._posted, []
        for what in posted:
            self._loop.call_soon(what)  # each by itself: one that fails is not the failure of the others

    def _forget(self, effect: Effect) -> None:
        with self._lock:
            effects = self._effects.get(effect.owner, set())
            effects.discard(effect)
            if not effects:
                self._effects.pop(effect.owner, None)

    def _live(self) -> None:
        try:
            with watched(self._heart):
                self._complete(self._heart.beat(self._stopping))
        except BaseException as raised:
            error = as_exception(raised)
            log.critical("reactor died: %s", error, exc_info=error, extra={"action": "reactor_died"})
            with self._lock:
                self._open = False
            self._on_death(error)
        try:
            self._complete(self._wind_up())
        finally:
            self._loop.close()

    def _complete(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        while not task.done():
            # What a task raises of these, asyncio raises through its loop as well; it is that task's failure alone.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_until_complete(task)

    async def _wind_up(self) -> None:
        with self._lock:
            for effects in self._effects.values():
                for effect in effects:
                    effect.cancelled = True
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            # One that is cancelled already is cleaning up (a socket says goodbye); a second time would cut that short.
            if not task.cancelling():
                task.cancel()
        if others:
            _, stuck = await asyncio.wait(others, timeout=self._patience)
            if stuck:
                log.error("reactor stops without %d tasks", len(stuck), extra={"action": "tasks_leaked"})
        await self._loop.shutdown_asyncgens()
