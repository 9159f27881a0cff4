"""What the inspector shows: events, limits, cards and trouble as plain data. It is for eyes; nothing is decided by it.

What comes from a chat or a robot is data, which the page must treat as text.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from actors.sandbox.records import Call, Card, Connection, Push, Said
from actors.sandbox.rules import Rules
from actors.sandbox.timing import Timing
from actors.sandbox.trace import Event, Stray
from actors.sandbox.troubles import TROUBLES, WITH_TOKEN
from actors.sandbox.world import World

FREE_CALLS = 5000
FREE_PUSHES = 3000
"""The month's quota of the standard edition: paid calls, and webhook and Stream (quotas, open.dingtalk.com)."""

MINUTE = 60.0
VERSIONS = 200
TEXT = 2000
"""How many versions of a card are listed, and how many characters of each text."""

BAD = 400


def row(world: World, event: Event) -> dict[str, Any]:
    """One line of the list: `way` is `out` for what the platform sends and `in` for what the robot does; `state` is
    `ok`, `waiting` or `bad`; `where` is what people call the conversation."""
    shown = _row(world, event)
    return shown | {"where": where(world, str(shown["chat"]))}


def where(world: World, chat: str) -> str:
    """What people call a conversation, "" when there is none."""
    found = world.chats.get(chat)
    return "" if found is None else found.title if found.group else f"{found.title} → {found.robot}"


def _row(world: World, event: Event) -> dict[str, Any]:
    record = event.record
    common = {"id": event.id, "time": event.time, "robot": record.robot, "chat": event.chat, "trouble": event.trouble}
    common |= {"card": "", "seconds": None, "note": ""}
    match record:
        case Call():
            return common | _call(world, record, event)
        case Push():
            return common | _push(world, record)
        case Connection():
            return common | _connection(record)
        case Said():
            note = {"kind": "frame", "way": "out", "name": "message", "note": record.text, "chat": record.chat}
            return common | note | {"state": "bad", "code": "lost"}
        case Stray():
            return common | {"kind": "frame", "way": "in", "name": "stray ack", "state": "bad", "code": ""}


def _call(world: World, call: Call, event: Event) -> dict[str, Any]:
    card = str(call.body.get("outTrackId") or call.body.get("cardBizId") or "")
    waiting = call.seconds is None
    fine = 0 < call.status < BAD and call.code in {"", "0"}
    code = "" if waiting else " ".join(filter(None, (str(call.status) if call.status else "no answer", call.code)))
    return {
        "kind": "call",
        "way": "in",
        "name": call.api,
        "card": card if card in world.cards else "",
        "chat": event.chat or _chat_of(world, call, card),
        "note": _note(call),
        "state": "waiting" if waiting and not call.status else "ok" if fine else "bad",
        "code": code,
        "seconds": call.seconds,
    }


def _chat_of(world: World, call: Call, card: str) -> str:
    """The conversation that a call is about, "" when that cannot be told."""
    if card in world.cards and world.cards[card].chats:
        return world.cards[card].chats[0]
    body = call.body
    users = body.get("userIds")
    places = [str(body.get("openSpaceId", "")).rpartition(".")[2], body.get("openConversationId")]
    places += users[:1] if isinstance(users, list) else []
    for place in map(str, places):
        if place in world.chats:
            return place
        for chat in world.chats.values():
            if place and (chat.robot, chat.person) == (call.robot, place):
                return chat.id
    return ""


def _note(call: Call) -> str:
    """What a person tells one call of an API from another by."""
    content = call.body.get("content")
    if call.api == "streaming" and isinstance(content, str):
        final = "isError " if call.body.get("isError") else "isFinalize " if call.body.get("isFinalize") else ""
        return f"{final}{len(content)} 字 …{content[-40:]}"
    return str(call.body.get("msgtype") or call.body.get("msgKey") or call.body.get("name") or "")


def _push(world: World, push: Push) -> dict[str, Any]:
    card = world.cards.get(push.about)
    said = world.find_said(push.about, push.robot)
    name = "ping" if push.topic == "ping" else "click" if card else "message"
    repeat = bool(said and push in said.pushes[1:])
    return {
        "kind": "ping" if name == "ping" else "frame",
        "way": "out",
        "name": f"{name} again" if repeat else name,
        "card": card.id if card else "",
        "chat": said.chat if said else card.chats[0] if card and card.chats else "",
        "note": said.text if said else "",
        "state": "waiting" if not push.acked else "ok" if push.code == 200 else "bad",  # noqa: PLR2004
        "code": f"ack {push.code}" if push.acked else "no ack",
        "seconds": push.seconds,
    }


def _connection(record: Connection) -> dict[str, Any]:
    closed = record.closed_at is not None
    said = f"closed {record.close_code}" if closed else "rolled" if record.rolled_at else record.impairment or "open"
    state = "bad" if said not in {"open", "rolled", "closed 1000"} else "ok"
    topics = ", ".join(sorted(record.topics))
    return {"kind": "line", "way": "in", "name": "connection", "state": state, "code": said, "note": topics}


def details(world: World, event: Event) -> dict[str, Any]:
    """An event with all that passed: each part has a name and its content as data."""
    record = event.record
    parts: dict[str, Any] = {}
    if isinstance(record, Call):
        parts = {"request": record.body, "answer": event.answer}
    elif isinstance(record, Push):
        ids = {"topic": record.topic, "messageId": record.message_id, "connectionId": record.connection}
        parts = {"headers": ids, "data": event.sent, "ack": record.data}
    elif isinstance(record, Stray):
        parts = {"frame": record.frame if isinstance(record.frame, str) else str(record.frame)}
    elif isinstance(record, Connection):
        parts = {"connectionId": record.id, "topics": sorted(record.topics)}
    return row(world, event) | {"parts": {name: part for name, part in parts.items() if part is not None}}


def updates(card: Card) -> dict[str, Any]:
    """A card and everything that it showed, oldest first; `grew` is by how many characters."""
    shown = card.versions[-VERSIONS:]
    before = [None, *shown][: len(shown)]
    return {
        "card": card.id,
        "robot": card.robot,
        "template": card.template,
        "state": card.state.value,
        "updates": [
            {
                "seconds": round(version.at - card.at, 3),
                "call": version.call,
                "state": version.state.value,
                "user": version.user,
                "text": version.text[-TEXT:],
                "length": len(version.text),
                "grew": len(version.text) - (len(earlier.text) if earlier else 0),
            }
            for earlier, version in zip(before, shown, strict=True)
        ],
    }


def question(world: World, timing: Timing) -> dict[str, Any]:
    """One question with its bar. A message that calls several robots is a question to each, under one `msgId`."""
    said = timing.said
    return {
        "id": f"{said.robot} {said.id}",
        "chat": said.chat,
        "where": where(world, said.chat),
        "robot": said.robot,
        "nick": said.nick,
        "text": said.text[:100],
        "time": said.time,
        "state": timing.state,
        "card": timing.card.id if timing.card else "",
        "moments": timing.moments(),
        "updates": timing.updates(),
    }


def limits(calls: Iterable[Call], counted: Mapping[str, int], rules: Rules, now: float) -> dict[str, Any]:
    """How much of the limits is used: of each robot and API the calls of the last second and the most in any second of
    the last minute; of the month what is `counted`, against the free quota where the rules have none. Calls that were
    refused for their rate are not counted (API limits and quotas, open.dingtalk.com)."""
    executed = [call for call in calls if call.robot and "Qps" not in call.code and "Qpm" not in call.code]
    recent: dict[tuple[str, str], list[float]] = {}
    for call in executed:
        if call.api in WITH_TOKEN and call.at > now - MINUTE:
            recent.setdefault((call.robot, call.api), []).append(call.at)
    return {
        "limit": rules.calls_per_second,
        "rates": [
            {"robot": robot, "api": api, "now": sum(at > now - 1.0 for at in times), "peak": _peak(times)}
            for (robot, api), times in sorted(recent.items())
        ],
        "calls": {"used": counted.get("calls", 0), "limit": rules.calls_per_month or FREE_CALLS},
        "pushes": {"used": counted.get("pushes", 0), "limit": rules.pushes_per_month or FREE_PUSHES},
    }


def _peak(times: list[float]) -> int:
    window: deque[float] = deque()
    most = 0
    for at in times:
        window.append(at)
        while window[0] <= at - 1.0:
            window.popleft()
        most = max(most, len(window))
    return most


def catalogue() -> list[dict[str, Any]]:
    """Every trouble that there is a switch for."""
    return [
        {
            "name": trouble.name,
            "chinese": trouble.chinese,
            "english": trouble.english,
            "kind": trouble.kind.value,
            "apis": sorted(trouble.apis),
            "order": dict(trouble.order),
        }
        for trouble in TROUBLES.values()
    ]
