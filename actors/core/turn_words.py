"""The words of a turn's table: what can happen to a turn, and what can be asked to be done about it.

Frozen values only; which leads to which is `turn.py`'s.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from actors.core import texts
from actors.core.card import Face


class End(StrEnum):
    """How a turn ends for the person."""

    ANSWERED = "answered"
    FAILED = "failed"
    STOPPED = "stopped"
    EXPIRED = "expired"


# What happened.


@dataclass(frozen=True, slots=True)
class CardThere:
    """The thinking card was created, now or by a former attempt."""


@dataclass(frozen=True, slots=True)
class CardRefused:
    """The card could not be had; `maybe_there` if nobody knows whether it was created all the same."""

    maybe_there: bool = False


@dataclass(frozen=True, slots=True)
class UpdateDue:
    """There is text worth showing, and the card's own budget allows an update."""


@dataclass(frozen=True, slots=True)
class UpdateEnded:
    """The update under way was shown, failed, or was dropped before it was sent."""


@dataclass(frozen=True, slots=True)
class AnswerWhole:
    """The agent finished."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerTorn:
    """The answer failed; `text` is what was said of it, `apology` what has to be said now."""

    text: str
    apology: str = texts.AGENT_FAILED


@dataclass(frozen=True, slots=True)
class Stop:
    """The person wants no more of this answer."""


@dataclass(frozen=True, slots=True)
class AnswerStopped:
    """The agent was stopped; `text` is what it had said."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerStored:
    """The answer's text is durable."""


@dataclass(frozen=True, slots=True)
class CardFinished:
    """The finalize is confirmed: the person has the answer."""


@dataclass(frozen=True, slots=True)
class CardFull:
    """The finalize is confirmed, but the card took no more than `shown`: `rest` has to follow as a message."""

    shown: str
    rest: str


@dataclass(frozen=True, slots=True)
class FinishFailed:
    """The card was not finished."""


@dataclass(frozen=True, slots=True)
class AnswerSaid:
    """The answer went out as a message."""


@dataclass(frozen=True, slots=True)
class SayFailed:
    """The message did not go out either."""


@dataclass(frozen=True, slots=True)
class CardClosed:
    """The closing update went through, or was given up."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The process has to go before the answer is whole."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The question is closed, or given back."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Another holder has the question: touch nothing any more."""


TurnEvent: TypeAlias = (
    CardThere
    | CardRefused
    | UpdateDue
    | UpdateEnded
    | AnswerWhole
    | AnswerTorn
    | Stop
    | AnswerStopped
    | AnswerStored
    | CardFinished
    | CardFull
    | FinishFailed
    | AnswerSaid
    | SayFailed
    | CardClosed
    | Leave
    | Settled
    | Lost
)


# What to do.


@dataclass(frozen=True, slots=True)
class CreateCard:
    """Create the thinking card. One that is there already (a place in line, a former attempt) is made to say so when
    the agent is about to run, that is with `think`."""

    think: bool


@dataclass(frozen=True, slots=True)
class RunAgent:
    """Start the agent."""


@dataclass(frozen=True, slots=True)
class StopAgent:
    """Stop the agent; nothing it says from now on matters."""


@dataclass(frozen=True, slots=True)
class Gather:
    """See what the agent has said; `AnswerStopped` follows."""


@dataclass(frozen=True, slots=True)
class Update:
    """Show the text so far, and what is being done."""


@dataclass(frozen=True, slots=True)
class DropUpdate:
    """Withdraw the update under way if it is not sent yet; `UpdateEnded` follows in any case."""


@dataclass(frozen=True, slots=True)
class ShowLeaving:
    """Tell on the card that the answer will go on; `UpdateEnded` follows."""


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """Make the answer durable."""

    text: str
    end: End


@dataclass(frozen=True, slots=True)
class FinishCard:
    """Show the whole text and end the streaming."""

    face: Face


@dataclass(frozen=True, slots=True)
class Say:
    """Send the answer as a message."""

    text: str


@dataclass(frozen=True, slots=True)
class CloseCard:
    """Send the closing update."""

    face: Face


@dataclass(frozen=True, slots=True)
class Done:
    """Close the question."""

    end: End


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Give the question back, to be taken again after a pause (seconds)."""

    after: float


Action: TypeAlias = (
    CreateCard
    | RunAgent
    | StopAgent
    | Gather
    | Update
    | DropUpdate
    | ShowLeaving
    | StoreAnswer
    | FinishCard
    | Say
    | CloseCard
    | Done
    | GiveBack
)
