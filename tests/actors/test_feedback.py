"""What people say of an answer by its buttons: theirs alone, once each, stored, shown, counted and passed on."""

import json
import logging
from pathlib import Path

import pytest

from actors.core import texts
from actors.core.card import CardKind, button_id
from actors.sandbox.records import Card
from tests.actors.cast import HEARD
from tests.actors.conftest import OWN, PUBLIC, Stage, closed, connected, eventually, served_again, staged

VERY, NOT = "very_helpful", "not_helpful"


def press(stage: Stage, card: Card, rating: str, person: str = "zhang") -> None:
    """Somebody presses a feedback button, whatever the card's template calls it."""
    label = texts.RATINGS[rating]
    button = next(button for button in card.buttons() if label in button["text"])
    assert stage.sandbox.click(card.id, button["id"], person)


async def acked(stage: Stage, count: int) -> None:
    await stage.sandbox.until(lambda: len(stage.sandbox.acks) >= count)


async def rated(stage: Stage, rating: str) -> float:
    return await stage.metric(f'dingtalk_feedback_total{{rating="{rating}",{{robot}}}}')


def chosen(card: Card) -> list[str]:
    """The labels of the buttons that are shown as chosen to everybody."""
    return [button["text"] for button in card.buttons() if button.get("chosen") or button["text"].startswith("✅")]


@pytest.mark.parametrize("kind", [PUBLIC, OWN], ids=["public", "own"])
async def test_a_rating_is_counted_shown_and_passed_to_the_agent(tmp_path: Path, kind: dict[str, str]) -> None:
    async with staged(tmp_path, **kind) as stage:
        await connected(stage)
        message_id = await stage.ask("你好")
        (card,) = await stage.finished()
        press(stage, card, VERY)
        await stage.sandbox.until(
            lambda: chosen(card) and any(heard.question.message_id == message_id for heard in HEARD)
        )
        assert await rated(stage, VERY) == 1
        assert [texts.RATINGS[VERY] in label for label in chosen(card)] == [True]
        heard = next(heard for heard in HEARD if heard.question.message_id == message_id)
        assert (heard.rating, heard.helpful, heard.answer) == (VERY, True, "您说：你好")


async def test_the_person_who_pressed_sees_it_by_the_ack_itself(stage: Stage) -> None:
    await stage.ask("你好")
    (card,) = await stage.finished()
    press(stage, card, VERY)
    await acked(stage, 2)
    shown = stage.sandbox.acks[-1].data["response"]["cardData"]["cardParamMap"]
    assert "✅" in shown["sys_full_json_obj"]


async def test_a_click_is_acked_in_time(stage: Stage) -> None:
    await stage.ask("你好")
    (card,) = await stage.finished()
    press(stage, card, VERY)
    await acked(stage, 2)
    assert (stage.sandbox.acks[-1].seconds or 9.0) < stage.sandbox.rules.click_deadline


async def test_a_repeat_is_acked_and_not_counted_again(stage: Stage) -> None:
    await stage.ask("你好")
    (card,) = await stage.finished()
    for _ in range(3):
        press(stage, card, VERY)
    await acked(stage, 4)
    assert await rated(stage, VERY) == 1
    assert await stage.metric('dingtalk_clicks_total{outcome="repeated",{robot}}') == 2


async def test_a_change_of_mind_counts_and_the_last_one_is_shown(stage: Stage) -> None:
    await stage.ask("你好")
    (card,) = await stage.finished()
    press(stage, card, VERY)
    await stage.sandbox.until(lambda: chosen(card))
    press(stage, card, NOT)
    await stage.sandbox.until(lambda: texts.RATINGS[NOT] in "".join(chosen(card)))
    assert (await rated(stage, VERY), await rated(stage, NOT), len(chosen(card))) == (1, 1, 1)


async def test_nobody_rates_somebody_elses_answer(stage: Stage) -> None:
    stage.sandbox.say("你好", robot=stage.robot, sender="zhang", group="team")
    (card,) = await stage.sandbox.until(lambda: [card for card in stage.cards(group="team") if closed(card)])
    press(stage, card, VERY, person="li")
    await acked(stage, 2)
    assert await stage.metric('dingtalk_clicks_total{outcome="foreign",{robot}}') == 1
    assert (await rated(stage, VERY), chosen(card)) == (0, [])


async def test_a_press_on_an_old_card_counts_after_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await connected(stage)
        await stage.ask("你好")
        (card,) = await stage.finished()
        async with served_again(stage, tmp_path) as again:
            press(again, card, VERY)
            await again.sandbox.until(lambda: chosen(card))
            assert await rated(again, VERY) == 1


async def test_a_press_on_a_card_of_an_unknown_question_is_acked_and_harms_nobody(stage: Stage) -> None:
    await stage.ask("你好")
    (card,) = await stage.finished()
    stage.sandbox.click(card.id, button_id(VERY, "nobody-asked-this"), "zhang")
    await acked(stage, 2)
    assert stage.sandbox.acks[-1].code == 200
    assert await stage.metric('dingtalk_clicks_total{outcome="unknown",{robot}}') == 1


async def test_a_rating_is_one_event_in_the_log(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    message_id = await stage.ask("你好")
    (card,) = await stage.finished()
    press(stage, card, NOT)
    await acked(stage, 2)
    (event,) = [vars(record) for record in caplog.records if getattr(record, "event", "") == "feedback"]
    assert (event["rating"], event["type"], event["message_id"]) == (NOT, "unhelpful", message_id)


async def test_a_rating_reaches_the_store_when_the_card_cannot_show_it(stage: Stage) -> None:
    await stage.ask("你好")
    (card,) = await stage.finished()
    stage.sandbox.fail("update", status=400, code="param.error", times=None)
    press(stage, card, VERY)
    await acked(stage, 2)
    assert await rated(stage, VERY) == 1


async def test_the_buttons_of_our_template_say_action_rating_type_and_message(tmp_path: Path) -> None:
    async with staged(tmp_path, **OWN) as stage:
        await connected(stage)
        message_id = await stage.ask("你好")
        (card,) = await stage.finished()
        values = [button["params"] for button in card.buttons()]
        assert [value["rating"] for value in values] == list(texts.RATINGS)
        assert all(set(value) == {"action", "rating", "type", "message_id"} for value in values)
        assert {value["message_id"] for value in values} == {message_id}


async def test_a_standard_cards_buttons_say_four_different_things(tmp_path: Path) -> None:
    async with staged(tmp_path, CARD_KIND=CardKind.STANDARD) as stage:
        await connected(stage)
        await stage.ask("你好")
        await stage.sandbox.until(lambda: stage.cards() and len(stage.cards()[0].buttons()) == 4)
        values = [json.loads(button["value"]) for button in stage.cards()[0].buttons()]
        assert len({json.dumps(value) for value in values}) == 4


async def test_an_answer_that_failed_asks_for_no_rating(stage: Stage) -> None:
    await stage.ask("boom")
    (card,) = await stage.finished()
    assert card.buttons() == []


async def test_whoever_waits_for_its_turn_has_no_buttons_yet(stage: Stage) -> None:
    await stage.ask("hang")
    await stage.sandbox.until(stage.cards)
    assert stage.cards()[0].buttons() == []
    await eventually(stage.ready)
