"""What a card says at each moment of an answer, how it is named, and what a press of one of its buttons means."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core import texts
from actors.core.card import (
    STOP,
    Face,
    Rated,
    State,
    Stopped,
    answered,
    button_id,
    card_id,
    ended,
    growing,
    in_line,
    pressed,
    rating_value,
    thinking,
)

# Faces


def test_the_first_face_says_that_it_is_thinking_and_has_no_text_yet() -> None:
    assert thinking() == Face(State.THINKING, text="", status=texts.THINKING)


@pytest.mark.parametrize("ahead", [1, 2, 8])
def test_a_place_in_line_says_how_many_are_ahead_in_both_languages(ahead: int) -> None:
    face = in_line(ahead)
    chinese, english = face.status.split("。", 1)
    assert (face.state, face.text) == (State.THINKING, "")
    assert str(ahead) in chinese
    assert f"{ahead} ahead" in english


def test_a_growing_answer_has_its_text_and_what_is_being_done() -> None:
    assert growing("七天", "🔧") == Face(State.TYPING, "七天", "🔧")


def test_an_answer_can_be_rated_when_it_is_whole_and_not_before() -> None:
    assert answered("七天内。").rateable
    assert not growing("七天").rateable
    assert not thinking().rateable


@pytest.mark.parametrize("failed", [True, False])
def test_what_is_no_answer_cannot_be_rated(*, failed: bool) -> None:
    assert not ended("抱歉", failed=failed).rateable


def test_there_is_something_to_stop_until_the_end() -> None:
    running = (thinking(), in_line(1), growing("七天"))
    over = (answered("七天内。"), ended("已停止"), ended("抱歉", failed=True))
    assert [face.running for face in (*running, *over)] == [True] * 3 + [False] * 3


def test_the_end_says_nothing_of_what_is_being_done() -> None:
    assert [face.status for face in (answered("七天内。"), ended("已停止"), ended("抱歉", failed=True))] == [""] * 3


# Names


def test_a_card_is_named_the_same_for_every_attempt() -> None:
    assert card_id("ding1", "msg1==") == card_id("ding1", "msg1==")


def test_two_robots_in_a_group_name_their_cards_differently() -> None:
    assert card_id("ding1", "msg1==") != card_id("ding2", "msg1==")


def test_a_question_that_is_answered_anew_gets_a_card_of_its_own() -> None:
    assert len({card_id("ding1", "msg1==", replay) for replay in range(4)}) == 4


def test_a_question_that_was_never_replayed_keeps_the_name_of_its_card() -> None:
    assert card_id("ding1", "msg1==", 0) == card_id("ding1", "msg1==")


def test_a_card_id_is_short_enough_for_the_platform() -> None:
    assert len(card_id("d" * 100, "m" * 100, 12)) <= 64


# Buttons


@pytest.mark.parametrize("rating", texts.RATINGS)
def test_a_feedback_button_is_understood_by_its_id(rating: str) -> None:
    assert pressed(button_id(rating, "msg1=="), {}) == Rated("msg1==", rating)


@pytest.mark.parametrize("rating", texts.RATINGS)
def test_a_feedback_button_is_understood_by_its_parameters(rating: str) -> None:
    assert pressed("node_ocltl6e6foq", rating_value(rating, "msg1==")) == Rated("msg1==", rating)


@pytest.mark.parametrize("rating", texts.RATINGS)
def test_a_button_of_a_template_says_its_rating_and_gets_the_message_beside(rating: str) -> None:
    """`deploy/dingtalk/card-template.json`: the id is the rating alone, the parameters have the rest."""
    assert pressed(rating, {"action": "feedback", "rating": rating, "message_id": "msg1=="}) == Rated("msg1==", rating)


@pytest.mark.parametrize(
    ("action_id", "params"),
    [
        ("helpful", {"message_id": "msg1=="}),
        ("helpful:msg1==", {"action": "feedback"}),
        ("node_1", {"rating": "helpful", "message_id": "msg1=="}),
    ],
)
def test_id_and_parameters_make_up_for_each_other(action_id: str, params: dict[str, str]) -> None:
    assert pressed(action_id, params) == Rated("msg1==", "helpful")


def test_a_stop_button_is_understood_by_its_id() -> None:
    assert pressed(button_id(STOP, "msg1=="), {}) == Stopped("msg1==")


def test_a_stop_button_is_understood_by_its_parameters() -> None:
    assert pressed("stop", {"action": "stop", "message_id": "msg1=="}) == Stopped("msg1==")


def test_a_message_id_may_contain_what_parts_a_buttons_id() -> None:
    assert pressed(button_id("helpful", "msg:1:="), {}) == Rated("msg:1:=", "helpful")


def test_the_parameters_say_it_where_they_and_the_id_differ() -> None:
    assert pressed("helpful:msg1", rating_value("not_helpful", "msg2")) == Rated("msg2", "not_helpful")


@pytest.mark.parametrize(
    ("action_id", "params"),
    [
        ("", {}),
        ("very_helpful", {}),
        ("very_helpful:", {}),
        ("nonsense:msg1", {}),
        ("stop", {}),
        ("stop:", {}),
        (":msg1", {}),
        ("node_1", {"action": "feedback", "message_id": "msg1"}),
        ("node_1", {"action": "feedback", "rating": "best", "message_id": "msg1"}),
        ("node_1", {"action": "feedback", "rating": "helpful"}),
        ("node_1", {"action": "delete", "message_id": "msg1"}),
        ("node_1", {"action": "delete", "rating": "helpful", "message_id": "msg1"}),
        ("helpful:msg1", {"action": "delete"}),
    ],
)
def test_a_button_of_somebody_else_means_nothing(action_id: str, params: dict[str, str]) -> None:
    assert pressed(action_id, params) is None


@given(st.text(max_size=30), st.dictionaries(st.sampled_from(["action", "rating", "message_id", "x"]), st.text()))
def test_a_press_is_always_understood_or_means_nothing(action_id: str, params: dict[str, str]) -> None:
    press = pressed(action_id, params)
    assert press is None or press.message_id


def test_a_feedback_value_carries_four_short_facts_and_nothing_of_the_answer() -> None:
    value = rating_value("slightly_helpful", "msg1==")
    assert value == {
        "action": "feedback",
        "rating": "slightly_helpful",
        "type": "unhelpful",
        "message_id": "msg1==",
    }


def test_the_four_feedback_values_all_differ() -> None:
    assert len({json.dumps(rating_value(rating, "msg1==")) for rating in texts.RATINGS}) == 4


def test_two_ratings_are_helpful_and_two_are_not() -> None:
    kinds = {rating: rating_value(rating, "msg1==")["type"] for rating in texts.RATINGS}
    assert kinds == {
        "very_helpful": "helpful",
        "helpful": "helpful",
        "slightly_helpful": "unhelpful",
        "not_helpful": "unhelpful",
    }


def test_the_four_buttons_are_those_of_the_founding_tutorial() -> None:
    assert list(texts.RATINGS.values()) == ["😄 非常有帮助", "😊 有帮助", "🙂 帮助不大", "😅 没帮助"]
