"""The way to a back end: what goes wrong out there is told by whose fault it is, and no secret goes with it."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from aiohttp import web

from actors.agents import backend as module
from actors.agents.backend import Backend, Refusal, words
from actors.agents.setup import Setup
from actors.agents.streams import LIFE, ServerEvent
from actors.errors import AgentFailed
from actors.redaction import MASK, hide
from actors.variables import Variables
from tests.agents.model_server import HANG, RESET, ModelServer, Reply, streamed, whole
from tests.agents.stories import until

KEY = "app-0123456789abcdef"
hide(KEY)

OfServer = Callable[..., Awaitable[tuple[Backend, ModelServer]]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer().serving() as server:
        yield server


@pytest.fixture
def backend(server: ModelServer, session: aiohttp.ClientSession) -> Backend:
    return at(f"{server.url}/v1/", session)


def at(url: str, session: aiohttp.ClientSession, **settings: str) -> Backend:
    return Backend(Setup(Variables.model_validate(settings), lambda: session), url, {"Authorization": f"Bearer {KEY}"})


async def events_of(backend: Backend) -> list[ServerEvent]:
    async with backend.events("/chat", {"query": "你好"}) as events:
        return [event async for together in events for event in together]


async def failure_of(backend: Backend) -> AgentFailed:
    with pytest.raises(AgentFailed) as caught:
        await events_of(backend)
    return caught.value


async def test_a_question_is_json_below_the_base_url(backend: Backend, server: ModelServer) -> None:
    server.replies = [streamed()]
    await events_of(backend)
    [asked] = server.asked
    assert (asked.path, asked.body) == ("/v1/chat", {"query": "你好"})
    assert (asked.headers["Content-Type"], asked.headers["Authorization"]) == ("application/json", f"Bearer {KEY}")


@pytest.mark.parametrize(
    ("reply", "events"),
    [
        (streamed(": hi\n\ndata: 一\n\n"), [LIFE, ServerEvent("一")]),
        (
            streamed('{"a": 1}\n{"b', '": 2}', kind="application/x-ndjson"),
            [ServerEvent('{"a": 1}'), ServerEvent('{"b": 2}')],
        ),
        (streamed('{"a": 1}\n', kind="application/jsonl"), [ServerEvent('{"a": 1}')]),
        (whole({"a": 1}), [ServerEvent('{"a": 1}', "whole")]),
        (whole('\ufeff{"a": 1}', kind="text/plain"), [ServerEvent('{"a": 1}', "whole")]),
    ],
)
async def test_what_is_streamed_comes_as_events(
    backend: Backend, server: ModelServer, reply: Reply, events: list[ServerEvent]
) -> None:
    server.replies = [reply]
    assert await events_of(backend) == events


@pytest.mark.parametrize(
    ("status", "reason", "retryable"),
    [
        (400, "rejected", False),
        (401, "refused", False),
        (402, "refused", False),
        (403, "refused", False),
        (404, "rejected", False),
        (408, "rejected", True),
        (409, "rejected", True),
        (413, "rejected", False),
        (422, "rejected", False),
        (425, "rejected", True),
        (429, "throttled", True),
        (499, "rejected", False),
        (500, "unavailable", True),
        (503, "unavailable", True),
        (529, "unavailable", True),
    ],
)
async def test_a_status_tells_whose_fault_it_is(
    backend: Backend, server: ModelServer, status: int, reason: str, retryable: bool
) -> None:
    server.replies = [whole({"code": "no_way", "message": "not so"}, status)]
    failure = await failure_of(backend)
    assert (failure.reason, failure.retryable) == (reason, retryable)
    assert failure.detail == f"HTTP {status}: not so (no_way)"
    assert isinstance(failure, Refusal)
    assert (failure.status, failure.body["code"]) == (status, "no_way")


async def test_a_redirect_is_not_followed_with_the_key(backend: Backend, server: ModelServer) -> None:
    server.replies = [whole("", 308, Location="https://other.example/v1")]
    failure = await failure_of(backend)
    assert (failure.reason, failure.retryable, len(server.asked)) == ("rejected", False, 1)
    assert failure.detail == "HTTP 308: it redirects to https://other.example/v1, set that address instead"


@pytest.mark.parametrize("body", ["<html>Bad Gateway</html>", "", "[1]", "null", '{"message": null}', "[" * 100_000])
async def test_a_refusal_needs_no_words(backend: Backend, server: ModelServer, body: str) -> None:
    server.replies = [whole(body, 502, "text/html")]
    assert (await failure_of(backend)).detail == "HTTP 502"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("soon", None), ("", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
async def test_how_long_to_wait_is_read(
    backend: Backend, server: ModelServer, told: str, seconds: float | None
) -> None:
    server.replies = [whole({}, 429, Retry_After=told)]
    assert (await failure_of(backend)).retry_after == seconds


async def test_a_date_to_wait_for_is_seconds_from_now(backend: Backend, server: ModelServer) -> None:
    told = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    server.replies = [whole({}, 503, Retry_After=told)]
    retry_after = (await failure_of(backend)).retry_after
    assert retry_after is not None
    assert 500 < retry_after <= 600


@pytest.mark.parametrize("told", ["nan", "inf", "1e999"])
async def test_no_number_is_no_time_to_wait(backend: Backend, server: ModelServer, told: str) -> None:
    server.replies = [whole({}, 429, Retry_After=told)]
    assert (await failure_of(backend)).retry_after is None


@pytest.mark.parametrize(("body", "kind"), [("<html>", "text/html"), ("[1]", "application/json"), ("", "text/plain")])
async def test_a_reply_of_another_kind_asks_about_the_address(
    backend: Backend, server: ModelServer, body: str, kind: str
) -> None:
    server.replies = [whole(body, kind=kind)]
    failure = await failure_of(backend)
    assert (failure.reason, kind in failure.detail) == ("error", True)
    assert "is this the right address?" in failure.detail


@pytest.mark.parametrize(
    "reply",
    [
        streamed("data: 一\n\n", RESET),
        streamed('{"a": 1}\n', RESET, kind="application/x-ndjson"),
        streamed('{"a"', RESET, kind="application/json"),
    ],
)
async def test_a_connection_that_breaks_is_a_torn_reply(backend: Backend, server: ModelServer, reply: Reply) -> None:
    server.replies = [reply]
    failure = await failure_of(backend)
    assert (failure.reason, failure.retryable) == ("truncated", True)


async def test_a_connection_that_breaks_before_a_reply_is_unreachable(backend: Backend, server: ModelServer) -> None:
    async def reset(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.abort()
        return web.Response()

    server.replies = [reset]
    assert (await failure_of(backend)).reason == "unreachable"


async def test_nobody_there_is_unreachable(session: aiohttp.ClientSession) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        failure = await failure_of(at(f"http://127.0.0.1:{port}", session))
    assert (failure.reason, failure.retryable) == ("unreachable", True)
    assert str(port) in failure.detail


async def test_a_name_that_does_not_exist_is_unreachable(session: aiohttp.ClientSession) -> None:
    assert (await failure_of(at("http://no-such-host.invalid", session))).reason == "unreachable"


async def test_who_speaks_no_http_is_told_apart(session: aiohttp.ClientSession) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as other:
        url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        failure = await failure_of(at(url, session))
    assert (failure.reason, "no HTTP reply" in failure.detail) == ("unavailable", True)


async def test_a_connection_that_does_not_come_is_given_up(session: aiohttp.ClientSession) -> None:
    """A socket that listens and whose queue is full lets nobody in."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(8)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(address)
            url = f"http://127.0.0.1:{address[1]}"
            failure = await failure_of(at(url, session, AGENT_CONNECT_TIMEOUT="0.2"))
        finally:
            for one in waiting:
                one.close()
    assert (failure.reason, failure.detail) == ("connect_timeout", "no connection within 0.2 s")


async def test_the_connect_clock_does_not_wait_for_a_reply(server: ModelServer, session: aiohttp.ClientSession) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.5)
        return await streamed("data: 一\n\n")(request)

    server.replies = [slow]
    assert await events_of(at(server.url, session, AGENT_CONNECT_TIMEOUT="0.25")) == [ServerEvent("一")]


@pytest.mark.parametrize("kind", ["text/event-stream", "application/x-ndjson", "application/json"])
async def test_a_reply_without_end_is_given_up(
    backend: Backend, server: ModelServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(module, "LONGEST_REPLY", 10_000)
    monkeypatch.setattr("actors.agents.streams.LONGEST", 10_000)
    server.replies = [streamed(*["data: " + "x" * 1000] * 50, HANG, kind=kind)]
    failure = await failure_of(backend)
    assert (failure.reason, failure.retryable) == ("error", False)
    await server.asked[0].over.wait()


async def test_a_refusal_without_end_is_given_up(
    backend: Backend, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_REPLY", 10_000)
    server.replies = [whole("x" * 50_000, 500)]
    assert (await failure_of(backend)).detail == "HTTP 500"


# Calls


async def test_a_call_gives_the_object_that_is_replied(backend: Backend, server: ModelServer) -> None:
    server.replies = [whole({"result": "success"})]
    assert await backend.call("POST", "/stop", within=20, json={"user": "u"}) == {"result": "success"}
    assert server.asked[0].body == {"user": "u"}


async def test_a_call_is_not_waited_for_longer_than_it_may_take(backend: Backend, server: ModelServer) -> None:
    server.replies = [streamed("{", HANG, kind="application/json")]
    with pytest.raises(AgentFailed, match=r"unavailable: /stop: no reply within 0\.2 s"):
        await backend.call("POST", "/stop", within=0.2)


async def test_a_call_beside_goes_on_when_its_answer_is_over(backend: Backend, server: ModelServer) -> None:
    server.replies = [whole({})]
    backend.beside("stop", backend.call("POST", "/stop", within=20))
    await backend.close()
    assert [asked.path for asked in server.asked] == ["/v1/stop"]


async def test_a_call_beside_that_fails_is_logged(
    backend: Backend, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.replies = [whole({"message": f"{KEY} is no key"}, 401)]
    backend.beside("stop", backend.call("POST", "/stop", within=20))
    await until(lambda: bool(caplog.records))
    assert caplog.messages == [f"stop failed: refused: HTTP 401: {MASK} is no key"]


async def test_a_call_beside_is_bounded(
    backend: Backend, server: ModelServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "BESIDE_WITHIN", 0.1)
    server.replies = [streamed(HANG)]
    backend.beside("stop", backend.call("POST", "/stop", within=20))
    await until(lambda: bool(caplog.records))
    assert caplog.messages == ["stop failed: time-out"]


# Secrets


@pytest.mark.parametrize(
    "reply",
    [
        whole({"message": f"no {KEY}"}, 401),
        whole({"error": f"Bearer {KEY}"}, 500),
        whole("", 302, Location=f"https://example.com/{KEY}"),
        whole({"message": "x" * 290 + KEY}, 400),
        whole(f"<{KEY}>", kind="text/html"),
        streamed(f"data: {KEY}\n\n", RESET),
    ],
)
async def test_a_key_that_is_echoed_is_nowhere(
    backend: Backend, server: ModelServer, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.replies = [reply]
    failure = await failure_of(backend)
    assert KEY[:8] not in failure.detail + str(failure) + caplog.text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"error": {"message": "m", "code": "c"}}, "m (c)"),
        ({"error": {"message": "m", "code": None}}, "m"),
        ({"error": "m"}, "m"),
        ({"code": 40001, "message": "m"}, "m (40001)"),
        ({"code": 1, "msg": "m"}, "m"),
        ({"errcode": 1, "errmsg": "m"}, "m"),
        ({"detail": "m"}, "m"),
        ({"detail": [{"msg": "m"}]}, ""),
        ({"error": {}}, ""),
        ({}, ""),
        (None, ""),
        ("a\n b", "a b"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_an_error_has_many_shapes(error: object, said: str) -> None:
    assert words(error) == said


def test_a_body_may_hold_half_a_character() -> None:
    assert json.loads(module._encoded({"query": "\ud83d好"})) == {"query": "?好"}
