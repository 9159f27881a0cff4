"""Agents: what answers. The event classes below are what an agent of your own may yield beside plain strings."""

from actors.core.events import Agent, Event, Feedback, Finished, Reasoning, Replace, Text, ToolEnd, ToolStart
from actors.core.question import Attachment, Question, Turn
from actors.errors import AgentFailed

__all__ = [
    "Agent",
    "AgentFailed",
    "Attachment",
    "Event",
    "Feedback",
    "Finished",
    "Question",
    "Reasoning",
    "Replace",
    "Text",
    "ToolEnd",
    "ToolStart",
    "Turn",
]
