"""A call about an answer passes its fence in the very moment that it goes, whatever it has waited for before."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from actors.core.card import growing, thinking
from actors.core.question import Address, Question
from actors.dingtalk import openapi as api
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.quota import Quota
from actors.dingtalk.replies import RobotReplies
from actors.dingtalk.standing import Standing
from tests.dingtalk.conftest import Clock, MakeOpenApi
from tests.dingtalk.scripted import CREATE, GROUP, STREAMING, UPDATE, WEBHOOK, DingTalk, error

NOW = 1_700_000_000.0
BUSY = error(400, "system.busy")


Tell = Callable[[Address, DingTalk], tuple[Address, str]]


@pytest.fixture
def replies(openapi: OpenApi, quota: Quota, standing: Standing) -> RobotReplies:
    return RobotReplies(openapi, quota, standing, now=Clock(NOW))


class Lost(Exception):
    """What a fence says that will never open again."""


class Gate:
    """A fence that the test opens and closes; `closes_at` is after how many calls it closes by itself."""

    def __init__(self, *, closes_at: int | None = None) -> None:
        self._free = asyncio.Event()
        self._free.set()
        self._left = closes_at
        self.lost = False
        self.asked = asyncio.Event()

    @property
    def open(self) -> bool:
        return self._free.is_set()

    async def passed(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                self.close()
        if not self.open:
            self.asked.set()
        await self._free.wait()
        if self.lost:
            raise Lost

    def close(self) -> None:
        self._free.clear()

    def reopen(self, *, lost: bool = False) -> None:
        self._left, self.lost = None, lost
        self._free.set()


async def stopped_at(gate: Gate, call: asyncio.Task[object]) -> None:
    """Wait until the call stands before the fence."""
    await asyncio.wait_for(gate.asked.wait(), 10)
    assert not call.done()


async def test_a_call_waits_for_its_fence_and_then_says_the_latest(dingtalk: DingTalk, openapi: OpenApi) -> None:
    gate, text = Gate(), "早"
    gate.close()
    call: asyncio.Task[object] = asyncio.create_task(openapi.call(api.STREAMING, lambda: {"content": text}, None, gate))
    await stopped_at(gate, call)
    assert dingtalk.to(STREAMING) == []
    text = "晚"
    gate.reopen()
    await call
    assert [asked.body for asked in dingtalk.to(STREAMING)] == [{"content": "晚"}]


async def test_a_second_try_passes_the_fence_as_the_first_did(dingtalk: DingTalk, openapi: OpenApi) -> None:
    dingtalk.answers(STREAMING, BUSY)
    gate = Gate(closes_at=1)
    call: asyncio.Task[object] = asyncio.create_task(openapi.call(api.STREAMING, dict, None, gate))
    await stopped_at(gate, call)
    gate.reopen(lost=True)
    with pytest.raises(Lost):
        await call
    assert len(dingtalk.to(STREAMING)) == 1


async def test_a_call_whose_fence_closed_while_it_waited_for_its_place_leaves_the_place_to_others(
    dingtalk: DingTalk, make_openapi: MakeOpenApi
) -> None:
    openapi, gate = make_openapi(qps=1), Gate()
    await openapi.call(api.STREAMING, lambda: {"content": "先"})
    call: asyncio.Task[object] = asyncio.create_task(openapi.call(api.STREAMING, lambda: {"content": "后"}, None, gate))
    await asyncio.sleep(0)
    gate.close()
    await stopped_at(gate, call)
    await openapi.call(api.STREAMING, lambda: {"content": "别人"})
    assert [asked.body["content"] for asked in dingtalk.to(STREAMING)] == ["先", "别人"]
    gate.reopen()
    await call


@pytest.mark.parametrize("passes", [0, 1, 2])
async def test_every_call_of_a_card_passes_the_fence(
    dingtalk: DingTalk, replies: RobotReplies, question: Question, passes: int
) -> None:
    gate = Gate(closes_at=passes)
    card = replies.card(question, 1, gate)

    async def live() -> None:
        await card.create(thinking())
        await card.update(growing("七天"), lambda: growing("七天"), 0.0)
        await card.finish(growing("七天内。"))

    living: asyncio.Task[object] = asyncio.create_task(live())
    await stopped_at(gate, living)
    assert sum(len(dingtalk.to(path)) for path in (CREATE, STREAMING, UPDATE)) == passes
    gate.reopen()
    await living


def numbered(address: Address, _: DingTalk) -> tuple[Address, str]:
    return address, "一行字。\n" * 3_000


def webhook_first(address: Address, dingtalk: DingTalk) -> tuple[Address, str]:
    dingtalk.answers(WEBHOOK, *[BUSY] * 4)
    webhook = f"{dingtalk.url}{WEBHOOK}?session=s"
    return replace(address, webhook=webhook, webhook_expires=NOW + 5_400), "好"


@pytest.mark.parametrize("told", [(numbered, 1, 1), (webhook_first, 4, 0)])
async def test_no_second_message_goes_once_the_fence_is_closed(
    dingtalk: DingTalk, replies: RobotReplies, group: Address, told: tuple[Tell, int, int]
) -> None:
    tell, passes, sent = told
    gate = Gate(closes_at=passes)
    saying: asyncio.Task[object] = asyncio.create_task(replies.say(*tell(group, dingtalk), gate))
    await stopped_at(gate, saying)
    gate.reopen(lost=True)
    with pytest.raises(Lost):
        await saying
    assert len(dingtalk.to(GROUP)) == sent
