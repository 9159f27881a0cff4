"""One turn: the way of one question from the thinking card to the end, as a table of events and actions.

The law: a turn ends answered, apologised for, or given back, and in no other way; the answer's text is durable before
the first final call; only then is the card finished; only when the person has the answer is the question closed. This
file knows nothing of actors, HTTP or stores: `step` takes a state and an event and returns the next state and what to
do. An event that has no business in a state changes nothing.

    ANSWERING   the agent runs; updates go out, one at a time; the card may still be on its way
    STORING     the text is being made durable
    FINISHING   the card takes the whole text (as soon as it is there and no update is under way)
    SAYING      there is no card to finish: the answer goes as a message
    CLOSING     the closing update: final state, buttons
    SETTLING    the question is being closed, or given back
    OVER        the question is closed, or given back
    LOST        somebody else has the question
"""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import TypeAlias

from actors.core import texts
from actors.core.card import Face, answered, apology


class Phase(StrEnum):
    """Where a turn is."""

    ANSWERING = "answering"
    STORING = "storing"
    FINISHING = "finishing"
    SAYING = "saying"
    CLOSING = "closing"
    SETTLING = "settling"
    OVER = "over"
    LOST = "lost"


class Place(Enum):
    """What became of the card."""

    COMING = "coming"
    THERE = "there"
    DOUBTFUL = "doubtful"
    """It may be there or not: the call that should create it was never answered."""
    NONE = "none"
    """It could not be had."""


class End(StrEnum):
    """How a turn ends for the person."""

    ANSWERED = "answered"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn's state. `text` and `end` are the answer once it is known; `updating` while an update is under way."""

    message_id: str
    phase: Phase = Phase.ANSWERING
    place: Place = Place.COMING
    updating: bool = False
    due: bool = False
    leaving: bool = False
    """The process has to go: the question is given back once the card says so."""
    noted: bool = False
    """The card was told that the answer will go on."""
    again: float | None = None
    """Seconds until the question is taken again; None unless it is given back."""
    last_try: bool = False
    """The question is too old to be tried again: if nothing takes the text now, it is closed all the same."""
    text: str = ""
    end: End = End.ANSWERED

    @property
    def face(self) -> Face:
        """The last face of this turn's card."""
        return answered(self.text, self.message_id) if self.end is End.ANSWERED else apology(self.text)


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
    """The agent failed; `text` is what it had said."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerStored:
    """The answer's text is durable."""


@dataclass(frozen=True, slots=True)
class CardFinished:
    """The finalize is confirmed: the person has the answer."""


@dataclass(frozen=True, slots=True)
class FinishFailed:
    """The card did not take the whole text."""


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
    | AnswerStored
    | CardFinished
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
    """Create the thinking card."""


@dataclass(frozen=True, slots=True)
class RunAgent:
    """Start the agent."""


@dataclass(frozen=True, slots=True)
class StopAgent:
    """Stop the agent; nothing it says matters any more."""


@dataclass(frozen=True, slots=True)
class Update:
    """Show the text so far, with `note` beneath it where there is one."""


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

    text: str


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
Step: TypeAlias = tuple[Turn, tuple[Action, ...]]

SAY_AGAIN_AFTER = 30.0
"""Seconds until an answer that nobody took is tried again."""


def begin(message_id: str) -> Step:
    """A question that was never answered: the thinking card and the agent start side by side."""
    return Turn(message_id), (CreateCard(), RunAgent())


def resume(message_id: str, text: str, end: End, *, last_try: bool) -> Step:
    """A question whose answer a former attempt made durable: the agent does not run again."""
    return Turn(message_id, Phase.FINISHING, text=text, end=end, last_try=last_try), (CreateCard(),)


def excuse(message_id: str, text: str, end: End, *, last_try: bool) -> Step:
    """A question that is not answered any more: an apology takes the answer's place."""
    return (
        Turn(message_id, Phase.STORING, text=text, end=end, last_try=last_try),
        (CreateCard(), StoreAnswer(text, end)),
    )


def step(turn: Turn, event: TurnEvent) -> Step:
    """The next state and what to do about one event."""
    match event:
        case Lost():
            return replace(turn, phase=Phase.LOST), (StopAgent(),)
        case CardThere():
            return _card_there(turn)
        case CardRefused(maybe_there):
            return _next_final(replace(turn, place=Place.DOUBTFUL if maybe_there else Place.NONE))
        case UpdateDue():
            return _update_due(turn)
        case UpdateEnded():
            return _update_ended(turn)
        case AnswerWhole(text):
            return _answer(turn, text, End.ANSWERED)
        case AnswerTorn(text):
            return _answer(turn, texts.torn(text), End.FAILED)
        case Leave():
            return _leave(turn)
        case _:
            return _final(turn, event)


def _card_there(turn: Turn) -> Step:
    there = replace(turn, place=Place.THERE)
    return _update_due(there) if turn.due and turn.phase is Phase.ANSWERING else _next_final(there)


def _update_due(turn: Turn) -> Step:
    if turn.phase is not Phase.ANSWERING or turn.leaving or turn.place in {Place.DOUBTFUL, Place.NONE}:
        return turn, ()
    if turn.place is Place.COMING or turn.updating:
        return replace(turn, due=True), ()
    return replace(turn, updating=True, due=False), (Update(),)


def _update_ended(turn: Turn) -> Step:
    free = replace(turn, updating=False)
    if not turn.leaving:
        return _update_due(free) if turn.due and turn.phase is Phase.ANSWERING else _next_final(free)
    if not turn.noted:
        return replace(free, updating=True, noted=True), (ShowLeaving(),)
    return _give_back(free, 0.0)


def _answer(turn: Turn, text: str, end: End) -> Step:
    if turn.phase is not Phase.ANSWERING or turn.leaving:
        return turn, ()
    return replace(turn, phase=Phase.STORING, text=text, end=end), (StoreAnswer(text, end),)


def _next_final(turn: Turn) -> Step:
    """In FINISHING, the first final call goes out when the card is decided and no update is under way."""
    if turn.phase is not Phase.FINISHING or turn.updating or turn.place is Place.COMING:
        return turn, ()
    if turn.place is Place.THERE:
        return turn, (FinishCard(turn.text),)
    return replace(turn, phase=Phase.SAYING), (Say(turn.text),)


def _give_back(turn: Turn, after: float) -> Step:
    return replace(turn, phase=Phase.SETTLING, again=after), (GiveBack(after),)


def _leave(turn: Turn) -> Step:
    if turn.leaving or turn.phase is not Phase.ANSWERING:
        return turn, ()
    leaving = replace(turn, leaving=True)
    if turn.place is not Place.THERE:
        given, actions = _give_back(leaving, 0.0)
        return given, (StopAgent(), *actions)
    if turn.updating:
        return leaving, (StopAgent(), DropUpdate())
    return replace(leaving, updating=True, noted=True), (StopAgent(), ShowLeaving())


def _final(turn: Turn, event: TurnEvent) -> Step:
    match turn.phase, event:
        case Phase.STORING, AnswerStored():
            stored, actions = _next_final(replace(turn, phase=Phase.FINISHING))
            return stored, (DropUpdate(),) if turn.updating else actions
        case Phase.FINISHING, CardFinished():
            return replace(turn, phase=Phase.CLOSING), (CloseCard(turn.face),)
        case Phase.FINISHING, FinishFailed():
            return replace(turn, phase=Phase.SAYING), (Say(turn.text),)
        case Phase.SAYING, AnswerSaid() if turn.place is not Place.NONE:
            return replace(turn, phase=Phase.CLOSING), (CloseCard(Face(turn.face.state, texts.SENT_BESIDE)),)
        case (Phase.SAYING, AnswerSaid()) | (Phase.CLOSING, CardClosed()):
            return replace(turn, phase=Phase.SETTLING), (Done(turn.end),)
        case Phase.SAYING, SayFailed() if turn.last_try and turn.place is not Place.NONE:
            # The last that can be done for the person: no card is left spinning, and it may take the text yet.
            return replace(turn, phase=Phase.CLOSING, end=End.EXPIRED), (CloseCard(turn.face),)
        case Phase.SAYING, SayFailed() if turn.last_try:
            return replace(turn, phase=Phase.SETTLING, end=End.EXPIRED), (Done(End.EXPIRED),)
        case Phase.SAYING, SayFailed():
            return _give_back(turn, SAY_AGAIN_AFTER)
        case Phase.SETTLING, Settled():
            return replace(turn, phase=Phase.OVER), ()
        case _:
            return turn, ()
