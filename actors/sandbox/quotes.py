"""What a reply carries of the message that it quotes, for the robot and for the chat page.

Sources: the types of soimy/openclaw-channel-dingtalk for texts, and a robot's own card as multica captured it. It knows
no HTTP and changes nothing.
"""

from typing import Any

from actors.sandbox.records import Card, Entry, Message, Quote, Said
from actors.sandbox.views import plain
from actors.sandbox.world import opaque

LONGEST = 200
"""Characters of what is quoted that the chat page shows."""


def quote(entry: Entry) -> Quote:
    """What the chat page shows of it."""
    thing = entry.thing
    if isinstance(thing, Said):
        return Quote(entry.id, thing.nick, thing.text[:LONGEST])
    return Quote(entry.id, thing.robot, (plain(thing.text) or thing.title)[:LONGEST])


def replied(entry: Entry) -> dict[str, Any]:
    """The fields that quoting it adds to the `text` of a message."""
    thing = entry.thing
    if isinstance(thing, Said):
        message_id, sender, kind = thing.id, opaque("person", thing.sender), thing.kind
        content: Any = {"text": thing.text} if kind == "text" else thing.content
    else:
        message_id, sender = f"msg{opaque('entry', str(entry.id))}", opaque("robot", thing.robot)
        kind, content = _answer(thing)
    fields = {
        "msgType": kind,
        "msgId": message_id,
        "senderId": f"$:LWCP_v1:${sender}",
        "createdAt": int(thing.time * 1000),
        "content": content,
    }
    return {"isReplyMsg": True, "repliedMsg": fields}


def _answer(thing: Message | Card) -> tuple[str, Any]:
    if isinstance(thing, Message):
        return "text", {"text": thing.text}
    children = [{"elementType": "TEXT", "value": thing.text}]
    return "interactiveCard", {"cardContent": [{"elementType": "RICHTEXT", "children": children}]}
