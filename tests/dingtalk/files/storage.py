"""DingTalk's file storage on 127.0.0.1: the API that gives links for codes, and the place where the links lead.

It speaks only the wire protocol and imports nothing of what it tests.
"""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SIGNATURE = "Expires=1671377946&Signature=5BNf2t%2Bkp%2Fc%7E%3D"


@dataclass(frozen=True)
class Stored:
    """How one request for a file is answered. `torn` aborts after so many bytes, `stall` never comes to the end; its
    length may be `unannounced` or `announced` as another. A `link` is given in place of the storage's own, and
    `refusal` is what the API says instead of a link."""

    data: bytes = b"hello"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    torn: int | None = None
    stall: bool = False
    unannounced: bool = False
    announced: int | None = None
    link: Any = None
    refusal: dict[str, str] | None = None


DEAD = Stored(refusal={"code": "invalidParameter.robotCode.downloadCode", "message": "下载码有误或者已经过期"})


class Storage:
    """The other side. A code that nothing was put under is dead."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.got: list[web.Request] = []
        self.most_at_once = 0
        self.delay = 0.0
        self._at_once = 0
        self._stored: defaultdict[str, deque[Stored]] = defaultdict(lambda: deque([DEAD]))
        self._over = asyncio.Event()
        self._arrived = asyncio.Condition()

    def put(self, code: str, *answers: Stored) -> None:
        """What is had for this code: each time the next one, the last one for ever."""
        self._stored[code] = deque(answers)

    async def until_got(self, times: int = 1) -> None:
        """Wait until files were asked for so often."""
        async with self._arrived, asyncio.timeout(20):
            await self._arrived.wait_for(lambda: len(self.got) >= times)

    async def serve(self) -> web.AppRunner:
        """Open for business; clean the runner up to close."""
        app = web.Application()
        app.router.add_post("/v1.0/oauth2/accessToken", self._token)
        app.router.add_post("/v1.0/robot/messageFiles/download", self._link)
        app.router.add_get("/file/{code}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def end(self) -> None:
        """Let go of every request that stalls."""
        self._over.set()

    async def _token(self, _request: web.Request) -> web.Response:
        return web.json_response({"accessToken": "token", "expireIn": 7200})

    async def _link(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(asked)
        stored = self._stored[asked["downloadCode"]][0]
        if stored.refusal:
            return web.json_response(stored.refusal, status=400)
        link = f"{self.url}/file/{asked['downloadCode']}?{SIGNATURE}" if stored.link is None else stored.link
        return web.json_response({"downloadUrl": link})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        answers = self._stored[request.match_info["code"]]
        stored = answers.popleft() if len(answers) > 1 else answers[0]
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        async with self._arrived:
            self.got.append(request)
            self._arrived.notify_all()
        try:
            return await self._send(request, stored)
        finally:
            self._at_once -= 1

    async def _send(self, request: web.Request, stored: Stored) -> web.StreamResponse:
        await asyncio.sleep(self.delay)
        response = web.StreamResponse(status=stored.status, headers=stored.headers)
        if not stored.unannounced:
            response.content_length = len(stored.data) if stored.announced is None else stored.announced
        await response.prepare(request)
        await response.write(stored.data[: stored.torn])
        if stored.torn is not None and request.transport:
            request.transport.close()
        if stored.stall:
            await self._over.wait()
        return response
