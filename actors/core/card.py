"""What a card says: its faces over one answer's life. How a face is spelled for a template is the platform's edge's.
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum


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


_CARDS = uuid.UUID("6f0d1a54-6b6c-5f0e-9d5e-5d7a3f6b2c11")


def card_id(robot: str, message_id: str) -> str:
    """The card's `outTrackId` (at most 64 characters), the same for every attempt at the same question."""
    return f"card-{uuid.uuid5(_CARDS, f'{robot} {message_id}')}"
