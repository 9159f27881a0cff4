"""Reads a robot message: payload in, `Question` or `Unreadable` out (DingTalk developerpedia, bot/message.md).

The law: what a person sent is answered, as a question or as something we cannot read; only a payload that nobody
could answer is malformed. Pure: it knows nothing of frames, and nothing of what becomes of a question.
"""

from dataclasses import dataclass
from typing import Any

from actors.core.question import Address, Question
from actors.core.scope import Scope
from actors.dingtalk.payload import Malformed, items, mapping, number, text

__all__ = ["Malformed", "Unreadable", "read_message"]

_GROUP = "2"
_OVER_QUOTA = "20001"
"""The month's quota is used up: the message comes without its content (open.dingtalk.com, "receive messages")."""

_SILENT_KINDS = frozenset({"picture", "audio", "video", "file"})


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message with no text to answer.

    `kind` says why: `empty` · `picture` · `audio` (without a transcript) · `video` · `file` · `over_quota` · `unknown`.
    """

    robot: str
    message_id: str
    conversation: str
    address: Address
    kind: str


def read_message(
    data: dict[str, Any], *, robot: str, conversation_scope: Scope, memory_scope: Scope, received_at: float
) -> Question | Unreadable:
    """Read one robot message that came for `robot` (its client id) at `received_at` (seconds since the epoch).

    Raises:
        Malformed: it has no message id, or no one to answer to.
    """
    message_id = text(data.get("msgId"))
    if not message_id:
        raise Malformed("msgId")
    address = _address(data, robot)
    # A sender without any id is the chat, which in a single chat is one person; without a chat either, every message
    # stands alone: strangers must never share a memory.
    sender = address.user or text(data.get("senderId")) or address.chat or message_id
    chat = address.chat or sender
    conversation = conversation_scope.key(robot=robot, chat=chat, sender=sender)
    words = _words(data)
    if not words:
        return Unreadable(robot, message_id, conversation, address, _obstacle(data))
    return Question(
        robot=robot,
        message_id=message_id,
        conversation=conversation,
        chat_id=memory_scope.key(robot=robot, chat=chat, sender=sender),
        text=words,
        sender_id=sender,
        sender_nick=text(data.get("senderNick")),
        address=address,
        received_at=received_at,
    )


def _address(data: dict[str, Any], robot: str) -> Address:
    address = Address(
        robot_code=text(data.get("robotCode")) or robot,
        chat=text(data.get("conversationId")),
        group=text(data.get("conversationType")) == _GROUP,
        user=text(data.get("senderStaffId")),
        webhook=text(data.get("sessionWebhook")),
        webhook_expires=number(data.get("sessionWebhookExpiredTime")) / 1000,
    )
    if not (address.webhook or address.user or (address.group and address.chat)):
        raise Malformed("senderStaffId or sessionWebhook")
    return address


def _kind(data: dict[str, Any]) -> str:
    return text(data.get("msgtype")) or ("text" if "text" in data else "")


def _words(data: dict[str, Any]) -> str:
    """The text to answer, without the blank that a removed mention leaves in front; "" where there is none."""
    content = mapping(data.get("content"))
    match _kind(data):
        case "text":
            words = text(mapping(data.get("text")).get("content"))
        case "richText":
            words = "".join(text(mapping(part).get("text")) for part in items(content.get("richText")))
        case "audio":
            words = text(content.get("recognition"))
        case _:
            words = ""
    return words.strip()


def _obstacle(data: dict[str, Any]) -> str:
    """Why a message without text has none."""
    if _OVER_QUOTA in {text(data.get("errorCode")), text(data.get("errCode"))}:
        return "over_quota"
    match _kind(data):
        case "text":
            return "empty"
        case "richText":
            parts = items(mapping(data.get("content")).get("richText"))
            return "picture" if any(mapping(part).get("type") == "picture" for part in parts) else "empty"
        case kind if kind in _SILENT_KINDS:
            return kind
        case _:
            return "unknown"
