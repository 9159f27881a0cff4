"""What a card says: its faces over one answer's life, its name, and the buttons under it.

How a face is spelled for a template is the platform's edge's; when a face is shown is the turn's.
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from actors.core import texts


class State(StrEnum):
    """The states of a card that a person can tell apart."""

    THINKING = "thinking"
    TYPING = "typing"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a finished answer; `id` comes back when it is pressed."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Face:
    """All that a card shows at one moment."""

    state: State
    text: str
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Rated:
    """What a press of a feedback button says: which answer, and how helpful it was."""

    message_id: str
    rating: str


_CARDS = uuid.UUID("6f0d1a54-6b6c-5f0e-9d5e-5d7a3f6b2c11")


def card_id(robot: str, message_id: str) -> str:
    """The card's `outTrackId` (at most 64 characters), the same for every attempt at the same question."""
    return f"card-{uuid.uuid5(_CARDS, f'{robot} {message_id}')}"


def thinking() -> Face:
    """The first face: the question arrived."""
    return Face(State.THINKING, texts.THINKING)


def answered(text: str, message_id: str) -> Face:
    """The last face of an answer: whole, with four feedback buttons."""
    buttons = tuple(Button(f"{rating}:{message_id}", label) for rating, label in texts.RATINGS.items())
    return Face(State.FINISHED, text, buttons)


def apology(text: str) -> Face:
    """The last face where there is nothing to rate."""
    return Face(State.FAILED, text)


def rated(button_id: str) -> Rated | None:
    """What a pressed button says, or None if it is none of the feedback buttons."""
    rating, _, message_id = button_id.partition(":")
    return Rated(message_id, rating) if rating in texts.RATINGS and message_id else None
