"""`jit+https:`: an element of an app elsewhere, over signed calls to the real bridge element."""

import asyncio
import builtins
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from actors.agents import jit_bridge, jit_element
from actors.agents.jit_bridge import CALL_WITHIN, POLL_TRIES, BridgedAgent, make, make_plain
from actors.agents.setup import Setup, no_session
from actors.core.events import Begun, Finished, Reasoning, Replace, Text, ToolEnd, ToolStart
from actors.errors import SettingsError
from actors.variables import Variables
from tests.agents.elements import events_of, failure_of, known
from tests.agents.jit_node import KEY, SECRET, Fault, Node, failed, jit_node, replied, signed
from tests.agents.jitai import AIAgent, App, Assistant, Code, Gate, OlderAgent, in_turn, reasoning, saying, text, tool
from tests.agents.stories import answer_of, ask, outcome, read, text_of, until

WHOLE = saying(
    reasoning("嗯"),
    tool("services.OrderSvc.find"),
    tool("services.OrderSvc.find", "postEvent"),
    text("七天"),
    returns=[{"type": "ai", "content": "七天内。", "metadata": {}}],
)
SPOKEN = saying(text("七天"), text("内。"))


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with jit_node() as node:
        yield node


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Outside:
    """A service outside the node."""

    def __init__(self, node: Node, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
        self._node = node
        self._session = session
        self._monkeypatch = monkeypatch

    def agent(self, element: Any, **settings: Any) -> BridgedAgent:
        """The agent, whose element is this one."""
        self._monkeypatch.setattr(builtins, "app", App(shop=element), raising=False)
        known = {"jit_access_key": KEY, "jit_access_secret": SECRET} | settings
        setup = Setup(Variables.model_validate(known), lambda: self._session)
        return make_plain(self._node.agent.removeprefix("jit+http:"), setup)


@pytest.fixture
def outside(node: Node, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> Outside:
    return Outside(node, session, monkeypatch)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.go.set()


def once(instead: Callable[[], web.StreamResponse], times: int = 1) -> Fault:
    """A fault that happens so many times."""
    left = iter(range(times))
    return lambda _: instead() if next(left, None) is not None else None


def always(instead: Callable[[], web.StreamResponse]) -> Fault:
    """A fault that never ends."""
    return lambda _: instead()


def broken() -> web.Response:
    return web.Response(status=502, text="bad gateway")


# Answers


@pytest.mark.parametrize("kind", [AIAgent, OlderAgent])
async def test_an_agent_answers_with_all_that_it_says_and_returns(outside: Outside, kind: type[Any]) -> None:
    assert await events_of(outside.agent(kind(WHOLE))) == [
        Reasoning("嗯"),
        ToolStart("services.OrderSvc.find"),
        ToolEnd("services.OrderSvc.find"),
        Text("七天"),
        Replace("七天内。"),
        Finished(),
    ]


async def test_an_assistant_answers_with_its_chunks(outside: Outside) -> None:
    assistant = Assistant(saying({"content": "七天"}, {"content": "内。", "finished": True}))
    assert await outcome(answer_of(outside.agent(assistant), known())) == ("七天内。", "")


async def test_text_comes_while_the_agent_goes_on(outside: Outside, gate: Gate) -> None:
    async with aclosing(outside.agent(AIAgent(gate)).answer(known())) as events:
        assert await anext(events) == Text("七天")
        assert not gate.ends
        gate.go.set()
        assert [event async for event in events] == [Text("内。"), Finished()]


async def test_a_new_memory_gets_a_name_that_comes_back_as_its_session(outside: Outside) -> None:
    element = AIAgent(SPOKEN)
    agent = outside.agent(element)
    begun = (await events_of(agent, ask()))[0]
    assert isinstance(begun, Begun)
    await events_of(agent, replace(ask(), message_id="msg-2").with_session(begun.session))
    assert [chat_id for _, chat_id in element.asked] == [begun.session] * 2


async def test_the_next_word_of_a_person_goes_to_the_node_that_waits_for_it(outside: Outside) -> None:
    waits = saying({"type": "INTERRUPT", "data": {"nodeId": "human_1", "content": "确认退款吗？"}})
    assistant = Assistant(in_turn(waits, saying({"content": "已退款。", "finished": True})))
    agent = outside.agent(assistant)
    *_, begun, _ = await events_of(agent)
    assert begun == Begun(session="c1 human_1")
    confirmed = await events_of(agent, replace(ask("确认"), message_id="msg-2").with_session("c1 human_1"))
    assert (text_of(confirmed), confirmed[-2]) == ("已退款。", Begun(session="c1"))
    assert assistant.resumed == [("c1", "human_1", {"user_input": "确认", "user_confirm": True})]


# Trouble on the way


@pytest.mark.parametrize("function", ["start", "poll"])
async def test_a_lost_reply_costs_no_second_run(outside: Outside, node: Node, function: str) -> None:
    element = AIAgent(SPOKEN)
    agent = outside.agent(element)
    node.lost[function] = 1
    assert await outcome(answer_of(agent, known())) == ("七天内。", "")
    assert (node.lost[function], len(element.asked)) == (0, 1)


@pytest.mark.parametrize("fault", [broken, lambda: failed(50000, "busy"), lambda: web.Response(text="<html>")])
async def test_a_poll_that_fails_is_made_again(
    outside: Outside, node: Node, fault: Callable[[], web.StreamResponse]
) -> None:
    node.faults["poll"] = once(fault, POLL_TRIES - 1)
    assert await outcome(answer_of(outside.agent(AIAgent(SPOKEN)), known(), attempts=1)) == ("七天内。", "")


async def test_polls_that_all_fail_are_the_failure_of_the_answer(outside: Outside, node: Node) -> None:
    node.faults["poll"] = always(broken)
    failure = await failure_of(outside.agent(AIAgent(SPOKEN)))
    assert (failure.reason, failure.detail) == ("unavailable", "HTTP 502")
    assert node.called("poll") == POLL_TRIES


async def test_a_process_that_takes_over_meets_the_same_run(outside: Outside, gate: Gate) -> None:
    element = AIAgent(gate)
    agent = outside.agent(element)
    first = agent.answer(known())
    assert await anext(first) == Text("七天")
    second = asyncio.create_task(events_of(agent))
    gate.go.set()
    assert text_of(await second) == "七天内。"
    await first.aclose()
    assert len(element.asked) == 1


async def test_a_question_that_is_replayed_is_run_anew(outside: Outside) -> None:
    element = AIAgent(SPOKEN)
    agent = outside.agent(element)
    await events_of(agent)
    await events_of(agent, known().replayed(1_750_000_100))
    assert len(element.asked) == 2


async def test_a_run_that_nobody_knows_any_more_is_begun_again(outside: Outside, node: Node) -> None:
    node.faults["poll"] = once(lambda: signed({"state": "unknown"}))
    assert await outcome(answer_of(outside.agent(AIAgent(SPOKEN)), known())) == ("七天内。", "")


# Whose fault it is


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (Code(47001, "缺少参数"), "code 47001: 缺少参数"),
        (ValueError("怎么退货？"), "ValueError"),
        (SystemExit(), "SystemExit"),
    ],
)
async def test_what_an_agent_raises_is_its_failure(outside: Outside, error: BaseException, detail: str) -> None:
    failure = await failure_of(outside.agent(AIAgent(saying(error))))
    assert (failure.reason, failure.detail, failure.retryable) == ("error", detail, True)


@pytest.mark.parametrize(("events", "tries"), [((), 3), ((tool("pay"),), 1), ((text("七"),), 1)])
async def test_a_run_that_used_a_tool_or_spoke_is_not_repeated(
    outside: Outside, events: tuple[Any, ...], tries: int
) -> None:
    element = AIAgent(saying(*events, ValueError()))
    await read(answer_of(outside.agent(element), known()))
    assert len(element.asked) == tries


async def test_an_agent_that_is_not_initialized_is_said_to_be_so(outside: Outside) -> None:
    element = AIAgent(saying(AttributeError()))
    element.initialized = False
    failure = await failure_of(outside.agent(element))
    assert (failure.reason, failure.detail) == ("unavailable", "aiagents.shop says that it is not initialized")


async def test_an_element_that_is_not_there_is_named(outside: Outside) -> None:
    failure = await failure_of(outside.agent(None))
    assert (failure.reason, failure.retryable) == ("rejected", False)
    assert failure.detail == "the app has no agent or assistant aiagents.shop (it has no run())"


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        ({"jit_access_key": "other"}, "errcode 41002: accessKey不存在"),
        ({"jit_access_secret": "other"}, "errcode 41001: 签名错误"),
    ],
)
async def test_a_key_that_is_refused_is_said_to_be_so(
    outside: Outside, node: Node, settings: dict[str, str], detail: str
) -> None:
    failure = await failure_of(outside.agent(AIAgent(SPOKEN), **settings))
    assert (failure.reason, failure.detail, failure.retryable) == ("refused", detail, False)
    assert node.called("start") == 1


@pytest.mark.parametrize(
    ("reply", "reason", "detail"),
    [
        (lambda: web.Response(text="<html>", content_type="text/html"), "error", "is no JSON object but text/html"),
        (lambda: web.json_response([]), "error", "is no JSON object"),
        (lambda: web.json_response({"hello": "world"}), "error", "none of JitAi's signed calls"),
        (lambda: replied({"state": "running"}), "error", "none of JitAi's signed calls"),
        (lambda: replied({"data": {}, "timestamp": 1, "accessSign": "x"}), "refused", "signature is wrong"),
        (lambda: failed(46001, "元素不存在"), "error", "errcode 46001: 元素不存在"),
        (lambda: web.Response(status=403), "refused", "HTTP 403"),
        (lambda: web.Response(status=404), "rejected", "HTTP 404"),
        (lambda: signed({"state": "odd"}), "error", "is the app's element of this version?"),
        (lambda: signed("running"), "error", "is the app's element of this version?"),
        (lambda: signed({"state": "full"}), "throttled", "as many runs at work as it takes"),
    ],
)
async def test_a_start_that_is_answered_oddly_says_whose_fault_it_is(
    outside: Outside, node: Node, reply: Callable[[], web.StreamResponse], reason: str, detail: str
) -> None:
    node.faults["start"] = always(reply)
    failure = await failure_of(outside.agent(AIAgent(SPOKEN)))
    assert (failure.reason, detail in failure.detail) == (reason, True)


@pytest.mark.parametrize(
    "told",
    [
        {"state": "known", "events": None, "next": 0, "ended": None},
        {"state": "known", "events": [], "next": "0", "ended": None},
        {"state": "known", "events": [], "next": 0, "ended": "returned"},
        {"state": "known", "events": [], "next": 0, "ended": {}},
        {"state": "known"},
        None,
    ],
)
async def test_a_poll_that_is_answered_oddly_is_a_failure(outside: Outside, node: Node, told: Any) -> None:
    node.faults["poll"] = always(lambda: signed(told))
    assert "is the app's element of this version?" in (await failure_of(outside.agent(AIAgent(SPOKEN)))).detail


@pytest.mark.parametrize(
    ("how", "detail"), [("abandoned", "the run was abandoned"), ("too_long", "said more than the bridge keeps")]
)
async def test_a_run_that_the_bridge_ended_is_a_failure(outside: Outside, node: Node, how: str, detail: str) -> None:
    node.faults["poll"] = always(lambda: signed({"state": "known", "events": [], "next": 0, "ended": {"how": how}}))
    assert detail in (await failure_of(outside.agent(AIAgent(SPOKEN)))).detail


# An answer that is stopped


async def test_closing_an_answer_cancels_its_run(outside: Outside, node: Node, gate: Gate) -> None:
    agent = outside.agent(AIAgent(gate))
    events = agent.answer(known())
    assert await anext(events) == Text("七天")
    async with asyncio.timeout(CALL_WITHIN / 2):
        await events.aclose()
    await until(lambda: "cancel" in node.done)
    gate.go.set()
    await until(lambda: bool(gate.ends))
    assert gate.ends == ["Ended"]
    await agent.close()


async def test_closing_between_two_polls_does_not_wait_for_the_next(outside: Outside, node: Node, gate: Gate) -> None:
    agent = outside.agent(AIAgent(gate))
    reader = asyncio.create_task(events_of(agent))
    await until(lambda: node.called("poll") >= 2)
    reader.cancel()
    await asyncio.wait({reader})
    await until(lambda: node.called("cancel") == 1)
    await agent.close()


async def test_a_run_that_is_only_about_to_begin_is_cancelled_too(
    outside: Outside, node: Node, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = threading.Event()

    class Slow(App):
        def getElement(self, fullName: str) -> Any:  # noqa: N802, N803
            found.wait(60)
            return super().getElement(fullName)

    monkeypatch.setattr(jit_bridge, "STOP_TRIES", 100)
    agent = outside.agent(AIAgent(gate))
    monkeypatch.setattr(builtins, "app", Slow(shop=AIAgent(gate)))
    reader = asyncio.create_task(events_of(agent))
    await until(lambda: node.called("start") == 1)
    reader.cancel()
    await until(lambda: "cancel" in node.done)
    found.set()
    await until(lambda: "start" in node.done and "cancel" in node.done[node.done.index("start") :])
    gate.go.set()
    await until(lambda: bool(gate.ends))
    assert gate.ends == ["Ended"]
    await agent.close()


async def test_an_answer_that_is_whole_is_not_cancelled(outside: Outside, node: Node) -> None:
    agent = outside.agent(AIAgent(SPOKEN))
    await events_of(agent)
    await agent.close()
    assert node.called("cancel") == 0


async def test_the_next_question_of_a_memory_waits_for_the_end_of_the_run_before(
    outside: Outside, node: Node, gate: Gate
) -> None:
    element = AIAgent(in_turn(gate, SPOKEN))
    agent = outside.agent(element)
    first = agent.answer(known())
    await anext(first)
    await first.aclose()
    second = asyncio.create_task(events_of(agent, replace(known(), message_id="msg-2")))
    await until(lambda: node.called("start") >= 3)
    assert len(element.asked) == 1
    gate.go.set()
    assert text_of(await second) == "七天内。"


async def test_a_run_that_does_not_end_fails_the_next_question_in_time(
    outside: Outside, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit_element, "FORMER_GRACE", 0.05)
    agent = outside.agent(AIAgent(gate))
    first = agent.answer(known())
    await anext(first)
    failure = await failure_of(agent, replace(known(), message_id="msg-2"))
    assert (failure.reason, failure.retryable) == ("unavailable", False)
    await first.aclose()


# Set-up


def problems_of(rest: str, **settings: Any) -> tuple[str, ...]:
    known = {"jit_access_key": KEY, "jit_access_secret": SECRET} | settings
    with pytest.raises(SettingsError) as caught:
        make(rest, Setup(Variables.model_validate(known), no_session))
    return caught.value.problems


@pytest.mark.parametrize("host", ["jit.example", "jit.example:8443", "[::1]:8443", "10.0.0.7"])
def test_an_agent_is_named_by_host_organisation_app_and_element(host: str) -> None:
    setup = Setup(Variables.model_validate({"jit_access_key": KEY, "jit_access_secret": SECRET}), no_session)
    assert make(f"//{host}/wanyun/MyApp/aiagents.shop", setup).name == "jit"


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "//",
        "jit.example/wanyun/MyApp/aiagents.shop",
        "///wanyun/MyApp/aiagents.shop",
        "//jit.example",
        "//jit.example/wanyun/MyApp",
        "//jit.example/wanyun//aiagents.shop",
        "//jit.example/wanyun/MyApp/",
        "//jit.example/api/wanyun/MyApp/aiagents.shop",
        "//jit.example/wanyun/MyApp/aiagents.shop?x=1",
        "//jit.example/wanyun/MyApp/aiagents.shop#x",
        "//me@jit.example/wanyun/MyApp/aiagents.shop",
        "//jit.example:port/wanyun/MyApp/aiagents.shop",
        "//jit.example:0/wanyun/MyApp/aiagents.shop",
        "//[::1/wanyun/MyApp/aiagents.shop",
        "//jit.example/wan yun/MyApp/aiagents.shop",
    ],
)
def test_what_is_no_such_address_is_named(rest: str) -> None:
    (problem,) = problems_of(rest)
    assert (
        problem == f"AGENT={f'jit+https:{rest}'!r}: is no such address, write it as jit+https://HOST/ORG/APP/FULLNAME"
    )


def test_all_that_is_missing_is_named() -> None:
    problems = problems_of("", jit_access_key=None, jit_access_secret=None)
    assert [problem.split(":")[0].split("=")[0] for problem in problems] == [
        "AGENT",
        "JIT_ACCESS_KEY",
        "JIT_ACCESS_SECRET",
    ]
