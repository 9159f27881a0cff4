"""The hand of people and of other processes: what `Sandbox` can do, over HTTP under `/sandbox/`, and who may use it.

`POST /sandbox/<action>` takes a JSON object with the arguments of the method of that name. `GET /sandbox/state` is all
that can be seen. Web pages from elsewhere have no business here: see `guard`.
"""

import ipaddress
import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Handler

from actors.sandbox.records import Card, CardVersion
from actors.sandbox.rules import Rules

if TYPE_CHECKING:
    from actors.sandbox.server import Sandbox

FOR_ROBOTS = ("/v1.0/", "/robot/", "/file/", "/connect")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Control:
    """Routes and their guard."""

    def __init__(self, sandbox: "Sandbox", host: str) -> None:
        self._sandbox = sandbox
        self._host = host
        self._actions: dict[str, Callable[..., Any]] = {
            "say": self._say,
            "attach": self._attach,
            "chat_id": lambda **what: {"id": sandbox.chat_id(**what)},
            "click": lambda **what: {"delivered": sandbox.click(**what)},
            "push_raw": lambda **what: {"delivered": sandbox.push_raw(**what)},
            "roll": lambda **what: {"connections": sandbox.roll(**what)},
            "abort": lambda **what: {"connections": sandbox.abort(**what)},
            "impair": lambda **what: {"connections": sandbox.impair(**what)},
            "fail": sandbox.fail,
            "heal": sandbox.heal,
            "switch": lambda **what: {"on": sandbox.switch(**what)},
            "expire_tokens": sandbox.expire_tokens,
            "revoke": sandbox.revoke,
            "grant": sandbox.grant,
            "withdraw": sandbox.withdraw,
            "publish": sandbox.publish,
            "rules": self._rules,
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/state", self._state),
            web.post("/sandbox/close", self._close),
            web.post("/sandbox/{action}", self._act),
        ]

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keep web pages from elsewhere out: a foreign Origin, a Host that is a made-up name (DNS rebinding) and a body
        that a form could send are refused. Robots know the sandbox by any name; they carry credentials."""
        robots_call = request.path.startswith(FOR_ROBOTS)
        host, origin = request.url.host or "", request.headers.get("Origin")
        if origin not in {None, f"http://{request.host}"} or not (robots_call or self._is_ours(host)):
            raise web.HTTPForbidden(text="only the sandbox's own page may do this\n")
        if robots_call:
            return await handler(request)
        if request.method == "POST" and request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="application/json, please\n")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    def _is_ours(self, host: str) -> bool:
        if host in {"localhost", self._host}:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True

    async def _act(self, request: web.Request) -> web.Response:
        action = self._actions.get(request.match_info["action"])
        if action is None:
            raise web.HTTPNotFound(text=f"one of {', '.join(sorted([*self._actions, 'close']))}\n")
        try:
            return web.json_response(action(**await _arguments(request)) or {})
        except (TypeError, ValueError, KeyError) as problem:
            return _wrong(problem)

    async def _close(self, request: web.Request) -> web.Response:
        try:
            return web.json_response({"connections": await self._sandbox.close(**await _arguments(request))})
        except (TypeError, ValueError) as problem:
            return _wrong(problem)

    def _say(self, **what: Any) -> dict[str, Any]:
        message_id = self._sandbox.say(**what)
        said = next(each for each in reversed(self._sandbox.said) if each.id == message_id)
        return {"msgId": message_id, "delivered": said.delivered}

    def _attach(self, data: str, **what: Any) -> dict[str, Any]:
        return {"downloadCode": self._sandbox.attach(b64decode(data, validate=True), **what)}

    def _rules(self, **changes: Any) -> dict[str, Any]:
        known = {field.name: field.type for field in fields(Rules)}
        for name, value in changes.items():
            fits = isinstance(value, bool) if known.get(name) is bool else type(value) in {int, float}
            if name not in known or not fits:
                raise ValueError(f"no such rule, or not its type: {name}")
            setattr(self._sandbox.rules, name, value)
        return asdict(self._sandbox.rules)

    async def _state(self, _: web.Request) -> web.Response:
        sandbox = self._sandbox
        state = {
            "url": sandbox.url,
            "rules": asdict(sandbox.rules),
            "cards": [_card(card) for card in sandbox.cards.values()],
            "said": [asdict(said) | {"delivered": said.delivered, "acked": said.acked} for said in sandbox.said],
            "messages": [asdict(message) for message in sandbox.messages],
            "acks": [asdict(push) for push in sandbox.acks],
            "connections": [asdict(connection) for connection in sandbox.connections],
            "opens": sandbox.opens,
            "calls": [asdict(call) for call in sandbox.calls],
        }
        return web.Response(text=json.dumps(state, ensure_ascii=False, default=sorted), content_type="application/json")


def _card(card: Card) -> dict[str, Any]:
    known = {field.name: getattr(card, field.name) for field in fields(Card) if field.name != "layout"}
    # What a version showed is its text; with all variables of all versions this would be a very long answer.
    shown = [field.name for field in fields(CardVersion) if field.name != "params"]
    versions = [{name: getattr(version, name) for name in shown} for version in card.versions]
    return known | {"text": card.text, "buttons": card.buttons(), "versions": versions}


async def _arguments(request: web.Request) -> dict[str, Any]:
    arguments = json.loads(await request.read() or b"{}")
    if not isinstance(arguments, dict):
        raise TypeError("a JSON object, please")
    return arguments


def _wrong(problem: Exception) -> web.Response:
    return web.json_response({"error": f"{type(problem).__name__}: {problem}"}, status=400)
