"""The OpenAPI over HTTP: one way for every call, from the order for trouble to the recorded answer.

Sources: obtain the access token, server API error codes and API limits (open.dingtalk.com). What a call does is the
gateway's, the cards' and the messages'.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from actors.sandbox import jsontext
from actors.sandbox.cards import Cards
from actors.sandbox.faults import Fault, Faults
from actors.sandbox.files import Attached, Files
from actors.sandbox.gateway import Gateway
from actors.sandbox.limits import Limits
from actors.sandbox.messages import Messages
from actors.sandbox.permissions import Permissions
from actors.sandbox.records import Call
from actors.sandbox.replies import ApiError, Reply, errcode, error_body
from actors.sandbox.rules import Rules
from actors.sandbox.standard import StandardCards
from actors.sandbox.tokens import Tokens
from actors.sandbox.world import World

FILE_HEADERS = {
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "sandbox",
    "X-Content-Type-Options": "nosniff",
}
"""Whatever is attached must not become a page of ours in a browser."""

CONCEALED = "secret"
"""What the names of fields have in common that are not kept with a call, well spelled or not."""


class Api:
    """Every endpoint that a robot calls."""

    def __init__(
        self,
        world: World,
        rules: Rules,
        faults: Faults,
        *,
        gateway: Gateway,
        cards: Cards,
        standard: StandardCards,
        messages: Messages,
        files: Files,
        permissions: Permissions,
        tokens: Tokens,
    ) -> None:
        self._world = world
        self._rules = rules
        self._faults = faults
        self._gateway = gateway
        self._cards = cards
        self._standard = standard
        self._messages = messages
        self._files = files
        self._permissions = permissions
        self._tokens = tokens
        self._limits = Limits(world, rules)
        self.closing = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/connect", self._connect),
            web.post("/v1.0/gateway/connections/open", self._open),
            web.post("/v1.0/oauth2/accessToken", self._token),
            web.get("/gettoken", self._former_token),
            web.post("/media/upload", self._upload),
            web.post("/robot/sendBySession", self._webhook),
            web.get("/file/{key}", self._file),
            web.post("/v1.0/card/instances/createAndDeliver", self._with_token("create", self._create_and_deliver)),
            web.post("/v1.0/card/instances", self._with_token("instance", self._create)),
            web.post("/v1.0/card/instances/deliver", self._with_token("deliver", self._deliver)),
            web.put("/v1.0/card/instances", self._with_token("update", self._update)),
            web.put("/v1.0/card/streaming", self._with_token("streaming", self._stream)),
            web.post("/v1.0/im/v1.0/robot/interactiveCards/send", self._with_token("standard", self._standard.send)),
            web.put("/v1.0/im/robots/interactiveCards", self._with_token("standard_update", self._standard.update)),
            web.post("/v1.0/robot/oToMessages/batchSend", self._with_token("oto", self._messages.to_people)),
            web.post("/v1.0/robot/groupMessages/send", self._with_token("group", self._messages.to_group)),
            web.post("/v1.0/robot/messageFiles/download", self._download),
        ]

    # Calls without a token

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        fault = self._faults.take("connect", {"clientId": self._gateway.holder(request.query.get("ticket", ""))})
        if fault and (reply := await self._suffer(fault, request)):
            return reply.response()
        return await self._gateway.connect(request)

    async def _open(self, request: web.Request) -> web.Response:
        body = await _read(request)
        call = _call("open", str(body.get("clientId", "")), body)
        return await self._answer(request, call, lambda: self._gateway.open(request, body))

    async def _token(self, request: web.Request) -> web.Response:
        body = await _read(request)
        robot, secret = str(body.get("appKey", "")), str(body.get("appSecret", ""))
        return await self._answer(request, _call("token", robot, body), lambda: self._tokens.grant(robot, secret))

    async def _former_token(self, request: web.Request) -> web.Response:
        robot, secret = jsontext.whole(request.query.get("appkey", "")), request.query.get("appsecret", "")
        call = _call("token", robot, {"appkey": robot})
        return await self._answer(request, call, lambda: self._tokens.grant_formerly(robot, secret))

    async def _upload(self, request: web.Request) -> web.Response:
        """`POST /media/upload` of the former API, which takes its token from the address; the errcode tells."""
        try:
            form = await request.post()
        except (ValueError, LookupError):  # no form, or none that can be read
            form = MultiDictProxy(MultiDict())
        robot, media = self._tokens.owner(request.query.get("access_token", "")), form.get("media")
        kind = jsontext.whole(str(form.get("type", "")))
        name = jsontext.whole(media.filename) if isinstance(media, web.FileField) else ""

        def keep() -> Reply:
            if not robot:
                return errcode(40014, "不合法的access_token")
            if not isinstance(media, web.FileField):
                return errcode(40035, "不合法的参数")
            return self._files.upload(kind, media.file.read(), name, media.content_type)

        return await self._answer(request, _call("upload", robot, {"type": kind, "name": name}), keep)

    async def _webhook(self, request: web.Request) -> web.Response:
        raw, body, session = await request.read(), await _read(request), request.query.get("session", "")
        call = _call("webhook", self._messages.robot_of(session), body)
        self._world.note(call, chat=self._messages.chat_of(session))
        return await self._answer(request, call, lambda: self._messages.by_webhook(session, raw, body))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        address = self._files.at(request.match_info["key"])
        if address is None:
            # Signed addresses of Alibaba's object storage, as the page shows one, end so.
            return Reply(
                403, "<Error><Code>AccessDenied</Code><Message>Request has expired.</Message></Error>"
            ).response()
        call = _call("file", address.robot, {"name": address.file.name})
        self._world.calls.add(call)
        fault = self._faults.take("file", call.body, call.robot)
        self._world.note(call, trouble=_name(fault))
        self._world.changed()
        if fault and not fault.applied and (reply := await self._suffer(fault, request)):
            call.status, call.code = reply.status, reply.code
            self._world.note(call)
            return reply.response()
        return await self._serve(request, address.file, call, fault)

    async def _serve(self, request: web.Request, file: Attached, call: Call, fault: Fault | None) -> web.StreamResponse:
        """A file's bytes; trouble that is `applied` comes between its halves."""
        response = web.StreamResponse(headers=FILE_HEADERS | {"Content-Type": file.kind})
        response.content_length = len(file.data) if self._rules.file_length_told else None
        half = len(file.data) // 2
        with suppress(ConnectionError):  # whoever downloads may have enough
            await response.prepare(request)
            await response.write(file.data[:half])
            if fault and fault.applied:
                await self._suffer(fault, request)
            await response.write(file.data[half:])
            await response.write_eof()
            call.status = response.status
        call.seconds = time.monotonic() - call.at
        self._world.note(call)
        self._world.changed()
        return response

    # Calls with a token

    def _with_token(
        self, api: str, effect: Callable[[str, dict[str, Any]], Reply]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            body = await _read(request)
            robot = self._tokens.owner(request.headers.get("x-acs-dingtalk-access-token", ""))

            def admit() -> None:
                if not robot:
                    raise ApiError(400, "InvalidAuthentication", "不合法的access_token")
                self._permissions.admit(robot, api)
                self._limits.admit(robot, api, time.monotonic())

            return await self._answer(request, _call(api, robot, body), lambda: effect(robot, body), admit)

        return handle

    async def _download(self, request: web.Request) -> web.Response:
        base = f"http://{request.host}"
        return await self._with_token("download", lambda robot, body: self._files.grant(base, robot, body))(request)

    def _create_and_deliver(self, robot: str, body: dict[str, Any]) -> Reply:
        card, delivered = self._cards.create_and_deliver(robot, body)
        return _success({"outTrackId": card.id, "deliverResults": delivered})

    def _create(self, robot: str, body: dict[str, Any]) -> Reply:
        return _success(self._cards.create(robot, body, "instance").id)

    def _deliver(self, robot: str, body: dict[str, Any]) -> Reply:
        return _success(self._cards.deliver(robot, body))

    def _update(self, _: str, body: dict[str, Any]) -> Reply:
        self._cards.update(body)
        return _success(True)

    def _stream(self, _: str, body: dict[str, Any]) -> Reply:
        self._cards.stream(body)
        return _success(True)

    # The way of every call

    async def _answer(
        self,
        request: web.Request,
        call: Call,
        effect: Callable[[], Reply],
        admit: Callable[[], None] = lambda: None,
    ) -> web.Response:
        self._world.calls.add(call)
        fault = self._faults.take(call.api, call.body, call.robot)
        self._world.note(call, trouble=_name(fault))
        self._world.changed()
        reply = await self._suffer(fault, request) if fault and not fault.applied else None
        if reply is None:
            banned = self._limits.refuse_address(request.remote or "", time.monotonic())
            reply = banned or await self._execute(effect, admit)
        if fault and fault.applied:
            reply = await self._suffer(fault, request, reply) or reply
        call.status, call.code, call.seconds = reply.status, reply.code, time.monotonic() - call.at
        # What a token or a ticket opens is nobody else's.
        self._world.note(call, answer=None if call.api in {"token", "open"} and not call.code else reply.body)
        self._world.changed()
        return reply.response()

    async def _execute(self, effect: Callable[[], Reply], admit: Callable[[], None]) -> Reply:
        try:
            admit()
            await asyncio.sleep(self._rules.latency)
            return effect()
        except ApiError as refusal:
            return refusal.reply()

    async def _suffer(self, fault: Fault, request: web.Request, reply: Reply | None = None) -> Reply | None:
        """Wait and fail as ordered; None when the call is only late. `reply` is what the call led to, if it did."""
        await asyncio.sleep(fault.delay)
        if fault.torn and reply:
            await _begin(request, reply)
        if fault.hang:
            await self.closing.wait()
        if fault.hang or fault.reset or fault.torn:
            if request.transport:
                request.transport.abort()
            return Reply(0, {})
        if fault.body is not None:
            return Reply(fault.status or 200, fault.body)
        return Reply(fault.status, error_body(fault.code, fault.message)) if fault.status else None


async def _begin(request: web.Request, reply: Reply) -> None:
    """Send the first half of an answer."""
    text = json.dumps(reply.body, ensure_ascii=False).encode()
    response = web.StreamResponse(status=reply.status, headers={"Content-Type": "application/json"})
    response.content_length = len(text)
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(text[: len(text) // 2])


def _call(api: str, robot: str, body: dict[str, Any]) -> Call:
    return Call(
        api, robot, time.monotonic(), {name: value for name, value in body.items() if CONCEALED not in name.lower()}
    )


def _name(fault: Fault | None) -> str:
    return (fault.trouble or "ordered") if fault else ""


def _success(result: Any) -> Reply:
    return Reply(200, {"success": True, "result": result})


async def _read(request: web.Request) -> dict[str, Any]:
    """The JSON object of a body; anything else counts as an empty one, and fails by what it lacks."""
    try:
        body = jsontext.read(await request.read())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
