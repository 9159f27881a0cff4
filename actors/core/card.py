"""What a card says: its faces over one answer's life, its name, and what a press of one of its buttons means.

How a face is spelled for a template is the platform's edge's; when a face is shown is the turn's.
"""

import uuid
from collections.abc import Mapping
from enum import StrEnum

from actors.core import texts
from actors.core.frozen import frozen

SDK_TEMPLATE = "382e4302-551d-4880-bf29-a30acfab2e71.schema"
"""DingTalk's public template, of the SDK's own `AIMarkdownCardInstance` (dingtalk-stream, card_instance.py)."""


class CardKind(StrEnum):
    """What an answer is shown on: a template card, a StandardCard, or no card but a message."""

    AI = "ai"
    STANDARD = "standard"
    TEXT = "text"


class State(StrEnum):
    """The states of a card that a person can tell apart."""

    THINKING = "thinking"
    TYPING = "typing"
    FINISHED = "finished"
    FAILED = "failed"


@frozen
class Face:
    """All that a card shows at one moment: the answer, whole or so far, and in one line what is being done.

    A `rateable` one has the four feedback buttons; `rating` is the one that was chosen.
    """

    state: State
    text: str = ""
    status: str = ""
    rateable: bool = False
    rating: str = ""

    @property
    def running(self) -> bool:
        """Whether there is something to wait for, or to stop."""
        return self.state in {State.THINKING, State.TYPING}


def thinking() -> Face:
    """The first face: the question arrived."""
    return Face(State.THINKING, status=texts.THINKING)


def in_line(ahead: int) -> Face:
    """The face of a question that waits for `ahead` others of its conversation."""
    return Face(State.THINKING, status=texts.in_line(ahead))


def growing(text: str, status: str = "") -> Face:
    """The text so far, and what is being done."""
    return Face(State.TYPING, text, status)


def answered(text: str) -> Face:
    """The last face of an answer: whole, with four feedback buttons."""
    return Face(State.FINISHED, text, rateable=True)


def ended(text: str, *, failed: bool = False) -> Face:
    """The last face where there is nothing to rate: an apology, or an answer that the person stopped."""
    return Face(State.FAILED if failed else State.FINISHED, text)


_CARDS = uuid.UUID("6f0d1a54-6b6c-5f0e-9d5e-5d7a3f6b2c11")


def card_id(robot: str, message_id: str, replay: int = 0) -> str:
    """The card's `outTrackId` (at most 64 characters), the same for every attempt at the same question; one that an
    operator has answered anew gets a new card, since the old one is finished."""
    name = f"{robot} {message_id} {replay}" if replay else f"{robot} {message_id}"
    return f"card-{uuid.uuid5(_CARDS, name)}"


# Buttons


@frozen
class Rated:
    """A press of a feedback button: which answer, and how helpful it was."""

    message_id: str
    rating: str


@frozen
class Stopped:
    """A press of the stop button: which answer is not wanted any more."""

    message_id: str


Press = Rated | Stopped

FEEDBACK = "feedback"
STOP = "stop"


def button_id(action: str, message_id: str) -> str:
    """The id of a button that has no parameters: what it does, and for which answer."""
    return f"{action}:{message_id}"


def rating_value(rating: str, message_id: str) -> dict[str, str]:
    """The parameters of a feedback button: action, rating, type and message id, and nothing of the answer."""
    return {
        "action": FEEDBACK,
        "rating": rating,
        "type": "helpful" if rating in texts.HELPFUL else "unhelpful",
        "message_id": message_id,
    }


def pressed(action_id: str, params: Mapping[str, str]) -> Press | None:
    """What a pressed button says, by its parameters or else by its id; None if it is none of ours."""
    word, _, message_id = action_id.partition(":")
    message_id = params.get("message_id", message_id)
    if not message_id:
        return None
    if params.get("action", word) == STOP:
        return Stopped(message_id)
    rating = params.get("rating", word)
    ours = params.get("action", FEEDBACK) == FEEDBACK and rating in texts.RATINGS
    return Rated(message_id, rating) if ours else None
