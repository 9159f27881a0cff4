"""One turn: the way of one question from the thinking card to the end, as a table of events and actions.

The law: a turn ends answered, apologised for, or given back, and in no other way; the answer's text is durable before
the first final call, or owed to a store that is away for long; only then is the card finished; only when the person has
the answer is the question closed. This file knows nothing of actors, HTTP or stores: `step` takes a state and an event
and returns the next state and what to do. An event that has no business in a state changes nothing.

    ANSWERING   the agent runs; updates go out, one at a time; the card may still be on its way
    STORING     the text is being made durable
    FINISHING   the card takes the whole text (as soon as it is there and no update is under way)
    SAYING      there is no card to finish, or it is full: the answer, or its rest, goes as a message
    CLOSING     the closing update: final state, buttons
    SETTLING    the question is being closed, or given back
    OVER        the question is closed, or given back
    LOST        somebody else has the question
"""

from dataclasses import replace
from enum import Enum, StrEnum
from typing import TypeAlias

from actors.core import texts
from actors.core.card import Face, answered, ended
from actors.core.frozen import frozen
from actors.core.turn_words import (
    Action,
    AnswerSaid,
    AnswerStopped,
    AnswerStored,
    AnswerTorn,
    AnswerWhole,
    CardClosed,
    CardFinished,
    CardFull,
    CardRefused,
    CardThere,
    CloseCard,
    CreateCard,
    Done,
    DropUpdate,
    End,
    FinishCard,
    FinishFailed,
    Gather,
    GiveBack,
    Leave,
    Lost,
    RunAgent,
    Say,
    SayFailed,
    Settled,
    ShowLeaving,
    Stop,
    StopAgent,
    StoreAnswer,
    TurnEvent,
    Update,
    UpdateDue,
    UpdateEnded,
)


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


@frozen
class Turn:
    """One turn's state. `text` and `end` are the answer once it is known; `updating` while an update is under way."""

    phase: Phase = Phase.ANSWERING
    place: Place = Place.COMING
    updating: bool = False
    due: bool = False
    leaving: bool = False
    """The process has to go: the question is given back once the card says so."""
    stopping: bool = False
    """The person wants no more: what was said is the answer."""
    noted: bool = False
    """The card was told that the answer will go on."""
    again: float | None = None
    """Seconds until the question is taken again; None unless it is given back."""
    last_try: bool = False
    """The question is too old to be tried again: if nothing takes the text now, it is closed all the same."""
    resumed: bool = False
    """A former attempt made the text durable, and may have finished the card with it."""
    text: str = ""
    shown: str | None = None
    """What the card took of the text; None for all of it."""
    end: End = End.ANSWERED

    @property
    def face(self) -> Face:
        """The last face of this turn's card."""
        text = self.text if self.shown is None else self.shown
        match self.end:
            case End.ANSWERED:
                return answered(text)
            case End.STOPPED:
                return ended(text)
            case _:
                return ended(text, failed=True)


Step: TypeAlias = tuple[Turn, tuple[Action, ...]]

SAY_AGAIN_AFTER = 30.0
"""Seconds until an answer that nobody took is tried again."""


def begin() -> Step:
    """A question that was never answered: the thinking card and the agent start side by side."""
    return Turn(), (CreateCard(think=True), RunAgent())


def resume(text: str, end: End, *, last_try: bool) -> Step:
    """A question whose answer a former attempt made durable: the agent does not run again."""
    return Turn(Phase.FINISHING, text=text, end=end, last_try=last_try, resumed=True), (CreateCard(think=False),)


def excuse(text: str, end: End, *, last_try: bool) -> Step:
    """A question that is not answered any more: a word about it takes the answer's place."""
    return (
        Turn(Phase.STORING, text=text, end=end, last_try=last_try),
        (CreateCard(think=False), StoreAnswer(text, end)),
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
        case AnswerTorn(text, apology) if not turn.stopping:
            return _answer(turn, texts.torn(text, apology), End.FAILED)
        case Stop():
            return _stop(turn)
        case AnswerStopped(text):
            return _answer(turn, texts.stopped(text), End.STOPPED)
        case Leave():
            return _leave(turn)
        case _:
            return _final(turn, event)


def _card_there(turn: Turn) -> Step:
    there = replace(turn, place=Place.THERE)
    return _update_due(there) if turn.due and turn.phase is Phase.ANSWERING else _next_final(there)


def _update_due(turn: Turn) -> Step:
    done = turn.phase is not Phase.ANSWERING or turn.leaving or turn.stopping
    if done or turn.place in {Place.DOUBTFUL, Place.NONE}:
        return turn, ()
    if turn.place is Place.COMING or turn.updating:
        return replace(turn, due=True), ()
    return replace(turn, updating=True, due=False), (Update(),)


def _update_ended(turn: Turn) -> Step:
    free = replace(turn, updating=False)
    if turn.phase is not Phase.ANSWERING:
        return _next_final(free)
    if not turn.leaving:
        return _update_due(free) if turn.due else (free, ())
    if not turn.noted:
        return replace(free, updating=True, noted=True), (ShowLeaving(),)
    return _give_back(free, 0.0)


def _answer(turn: Turn, text: str, end: End) -> Step:
    if turn.phase is not Phase.ANSWERING or turn.leaving:
        return turn, ()
    return replace(turn, phase=Phase.STORING, text=text, end=end), (StoreAnswer(text, end),)


def _stop(turn: Turn) -> Step:
    if turn.phase is not Phase.ANSWERING or turn.leaving or turn.stopping:
        return turn, ()
    return replace(turn, stopping=True), (StopAgent(), Gather())


def _next_final(turn: Turn) -> Step:
    """In FINISHING, the first final call goes out when the card is decided and no update is under way. A card that may
    show the answer already is asked to, before the person is given it a second time."""
    if turn.phase is not Phase.FINISHING or turn.updating or turn.place is Place.COMING:
        return turn, ()
    if turn.place is Place.THERE or (turn.resumed and turn.place is Place.DOUBTFUL):
        return turn, (FinishCard(turn.face),)
    return replace(turn, phase=Phase.SAYING), (Say(turn.text),)


def _give_back(turn: Turn, after: float) -> Step:
    return replace(turn, phase=Phase.SETTLING, again=after), (GiveBack(after),)


def _leave(turn: Turn) -> Step:
    if turn.leaving or turn.stopping or turn.phase is not Phase.ANSWERING:
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
        case Phase.FINISHING, CardFull(shown, rest):
            return replace(turn, phase=Phase.SAYING, shown=shown), (Say(rest),)
        case Phase.FINISHING, FinishFailed():
            return replace(turn, phase=Phase.SAYING), (Say(turn.text),)
        case Phase.SAYING, AnswerSaid() if turn.shown is not None:
            return replace(turn, phase=Phase.CLOSING), (CloseCard(turn.face),)
        case Phase.SAYING, AnswerSaid() if turn.place is not Place.NONE:
            return replace(turn, phase=Phase.CLOSING), (CloseCard(ended(texts.SENT_BESIDE)),)
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
