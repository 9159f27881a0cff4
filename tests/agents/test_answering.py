"""What comes out of an answer, whatever its agent does: the retry, the end that must be seen, and what is reported."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.agents import answering as module
from actors.agents.run import AHEAD
from actors.core.backoff import Backoff
from actors.core.events import (
    Alive,
    Event,
    Finished,
    Progress,
    Reasoning,
    Replace,
    Retrying,
    Text,
    ToolEnd,
    ToolStart,
    Used,
)
from actors.core.question import Question
from actors.errors import AgentFailed
from tests.agents.stories import (
    PATIENT,
    Scripted,
    answer_of,
    ask,
    counted,
    outcome,
    read,
    saying,
    text_of,
    until,
)
from tests.runtime.virtual_time import play

BUSY = AgentFailed("error", "HTTP 503")


async def test_an_answer_is_handed_on_event_by_event() -> None:
    said = (Reasoning("hm"), ToolStart("orders"), ToolEnd("orders"), Text("七天"), Text("内"), Finished("length"))
    heard, failure = await read(answer_of(Scripted(saying(*said))))
    assert (tuple(heard), failure) == (said, None)


async def test_a_failure_before_the_first_text_is_tried_again() -> None:
    agent = Scripted(saying(BUSY), saying(Reasoning("hm"), BUSY), saying(Text("可以。"), Finished()))
    heard, _ = await read(answer_of(agent))
    assert heard == [Retrying(), Reasoning("hm"), Retrying(), Text("可以。"), Finished()]


async def test_another_try_is_told_before_the_wait_for_it() -> None:
    slow = Backoff(initial=60, multiplier=1, maximum=60, jitter=0)
    agent = Scripted(saying(BUSY))
    events = answer_of(agent, backoff=slow)
    async with asyncio.timeout(20):
        assert await anext(events) == Retrying()
    assert agent.tries == 1
    await events.aclose()


async def test_another_try_is_told_once_for_each() -> None:
    heard, _ = await read(answer_of(Scripted(saying(BUSY)), attempts=3))
    assert heard == [Retrying()] * 2


async def test_no_other_try_is_told_after_the_last() -> None:
    heard, _ = await read(answer_of(Scripted(saying(BUSY)), attempts=1))
    assert heard == []


async def test_no_other_try_is_told_where_none_can_help() -> None:
    heard, _ = await read(answer_of(Scripted(saying(AgentFailed("error", "no such model", retryable=False)))))
    assert heard == []


async def test_no_other_try_is_told_after_the_first_text() -> None:
    heard, _ = await read(answer_of(Scripted(saying(Text("七"), BUSY))))
    assert heard == [Text("七")]


async def test_no_other_try_is_told_where_its_wait_would_outlast_the_answer() -> None:
    endless = Backoff(initial=PATIENT.total, multiplier=1, maximum=PATIENT.total, jitter=0)
    heard, _ = await read(answer_of(Scripted(saying(BUSY)), backoff=endless))
    assert heard == []


def test_what_is_told_of_another_try_comes_true() -> None:
    """The wait is drawn once: the one that was weighed against the clock is the one that is waited."""
    chancy = Backoff(initial=1, multiplier=1, maximum=1, jitter=28)
    seen = set()
    for _ in range(40):
        agent = Scripted(saying(BUSY))
        answer = answer_of(
            agent,
            clocks=replace(PATIENT, total=15),
            attempts=2,
            backoff=chancy,
            monotonic=lambda: asyncio.get_running_loop().time(),
        )
        heard, _ = play(read(answer))
        assert len(heard) == agent.tries - 1
        seen.add(agent.tries)
    assert seen == {1, 2}


async def test_an_answer_can_be_closed_at_the_word_of_another_try() -> None:
    agent = Scripted(saying(BUSY))
    events = answer_of(agent)
    await anext(events)
    await events.aclose()
    assert agent.tries == 1


async def test_tries_come_to_an_end_with_the_last_failure() -> None:
    agent = Scripted(saying(BUSY), saying(BUSY), saying(AgentFailed("error", "HTTP 500")))
    _, failure = await read(answer_of(agent, attempts=3))
    assert (agent.tries, str(failure)) == (3, "error: HTTP 500")


async def test_one_attempt_means_no_retry() -> None:
    agent = Scripted(saying(BUSY))
    await read(answer_of(agent, attempts=1))
    assert agent.tries == 1


async def test_what_another_try_cannot_help_is_not_tried_again() -> None:
    agent = Scripted(saying(AgentFailed("error", "no such model", retryable=False)))
    await read(answer_of(agent))
    assert agent.tries == 1


async def test_a_connect_timeout_is_the_adapters_and_is_tried_again() -> None:
    agent = Scripted(saying(AgentFailed("connect_timeout")), saying(Text("在。"), Finished()))
    heard, _ = await read(answer_of(agent))
    assert text_of(heard) == "在。"


@pytest.mark.parametrize("first", [Text("七"), Replace("七")])
async def test_after_the_first_text_nothing_is_tried_again(first: Event) -> None:
    agent = Scripted(saying(first, BUSY))
    await read(answer_of(agent))
    assert agent.tries == 1


async def test_what_was_said_before_a_failure_is_kept() -> None:
    heard, failure = await read(answer_of(Scripted(saying(Text("七天"), Text("内"), BUSY))))
    assert (text_of(heard), failure) == ("七天内", BUSY)


async def test_a_stream_that_merely_stops_is_torn() -> None:
    heard, failure = await read(answer_of(Scripted(saying(Text("七天")))))
    assert (text_of(heard), failure and failure.reason) == ("七天", "truncated")


async def test_a_stream_that_stops_before_its_first_text_is_tried_again() -> None:
    agent = Scripted(saying(), saying(Text("在。"), Finished()))
    heard, _ = await read(answer_of(agent))
    assert text_of(heard) == "在。"


@pytest.mark.parametrize("said", [(), (Text(""),), (Text(" "), Text("\n\n")), (Replace(" "),), (Reasoning("hm"),)])
async def test_an_answer_without_text_is_empty_and_tried_again(said: tuple[Event, ...]) -> None:
    agent = Scripted(saying(*said, Finished()))
    _, failure = await read(answer_of(agent, attempts=2))
    assert (failure and failure.reason, agent.tries) == ("empty", 2)


async def test_a_blank_beginning_is_left_out() -> None:
    heard, _ = await read(answer_of(Scripted(saying(Text(""), Text("\n"), Text("好"), Text(" "), Finished()))))
    assert heard == [Text("好"), Text(" "), Finished()]


async def test_an_answer_that_was_taken_back_is_empty_but_not_tried_again() -> None:
    agent = Scripted(saying(Text("好"), Replace(""), Finished()))
    heard, failure = await read(answer_of(agent))
    assert (heard, failure and failure.reason, agent.tries) == ([Text("好"), Replace("")], "empty", 1)


async def test_nothing_follows_the_end() -> None:
    heard, failure = await read(answer_of(Scripted(saying(Text("好"), Finished(), Text("吗"), BUSY))))
    assert (heard, failure) == ([Text("好"), Finished()], None)


@pytest.mark.parametrize("error", [ValueError("?"), KeyError(), SystemExit(3), KeyboardInterrupt(), TimeoutError()])
async def test_an_exception_of_the_agents_own_is_a_failure_named_by_its_class(error: BaseException) -> None:
    _, failure = await read(answer_of(Scripted(saying(error)), attempts=1))
    assert str(failure) == f"error: {type(error).__name__}"


async def test_an_agent_that_cancels_itself_has_failed() -> None:
    _, failure = await read(answer_of(Scripted(saying(asyncio.CancelledError())), attempts=1))
    assert str(failure) == "error: CancelledError"


async def test_an_agent_that_cannot_even_begin_has_failed() -> None:
    def script(_: Question) -> AsyncIterator[Event]:
        raise ConnectionError

    _, failure = await read(answer_of(Scripted(script), attempts=1))
    assert str(failure) == "error: ConnectionError"


async def test_a_plain_string_is_not_an_event() -> None:
    async def script(_: Question) -> AsyncGenerator[Event, None]:
        yield "七天"  # type: ignore[misc]

    _, failure = await read(answer_of(Scripted(script), attempts=1))
    assert str(failure) == "error: TypeError"


async def test_an_iterator_without_aclose_will_do(caplog: pytest.LogCaptureFixture) -> None:
    class Bare:
        def __init__(self) -> None:
            self.left: list[Event] = [Finished(), Text("好")]

        def __aiter__(self) -> "Bare":
            return self

        async def __anext__(self) -> Event:
            return self.left.pop()

    heard, failure = await read(answer_of(Scripted(lambda _: Bare())))
    assert (heard, failure, caplog.records) == ([Text("好"), Finished()], None, [])


async def test_each_failed_try_is_counted_once() -> None:
    labels = {"robot": "dingshop", "agent": "scripted", "reason": "truncated"}
    before = counted("agent_errors", **labels)
    await read(answer_of(Scripted(saying()), attempts=3))
    assert counted("agent_errors", **labels) - before == 3


async def test_each_retry_is_counted_once() -> None:
    before = counted("retries", scope="agent", reason="truncated")
    await read(answer_of(Scripted(saying()), attempts=3))
    assert counted("retries", scope="agent", reason="truncated") - before == 2


async def test_a_reason_of_an_agents_own_does_not_become_a_label() -> None:
    labels = {"robot": "dingshop", "agent": "scripted", "reason": "error"}
    before = counted("agent_errors", **labels)
    await read(answer_of(Scripted(saying(AgentFailed("小兰问的话"))), attempts=1))
    assert counted("agent_errors", **labels) - before == 1


async def test_a_failed_try_is_logged_once_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await read(answer_of(Scripted(saying(ValueError("?"))), attempts=1))
    [record] = caplog.records
    assert record.action == "agent_failed"  # type: ignore[attr-defined]
    assert "stories.py" in record.frames  # type: ignore[attr-defined]


async def test_the_log_does_not_quote_the_customer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    question = ask("我的电话是13800000000")

    async def script(asked: Question) -> AsyncGenerator[Event, None]:
        yield Reasoning("hm")
        try:
            raise KeyError(asked.text)
        except KeyError as error:
            raise ValueError(f"cannot answer {asked.text}") from error

    await read(answer_of(Scripted(script), question))
    assert caplog.records
    assert not [record for record in caplog.records if question.text in f"{record.__dict__}{caplog.text}"]


async def test_the_whole_exception_is_there_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await read(answer_of(Scripted(saying(ValueError("the cause"))), attempts=1))
    assert "the cause" in caplog.text


async def test_ten_thousand_pieces_come_quickly_and_in_order() -> None:
    pieces = [Text(f"{number} ") for number in range(10_000)]
    async with asyncio.timeout(20):
        heard, _ = await read(answer_of(Scripted(saying(*pieces, Finished()))))
    assert heard == [*pieces, Finished()]


async def test_an_answer_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 10)
    agent = Scripted(saying(Text("字" * 5), Replace("字" * 6), Text("字" * 4), Text("字"), Finished()))
    assert await outcome(answer_of(agent)) == ("字" * 10, "error")


async def test_a_first_word_without_end_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 10)
    agent = Scripted(saying(Text("字" * 11), Finished()))
    assert await outcome(answer_of(agent)) == ("", "error")
    assert agent.tries == 1


async def test_an_agent_is_held_back_while_its_reader_pauses() -> None:
    said = 0

    async def script(_: Question) -> AsyncGenerator[Event, None]:
        nonlocal said
        while True:
            said += 1
            yield Text("字")

    events = answer_of(Scripted(script))
    await anext(events)
    for _ in range(10 * AHEAD):
        await asyncio.sleep(0)
    await events.aclose()
    assert said <= AHEAD + 2


async def test_the_waits_between_tries_follow_the_backoff() -> None:
    slow = Backoff(initial=0.05, multiplier=2, maximum=1, jitter=0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await read(answer_of(Scripted(saying(BUSY)), attempts=3, backoff=slow))
    assert loop.time() - began >= 0.14


async def test_a_wait_that_would_outlast_the_answer_is_not_begun() -> None:
    endless = Backoff(initial=PATIENT.total, multiplier=1, maximum=PATIENT.total, jitter=0)
    agent = Scripted(saying(BUSY))
    _, failure = await read(answer_of(agent, backoff=endless))
    assert (agent.tries, failure) == (1, BUSY)


async def test_every_run_of_an_agent_ends_with_its_answer() -> None:
    closed = 0

    async def script(_: Question) -> AsyncGenerator[Event, None]:
        nonlocal closed
        try:
            yield Reasoning("hm")
            raise BUSY
        finally:
            closed += 1

    await read(answer_of(Scripted(script), attempts=3))
    await until(lambda: closed == 3)


@pytest.mark.parametrize("event", [Text(None), Replace(7), Reasoning(b"hm"), ToolStart(None), Finished(None)])  # type: ignore[arg-type]
async def test_an_event_that_holds_no_text_is_a_failure_of_the_agent(event: Event) -> None:
    heard, failure = await read(answer_of(Scripted(saying(Text("七天"), event)), attempts=1))
    assert heard == [Text("七天")]
    assert failure is not None
    assert failure.detail == "TypeError"


texts = st.sampled_from(["", " ", "\n", "好", "七天 ", "  内"])
spoken = st.lists(
    st.one_of(
        st.builds(Text, texts), st.builds(Replace, texts), st.builds(Reasoning, texts), st.just(ToolStart("orders"))
    ),
    max_size=40,
)


@given(spoken, st.sampled_from([Finished(), BUSY, None]))
def test_from_the_first_text_on_nothing_is_lost_or_invented(said: list[Event], end: Event | AgentFailed | None) -> None:
    def begins(event: Event) -> bool:
        return isinstance(event, Text | Replace) and bool(event.text.strip())

    first = next((number for number, event in enumerate(said) if begins(event)), len(said))
    expected: list[Progress] = [event for event in said[:first] if not isinstance(event, Text | Replace)]
    expected += said[first:]
    whole = bool(text_of(said).strip()) and isinstance(end, Finished)

    heard, failure = asyncio.run(read(answer_of(Scripted(saying(*said, end)), attempts=1)))
    assert heard == [*expected, Finished()] if whole else heard == expected
    assert (failure is None) == whole


def test_another_try_waits_as_long_as_the_back_end_asks_to_be_left_alone() -> None:
    too_fast = AgentFailed("throttled", "HTTP 429", retry_after=7.0)

    async def waited() -> float:
        clock = asyncio.get_running_loop().time
        began = clock()
        heard, _ = await read(answer_of(Scripted(saying(too_fast), saying(Text("可以。"), Finished()))))
        assert text_of(heard) == "可以。"
        return clock() - began

    assert play(waited()) == pytest.approx(7.0, abs=0.1)


async def test_a_back_end_that_wants_to_be_left_alone_for_longer_than_anybody_waits_is_not_asked_again() -> None:
    closed = AgentFailed("throttled", "HTTP 429", retry_after=PATIENT.first_token)
    agent = Scripted(saying(closed))
    await read(answer_of(agent))
    assert agent.tries == 1


async def test_a_sign_of_life_is_not_handed_on() -> None:
    heard, _ = await read(answer_of(Scripted(saying(Alive(), Text("七"), Alive(), Finished()))))
    assert heard == [Text("七"), Finished()]


async def test_what_an_answer_cost_is_counted_and_not_handed_on() -> None:
    def tokens() -> tuple[float, ...]:
        return tuple(
            counted("agent_tokens", robot="dingshop", agent="scripted", kind=kind) for kind in ("read", "written")
        )

    before = tokens()
    heard, _ = await read(answer_of(Scripted(saying(Text("七"), Used(30, 4), Finished()))))
    assert heard == [Text("七"), Finished()]
    assert tuple(now - then for now, then in zip(tokens(), before, strict=True)) == (30, 4)


async def test_a_cost_that_is_no_number_is_the_agents_failure() -> None:
    _, failure = await read(answer_of(Scripted(saying(Text("七"), Used("30", 4), Finished()))))  # type: ignore[arg-type]
    assert failure is not None
