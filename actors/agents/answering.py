"""What stands between an agent and a card: an answer that is late, torn, empty or endless becomes an `AgentFailed`.

This file knows the clocks and the retry. It must not know what the agent talks to, and not what becomes of the text.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from functools import cache
from random import random
from typing import get_args

from tenacity import RetryCallState, retry_if_exception
from tenacity.asyncio import AsyncRetrying

from actors import metrics
from actors.agents.run import Run
from actors.core.backoff import Backoff
from actors.core.events import Alive, Answerer, Event, Finished, Progress, Replace, Retrying, Text, Used
from actors.core.frozen import frozen
from actors.core.markdown import blank
from actors.core.question import Question
from actors.errors import AgentFailed, AgentReason

log = logging.getLogger(__name__)

LONGEST = 1_000_000
"""Characters of an answer; one that grows beyond is broken off, before it fills the memory that all answers share."""

REASONS = frozenset(get_args(AgentReason))
"""The values of the metric label; another word, from an agent of somebody's own, counts as `error`."""


@frozen
class Clocks:
    """How long, in seconds, to wait for an agent. The clocks stand still while nobody waits for it.

    `connect` ends when the back end has taken the request. Only an adapter sees that: it keeps this clock itself and
    raises `AgentFailed("connect_timeout")`; for an agent that cannot tell, `first_token` covers it.
    `first_token` ends with the first text of a try: reasoning and tools do not stop it. When it runs out, the try is
    not repeated: a person has waited long enough, and more work helps no back end that is behind with its work.
    `idle` runs from event to event after that; every event is a sign of life.
    `total` covers the whole answer, all tries and the waits between them included.
    """

    connect: float
    first_token: float
    idle: float
    total: float


async def answering(
    agent: Answerer,
    question: Question,
    *,
    robot: str,
    clocks: Clocks,
    attempts: int,
    backoff: Backoff,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Progress, None]:
    """The agent's answer, from its first text that is not blank to `Finished`, which is always the last event.

    A try that fails before its first text is repeated, at most `attempts` tries in all, where the failure is
    retryable, which one of `clocks` that ran out is not; `Retrying` says so ahead of the wait. Reasoning and tool
    events of a failed try have gone out by then. After the first text nothing is repeated: what was yielded stays, and
    the failure follows. Each failed try is counted and logged once.

    Closing this iterator stops the agent at once; it takes at most `run.CLOSE_GRACE` seconds.

    Raises:
        AgentFailed: no try succeeded, or the answer broke off after its first text.
    """
    patience = _Patience(clocks, monotonic)

    def worth_another_try(error: BaseException) -> bool:
        return isinstance(error, AgentFailed) and error.retryable and not patience.text_came

    @cache
    def pause_after(number: int, failure: AgentFailed | None) -> float:
        asked_for = failure.retry_after if failure else None
        return max(backoff.delay(number - 1, random), asked_for or 0.0)

    def last(number: int, failure: AgentFailed | None) -> bool:
        # Nobody is kept waiting longer for a back end that wants to be left alone than for one that is slow.
        too_long = failure is not None and (failure.retry_after or 0.0) >= clocks.first_token
        return number >= attempts or too_long or pause_after(number, failure) >= patience.left

    def count_retry(state: RetryCallState) -> None:
        if (error := _failure_of(state)) is not None:
            metrics.RETRIES.labels(scope="agent", reason=_label(error)).inc()

    tries = AsyncRetrying(
        retry=retry_if_exception(worth_another_try),
        wait=lambda state: pause_after(state.attempt_number, _failure_of(state)),
        stop=lambda state: last(state.attempt_number, _failure_of(state)),
        sleep=patience.sleep,
        before_sleep=count_retry,
        reraise=True,
    )
    async for attempt in tries:
        # tenacity holds every exception back here, GeneratorExit and CancelledError too, and raises at the loop's head
        # those that are not worth another try: so closing and cancelling do end this generator.
        with attempt:
            try:
                async with aclosing(_one_try(agent, question, patience)) as events:
                    async for event in events:
                        if isinstance(event, Used):
                            _count_cost(event, robot, agent)
                        else:
                            yield event
            except AgentFailed as failure:
                metrics.AGENT_ERRORS.labels(robot=robot, agent=agent.name, reason=_label(failure)).inc()
                number = attempt.retry_state.attempt_number
                _report(failure, robot, agent, question, number)
                if worth_another_try(failure) and not last(number, failure):
                    yield Retrying()
                raise


async def _one_try(agent: Answerer, question: Question, patience: "_Patience") -> AsyncGenerator[Event, None]:
    patience.begin_try()
    run = Run(agent, question)
    nothing_seen, length = True, 0
    try:
        while True:
            event = await patience.next_event(run)
            if isinstance(event, Text):
                nothing_seen = nothing_seen and blank(event.text)
                length += len(event.text)
            elif isinstance(event, Replace):
                nothing_seen = blank(event.text)
                length = len(event.text)
            elif isinstance(event, Finished) and nothing_seen:
                raise AgentFailed("empty")
            if length > LONGEST:
                raise AgentFailed("error", f"the answer has more than {LONGEST:,} characters", retryable=False)
            patience.text_came = patience.text_came or not nothing_seen
            if isinstance(event, Alive):
                continue
            if patience.text_came or not isinstance(event, Text | Replace):
                yield event
            if isinstance(event, Finished):
                return
    finally:
        await run.close()


class _Patience:
    """The clocks of one answer, and the time that its reader spent waiting."""

    def __init__(self, clocks: Clocks, monotonic: Callable[[], float]) -> None:
        self._clocks = clocks
        self._monotonic = monotonic
        self._waited = 0.0
        self._waited_before_this_try = 0.0
        self.text_came = False

    @property
    def left(self) -> float:
        return self._clocks.total - self._waited

    def begin_try(self) -> None:
        self._waited_before_this_try = self._waited

    async def sleep(self, seconds: float) -> None:
        with self._counted():
            await asyncio.sleep(seconds)

    async def next_event(self, run: Run) -> Event:
        limit, reason = self._limit()
        try:
            with self._counted():
                return await run.next_event(limit)
        except TimeoutError:
            raise AgentFailed(reason, retryable=False) from None

    def _limit(self) -> tuple[float, str]:
        """Seconds that the next event may take, and what it means when it takes longer."""
        if self.text_came:
            limit, reason = self._clocks.idle, "idle_timeout"
        else:
            waited = self._waited - self._waited_before_this_try
            limit, reason = self._clocks.first_token - waited, "first_token_timeout"
        return (limit, reason) if limit < self.left else (self.left, "timeout")

    @contextmanager
    def _counted(self) -> Iterator[None]:
        began = self._monotonic()
        try:
            yield
        finally:
            self._waited += self._monotonic() - began


def _failure_of(state: RetryCallState) -> AgentFailed | None:
    error = state.outcome and state.outcome.exception()
    return error if isinstance(error, AgentFailed) else None


def _count_cost(used: Used, robot: str, agent: Answerer) -> None:
    costs: tuple[tuple[metrics.Cost, int], ...] = (("read", used.read), ("written", used.written))
    for kind, tokens in costs:
        metrics.AGENT_TOKENS.labels(robot=robot, agent=agent.name, kind=kind).inc(max(0, tokens))


def _label(failure: AgentFailed) -> str:
    return failure.reason if failure.reason in REASONS else "error"


def _report(failure: AgentFailed, robot: str, agent: Answerer, question: Question, attempt: int) -> None:
    """One line for one failed try.

    An exception's message may quote the customer: above DEBUG only its class and its frames are logged. The detail of
    an `AgentFailed` is its adapter's own word to the operator.
    """
    fields: dict[str, object] = {
        "action": "agent_failed",
        "robot": robot,
        "agent": agent.name,
        "message_id": question.message_id,
        "reason": failure.reason,
        "detail": failure.detail,
        "attempt": attempt,
    }
    cause = failure.__cause__
    if cause is not None:
        fields["frames"] = "".join(traceback.format_tb(cause.__traceback__))
    log.warning("agent failed", extra=fields)
    log.debug("agent failed, in full", extra=fields, exc_info=failure)
