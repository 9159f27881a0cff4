"""The Stream gateway: tickets, live connections, frames out and acks in, rolls and redelivery.

Sources: DingTalk developerpedia, protocol.md, where nothing else is named. It knows nothing of cards or messages: it is
handed a topic and data, and tells whoever pushed what the ack said.
"""

import asyncio
import json
import logging
import random
import time
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from actors.sandbox import jsontext
from actors.sandbox.line import Impairment, Line
from actors.sandbox.records import Connection, Push
from actors.sandbox.replies import ApiError, Reply, error_body
from actors.sandbox.rules import Rules
from actors.sandbox.trace import Stray
from actors.sandbox.world import World

log = logging.getLogger(__name__)

ROBOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"

UNACKED = 20_000
"""How many frames may wait for their ack; of those before them no ack counts any more."""

OnAck = Callable[[Push], None]


class Gateway:
    """All Stream connections of all robots."""

    def __init__(self, world: World, rules: Rules) -> None:
        self._world = world
        self._rules = rules
        self._tickets: dict[str, tuple[str, frozenset[str], float]] = {}
        self._lines: dict[str, Line] = {}
        self._pending: dict[str, tuple[Push, OnAck | None]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # What clients call

    def open(self, request: web.Request, body: dict[str, Any]) -> Reply:
        """`POST /v1.0/gateway/connections/open`: a ticket for one connection."""
        self._world.opens.add(time.monotonic())
        robot, secret, topics = body.get("clientId"), body.get("clientSecret"), body.get("subscriptions", [])
        if not isinstance(robot, str) or not isinstance(secret, str) or not isinstance(topics, list):
            raise ApiError(400, "invalidParameter", "clientId, clientSecret 或 subscriptions 不合法")
        if not self._world.admit(robot, secret):
            raise ApiError(401, "authFailed", "鉴权失败")
        # For events "*" is the only topic there is; system frames come without being asked for.
        wanted = frozenset(
            str(entry.get("topic"))
            for entry in topics
            if isinstance(entry, dict) and (entry.get("type") == "CALLBACK" or _is_every_event(entry))
        )
        # A version-1 UUID that the frames carry as connectionId later (seen in dingtalk-stream-sdk-python issue 30).
        ticket, now = str(uuid.uuid1()), time.monotonic()
        self._tickets = {old: grant for old, grant in self._tickets.items() if grant[2] > now}
        self._tickets[ticket] = (robot, wanted, now + self._rules.ticket_life)
        self._world.changed(presence=True)
        scheme = "wss" if request.secure else "ws"
        answer = {"endpoint": f"{scheme}://{request.host}/connect", "ticket": ticket}
        # dingtalk-stream-sdk-nodejs, client.ts: this call answers in XML unless JSON is asked for.
        return Reply(200, answer if "json" in request.headers.get("Accept", "") else _xml(answer))

    def holder(self, ticket: str) -> str:
        """The robot that a ticket was given to, "" if there is none."""
        return self._tickets.get(ticket, ("",))[0]

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """`GET /connect?ticket=…`: one connection's life."""
        robot, topics, valid_until = self._tickets.pop(request.query.get("ticket", ""), ("", frozenset(), 0.0))
        if time.monotonic() >= valid_until:
            # The real status for a bad ticket is not documented; clients report an unexpected 400.
            return web.json_response(error_body("invalidTicket", "ticket 不存在或已过期"), status=400)
        socket = web.WebSocketResponse(timeout=1.0, max_msg_size=256 * 1024)
        try:
            await socket.prepare(request)
        except ConnectionError:  # the client left before it was let in
            return web.Response(status=400)
        record = Connection(robot, request.query["ticket"], topics, time.monotonic())
        later = asyncio.get_running_loop().call_later
        line = Line(record, socket, request.transport, f"{request.scheme}://{request.host}", later)
        self._lines[record.id] = line
        self._world.connections.add(record)
        self._world.note(record)
        self._world.changed(presence=True)
        log.info("connection opened", extra={"action": "connection_opened", "robot": robot})
        try:
            async with line.writing(self._pings(line)):
                async for message in socket:
                    self._hear(line, message)
        finally:
            self._forget(line)
        return socket

    # What the sandbox does

    def push(
        self,
        robot: str,
        topic: str,
        make: Callable[[str], dict[str, Any]],
        about: str,
        on_ack: OnAck,
        *,
        connection: str | None = None,
        event: dict[str, str] | None = None,
    ) -> Push | None:
        """Push a CALLBACK to one random live connection (or to that of this id) that subscribed to the topic; None when
        there is none. With `event`, the headers that only those have, it is an EVENT.

        `make` builds the data from the connection's own base address.
        """
        ready = [line for line in self._of(robot, connection) if line.takes(topic)]
        if not ready:
            return None
        # "If there are several connections, one is chosen at random for each push."
        line = random.choice(ready)  # noqa: S311
        data = make(line.base)
        if event is None:
            push = self._send(line, "CALLBACK", self._own(line, topic), data, about=about, on_ack=on_ack)
            self._world.counted["pushes"] += 1
        else:
            push = self._send(line, "EVENT", {"topic": topic, **event}, data, about=about, on_ack=on_ack)
        self._world.pushes.add(push)
        self._world.note(push, sent=_told(data))
        self._world.changed()
        return push

    def repeat_unless_acked(self, push: Push, again: Callable[[], None], after: float) -> None:
        """Call `again` when the push has no ack within `after` seconds from now."""
        if len(self._timers) >= UNACKED:
            return
        loop = asyncio.get_running_loop()
        self._timers[push.message_id] = loop.call_later(after, self._repeat, push, again)

    def push_raw(self, robot: str, frame: str | bytes) -> bool:
        """Send a frame as it is to one live connection; False when there is none."""
        ready = [line for line in self._lines.values() if line.record.robot == robot and line.record.live]
        if ready:
            ready[0].send(frame)
        return bool(ready)

    def roll(self, robot: str, connection: str | None = None) -> int:
        """Announce the end of a robot's connections; nothing is pushed on them from now on."""
        lines = [line for line in self._of(robot, connection) if line.record.live]
        for line in lines:
            line.record.rolled_at = time.monotonic()
            self._world.note(line.record)
            line.send(_frame("SYSTEM", {"topic": "disconnect"}, {"reason": "persistent connection is timeout"})[1])
            line.cut_after_silence(self._rules.roll_grace)
        self._world.changed(presence=True)
        return len(lines)

    def abort(self, robot: str, connection: str | None = None) -> int:
        """Cut a robot's connections at the TCP level, without a word."""
        lines = self._of(robot, connection)
        for line in lines:
            line.abort()
        return len(lines)

    def impair(self, robot: str, impairment: Impairment | None, connection: str | None = None) -> int:
        """Let a robot's live connections look as if they were well, and be not; None mends them."""
        lines = [line for line in self._of(robot, connection) if line.record.live]
        for line in lines:
            line.impair(impairment)
            self._world.note(line.record)
        return len(lines)

    async def close(self, robot: str | None, code: int) -> int:
        """Close connections (of one robot or of all) with a WebSocket close frame."""
        lines = self._of(robot)
        await asyncio.gather(*(line.close(code) for line in lines))
        return len(lines)

    async def stop(self) -> None:
        """Close everything and wait for nothing more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._pending.clear()
        await self.close(None, 1001)

    # Inside

    def _of(self, robot: str | None, connection: str | None = None) -> list[Line]:
        return [
            line
            for line in self._lines.values()
            if robot in {None, line.record.robot} and connection in {None, line.record.id}
        ]

    def _own(self, line: Line, topic: str) -> dict[str, str]:
        """The headers of a ping and of a CALLBACK."""
        app = str(uuid.uuid5(uuid.NAMESPACE_URL, line.record.robot))
        return {"topic": topic, "appId": app, "connectionId": line.record.id}

    def _send(
        self,
        line: Line,
        kind: str,
        own: dict[str, str],
        data: dict[str, Any],
        *,
        about: str = "",
        on_ack: OnAck | None = None,
    ) -> Push:
        message_id, frame = _frame(kind, own, data)
        push = Push(line.record.robot, line.record.id, own["topic"], message_id, about, time.monotonic())
        self._pending[message_id] = (push, on_ack)
        while len(self._pending) > UNACKED:
            oldest = next(iter(self._pending))
            del self._pending[oldest]
            if timer := self._timers.pop(oldest, None):
                timer.cancel()
        line.send(frame)
        return push

    async def _pings(self, line: Line) -> None:
        await asyncio.sleep(self._rules.first_ping)
        while line.record.live:
            ping = self._send(line, "SYSTEM", self._own(line, "ping"), {"opaque": str(uuid.uuid4())})
            self._world.pings.add(ping)
            self._world.note(ping)
            self._world.changed()
            await asyncio.sleep(self._rules.ping_interval)
            self._pending.pop(ping.message_id, None)

    def _hear(self, line: Line, message: WSMessage) -> None:
        if not line.hears:
            return
        line.heard()
        ack = _read_ack(message)
        message_id = ack.get("headers", {}).get("messageId") if ack else None
        push, on_ack = self._pending.get(str(message_id), (None, None))
        if push is None or push.connection != line.record.id:
            # Unknown, or for a frame of another connection: an ack counts on its own connection alone.
            self._world.stray_acks.add({"connection": line.record.id, "frame": message.data})
            self._world.note(Stray(line.record.robot, line.record.id, message.data))
            self._world.changed()
            return
        del self._pending[push.message_id]
        if timer := self._timers.pop(push.message_id, None):
            timer.cancel()
        code = ack.get("code")
        push.code, push.data = code if type(code) is int else 0, _read(ack.get("data"))
        push.seconds = time.monotonic() - push.at
        self._world.note(push)
        if on_ack:
            on_ack(push)
        self._world.changed()

    def _repeat(self, push: Push, again: Callable[[], None]) -> None:
        # The first push stays pending: an ack that comes late is still its ack.
        self._timers.pop(push.message_id, None)
        again()

    def _forget(self, line: Line) -> None:
        line.ended()
        self._world.note(line.record)
        del self._lines[line.record.id]
        for message_id in [known for known, (push, _) in self._pending.items() if push.connection == line.record.id]:
            del self._pending[message_id]
        self._world.changed(presence=True)
        log.info("connection closed", extra={"action": "connection_closed", "robot": line.record.robot})


def _is_every_event(entry: dict[str, Any]) -> bool:
    return (entry.get("type"), entry.get("topic")) == ("EVENT", "*")


def _frame(kind: str, own: dict[str, str], data: dict[str, Any]) -> tuple[str, str]:
    """A frame's message id and text. `data` is JSON text inside the JSON, `time` is milliseconds as text."""
    now = f"{time.time() * 1000:.0f}"
    message_id = f"{uuid.uuid4().hex[:8]}_{uuid.uuid4().hex[:3]}_{int(now):x}_{uuid.uuid4().hex[:7]}"
    headers = {**own, "contentType": "application/json", "messageId": message_id, "time": now}
    frame = {"specVersion": "1.0", "type": kind, "headers": headers, "data": json.dumps(data, ensure_ascii=False)}
    return message_id, json.dumps(frame, ensure_ascii=False)


def _told(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a frame for the inspector: whoever has the session webhook may write as the robot."""
    webhook = str(data.get("sessionWebhook", ""))
    return data | {"sessionWebhook": webhook.partition("=")[0] + "=…"} if webhook else data


def _read_ack(message: WSMessage) -> dict[str, Any]:
    ack = _read(message.data) if message.type is WSMsgType.TEXT else None
    return ack if isinstance(ack, dict) and isinstance(ack.get("headers"), dict) else {}


def _read(text: Any) -> Any:
    try:
        return jsontext.read(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _xml(answer: dict[str, str]) -> str:
    return "<OpenConnectionResponse>{}</OpenConnectionResponse>".format(
        "".join(f"<{name}>{value}</{name}>" for name, value in answer.items())
    )
