"""How a connection is had and refused, and that neither secret nor ticket is ever written down."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import web
from dingtalk_stream.chatbot import ChatbotMessage
from dingtalk_stream.handlers import CallbackHandler

import actors
from actors.dingtalk.ban import Ban
from actors.dingtalk.port import CARD_TOPIC, MESSAGE_TOPIC
from actors.errors import ConnectionTrouble
from tests.dingtalk.conftest import Clock, Kept
from tests.dingtalk.gateway_script import (
    PATIENCE,
    SECRET,
    TICKET,
    Ear,
    Line,
    disconnect,
    message,
    ping,
    scripted_line,
)

NOBODY = "127.0.0.1:1"
"""Where nothing listens."""


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with scripted_line() as line:
        yield line


async def failed(line: Line, open_timeout: float = PATIENCE) -> ConnectionTrouble:
    """The trouble that a robot meets when it cannot connect."""
    ear = Ear()
    with pytest.raises(ConnectionTrouble) as caught:
        await line.gateway(open_timeout=open_timeout).serve(ear)
    assert ear.told == []
    return caught.value


def answering(status: int, body: object, **headers: str) -> Callable[[], Awaitable[web.StreamResponse]]:
    async def answer() -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers=headers)

    return answer


async def never() -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_ticket_is_asked_for_robot_messages_and_card_clicks(line: Line) -> None:
    await line.connect(Ear())
    assert line.platform.opens == [
        {
            "clientId": line.robot.client_id,
            "clientSecret": SECRET,
            "subscriptions": [
                {"type": "CALLBACK", "topic": MESSAGE_TOPIC},
                {"type": "CALLBACK", "topic": CARD_TOPIC},
            ],
            "ua": f"dingtalk-actors/{actors.__version__}",
        }
    ]
    assert line.platform.accepts == ["application/json"]


def test_the_topics_are_those_of_the_sdk() -> None:
    topics = (ChatbotMessage.TOPIC, CallbackHandler.TOPIC_CARD_CALLBACK)
    assert topics == (MESSAGE_TOPIC, CARD_TOPIC)


async def test_a_refusal_that_quotes_the_secret_is_told_without_any_part_of_it(line: Line) -> None:
    line.platform.refusal = answering(401, {"code": "authFailed", "message": f"{'x' * 190}{SECRET} is wrong"})
    assert SECRET[:5] not in str(await failed(line))


@pytest.mark.parametrize("query", ["", "?region=cn"])
async def test_a_ticket_arrives_whole_whatever_is_in_it(line: Line, query: str) -> None:
    ticket = "a b/c+d&e=f?g#h%20"
    line.platform.answer = {"ticket": ticket, "endpoint": f"{line.platform.url.replace('http', 'ws')}/connect{query}"}
    _, connection = await line.connect(Ear())
    assert connection.ticket == ticket


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"requestid": "ED20", "code": "authFailed", "message": "鉴权失败"}),
        (400, {"requestid": "ED20", "code": "invalidClientIdOrSecret", "message": "无效的clientId或者clientSecret"}),
        (400, {"requestid": "ED20", "code": "InvalidAuthentication", "message": "不合法的access_token"}),
        (401, {}),
    ],
)
async def test_wrong_credentials_are_refused(line: Line, status: int, body: object) -> None:
    line.platform.refusal = answering(status, body)
    assert (await failed(line)).reason == "refused"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"requestid": "ED20", "code": "systemError", "message": "系统错误"}),
        (403, {"code": "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "message": "too fast"}),
        (503, {"code": "ServiceUnavailable"}),
        (502, "<html>Bad Gateway</html>"),
        (400, "<html>The plain HTTP request was sent to HTTPS port</html>"),
        (200, "<html>log in here</html>"),
        (200, "[" * 100_000),
        (200, {}),
        (200, ["wss://elsewhere", "ticket"]),
        (200, {"endpoint": "ws://127.0.0.1/connect"}),
        (200, {"ticket": TICKET}),
        (200, {"endpoint": None, "ticket": {"a": 1}}),
        (200, {"endpoint": "https://127.0.0.1/", "ticket": TICKET}),
        (200, {"endpoint": "ws://127.0.0.1:port/", "ticket": TICKET}),
        (200, {"endpoint": "not an address", "ticket": TICKET}),
    ],
)
async def test_an_answer_that_is_no_invitation_means_unavailable(line: Line, status: int, body: object) -> None:
    line.platform.refusal = answering(status, body)
    assert (await failed(line)).reason == "unavailable"


async def test_trouble_names_code_and_message_of_the_gateway(line: Line) -> None:
    line.platform.refusal = answering(401, {"code": "authFailed", "message": "鉴权失败"})
    assert (await failed(line)).detail == "HTTP 401, authFailed: 鉴权失败"


async def test_the_secret_follows_no_redirect(line: Line) -> None:
    line.platform.refusal = answering(307, "", Location="/v1.0/gateway/connections/open")
    assert (await failed(line)).reason == "unavailable"
    assert len(line.platform.opens) == 1


async def test_a_gateway_that_is_not_there_is_unreachable(line: Line) -> None:
    line.robot = replace(line.robot, endpoint=f"http://{NOBODY}")
    assert (await failed(line)).reason == "unreachable"


async def test_a_gateway_that_says_nothing_is_unreachable(line: Line) -> None:
    line.platform.refusal = never
    trouble = await failed(line, open_timeout=0.1)
    place = line.platform.url.removeprefix("http://")
    assert (trouble.reason, trouble.detail) == ("unreachable", f"{place}: no answer within 0.1 s")


async def test_a_handshake_that_is_refused_means_unavailable(line: Line) -> None:
    line.platform.handshake = 400
    trouble = await failed(line)
    assert (trouble.reason, trouble.detail) == ("unavailable", "the handshake was answered with HTTP 400")


async def test_an_endpoint_that_is_not_there_is_unreachable(line: Line) -> None:
    line.platform.answer["endpoint"] = f"ws://{NOBODY}/connect"
    assert (await failed(line)).reason == "unreachable"


async def test_a_handshake_that_is_never_answered_is_unreachable(line: Line) -> None:
    line.platform.handshake_hangs = True
    trouble = await failed(line, open_timeout=0.3)
    place = line.platform.url.removeprefix("http://")
    assert (trouble.reason, trouble.detail) == ("unreachable", f"{place}: no answer within 0.3 s")


async def test_an_endpoint_that_hangs_up_is_unreachable(line: Line) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        line.platform.answer["endpoint"] = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/connect"
        assert (await failed(line)).reason == "unreachable"


BAN_PAGES = [
    {"status": 1111, "wait": 5, "source": "x5", "punish": "deny"},
    '<html><script>{"status":1111,"punish":"deny"}</script></html>',
]


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("page", BAN_PAGES, ids=["json", "html"])
async def test_a_banned_address_means_unavailable_and_is_told(line: Line, status: int, page: object) -> None:
    line.platform.refusal = answering(status, page)
    trouble = await failed(line)
    assert trouble.reason == "unavailable"
    assert "DingTalk turns this IP address away for 5 minutes" in trouble.detail


async def test_while_the_address_is_banned_the_gateway_is_not_asked(line: Line) -> None:
    line.platform.refusal = answering(403, BAN_PAGES[0])
    await failed(line)
    trouble = await failed(line)
    assert (trouble.reason, trouble.detail.partition(":")[0]) == ("unavailable", "not asked")
    assert len(line.platform.opens) == 1


async def test_after_five_minutes_the_gateway_is_asked_again(line: Line) -> None:
    clock = Clock()
    line.ban = Ban(clock)
    line.platform.refusal = answering(403, BAN_PAGES[0])
    await failed(line)
    clock.now, line.platform.refusal = 300.0, None
    await line.connect(Ear())
    assert len(line.platform.opens) == 2


def only(secret: str, line: Line) -> Callable[[], Awaitable[web.StreamResponse]]:
    """A gateway that takes this secret and no other."""

    async def answer() -> web.StreamResponse:
        if line.platform.opens[-1]["clientSecret"] != secret:
            return web.json_response({"code": "authFailed", "message": "鉴权失败"}, status=401)
        url = line.platform.url.replace("http", "ws")
        return web.json_response({"endpoint": f"{url}/connect", "ticket": TICKET})

    return answer


async def test_a_secret_that_is_refused_is_looked_up_and_the_new_one_is_used_at_once(line: Line) -> None:
    line.robot = replace(line.robot, client_secret=Kept("old", "new"))
    line.platform.refusal = only("new", line)
    await line.connect(Ear())
    assert [asked["clientSecret"] for asked in line.platform.opens] == ["old", "new"]


@pytest.mark.parametrize("kept", ["old", "new"])
async def test_a_secret_is_looked_up_only_once_for_one_connection(line: Line, kept: str) -> None:
    secret = Kept("old", kept)
    line.robot = replace(line.robot, client_secret=secret)
    line.platform.refusal = only("newer", line)
    assert (await failed(line)).reason == "refused"
    assert (secret.looks, len(line.platform.opens)) == (1, 2 if kept == "new" else 1)


async def test_no_secret_is_looked_up_for_other_trouble(line: Line) -> None:
    secret = Kept("old", "new")
    line.robot = replace(line.robot, client_secret=secret)
    line.platform.refusal = answering(503, {"code": "ServiceUnavailable"})
    await failed(line)
    assert secret.looks == 0


@pytest.mark.parametrize("stage", ["ticket", "handshake"])
async def test_a_cancelled_opening_ends_at_once(line: Line, stage: str) -> None:
    line.platform.refusal = never if stage == "ticket" else None
    line.platform.handshake_hangs = True
    ear = Ear()
    life = line.start(line.gateway(open_timeout=3600.0, close_timeout=3600.0), ear)
    async with asyncio.timeout(PATIENCE):
        await (line.platform.greeted if stage == "handshake" else line.platform.asked).wait()
    life.cancel()
    await asyncio.wait([life], timeout=PATIENCE)
    assert life.cancelled()
    assert ear.told == []


async def test_neither_secret_nor_ticket_is_ever_logged(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    life, connection = await line.connect(Ear())
    await connection.send(ping("p1"), b"torn", message("m1", "words of a person"), disconnect())
    await connection.acks(3)
    await connection.close()
    await life
    logged = "\n".join(str(vars(record)) + record.getMessage() for record in caplog.records)
    assert "frame_malformed" in logged
    assert all(hidden not in logged for hidden in (SECRET, TICKET, "words of a person"))


@pytest.mark.parametrize(
    "endpoint",
    ["https://127.0.0.1/", "ws://127.0.0.1:port/", "ws://user@127.0.0.1:1/#fragment", "redirecting", "refusing"],
)
async def test_neither_secret_nor_ticket_stands_in_the_trace_of_a_trouble(line: Line, endpoint: str) -> None:
    match endpoint:
        case "redirecting":
            line.platform.redirect = f"http://127.0.0.1/?ticket={TICKET}"
        case "refusing":
            line.platform.handshake = 403
        case _:
            line.platform.answer["endpoint"] = endpoint
    trace = "".join(traceback.format_exception(await failed(line)))
    assert "ConnectionTrouble" in trace
    assert all(hidden not in trace for hidden in (SECRET, TICKET))


def test_the_loggers_of_the_sdk_are_left_alone() -> None:
    names = [name for name in logging.root.manager.loggerDict if name.startswith("dingtalk_stream")]
    assert [name for name in names if logging.getLogger(name).handlers] == []
