"""What the platform sends, and what it might: hypothesis strategies that begin with real payloads and spoil them.

The real ones are those that people published (the tests of the edge name the sources). A spoiled one differs from a
real one in a few places, so that it gets deep into what reads it. `variants` makes forty cases of each that was drawn,
since drawing costs far more than reading. They are drawn the same in each run of the suite; under `CHAOS=thorough` at
random, by a seed that a failure names and `CHAOS_SEED` replays.
"""

import functools
import json
import os
import random
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from actors.core.events import Finished, Reasoning, Replace, Text, ToolEnd, ToolStart
from tests.chaos.conftest import THOROUGH
from tests.core.markdown_reading import markups
from tests.dingtalk.gateway_script import disconnect, event, frame, ping
from tests.dingtalk.test_clicks import CLICK, CONTENT
from tests.dingtalk.test_inbound import GROUP, TEXT

T = TypeVar("T")
Json = dict[str, Any]

CASES = 40
"""Cases that `variants` makes of one drawn payload."""

SEED = int(os.environ.get("CHAOS_SEED") or random.randrange(2**32)) if THOROUGH else None

MESSAGE_TOPIC, CARD_TOPIC = "/v1.0/im/bot/messages/get", "/v1.0/card/instances/callback"

_MANNER = settings(
    deadline=None, database=None, derandomize=SEED is None, suppress_health_check=list(HealthCheck), print_blob=True
)


def fuzzed(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Have a property tried on so many payloads, five times as many where there is time."""

    def dressed(test: Callable[..., None]) -> Callable[..., None]:
        property_ = settings(_MANNER, max_examples=examples * (5 if THOROUGH else 1))(test)
        if SEED is None:
            return property_
        seeded = seed(SEED)(property_)

        @functools.wraps(seeded)
        def told(*args: object, **kwargs: object) -> None:
            try:
                seeded(*args, **kwargs)
            except BaseException as error:
                error.add_note(f"CHAOS=thorough CHAOS_SEED={SEED} replays it")
                raise

        return told

    return dressed


def drawn(strategy: st.SearchStrategy[T], count: int, by: int | None = SEED) -> list[T]:
    """So many examples at once, the same for the same seed: for what cannot be shrunk one by one."""
    got: list[T] = []

    @settings(_MANNER, max_examples=count, derandomize=by is None, phases=[Phase.generate])
    @given(strategy)
    def collect(one: T) -> None:
        got.append(one)

    (collect if by is None else seed(by)(collect))()
    return got[:count]


# Oddities

NASTY = [
    "",
    " ",
    "\x00",
    "\ud83d",
    "a\ud800b",
    "\u202e反",
    "\u2028",
    "\ufeff",
    "👨‍👩‍👧" * 40,
    "长" * 5000,
    "null",
    "[]",
    "{}",
    '"',
    "{",
    "NaN",
    "-1e999",
    "1" * 5000,
    "../../etc/passwd",
    "file:///etc/passwd",
    "http://169.254.169.254/",
    "%00",
    "{{PATH}}",
    "@all",
    "</script>",
    "/stop",
]
NUMBERS = [0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 1.5, float("nan"), float("inf"), 1e308, True, False, None]


class Deep(str):
    """A list in a list in a list, so many times; stands for itself until it is `spelled`."""

    __slots__ = ()


def deep(levels: int) -> Deep:
    """A list that is nested so deeply."""
    return Deep(f"@nested {levels}@")


_DEEP = [deep(levels) for levels in (100, 900, *range(960, 1001), 2000, 100_000)]
ODD: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(NASTY),
    st.sampled_from(NUMBERS),
    st.sampled_from(_DEEP),
    st.text(st.characters(codec=None), max_size=8),
    st.recursive(
        st.sampled_from(NASTY[:8]) | st.sampled_from(NUMBERS) | st.sampled_from(["text", "content", "picture"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["text", "content", "type", "richText", "downloadCode", ""]), inner, max_size=3
            )
        ),
        max_leaves=6,
    ),
)
EVENTS: list[Any] = [
    *NASTY,
    *(
        kind(words)
        for kind in (Text, Replace, Reasoning, ToolStart, ToolEnd)
        for words in ("", "好", "# ", "\ud83d", "\x00")
    ),
    *(Text("```\n"), Text("| a |\n|--|\n"), Finished("length")),
    *(None, 7, b"bytes", object(), Text, {"text": "x"}, Text(None), Replace(7), ToolStart(None)),  # type: ignore[arg-type]
]
"""What an agent of somebody's own may yield."""
LOST = object()
"""In place of a value: the field is gone."""

Edits = list[tuple[int, Any]]
"""What is spoiled: the number of a place, and what comes there."""

edits: st.SearchStrategy[Edits] = st.lists(
    st.tuples(st.integers(0, 60), ODD | st.just(LOST) | st.just(json.dumps)), max_size=3
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value, as (what holds it, its key)."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def spoiled(value: Json, edits: Edits) -> Json:
    """A copy with other values in some places, or wrapped in JSON, or without them."""
    copy: Json = json.loads(json.dumps(value))
    for number, new in edits:
        places = list(_places(copy))
        if not places:
            break
        holder, key = places[number % len(places)]
        if new is LOST:
            del holder[key]
        else:
            holder[key] = json.dumps(holder[key]) if new is json.dumps else new
    return copy


# Payloads


def _of(msgtype: str, content: Any, **fields: Any) -> Json:
    without = {name: value for name, value in TEXT.items() if name != "text"}
    return without | {"msgtype": msgtype, "content": content} | fields


_QUOTED = {"isReplyMsg": True, "repliedMsg": {"msgType": "text", "msgId": "q", "content": {"text": "原话"}}}
_CARD_BLOCKS = [{"children": [{"elementType": "TEXT", "value": "卡"}, {"elementType": "LINK", "value": "片"}]}]
MESSAGES: list[Json] = [
    TEXT,
    TEXT | GROUP | {"isInAtList": True, "atUsers": [{"dingtalkId": "$:LWCP_v1:$bot"}]},
    {name: value for name, value in TEXT.items() if name not in {"senderStaffId", "senderCorpId"}},
    TEXT | {"text": {"content": " 那么 ", **_QUOTED}},
    TEXT | {"text": {"content": "/new"}},
    TEXT | {"errorCode": "20001", "errorMessage": "quota"} | {"text": None},
    _of("richText", {"richText": [{"text": "@小白"}, {"type": "picture", "downloadCode": "d"}, {"text": "给个报价"}]}),
    _of("richText", {"richText": [{"type": "at", "atName": "Tom", "atUserId": "1"}], **_QUOTED}, **GROUP),
    _of("picture", {"downloadCode": "d", "pictureDownloadCode": "p"}),
    _of("audio", {"duration": 4000, "downloadCode": "d", "recognition": "让进步发生"}),
    _of("video", {"duration": "5", "videoType": "mp4", "downloadCode": "d"}),
    _of("file", {"fileName": "foobar.zip", "downloadCode": "d", "spaceId": "223", "fileId": "117"}),
    _of("unknownMsgType", {"unknownMsgType": "用户发送了一条消息，机器人暂不支持接收。"}),
    _of("interactiveCard", {"cardContent": _CARD_BLOCKS}),
    _of("chatRecord", {"title": "聊天记录", "summary": "张三：你好"}),
    TEXT | {"quoteMessage": {"msgtype": "interactiveCard", "content": {"cardContent": _CARD_BLOCKS}}},
]
CLICKS: list[Json] = [
    CLICK,
    CLICK | {"content": CONTENT, "value": CONTENT},
    {name: value for name, value in CLICK.items() if name != "content"},
    CLICK | {"content": json.dumps({"cardPrivateData": json.dumps(CONTENT["cardPrivateData"])})},
    CLICK | {"content": {"cardPrivateData": {"actionIds": '["helpful:msg"]', "params": '{"message_id": "msg"}'}}},
]

messages = st.builds(spoiled, st.sampled_from(MESSAGES), edits)
clicks = st.builds(spoiled, st.sampled_from(CLICKS), edits)
_DATA = (
    messages.map(lambda data: (frame("CALLBACK", MESSAGE_TOPIC, "m", {}), data))
    | clicks.map(lambda data: (frame("CALLBACK", CARD_TOPIC, "m", {}), data))
    | st.builds(spoiled, st.just({"opaque": "95dae637"}), edits).map(lambda data: (ping("m"), data))
    | st.tuples(st.sampled_from([event("m"), disconnect(), frame("SYSTEM", "REGISTERED", "m", {})]), ODD)
)


def _framed(envelope_and_data: tuple[Json, Any], edits: Edits) -> Json:
    envelope, data = envelope_and_data
    return spoiled(envelope | {"data": json.dumps(data)}, edits)


_SELDOM: st.SearchStrategy[Edits] = st.just([]) | edits
frames = st.builds(_framed, _DATA, _SELDOM)
texts = markups | st.sampled_from(NASTY) | st.lists(st.sampled_from(NASTY)).map("\n".join)


def spelled(value: Any) -> bytes:
    """The JSON on the wire, with what is nested spelled out."""
    text = json.dumps(value)
    for levels in {int(part.partition("@")[0]) for part in text.split("@nested ")[1:]}:
        nest = "[" * levels + "]" * levels
        # Within a text within a text the quotes have backslashes before them.
        for quote in ('"', '\\"', '\\\\\\"', '\\\\\\\\\\\\\\"'):
            text = text.replace(f"{quote}@nested {levels}@{quote}", nest)
    return text.encode()


def variants(raw: bytes, place: int) -> Iterator[bytes]:
    """A frame as it is, and as it comes through a bad line: torn here and there, or with another byte; CASES in all."""
    yield raw
    yield raw + raw
    yield b" " + raw
    yield b"\xef\xbb\xbf" + raw
    for cut in (number % (len(raw) + 1) for number in (place, 7 * place + 3, 31 * place + 7, 101 * place + 11)):
        yield raw[:cut]
        yield raw[cut:]
        for byte in (b'"', b"\\", b"{", b"]", b"0", b"\x00", b"\xff"):
            yield raw[:cut] + byte + raw[cut + 1 :]


def versions(data: Json, place: int, odd: Any) -> Iterator[Json]:
    """A payload as it is, and with one field after the other gone, in JSON, or another value; CASES in all."""
    yield data
    names = list(data) or [""]
    for step in range(CASES - 1):
        name = names[(place + step) % len(names)]
        match step % 3:
            case 0:
                yield {key: value for key, value in data.items() if key != name}
            case 1:
                yield data | {name: json.dumps(data.get(name))}
            case _:
                yield data | {name: odd}
