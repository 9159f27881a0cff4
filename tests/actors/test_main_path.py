"""A question's way through the whole service: a frame in, a card out."""

import threading

import pytest

from actors.conversation import Conversation
from actors.core import texts
from actors.sandbox.records import CardState
from tests.actors.cast import ASKED, asked_by, whole
from tests.actors.conftest import Stage, eventually


async def test_the_thinking_card_is_the_first_thing_a_person_sees(stage: Stage) -> None:
    await stage.ask("hang")
    await stage.sandbox.until(stage.cards)
    first = stage.cards()[0].versions[0]
    assert (first.call, first.state, first.text) == ("create", CardState.PROCESSING, texts.THINKING)


async def test_the_answer_grows_on_the_card(stage: Stage) -> None:
    await stage.ask("60x0.05")
    (card,) = await stage.finished()
    shown = [version.text for version in card.versions if version.call == "streaming"]
    assert len(shown) >= 3
    assert all(whole(60).startswith(text) for text in shown)
    assert shown == sorted(set(shown), key=len)


async def test_the_finished_card_has_the_whole_answer(stage: Stage) -> None:
    await stage.ask("20x0.01")
    (card,) = await stage.finished()
    assert card.text == whole(20)


async def test_the_finished_card_has_four_feedback_buttons(stage: Stage) -> None:
    await stage.ask("你好")
    (card,) = await stage.finished()
    assert [button["text"] for button in card.buttons()] == list(texts.RATINGS.values())


async def test_an_answer_never_takes_more_updates_than_its_budget(stage: Stage) -> None:
    await stage.ask("200x0.01")
    (card,) = await stage.finished()
    assert sum(version.call == "streaming" for version in card.versions) <= 20


async def test_a_message_is_acked_before_its_answer_begins(stage: Stage) -> None:
    await stage.ask("hang")
    await stage.sandbox.until(lambda: stage.sandbox.acks)
    assert (stage.sandbox.acks[0].code, stage.sandbox.acks[0].data) == (200, {"response": None})


async def test_questions_of_one_person_are_answered_in_their_order(stage: Stage) -> None:
    for text in ("3x0.05", "2x0.05", "第三"):
        await stage.ask(text)
    await stage.finished(3)
    assert asked_by("zhang")[-3:] == ["3x0.05", "2x0.05", "第三"]


async def test_questions_of_one_person_are_answered_one_at_a_time(stage: Stage) -> None:
    await stage.ask("5x0.05")
    await stage.ask("第二")
    first, second = await stage.finished(2)
    began = next(version.at for version in second.versions if version.call == "streaming")
    assert began >= next(version.at for version in first.versions if version.state is CardState.FINISHED)


async def test_no_chat_waits_for_another_chat(stage: Stage) -> None:
    await stage.ask("hang", sender="slow")
    await stage.sandbox.until(lambda: stage.cards("slow"))
    await stage.ask("你好", sender="quick")
    (card,) = await stage.finished(sender="quick")
    assert card.text == "您说：你好"


async def test_people_at_the_same_time_get_their_own_answers(stage: Stage) -> None:
    people = [f"p{number}" for number in range(30)]
    for person in people:
        await stage.ask(f"我是{person}", sender=person)
    for person in people:
        (card,) = await stage.finished(sender=person)
        assert card.text == f"您说：我是{person}"


async def test_the_same_message_three_times_gets_one_answer(stage: Stage) -> None:
    for _ in range(3):
        await stage.ask("2x0.05", message_id="same", sender="repeater")
    await stage.finished(sender="repeater")
    await stage.ask("完了", sender="repeater")
    await stage.finished(2, sender="repeater")
    assert asked_by("repeater") == ["2x0.05", "完了"]


async def test_a_repeat_is_acked_like_the_first(stage: Stage) -> None:
    for _ in range(3):
        await stage.ask("你好", message_id="again")
    await stage.sandbox.until(lambda: len(stage.sandbox.acks) == 3)
    assert {ack.code for ack in stage.sandbox.acks} == {200}


async def test_a_conversation_remembers_what_was_said(stage: Stage) -> None:
    await stage.ask("第一", sender="rememberer")
    await stage.finished(sender="rememberer")
    await stage.ask("第二", sender="rememberer")
    await stage.finished(2, sender="rememberer")
    last = [question for question in ASKED if question.sender_id == "rememberer"][-1]
    assert [(turn.question, turn.answer) for turn in last.history] == [("第一", "您说：第一")]


async def test_people_from_outside_are_told_apart_and_answered_by_message(stage: Stage) -> None:
    stage.sandbox.say("我是甲", robot=stage.robot, sender="out1", staff=False)
    stage.sandbox.say("我是乙", robot=stage.robot, sender="out2", staff=False)
    await stage.sandbox.until(lambda: stage.said_to("out1") and stage.said_to("out2"))
    assert (stage.said_to("out1"), stage.said_to("out2")) == (["您说：我是甲"], ["您说：我是乙"])


async def test_a_group_question_is_answered_in_the_group(stage: Stage) -> None:
    stage.sandbox.say("大家好", robot=stage.robot, sender="zhang", group="team")
    chat = stage.sandbox.chat_id(stage.robot, group="team")
    finished = await stage.sandbox.until(
        lambda: [card.text for card in stage.sandbox.cards.values() if chat in card.chats and card.finalized]
    )
    assert finished == ["您说：大家好"]


async def test_one_question_too_many_is_refused_politely_and_once(stage: Stage) -> None:
    await stage.ask("hang", sender="eager")
    await stage.sandbox.until(lambda: stage.cards("eager"))
    for number in range(11):
        await stage.ask(f"问题{number}", sender="eager")
    await stage.sandbox.until(lambda: len(stage.sandbox.acks) == 12)
    stage.sandbox.say("", robot=stage.robot, sender="eager", msgtype="unknownMsgType", content={})
    await stage.sandbox.until(lambda: texts.UNREADABLE["unknown"] in stage.said_to("eager"))
    assert stage.said_to("eager").count(texts.QUEUE_FULL) == 1
    assert await stage.metric('dingtalk_messages_total{outcome="refused",{robot},type="text"}') == 3


async def test_a_press_of_a_button_is_stored_and_counted_once(stage: Stage) -> None:
    await stage.ask("你好")
    (card,) = await stage.finished()
    for _ in range(2):
        stage.sandbox.click(card.id, card.buttons()[0]["id"], "zhang")
    await stage.sandbox.until(lambda: len(stage.sandbox.acks) == 3)
    assert await stage.metric('dingtalk_feedback_total{rating="very_helpful",{robot}}') == 1


async def test_malformed_frames_disturb_nobody(stage: Stage) -> None:
    torn = '{"type":"CALLBACK","headers":{"topic":"x"},"data":"{"}'
    for frame in ("no json", b"\xff\xfe", "[]", '{"type": "CALLBACK"}', torn):
        stage.sandbox.push_raw(stage.robot, frame)
        await stage.ask("你好", sender="neighbour")
    await stage.finished(5, sender="neighbour")
    assert len(stage.sandbox.connections) == 1
    assert await stage.metric('dingtalk_stream_frames_total{{robot},type="malformed"}') >= 4


async def test_a_message_without_an_id_is_acked_and_counted(stage: Stage) -> None:
    stage.sandbox.say("你好", robot=stage.robot, changes={"msgId": None})
    await stage.sandbox.until(lambda: stage.sandbox.acks)
    assert await stage.metric('dingtalk_messages_total{outcome="unsupported",{robot},type="text"}') == 1


async def test_a_burst_of_a_hundred_is_acked_in_time(stage: Stage) -> None:
    for number in range(100):
        await stage.ask("hang", sender=f"burst{number}")
    await stage.sandbox.until(lambda: len(stage.sandbox.acks) == 100)
    assert max(ack.seconds or 9.0 for ack in stage.sandbox.acks) < 3.0


async def test_what_is_running_shows_in_the_metrics(stage: Stage) -> None:
    await stage.ask("hang")
    await stage.sandbox.until(stage.cards)
    assert await stage.metric("dingtalk_turns_in_progress{{robot}}") == 1
    assert await stage.metric("dingtalk_conversations{{robot}}") == 1
    assert await stage.metric('dingtalk_stream_connected{connection="0",{robot}}') == 1


async def test_the_status_page_names_the_connection_and_masks_the_secret(stage: Stage) -> None:
    await eventually(stage.ready)
    status, body = await stage.get("/status")
    assert status == 200
    assert '"state": "connected"' in body
    assert "robot-secret" not in body


async def test_a_service_that_answers_is_ready_and_alive(stage: Stage) -> None:
    await eventually(stage.ready)
    assert (await stage.get("/healthz"))[0] == 200


async def test_a_conversation_that_hangs_and_holds_up_the_others_makes_the_service_unhealthy(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    monkeypatch.setattr("actors.service.ANSWER_WITHIN", 2.0)
    monkeypatch.setattr(Conversation, "handle", lambda *_: may_go_on.wait(20))
    await stage.ask("你好")

    async def unhealthy() -> bool:
        return (await stage.get("/healthz"))[0] == 503

    try:
        await eventually(unhealthy)
    finally:
        may_go_on.set()
