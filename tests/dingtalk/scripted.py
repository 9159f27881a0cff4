"""A scripted DingTalk on 127.0.0.1: real HTTP, every fault on demand, and a record of what it was asked.

It speaks only the wire protocol and imports nothing of what it tests.
"""

import asyncio
import json
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "/v1.0/oauth2/accessToken"
CREATE = "/v1.0/card/instances/createAndDeliver"
STREAMING = "/v1.0/card/streaming"
UPDATE = "/v1.0/card/instances"
SEND_STANDARD = "/v1.0/im/v1.0/robot/interactiveCards/send"
UPDATE_STANDARD = "/v1.0/im/robots/interactiveCards"
OTO = "/v1.0/robot/oToMessages/batchSend"
GROUP = "/v1.0/robot/groupMessages/send"
WEBHOOK = "/robot/sendBySession"


@dataclass(frozen=True)
class Answer:
    """One scripted answer; `body` goes out as JSON unless it is text. `hang` never answers, `reset` aborts."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    reset: bool = False


TOO_FAST = Answer(403, {"code": "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "message": "too fast"})
STALE_TOKEN = Answer(400, {"code": "InvalidAuthentication", "message": "不合法的access_token"})
HANG = Answer(hang=True)
RESET = Answer(reset=True)


def error(status: int, code: str, message: str = "") -> Answer:
    """An error as the v1.0 API words it."""
    return Answer(status, {"code": code, "message": message, "requestid": "r"})


@dataclass(frozen=True)
class Asked:
    """One request that arrived."""

    method: str
    path: str
    body: dict[str, Any]
    token: str
    at: float
    raw: bytes


class DingTalk:
    """The other side. Without a script every call succeeds."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.refused = 0
        self.tokens = 0
        self.token_life = 7200.0
        self.delay = 0.0
        self.url = ""
        self._script: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._always: dict[str, Answer] = {}
        self._strict: dict[str, int] = {}
        self._dead_tokens: set[str] = set()
        self._arrivals: defaultdict[str, deque[float]] = defaultdict(deque)
        self._over = asyncio.Event()
        self._arrived = asyncio.Condition()

    def answers(self, path: str, *answers: Answer) -> None:
        """The next answers to this path; after them everything is well again."""
        self._script[path].extend(answers)

    def always_answers(self, path: str, answer: Answer) -> None:
        """The answer to this path, for ever."""
        self._always[path] = answer

    def allows(self, path: str, per_second: int) -> None:
        """Refuse whatever comes faster than this, in a sliding window of a second over the arrivals."""
        self._strict[path] = per_second

    def forget_tokens(self) -> None:
        """Every token given so far is refused from now on."""
        self._dead_tokens |= {f"token-{number}" for number in range(1, self.tokens + 1)}

    def to(self, path: str) -> list[Asked]:
        """What this path was asked."""
        return [asked for asked in self.asked if asked.path == path]

    async def until_asked(self, path: str, times: int = 1) -> None:
        """Wait until this path was asked so often."""
        async with self._arrived, asyncio.timeout(20):
            await self._arrived.wait_for(lambda: len(self.to(path)) >= times)

    async def serve(self) -> web.AppRunner:
        """Open for business; clean the runner up to close."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def end(self) -> None:
        """Let go of every request that hangs."""
        self._over.set()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        now, path = time.monotonic(), request.path
        raw = await request.read()
        token = request.headers.get("x-acs-dingtalk-access-token", "")
        async with self._arrived:
            self.asked.append(Asked(request.method, path, json.loads(raw), token, now, raw))
            self._arrived.notify_all()
        if self.delay:
            await asyncio.sleep(self.delay)
        answer = self._answer(path, token, now)
        if answer.hang:
            await self._over.wait()
        if answer.reset and request.transport:
            request.transport.abort()
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        return web.Response(status=answer.status, text=text, headers=answer.headers)

    def _answer(self, path: str, token: str, now: float) -> Answer:
        if path in self._strict and self._too_fast(path, now):
            self.refused += 1
            return TOO_FAST
        if self._script[path]:
            return self._script[path].popleft()
        if path in self._always:
            return self._always[path]
        if path not in {TOKEN, WEBHOOK} and (not token or token in self._dead_tokens):
            return STALE_TOKEN
        return self._success(path)

    def _success(self, path: str) -> Answer:
        if path == TOKEN:
            self.tokens += 1
            return Answer(body={"accessToken": f"token-{self.tokens}", "expireIn": self.token_life})
        delivered = [{"spaceType": "IM_GROUP", "success": True, "errorMsg": ""}]
        sent = {"processQueryKey": "q", "flowControlledStaffIdList": [], "invalidStaffIdList": []}
        bodies: dict[str, Any] = {
            WEBHOOK: {"errcode": 0, "errmsg": "ok"},
            CREATE: {"success": True, "result": {"deliverResults": delivered}},
            SEND_STANDARD: {"processQueryKey": "q"},
            UPDATE_STANDARD: {"processQueryKey": "q"},
            OTO: sent,
            GROUP: sent,
        }
        return Answer(body=bodies.get(path, {"success": True, "result": True}))

    def _too_fast(self, path: str, now: float) -> bool:
        arrivals = self._arrivals[path]
        while arrivals and arrivals[0] <= now - 1:
            arrivals.popleft()
        arrivals.append(now)
        return len(arrivals) > self._strict[path]
