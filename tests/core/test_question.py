"""A question is stored as JSON and comes back the same, also from a newer version."""

import json

from actors.core.card import answered, card_id, rated
from actors.core.question import Address, Attachment, Question, Turn

QUESTION = Question(
    robot="ding1",
    message_id="msg1==",
    conversation="ding1::zhang",
    chat_id="ding1:cid1:zhang",
    text="多久发货？",
    sender_id="zhang",
    sender_nick="张三",
    address=Address("ding1", "cid1", group=False, user="zhang", webhook="https://x", webhook_expires=1.5),
    received_at=2.5,
    attachments=(Attachment("picture", "https://p", "p.png"),),
)


def test_a_stored_question_comes_back_the_same() -> None:
    assert Question.from_json(QUESTION.to_json()) == QUESTION


def test_the_history_is_not_stored_with_the_question() -> None:
    assert Question.from_json(QUESTION.with_history((Turn("a", "b"),)).to_json()).history == ()


def test_a_question_that_a_newer_version_stored_is_read() -> None:
    stored = json.loads(QUESTION.to_json())
    stored["mood"] = stored["address"]["floor"] = stored["attachments"][0]["colour"] = "new"
    assert Question.from_json(json.dumps(stored)) == QUESTION


def test_a_question_of_a_version_without_replays_was_never_replayed() -> None:
    stored = json.loads(QUESTION.to_json())
    del stored["replay"]
    assert Question.from_json(json.dumps(stored)).replay == 0


def test_a_replayed_question_was_received_anew_and_is_counted() -> None:
    again = QUESTION.replayed(7.5).replayed(8.5)
    assert (again.received_at, again.replay) == (8.5, 2)


def test_a_replay_is_stored_with_the_question() -> None:
    assert Question.from_json(QUESTION.replayed(7.5).to_json()) == QUESTION.replayed(7.5)


def test_a_card_is_named_the_same_for_every_attempt() -> None:
    assert card_id("ding1", "msg1==") == card_id("ding1", "msg1==")


def test_two_robots_in_a_group_name_their_cards_differently() -> None:
    assert card_id("ding1", "msg1==") != card_id("ding2", "msg1==")


def test_a_card_id_is_short_enough_for_the_platform() -> None:
    assert len(card_id("d" * 100, "m" * 100)) <= 64


def test_a_feedback_button_says_which_answer_it_rates() -> None:
    button = answered("答", "msg:1==").buttons[0]
    word = rated(button.id)
    assert word is not None
    assert (word.rating, word.message_id) == ("very_helpful", "msg:1==")


def test_a_strange_button_rates_nothing() -> None:
    assert [rated(button) for button in ("", "very_helpful", "nonsense:msg1", "very_helpful:")] == [None] * 4
