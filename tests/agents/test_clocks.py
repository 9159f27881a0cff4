"""The clocks of an answer, and how an agent is let go: at once when it listens, in bounded time when it does not."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from actors.agents import run
from actors.agents.answering import Clocks
from actors.core.backoff import Backoff
from actors.core.events import Event, Finished, Reasoning, Text
from actors.core.question import Question
from actors.errors import AgentFailed
from tests.agents.stories import PATIENT, HandClock, Scripted, answer_of, outcome, read, saying, silence, until
from tests.runtime.virtual_time import play


def clocks(*, first_token: float = 60, idle: float = 60, total: float = 600) -> Clocks:
    return Clocks(connect=60, first_token=first_token, idle=idle, total=total)


class Speaking:
    """A script: a word after each of these pauses, in seconds; then nothing ever."""

    def __init__(self, *pauses: float) -> None:
        self._pauses = pauses

    async def __call__(self, _: Question) -> AsyncGenerator[Event, None]:
        for pause in self._pauses:
            await asyncio.sleep(pause)
            yield Text("字")
        await asyncio.sleep(3600)


async def how_long(script: Speaking, clocks: Clocks, *, pause: float = 0) -> tuple[str, float]:
    """Why an answer failed, and after how many seconds; its reader pauses after each event."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async for _ in answer_of(Scripted(script), clocks=clocks, attempts=1, monotonic=loop.time):
            await asyncio.sleep(pause)
    except AgentFailed as failure:
        return failure.reason, round(loop.time() - began, 3)
    return "", round(loop.time() - began, 3)


async def test_an_agent_that_says_nothing_runs_out_of_its_first_token_time() -> None:
    _, reason = await outcome(answer_of(Scripted(silence), clocks=clocks(first_token=0.05), attempts=1))
    assert reason == "first_token_timeout"


async def test_a_late_first_token_is_not_tried_again() -> None:
    agent = Scripted(silence, saying(Text("在。"), Finished()))
    assert await outcome(answer_of(agent, clocks=clocks(first_token=0.05))) == ("", "first_token_timeout")
    assert agent.tries == 1


async def test_thinking_does_not_stop_the_first_token_clock() -> None:
    clock = HandClock()
    agent = Scripted(clock.slowly(25, *[Reasoning("hm")] * 9, Text("好"), Finished()))
    heard, failure = await read(answer_of(agent, clocks=clocks(first_token=60), attempts=1, monotonic=clock))
    assert (len(heard), failure and failure.reason) == (3, "first_token_timeout")


async def test_each_try_has_a_first_token_clock_of_its_own() -> None:
    clock = HandClock()
    busy = AgentFailed("error")
    agent = Scripted(clock.slowly(50, busy), clock.slowly(50, busy), clock.slowly(50, Text("好"), Finished()))
    assert await outcome(answer_of(agent, clocks=clocks(first_token=60), monotonic=clock)) == ("好", "")


async def test_an_agent_that_falls_silent_runs_out_of_its_idle_time() -> None:
    async def script(asked: Question) -> AsyncGenerator[Event, None]:
        yield Text("七天")
        async for event in silence(asked):
            yield event

    assert await outcome(answer_of(Scripted(script), clocks=clocks(idle=0.05))) == ("七天", "idle_timeout")


async def test_every_sign_of_life_starts_the_idle_clock_anew() -> None:
    clock = HandClock()
    agent = Scripted(clock.slowly(50, Text("七"), *[Reasoning("hm")] * 4, Text(""), Text("天"), Finished()))
    assert await outcome(answer_of(agent, clocks=clocks(idle=60), monotonic=clock)) == ("七天", "")


async def test_an_answer_that_grows_for_ever_runs_out_of_its_time() -> None:
    clock = HandClock()
    agent = Scripted(clock.slowly(50, *[Text("字")] * 100))
    heard, failure = await read(answer_of(agent, clocks=clocks(total=600), monotonic=clock))
    assert (len(heard), failure and failure.reason) == (12, "timeout")


def test_the_idle_clock_runs_from_the_last_event() -> None:
    assert play(how_long(Speaking(20, 20, 20, 20), clocks(idle=30))) == ("idle_timeout", 4 * 20 + 30)


def test_the_idle_clock_may_be_over_before_the_first_token_clock_would_have_been() -> None:
    assert play(how_long(Speaking(1), clocks(first_token=60, idle=10))) == ("idle_timeout", 1 + 10)


def test_the_idle_clock_runs_after_a_long_pause_of_the_reader() -> None:
    assert play(how_long(Speaking(1, 1), clocks(idle=30), pause=100)) == ("idle_timeout", 1 + 2 * 100 + 30)


async def test_the_total_acts_while_an_agent_is_silent() -> None:
    assert await outcome(answer_of(Scripted(silence), clocks=clocks(total=0.05))) == ("", "timeout")


async def test_a_stream_of_nothing_runs_out_of_time() -> None:
    async def script(_: Question) -> AsyncGenerator[Event, None]:
        while True:
            yield Text("")

    _, reason = await outcome(answer_of(Scripted(script), clocks=clocks(first_token=0.05), attempts=1))
    assert reason == "first_token_timeout"


async def test_the_total_covers_all_tries() -> None:
    clock = HandClock()
    agent = Scripted(clock.slowly(250, AgentFailed("error")))
    await read(answer_of(agent, clocks=clocks(first_token=300, total=600), attempts=9, monotonic=clock))
    assert agent.tries == 3


async def test_the_total_covers_the_waits_between_tries() -> None:
    agent = Scripted(saying(AgentFailed("error")))
    backoff = Backoff(initial=0.05, multiplier=1, maximum=0.05, jitter=0)
    await read(answer_of(agent, clocks=clocks(total=0.2), attempts=99, backoff=backoff))
    assert agent.tries < 99


async def test_when_the_time_is_over_nothing_is_tried_again() -> None:
    _, failure = await read(answer_of(Scripted(silence), clocks=clocks(total=0.05)))
    assert failure
    assert not failure.retryable


async def test_a_pause_of_the_reader_does_not_count_as_idleness() -> None:
    resumed = asyncio.Event()

    async def script(_: Question) -> AsyncGenerator[Event, None]:
        yield Text("七")
        await resumed.wait()
        yield Text("天")
        yield Finished()

    events = answer_of(Scripted(script), clocks=clocks(idle=0.5))
    await anext(events)
    await asyncio.sleep(0.7)  # the pause itself
    resumed.set()
    assert await anext(events) == Text("天")
    await events.aclose()


async def test_a_pause_of_the_reader_does_not_count_as_time_of_the_answer() -> None:
    clock = HandClock()
    events = answer_of(Scripted(saying(Text("七"), Text("天"), Finished())), monotonic=clock)
    heard = []
    async for event in events:
        heard.append(event)
        clock.now += 10 * PATIENT.total
    assert heard[-1] == Finished()


class Watched:
    """A script that never finishes, and what happened to it."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    async def __call__(self, _: Question) -> AsyncGenerator[Event, None]:
        try:
            yield Text("七")
            self.steps.append("went on")
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.steps.append("cancelled")
            raise
        finally:
            self.steps.append("closed")


async def test_closing_an_answer_closes_its_agent_first() -> None:
    script = Watched()
    events = answer_of(Scripted(script))
    await anext(events)
    await events.aclose()
    assert script.steps[-1] == "closed"


async def test_cancelling_the_reader_closes_the_agent() -> None:
    script = Watched()
    reader = asyncio.create_task(read(answer_of(Scripted(script))))
    await until(lambda: script.steps == ["went on"])
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert script.steps == ["went on", "cancelled", "closed"]


async def test_cancelling_the_reader_ends_a_wait_between_tries() -> None:
    agent = Scripted(saying(AgentFailed("error")))
    backoff = Backoff(initial=60, multiplier=1, maximum=60, jitter=0)
    reader = asyncio.create_task(read(answer_of(agent, backoff=backoff)))
    await until(lambda: agent.tries == 1)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert agent.tries == 1


async def test_closing_an_answer_that_its_reader_did_not_keep_up_with_is_quick() -> None:
    events = answer_of(Scripted(saying(*[Text("字")] * (run.AHEAD + 1), Finished())))
    await anext(events)
    await until(lambda: len(run._running) == 1)
    async with asyncio.timeout(run.CLOSE_GRACE * 0.75):
        await events.aclose()


async def test_an_agent_is_opened_read_and_closed_in_one_task() -> None:
    tasks = set()

    async def script(_: Question) -> AsyncGenerator[Event, None]:
        try:
            while True:
                tasks.add(asyncio.current_task())
                yield Text("字")
        finally:
            tasks.add(asyncio.current_task())

    events = answer_of(Scripted(script))
    await anext(events)
    await events.aclose()
    assert len(tasks) == 1


async def test_an_agent_that_has_finished_may_clean_up_undisturbed() -> None:
    cleaned = False

    async def script(_: Question) -> AsyncGenerator[Event, None]:
        nonlocal cleaned
        try:
            yield Text("好")
            yield Finished()
        finally:
            await asyncio.sleep(0.05)
            cleaned = True

    await read(answer_of(Scripted(script)))
    assert cleaned


async def test_a_failing_clean_up_is_logged_and_does_not_spoil_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def script(_: Question) -> AsyncGenerator[Event, None]:
        try:
            yield Text("好")
            yield Finished()
        finally:
            raise OSError

    _, failure = await read(answer_of(Scripted(script)))
    assert failure is None
    assert [record.action for record in caplog.records] == ["agent_stop_failed"]  # type: ignore[attr-defined]


class Stubborn:
    """A script that swallows its cancellation until it is released, and would then go on talking."""

    def __init__(self) -> None:
        self.released = False
        self.went_on = False
        self.ended = False

    async def __call__(self, _: Question) -> AsyncGenerator[Event, None]:
        try:
            yield Text("七")
            while not self.released:
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    continue
            yield Text("天")
            self.went_on = True
        finally:
            self.ended = True


@pytest.fixture
def stubborn(monkeypatch: pytest.MonkeyPatch) -> Stubborn:
    monkeypatch.setattr(run, "CLOSE_GRACE", 0.05)
    return Stubborn()


async def test_an_agent_that_ignores_its_cancellation_is_left_behind(
    stubborn: Stubborn, caplog: pytest.LogCaptureFixture
) -> None:
    events = answer_of(Scripted(stubborn))
    await anext(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait({waiting})
    assert not stubborn.ended
    assert [record.action for record in caplog.records] == ["agent_left_behind"]  # type: ignore[attr-defined]
    stubborn.released = True
    await until(lambda: stubborn.ended)


async def test_an_agent_that_was_left_behind_is_stopped_at_its_next_word(stubborn: Stubborn) -> None:
    await read(answer_of(Scripted(stubborn), clocks=clocks(idle=0.05)))
    stubborn.released = True
    await until(lambda: stubborn.ended)
    assert not stubborn.went_on


async def test_nothing_is_left_running() -> None:
    await read(answer_of(Scripted(saying(Text("好"), Finished()))))
    await read(answer_of(Scripted(silence), clocks=clocks(first_token=0.02)))
    await until(lambda: not run._running)
