"""One connection's life over a real WebSocket: what it tells, how it ends, what outlives it."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from actors.dingtalk.port import Callback
from actors.errors import ConnectionTrouble
from tests.dingtalk.gateway_script import (
    PATIENCE,
    Ear,
    Json,
    Line,
    Socket,
    click,
    disconnect,
    event,
    frame,
    message,
    ping,
    scripted_line,
    until,
)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with scripted_line() as line:
        yield line


async def trouble(life: asyncio.Task[None]) -> ConnectionTrouble:
    """The trouble that a connection's life ends with."""
    with pytest.raises(ConnectionTrouble) as caught:
        async with asyncio.timeout(PATIENCE):
            await life
    return caught.value


def working() -> set[str]:
    """The coroutines of this package and of the client's WebSocket that still run."""
    files = {getattr(task.get_coro(), "cr_code").co_filename for task in asyncio.all_tasks()}  # noqa: B009
    return {file for file in files if "/actors/" in file or "/websockets/" in file}


# What it tells


async def test_the_listener_is_told_of_the_handshake_and_once_of_the_first_frame(line: Line) -> None:
    ear = Ear()
    _, socket = await line.connect(ear)
    await until(lambda: ear.told)
    assert ear.told == ["opened"]
    await socket.send(ping("p1"), ping("p2"))
    await socket.acks(2)
    assert ear.told == ["opened", "healthy"]


async def test_frames_are_counted_by_type(line: Line) -> None:
    life, socket = await line.connect(Ear())
    other = frame("SYSTEM", "KEEPALIVE", "x", {})
    await socket.send(ping("p1"), message("m1"), click("c1"), event("e1"), b"torn", other, disconnect())
    await socket.close()
    await life
    kinds = ("ping", "callback", "event", "malformed", "other", "disconnect")
    counted = [line.sample("stream_frames_total", type=kind) for kind in kinds]
    assert counted == [1, 2, 1, 1, 1, 1]


async def test_the_ack_time_is_measured_for_robot_messages_and_clicks_apart(line: Line) -> None:
    life, socket = await line.connect(Ear())
    await socket.send(ping("p1"), click("c1"), event("e1"), message("m1"), message("m2"))
    await socket.acks(5)
    life.cancel()
    await asyncio.wait([life])
    assert (line.sample("ack_seconds_count"), line.sample("click_ack_seconds_count")) == (2, 1)


@pytest.mark.parametrize(("sent", "metric"), [(message("m1"), "ack_seconds"), (click("c1"), "click_ack_seconds")])
async def test_the_ack_time_runs_from_the_frame_to_its_ack(line: Line, sent: Json, metric: str) -> None:
    now = 100.0

    async def answer(callback: Callback) -> Json:
        nonlocal now
        now += 1.5
        return {}

    life, socket = await line.connect(Ear(answer), clock=lambda: now)
    await socket.send(sent)
    await socket.ack()
    life.cancel()
    await asyncio.wait([life])
    assert line.sample(f"{metric}_sum") == 1.5


# How it ends


@pytest.mark.parametrize(("code", "reason"), [(1000, "closed"), (1001, "closed"), (1011, "lost"), (4000, "lost")])
async def test_a_close_without_notice_is_trouble(line: Line, code: int, reason: str) -> None:
    life, socket = await line.connect(Ear())
    await socket.close(code)
    assert (await trouble(life)).reason == reason


async def test_an_abort_is_a_lost_connection(line: Line) -> None:
    life, socket = await line.connect(Ear())
    socket.abort()
    assert (await trouble(life)).reason == "lost"


async def test_messages_sent_right_before_a_close_are_received(line: Line) -> None:
    ear = Ear()
    life, socket = await line.connect(ear)
    await socket.send(*(message(f"m{n}") for n in range(100)))
    await socket.close()
    await trouble(life)
    await until(lambda: len(ear.received) == 100)


async def test_silence_after_two_pings_is_trouble(line: Line) -> None:
    life, socket = await line.connect(Ear(), silence_timeout=0.05)
    await socket.send(ping("p1"), ping("p2"))
    assert (await trouble(life)).reason == "silent"
    assert await socket.ended() == 1000


async def test_a_connection_that_never_said_anything_is_given_up_some_day(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.dingtalk.frames.UNKNOWN_INTERVAL", 0.05)
    life, _ = await line.connect(Ear(), silence_timeout=0.02)
    assert (await trouble(life)).reason == "silent"


async def test_frames_of_any_type_end_a_silence(line: Line) -> None:
    life, socket = await line.connect(Ear(), silence_timeout=1.0)
    await socket.send(ping("p1"), ping("p2"))
    await socket.acks(2)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while loop.time() < begun + 1.5:
        await socket.send(event("e"))
        await socket.ack()
    assert not life.done()


async def test_a_roll_is_announced_while_the_old_socket_is_still_read(line: Line) -> None:
    ear = Ear()
    life, socket = await line.connect(ear)
    await socket.send(disconnect("persistent connection is timeout"), message("m1"), ping("p1"))
    assert set(await socket.acks(2)) == {"m1", "p1"}
    assert ear.told == ["opened", "healthy", "rolling: persistent connection is timeout"]
    assert not life.done()


async def test_a_roll_is_announced_once(line: Line) -> None:
    ear = Ear()
    _, socket = await line.connect(ear)
    await socket.send(disconnect("first"), disconnect("second"), ping("p1"))
    await socket.ack()
    assert ear.told == ["opened", "healthy", "rolling: first"]


@pytest.mark.parametrize("data", ["{}", "[1]", '{"reason": null}', "", "{torn"])
async def test_a_roll_needs_no_reason(line: Line, data: str) -> None:
    ear = Ear()
    _, socket = await line.connect(ear)
    await socket.send({"type": "SYSTEM", "headers": {"topic": "disconnect"}, "data": data}, ping("p1"))
    await socket.ack()
    assert ear.told[-1] == "rolling: "


@pytest.mark.parametrize("end", [lambda socket: socket.close(), lambda socket: socket.close(1011)])
async def test_a_rolled_connection_ends_in_peace_when_the_gateway_closes_it(
    line: Line, end: Callable[[Socket], Any]
) -> None:
    life, socket = await line.connect(Ear())
    await socket.send(disconnect())
    await end(socket)
    async with asyncio.timeout(PATIENCE):
        await life


async def test_a_rolled_connection_ends_in_peace_when_the_gateway_cuts_it(line: Line) -> None:
    ear = Ear()
    life, socket = await line.connect(ear)
    await socket.send(disconnect())
    await until(lambda: len(ear.told) == 3)
    socket.abort()
    async with asyncio.timeout(PATIENCE):
        await life


async def test_a_rolled_connection_that_nobody_closes_is_closed_with_a_close_frame(line: Line) -> None:
    life, socket = await line.connect(Ear(), roll_timeout=0.05)
    await socket.send(disconnect())
    async with asyncio.timeout(PATIENCE):
        await life
    assert await socket.ended() == 1000


async def test_a_cancelled_connection_closes_with_a_close_frame(line: Line) -> None:
    life, socket = await line.connect(Ear())
    await socket.send(ping("p1"))
    await socket.ack()
    life.cancel()
    with pytest.raises(asyncio.CancelledError):
        await life
    assert await socket.ended() == 1000


async def test_a_message_in_work_is_acked_before_a_cancelled_connection_closes(line: Line) -> None:
    begun, stored = asyncio.Event(), asyncio.Event()

    async def answer(callback: Callback) -> Json:
        begun.set()
        await stored.wait()
        return {}

    life, socket = await line.connect(Ear(answer), close_timeout=PATIENCE)
    await socket.send(message("m1"))
    await begun.wait()
    life.cancel()
    await asyncio.sleep(0)
    stored.set()
    assert (await socket.ack())["headers"]["messageId"] == "m1"
    await asyncio.wait([life])
    assert await socket.ended() == 1000


async def test_a_message_that_comes_while_a_cancelled_connection_winds_up_is_acked_too(line: Line) -> None:
    begun, stored = asyncio.Event(), asyncio.Event()

    async def answer(callback: Callback) -> Json:
        begun.set()
        await stored.wait()
        return {}

    ear = Ear(answer)
    life, socket = await line.connect(ear, close_timeout=PATIENCE)
    await socket.send(message("m1"))
    await begun.wait()
    life.cancel()
    await socket.send(message("m2"))
    await until(lambda: len(ear.received) == 2)
    stored.set()
    assert {(await socket.ack())["headers"]["messageId"] for _ in range(2)} == {"m1", "m2"}
    await asyncio.wait([life])
    assert await socket.ended() == 1000


async def test_messages_that_came_before_a_cancelled_connection_read_them_are_received(line: Line) -> None:
    ear = Ear()
    life, socket = await line.connect(ear)
    await socket.send(ping("p1"))
    await socket.ack()
    await socket.send(*(message(f"m{n}") for n in range(100)))
    life.cancel()
    await asyncio.wait([life])
    await until(lambda: len(ear.received) == 100)


async def test_a_message_that_takes_too_long_does_not_hold_up_a_cancelled_connection(line: Line) -> None:
    begun, stored, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(callback: Callback) -> Json:
        begun.set()
        await stored.wait()
        done.set()
        return {}

    life, socket = await line.connect(Ear(answer), close_timeout=2.0)
    await socket.send(message("m1"))
    await begun.wait()
    life.cancel()
    await asyncio.wait([life], timeout=PATIENCE)
    assert life.cancelled()
    assert await socket.ended() == 1000
    stored.set()
    async with asyncio.timeout(PATIENCE):
        await done.wait()


async def test_a_peer_that_answers_no_close_frame_is_cut_off(line: Line) -> None:
    line.platform.deaf = True
    life, _ = await line.connect(Ear(), close_timeout=0.1)
    life.cancel()
    await asyncio.wait([life], timeout=PATIENCE)
    assert life.cancelled()


async def test_a_second_cancellation_does_not_wait_for_the_goodbye(line: Line) -> None:
    line.platform.deaf = True
    ear = Ear()
    life, _ = await line.connect(ear, close_timeout=3600.0)
    await until(lambda: ear.told)
    life.cancel()
    await asyncio.sleep(0)
    life.cancel()
    await asyncio.wait([life], timeout=PATIENCE)
    assert life.cancelled()
    await until(lambda: not working())


async def test_a_listener_that_fails_when_told_ends_the_connection_with_a_close_frame(line: Line) -> None:
    class Broken(Ear):
        def healthy(self) -> None:
            raise RuntimeError("a bug")

    life, socket = await line.connect(Broken())
    await socket.send(ping("p1"))
    with pytest.raises(RuntimeError, match="a bug"):
        await life
    assert await socket.ended() == 1000


# What outlives it


async def test_a_message_in_work_outlives_its_socket(line: Line) -> None:
    waiting: list[weakref.ref[asyncio.Future[None]]] = []
    stored = asyncio.Event()

    async def answer(callback: Callback) -> Json:
        hold: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(weakref.ref(hold))
        await hold
        stored.set()
        return {}

    gateway = line.gateway()  # lives as long as the service
    life, socket = await line.connect(Ear(answer), gateway)
    await socket.send(message("m1"))
    await until(lambda: waiting)
    socket.abort()
    await trouble(life)
    del life
    line.lives.clear()
    await asyncio.sleep(0)  # the loop, too, lets go of the ended life, whose traceback holds on to everything
    gc.collect()
    hold = waiting[0]()
    assert hold is not None, "the message in work was collected as garbage"
    hold.set_result(None)
    async with asyncio.timeout(PATIENCE):
        await stored.wait()


async def test_an_ack_never_goes_to_a_later_socket(line: Line) -> None:
    begun, stored = asyncio.Event(), asyncio.Event()

    async def answer(callback: Callback) -> Json:
        if callback.message_id == "old":
            begun.set()
            await stored.wait()
        return {}

    ear = Ear(answer)
    gateway = line.gateway()
    first, old_socket = await line.connect(ear, gateway)
    await old_socket.send(message("old"))
    await begun.wait()
    old_socket.abort()
    await trouble(first)
    _, new_socket = await line.connect(ear, gateway)
    stored.set()
    await new_socket.send(message("new"), ping("p1"))
    assert set(await new_socket.acks(2)) == {"new", "p1"}


async def test_two_connections_of_one_gateway_live_side_by_side(line: Line) -> None:
    gateway = line.gateway()
    (_, one), (_, other) = await line.connect(Ear(), gateway), await line.connect(Ear(), gateway)
    await one.send(ping("p1"))
    await other.send(ping("p2"))
    assert [(await socket.ack())["headers"]["messageId"] for socket in (one, other)] == ["p1", "p2"]
    assert one.ticket != other.ticket


async def test_nothing_is_left_running_when_a_connection_has_ended(line: Line) -> None:
    life, socket = await line.connect(Ear())
    await socket.send(*(message(f"m{n}") for n in range(20)))
    await socket.acks(20)
    assert working()
    socket.abort()
    await trouble(life)
    await until(lambda: not working())
