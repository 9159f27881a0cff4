"""The pump: text collects until an update is worth it, one at a time, and the latest wins."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from itertools import pairwise

import pytest

from actors.core.events import Event, Finished, Reasoning, Replace, Text
from actors.core.pacing import Budget
from actors.errors import AgentFailed
from actors.runtime.pump import Pump
from tests.runtime.virtual_time import play

ENOUGH = Budget(updates=1000, min_interval=1.0)


async def saying(*pieces: str | float | Exception) -> AsyncGenerator[Event, None]:
    """Says the texts, waits the numbers (seconds), and raises what is an exception."""
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        if isinstance(piece, str):
            yield Text(piece)
        else:
            await asyncio.sleep(piece)
    yield Finished()


class Reader:
    """A card that takes `slow` seconds for an update, and notes what it showed and when; it fails as often as told."""

    def __init__(self, budget: Budget = ENOUGH, *, slow: float = 0.0, fails: int = 0, place_after: float = 0.0) -> None:
        self.pump = Pump(budget, due=self.due, began=lambda: self.began.append(asyncio.get_running_loop().time()))
        self.shown: list[str] = []
        self.times: list[float] = []
        self.lags: list[float | None] = []
        self.began: list[float] = []
        self.dues = 0
        self._slow, self._fails, self._place_after = slow, fails, place_after
        self._tasks: list[asyncio.Task[None]] = []

    def due(self) -> None:
        self.dues += 1
        self._tasks.append(asyncio.get_running_loop().create_task(self.show()))

    async def show(self) -> None:
        try:
            self.lags.append(await self.pump.show(self.send))
        except ConnectionError:
            self.lags.append(None)

    async def send(self, text: Callable[[], str], _: float) -> None:
        await asyncio.sleep(self._place_after)
        taken = text()
        await asyncio.sleep(self._slow)
        if self._fails > 0:
            self._fails -= 1
            raise ConnectionError
        self.shown.append(taken)
        self.times.append(asyncio.get_running_loop().time())

    async def read(self, *pieces: str | float | Exception) -> str:
        whole = await self.pump.run(saying(*pieces))
        await asyncio.gather(*self._tasks)
        return whole


def test_the_whole_text_is_what_was_said() -> None:
    assert play(Reader().read("甲", 0.1, "乙", "丙")) == "甲乙丙"


def test_the_first_text_is_shown_at_once() -> None:
    reader = Reader()
    play(reader.read(5.0, "甲", 9.0))
    assert reader.times[0] == reader.began[0]


def test_text_between_two_updates_is_shown_with_the_next() -> None:
    reader = Reader()
    play(reader.read("甲", 0.1, "乙", 0.1, "丙", 9.0))
    assert reader.shown == ["甲", "甲乙丙"]


def test_text_that_comes_while_an_update_waits_for_its_place_goes_with_it() -> None:
    reader = Reader(place_after=0.5)
    play(reader.read("甲", 0.3, "乙", 9.0))
    assert reader.shown == ["甲乙"]


def test_one_update_is_under_way_at_a_time() -> None:
    reader = Reader(slow=5.0)
    pieces: list[str | float | Exception] = ["字", 0.1] * 200
    play(reader.read(*pieces))
    assert all(later - earlier >= 5.0 for earlier, later in pairwise(reader.times))


def test_nothing_new_means_no_update() -> None:
    reader = Reader()
    play(reader.read("甲", 60.0))
    assert reader.dues == 1


def test_a_failed_update_is_tried_again_with_the_latest_text() -> None:
    reader = Reader(fails=1)
    play(reader.read("甲", 0.5, "乙", 9.0))
    assert reader.shown == ["甲乙"]


def test_a_failed_update_costs_nothing_of_the_budget() -> None:
    reader = Reader(Budget(updates=2, min_interval=1.0), fails=3)
    play(reader.read("甲", 60.0))
    assert (reader.shown, reader.pump.shown) == (["甲"], 1)


def test_the_age_of_the_oldest_unseen_text_is_told() -> None:
    reader = Reader(slow=0.25)
    play(reader.read("甲", 9.0))
    assert reader.lags == [pytest.approx(0.25)]


def test_no_update_falls_due_after_the_end() -> None:
    reader = Reader()
    play(reader.read("甲", 0.1, "乙"))
    assert reader.shown == ["甲"]


def test_a_replacement_takes_the_place_of_all_that_was_said() -> None:
    async def moderated() -> AsyncGenerator[Event, None]:
        yield Text("不该说的")
        yield Replace("抱歉")
        yield Finished()

    assert play(Pump(ENOUGH, due=list, began=list).run(moderated())) == "抱歉"


def test_thinking_is_not_shown() -> None:
    async def thoughtful() -> AsyncGenerator[Event, None]:
        yield Reasoning("让我想想")
        yield Text("好的")
        yield Finished()

    assert play(Pump(ENOUGH, due=list, began=list).run(thoughtful())) == "好的"


def test_thinking_is_shown_where_it_is_asked_for() -> None:
    async def thoughtful() -> AsyncGenerator[Event, None]:
        yield Reasoning("让我想想。")
        yield Text("好的")
        yield Finished()

    assert play(Pump(ENOUGH, due=list, began=list, show_reasoning=True).run(thoughtful())) == "让我想想。好的"


def test_what_was_said_before_a_failure_is_kept() -> None:
    reader = Reader()
    with pytest.raises(AgentFailed):
        play(reader.read("甲", AgentFailed("error")))
    assert reader.pump.text == "甲"


def test_an_update_that_waits_for_its_place_can_be_withdrawn() -> None:
    reader = Reader(place_after=5.0)

    async def withdrawing() -> None:
        running = asyncio.ensure_future(reader.read("甲", 0.1))
        await asyncio.sleep(0.5)
        reader.pump.withdraw()
        await running

    play(withdrawing())
    assert (reader.shown, reader.lags) == ([], [None])


def test_an_update_on_the_wire_cannot_be_withdrawn() -> None:
    reader = Reader(slow=5.0)

    async def withdrawing() -> None:
        running = asyncio.ensure_future(reader.read("甲", 1.0))
        await asyncio.sleep(0.5)
        reader.pump.withdraw()
        await running

    play(withdrawing())
    assert reader.shown == ["甲"]


def test_cancelling_the_pump_closes_the_agent() -> None:
    closed: list[bool] = []

    async def endless() -> AsyncGenerator[Event, None]:
        try:
            yield Text("甲")
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def scene() -> None:
        running = asyncio.ensure_future(Pump(ENOUGH, due=list, began=list).run(endless()))
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.wait([running])

    play(scene())
    assert closed == [True]


def test_an_update_that_is_refused_for_good_is_the_last() -> None:
    reader = Reader(fails=100)

    async def refusing() -> None:
        running = asyncio.ensure_future(reader.read("甲", 0.1, "乙", 60.0))
        await asyncio.sleep(0.5)
        reader.pump.show_no_more()
        await running

    play(refusing())
    assert reader.dues == 1
