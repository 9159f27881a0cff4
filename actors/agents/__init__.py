"""Agents: what answers. The event classes below are what an agent of your own may yield beside plain strings."""

from actors.agents.setup import Setup
from actors.core.events import (
    Agent,
    Alive,
    Begun,
    Event,
    Feedback,
    Finished,
    Reasoning,
    Replace,
    Text,
    ToolEnd,
    ToolStart,
    Used,
)
from actors.core.question import Attachment, Question, Turn
from actors.errors import AgentFailed

__all__ = [
    "Agent",
    "AgentFailed",
    "Alive",
    "Attachment",
    "Begun",
    "Event",
    "Feedback",
    "Finished",
    "Question",
    "Reasoning",
    "Replace",
    "Setup",
    "Text",
    "ToolEnd",
    "ToolStart",
    "Turn",
    "Used",
]
