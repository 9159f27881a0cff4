"""The words of a turn's table: what can happen to a turn, and what can be asked to be done about it.

Frozen values only; which leads to which is `turn.py`'s.
"""

from enum import StrEnum
from typing import TypeAlias

from actors.core import texts
from actors.core.card import Face
from actors.core.frozen import frozen


class End(StrEnum):
    """How a turn ends for the person."""

    ANSWERED = "answered"
    FAILED = "failed"
    STOPPED = "stopped"
    EXPIRED = "expired"


# What happened.


@frozen
class CardThere:
    """The thinking card was created, now or by a former attempt."""


@frozen
class CardRefused:
    """The card could not be had; `maybe_there` if nobody knows whether it was created all the same."""

    maybe_there: bool = False


@frozen
class UpdateDue:
    """There is text worth showing, and the card's own budget allows an update."""


@frozen
class UpdateEnded:
    """The update under way was shown, failed, or was dropped before it was sent."""


@frozen
class AnswerWhole:
    """The agent finished."""

    text: str


@frozen
class AnswerTorn:
    """The answer failed; `text` is what was said of it, `apology` what has to be said now."""

    text: str
    apology: str = texts.AGENT_FAILED


@frozen
class Stop:
    """The person wants no more of this answer."""


@frozen
class AnswerStopped:
    """The agent was stopped; `text` is what it had said."""

    text: str


@frozen
class AnswerStored:
    """The answer's text is durable."""


@frozen
class CardFinished:
    """The finalize is confirmed: the person has the answer."""


@frozen
class CardFull:
    """The finalize is confirmed, but the card took no more than `shown`: `rest` has to follow as a message."""

    shown: str
    rest: str


@frozen
class FinishFailed:
    """The card was not finished."""


@frozen
class AnswerSaid:
    """The answer went out as a message."""


@frozen
class SayFailed:
    """The message did not go out either."""


@frozen
class CardClosed:
    """The closing update went through, or was given up."""


@frozen
class Leave:
    """The process has to go before the answer is whole."""


@frozen
class Settled:
    """The question is closed, or given back."""


@frozen
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


@frozen
class CreateCard:
    """Create the thinking card. One that is there already (a place in line, a former attempt) is made to say so when
    the agent is about to run, that is with `think`."""

    think: bool


@frozen
class RunAgent:
    """Start the agent."""


@frozen
class StopAgent:
    """Stop the agent; nothing it says from now on matters."""


@frozen
class Gather:
    """See what the agent has said; `AnswerStopped` follows."""


@frozen
class Update:
    """Show the text so far, and what is being done."""


@frozen
class DropUpdate:
    """Withdraw the update under way if it is not sent yet; `UpdateEnded` follows in any case."""


@frozen
class ShowLeaving:
    """Tell on the card that the answer will go on; `UpdateEnded` follows."""


@frozen
class StoreAnswer:
    """Make the answer durable."""

    text: str
    end: End


@frozen
class FinishCard:
    """Show the whole text and end the streaming."""

    face: Face


@frozen
class Say:
    """Send the answer as a message."""

    text: str


@frozen
class CloseCard:
    """Send the closing update."""

    face: Face


@frozen
class Done:
    """Close the question."""

    end: End


@frozen
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
