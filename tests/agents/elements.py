"""Asking JitAi's elements, in process or over the bridge, and what comes of it."""

from contextlib import aclosing

import pytest

from actors.agents.jit_element import JitElement
from actors.core.events import Event
from actors.core.question import Question
from actors.errors import AgentFailed
from tests.agents.stories import ask


def known() -> Question:
    """A question of a memory that there is already."""
    return ask().with_session("c1")


async def events_of(agent: JitElement, question: Question | None = None) -> list[Event]:
    """All that an element says to a question."""
    async with aclosing(agent.answer(question or known())) as events:
        return [event async for event in events]


async def failure_of(agent: JitElement, question: Question | None = None) -> AgentFailed:
    """Why an element does not answer."""
    with pytest.raises(AgentFailed) as caught:
        await events_of(agent, question)
    return caught.value
