"""A robot whose cards only note what is put on them: for tests of those who decide what is put there and when.

Each call takes `slow` seconds of the loop's clock. A message id in `failing` has its calls fail, with `fault`; one in
`there` has its card already. No card takes more than `largest` characters in the end; one that is `mute` says nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from actors.core.card import Face, card_id
from actors.core.question import Address, Question
from actors.dingtalk.port import Fence
from actors.errors import CallFailed, Fault

NOW = 1_700_000_000.0


def question(message_id: str, *, person: str = "zhang", staff: bool = True) -> Question:
    """One person's question in a private chat, read at `NOW`; somebody from outside has no user id."""
    user = person if staff else ""
    address = Address("ding1", f"cid-{person}", group=False, user=user, webhook="https://x", webhook_expires=9e9)
    return Question(
        robot="ding1",
        message_id=message_id,
        conversation=f"ding1::{person}",
        chat_id=f"ding1:cid-{person}:{person}",
        text="多久发货？",
        sender_id=person,
        sender_nick="张三",
        address=address,
        received_at=NOW,
    )


@dataclass(frozen=True)
class Put:
    """One call that put something on a card: which, on whose, when, and what."""

    call: str
    message_id: str
    at: float
    what: str


@dataclass
class Slates:
    """Implements the port `Replies`."""

    slow: float = 0.0
    text_only: bool = False
    always_text: bool = False
    quota: float = 1.0
    there: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    fault: Fault = Fault.TRANSIENT
    largest: int | None = None
    mute: bool = False
    said: list[str] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    attempts: set[int] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)
    """Whose card may have been finished when it was created."""
    stopping: dict[str, str] = field(default_factory=lambda: {"stoppable": "false"})
    busy: int = 0
    most_busy: int = 0

    def card(self, question: Question, attempt: int, fence: Fence | None = None) -> "Slate":
        self.attempts.add(attempt)
        return Slate(self, question, fence)

    def budget(self, updates: int) -> int:
        return max(1, int(updates * self.quota))

    async def say(self, address: Address, text: str, fence: Fence | None = None) -> None:
        if self.mute:
            raise CallFailed("webhook", Fault.TRANSIENT, 503, "", "")
        self.said.append(text)

    async def put(self, call: str, message_id: str, what: str) -> None:
        self.puts.append(Put(call, message_id, asyncio.get_running_loop().time(), what))
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await asyncio.sleep(self.slow)
        finally:
            self.busy -= 1
        if message_id in self.failing:
            raise CallFailed(call, self.fault, 503, "", "")

    def told(self) -> list[tuple[str, str, str]]:
        """What was put where, without its time."""
        return [(put.call, put.message_id, put.what) for put in self.puts]


class Slate:
    """Implements the port `Card`."""

    def __init__(self, slates: Slates, question: Question, fence: Fence | None) -> None:
        self.id = card_id(question.robot, question.message_id)
        self._slates = slates
        self._message_id = question.message_id
        self._fence = fence

    async def create(self, face: Face, *, finished: bool = False) -> bool:
        self._slates.finished |= {self._message_id} if finished else set()
        new = self._message_id not in self._slates.there
        await self._put("create", face.status)
        self._slates.there.add(self._message_id)
        return new

    async def show(self, face: Face) -> None:
        await self._put("show", face.status or face.text)

    async def update(self, now: Face, latest: Callable[[], Face], since: float) -> None:
        face = latest()
        await self._put("update", face.text or face.status)

    async def finish(self, face: Face) -> None:
        if self._slates.largest is not None and len(face.text) > self._slates.largest:
            raise CallFailed("finish", Fault.TOO_LARGE, 400, "", "")
        await self._put("finish", face.text)

    def rated(self, rating: str) -> dict[str, str]:
        return {"rating": rating}

    def stopping(self) -> dict[str, str]:
        return self._slates.stopping

    async def rate(self, rating: str) -> None:
        await self._put("rate", rating)

    async def _put(self, call: str, what: str) -> None:
        if self._fence is not None:
            await self._fence.passed()
        await self._slates.put(call, self._message_id, what)
