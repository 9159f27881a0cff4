"""Exports of DingTalk's card builder: what is read from them, and how a card of such a template looks."""

import json
from pathlib import Path
from typing import Any

import pytest

from actors.sandbox.builder import folder, read
from actors.sandbox.records import CardState, Look
from tests.sandbox.exports import Node, button, export, markdown, node, phase, text, when


def look(*shown: Node, **seen: str) -> Look:
    """What a finished card shows."""
    template = read(export(phase(3, *shown)))
    return template.layout.look(CardState.FINISHED, template.key, seen)


# What is read


def test_the_streaming_variable_is_that_of_the_streaming_component() -> None:
    card = node("AICardContainer", phase(2, markdown("answer", isStreaming=True)), phase(3, markdown("other")))
    assert read(export(card)).key == "answer"


def test_the_states_are_those_that_the_card_has() -> None:
    states = {CardState.PROCESSING, CardState.INPUTING, CardState.FAILED}
    assert read(export(node("AICardContainer", phase(1), phase(2), phase(5)))).states == states


def test_a_card_that_is_no_ai_card_has_no_states_and_always_looks_the_same() -> None:
    template = read(export(node("Card", text("${title}", bold=True))))
    assert template.states == frozenset()
    assert {template.layout.look(state, "", {"title": "标题"}) for state in CardState} == {Look(title="标题")}


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        "{}",
        json.dumps({"editorData": {"schema": {}}}),
        json.dumps({"editorData": "{}"}),
        json.dumps({"editorData": json.dumps({"schema": {"componentsTree": [{}]}})}),
        export(phase(9)),
    ],
)
def test_what_is_no_export_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match="not an export of the card builder"):
        read(broken)


def test_a_folder_has_a_template_for_each_file_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(export(phase(2, markdown("answer", isStreaming=True))))
    (tmp_path / "README.md").write_text("no template")
    assert [(name, template.key) for name, template in folder(tmp_path).items()] == [("one.schema", "answer")]


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert folder(tmp_path / "missing") == {}


def test_a_file_that_is_no_export_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(ValueError, match=r"broken\.json: not an export"):
        folder(tmp_path)


# How it looks


def test_each_state_shows_what_is_its_own() -> None:
    template = read(export(node("AICardContainer", phase(1, text("思考")), phase(2, text("输入")))))
    shown = [template.layout.look(state, "", {}).status for state in CardState]
    assert shown == ["思考", "输入", "", "", ""]


def test_bold_text_is_the_title_and_the_rest_is_the_status() -> None:
    bold = {"styleType": "standard", "styleToken": "common_h4_bold_text_style"}
    shown = look(text("标题：${title}", **bold), text("${a}"), text("${b}"), title="退货", a="一", b="二")
    assert (shown.title, shown.status) == ("标题：退货", "一\n二")


def test_a_variable_that_nobody_set_is_empty() -> None:
    assert look(text("${title}", bold=True), markdown("content")) == Look()


def test_of_several_languages_chinese_is_shown() -> None:
    assert look(text({"zh_Hans": "思考中", "en_US": "Thinking"})).status == "思考中"


def test_markdown_shows_its_variable() -> None:
    assert look(markdown("content"), content="**答**").text == "**答**"


def test_the_first_state_shows_its_words_of_waiting() -> None:
    pending = node("AIPending", pendingTip={"content": "正在思考…"})
    template = read(export(phase(1, pending)))
    assert template.layout.look(CardState.PROCESSING, "", {}).text == "正在思考…"


def test_a_button_sends_fixed_values_and_variables() -> None:
    params = [
        {"name": "action", "type": "fixed", "value": "stop"},
        {"name": "message_id", "type": "variable", "variable": "message_id"},
        {"name": "", "type": "fixed", "value": ""},
    ]
    (stop,) = look(button("stop", *params, color={"value": "gray"}), message_id="m1").buttons
    assert stop == {
        "id": "stop",
        "text": "按钮 stop",
        "color": "gray",
        "params": {"action": "stop", "message_id": "m1"},
        "chosen": False,
    }


def test_a_button_that_is_shown_because_a_variable_names_it_is_chosen() -> None:
    shown = [button("good", visible=when(("rating", "equal", "good"))), button("bad")]
    assert [each["chosen"] for each in look(*shown, rating="good").buttons] == [True, False]


@pytest.mark.parametrize(
    ("how", "value", "seen", "visible"),
    [
        ("equal", "true", {"x": "true"}, True),
        ("equal", "true", {}, False),
        ("equal", 1, {"x": "1"}, True),
        ("notEqual", "a", {"x": "b"}, True),
        ("notEqual", "a", {"x": "a"}, False),
        ("isEmpty", "", {"x": ""}, True),
        ("isEmpty", "", {"x": "a"}, False),
        ("isNotEmpty", "", {"x": "a"}, True),
        ("isNotEmpty", "", {}, False),
        ("isMarkdownNotEmpty", "", {"x": "a"}, True),
        ("isMarkdownEmpty", "", {"x": "a"}, False),
        ("isTrue", "", {"x": "true"}, True),
        ("isTrue", "", {"x": "false"}, False),
        ("isFalse", "", {"x": "false"}, True),
        ("isFalse", "", {"x": "true"}, False),
        ("somethingNew", "", {}, True),
    ],
)
def test_a_condition_decides_what_is_shown(how: str, value: Any, seen: dict[str, str], visible: bool) -> None:
    assert bool(look(text("这里", visible=when(("x", how, value))), **seen).status) is visible


@pytest.mark.parametrize(("op", "visible"), [("and", False), ("or", True)])
def test_conditions_are_joined(op: str, visible: bool) -> None:
    condition = when(("x", "isTrue", ""), ("y", "isTrue", ""), op=op)
    assert bool(look(text("这里", visible=condition), x="true", y="false").status) is visible


@pytest.mark.parametrize("visible", [True, False])
def test_something_can_be_shown_or_hidden_for_good(visible: bool) -> None:
    assert bool(look(text("这里", visible={"valueType": "fixed", "value": visible})).status) is visible


def test_what_is_in_something_hidden_is_hidden() -> None:
    row = node("Grid", button("good"), visible=when(("rateable", "equal", "true")))
    assert look(row, rateable="false").buttons == ()
    assert len(look(row, rateable="true").buttons) == 1
