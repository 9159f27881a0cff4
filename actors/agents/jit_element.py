"""An answer of a JitAi element, however it is reached: its memory, its events, and what its failure means.

`jit.py` reaches the element in this process and `jit_bridge.py` from outside; both hand over what it says as it is, and
last what it returned.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from actors.agents.jit_events import Answer, failure_of, memory_of, session_of
from actors.core.events import Begun, Event, Feedback, Finished
from actors.core.frozen import frozen
from actors.core.question import Question
from actors.errors import AgentFailed

FORMER_GRACE = 20.0
"""Seconds that a question waits for the end of a former run of the same memory."""


@frozen
class Returned:
    """What `run` returned: the last that is handed over."""

    value: Any


class JitElement(ABC):
    """Answers by an agent or assistant of a JitAi app."""

    name = "jit"
    accepts: frozenset[str] = frozenset()

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """What the element says, and `Finished` once it has returned."""
        chat_id, node_id = memory_of(question)
        if not question.session:
            yield Begun(session=chat_id)
        answer = Answer()
        try:
            async with aclosing(self._said(question, chat_id, node_id)) as said:
                async for raw in said:
                    told = answer.ending(raw.value) if isinstance(raw, Returned) else answer.events(raw)
                    for event in told:
                        yield event
        except Exception as error:
            if node_id:
                yield Begun(session=chat_id)  # what cannot be gone on with must not stand in the way of the next one
            raise _failure(error, question, answer) from error
        if answer.node_id != node_id:
            yield Begun(session=session_of(chat_id, answer.node_id))
        yield Finished()

    async def feedback(self, given: Feedback) -> None:  # noqa: B027
        """JitAi documents no way to tell an agent of a rating."""

    async def close(self) -> None:  # noqa: B027
        """Nothing is held between answers."""

    @abstractmethod
    def _said(self, question: Question, chat_id: str, node_id: str) -> AsyncGenerator[Any, None]:
        """Whatever the element says to a question, as it is, and last `Returned`."""


def still_at_work() -> AgentFailed:
    """The failure of a question whose former run does not end."""
    what = f"the former answer of this conversation is still at work after {FORMER_GRACE:g} s"
    return AgentFailed("unavailable", what, retryable=False)


def not_initialized(full_name: str) -> AgentFailed:
    """The failure of an element that says itself that it cannot run."""
    return AgentFailed("unavailable", f"{full_name} says that it is not initialized")


def _failure(error: Exception, question: Question, answer: Answer) -> AgentFailed:
    """A run that has used a tool is not repeated: what a tool did cannot be taken back."""
    if isinstance(error, AgentFailed):
        failure = error
    elif hasattr(error, "code") and hasattr(error, "reason"):
        failure = AgentFailed("error", failure_of(error.code, error.reason, question))
    else:
        failure = AgentFailed("error", type(error).__name__)
    failure.retryable = failure.retryable and not answer.used_tools
    return failure
