"""One run of an agent, in a task of its own, and how to let go of it.

The law: an agent's iterator is opened, read and closed in one and the same task; an agent is never more than `AHEAD`
events ahead of its reader; one that ignores its cancellation is left behind. What the events mean is the reader's.
"""

import asyncio
import logging
from collections import deque
from typing import get_args

from actors.core.events import Answerer, Event, Finished, Used
from actors.core.question import Question
from actors.errors import AgentFailed

log = logging.getLogger(__name__)

AHEAD = 16
"""Events that an agent may be ahead of its reader; then it is held back."""

CLOSE_GRACE = 2.0
"""Seconds that an agent gets to stop before it is left behind."""

EVENTS = get_args(Event)


class Run:
    """An agent at work on a question, from now on."""

    def __init__(self, agent: Answerer, question: Question) -> None:
        self._agent = agent
        self._question = question
        self._ahead = _Ahead()
        self._finished = False
        self._closing = False
        self._task = asyncio.create_task(self._drive(), name=f"agent {agent.name}")
        _running.add(self._task)
        self._task.add_done_callback(_running.discard)

    async def next_event(self, limit: float) -> Event:
        """The agent's next event.

        Raises:
            TimeoutError: none came within `limit` seconds.
            AgentFailed: the agent failed, or came to its end without `Finished`.
        """
        event = await self._ahead.get(limit)
        if isinstance(event, AgentFailed):
            raise event
        return event

    async def close(self) -> None:
        """Stop the agent and wait for it, for a bounded time. One that has finished may clean up undisturbed."""
        self._closing = True
        if not self._finished:
            self._task.cancel()
        self._ahead.close()
        await asyncio.wait({self._task}, timeout=CLOSE_GRACE)
        if not self._task.done():
            self._task.cancel()
            self._warn("agent left behind", "agent_left_behind")

    async def _drive(self) -> None:
        try:
            await self._hand_over_all()
        except BaseException as error:  # noqa: BLE001  a SystemExit from an agent would end the loop and every robot
            if not (self._closing or self._finished):
                await self._ahead.put(_as_failure(error))
            elif not isinstance(error, asyncio.CancelledError):
                self._warn("agent failed as it stopped", "agent_stop_failed", error=type(error).__name__)

    async def _hand_over_all(self) -> None:
        events = self._agent.answer(self._question)
        try:
            async for event in events:
                if self._closing:
                    return
                _must_be_an_event(event)
                await self._ahead.put(event)
                if isinstance(event, Finished):
                    self._finished = True
                    return
        finally:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()
        raise AgentFailed("truncated", "the events ended without Finished")

    def _warn(self, what: str, action: str, **fields: str) -> None:
        log.warning(what, extra={"action": action, "agent": self._agent.name} | fields)


class _Ahead:
    """What an agent has said and its reader has not read; for one writer and one reader.

    It is a queue with a time-out for each event. `asyncio`'s two together take a third of what an event costs on its
    way through here, most of it for timers that are set and called off: this one has a single timer, which is looked at
    when it goes off, and moved before that only if less time is left than it would take.
    """

    def __init__(self) -> None:
        self._events: deque[Event | AgentFailed] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def put(self, event: Event | AgentFailed) -> None:
        """Hand an event over as soon as there is room for it."""
        while len(self._events) >= AHEAD:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
        self._events.append(event)
        _wake(self._reader)

    async def get(self, limit: float) -> Event | AgentFailed:
        """The next event.

        Raises:
            TimeoutError: none came within `limit` seconds.
        """
        if not self._events:
            if limit <= 0:
                raise TimeoutError
            loop = asyncio.get_running_loop()
            self._until = loop.time() + limit
            self._reader = loop.create_future()
            if self._timer is None or self._timer.when() > self._until:
                self._set_timer()
            await self._reader
        _wake(self._writer)
        return self._events.popleft()

    def close(self) -> None:
        """Nobody will wait for an event any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(self._until, self._go_off)

    def _go_off(self) -> None:
        self._timer = None
        if self._reader is None or self._reader.done():
            return
        if asyncio.get_running_loop().time() < self._until:
            self._set_timer()
        else:
            self._reader.set_exception(TimeoutError())


def _wake(sleeper: asyncio.Future[None] | None) -> None:
    if sleeper is not None and not sleeper.done():
        sleeper.set_result(None)


def _must_be_an_event(event: object) -> None:
    """Python does not check types: `Text(delta.content)` of a delta without content would fail far from its cause."""
    if not isinstance(event, EVENTS):
        raise TypeError(f"an agent yields events, not {type(event).__name__}")
    for name in event.__match_args__:
        held, kind = getattr(event, name), int if isinstance(event, Used) else str
        if not isinstance(held, kind):
            raise TypeError(
                f"an agent's {type(event).__name__} holds {name} as {kind.__name__}, not {type(held).__name__}"
            )


_running: set[asyncio.Task[None]] = set()
"""The loop holds its tasks only weakly; here they are held until they end, those that were left behind too."""


def _as_failure(error: BaseException) -> AgentFailed:
    if isinstance(error, AgentFailed):
        return error
    failure = AgentFailed("error", type(error).__name__)
    failure.__cause__ = error
    return failure
