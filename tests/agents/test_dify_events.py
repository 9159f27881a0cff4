"""What each event of a Dify app means, row by row, and each of its errors."""

import json
from contextlib import suppress
from typing import Any

import pytest

from actors.agents.backend import Refusal
from actors.agents.dify_events import Answer, explained
from actors.agents.streams import ServerEvent
from actors.core.events import Alive, Begun, Event, Finished, Reasoning, Replace, Text, ToolEnd, ToolStart, Used
from actors.errors import AgentFailed

IDS = {"task_id": "t", "message_id": "m", "conversation_id": "c", "created_at": 1705395333}


def heard(*events: dict[str, Any] | str, answer: Answer | None = None) -> list[Event]:
    """What an answer says at these events, but for the ids that its first one brings."""
    answer = answer or begun()
    raws = (ServerEvent(event if isinstance(event, str) else json.dumps(IDS | event)) for event in events)
    return [event for raw in raws for event in answer.events(raw)]


def begun() -> Answer:
    answer = Answer()
    list(answer.events(ServerEvent(json.dumps(IDS | {"event": "workflow_started", "data": {}}))))
    return answer


def failure(*events: dict[str, Any] | str) -> AgentFailed:
    with pytest.raises(AgentFailed) as caught:
        heard(*events)
    return caught.value


def node(event: str, kind: str) -> dict[str, Any]:
    return {"event": event, "data": {"node_type": kind, "title": "查订单", "status": "succeeded"}}


def thought(**said: Any) -> dict[str, Any]:
    return {"event": "agent_thought", "id": "step", "position": 1, "tool": "", "observation": ""} | said


END = {"event": "message_end", "metadata": {"usage": {"prompt_tokens": 12, "completion_tokens": 3}}}

TABLE: dict[str, tuple[dict[str, Any], list[Event]]] = {
    "message": ({"event": "message", "answer": "七"}, [Text("七")]),
    "a message without text": ({"event": "message", "answer": ""}, [Alive()]),
    "a message whose text is null": ({"event": "message", "answer": None}, [Alive()]),
    "agent_message": ({"event": "agent_message", "answer": "七"}, [Text("七")]),
    "message_replace": ({"event": "message_replace", "answer": "无可奉告", "reason": "x"}, [Replace("无可奉告")]),
    "agent_thought": (thought(thought="想想"), [Reasoning("想想"), Alive()]),
    "an empty agent_thought": (thought(thought=""), [Alive()]),
    "agent_thought with a tool": (thought(thought="", tool="search"), [ToolStart("search"), Alive()]),
    "agent_thought with tools": (
        thought(thought="", tool="search;clock", observation="{}"),
        [ToolStart("search"), ToolStart("clock"), ToolEnd("search"), ToolEnd("clock"), Alive()],
    ),
    "agent_thought with nulls": (thought(thought=None, tool=None, observation=None), [Alive()]),
    "reasoning_chunk": ({"event": "reasoning_chunk", "data": {"reasoning": "想"}}, [Reasoning("想")]),
    "a picture": (
        {"event": "message_file", "type": "image", "belongs_to": "assistant", "url": "https://d.example/f/cat.png?s=1"},
        [Text("\n\n![cat.png](https://d.example/f/cat.png?s=1)\n\n")],
    ),
    "a file": (
        {
            "event": "message_file",
            "type": "document",
            "belongs_to": "assistant",
            "url": "https://d.example/f/%5Ba%5D.csv",
        },
        [Text("\n\n[a.csv](https://d.example/f/%5Ba%5D.csv)\n\n")],
    ),
    "a file without an address": ({"event": "message_file", "type": "image", "url": "/files/cat.png"}, [Alive()]),
    "the person's own file": (
        {"event": "message_file", "type": "image", "belongs_to": "user", "url": "https://d.example/cat.png"},
        [Alive()],
    ),
    "message_end": (END, [Used(12, 3), Finished()]),
    "message_end without usage": ({"event": "message_end", "metadata": None}, [Finished()]),
    "message_end with broken usage": (
        {"event": "message_end", "metadata": {"usage": {"prompt_tokens": "many"}}},
        [Used(0, 0), Finished()],
    ),
    "workflow_started": ({"event": "workflow_started", "data": {"inputs": {}}}, [Alive()]),
    "a node to wait for": (node("node_started", "tool"), [ToolStart("查订单")]),
    "its end": (node("node_finished", "tool"), [ToolEnd("查订单")]),
    "knowledge": (node("node_started", "knowledge-retrieval"), [ToolStart("查订单")]),
    "any other node": (node("node_started", "llm"), [Alive()]),
    "any other node's end": (node("node_finished", "llm"), [Alive()]),
    "node_retry": (node("node_retry", "tool"), [Alive()]),
    "iteration_next": ({"event": "iteration_next", "data": {}}, [Alive()]),
    "agent_log": ({"event": "agent_log", "data": {}}, [Alive()]),
    "human_input_required": ({"event": "human_input_required", "data": {}}, [Alive()]),
    "workflow_finished": ({"event": "workflow_finished", "data": {"status": "succeeded"}}, [Alive()]),
    "a part of it failed": ({"event": "workflow_finished", "data": {"status": "partial-succeeded"}}, [Alive()]),
    "somebody stopped it in Dify": ({"event": "workflow_finished", "data": {"status": "stopped"}}, [Alive()]),
    "tts_message": ({"event": "tts_message", "audio": "qqqq"}, [Alive()]),
    "tts_message_end": ({"event": "tts_message_end", "audio": ""}, [Alive()]),
    "ping with data": ({"event": "ping"}, [Alive()]),
    "what a later Dify may say": ({"event": "message_sung", "data": 7}, [Alive()]),
    "no event at all": ({}, [Alive()]),
}


@pytest.mark.parametrize(("event", "events"), TABLE.values(), ids=TABLE)
def test_an_event_means(event: dict[str, Any], events: list[Event]) -> None:
    assert heard(event) == events


def test_a_ping_without_data_is_a_sign_of_life() -> None:
    assert list(Answer().events(ServerEvent("", "ping"))) == [Alive()]


def test_the_first_event_with_ids_names_the_answer_and_its_conversation() -> None:
    answer = Answer()
    first = heard({"event": "message", "answer": "七"}, {"event": "message", "answer": "天"}, answer=answer)
    assert first == [Begun("m", "c"), Text("七"), Text("天")]
    assert answer.task_id == "t"


def test_a_step_that_is_told_again_as_it_grows_says_only_what_is_new() -> None:
    assert heard(
        thought(thought="先查"),
        thought(thought="先查订单", tool="search"),
        thought(thought="先查订单", tool="search", observation="{}"),
    ) == [Reasoning("先查"), Alive(), Reasoning("订单"), ToolStart("search"), Alive(), ToolEnd("search"), Alive()]


def test_a_thought_that_was_said_aloud_is_not_told_twice() -> None:
    assert heard({"event": "agent_message", "answer": "七天。"}, thought(thought="七天。")) == [Text("七天。"), Alive()]


def test_thoughts_within_the_text_are_reasoning() -> None:
    said = heard(*({"event": "message", "answer": piece} for piece in ("<thi", "nk>想", "</think>七天")), END)
    assert said[:3] == [Alive(), Reasoning("想"), Text("七天")]


def test_thoughts_are_taken_out_of_a_replacement_too() -> None:
    said = heard(
        {"event": "message", "answer": "<think>a"}, {"event": "message_replace", "answer": "<think>b</think>c"}
    )
    assert said == [Reasoning("a"), Replace("c")]


def test_a_replacement_stands_by_itself() -> None:
    said = heard({"event": "message", "answer": "<think>a"}, {"event": "message_replace", "answer": "无可奉告"})
    assert said == [Reasoning("a"), Replace("无可奉告")]


def test_what_was_held_back_comes_with_the_end() -> None:
    assert heard({"event": "message", "answer": "<thi"}, END)[:2] == [Alive(), Text("<thi")]


@pytest.mark.parametrize("event", [END, {"event": "error", "status": 500}, {"event": "workflow_paused", "data": {}}])
def test_after_its_end_there_is_nothing_to_stop(event: dict[str, Any]) -> None:
    answer = begun()
    assert not answer.over
    with suppress(AgentFailed):
        heard(event, answer=answer)
    assert answer.over


# Errors.


def error(status: Any, code: str, said: str = "words of Dify's") -> dict[str, Any]:
    return {"event": "error", "status": status, "code": code, "message": said}


ERRORS = [
    (400, "invalid_param", "rejected", False, "invalid_param"),
    (400, "app_unavailable", "unavailable", False, "whether the app is published"),
    (400, "not_chat_app", "rejected", False, "takes the key of a chatbot"),
    (400, "provider_not_initialize", "refused", False, "give the model's provider its key"),
    (400, "provider_quota_exceeded", "refused", False, "is used up"),
    (400, "model_currently_not_support", "rejected", False, "choose another model"),
    (400, "completion_request_error", "unavailable", False, "the app's log"),
    (400, "bad_request", "rejected", False, "bad_request"),
    (401, "unauthorized", "refused", False, "DIFY_API_KEY"),
    (403, "forbidden", "refused", False, "what the plan allows"),
    (404, "not_found", "rejected", False, "DIFY_BASE_URL"),
    (429, "too_many_requests", "throttled", True, "too_many_requests"),
    (429, "rate_limit_error", "throttled", True, "rate_limit_error"),
    (500, "internal_server_error", "unavailable", True, "internal_server_error"),
    (503, "", "unavailable", True, "words of Dify's"),
]


@pytest.mark.parametrize(("status", "code", "reason", "retryable", "told"), ERRORS)
def test_an_error_tells_an_operator(status: int, code: str, reason: str, retryable: bool, told: str) -> None:
    refusal = failure(error(status, code))
    assert isinstance(refusal, Refusal)
    meant = explained(refusal)
    assert (meant.reason, meant.retryable) == (reason, retryable)
    assert told in meant.detail
    assert "words of Dify's" in meant.detail


@pytest.mark.parametrize(("status", "told"), [(401, "DIFY_API_KEY"), (404, "DIFY_BASE_URL")])
def test_an_error_that_is_not_of_difys_form_goes_by_its_status(status: int, told: str) -> None:
    assert told in explained(Refusal(status, {}, "")).detail


@pytest.mark.parametrize("status", [None, "x", [500]])
def test_an_error_without_a_proper_status_is_difys_own(status: object) -> None:
    assert failure(error(status, "strange")).reason == "unavailable"


def test_an_error_that_is_no_event_is_one_all_the_same() -> None:
    assert failure({"code": "app_unavailable", "message": "x", "status": 400}).reason == "rejected"


def test_a_chatflow_that_failed_is_not_tried_again() -> None:
    failed = failure({"event": "workflow_finished", "data": {"status": "failed", "error": "node 3: no such city"}})
    assert (failed.reason, failed.retryable) == ("error", False)
    assert "node 3: no such city" in failed.detail


def test_a_chatflow_that_waits_for_a_form_says_what_to_do() -> None:
    failed = failure({"event": "workflow_paused", "data": {"reasons": []}})
    assert (failed.reason, failed.retryable) == ("rejected", False)
    assert "Human Input node" in failed.detail


@pytest.mark.parametrize("data", ["{", "[]", "7", '"x"', "null", "[" * 5000])
def test_what_is_no_json_object_is_a_failure(data: str) -> None:
    assert failure(data).reason == "error"
