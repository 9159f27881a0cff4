"""Stream connections under supervision: they come back, roll before they break, and say what is wrong."""

import asyncio
import itertools
import json
import logging
from functools import partial
from pathlib import Path

import pytest

from actors.sandbox.rules import Rules
from tests.actors.conftest import Stage, connected, eventually, staged


async def test_a_lost_connection_comes_back_and_answers(stage: Stage) -> None:
    stage.sandbox.abort(stage.robot)
    await stage.sandbox.until(lambda: len(stage.sandbox.connections) == 2)
    await connected(stage)
    await stage.ask("你好")
    await stage.finished()


async def test_after_a_healthy_spell_a_lost_connection_comes_back_at_once(tmp_path: Path) -> None:
    waits = {"STREAM_RETRY_INITIAL": "60", "STREAM_RETRY_MAX": "60", "STREAM_RETRY_RESET_AFTER": "0.2"}
    rules = Rules(first_ping=0.02, ping_interval=0.1)
    async with staged(tmp_path, rules, **waits) as stage:
        await stage.sandbox.until(lambda: len(stage.sandbox.pings) >= 5)
        stage.sandbox.abort(stage.robot)
        await stage.sandbox.until(lambda: len(stage.sandbox.connections) == 2, 20.0)


async def test_a_running_answer_survives_the_loss_of_its_connection(stage: Stage) -> None:
    await stage.ask("10x0.05")
    await stage.sandbox.until(stage.cards)
    stage.sandbox.abort(stage.robot)
    await stage.finished()


async def test_a_rolling_connection_is_overlapped_by_its_successor(stage: Stage) -> None:
    stage.sandbox.roll(stage.robot)
    await stage.sandbox.until(lambda: len(stage.sandbox.connections) == 2)
    assert stage.sandbox.connections[0].closed_at is None


async def test_a_roll_of_a_connection_that_was_never_healthy_waits_its_turn(tmp_path: Path) -> None:
    rules = Rules(first_ping=0.01, ping_interval=0.5, roll_grace=0.1)
    async with staged(tmp_path, rules, STREAM_RETRY_INITIAL="30", STREAM_RETRY_MAX="30") as stage:
        await connected(stage)
        stage.sandbox.roll(stage.robot)
        await stage.sandbox.until(lambda: stage.sandbox.connections[0].closed_at)
        await stage.measures('dingtalk_stream_backoff_seconds{connection="0",{robot}}', 30)
        assert len(stage.sandbox.opens) == 1


async def test_several_connections_are_kept(tmp_path: Path) -> None:
    async with staged(tmp_path, STREAM_CONNECTIONS="3") as stage:
        await connected(stage, 3)
        for number in range(12):
            await stage.ask("你好", sender=f"p{number}")
        for number in range(12):
            await stage.finished(sender=f"p{number}")


async def test_bad_credentials_are_named_by_the_readiness_probe(tmp_path: Path) -> None:
    async with staged(tmp_path, DINGTALK_CLIENT_SECRET="wrong") as stage:

        async def named() -> bool:
            status, body = await stage.get("/readyz")
            return status == 503 and "refused" in json.loads(body)["missing"][0]

        await eventually(named)


async def test_bad_credentials_are_tried_again_without_end_and_never_park_the_robot(tmp_path: Path) -> None:
    async with staged(tmp_path, DINGTALK_CLIENT_SECRET="wrong", STREAM_RESTART_INTENSITY="1") as stage:
        await stage.sandbox.until(lambda: len(stage.sandbox.opens) >= 5)
        assert (await stage.get("/healthz"))[0] == 200


async def test_one_log_line_says_that_the_gateway_refuses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with staged(tmp_path, DINGTALK_CLIENT_SECRET="wrong") as stage:
        await stage.sandbox.until(lambda: len(stage.sandbox.opens) >= 5)
    told = [record for record in caplog.records if "refused" in record.getMessage()]
    assert len(told) == 1


async def test_a_gateway_out_of_reach_is_named_by_the_readiness_probe(tmp_path: Path) -> None:
    async with staged(tmp_path, DINGTALK_OPENAPI_ENDPOINT="http://127.0.0.1:9") as stage:

        async def named() -> bool:
            status, body = await stage.get("/readyz")
            return status == 503 and "unreachable" in json.loads(body)["missing"][0]

        await eventually(named)


async def test_a_gateway_that_comes_back_is_connected_to(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.sandbox.fail("open", status=503, times=4)
        await connected(stage)
        await eventually(stage.ready)


async def test_a_silent_connection_is_replaced(tmp_path: Path) -> None:
    rules = Rules(first_ping=0.01, ping_interval=0.05)
    async with staged(tmp_path, rules, STREAM_SILENCE_TIMEOUT="0.4") as stage:
        await stage.sandbox.until(lambda: len(stage.sandbox.pings) >= 3)
        stage.sandbox.rules.ping_interval = 3600
        await stage.sandbox.until(lambda: len(stage.sandbox.connections) == 2)
        assert await stage.metric('dingtalk_stream_restarts_total{reason="silent",{robot}}') == 1


async def test_a_connection_that_keeps_crashing_ends_the_service_with_70(tmp_path: Path) -> None:
    async with staged(tmp_path, STREAM_RESTART_INTENSITY="2") as stage:
        gateway = stage.service._parts.robots[stage.robot].gateway

        async def crash(listener: object) -> None:
            raise ZeroDivisionError

        gateway.serve = crash  # type: ignore[method-assign]
        stage.sandbox.abort(stage.robot)
        await asyncio.to_thread(stage.service._over.wait, 20)
        assert stage.service._verdict()[0] == 70


async def test_stopping_closes_the_socket_with_a_close_frame(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await connected(stage)
        await stage.ask("你好")
        await stage.finished()
        connection = stage.sandbox.connections[0]
        stage.service.drain()
        await stage.sandbox.until(lambda: connection.closed_at is not None)
        assert connection.close_code == 1000


async def test_a_roll_whose_successor_waits_does_not_look_connected(tmp_path: Path) -> None:
    rules = Rules(first_ping=0.01, ping_interval=0.5, roll_grace=0.1)
    async with staged(tmp_path, rules, STREAM_RETRY_INITIAL="30", STREAM_RETRY_MAX="30") as stage:
        await connected(stage)
        stage.sandbox.roll(stage.robot)

        async def told() -> bool:
            status, body = await stage.get("/readyz")
            return status == 503 and "rolled" in body

        await eventually(told)
        assert await stage.metric('dingtalk_stream_connected{connection="0",{robot}}') == 0


async def test_a_connection_that_is_tried_again_is_not_waiting_any_more(tmp_path: Path) -> None:
    """The gateway cuts the first call off, and holds on to the second."""
    calls = itertools.count(1)

    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n")
        if b"/gateway/" in asked and next(calls) > 1:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(gateway, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = {"DINGTALK_OPENAPI_ENDPOINT": f"http://127.0.0.1:{port}", "STREAM_RETRY_INITIAL": "1"}
        async with staged(tmp_path, **settings, STREAM_RETRY_MAX="1") as stage:

            async def told(state: str, wait: float) -> bool:
                (connection,) = json.loads((await stage.get("/status"))[1])["connections"]
                backoff = await stage.metric('dingtalk_stream_backoff_seconds{connection="0",{robot}}')
                return (connection["state"], backoff) == (state, wait)

            await eventually(partial(told, "waiting", 1))
            await eventually(partial(told, "connecting", 0))
