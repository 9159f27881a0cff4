"""`jit:FULLNAME`: an element of the app that this process runs, in a thread that cannot be stopped by force."""

import asyncio
import builtins
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors.agents import jit_element, threads
from actors.agents.jit import JitAgent, make
from actors.core.events import Begun, Event, Finished, Reasoning, Replace, Text, ToolEnd, ToolStart
from actors.core.question import Question
from actors.errors import SettingsError
from tests.agents.elements import events_of, failure_of, known
from tests.agents.jitai import (
    AIAgent,
    App,
    Assistant,
    Code,
    Gate,
    OlderAgent,
    Proxy,
    Say,
    Script,
    in_turn,
    reasoning,
    saying,
    text,
    tool,
)
from tests.agents.stories import answer_of, ask, outcome, read, text_of, until

Install = Callable[[Any], JitAgent]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts an element into the app of this process."""

    def installed(element: Any) -> JitAgent:
        monkeypatch.setattr(builtins, "app", App(shop=element), raising=False)
        return JitAgent("aiagents.shop")

    return installed


WHOLE = saying(
    reasoning("嗯"),
    tool("services.OrderSvc.find"),
    tool("services.OrderSvc.find", "postEvent"),
    {"type": "TEXT_MESSAGE_CONTENT", "data": None},
    text("七天"),
    returns=[{"type": "ai", "content": "七天内。", "metadata": {}}],
)


@pytest.mark.parametrize("kind", [AIAgent, OlderAgent])
async def test_an_agent_answers_with_all_that_it_says_and_returns(
    install: Install, kind: Callable[[Script], Any]
) -> None:
    events = await events_of(install(kind(WHOLE)))
    expected = [
        Reasoning("嗯"),
        ToolStart("services.OrderSvc.find"),
        ToolEnd("services.OrderSvc.find"),
        Text("七天"),
        Replace("七天内。"),
        Finished(),
    ]
    assert [event for event in events if event in expected] == expected


async def test_an_assistant_answers_with_its_chunks(install: Install) -> None:
    assistant = Assistant(saying({"content": "七天"}, {"content": "内。", "finished": True}))
    assert await outcome(answer_of(install(assistant), known())) == ("七天内。", "")
    assert assistant.terminated == []


async def test_a_new_memory_gets_a_name_that_comes_back_as_its_session(install: Install) -> None:
    element = AIAgent(WHOLE)
    agent = install(element)
    begun = (await events_of(agent, ask()))[0]
    assert isinstance(begun, Begun)
    await events_of(agent, ask().with_session(begun.session))
    assert [chat_id for _, chat_id in element.asked] == [begun.session] * 2


async def test_an_agent_never_runs_on_the_loop(install: Install) -> None:
    seen = []

    def script(_: str, __: Say) -> str:
        seen.append(threading.current_thread())
        return "七天内。"

    await events_of(install(AIAgent(script)))
    assert threading.current_thread() not in seen


# Failures


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (Code(47001, "缺少参数"), "code 47001: 缺少参数"),
        (ValueError("怎么退货？"), "ValueError"),
        (TypeError(), "TypeError"),
    ],
)
async def test_what_an_agent_raises_is_its_failure(install: Install, error: Exception, detail: str) -> None:
    failure = await failure_of(install(AIAgent(saying(error))))
    assert (failure.reason, failure.detail, failure.__cause__) == ("error", detail, error)


async def test_the_text_before_a_failure_stands(install: Install) -> None:
    assert await outcome(answer_of(install(AIAgent(saying(text("七天"), ValueError()))))) == ("七天", "error")


@pytest.mark.parametrize(
    ("events", "tries"), [((), 3), ((reasoning("嗯"),), 3), ((tool("pay"),), 1), ((text("七"),), 1)]
)
async def test_a_run_that_used_a_tool_or_spoke_is_not_repeated(
    install: Install, events: tuple[Any, ...], tries: int
) -> None:
    element = AIAgent(saying(*events, ValueError()))
    await read(answer_of(install(element), known()))
    assert len(element.asked) == tries


async def test_an_agent_that_is_not_initialized_is_said_to_be_so(install: Install) -> None:
    element = AIAgent(saying(AttributeError()))
    element.initialized = False
    failure = await failure_of(install(element))
    assert (failure.reason, failure.detail) == ("unavailable", "aiagents.shop says that it is not initialized")


async def test_an_element_that_has_gone_since_is_a_failure_of_its_answer(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = install(AIAgent(WHOLE))
    monkeypatch.setattr(builtins, "app", App())
    assert (await failure_of(agent)).detail == "code 46001: 元素aiagents.shop不存在"


# An answer that is stopped


@pytest.fixture
def gate() -> Any:
    gate = Gate()
    yield gate
    gate.go.set()


async def stopped_in_the_middle(agent: JitAgent, question: Question | None = None) -> None:
    events = agent.answer(question or known())
    while not isinstance(await anext(events), Text):
        pass
    await events.aclose()


async def test_an_agent_that_is_stopped_ends_at_the_next_thing_it_says(install: Install, gate: Gate) -> None:
    await stopped_in_the_middle(install(AIAgent(gate)))
    gate.go.set()
    await until(lambda: bool(gate.ends))
    assert gate.ends == ["Stopped"]


async def test_an_agent_that_forgives_every_exception_is_stopped_all_the_same(install: Install, gate: Gate) -> None:
    def forgiving(asked: str, say: Say) -> Any:
        def say_somehow(event: Any) -> None:
            try:
                say(event)
            except Exception:  # noqa: BLE001  as frameworks guard the callbacks of others
                gate.ends.append("forgiven")

        return gate(asked, say_somehow)

    await stopped_in_the_middle(install(AIAgent(forgiving)))
    gate.go.set()
    await until(lambda: bool(gate.ends))
    assert gate.ends == ["Stopped"]


async def test_an_assistant_that_is_stopped_is_told_to_terminate(install: Install) -> None:
    go = threading.Event()
    assistant = Assistant(saying({"content": "七天"}, lambda: go.wait(60), {"content": "内。"}))
    await stopped_in_the_middle(install(Proxy(assistant)))
    await until(lambda: bool(assistant.terminated))
    go.set()
    await until(lambda: assistant.closed == 1)
    assert assistant.terminated == ["c1"]


async def test_an_assistant_that_cannot_be_terminated_harms_nobody(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn(Assistant):
        def terminate(self, chatId: str) -> bool:  # noqa: N803
            raise Code(47002, "怎么退货？")

    caplog.set_level(logging.WARNING)
    chunks = [{"content": "七天"}] * 20
    await stopped_in_the_middle(install(Stubborn(saying(*chunks))))
    await until(lambda: bool(caplog.records))
    (record,) = caplog.records
    assert (record.action, record.error) == ("agent_stop_failed", "Code")  # type: ignore[attr-defined]


async def test_the_next_question_of_a_memory_waits_for_the_end_of_the_run_before(install: Install, gate: Gate) -> None:
    element = AIAgent(in_turn(gate, WHOLE))
    agent = install(element)
    await stopped_in_the_middle(agent)
    waiting = asyncio.create_task(events_of(agent))
    elsewhere = await asyncio.wait({waiting}, timeout=0.1)
    assert (elsewhere[0], len(element.asked)) == (set(), 1)
    gate.go.set()
    assert (await waiting)[-1] == Finished()
    assert len(element.asked) == 2


async def test_a_run_that_does_not_end_fails_the_next_question_in_time(
    install: Install, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit_element, "FORMER_GRACE", 0.05)
    element = AIAgent(gate)
    agent = install(element)
    await stopped_in_the_middle(agent)
    failure = await failure_of(agent)
    assert (failure.reason, "is still at work after 0.05 s" in failure.detail) == ("unavailable", True)
    assert (failure.retryable, len(element.asked)) == (False, 1)


async def test_other_memories_are_not_held_up(install: Install, gate: Gate) -> None:
    agent = install(AIAgent(in_turn(gate, WHOLE)))
    await stopped_in_the_middle(agent)
    assert (await events_of(agent, ask().with_session("c2")))[-1] == Finished()


async def test_a_thread_that_is_left_behind_is_reported(
    install: Install, gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "STOP_GRACE", 0.05)
    caplog.set_level(logging.WARNING)
    await stopped_in_the_middle(install(AIAgent(gate)))
    await until(lambda: bool(caplog.records))
    assert [record.action for record in caplog.records] == ["agent_thread_left_behind"]  # type: ignore[attr-defined]


# An assistant that waits for a person

WAITS = {"type": "INTERRUPT", "data": {"nodeId": "human_1", "content": "确认退款吗？"}}


def session_after(events: list[Event], before: str) -> str:
    """The session that the next question comes with."""
    return next((event.session for event in reversed(events) if isinstance(event, Begun)), before)


async def test_the_next_word_of_a_person_goes_to_the_node_that_waits_for_it(install: Install) -> None:
    refunded, there = saying({"content": "已退款。", "finished": True}), saying({"content": "在。"})
    assistant = Assistant(in_turn(saying(WAITS), refunded, there))
    agent = install(assistant)
    asked = await events_of(agent)
    assert text_of(asked) == "确认退款吗？"
    session = session_after(asked, "c1")
    confirmed = await events_of(agent, ask("确认").with_session(session))
    assert text_of(confirmed) == "已退款。"
    assert assistant.resumed == [("c1", "human_1", {"user_input": "确认", "user_confirm": True})]
    session = session_after(confirmed, session)
    await events_of(agent, ask("在吗？").with_session(session))
    assert assistant.asked[-1] == ("在吗？", "c1")


async def test_an_assistant_that_cannot_go_on_begins_anew_with_the_next_question(install: Install) -> None:
    agent = install(Assistant(saying(ValueError())))
    heard, failure = await read(answer_of(agent, ask().with_session("c1 human_1"), attempts=1))
    assert failure is not None
    assert session_after([event for event in heard if isinstance(event, Begun)], "") == "c1"


# Set-up


def problem_of(rest: str) -> str:
    with pytest.raises(SettingsError) as caught:
        make(rest, None)  # type: ignore[arg-type]
    [problem] = caught.value.problems
    return problem


def test_an_agent_is_made_of_an_element_that_the_app_has(install: Install) -> None:
    install(AIAgent(WHOLE))
    assert make(" aiagents.shop", None).name == "jit"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("aiagents.shoe", "AGENT='jit:aiagents.shoe': the app has no such element (Code: 元素aiagents.shoe不存在)"),
        ("", "AGENT='jit:': names no element"),
        (" ", "AGENT='jit:': names no element"),
    ],
)
def test_a_name_without_an_element_is_named(install: Install, rest: str, problem: str) -> None:
    install(AIAgent(WHOLE))
    assert problem_of(rest).startswith(problem)


def test_an_element_that_nobody_can_ask_is_named(install: Install) -> None:
    install(object())
    assert "has no run(), so it is neither an agent nor an assistant" in problem_of("aiagents.shop")


def test_an_app_may_say_none_of_an_element_that_it_has_not(install: Install) -> None:
    install(None)
    assert "the app has no such element (LookupError: no such element)" in problem_of("aiagents.shop")


def test_outside_jitnode_it_is_said_what_to_do() -> None:
    problem = problem_of("aiagents.shop")
    assert problem.startswith("AGENT='jit:aiagents.shop': is to be had only inside JitNode")
    assert problem.endswith("use jit+https://HOST/ORG/APP/aiagents.shop")
