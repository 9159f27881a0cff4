"""A server that says what it is told: for tests of what reaches a back end, and of what becomes of what it answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rest:
    """What a stream may do beside saying something."""


HANG, RESET = Rest(), Rest()
"""Say nothing more, for ever; and break the connection off."""


@dataclass
class Asked:
    """One request, and whether it is over."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    over: asyncio.Event = field(default_factory=asyncio.Event)


class ModelServer:
    """Gives `replies` in order, one a request, the last one again and again; `asked` has what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[Asked] = []
        self.url = ""

    async def asked_once_more(self, count: int) -> Asked:
        """Wait until it was asked so often; returns the last request."""
        async with asyncio.timeout(30):
            while len(self.asked) < count:  # noqa: ASYNC110  what is watched has no event of its own
                await asyncio.sleep(0.005)
        return self.asked[count - 1]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ModelServer"]:
        """Serve; `url` has the address from then on."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        asked = Asked(request.path, dict(request.headers), json.loads(text) if text else {})
        self.asked.append(asked)
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        try:
            return await reply(request)
        finally:
            asked.over.set()


def streamed(*parts: str | bytes | Rest, kind: str = "text/event-stream") -> Reply:
    """A reply in parts, each sent at once."""

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        for part in parts:
            if part is HANG:
                await asyncio.Event().wait()
            elif part is RESET:
                assert request.transport
                request.transport.abort()
                return response
            elif isinstance(part, str | bytes):
                await response.write(part.encode() if isinstance(part, str) else part)
        return response

    return reply


def whole(body: object, status: int = 200, kind: str = "application/json", **headers: str) -> Reply:
    """A reply of one piece: an object as JSON, or text as it is."""
    text = body if isinstance(body, str) else json.dumps(body)

    async def reply(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, content_type=kind, headers=named)

    return reply


def frame(chunk: object) -> str:
    """One event of a stream."""
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


def delta(content: str | None = None, *, finish: str | None = None, **more: object) -> str:
    """The event for a further piece of an answer, or for its end."""
    said = more if content is None else {"content": content} | more
    return frame({"choices": [{"index": 0, "delta": said, "finish_reason": finish}]})


DONE = "data: [DONE]\n\n"
STOP = delta(finish="stop")
USAGE = frame({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}})


def saying(*pieces: str) -> Reply:
    """A whole answer in these pieces, as every server streams it."""
    return streamed(delta("", role="assistant"), *map(delta, pieces), STOP, USAGE, DONE)
