"""A door before DingTalk through which one replica's calls go, so that they are told from another's."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

_UNSEEN = ("/v1.0/gateway", "/v1.0/oauth2")
"""What is asked for that nobody in a chat sees."""


@dataclass(frozen=True)
class Passed:
    """A call that somebody in a chat may see, and when it came (monotonic seconds)."""

    at: float
    path: str
    body: dict[str, Any]


class Door:
    """Passes calls on to the platform at `to`, and notes them."""

    def __init__(self, to: str, session: aiohttp.ClientSession) -> None:
        self.url = ""
        self.passed: list[Passed] = []
        self._to = to
        self._session = session

    def since(self, at: float, card: str = "") -> list[Passed]:
        """The calls that came after a moment, all of them or those about one card."""
        later = [call for call in self.passed if call.at > at]
        return [call for call in later if card in {"", call.body.get("outTrackId")}]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        body = await request.read()
        if not request.path.startswith(_UNSEEN):
            self.passed.append(Passed(time.monotonic(), request.path, json.loads(body or b"{}")))
        headers = {name: value for name, value in request.headers.items() if name not in {"Host", "Content-Length"}}
        url = f"{self._to}{request.path_qs}"
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)


@asynccontextmanager
async def opened(to: str) -> AsyncIterator[Door]:
    """A door, for as long as the context lasts."""
    application = web.Application()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        door = Door(to, session)
        application.router.add_route("*", "/{path:.*}", door.serve)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield door
        finally:
            await runner.cleanup()
