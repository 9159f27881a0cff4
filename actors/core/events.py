"""What an agent says while it answers: the pieces of one answer, as frozen values.

The names follow AG-UI's idea of an event stream. Every answer ends with `Finished`; a stream that merely stops is a
failure, because a torn answer must not look like a whole one.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from actors.core.frozen import frozen
from actors.core.question import Question


@frozen
class Text:
    """The next piece of the answer's text."""

    text: str


@frozen
class Replace:
    """The whole text so far, in place of everything said before (moderation, cumulative streams)."""

    text: str


@frozen
class Reasoning:
    """A piece of the model's thinking; never shown to a customer unless the operator asks for it."""

    text: str


@frozen
class ToolStart:
    """The agent began to use a tool."""

    name: str


@frozen
class ToolEnd:
    """The agent got the tool's result."""

    name: str


@frozen
class Finished:
    """The answer is whole. `reason` is the back end's word for why it ended (`stop`, `length`, …)."""

    reason: str = "stop"


@frozen
class Begun:
    """The back end took the question. `run` is its name for this answer, by which a rating of it is told; `session` is
    its name for the memory that it keeps of the conversation, which comes back with the next `Question.session`. Both
    are made durable at once; an empty one changes nothing. May be said more than once."""

    run: str = ""
    session: str = ""


@frozen
class Used:
    """What the answer cost, in the back end's own count of tokens; several of one answer add up."""

    read: int
    written: int


@frozen
class Alive:
    """The back end is still at it and has nothing to say: the idle clock begins anew. It stops no other clock."""


Event: TypeAlias = Text | Replace | Reasoning | ToolStart | ToolEnd | Begun | Used | Alive | Finished


@frozen
class Retrying:
    """A try failed before its first text, and another follows. Said by what watches over an agent, never by one."""


Progress: TypeAlias = Event | Retrying
"""What becomes of an answer, as its card hears of it."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said of an answer: one of the four ratings of `texts.RATINGS`, and whether it is a good one. `run`
    is the back end's name for the answer, where it gave one (`Begun`)."""

    question: Question
    answer: str
    rating: str
    helpful: bool
    run: str = ""


class Answerer(Protocol):
    """Answers questions. One object serves every conversation of a robot, on the reactor's loop."""

    name: str
    """A short label for metrics, such as `faq`."""

    def answer(self, question: Question) -> AsyncIterator[Event]:
        """The answer's events; closing the iterator must stop the work behind it.

        Raises:
            AgentFailed: the back end failed, with the reason and whether another try can help.
        """
        ...


class Agent(Answerer, Protocol):
    """What stands behind a robot."""

    accepts: frozenset[str]
    """The kinds of attachments that it can use (`picture`, `file`, `audio`, `video`)."""

    async def feedback(self, given: Feedback) -> None:
        """A person rated an answer, or changed the rating. What this raises is logged and harms nobody."""
        ...

    async def close(self) -> None:
        """Give back what the agent holds."""
        ...
