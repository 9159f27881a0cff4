"""A StandardCard's life on the wire: the founding tutorial's card, whole in every call."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from actors.core import texts
from actors.core.card import Face, answered, card_id, ended, growing, in_line, thinking
from actors.core.question import Address, Question
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.port import Card
from actors.dingtalk.standard import StandardCard
from actors.dingtalk.standing import DOUBTS, Standing
from actors.errors import CallFailed, Fault
from tests.dingtalk.conftest import Clock, MakeOpenApi, Spellers, grown_together
from tests.dingtalk.scripted import RESET, SEND_STANDARD, UPDATE_STANDARD, DingTalk, error

CARD = card_id("dingrobot", "msg-1")
ANSWER = answered("七天内。")
NOT_THERE = error(400, "cardInstance.notExist")
THERE_ALREADY = error(400, "create.cardInstance.failed")

MakeCard = Callable[..., StandardCard]


@pytest.fixture
def make_card(openapi: OpenApi, question: Question, standing: Standing) -> MakeCard:
    """Cards of one question in a group, by default of its first attempt."""

    def make(*, api: OpenApi = openapi, attempt: int = 1, address: Address = question.address) -> StandardCard:
        return StandardCard(api, replace(question, address=address), attempt, standing)

    return make


@pytest.fixture
def card(make_card: MakeCard) -> Card:
    return make_card()


async def update(card: Card, text: str, status: str = "") -> None:
    face = growing(text, status)
    await card.update(face, lambda: face, 0.0)


def data(body: dict[str, Any]) -> dict[str, Any]:
    assert isinstance(body["cardData"], str)
    read = json.loads(body["cardData"])
    assert isinstance(read, dict)
    return read


async def shown(dingtalk: DingTalk, card: Card, face: Face) -> dict[str, Any]:
    """What a card's data says of a face."""
    await card.show(face)
    return data(dingtalk.to(UPDATE_STANDARD)[-1].body)


def elements(part: Any) -> Iterator[dict[str, Any]]:
    """Everything in a card's data that has an id."""
    if isinstance(part, dict):
        if "id" in part:
            yield part
        for inner in part.values():
            yield from elements(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from elements(inner)


def text_of(card_data: dict[str, Any]) -> str:
    [text] = [element["text"] for element in card_data["contents"] if element["type"] == "markdown"]
    assert isinstance(text, str)
    return text


def buttons(card_data: dict[str, Any]) -> list[dict[str, Any]]:
    return [element for element in elements(card_data) if element["type"] == "button"]


def values(card_data: dict[str, Any]) -> list[dict[str, str]]:
    return [json.loads(button["value"]) for button in buttons(card_data)]


# Send


async def test_a_card_for_a_group_is_sent_to_the_group_and_mentions_who_asked(dingtalk: DingTalk, card: Card) -> None:
    assert await card.create(thinking()) is True
    [asked] = dingtalk.to(SEND_STANDARD)
    assert asked.method == "POST"
    del asked.body["cardData"]
    options = asked.body.pop("sendOptions")
    assert json.loads(options["atUserListJson"]) == [{"nickName": "张三", "userId": "staff-1"}]
    assert asked.body == {
        "cardTemplateId": "StandardCard",
        "cardBizId": CARD,
        "robotCode": "dingrobot",
        "openConversationId": "cidGroup==",
    }


async def test_a_card_in_a_group_mentions_nobody_who_has_no_user_id(
    dingtalk: DingTalk, make_card: MakeCard, group: Address
) -> None:
    await make_card(address=replace(group, user="")).create(thinking())
    assert json.loads(dingtalk.to(SEND_STANDARD)[0].body["sendOptions"]["atUserListJson"]) == []


async def test_a_card_for_a_private_chat_is_sent_to_the_user(
    dingtalk: DingTalk, make_card: MakeCard, private: Address
) -> None:
    await make_card(address=private).create(thinking())
    body = dingtalk.to(SEND_STANDARD)[0].body
    assert json.loads(body["singleChatReceiver"]) == {"userId": "staff-1"}
    assert "openConversationId" not in body


async def test_somebody_without_a_user_id_can_get_no_card(
    dingtalk: DingTalk, make_card: MakeCard, outsider: Address
) -> None:
    with pytest.raises(CallFailed) as caught:
        await make_card(address=outsider).create(thinking())
    assert (caught.value.fault, caught.value.code) == (Fault.REJECTED, "noStaffId")
    assert dingtalk.asked == []


def test_the_card_id_is_short_enough(card: Card) -> None:
    assert (card.id, len(card.id) <= 64) == (CARD, True)


async def test_a_card_thinks_until_something_can_be_shown_of_its_text(dingtalk: DingTalk, card: Card) -> None:
    await update(card, "| 尺码 | 价格 |")
    assert text_of(data(dingtalk.to(UPDATE_STANDARD)[0].body)) == texts.STANDARD_THINKING


async def test_a_first_attempt_asks_for_no_card_that_may_be_there(dingtalk: DingTalk, card: Card) -> None:
    await card.create(thinking())
    assert dingtalk.to(UPDATE_STANDARD) == []


async def test_a_later_attempt_finds_the_card_that_is_there(dingtalk: DingTalk, make_card: MakeCard) -> None:
    assert await make_card(attempt=2).create(thinking()) is False
    assert dingtalk.to(SEND_STANDARD) == []
    assert text_of(data(dingtalk.to(UPDATE_STANDARD)[0].body)) == texts.STANDARD_THINKING


async def test_a_later_attempt_sends_the_card_that_is_not_there(dingtalk: DingTalk, make_card: MakeCard) -> None:
    dingtalk.answers(UPDATE_STANDARD, NOT_THERE)
    assert await make_card(attempt=2).create(thinking()) is True
    assert len(dingtalk.to(SEND_STANDARD)) == 1


async def test_a_card_that_may_be_finished_is_not_made_to_think_again(dingtalk: DingTalk, make_card: MakeCard) -> None:
    assert await make_card(attempt=2).create(thinking(), finished=True) is False
    assert dingtalk.asked == []


async def test_a_card_that_was_taken_to_be_there_and_is_not_is_sent_when_it_is_finished(
    dingtalk: DingTalk, make_card: MakeCard
) -> None:
    card = make_card(attempt=2)
    await card.create(thinking(), finished=True)
    dingtalk.answers(UPDATE_STANDARD, NOT_THERE)
    await card.finish(answered("whole"))
    assert [asked.path for asked in dingtalk.asked[-3:]] == [UPDATE_STANDARD, SEND_STANDARD, UPDATE_STANDARD]
    assert text_of(data(dingtalk.asked[-1].body)) == "whole"


async def test_a_card_that_is_there_and_takes_no_answer_is_not_finished_by_sending_it_again(
    dingtalk: DingTalk, make_card: MakeCard
) -> None:
    card = make_card(attempt=2)
    await card.create(thinking(), finished=True)
    dingtalk.always_answers(UPDATE_STANDARD, error(400, "param.error"))
    with pytest.raises(CallFailed):
        await card.finish(answered("whole"))


async def test_a_card_that_is_known_to_be_there_is_not_sent_again(dingtalk: DingTalk, card: Card) -> None:
    await card.create(thinking())
    dingtalk.answers(UPDATE_STANDARD, error(400, "param.error"))
    with pytest.raises(CallFailed):
        await card.finish(answered("whole"))
    assert len(dingtalk.to(SEND_STANDARD)) == 1


async def test_a_later_attempt_sends_no_second_card_while_nobody_knows_whether_there_is_one(
    dingtalk: DingTalk, make_card: MakeCard
) -> None:
    dingtalk.always_answers(UPDATE_STANDARD, error(503, "ServiceUnavailable"))
    with pytest.raises(CallFailed):
        await make_card(attempt=2).create(thinking())
    assert dingtalk.to(SEND_STANDARD) == []


async def test_a_card_that_stood_in_line_before_a_restart_is_met_by_its_first_attempt(
    dingtalk: DingTalk, card: Card
) -> None:
    dingtalk.answers(SEND_STANDARD, THERE_ALREADY)
    assert await card.create(thinking()) is False
    assert text_of(data(dingtalk.to(UPDATE_STANDARD)[0].body)) == texts.STANDARD_THINKING


async def test_a_sending_whose_answer_was_lost_meets_the_card_it_made(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(SEND_STANDARD, RESET, THERE_ALREADY)
    assert await card.create(thinking()) is False


async def test_a_card_that_cannot_be_had_is_a_failure(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(SEND_STANDARD, error(400, "invalid.robotCode"))
    dingtalk.answers(UPDATE_STANDARD, NOT_THERE)
    with pytest.raises(CallFailed) as caught:
        await card.create(thinking())
    assert caught.value.code == "invalid.robotCode"


# What it looks like


async def test_the_first_card_is_the_founding_tutorials(dingtalk: DingTalk, card: Card) -> None:
    await card.create(thinking())
    first = data(dingtalk.to(SEND_STANDARD)[0].body)
    assert first["config"] == {"autoLayout": True, "enableForward": True}
    assert first["header"] == {"title": {"type": "text", "text": "营业时间？"}}
    assert [(element["type"], element["text"]) for element in first["contents"]] == [
        ("markdown", "[思考]正在分析您的问题，请稍候...")
    ]


async def test_a_growing_card_has_the_text_so_far(dingtalk: DingTalk, card: Card) -> None:
    await update(card, "七天")
    [asked] = dingtalk.to(UPDATE_STANDARD)
    assert (asked.method, asked.body["cardBizId"]) == ("PUT", CARD)
    assert text_of(data(asked.body)) == "七天"
    assert buttons(data(asked.body)) == []


async def test_what_is_being_done_stands_beneath_the_text(dingtalk: DingTalk, card: Card) -> None:
    await update(card, "七天", "🔧 …")
    above, _, beneath = text_of(data(dingtalk.to(UPDATE_STANDARD)[0].body)).partition("\n\n")
    assert (above, "🔧 …" in beneath) == ("七天", True)


async def test_what_is_being_done_is_told_while_there_is_no_text(dingtalk: DingTalk, card: Card) -> None:
    await update(card, "", "🔧 …")
    assert "🔧 …" in text_of(data(dingtalk.to(UPDATE_STANDARD)[0].body))


async def test_a_place_in_line_is_told(dingtalk: DingTalk, card: Card) -> None:
    await card.create(in_line(2))
    assert text_of(data(dingtalk.to(SEND_STANDARD)[0].body)) == texts.in_line(2)


async def test_the_last_card_has_the_answer_a_line_and_four_buttons(dingtalk: DingTalk, card: Card) -> None:
    last = await shown(dingtalk, card, ANSWER)
    assert [element["type"] for element in last["contents"]] == ["markdown", "divider", "action"]
    assert text_of(last) == "七天内。"
    assert [button["label"]["text"] for button in buttons(last)] == list(texts.RATINGS.values())


async def test_its_buttons_are_the_founding_tutorials(dingtalk: DingTalk, card: Card) -> None:
    for button in buttons(await shown(dingtalk, card, ANSWER)):
        assert (button["actionType"], button["status"], button["size"]) == ("request", "normal", "small")
        assert button["label"]["type"] == "text"


async def test_every_element_has_an_id_and_no_two_the_same(dingtalk: DingTalk, card: Card) -> None:
    last = await shown(dingtalk, card, ANSWER)
    ids = [element["id"] for element in elements(last)]
    assert len(set(ids)) == len(ids) == 11
    assert all(ids)


async def test_its_buttons_say_four_different_things(dingtalk: DingTalk, card: Card) -> None:
    said = values(await shown(dingtalk, card, ANSWER))
    assert [value["rating"] for value in said] == list(texts.RATINGS)
    assert len({json.dumps(value) for value in said}) == 4


async def test_its_buttons_carry_four_short_facts_and_nothing_of_the_answer(dingtalk: DingTalk, card: Card) -> None:
    last = await shown(dingtalk, card, answered("很长的回答" * 500))
    for button, value in zip(buttons(last), values(last), strict=True):
        assert set(value) == {"action", "rating", "type", "message_id"}
        assert (value["action"], value["message_id"]) == ("feedback", "msg-1")
        assert len(button["value"]) < 200


@pytest.mark.parametrize("face", [ended("已停止"), ended("抱歉", failed=True)])
async def test_what_cannot_be_rated_has_no_buttons_and_no_line(dingtalk: DingTalk, card: Card, face: Face) -> None:
    last = await shown(dingtalk, card, face)
    assert [element["type"] for element in last["contents"]] == ["markdown"]


async def test_a_long_question_does_not_fill_the_card(
    dingtalk: DingTalk, openapi: OpenApi, question: Question, standing: Standing
) -> None:
    long = replace(question, text="很长的问题\n" * 100)
    await StandardCard(openapi, long, 1, standing).create(thinking())
    title = data(dingtalk.to(SEND_STANDARD)[0].body)["header"]["title"]["text"]
    assert len(title) <= 60
    assert "\n" not in title


# Its life


async def test_the_text_is_taken_once_at_the_moment_of_sending(dingtalk: DingTalk, card: Card) -> None:
    taken = list[Face]()

    def take() -> Face:
        taken.append(growing("latest"))
        return taken[0]

    dingtalk.answers(UPDATE_STANDARD, error(503, "ServiceUnavailable"))
    await card.update(growing("early"), take, 0.0)
    assert len(taken) == 1
    assert [text_of(data(asked.body)) for asked in dingtalk.to(UPDATE_STANDARD)] == ["latest"] * 2


async def test_finishing_shows_answer_and_buttons_at_once(dingtalk: DingTalk, card: Card) -> None:
    await card.finish(ANSWER)
    [asked] = dingtalk.to(UPDATE_STANDARD)
    assert (text_of(data(asked.body)), len(buttons(data(asked.body)))) == ("七天内。", 4)


async def test_a_face_that_it_has_already_takes_no_call(dingtalk: DingTalk, card: Card) -> None:
    await card.finish(ANSWER)
    await card.show(ANSWER)
    assert len(dingtalk.to(UPDATE_STANDARD)) == 1


async def test_a_card_that_was_not_finished_is_shown_its_last_face(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(UPDATE_STANDARD, error(400, "param.error"))
    with pytest.raises(CallFailed):
        await card.finish(ANSWER)
    await card.show(ended(texts.SENT_BESIDE))
    assert text_of(data(dingtalk.to(UPDATE_STANDARD)[-1].body)) == texts.SENT_BESIDE


async def test_a_final_text_goes_before_every_update(
    dingtalk: DingTalk, make_openapi: MakeOpenApi, make_card: MakeCard
) -> None:
    openapi = make_openapi(qps=1)
    card = make_card(api=openapi)
    await update(card, "a")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(update(make_card(api=openapi), "b"))
        tasks.create_task(card.finish(ANSWER))
    order = [text_of(data(asked.body)) for asked in dingtalk.to(UPDATE_STANDARD)]
    assert order == ["a", "七天内。", "b"]


async def test_a_size_that_is_refused_is_said_so(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(UPDATE_STANDARD, error(400, "460101"))
    with pytest.raises(CallFailed) as caught:
        await card.finish(ANSWER)
    assert caught.value.fault is Fault.TOO_LARGE


async def test_its_clicks_come_back_to_nobody_so_there_is_nothing_to_show_of_them(
    dingtalk: DingTalk, card: Card
) -> None:
    await card.rate("helpful")
    assert (dingtalk.asked, card.rated("helpful"), card.stopping()) == ([], {}, {})


async def test_a_permission_that_is_refused_is_noted(dingtalk: DingTalk, card: Card, standing: Standing) -> None:
    dingtalk.answers(SEND_STANDARD, error(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"))
    with pytest.raises(CallFailed):
        await card.create(thinking())
    assert standing.refusal


async def test_a_card_that_was_finished_puts_the_robots_cards_right(card: Card, standing: Standing) -> None:
    for number in range(DOUBTS):
        with pytest.raises(CallFailed), standing.watched(f"card-{number}"):
            raise CallFailed("streaming", Fault.TRANSIENT, 500, "unknownError", "")
    await card.finish(ANSWER)
    assert standing.refusal == ""


async def test_a_long_text_is_spelled_beside_the_loop(card: Card, spellers: Spellers) -> None:
    await card.create(thinking())
    await card.show(answered(spellers.text))
    await card.finish(answered(spellers.text))
    assert spellers.on_the_loop == [False] * 2


async def test_texts_that_grow_on_several_cards_go_evenly(make_card: MakeCard, make_openapi: MakeOpenApi) -> None:
    api = make_openapi(qps=6)
    first, _, third = await grown_together([make_card(api=api) for _ in range(3)])
    assert third - first > 1.4 / 6


async def test_first_texts_of_several_cards_go_at_once(make_card: MakeCard, make_openapi: MakeOpenApi) -> None:
    api = make_openapi(qps=6, clock=Clock())  # it stands still: whoever waits for a moment waits for ever
    async with asyncio.timeout(20):
        await asyncio.gather(*(update(make_card(api=api), "七天") for _ in range(6)))
