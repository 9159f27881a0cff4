"""What JitAi elements say and return, as events."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from actors.agents.jit_events import Answer, asked, failure_of, memory_of, session_of, text_of
from actors.agents.wording import as_text
from actors.core import texts
from actors.core.events import Alive, Event, Reasoning, Replace, Text, ToolEnd, ToolStart
from actors.core.question import Attachment
from tests.agents.jitai import reasoning, text, tool
from tests.agents.stories import ask


def value(inner: Any) -> Any:
    """One of JitAi's own data types, such as `Stext`."""
    return SimpleNamespace(value=inner)


def events_of(*said: Any, returned: Any = None) -> list[Event]:
    answer = Answer()
    return [event for raw in said for event in answer.events(raw)] + list(answer.ending(returned))


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        (text("七天"), Text("七天")),
        (reasoning("嗯"), Reasoning("嗯")),
        (tool("services.OrderSvc.find"), ToolStart("services.OrderSvc.find")),
        (tool("services.OrderSvc.find", "postEvent"), ToolEnd("services.OrderSvc.find")),
        ({"type": "TOOL_CALL_START", "data": {}}, ToolStart("")),
        ({"type": "TOOL_CALL_END", "data": None}, ToolEnd("")),
        (
            {"type": "TOOL_CALL_START", "data": {"outputArgs": {"value": {"toolName": value("find")}}}},
            ToolStart("find"),
        ),
        ({"type": "TEXT_MESSAGE_CONTENT", "data": {"content": value("七天")}}, Text("七天")),
        ({"type": "TEXT_MESSAGE_CONTENT", "data": {"type": "text", "content": "七天"}}, Text("七天")),
        ({"content": "七天", "finished": False}, Text("七天")),
        ({"type": "message", "content": "七天"}, Text("七天")),
        ("七天", Text("七天")),
    ],
)
def test_each_documented_event_has_its_meaning(raw: Any, event: Event) -> None:
    assert events_of(raw) == [event]


@pytest.mark.parametrize(
    "raw",
    [
        None,
        7,
        [],
        {},
        "",
        object(),
        {"type": None},
        {"type": "TEXT_MESSAGE_CONTENT"},
        {"type": "TEXT_MESSAGE_CONTENT", "data": None},
        {"type": "TEXT_MESSAGE_CONTENT", "data": "七天"},
        {"type": "TEXT_MESSAGE_CONTENT", "data": {"content": None}},
        {"type": "TEXT_MESSAGE_CONTENT", "data": {"content": 7}},
        {"type": "REASONING_CONTENT", "data": {}},
        {"type": "TASK_LIST_UPDATE", "data": {"content": "not for a customer"}},
        {"type": "RUN_FINISHED"},
        {"type": "tool", "content": "not for a customer"},
        {"content": None, "finished": True},
    ],
)
def test_what_is_empty_or_not_known_is_a_sign_of_life(raw: Any) -> None:
    assert events_of(raw) == [Alive()]


def test_reasoning_is_never_part_of_the_answer() -> None:
    assert events_of({"type": "reasoning", "content": "嗯"}) == [Reasoning("嗯")]


def test_a_last_chunk_that_holds_the_whole_answer_adds_nothing() -> None:
    assert events_of({"content": "七"}, {"content": "天"}, {"content": "七天", "finished": True})[2:] == [Alive()]


def test_a_last_chunk_may_hold_the_last_piece() -> None:
    assert events_of({"content": "七"}, {"content": "天", "finished": True}) == [Text("七"), Text("天")]


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        ("七天内。", "七天内。"),
        ({"output": "七天内。"}, "七天内。"),
        ({"output": {"summary": "七天内。"}}, "七天内。"),
        ({"content": "七天内。", "finished": True}, "七天内。"),
        (
            [{"type": "human", "content": "怎么退货？"}, {"type": "ai", "content": "七天内。", "metadata": {}}],
            "七天内。",
        ),
        ([{"type": "ai", "content": "七天内。"}, {"type": "tool", "content": "{}"}], "七天内。"),
        ([{"type": "ai", "content": "七天内。"}, {"type": "ai", "content": ""}], "七天内。"),
        ([{"type": "ai", "content": "好"}, {"output": "七天内。"}], "七天内。"),
        (["七天内。"], "七天内。"),
        ({"summary": "七天内。"}, "七天内。"),
        ({"summary": "可退", "days": 7, "cases": ["a"]}, '- **summary**: 可退\n- **days**: 7\n- **cases**: ["a"]'),
        ({"summary": "七天内。", "cases": None}, "七天内。"),
        (value([value({"type": value("ai"), "content": value("七天内。")})]), "七天内。"),
        ({"cases": [value("a")]}, '["a"]'),
        (None, ""),
        ([], ""),
        ({}, ""),
        (7, ""),
        ({"output": None}, ""),
        ([{"type": "human", "content": "怎么退货？"}], ""),
    ],
)
def test_the_answer_is_found_in_every_documented_shape(returned: Any, answer: str) -> None:
    assert text_of(returned) == answer


def test_what_was_said_stands_if_nothing_is_returned() -> None:
    assert events_of(text("七天"), text("内。"), returned=[]) == [Text("七天"), Text("内。")]


@pytest.mark.parametrize("returned", ["七天内。", {"output": "七天内。\n"}])
def test_what_was_said_is_not_said_again(returned: Any) -> None:
    assert events_of(text("七天内。"), returned=returned) == [Text("七天内。")]


def test_what_is_returned_replaces_what_was_said_on_the_way() -> None:
    assert events_of(text("我查一下。"), returned={"output": "七天内。"})[-1] == Replace("七天内。")


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "INTERRUPT", "data": {"nodeId": "human_1", "content": "确认退款吗？"}},
        {"interrupt": {"nodeId": "human_1"}, "content": "确认退款吗？"},
        {"interrupt": True, "nodeId": "human_1", "content": "确认退款吗？"},
    ],
)
def test_a_node_that_waits_for_a_person_is_noted(raw: Any) -> None:
    answer = Answer()
    assert (list(answer.events(raw)), answer.node_id) == ([Text("确认退款吗？")], "human_1")


def test_a_node_that_waits_without_a_word_is_put_into_words() -> None:
    assert events_of({"type": "INTERRUPT", "data": {"nodeId": "human_1"}})[-1] == Replace(texts.WORD_AWAITED)


def test_a_new_memory_is_the_same_for_every_attempt() -> None:
    assert memory_of(ask()) == memory_of(ask("再问一次"))


@pytest.mark.parametrize("other", [{"message_id": "msg-2"}, {"chat_id": "dingshop:cid-1:li"}])
def test_another_question_and_another_person_begin_another_memory(other: dict[str, Any]) -> None:
    assert memory_of(replace(ask(), **other)) != memory_of(ask())


@pytest.mark.parametrize(("chat_id", "node_id"), [("c1", ""), ("c1", "human_1"), ("c1", "a node")])
def test_a_memory_is_found_again_by_its_session(chat_id: str, node_id: str) -> None:
    assert memory_of(ask().with_session(session_of(chat_id, node_id))) == (chat_id, node_id)


def test_a_quote_and_what_it_cannot_see_are_told_to_the_element() -> None:
    quoting = replace(ask("是真的吗？"), quote="七天内可退。", unseen=(Attachment("picture", "", "凭证.png"),))
    assert asked(quoting, "") == as_text(quoting)
    assert "> 七天内可退。" in asked(quoting, "")
    assert "凭证.png" in asked(quoting, "")


@pytest.mark.parametrize(("quote", "node_id"), [("", ""), ("确认退款吗？", "human_1")])
def test_a_question_without_a_quote_and_a_word_that_is_waited_for_are_asked_as_they_are(
    quote: str, node_id: str
) -> None:
    assert asked(replace(ask("确认"), quote=quote), node_id) == "确认"


def test_an_error_of_the_platform_is_told_without_what_the_customer_said() -> None:
    assert failure_of(47001, "参数 怎么退货？\n不对" + "!" * 500, ask()) == "code 47001: 参数 … 不对" + "!" * 193
