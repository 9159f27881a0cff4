"""The pump: text and status collect until an update is worth it, one at a time, and the latest wins."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.core import texts
from actors.core.events import Finished, Progress, Reasoning, Replace, Retrying, Text, ToolEnd, ToolStart
from actors.core.pacing import Budget
from actors.errors import AgentFailed
from actors.runtime.pump import LONGEST, Pump, Said
from tests.runtime.virtual_time import play

ENOUGH = Budget(updates=1000, min_interval=1.0)
ORDERS = texts.using_tool("orders")

Piece = str | float | Exception | Progress


async def saying(*pieces: Piece) -> AsyncGenerator[Progress, None]:
    """Says the texts and the events, waits the numbers (seconds), and raises what is an exception."""
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        if isinstance(piece, str):
            yield Text(piece)
        elif isinstance(piece, int | float):
            await asyncio.sleep(piece)
        else:
            yield piece
    yield Finished()


class Reader:
    """A card that takes `slow` seconds for an update, and notes what it showed and when; it fails as often as told."""

    def __init__(self, budget: Budget = ENOUGH, *, slow: float = 0.0, fails: int = 0, place_after: float = 0.0) -> None:
        self.pump = Pump(budget, due=self.due, began=lambda: self.began.append(asyncio.get_running_loop().time()))
        self.said: list[Said] = []
        self.times: list[float] = []
        self.lags: list[float | None] = []
        self.began: list[float] = []
        self.dues = 0
        self._slow, self._fails, self._place_after = slow, fails, place_after
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def shown(self) -> list[str]:
        """The texts that were shown."""
        return [said.text for said in self.said]

    @property
    def statuses(self) -> list[str]:
        """What was shown of what was being done."""
        return [said.status for said in self.said]

    def due(self) -> None:
        self.dues += 1
        self._tasks.append(asyncio.get_running_loop().create_task(self.show()))

    async def show(self) -> None:
        try:
            self.lags.append(await self.pump.show(self.send))
        except ConnectionError:
            self.lags.append(None)

    async def send(self, latest: Callable[[], Said], _: float) -> None:
        await asyncio.sleep(self._place_after)
        taken = latest()
        await asyncio.sleep(self._slow)
        if self._fails > 0:
            self._fails -= 1
            raise ConnectionError
        self.said.append(taken)
        self.times.append(asyncio.get_running_loop().time())

    async def read(self, *pieces: Piece) -> str:
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


def growing(seconds: float) -> list[Piece]:
    """Text that comes all the time."""
    return ["字", 0.1] * round(seconds * 10)


def second_update(*pieces: Piece) -> float:
    reader = Reader(Budget(updates=20, min_interval=0.8))
    play(reader.read(*pieces))
    return reader.times[1] - reader.began[0]


def test_text_that_pauses_is_shown_sooner_than_text_that_goes_on() -> None:
    assert second_update(*growing(1.3), 5.0) < second_update(*growing(6.3)) - 0.2


def test_text_that_pauses_and_goes_on_before_anybody_noticed_is_shown_at_its_time() -> None:
    assert second_update(*growing(1.3), 0.2, *growing(5.0)) == pytest.approx(second_update(*growing(6.3)), abs=0.2)


def test_what_comes_after_a_pause_is_shown_too() -> None:
    reader = Reader(Budget(updates=20, min_interval=0.8))
    play(reader.read(*growing(1.3), 5.0, "后", 9.0))
    assert reader.shown[-2:] == ["字" * 13, "字" * 13 + "后"]


def test_text_that_comes_while_an_update_waits_for_its_place_goes_with_it() -> None:
    reader = Reader(place_after=0.5)
    play(reader.read("甲", 0.3, "乙", 9.0))
    assert reader.shown == ["甲乙"]


def test_one_update_is_under_way_at_a_time() -> None:
    reader = Reader(slow=5.0)
    pieces: list[Piece] = ["字", 0.1] * 200
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


@pytest.mark.parametrize(
    ("pieces", "spent"),
    [
        pytest.param(["甲", 9.0], False, id="nothing came after the last update"),
        pytest.param(["甲", 5.0, "乙", 5.0], True, id="text came after it"),
        pytest.param([ToolStart("orders"), 5.0, ToolStart("stock"), 5.0], False, id="there is no text yet"),
    ],
)
def test_a_budget_is_spent_when_text_comes_that_it_has_no_update_for(pieces: list[Piece], *, spent: bool) -> None:
    reader = Reader(Budget(updates=2, min_interval=1.0))
    play(reader.read(*pieces))
    assert reader.pump.spent is spent


def test_a_text_that_nobody_can_read_along_with_waits_for_its_end() -> None:
    reader = Reader()
    long = "字" * LONGEST
    play(reader.read(long, 9.0, "字", 60.0))
    assert reader.shown == [long]
    assert reader.pump.spent


def test_of_a_text_that_outgrew_its_update_the_beginning_is_shown() -> None:
    reader = Reader(place_after=1.0)
    long = "字" * LONGEST
    assert play(reader.read("字", 0.5, long, 9.0)) == f"字{long}"
    assert reader.shown == [long]


def test_a_text_that_outgrows_an_update_that_is_due_is_shown_by_it() -> None:
    reader = Reader()
    long = "字" * LONGEST
    play(reader.read("甲", 0.5, "乙", 0.1, long, 60.0))
    assert reader.shown == ["甲", f"甲乙{long}"[:LONGEST]]


def test_the_age_of_the_oldest_unseen_text_is_told() -> None:
    reader = Reader(slow=0.25)
    play(reader.read("甲", 9.0))
    assert reader.lags == [pytest.approx(0.25)]


def test_no_update_falls_due_after_the_end() -> None:
    reader = Reader()
    play(reader.read("甲", 0.1, "乙"))
    assert reader.shown == ["甲"]


def test_a_replacement_takes_the_place_of_all_that_was_said() -> None:
    async def moderated() -> AsyncGenerator[Progress, None]:
        yield Text("不该说的")
        yield Replace("抱歉")
        yield Finished()

    assert play(Pump(ENOUGH, due=list, began=list).run(moderated())) == "抱歉"


def test_thinking_is_not_shown() -> None:
    async def thoughtful() -> AsyncGenerator[Progress, None]:
        yield Reasoning("让我想想")
        yield Text("好的")
        yield Finished()

    assert play(Pump(ENOUGH, due=list, began=list).run(thoughtful())) == "好的"


def test_thinking_is_shown_where_it_is_asked_for() -> None:
    async def thoughtful() -> AsyncGenerator[Progress, None]:
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

    async def endless() -> AsyncGenerator[Progress, None]:
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


# What is being done


def test_text_is_shown_without_a_status() -> None:
    reader = Reader()
    play(reader.read("甲", 9.0))
    assert reader.said == [Said("甲", "")]


def test_a_tool_is_told_while_there_is_no_text() -> None:
    reader = Reader()
    play(reader.read(1.0, ToolStart("orders"), 9.0))
    assert reader.said == [Said("", ORDERS)]


def test_a_status_before_any_text_is_told_at_once() -> None:
    reader = Reader()
    play(reader.read(5.0, ToolStart("orders"), 9.0))
    assert reader.times == [1005.0]


def test_after_a_tool_it_thinks_again() -> None:
    reader = Reader()
    play(reader.read(ToolStart("orders"), 9.0, ToolEnd("orders"), 9.0))
    assert reader.statuses == [ORDERS, texts.THINKING]


def test_of_two_tools_at_once_the_one_that_goes_on_is_told() -> None:
    reader = Reader()
    play(reader.read(ToolStart("stock"), ToolStart("orders"), 9.0, ToolEnd("stock"), 9.0, ToolEnd("orders"), 9.0))
    assert reader.statuses == [ORDERS, texts.THINKING]


def test_when_the_later_of_two_tools_ends_the_earlier_one_is_told_again() -> None:
    reader = Reader()
    play(reader.read(ToolStart("orders"), 9.0, ToolStart("stock"), 9.0, ToolEnd("stock"), 9.0))
    assert reader.statuses == [ORDERS, texts.using_tool("stock"), ORDERS]


def test_another_try_is_told() -> None:
    reader = Reader()
    play(reader.read(Retrying(), 9.0))
    assert reader.said == [Said("", texts.RETRYING)]


def test_text_clears_the_status() -> None:
    reader = Reader()
    play(reader.read(Retrying(), 9.0, "甲", 9.0))
    assert reader.said == [Said("", texts.RETRYING), Said("甲", "")]


def test_a_tool_in_mid_answer_is_told_beneath_the_text_until_the_text_goes_on() -> None:
    reader = Reader()
    play(reader.read("甲", 9.0, ToolStart("orders"), 9.0, ToolEnd("orders"), 9.0, "乙", 9.0))
    assert reader.said == [Said("甲", ""), Said("甲", ORDERS), Said("甲", ""), Said("甲乙", "")]


def test_a_tool_that_is_quicker_than_the_eye_costs_no_update() -> None:
    reader = Reader()
    play(reader.read("甲", 0.1, ToolStart("orders"), 0.1, ToolEnd("orders"), 0.1, "乙", 9.0))
    assert reader.said == [Said("甲", ""), Said("甲乙", "")]


def test_thinking_is_no_news_on_a_card_that_says_so_from_the_start() -> None:
    reader = Reader()

    async def scene() -> None:
        reader.pump.tell(texts.THINKING)
        await reader.read(9.0)

    play(scene())
    assert reader.dues == 0


def test_that_many_are_asking_is_told_before_the_agent_runs() -> None:
    reader = Reader()

    async def scene() -> None:
        reader.pump.tell(texts.BUSY)
        await asyncio.sleep(5.0)
        reader.pump.tell(texts.THINKING)
        await reader.read(5.0, "甲", 9.0)

    play(scene())
    assert reader.said == [Said("", texts.BUSY), Said("", texts.THINKING), Said("甲", "")]


def test_thinking_that_is_not_to_be_shown_is_no_news() -> None:
    reader = Reader()
    play(reader.read(Reasoning("让我想想"), 9.0))
    assert reader.dues == 0


def test_a_text_that_is_taken_back_whole_leaves_it_thinking() -> None:
    reader = Reader()
    play(reader.read("不该说的", 9.0, Replace(""), 9.0, "抱歉", 9.0))
    assert reader.said == [Said("不该说的", ""), Said("", texts.THINKING), Said("抱歉", "")]


def test_after_a_tool_it_thinks_again_where_the_text_was_taken_back_whole() -> None:
    reader = Reader()
    play(reader.read("不该说的", Replace(""), ToolStart("orders"), 9.0, ToolEnd("orders"), 9.0))
    assert reader.said == [Said("", ORDERS), Said("", texts.THINKING)]


def test_the_first_text_is_shown_at_once_even_when_a_status_came_before() -> None:
    reader = Reader(Budget(updates=5, min_interval=1.0))
    play(reader.read(ToolStart("orders"), 2.0, "甲", 60.0))
    assert reader.times == [1000.0, 1002.0]


def test_the_first_text_keeps_the_interval_to_a_status_that_came_just_before() -> None:
    reader = Reader()
    play(reader.read(ToolStart("orders"), 0.25, "甲", 60.0))
    assert reader.times == [1000.0, 1001.0]


def test_the_first_text_overtakes_a_status_that_waits_for_its_turn() -> None:
    reader = Reader(Budget(updates=5, min_interval=1.0))
    play(reader.read(ToolStart("orders"), 1.5, ToolEnd("orders"), 0.5, "甲", 60.0))
    assert (reader.times[:2], reader.said[:2]) == ([1000.0, 1002.0], [Said("", ORDERS), Said("甲", "")])


def test_the_first_text_goes_with_a_status_that_is_not_taken_yet() -> None:
    reader = Reader(place_after=0.5)
    play(reader.read(ToolStart("orders"), 0.2, "甲", 9.0))
    assert reader.said == [Said("甲", "")]


def test_the_first_text_follows_a_status_that_is_on_the_wire() -> None:
    reader = Reader(Budget(updates=5, min_interval=1.0), slow=3.0)
    play(reader.read(ToolStart("orders"), 0.2, "甲", 60.0))
    assert (reader.times, reader.said) == ([1003.0, 1006.0], [Said("", ORDERS), Said("甲", "")])


def test_the_beginning_is_that_of_the_text_and_not_of_a_status() -> None:
    reader = Reader()
    play(reader.read(ToolStart("orders"), 9.0, "甲", "乙", 9.0))
    assert reader.began == [1009.0]


def test_an_answer_lasts_from_its_first_text_on() -> None:
    async def read() -> tuple[float | None, float | None]:
        reader = Reader()
        before = reader.pump.lasted
        await reader.pump.run(saying(ToolStart("orders"), 9.0, "甲", 5.0))
        return before, reader.pump.lasted

    assert play(read()) == (None, 5.0)


def test_status_and_text_are_counted_as_one_budget() -> None:
    reader = Reader()
    play(reader.read(ToolStart("orders"), 9.0, "甲", 9.0, "乙", 9.0))
    assert reader.pump.shown == 3


def ado(seconds: int) -> list[Piece]:
    """One tool after the other, with news every half second."""
    return [piece for _ in range(seconds) for piece in (ToolStart("orders"), 0.5, ToolEnd("orders"), 0.5)]


def talk(seconds: int) -> list[Piece]:
    """Text all the time."""
    return [piece for _ in range(2 * seconds) for piece in ("字", 0.5)]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(st.integers(1, 60), st.integers(2, 60), st.integers(1, 30))
def test_however_much_was_done_before_it_the_text_moves_and_the_budget_holds(
    busy: int, speaking: int, updates: int
) -> None:
    reader = Reader(Budget(updates, min_interval=0.8))
    play(reader.read(*ado(busy), *talk(speaking)))
    told = [said for said in reader.said if not said.text]
    assert len(reader.said) <= updates - 1
    assert len(told) <= (updates - 1) / 2
    if updates > 1:
        first = reader.times[len(told)]
        assert first - reader.began[0] <= 0.8 + 1e-6


def test_an_answer_that_follows_five_minutes_of_tools_keeps_moving() -> None:
    reader = Reader(Budget(updates=20, min_interval=0.8))
    play(reader.read(*ado(300), *talk(120)))
    moves = [at for at, said in zip(reader.times, reader.said, strict=True) if said.text]
    assert len(moves) >= 8
    assert max(later - earlier for earlier, later in pairwise([*moves, 1420.0])) <= 60.0
