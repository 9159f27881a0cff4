"""An asyncio task for each message: the same cards, the same calls, the same pacing, and nothing else.

It is what the service would cost if nothing had to last: no actors, no inbox, no order in a conversation, no retries of
an agent, no drain. What a crash does to it, nobody is told of.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp

from actors.core.backoff import Backoff
from actors.core.card import SDK_TEMPLATE, Face, answered, growing, thinking
from actors.core.pacing import Budget, Pace, next_update
from actors.core.question import Question
from actors.core.robot import FixedSecret, Robot
from actors.core.scope import Scope
from actors.dingtalk.ban import Ban
from actors.dingtalk.cards import AiCard
from actors.dingtalk.inbound import read_message
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.quota import Quota
from actors.dingtalk.standing import Standing
from tests.bench.agents import evenly

TOPIC = "/v1.0/im/bot/messages/get"
BUDGET = Budget(updates=int(os.environ.get("CARD_MAX_UPDATES", "20")), min_interval=0.8)


class Said:
    """What the agent said so far."""

    def __init__(self) -> None:
        self.text = ""
        self.unseen_since: float | None = None
        self.news = asyncio.Event()
        self.over = asyncio.Event()

    async def read(self, pieces: AsyncIterator[str]) -> None:
        """Collect all of it."""
        async for piece in pieces:
            self.text += piece
            self.unseen_since = self.unseen_since or time.monotonic()
            self.news.set()
        self.over.set()
        self.news.set()

    def take(self) -> Face:
        """What an update shows at the moment of its sending."""
        self.unseen_since = None
        return growing(self.text)


class Tasks:
    """One robot on one connection."""

    def __init__(self, api: OpenApi) -> None:
        self._api = api
        self._standing = Standing(api.robot.client_id)
        self._running: set[asyncio.Task[None]] = set()

    async def serve(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Ack what comes, and give each message a task."""
        async for message in socket:
            frame = json.loads(message.data)
            headers = {"messageId": frame["headers"]["messageId"], "contentType": "application/json"}
            mine = frame["headers"]["topic"] == TOPIC
            data = '{"response": null}' if mine else frame["data"]
            await socket.send_json({"code": 200, "headers": headers, "message": "OK", "data": data})
            if mine:
                task = asyncio.create_task(self._answer(json.loads(frame["data"])))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _answer(self, data: dict[str, Any]) -> None:
        question = read_message(
            data,
            robot=self._api.robot.client_id,
            conversation_scope=Scope.SENDER,
            memory_scope=Scope.SENDER_IN_CHAT,
            received_at=time.time(),
        )
        assert isinstance(question, Question)
        card, said = AiCard(self._api, question, 1, self._standing), Said()
        reading = asyncio.create_task(said.read(evenly(question)))
        await card.create(thinking())
        await grow(card, said)
        await reading
        face = answered(said.text)
        await card.finish(face)
        await card.show(face)


async def grow(card: AiCard, said: Said) -> None:
    """Show the text as it grows, up to its end or that of the budget."""
    await said.news.wait()
    pace = Pace(time.monotonic())
    while not said.over.is_set():
        since = said.unseen_since or time.monotonic()
        at = next_update(pace, BUDGET, since, at_once=pace.shown == 0)
        if at is None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(said.over.wait(), max(0.0, at - time.monotonic()))
            return
        await card.update(growing(said.text), said.take, since)
        pace = pace.showed(time.monotonic())
        said.news.clear()
        if said.unseen_since is None and not said.over.is_set():
            await said.news.wait()


async def main() -> None:
    """Serve one connection."""
    base, client_id = os.environ["DINGTALK_OPENAPI_ENDPOINT"], os.environ["DINGTALK_CLIENT_ID"]
    secret = os.environ["DINGTALK_CLIENT_SECRET"]
    robot = Robot(client_id, FixedSecret(secret), base, "", SDK_TEMPLATE, "msgContent")
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        api = OpenApi(
            robot,
            session,
            attempts=4,
            backoff=Backoff(0.5, 2, 8, 0.5),
            timeout=10.0,
            qps=int(os.environ.get("OPENAPI_QPS", "20")),
            quota=Quota(0, _unrecorded),
            ban=Ban(),
        )
        await api.warm()
        wanted = {
            "clientId": client_id,
            "clientSecret": secret,
            "subscriptions": [{"type": "CALLBACK", "topic": TOPIC}],
        }
        async with session.post(f"{base}/v1.0/gateway/connections/open", json=wanted, headers=_JSON) as response:
            opened = await response.json()
        async with session.ws_connect(f"{opened['endpoint']}?ticket={opened['ticket']}") as socket:
            await Tasks(api).serve(socket)


_JSON = {"Accept": "application/json"}


async def _unrecorded(month: str, calls: int) -> int:
    return calls


if __name__ == "__main__":
    asyncio.run(main())
