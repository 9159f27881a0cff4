"""A gateway on 127.0.0.1 that does what a test tells it, frame by frame, and speaks only the wire protocol.

It has no opinion: what it answers, sends, ignores and breaks is the test's script. Beside it stand `Ear`, a listener
that writes down what it is told, and `Line`, which holds all that a test of a connection needs.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web
from prometheus_client import REGISTRY

from actors.core.proxies import Proxies
from actors.core.robot import FixedSecret, Robot
from actors.dingtalk.ban import Ban
from actors.dingtalk.gateway import StreamGateway
from actors.dingtalk.network import Network, trusting
from actors.dingtalk.port import CARD_TOPIC, MESSAGE_TOPIC, Callback

PATIENCE = 20.0
"""Seconds after which a test that waits for something has failed."""

Json = dict[str, Any]

SECRET = "a-very-secret-secret"
TICKET = "7724109a-ea43-4aa2-b803-87d82c5aaee6"
"""Every ticket begins with this."""


class Ear:
    """A listener. `told` is what it heard, in order; `answer` decides what `receive` does."""

    def __init__(self, answer: Callable[[Callback], Awaitable[Json | None]] | None = None) -> None:
        self.told: list[str] = []
        self.received: list[Callback] = []
        self._answer = answer

    def opened(self) -> None:
        self.told.append("opened")

    def healthy(self) -> None:
        self.told.append("healthy")

    def rolling(self, reason: str) -> None:
        self.told.append(f"rolling: {reason}")

    async def receive(self, callback: Callback) -> Json | None:
        self.received.append(callback)
        return {"response": None} if self._answer is None else await self._answer(callback)


class Socket:
    """The gateway's end of one connection."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        self.ticket = request.query["ticket"]
        self.closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._ws = ws
        self._request = request
        self._acks: asyncio.Queue[Json] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None

    async def send(self, *frames: Json | bytes) -> None:
        """Send frames, each as one text message; bytes go out as they are."""
        for frame in frames:
            raw = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
            await self._ws.send_frame(raw, WSMsgType.TEXT)

    async def ack(self) -> Json:
        """The next ack."""
        async with asyncio.timeout(PATIENCE):
            return await self._acks.get()

    async def acks(self, count: int) -> dict[str | None, Json]:
        """The next `count` acks by message id."""
        got = [await self.ack() for _ in range(count)]
        return {ack["headers"].get("messageId"): ack for ack in got}

    async def close(self, code: int = 1000) -> None:
        """The closing handshake, begun here."""
        assert self._reading is not None
        self._reading.cancel()  # a close beside a running read would cut the connection instead
        await asyncio.wait([self._reading])
        await self._ws.close(code=code)
        self.closed.set_result(None)

    def abort(self) -> None:
        assert self._request.transport is not None
        self._request.transport.abort()

    async def ended(self) -> int | None:
        """The close code that came from the client; None for an end without a close frame."""
        async with asyncio.timeout(PATIENCE):
            return await asyncio.shield(self.closed)

    def read(self) -> None:
        """Collect acks until one side ends the connection."""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (message := await self._ws.receive()).type is WSMsgType.TEXT:
            self._acks.put_nowait(json.loads(message.data))
        self.closed.set_result(message.data if message.type is WSMsgType.CLOSE else None)


class ScriptedGateway:
    """Hands out tickets and takes connections.

    `answer` overrides fields of the ticket, `refusal` is answered instead of one. `handshake` is a status that refuses
    the handshake, `redirect` an address to send it to. `deaf` sockets read nothing, and so answer no close frame.
    """

    def __init__(self) -> None:
        self.url = ""
        self.opens: list[Json] = []
        self.accepts: list[str | None] = []
        self.answer: Json = {}
        self.refusal: Callable[[], Awaitable[web.StreamResponse]] | None = None
        self.handshake: int | None = None
        self.redirect = ""
        self.handshake_hangs = False
        self.deaf = False
        self.asked = asyncio.Event()
        self.greeted = asyncio.Event()
        self.stop = asyncio.Event()
        self._sockets: asyncio.Queue[Socket] = asyncio.Queue()

    async def socket(self) -> Socket:
        """The next connection."""
        async with asyncio.timeout(PATIENCE):
            return await self._sockets.get()

    async def open(self, request: web.Request) -> web.StreamResponse:
        self.opens.append(await request.json())
        self.accepts.append(request.headers.get("Accept"))
        self.asked.set()
        if self.refusal is not None:
            return await self.refusal()
        ticket = f"{TICKET}-{len(self.opens)}"
        return web.json_response(
            {"endpoint": self.url.replace("http", "ws") + "/connect", "ticket": ticket} | self.answer
        )

    async def connect(self, request: web.Request) -> web.StreamResponse:
        self.greeted.set()
        if self.handshake is not None:
            return web.Response(status=self.handshake)
        if self.redirect:
            return web.Response(status=302, headers={"Location": self.redirect})
        if self.handshake_hangs:
            await self.stop.wait()
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        socket = Socket(ws, request)
        if not self.deaf:
            socket.read()
        self._sockets.put_nowait(socket)
        await (self.stop.wait() if self.deaf else asyncio.shield(socket.closed))
        return ws


class Line:
    """A platform, a robot of its own (its metrics begin at nothing), and the connections between them."""

    _numbers = itertools.count()

    def __init__(self, platform: ScriptedGateway, network: Network) -> None:
        name = f"ding{next(self._numbers)}"
        self.platform = platform
        self.network = network
        self.ban = Ban()
        self.robot = Robot(name, FixedSecret(SECRET), platform.url, "faq:", "template", "content")
        self.lives: set[asyncio.Task[None]] = set()

    def gateway(self, **settings: Any) -> StreamGateway:
        return StreamGateway(self.robot, self.network, self.ban, **{"silence_timeout": 180.0} | settings)

    def start(self, gateway: StreamGateway, ear: Ear) -> asyncio.Task[None]:
        """A connection's life, whatever becomes of it."""
        life = asyncio.create_task(gateway.serve(ear))
        self.lives.add(life)
        return life

    async def connect(
        self, ear: Ear, gateway: StreamGateway | None = None, **settings: Any
    ) -> tuple[asyncio.Task[None], Socket]:
        """A connection, as (its life, the platform's end)."""
        return self.start(gateway or self.gateway(**settings), ear), await self.platform.socket()

    def sample(self, name: str, **labels: str) -> float:
        """What a metric says of this robot."""
        return REGISTRY.get_sample_value(f"dingtalk_{name}", {"robot": self.robot.client_id, **labels}) or 0.0


@asynccontextmanager
async def scripted_line() -> AsyncIterator[Line]:
    """A line while the block lasts; connections that still live at its end are cancelled."""
    platform = ScriptedGateway()
    app = web.Application()
    app.router.add_post("/v1.0/gateway/connections/open", platform.open)
    app.router.add_get("/connect", platform.connect)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    line = Line(platform, Network(Proxies(), trusting(None)))
    try:
        yield line
    finally:
        for life in line.lives:
            life.cancel()
        await asyncio.gather(*line.lives, return_exceptions=True)
        await line.network.close()
        platform.stop.set()
        await runner.cleanup()


async def until(condition: Callable[[], object]) -> None:
    """Wait for what nobody announces."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)


def frame(type_: str, topic: str, message_id: str, data: object) -> Json:
    """One frame as the platform writes it."""
    return {
        "specVersion": "1.0",
        "type": type_,
        "headers": {
            "appId": "3bb3c6d6",
            "connectionId": "98d1ea6f-c580-11ee-9a5f-26110c82ff67",
            "contentType": "application/json",
            "messageId": message_id,
            "time": "1707286661313",
            "topic": topic,
        },
        "data": json.dumps(data),
    }


def ping(message_id: str) -> Json:
    return frame("SYSTEM", "ping", message_id, {"opaque": f"opaque of {message_id}"})


def disconnect(reason: str = "connection is expired") -> Json:
    return frame("SYSTEM", "disconnect", "bye", {"reason": reason})


def event(message_id: str) -> Json:
    return frame("EVENT", "*", message_id, {"userId": ["015227"]})


def message(message_id: str, text: str = "hello") -> Json:
    return frame("CALLBACK", MESSAGE_TOPIC, message_id, {"msgId": f"msg {message_id}", "text": {"content": text}})


def click(message_id: str) -> Json:
    return frame("CALLBACK", CARD_TOPIC, message_id, {"outTrackId": "card", "userId": "042"})
