"""The words of the protocol without a socket: any bytes are a frame, and the rule of silence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dingtalk.frames import FrameType, Silence, closing_reason, read_frame, reply
from tests.dingtalk.gateway_script import disconnect, frame, ping

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
TYPES = st.sampled_from(["SYSTEM", "EVENT", "CALLBACK", "NOVELTY"]) | JSON
TOPICS = st.sampled_from(["ping", "disconnect", "*", "/v1.0/im/bot/messages/get"]) | JSON
HEADERS = st.fixed_dictionaries({}, optional={"topic": TOPICS, "messageId": st.just("m") | JSON, "time": JSON})
ENVELOPES = st.fixed_dictionaries(
    {}, optional={"type": TYPES, "headers": HEADERS | JSON, "data": JSON | JSON.map(json.dumps) | st.just("{")}
)


@given(st.binary())
def test_any_bytes_are_a_frame(raw: bytes) -> None:
    assert isinstance(json.loads(reply(read_frame(raw))), dict)


@given(ENVELOPES)
def test_any_envelope_is_a_frame(envelope: dict[str, object]) -> None:
    assert isinstance(json.loads(reply(read_frame(json.dumps(envelope).encode()))), dict)


@given(ENVELOPES)
def test_a_callback_always_has_an_id_a_topic_and_an_object(envelope: dict[str, object]) -> None:
    read = read_frame(json.dumps(envelope).encode())
    if read.type is FrameType.CALLBACK:
        assert read.message_id
        assert read.topic
        assert isinstance(read.data, dict)


def test_a_ping_is_answered_however_deeply_it_is_nested() -> None:
    for depth in range(800, 1100):
        ping_ = frame("SYSTEM", "ping", "m", {}) | {"data": "[" * depth + "]" * depth}
        assert json.loads(reply(read_frame(json.dumps(ping_).encode())))["headers"]["messageId"] == "m"


def test_a_frame_of_the_platform_is_read_whole() -> None:
    read = read_frame(json.dumps(ping("213661cf_dba_18d5875eda1_23bf2a0")).encode())
    assert (read.type, read.message_id, read.topic, read.data) == (
        FrameType.PING,
        "213661cf_dba_18d5875eda1_23bf2a0",
        "ping",
        {"opaque": "opaque of 213661cf_dba_18d5875eda1_23bf2a0"},
    )


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (disconnect("connection is expired"), "connection is expired"),
        (frame("SYSTEM", "disconnect", "", {}), ""),
        (frame("SYSTEM", "disconnect", "", ["expired"]), ""),
        (frame("SYSTEM", "disconnect", "", {"reason": 7}), "7"),
    ],
)
def test_a_disconnect_gives_its_reason(sent: dict[str, object], reason: str) -> None:
    assert closing_reason(read_frame(json.dumps(sent).encode())) == reason


@pytest.mark.parametrize(
    ("timeout", "pings", "limit"),
    [
        (180.0, [], 600.0),
        (180.0, [1000.0], 600.0),
        (900.0, [1000.0], 900.0),
        (180.0, [1000.0, 1030.0], 180.0),
        (180.0, [1000.0, 1060.0], 180.0),
        (180.0, [1000.0, 1070.0], 210.0),
        (180.0, [1000.0, 1100.0, 1400.0], 900.0),
        (180.0, [1000.0, 1400.0, 1430.0], 180.0),
        (0.5, [0.0, 0.0], 0.5),
    ],
)
def test_the_limit_of_silence_follows_the_pings(timeout: float, pings: list[float], limit: float) -> None:
    silence = Silence(timeout)
    for moment in pings:
        silence.ping(moment)
    assert silence.limit == limit
