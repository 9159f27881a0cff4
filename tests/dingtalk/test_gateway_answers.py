"""What a connection answers over a real WebSocket, and what it survives."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest

from actors.dingtalk import gateway as gateway_module
from actors.dingtalk.port import CARD_TOPIC, MESSAGE_TOPIC, Callback
from tests.dingtalk.gateway_script import Ear, Json, Line, click, event, frame, message, ping, scripted_line


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with scripted_line() as line:
        yield line


# What it answers


async def test_a_ping_is_answered_with_its_own_opaque(line: Line) -> None:
    _, socket = await line.connect(Ear())
    await socket.send(ping("p1"))
    assert await socket.ack() == {
        "code": 200,
        "headers": {"contentType": "application/json", "messageId": "p1"},
        "message": "OK",
        "data": '{"opaque": "opaque of p1"}',
    }


async def test_a_message_is_acked_with_what_the_listener_returns(line: Line) -> None:
    async def answer(callback: Callback) -> Json:
        return {"response": "done"}

    _, socket = await line.connect(Ear(answer))
    await socket.send(message("m1"))
    ack = await socket.ack()
    assert (ack["code"], ack["headers"]["messageId"], json.loads(ack["data"])) == (200, "m1", {"response": "done"})


async def test_a_callback_is_handed_on_as_it_was_sent(line: Line) -> None:
    ear = Ear()
    _, socket = await line.connect(ear, wall=lambda: 1695283635.0)
    await socket.send(message("m1", "你好"), click("c1"))
    await socket.acks(2)
    times = (1695283635.0, 1707286661.313)  # when it was read, and when DingTalk says that it sent it
    assert ear.received == [
        Callback(MESSAGE_TOPIC, {"msgId": "msg m1", "text": {"content": "你好"}}, "m1", *times),
        Callback(CARD_TOPIC, {"outTrackId": "card", "userId": "042"}, "c1", *times),
    ]


async def test_a_message_that_the_listener_will_not_ack_is_not_acked(line: Line) -> None:
    async def answer(callback: Callback) -> None:
        return None

    _, socket = await line.connect(Ear(answer))
    await socket.send(message("m1"), ping("p1"))
    assert (await socket.ack())["headers"]["messageId"] == "p1"


async def test_an_event_is_acked_as_consumed(line: Line) -> None:
    _, socket = await line.connect(Ear())
    await socket.send(event("e1"))
    ack = await socket.ack()
    assert (ack["code"], json.loads(ack["data"])) == (200, {"status": "SUCCESS"})


@pytest.mark.parametrize(
    ("unknown", "code"),
    [
        (frame("SYSTEM", "KEEPALIVE", "x", {}), 200),
        (frame("SYSTEM", "REGISTERED", "x", {}), 200),
        (frame("CALLBACK", "/v1.0/graph/api/invoke", "x", {"a": 1}), 404),
        (frame("NOVELTY", "ping", "x", {}), 404),
    ],
)
async def test_what_is_not_known_is_acked_and_otherwise_ignored(line: Line, unknown: Json, code: int) -> None:
    ear = Ear()
    _, socket = await line.connect(ear)
    await socket.send(unknown)
    assert (await socket.ack())["code"] == code
    assert ear.received == []


async def test_a_listener_that_fails_costs_an_error_ack_and_one_log_line(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(callback: Callback) -> Json:
        if callback.message_id == "m1":
            raise KeyError("a bug")
        return {"response": None}

    _, socket = await line.connect(Ear(answer))
    await socket.send(message("m1"), message("m2"))
    acks = await socket.acks(2)
    assert (acks["m1"]["code"], acks["m2"]["code"]) == (500, 200)
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (
        vars(record).items()
        >= {
            "action": "callback_failed",
            "robot": line.robot.client_id,
            "topic": MESSAGE_TOPIC,
            "frame": "m1",
        }.items()
    )
    assert record.exc_info is not None


async def test_an_answer_that_is_no_json_counts_as_a_failure(line: Line) -> None:
    async def answer(callback: Callback) -> Json:
        return {"response": object()}

    _, socket = await line.connect(Ear(answer))
    await socket.send(message("m1"))
    assert (await socket.ack())["code"] == 500


async def test_a_burst_of_200_messages_is_acked_to_the_last(line: Line) -> None:
    _, socket = await line.connect(Ear())
    await socket.send(*(message(f"m{n}") for n in range(200)))
    acks = await socket.acks(200)
    assert set(acks) == {f"m{n}" for n in range(200)}


async def test_messages_begin_in_the_order_of_their_frames_and_end_as_they_like(line: Line) -> None:
    last = asyncio.Event()

    async def answer(callback: Callback) -> Json:
        if callback.message_id == "m99":
            last.set()
        await last.wait()
        return {}

    ear = Ear(answer)
    _, socket = await line.connect(ear)
    await socket.send(*(message(f"m{n}") for n in range(100)))
    await socket.acks(100)
    assert [callback.message_id for callback in ear.received] == [f"m{n}" for n in range(100)]


async def test_reading_waits_while_too_many_frames_are_in_work(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "MAX_UNANSWERED", 3)
    in_work, most = 0, 0

    async def answer(callback: Callback) -> Json:
        nonlocal in_work, most
        in_work += 1
        most = max(most, in_work)
        for _ in range(5):
            await asyncio.sleep(0)
        in_work -= 1
        return {}

    _, socket = await line.connect(Ear(answer))
    await socket.send(*(message(f"m{n}") for n in range(30)))
    await socket.acks(30)
    assert most == 3


# What it survives

TORN: dict[str, tuple[bytes | Json, str | None]] = {
    "no JSON": (b"{not json", None),
    "not UTF-8": (b'{"type": "SYSTEM\xff"}', None),
    "nothing": (b"", None),
    "nested too deep": (b"[" * 100_000, None),
    "a number": (b"42", None),
    "a list": (b"[1, 2]", None),
    "null": (b"null", None),
    "no headers": ({"type": "CALLBACK", "data": "{}"}, None),
    "headers that are no object": ({"type": "CALLBACK", "headers": ["messageId"], "data": "{}"}, None),
    "headers that are null": ({"type": "SYSTEM", "headers": None, "data": "{}"}, None),
    "no type": (frame("", "ping", "x", {}), "x"),
    "a type that is a number": (frame("", "ping", "x", {}) | {"type": 7}, "x"),
    "no topic": ({"type": "SYSTEM", "headers": {"messageId": "x"}, "data": "{}"}, "x"),
    "a topic that is a list": ({"type": "SYSTEM", "headers": {"messageId": "x", "topic": ["ping"]}}, "x"),
    "a message without an id": ({"type": "CALLBACK", "headers": {"topic": MESSAGE_TOPIC}, "data": '{"a": 1}'}, None),
    "an id that is a number": (
        {"type": "CALLBACK", "headers": {"topic": MESSAGE_TOPIC, "messageId": 5}, "data": '{"a": 1}'},
        None,
    ),
    "data that is no JSON": (frame("CALLBACK", MESSAGE_TOPIC, "x", {}) | {"data": "{secret words"}, "x"),
    "data nested too deep": (frame("CALLBACK", MESSAGE_TOPIC, "x", {}) | {"data": "[" * 100_000}, "x"),
    "data that is an object": (frame("CALLBACK", MESSAGE_TOPIC, "x", {}) | {"data": {"msgId": "secret words"}}, "x"),
    "data that is a list": (frame("CALLBACK", MESSAGE_TOPIC, "x", ["secret words"]), "x"),
    "data that is null": (frame("CALLBACK", MESSAGE_TOPIC, "x", None), "x"),
    "no data": (frame("CALLBACK", MESSAGE_TOPIC, "x", {}) | {"data": ""}, "x"),
    "a ping whose data is no JSON": (frame("SYSTEM", "ping", "x", {}) | {"data": "{"}, "x"),
    "an event whose data is no JSON": (frame("EVENT", "*", "x", {}) | {"data": "{"}, "x"),
}


@pytest.mark.parametrize(("torn", "known_as"), TORN.values(), ids=TORN.keys())
async def test_a_malformed_frame_between_good_ones_costs_itself_only(
    line: Line, caplog: pytest.LogCaptureFixture, torn: bytes | Json, known_as: str | None
) -> None:
    ear = Ear()
    _, socket = await line.connect(ear)
    await socket.send(ping("before"), torn, message("after"))
    acks = await socket.acks(3)
    assert {id_: ack["code"] for id_, ack in acks.items()} == {"before": 200, known_as: 400, "after": 200}
    assert [callback.message_id for callback in ear.received] == ["after"]
    assert line.sample("stream_frames_total", type="malformed") == 1
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert vars(record).items() >= {"action": "frame_malformed", "robot": line.robot.client_id}.items()
    assert "secret words" not in str(vars(record))


async def test_headers_in_an_unknown_form_are_no_harm(line: Line) -> None:
    _, socket = await line.connect(Ear())
    odd = message("m1")
    odd["headers"] |= {"time": "yesterday", "eventBornTime": None, "novelty": [1]}
    await socket.send(odd)
    assert (await socket.ack())["code"] == 200


async def test_a_ping_without_a_message_id_is_answered(line: Line) -> None:
    _, socket = await line.connect(Ear())
    await socket.send({"type": "SYSTEM", "headers": {"topic": "ping"}, "data": '{"opaque": "o"}'})
    ack = await socket.ack()
    assert (ack["code"], ack["headers"], ack["data"]) == (200, {"contentType": "application/json"}, '{"opaque": "o"}')
