"""The words of the Stream protocol: what a frame says, what answers it, and when silence means a dead connection.

The law: any bytes make a `Frame`, broken ones a malformed frame, so that no frame can disturb another. Pure: sockets
and time are somebody else's (DingTalk developerpedia, stream/protocol.md).
"""

import json
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

from dingtalk_stream.frames import AckMessage, CallbackMessage, EventMessage, Headers, SystemMessage

from actors.core.frozen import frozen
from actors.dingtalk.payload import mapping, number, text
from actors.dingtalk.port import CARD_TOPIC, MESSAGE_TOPIC

OK: Final[int] = AckMessage.STATUS_OK
FAILED: Final[int] = AckMessage.STATUS_SYSTEM_EXCEPTION
_BAD_REQUEST: Final[int] = AckMessage.STATUS_BAD_REQUEST
_UNKNOWN: Final[int] = AckMessage.STATUS_NOT_IMPLEMENT

SUBSCRIPTIONS: Final = tuple({"type": CallbackMessage.TYPE, "topic": topic} for topic in (MESSAGE_TOPIC, CARD_TOPIC))
"""What a connection asks for. Clicks of a topic that nobody subscribed to vanish without a word."""


class FrameType(StrEnum):
    """What a frame is to us; a metric label."""

    PING = "ping"
    DISCONNECT = "disconnect"
    CALLBACK = "callback"
    EVENT = "event"
    MALFORMED = "malformed"
    OTHER = "other"


@frozen
class Frame:
    """One frame. `message_id` is "" where it has none; `status` is the ack's code that the frame deserves by itself;
    `problem` says in our own words what makes it malformed; `sent_at` is when the platform says that it sent it, by its
    own clock (seconds since the epoch, 0 where it does not say)."""

    type: FrameType
    message_id: str = ""
    topic: str = ""
    data: Any = None
    status: int = OK
    problem: str = ""
    sent_at: float = 0.0


_SDK_TYPES: Final = {kind.TYPE: kind for kind in (SystemMessage, EventMessage, CallbackMessage)}
_SORTS: Final = {
    (SystemMessage.TYPE, "ping"): FrameType.PING,
    (SystemMessage.TYPE, SystemMessage.TOPIC_DISCONNECT): FrameType.DISCONNECT,
    (CallbackMessage.TYPE, MESSAGE_TOPIC): FrameType.CALLBACK,
    (CallbackMessage.TYPE, CARD_TOPIC): FrameType.CALLBACK,
}


def read_frame(raw: bytes) -> Frame:
    """Read what came over the socket."""
    envelope = _object(raw)
    headers = envelope.get("headers")
    if not isinstance(headers, dict):
        return _malformed("", "no JSON object with headers")
    kind, message_id, topic = map(_word, (envelope.get("type"), headers.get("messageId"), headers.get("topic")))
    if not kind or not topic:
        return _malformed(message_id, "no type or topic")
    if not message_id and kind != SystemMessage.TYPE:
        return _malformed(message_id, "no messageId")
    if kind not in _SDK_TYPES:
        return Frame(FrameType.OTHER, message_id, topic, status=_UNKNOWN)
    try:
        # Without the headers: the SDK insists on the form of some that nothing here needs.
        data = _SDK_TYPES[kind].from_dict({**envelope, "headers": {}}).data  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, RecursionError):
        if (kind, topic) != (SystemMessage.TYPE, SystemMessage.TOPIC_DISCONNECT):
            return _malformed(message_id, "data is not JSON")
        # The connection will be closed, whatever is wrong with the reason.
        data = None
    return replace(_sorted(kind, message_id, topic, data), sent_at=number(headers.get("time")) / 1000)


def _sorted(kind: str, message_id: str, topic: str, data: object) -> Frame:
    if kind == EventMessage.TYPE:
        return Frame(FrameType.EVENT, message_id, topic, data)
    type_ = _SORTS.get((kind, topic), FrameType.OTHER)
    if type_ is FrameType.OTHER:
        return Frame(type_, message_id, topic, status=OK if kind == SystemMessage.TYPE else _UNKNOWN)
    if type_ is FrameType.CALLBACK and not (data and isinstance(data, dict)):
        return _malformed(message_id, "data is no object")
    return Frame(type_, message_id, topic, data)


def closing_reason(disconnect: Frame) -> str:
    """Why the gateway is about to close the connection, in its own words."""
    return text(mapping(disconnect.data).get("reason"))


def reply(frame: Frame) -> str:
    """The ack of a frame that the protocol itself answers: everything but a callback and a disconnect."""
    match frame.type:
        case FrameType.PING:
            try:
                return ack(frame.message_id, frame.status, frame.data)
            except RecursionError:  # what is nested just so deeply that it can be read cannot be written again
                return ack(frame.message_id, _BAD_REQUEST, {})
        case FrameType.EVENT:
            return ack(frame.message_id, frame.status, {"status": "SUCCESS"})
        case _:
            return ack(frame.message_id, frame.status, {})


def ack(message_id: str, status: int, data: Any) -> str:
    """The text of an ack. Raises TypeError or ValueError if `data` cannot be written as JSON."""
    message = AckMessage()  # type: ignore[no-untyped-call]
    message.code = status
    message.message = "OK" if status == OK else ""
    message.headers.content_type = Headers.CONTENT_TYPE_APPLICATION_JSON
    message.headers.message_id = message_id or None
    message.data = data
    return json.dumps(message.to_dict())  # type: ignore[no-untyped-call]


UNKNOWN_INTERVAL: Final = 600.0
"""Seconds without any frame that mean a dead connection while the ping interval is not known yet. 20 to 30 s were seen
(soimy/openclaw-channel-dingtalk); this is far beyond, since whoever is wrong here takes every connection for dead."""


class Silence:
    """How long a connection may say nothing. The platform's ping interval is not documented, so it is learned."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._last_ping: float | None = None
        self._interval: float | None = None

    def ping(self, now: float) -> None:
        """A SYSTEM ping came at `now` (monotonic seconds)."""
        if self._last_ping is not None:
            self._interval = now - self._last_ping
        self._last_ping = now

    @property
    def limit(self) -> float:
        """Seconds without any frame that mean a dead connection."""
        learned = UNKNOWN_INTERVAL if self._interval is None else 3 * self._interval
        return max(self._timeout, learned)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        read = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _malformed(message_id: str, problem: str) -> Frame:
    return Frame(FrameType.MALFORMED, message_id, status=_BAD_REQUEST, problem=problem)
