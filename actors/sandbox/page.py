"""The chat page: its files, and the stream of what changes on it.

A page that is slow gets fewer, newer states, never a backlog. What is shown is decided in `views`.
"""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from actors.sandbox import views
from actors.sandbox.files import Files
from actors.sandbox.inspector import Inspector, Reader
from actors.sandbox.replies import refusal
from actors.sandbox.rules import Rules
from actors.sandbox.scenarios import Scenarios
from actors.sandbox.switches import Switches
from actors.sandbox.world import Watcher, World

STATIC = Path(__file__).parent / "static"
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
BREATH = 0.05
"""Seconds between two updates of one page."""
PAGES = 50
"""How many pages may be open at once. One more is refused: were the oldest sent away for it, that one would come back
at once, and send away the next."""
HEARTBEAT = 15.0
"""Seconds after which a quiet stream says that it is alive, and learns that nobody reads it."""


class Page:
    """The files under `static/`, what people attached, to look at, and `/sandbox/events`, the one stream for the chat
    and the inspector: a browser opens only six connections to a server."""

    def __init__(self, world: World, files: Files, rules: Rules, switches: Switches, scenarios: Scenarios) -> None:
        self._world = world
        self._files = files
        self._inspector = Inspector(world, rules, switches, scenarios)
        self._open: list[web.Request] = []

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/", self._index),
            web.static("/static", STATIC),
            web.get("/sandbox/events", self._events),
            web.get("/sandbox/attached", self._attached),
            *self._inspector.routes(),
        ]

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _attached(self, request: web.Request) -> web.Response:
        """A file by its download code. Only pictures are shown; what else it says it is must not become our page."""
        file = self._files.of(request.query.get("code", ""))
        if file is None:
            raise refusal(web.HTTPNotFound, "there is no such file, or it is forgotten")
        if file.kind in PICTURES:
            return web.Response(body=file.data, content_type=file.kind)
        headers = {"Content-Disposition": "attachment"}
        return web.Response(body=file.data, content_type="application/octet-stream", headers=headers)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        # A page that left is heard of at once, though its stream ends with the next thing that is written to it.
        if sum(other.transport is not None for other in self._open) >= PAGES:
            raise refusal(web.HTTPServiceUnavailable, f"{PAGES} pages are open: close one of them")
        self._open.append(request)
        try:
            return await self._stream(request)
        finally:
            self._open.remove(request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        watcher = self._world.watch()
        reader = self._inspector.reader(watcher)
        try:
            with suppress(ConnectionError):
                await response.write(b"retry: 500\n\n")
                await _send(response, "hello", views.everything(self._world))
                for kind, news in reader.first():
                    await _send(response, kind, news)
                while not watcher.dismissed:
                    await self._tell(watcher, reader, response)
        finally:
            self._world.unwatch(watcher)
        return response

    async def _tell(self, watcher: Watcher, reader: Reader, response: web.StreamResponse) -> None:
        try:
            await asyncio.wait_for(watcher.woken.wait(), min(reader.patience, HEARTBEAT))
        except TimeoutError:
            await response.write(b": alive\n\n")
        watcher.woken.clear()
        changed, watcher.entries = watcher.entries, {}
        arrived, watcher.presence = watcher.presence, False
        if arrived:
            await _send(response, "presence", views.presence(self._world))
        for entry in changed.values():
            await _send(response, "entry", views.entry(self._world, entry))
        for kind, news in reader.news():
            await _send(response, kind, news)
        await asyncio.sleep(BREATH)


async def _send(response: web.StreamResponse, event: str, data: dict[str, Any]) -> None:
    await response.write(f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode())
