"""What holds for whatever comes in, as functions that any number of cases can be handed to.

Run as a program, it hands them a million by a seed of its own: `python -m tests.chaos.fuzz [CASES [SEED]]`.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from actors.core import texts
from actors.core.card import pressed
from actors.core.markdown import Dialect, neutral, presentable
from actors.core.question import Question
from actors.core.scope import Scope
from actors.dingtalk.clicks import read_click
from actors.dingtalk.frames import Frame, FrameType, closing_reason, read_frame, reply
from actors.dingtalk.inbound import Malformed, Unreadable, age, read_message
from tests.chaos import payloads


def frame_holds(raw: bytes) -> Frame:
    """Any bytes are a frame, it has its ack, and a callback has what its ack needs."""
    read = read_frame(raw)
    ack = json.loads(reply(read))
    assert ack["headers"].get("messageId") in {read.message_id, None}
    closing_reason(read).encode()
    if read.type is FrameType.CALLBACK:
        assert read.message_id
        assert isinstance(read.data, dict)
        assert read.data
    if read.type is FrameType.MALFORMED:
        assert read.problem
    return read


def message_holds(data: dict[str, Any]) -> None:
    """Any payload is a question that can be stored and shown, or unreadable, or malformed."""
    assert age(data, 1700000000.0) >= 0
    for conversations, memories in ((Scope.SENDER, Scope.SENDER_IN_CHAT), (Scope.CHAT, Scope.CHAT)):
        try:
            read = read_message(
                data, robot="ding", conversation_scope=conversations, memory_scope=memories, received_at=0.0
            )
        except Malformed:
            continue
        "".join((read.message_id, read.conversation, read.sender_id, read.address.webhook)).encode()
        if isinstance(read, Unreadable):
            assert read.kind in texts.UNREADABLE
            continue
        assert read.text or read.attachments
        assert Question.from_json(read.to_json()) == read
        read.to_json().encode()
        assert "\n" not in neutral(read.text, 60)


def click_holds(data: dict[str, Any]) -> None:
    """Any payload is a click, or malformed."""
    try:
        read = read_click(data)
    except Malformed:
        return
    assert all((read.card_id, read.user, *read.action_ids))
    "".join((read.card_id, read.user, *read.action_ids, *read.params, *read.params.values())).encode()
    for action in read.action_ids or ("",):
        pressed(action, read.params)


def text_holds(text: str) -> None:
    """Any text of an agent can be shown, growing and whole; any text of a person can be echoed."""
    for dialect in Dialect:
        presentable(text, growing=True, dialect=dialect).encode()
        presentable(text, dialect=dialect).encode()
    neutral(text).encode()


def data_of(raw: bytes) -> dict[str, Any]:
    """A payload as it comes out of a frame: None where it cannot be spelled."""
    try:
        read = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def every_frame(value: Any, place: int) -> int:
    """Try all variants of one frame; returns how many."""
    for raw in payloads.variants(payloads.spelled(value), place):
        frame = frame_holds(raw)
        if frame.type is FrameType.CALLBACK:
            (message_holds if frame.topic == payloads.MESSAGE_TOPIC else click_holds)(frame.data)
    return payloads.CASES


def every_version(holds: Callable[[dict[str, Any]], None]) -> Callable[[Any, int, Any], int]:
    """The same for payloads."""

    def tried(data: Any, place: int, odd: Any) -> int:
        for version in payloads.versions(data, place, odd):
            holds(data_of(payloads.spelled(version)))
        return payloads.CASES

    return tried


def every_text(text: str, place: int) -> int:
    """The same for texts."""
    cut = place % (len(text) + 1)
    for part in (text, text[:cut], text[cut:], text + text, text[:cut] + "\u202e" + text[cut:]):
        text_holds(part)
    return 5


PLACES = st.integers(0, 5000)
KINDS: dict[str, tuple[Callable[..., int], tuple[st.SearchStrategy[Any], ...]]] = {
    "frames": (every_frame, (payloads.frames, PLACES)),
    "messages": (every_version(message_holds), (payloads.messages, PLACES, payloads.ODD)),
    "clicks": (every_version(click_holds), (payloads.clicks, PLACES, payloads.ODD)),
    "texts": (every_text, (payloads.texts, PLACES)),
}
"""What is tried, and on what."""


def main(cases: int, seed: int) -> None:
    """Try so many cases; a failure names the seed and what was drawn."""
    tried, began = Counter[str](), time.monotonic()
    while tried.total() < cases:
        for kind, (holds, strategies) in KINDS.items():
            for drawn in payloads.drawn(st.tuples(*strategies), 500, seed):
                try:
                    tried[kind] += holds(*drawn)
                except BaseException:
                    print(f"{kind}, seed {seed}: {drawn!r}", file=sys.stderr)
                    raise
        seed += 1
        if seed % 10 == 0:
            print(f"{time.monotonic() - began:.0f} s, {tried.total()} cases: {dict(tried)}", flush=True)
    print(f"{time.monotonic() - began:.0f} s, {tried.total()} cases, none failed: {dict(tried)}")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32),
    )
