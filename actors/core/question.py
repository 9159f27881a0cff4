"""What a person asked a robot, and where the answer has to go.

A question is a value: it is made once from a robot message, stored in the inbox as JSON, and handed to the agent.
This file knows nothing of the payload it came from and nothing of how it is stored.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

KINDS = frozenset({"picture", "file", "audio", "video"})
"""The kinds of attachments."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something sent beside the text: its kind, a URL and a file name.

    `code` is DingTalk's `downloadCode`, for which the thing itself is to be had; until it is fetched, `url` is empty.
    """

    kind: str
    url: str
    name: str
    code: str = ""


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
    `text` is empty where nothing but attachments were sent. `quote` is what the person quoted, in words: it is about
    the question, not part of it, and somebody else may have said it. `session` is what the agent's back end calls the
    memory that it keeps itself, empty in a new one (`Begun`). `unseen` is what was sent as well and does not reach the
    agent, because it cannot use it or it could not be fetched: kinds and names, no URLs.
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
    quote: str = ""
    replay: int = 0
    session: str = ""
    unseen: tuple[Attachment, ...] = ()

    def with_history(self, history: tuple[Turn, ...]) -> "Question":
        """The same question, with the turns that went before it."""
        return replace(self, history=history)

    def with_session(self, session: str) -> "Question":
        """The same question, in this session of the agent's back end."""
        return replace(self, session=session)

    def with_attachments(self, attachments: tuple[Attachment, ...]) -> "Question":
        """The same question, with these attachments of its own; the others are unseen from now on."""
        kept = {one.code for one in attachments}
        lost = tuple(replace(one, code="") for one in self.attachments if one.code not in kept)
        return replace(self, attachments=attachments, unseen=self.unseen + lost)

    def replayed(self, now: float) -> "Question":
        """The same question, asked once more at `now`."""
        return replace(self, received_at=now, replay=self.replay + 1)

    @property
    def ids(self) -> dict[str, str]:
        """What names this question in a log line."""
        return {"robot": self.robot, "conversation": self.conversation, "message_id": self.message_id}

    def to_json(self) -> str:
        """The stored form; history and session are stored elsewhere and left out."""
        stored = _fields(self)
        del stored["history"], stored["session"]
        stored["address"] = _fields(self.address)
        for name in ("attachments", "unseen"):
            stored[name] = [_fields(one) for one in stored[name]]
        return json.dumps(stored, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, stored: str) -> "Question":
        """The question that `to_json` stored; fields of a newer version are ignored."""
        read: dict[str, Any] = json.loads(stored)
        known = _known(cls, read)
        known["address"] = Address(**_known(Address, read["address"]))
        for name in ("attachments", "unseen"):
            known[name] = tuple(Attachment(**_known(Attachment, one)) for one in read.get(name, ()))
        return cls(**known)


def _fields(record: Any) -> dict[str, Any]:
    # `dataclasses.asdict` copies each value as well, which takes four times as long.
    return {name: getattr(record, name) for name in record.__slots__}


def usable(question: Question, accepts: Collection[str]) -> Question | None:
    """What an agent that accepts these kinds of attachments can use of a question; None if nothing is left of it.

    Then the question had attachments and no text: the kind of its first one says what the person has to be told.
    """
    kept = tuple(attachment for attachment in question.attachments if attachment.kind in accepts)
    return question.with_attachments(kept) if question.text or kept else None


def _known(kind: type, stored: dict[str, Any]) -> dict[str, Any]:
    return {field.name: stored[field.name] for field in fields(kind) if field.name in stored}
