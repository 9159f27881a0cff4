"""How a face is spelled: every variable a string, for DingTalk's public template and for one of our own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.core import texts
from actors.core.card import SDK_TEMPLATE, Face, Rated, State, answered, ended, growing, in_line, pressed, thinking
from actors.core.question import Question
from actors.dingtalk.templates import SUMMARY_LENGTH, TITLE_LENGTH, Template, summary, template_for

EXPORT = Path(__file__).parents[2] / "deploy" / "dingtalk" / "card-template.json"
RATED = Face(State.FINISHED, "七天内。", rateable=True, rating="helpful")
FACES = {
    "thinking": thinking(),
    "in line": in_line(2),
    "typing": growing("七天"),
    "typing beside a tool": growing("七天", "🔧 …"),
    "a tool and no text yet": growing("", "🔧 …"),
    "answered": answered("七天内。"),
    "rated": RATED,
    "stopped": ended("已停止"),
    "failed": ended("抱歉", failed=True),
}

faces = pytest.mark.parametrize("face", FACES.values(), ids=FACES)


@pytest.fixture
def sdk(question: Question) -> Template:
    """The public template's spelling."""
    return template_for(question, SDK_TEMPLATE, "msgContent")


@pytest.fixture
def own(question: Question) -> Template:
    """Our own template's spelling."""
    return template_for(question, "11111111-2222.schema", "content")


def layout(variables: dict[str, str]) -> dict[str, Any]:
    read = json.loads(variables["sys_full_json_obj"])
    assert isinstance(read, dict)
    return read


def labels(variables: dict[str, str]) -> list[str]:
    return [button["text"] for button in layout(variables).get("msgButtons", [])]


# Both


@faces
def test_every_variable_is_a_string(sdk: Template, own: Template, face: Face) -> None:
    for template in (sdk, own):
        told = (template.variables(face), template.beside(face), template.rated("helpful"), template.stopping())
        assert {type(value) for variables in told for value in variables.values()} <= {str}


@faces
def test_what_streams_is_what_the_variables_say(sdk: Template, own: Template, face: Face) -> None:
    for template in (sdk, own):
        assert template.variables(face)[template.key] == template.streamed(face)


@pytest.mark.parametrize("text", ["- ", "1. ", "# ", "```", "| 尺码 | 价格 |\n"])
def test_a_card_thinks_until_something_can_be_shown_of_its_text(sdk: Template, own: Template, text: str) -> None:
    assert sdk.streamed(growing(text)) == texts.THINKING
    assert (own.streamed(growing(text)), own.beside(growing(text))) == ("", {"status": texts.THINKING})
    assert own.variables(growing(text))["status"] == texts.THINKING


def test_a_text_that_is_over_is_not_thought_of_any_more(sdk: Template, own: Template) -> None:
    assert (sdk.streamed(ended("")), own.beside(ended(""))) == ("", {"status": ""})


@faces
def test_the_state_is_not_the_templates_to_say(sdk: Template, own: Template, face: Face) -> None:
    assert "flowStatus" not in sdk.variables(face) | own.variables(face)


@faces
def test_the_list_of_chats_shows_one_line_of_text_or_status(sdk: Template, own: Template, face: Face) -> None:
    line = summary(face.text or face.status)
    for template in (sdk, own):
        shown = json.loads(template.variables(face)["sys_lastMessageI18n"])
        assert shown == {"zh_CN": line, "en_US": line}


@pytest.mark.parametrize("template", ["sdk", "own"])
def test_a_template_is_named_by_its_id_and_its_streaming_variable(
    template: str, request: pytest.FixtureRequest
) -> None:
    spelled: Template = request.getfixturevalue(template)
    known = {"sdk": (SDK_TEMPLATE, "msgContent"), "own": ("11111111-2222.schema", "content")}
    assert (spelled.id, spelled.key) == known[template]


# The public one


@faces
def test_the_public_template_shows_its_text_and_its_buttons_in_this_order(sdk: Template, face: Face) -> None:
    assert layout(sdk.variables(face))["order"] == ["msgContent", "msgButtons"]


def test_what_is_being_done_stands_beneath_the_text(sdk: Template) -> None:
    text = sdk.streamed(growing("七天", "🔧 …"))
    above, _, beneath = text.partition("\n\n")
    assert (above, "🔧 …" in beneath) == ("七天", True)


def test_what_is_being_done_is_all_there_is_while_there_is_no_text(sdk: Template) -> None:
    assert sdk.streamed(thinking()) == texts.THINKING


def test_text_alone_is_text_alone(sdk: Template) -> None:
    assert sdk.streamed(growing("七天")) == "七天"


@faces
def test_on_the_public_template_something_always_streams(sdk: Template, face: Face) -> None:
    assert sdk.streamed(face)


@faces
def test_on_the_public_template_nothing_stands_beside_the_stream(sdk: Template, face: Face) -> None:
    assert sdk.beside(face) == {}


def test_an_answer_has_four_buttons_that_call_back(sdk: Template) -> None:
    buttons = layout(sdk.variables(answered("七天内。")))["msgButtons"]
    assert [button["text"] for button in buttons] == list(texts.RATINGS.values())
    assert [button["request"] for button in buttons] == [True] * 4


def test_the_four_buttons_mean_four_different_things(sdk: Template) -> None:
    buttons = layout(sdk.variables(answered("七天内。")))["msgButtons"]
    assert [pressed(button["id"], {}) for button in buttons] == [Rated("msg-1", rating) for rating in texts.RATINGS]


@pytest.mark.parametrize("name", [name for name in FACES if name not in {"answered", "rated"}])
def test_there_are_no_buttons_where_there_is_nothing_to_rate(sdk: Template, name: str) -> None:
    assert "msgButtons" not in layout(sdk.variables(FACES[name]))


def test_no_button_is_marked_before_one_was_chosen(sdk: Template) -> None:
    assert labels(sdk.variables(answered("七天内。"))) == list(texts.RATINGS.values())


@pytest.mark.parametrize("rating", texts.RATINGS)
def test_the_chosen_button_is_marked_and_no_other(sdk: Template, rating: str) -> None:
    shown = dict(zip(texts.RATINGS, labels(sdk.variables(replace(RATED, rating=rating))), strict=True))
    assert shown.pop(rating) not in texts.RATINGS.values()
    assert shown == {other: label for other, label in texts.RATINGS.items() if other != rating}


def test_the_chosen_button_keeps_its_label_and_its_meaning(sdk: Template) -> None:
    [_, chosen, *_] = layout(sdk.variables(RATED))["msgButtons"]
    assert texts.RATINGS["helpful"] in chosen["text"]
    assert pressed(chosen["id"], {}) == Rated("msg-1", "helpful")


def test_a_rating_changes_the_buttons_and_leaves_the_text_alone(sdk: Template) -> None:
    assert sdk.rated("helpful") == {"sys_full_json_obj": sdk.variables(RATED)["sys_full_json_obj"]}


def test_on_the_public_template_there_is_no_stop_button_to_change(sdk: Template) -> None:
    assert sdk.stopping() == {}


# Our own


@faces
def test_our_own_template_gets_every_variable_that_it_declares(own: Template, face: Face) -> None:
    declared = json.loads(json.loads(EXPORT.read_text("utf-8"))["editorData"])["variableList"]
    told = set(own.variables(face)) - {"sys_lastMessageI18n"}
    assert told | {"flowStatus"} == {variable["name"] for variable in declared}


def test_the_text_streams_alone_and_the_status_has_its_own_line(own: Template) -> None:
    face = growing("七天", "🔧 …")
    assert (own.streamed(face), own.variables(face)["status"]) == ("七天", "🔧 …")


def test_the_status_goes_beside_the_stream(own: Template) -> None:
    assert own.beside(growing("七天", "🔧 …")) == {"status": "🔧 …"}
    assert own.beside(growing("七天")) == {"status": ""}


@faces
def test_there_is_a_stop_button_while_there_is_something_to_stop(own: Template, face: Face) -> None:
    assert own.variables(face)["stoppable"] == ("true" if face.running else "false")


@faces
def test_there_are_feedback_buttons_where_there_is_something_to_rate(own: Template, face: Face) -> None:
    assert own.variables(face)["rateable"] == ("true" if face.rateable else "false")


def test_the_template_marks_the_rating_itself(own: Template) -> None:
    assert own.variables(answered("七天内。"))["rating"] == ""
    assert own.variables(RATED)["rating"] == "helpful"
    assert own.rated("not_helpful") == {"rating": "not_helpful"}


def test_its_buttons_get_the_message_they_belong_to(own: Template) -> None:
    assert own.variables(thinking())["message_id"] == "msg-1"


def test_a_stop_button_that_was_pressed_goes_and_the_status_says_so(own: Template) -> None:
    assert own.stopping() == {"stoppable": "false", "status": texts.STOPPING}


def title(question: Question, text: str) -> str:
    return template_for(replace(question, text=text), "own.schema", "content").variables(thinking())["title"]


def test_the_title_is_the_question(question: Question) -> None:
    assert title(question, "营业时间？") == "营业时间？"


def test_the_title_is_one_line(question: Question) -> None:
    assert len(title(question, "第一行\n\n第二行\r\n第三行").splitlines()) == 1


def test_the_title_of_a_long_question_is_short(question: Question) -> None:
    shown = title(question, "很长的问题" * 100)
    assert len(shown) <= TITLE_LENGTH
    assert shown.startswith("很长的问题")


def test_a_question_without_words_has_no_title(question: Question) -> None:
    """The template shows none where it is empty."""
    assert title(question, "") == ""


# The line for the list of chats


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one", "one"),
        ("\n\n  two \nthree", "two"),
        ("", "…"),
        ("\x00", "…"),
        ("\x00\x1bone\x0btwo", "one"),
        ("长" * 100, "长" * (SUMMARY_LENGTH - 1) + "…"),
        ("长" * SUMMARY_LENGTH, "长" * SUMMARY_LENGTH),
    ],
)
def test_a_summary_is_one_short_line(text: str, line: str) -> None:
    assert summary(text) == line
