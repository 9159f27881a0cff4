"""A robot, the scripted DingTalk it talks to, and the client between them."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import aiohttp
import pytest

from actors.core.backoff import Backoff
from actors.core.card import Face, growing
from actors.core.question import Address, Question
from actors.core.robot import FixedSecret, Robot
from actors.dingtalk import replies, standard, templates
from actors.dingtalk.ban import Ban
from actors.dingtalk.cards import LONG
from actors.dingtalk.network import once
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.port import Card
from actors.dingtalk.quota import Quota
from actors.dingtalk.standing import Standing
from tests.dingtalk.scripted import DingTalk

NEVER = float("inf")


class Clock:
    """Seconds that stand still until they are moved."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Kept:
    """A secret that has already been changed where it is kept; `looks` counts who looks."""

    def __init__(self, value: str, kept: str) -> None:
        self.value = value
        self.looks = 0
        self._kept = kept

    def renew(self, refused: str) -> bool:
        self.looks += 1
        self.value = self._kept
        return self._kept != refused


async def no_store(_month: str, calls: int) -> int:
    return calls


@pytest.fixture
async def dingtalk() -> AsyncIterator[DingTalk]:
    platform = DingTalk()
    runner = await platform.serve()
    yield platform
    platform.end()
    await runner.cleanup()


@pytest.fixture
def robot(dingtalk: DingTalk) -> Robot:
    return Robot(
        client_id="dingrobot",
        client_secret=FixedSecret("the-robots-secret"),
        endpoint=dingtalk.url,
        agent="faq:",
        card_template="382e4302-551d-4880-bf29-a30acfab2e71.schema",
        card_content_key="msgContent",
    )


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(middlewares=(once,)) as session:
        yield session


@pytest.fixture
async def quota() -> AsyncIterator[Quota]:
    quota = Quota(0, no_store)
    yield quota
    await quota.close()


MakeOpenApi = Callable[..., OpenApi]


@pytest.fixture
async def make_openapi(robot: Robot, session: aiohttp.ClientSession, quota: Quota) -> AsyncIterator[MakeOpenApi]:
    """Clients with a policy of one's own; the waits are scaled down, the pause after "too fast" is the real second."""
    made = []

    def make(
        *,
        attempts: int = 4,
        timeout: float = 10.0,
        qps: int = 20,
        replicas: int = 1,
        clock: Callable[[], float] = time.monotonic,
        robot: Robot = robot,
    ) -> OpenApi:
        backoff = Backoff(initial=0.001, multiplier=2, maximum=0.01, jitter=0.001)
        client = OpenApi(
            robot,
            session,
            attempts=attempts,
            backoff=backoff,
            timeout=timeout,
            qps=qps,
            quota=quota,
            ban=Ban(clock),
            replicas=replicas,
            clock=clock,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def openapi(make_openapi: MakeOpenApi) -> OpenApi:
    return make_openapi()


@pytest.fixture
def group() -> Address:
    """A group in which an employee asked."""
    return Address("dingrobot", "cidGroup==", group=True, user="staff-1", webhook="", webhook_expires=0.0)


@pytest.fixture
def question(group: Address) -> Question:
    """A question that an employee asked in a group."""
    return Question(
        robot="dingrobot",
        message_id="msg-1",
        conversation="dingrobot::staff-1",
        chat_id="dingrobot:cidGroup==:staff-1",
        text="营业时间？",
        sender_id="staff-1",
        sender_nick="张三",
        address=group,
        received_at=1_700_000_000.0,
    )


@pytest.fixture
def standing() -> Standing:
    """A robot whose cards are taken."""
    return Standing("dingrobot")


@pytest.fixture
def private() -> Address:
    """An employee's private chat with the robot."""
    return Address("dingrobot", "cidPrivate==", group=False, user="staff-1", webhook="", webhook_expires=0.0)


@pytest.fixture
def outsider(dingtalk: DingTalk) -> Address:
    """Somebody from outside the company, who has no user id; only the webhook reaches them."""
    webhook = f"{dingtalk.url}/robot/sendBySession?session=the-webhooks-secret"
    return Address("dingrobot", "cidOut==", group=False, user="", webhook=webhook, webhook_expires=NEVER)


class Spellers:
    """Takes the place of the pass over a Markdown text; notes of each long one whether it held up the loop."""

    text = "字" * (LONG + 1)

    def __init__(self) -> None:
        self.on_the_loop: list[bool] = []
        self._loop = threading.current_thread()

    def __call__(self, text: str, **_: object) -> str:
        if len(text) > LONG:
            self.on_the_loop.append(threading.current_thread() is self._loop)
        return text


@pytest.fixture
def spellers(monkeypatch: pytest.MonkeyPatch) -> Spellers:
    made = Spellers()
    for module in (replies, standard, templates):
        monkeypatch.setattr(module, "presentable", made)
    return made


async def grown_together(cards: Sequence[Card]) -> list[float]:
    """The moments at which texts that grow on several cards, begun by now, are taken to be sent."""
    taken = list[float]()

    def latest(text: str) -> Face:
        taken.append(asyncio.get_running_loop().time())
        return growing(text)

    for text in ("七天", "七天内。"):
        taken.clear()
        await asyncio.gather(*(card.update(growing(text), partial(latest, text), 0.0) for card in cards))
    return taken
