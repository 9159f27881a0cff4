"""A call of a turn goes only while nobody else can have taken its question."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest

from actors.errors import InboxUnavailable, LeaseLost
from actors.inbox.memory import MemoryInbox
from actors.inbox.port import Delivery
from actors.lease import Lease, LineFence
from tests.actors.conftest import eventually
from tests.actors.slates import question
from tests.runtime.virtual_time import play

LENGTH = 30.0
"""Seconds: a look every 10, or at once where a call waits."""


class Held:
    """A delivery whose lease goes as the test says; `answers` is what becomes of the next touches, then all is well."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self.left = LENGTH
        self.answers: list[bool | Exception] = []
        self.touched = 0
        self.touched_at: list[float] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._delivery, name)

    async def touch(self) -> bool:
        self.touched += 1
        self.touched_at.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        self.left = LENGTH
        return answer


class Stage:
    """A lease that is kept, and what it told."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self.taken_back = 0
        self.warned: list[str] = []
        self.lease = Lease(held, LENGTH, taken_back=self._count, warn=lambda action, _: self.warned.append(action))  # type: ignore[arg-type]
        self.keeping = asyncio.create_task(self.lease.keep())

    def _count(self) -> None:
        self.taken_back += 1

    async def is_so(self, condition: Callable[[], bool]) -> None:
        async def so() -> bool:
            return condition()

        await eventually(so)


async def taken() -> Held:
    """A question that somebody has just taken."""
    inbox = MemoryInbox()
    await inbox.put(question("m1"), limit=8)
    delivery = await inbox.take(question("m1").conversation)
    assert delivery
    return Held(delivery)


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr("actors.lease.AGAIN_AFTER", 0.01)
    stage = Stage(await taken())
    yield stage
    stage.keeping.cancel()


async def renewed(leases: int, times: int) -> list[list[float]]:
    """When each of some leases was renewed; they begin one after the other, within a tenth of a second."""
    stages = []
    for _ in range(leases):
        stages.append(Stage(await taken()))
        await asyncio.sleep(0.1 / leases)
    await asyncio.sleep((times + 0.5) * LENGTH / 3)
    return [stage.held.touched_at for stage in stages]


def test_leases_that_began_about_the_same_time_are_renewed_together() -> None:
    first, *others = play(renewed(leases=5, times=3))
    assert others == [first] * 4


def test_a_lease_is_renewed_no_later_than_when_a_third_of_it_is_over() -> None:
    (times,) = play(renewed(leases=1, times=3))
    assert all(later - earlier <= LENGTH / 3 for earlier, later in pairwise([1000.0, *times]))
    assert len(times) == 3


async def test_a_call_goes_at_once_while_the_lease_holds(stage: Stage) -> None:
    assert stage.lease.open
    await stage.lease.passed()
    assert stage.held.touched == 0


async def test_a_call_after_a_standstill_goes_when_the_question_is_found_to_be_held_still(stage: Stage) -> None:
    stage.held.left = 0.0
    assert not stage.lease.open
    await asyncio.wait_for(stage.lease.passed(), 10)
    assert stage.held.touched == 1


async def test_no_call_goes_when_the_question_is_found_to_be_somebody_elses(stage: Stage) -> None:
    stage.held.left, stage.held.answers = 0.0, [LeaseLost("")]
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(stage.lease.passed(), 10)
    await asyncio.wait_for(stage.keeping, 10)
    stage.held.left = LENGTH
    assert not stage.lease.open


async def test_calls_wait_for_as_long_as_the_inbox_is_away_and_it_is_told_once(stage: Stage) -> None:
    stage.held.left, stage.held.answers = 0.0, [InboxUnavailable("")] * 5
    await asyncio.wait_for(asyncio.gather(stage.lease.passed(), stage.lease.passed()), 10)
    assert stage.held.touched == 6
    assert stage.warned == ["lease_not_renewed"]


async def test_a_question_that_was_taken_back_is_told_of(stage: Stage) -> None:
    stage.held.left, stage.held.answers = 0.0, [False]
    await asyncio.wait_for(stage.lease.passed(), 10)
    assert stage.taken_back == 1


async def test_what_is_left_to_do_about_a_closed_question_goes_at_any_time(stage: Stage) -> None:
    stage.lease.close()
    stage.lease.end()
    stage.held.left = 0.0
    await stage.lease.passed()


async def test_nothing_goes_after_a_turn_that_did_not_close_its_question(stage: Stage) -> None:
    stage.held.left, stage.held.answers = 0.0, [InboxUnavailable("")] * 1000
    waiting = asyncio.create_task(stage.lease.passed())
    await stage.is_so(lambda: stage.held.touched > 0)
    stage.lease.end()
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(waiting, 10)


async def test_calls_go_on_while_the_inbox_says_that_it_is_away_for_all(stage: Stage) -> None:
    stage.held.left, stage.held.answers = 0.0, [InboxUnavailable("", for_all=True)] * 1000
    for _ in range(3):
        await asyncio.wait_for(stage.lease.passed(), 10)
    assert stage.held.left == 0.0


async def test_what_an_inbox_said_before_a_standstill_is_not_believed_after_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.lease.BELIEVED_FOR", 0.0)
    stage.held.left, stage.held.answers = 0.0, [InboxUnavailable("", for_all=True)]
    await asyncio.wait_for(stage.lease.passed(), 10)
    assert stage.held.left == LENGTH


async def test_the_cards_of_those_behind_are_touched_as_long_as_the_question_is_held(stage: Stage) -> None:
    line = LineFence(stage.lease)
    assert line.open
    await line.passed()


async def test_the_cards_of_those_behind_a_closed_question_are_whoevers_who_takes_the_next_one(stage: Stage) -> None:
    line = LineFence(stage.lease)
    stage.lease.close()
    assert stage.lease.open
    assert not line.open
    with pytest.raises(LeaseLost):
        await line.passed()


async def test_a_call_for_those_behind_that_waits_for_the_lease_is_let_go_when_the_question_is_closed(
    stage: Stage,
) -> None:
    stage.held.left = 0.0
    stage.held.answers = [InboxUnavailable("away")] * 1000
    waiting = asyncio.create_task(LineFence(stage.lease).passed())
    await stage.is_so(lambda: stage.held.touched > 0)
    stage.lease.close()
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(waiting, 20.0)
