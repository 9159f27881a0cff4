"""What a person asked a robot, and where the answer has to go.

A question is a value: it is made once from a robot message, stored in the inbox as JSON, and handed to the agent.
This file knows nothing of the payload it came from and nothing of how it is stored.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something sent beside the text: its kind (`picture`, `file`, `audio`, `video`), a URL and a file name."""

    kind: str
    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One finished exchange of a conversation, as agents without a memory of their own get it back."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where an answer goes.

    `chat` is DingTalk's `conversationId`; `user` is the staff id and empty for people outside the company;
    `webhook` answers this one message until `webhook_expires` (seconds since the epoch).
    """

    robot_code: str
    chat: str
    group: bool
    user: str
    webhook: str
    webhook_expires: float


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    `conversation` is the key of the actor that answers it (order, one answer at a time); `chat_id` is the key of the
    memory it belongs to: it contains the robot and no blanks. `sender_id` is the staff id, or DingTalk's encrypted
    id where there is none. `received_at` is when the frame was read, in seconds since the epoch, or when the question
    was replayed last: `replay` counts how often an operator had it answered anew, each time on a card of its own.
    """

    robot: str
    message_id: str
    conversation: str
    chat_id: str
    text: str
    sender_id: str
    sender_nick: str
    address: Address
    received_at: float
    attachments: tuple[Attachment, ...] = ()
    history: tuple[Turn, ...] = ()
    replay: int = 0

    def with_history(self, history: tuple[Turn, ...]) -> "Question":
        """The same question, with the turns that went before it."""
        return replace(self, history=history)

    def replayed(self, now: float) -> "Question":
        """The same question, asked once more at `now`."""
        return replace(self, received_at=now, replay=self.replay + 1)

    @property
    def ids(self) -> dict[str, str]:
        """What names this question in a log line."""
        return {"robot": self.robot, "conversation": self.conversation, "message_id": self.message_id}

    def to_json(self) -> str:
        """The stored form; the history is stored elsewhere and left out."""
        stored = asdict(self)
        del stored["history"]
        return json.dumps(stored, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, stored: str) -> "Question":
        """The question that `to_json` stored; fields of a newer version are ignored."""
        read: dict[str, Any] = json.loads(stored)
        known = _known(cls, read)
        known["address"] = Address(**_known(Address, read["address"]))
        known["attachments"] = tuple(Attachment(**_known(Attachment, one)) for one in read.get("attachments", ()))
        return cls(**known)


def _known(kind: type, stored: dict[str, Any]) -> dict[str, Any]:
    return {field.name: stored[field.name] for field in fields(kind) if field.name in stored}
