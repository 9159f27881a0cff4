"""Reads a robot message: payload in, `Question` or `Unreadable` out (DingTalk developerpedia, bot/message.md).

The law: what a person sent is answered, as a question or as something we cannot read; only a payload that nobody
could answer is malformed. Pure: it knows nothing of frames, and nothing of what becomes of a question; what the body
of a message holds is read by `body.py`.
"""

from typing import Any

from actors.core.frozen import frozen
from actors.core.question import Address, Question
from actors.core.scope import Scope
from actors.dingtalk.body import Body, read_body
from actors.dingtalk.payload import Malformed, items, mapping, number, text

__all__ = ["Malformed", "Unreadable", "age", "read_message"]

_GROUP = "2"
_OVER_QUOTA = "20001"
"""The month's quota is used up: the message comes without its content (open.dingtalk.com, "receive messages")."""


@frozen
class Unreadable:
    """A message with nothing in it to answer.

    `kind` says why: `empty` · `picture`, `audio`, `video` or `file` (which cannot be fetched, without words) ·
    `over_quota` · `unknown`. `sender_id` is the question's.
    """

    robot: str
    message_id: str
    conversation: str
    address: Address
    kind: str
    sender_id: str

    @property
    def ids(self) -> dict[str, str]:
        """What names this message in a log line."""
        return {"robot": self.robot, "conversation": self.conversation, "message_id": self.message_id}


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
    sent, quoted = _sent(data, group=address.group), _quoted(data)
    words, quote = sent.words, quoted.gist
    if quoted.words and not words and sent.kind == "empty":
        # Nothing but a mention: then what is quoted is what is asked.
        words, quote = quoted.words, ""
    attachments = tuple(dict.fromkeys(sent.attachments + quoted.attachments))
    if not (words or attachments):
        obstacle = _obstacle(data, sent, quoted)
        return Unreadable(robot, message_id, conversation, address, obstacle, sender)
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
        attachments=attachments,
        quote=quote,
    )


def age(data: dict[str, Any], sent_at: float) -> float:
    """Seconds from the writing of a message to `sent_at`, when the platform sent it to us; 0 where it does not say.
    Both are by the platform's clock, so that a wrong one of ours makes no message old."""
    written = number(data.get("createAt")) / 1000
    return max(0.0, sent_at - written) if written and sent_at else 0.0


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


def _sent(data: dict[str, Any], *, group: bool) -> Body:
    """What was sent. A payload that does not say its kind is a text if it has one."""
    kind = text(data.get("msgtype")) or ("text" if "text" in data else "")
    alone = group and len(items(data.get("atUsers"))) <= 1
    return read_body(kind, _object(data.get("text")), mapping(data.get("content")), mention=alone)


def _quoted(data: dict[str, Any]) -> Body:
    """The message that this one replies to; a rich text has it in another place, and old clients in a third."""
    holders = mapping(data.get("text")), mapping(data.get("content"))
    places = (*(holder.get("repliedMsg") for holder in holders), data.get("quoteMessage"))
    replied = next(filter(None, map(mapping, places)), {})
    content = _object(replied.get("content"))
    inner = content if isinstance(content, dict) else {}
    said = inner.get("text") or replied.get("text") or content
    return read_body(text(replied.get("msgType")) or text(replied.get("msgtype")), said, inner)


def _object(value: object) -> object:
    """The object that a string of JSON holds; anything else as it is."""
    return mapping(value) or value


def _obstacle(data: dict[str, Any], sent: Body, quoted: Body) -> str:
    """Why there is nothing to answer."""
    if _OVER_QUOTA in {text(data.get("errorCode")), text(data.get("errCode"))}:
        return "over_quota"
    return quoted.kind if sent.kind == "empty" and quoted.gist else sent.kind
