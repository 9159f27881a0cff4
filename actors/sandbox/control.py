"""The hand of people and of other processes: what `Sandbox` can do, over HTTP under `/sandbox/`, and who may use it.

`POST /sandbox/<action>` takes a JSON object with the arguments of the method of that name. `GET /sandbox/state` is all
that can be seen, `GET /sandbox/openapi.json` describes it all. Web pages from elsewhere have no business here: see
`guard`.
"""

import ipaddress
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Handler

from actors.sandbox import jsontext
from actors.sandbox.actions import Actions
from actors.sandbox.description import describe
from actors.sandbox.records import Card, CardVersion
from actors.sandbox.replies import answer, refusal

if TYPE_CHECKING:
    from actors.sandbox.server import Sandbox

FOR_ROBOTS = ("/v1.0/", "/robot/", "/file/", "/connect", "/gettoken", "/media/")
OWN_SITE = {None, "same-origin", "none"}
"""What a browser says of a request of our own page, or of the person in front of it; robots say nothing."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Control:
    """Routes and their guard."""

    def __init__(self, sandbox: "Sandbox", actions: Actions, host: str) -> None:
        self._sandbox = sandbox
        self._actions = actions
        self._host = host

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/state", self._state),
            web.get("/sandbox/scenarios", self._scenarios),
            web.get("/sandbox/openapi.json", self._description),
            *(web.post(f"/sandbox/{name}", self._act) for name in self._actions.known),
            web.post("/sandbox/{action}", self._act),  # one that was added since, or is not known
        ]

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keep web pages from elsewhere out, those of other servers on this machine too: a foreign Origin, a Host that
        is a made-up name (DNS rebinding), a request that a browser says is of another site, and a body that a form
        could send are refused. Robots know the sandbox by any name; they carry credentials, and are no browsers."""
        try:
            host = request.url.host or ""
        except ValueError as problem:
            raise refusal(web.HTTPBadRequest, "the header Host names no host and port") from problem
        robots_call = request.path.startswith(FOR_ROBOTS)
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        known = self._is_ours(host) or (robots_call and origin is None)
        # A link from elsewhere may lead to the chat page, which no other page can put into a frame.
        led_here = request.method == "GET" and request.path == "/" and origin is None
        if origin not in {None, f"http://{request.host}"} or not known or not (site in OWN_SITE or led_here):
            raise refusal(web.HTTPForbidden, "only the sandbox's own page may do this, at its own address")
        if robots_call:
            return await _handled(request, handler)
        if request.method == "POST" and request.content_type != "application/json":
            raise refusal(web.HTTPUnsupportedMediaType, "send the body as application/json")
        response = await _handled(request, handler)
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
        name = request.path.rpartition("/")[2]
        try:
            action = self._actions.find(name)
        except ValueError as problem:
            return answer({"error": str(problem)}, 404)
        try:
            arguments = _object(await request.read())
            done = await action.act(arguments)
        except ValueError as problem:
            return answer({"error": str(problem)}, 400)
        self._sandbox.scenarios.note(name, arguments)
        return answer(done)

    async def _description(self, _: web.Request) -> web.Response:
        return answer(describe(self._actions, self._sandbox.url))

    async def _scenarios(self, _: web.Request) -> web.Response:
        scenarios = self._sandbox.scenarios
        saved = [scenario.data() for scenario in scenarios.saved.values()]
        return answer(scenarios.shown() | {"saved": saved})

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
        return answer(state)


async def _handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.RequestPayloadError as problem:
        raise refusal(web.HTTPBadRequest, "the body is not in the encoding that its header names") from problem


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _card(card: Card) -> dict[str, Any]:
    known = {field.name: getattr(card, field.name) for field in fields(Card) if field.name != "layout"}
    # What a version showed is its text; with all variables of all versions this would be a very long answer.
    shown = [field.name for field in fields(CardVersion) if field.name != "params"]
    versions = [{name: getattr(version, name) for name in shown} for version in card.versions]
    return known | {"text": card.text, "buttons": card.buttons(), "versions": versions}


def _object(body: bytes) -> Any:
    """What a body spells; nothing spells an object without fields."""
    try:
        return jsontext.read(body or b"{}")
    except ValueError as problem:
        raise ValueError(f"the body {problem}") from problem
