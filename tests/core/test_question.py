"""A question is stored as JSON and comes back the same, also from a newer version."""

import json
from dataclasses import replace

import pytest

from actors.core.question import Address, Attachment, Question, Turn, usable

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
    attachments=(Attachment("picture", "", "p.png", "code"), Attachment("file", "file:///f", "f.pdf")),
    quote="发货要几天",
)
PICTURE, FILE = QUESTION.attachments
SILENT = replace(QUESTION, text="")


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


def test_a_question_that_an_older_version_stored_is_read() -> None:
    stored = json.loads(QUESTION.to_json())
    del stored["quote"]
    for attachment in stored["attachments"]:
        del attachment["code"]
    read = Question.from_json(json.dumps(stored))
    assert read == replace(QUESTION, quote="", attachments=(replace(PICTURE, code=""), FILE))


def test_a_question_that_was_stored_before_there_were_attachments_is_read() -> None:
    stored = json.loads(QUESTION.to_json())
    del stored["attachments"]
    assert Question.from_json(json.dumps(stored)).attachments == ()


def test_attachments_take_the_place_of_those_before() -> None:
    fetched = (replace(PICTURE, url="file:///p.png"),)
    assert QUESTION.with_attachments(fetched).attachments == fetched


def test_of_what_does_not_reach_the_agent_the_name_is_left() -> None:
    without_the_file = QUESTION.with_attachments((replace(PICTURE, url="file:///p.png"),))
    assert without_the_file.unseen == (replace(FILE, code=""),)


def test_what_could_not_be_used_and_what_could_not_be_fetched_are_both_unseen() -> None:
    nothing_came = QUESTION.with_attachments((PICTURE,)).with_attachments(())
    assert [one.name for one in nothing_came.unseen] == [FILE.name, PICTURE.name]


def test_what_is_unseen_is_stored_with_the_question() -> None:
    question = QUESTION.with_attachments((PICTURE,))
    assert Question.from_json(question.to_json()) == question


@pytest.mark.parametrize(
    ("question", "accepts", "left"),
    [
        (QUESTION, {"picture", "file"}, (PICTURE, FILE)),
        (QUESTION, {"picture"}, (PICTURE,)),
        (QUESTION, set(), ()),
        (SILENT, {"file", "audio"}, (FILE,)),
    ],
)
def test_an_agent_gets_what_it_can_use(question: Question, accepts: set[str], left: tuple[Attachment, ...]) -> None:
    assert usable(question, accepts) == question.with_attachments(left)
    assert question.with_attachments(left).attachments == left


@pytest.mark.parametrize("accepts", [set(), {"video"}])
def test_nothing_is_left_of_a_question_without_words_whose_attachments_no_agent_takes(accepts: set[str]) -> None:
    assert usable(SILENT, accepts) is None
