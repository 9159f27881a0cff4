"""A card's life on the wire: what each of its four calls says, what a repeat says, and what is counted."""

import asyncio
import json
from typing import Any

import pytest
from prometheus_client import REGISTRY

from actors import metrics
from actors.core.card import Button, Face, State
from actors.core.question import Address
from actors.dingtalk.cards import SUMMARY_LENGTH, AiCard, summary
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.port import Card
from actors.errors import CallFailed, Fault
from tests.dingtalk.conftest import MakeOpenApi
from tests.dingtalk.scripted import CREATE, HANG, RESET, STREAMING, TOO_FAST, UPDATE, Answer, DingTalk, error

THINKING = Face(State.THINKING, "🤔 正在思考\n\nThinking…")
ANSWER = Face(State.FINISHED, "你好！\n\nHello!", (Button("helpful:msg-1", "😊 有帮助"),))


@pytest.fixture
def card(openapi: OpenApi, group: Address) -> Card:
    """The card of the first attempt at a question in a group."""
    return AiCard(openapi, group, "card-1", attempt=1)


def variables(body: dict[str, Any]) -> dict[str, str]:
    shown = body["cardData"]["cardParamMap"]
    assert isinstance(shown, dict)
    return shown


def updates(stage: str, outcome: str) -> float:
    labels = {"robot": "dingrobot", "stage": stage, "outcome": outcome}
    return REGISTRY.get_sample_value("dingtalk_card_updates_total", labels) or 0.0


# Create


async def test_a_card_is_created_and_delivered_in_one_call(dingtalk: DingTalk, card: Card) -> None:
    await card.create(THINKING)
    [asked] = dingtalk.to(CREATE)
    assert asked.method == "POST"
    assert asked.body["outTrackId"] == "card-1"
    assert asked.body["cardTemplateId"] == "382e4302-551d-4880-bf29-a30acfab2e71.schema"
    assert asked.body["callbackType"] == "STREAM"
    assert asked.body["userIdType"] == 1


async def test_a_new_card_has_its_content_from_the_start(dingtalk: DingTalk, card: Card) -> None:
    await card.create(THINKING)
    shown = variables(dingtalk.to(CREATE)[0].body)
    assert (shown["flowStatus"], shown["msgContent"]) == ("1", THINKING.text)
    assert "msgContent" in json.loads(shown["sys_full_json_obj"])["order"]


async def test_every_variable_of_a_template_is_a_string(dingtalk: DingTalk, card: Card) -> None:
    await card.create(ANSWER)
    assert {type(value) for value in variables(dingtalk.to(CREATE)[0].body).values()} == {str}


async def test_a_card_for_a_group_goes_to_the_group(dingtalk: DingTalk, card: Card) -> None:
    await card.create(THINKING)
    body = dingtalk.to(CREATE)[0].body
    assert body["openSpaceId"] == "dtv1.card//IM_GROUP.cidGroup=="
    assert body["imGroupOpenDeliverModel"]["robotCode"] == "dingrobot"
    assert body["imGroupOpenSpaceModel"]["supportForward"] is True
    assert "imRobotOpenDeliverModel" not in body


async def test_a_card_for_a_private_chat_goes_to_the_user(
    dingtalk: DingTalk, openapi: OpenApi, private: Address
) -> None:
    await AiCard(openapi, private, "card-1", 1).create(THINKING)
    body = dingtalk.to(CREATE)[0].body
    assert body["openSpaceId"] == "dtv1.card//IM_ROBOT.staff-1"
    assert body["imRobotOpenDeliverModel"] == {
        "spaceType": "IM_ROBOT",
        "robotCode": "dingrobot",
        "extension": {"dynamicSummary": "true"},
    }
    assert "imGroupOpenDeliverModel" not in body


async def test_the_list_of_chats_shows_a_line_of_the_card(dingtalk: DingTalk, card: Card) -> None:
    await card.create(THINKING)
    assert dingtalk.to(CREATE)[0].body["imGroupOpenSpaceModel"]["lastMessageI18n"]["ZH_CN"] == "🤔 正在思考"


async def test_somebody_without_a_user_id_can_get_no_card(
    dingtalk: DingTalk, openapi: OpenApi, outsider: Address
) -> None:
    with pytest.raises(CallFailed) as caught:
        await AiCard(openapi, outsider, "card-1", 1).create(THINKING)
    assert (caught.value.fault, caught.value.code) == (Fault.REJECTED, "noStaffId")
    assert dingtalk.asked == []


async def test_a_card_that_is_there_already_is_fine(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(CREATE, error(400, "param.cardAlreadyExist"))
    before = updates("initial", "ok")
    await card.create(THINKING)
    assert updates("initial", "ok") == before + 1


async def test_a_create_that_timed_out_meets_the_card_it_made(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(CREATE, Answer(504, "<html>"), error(400, "param.cardAlreadyExist"))
    await card.create(THINKING)
    assert {asked.body["outTrackId"] for asked in dingtalk.to(CREATE)} == {"card-1"}


async def test_a_card_that_was_not_delivered_is_a_failure(dingtalk: DingTalk, card: Card) -> None:
    deliveries = [{"success": False, "errorMsg": "spaceId is illegal"}]
    dingtalk.answers(CREATE, Answer(200, {"success": True, "result": {"deliverResults": deliveries}}))
    with pytest.raises(CallFailed, match="spaceId is illegal"):
        await card.create(THINKING)


# Update


async def test_an_update_shows_the_whole_text_so_far(dingtalk: DingTalk, card: Card) -> None:
    await card.update(lambda: "so far", 0.0)
    [asked] = dingtalk.to(STREAMING)
    guid = asked.body.pop("guid")
    assert guid
    assert asked.body == {
        "outTrackId": "card-1",
        "key": "msgContent",
        "content": "so far",
        "isFull": True,
        "isFinalize": False,
        "isError": False,
    }


async def test_the_text_is_taken_once_at_the_moment_of_sending(
    dingtalk: DingTalk, make_openapi: MakeOpenApi, group: Address
) -> None:
    card, text, taken = AiCard(make_openapi(qps=1), group, "card-1", 1), ["early"], list[str]()
    await card.update(lambda: "first", 0.0)

    def take() -> str:
        taken.append(text[0])
        return text[0]

    dingtalk.answers(STREAMING, error(500, "unknownError"))
    update = asyncio.create_task(card.update(take, 0.0))
    await asyncio.sleep(0)
    text[0] = "latest"
    await update
    assert taken == ["latest"]
    assert [asked.body["content"] for asked in dingtalk.to(STREAMING)] == ["first", "latest", "latest"]


async def test_the_oldest_unseen_text_goes_first(dingtalk: DingTalk, make_openapi: MakeOpenApi, group: Address) -> None:
    openapi = make_openapi(qps=1)
    await openapi.warm()
    cards = {since: AiCard(openapi, group, f"card-{since}", 1) for since in (3, 2, 1)}
    await AiCard(openapi, group, "card-0", 1).update(lambda: "", 0.0)
    async with asyncio.TaskGroup() as tasks:
        for since, card in cards.items():
            tasks.create_task(card.update(lambda: "", float(since)))
    order = [asked.body["outTrackId"] for asked in dingtalk.to(STREAMING)]
    assert order == ["card-0", "card-1", "card-2", "card-3"]


async def test_a_final_text_goes_before_every_update(
    dingtalk: DingTalk, make_openapi: MakeOpenApi, group: Address
) -> None:
    openapi = make_openapi(qps=1)
    growing, ending = AiCard(openapi, group, "growing", 1), AiCard(openapi, group, "ending", 1)
    await growing.update(lambda: "a", 0.0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(growing.update(lambda: "b", 0.0))
        tasks.create_task(ending.finish("whole"))
    assert [asked.body["content"] for asked in dingtalk.to(STREAMING)] == ["a", "whole", "b"]


async def test_every_frame_has_a_guid_of_its_own(dingtalk: DingTalk, card: Card) -> None:
    await card.update(lambda: "a", 0.0)
    await card.update(lambda: "b", 0.0)
    await card.finish("c")
    assert len({asked.body["guid"] for asked in dingtalk.to(STREAMING)}) == 3


async def test_a_frame_keeps_its_guid_on_retries(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(STREAMING, error(400, "system.busy"), RESET, Answer(504, ""))
    await card.update(lambda: "a", 0.0)
    asked = dingtalk.to(STREAMING)
    assert len(asked) == 4
    assert len({each.body["guid"] for each in asked}) == 1


async def test_the_frames_of_two_attempts_differ(dingtalk: DingTalk, openapi: OpenApi, group: Address) -> None:
    await AiCard(openapi, group, "card-1", 1).update(lambda: "a", 0.0)
    await AiCard(openapi, group, "card-1", 2).update(lambda: "a", 0.0)
    assert len({asked.body["guid"] for asked in dingtalk.to(STREAMING)}) == 2


# Finish and close


async def test_finishing_shows_the_whole_text_and_ends_the_streaming(dingtalk: DingTalk, card: Card) -> None:
    await card.finish("whole")
    body = dingtalk.to(STREAMING)[0].body
    assert (body["content"], body["isFull"], body["isFinalize"], body["isError"]) == ("whole", True, True, False)


async def test_finishing_again_after_a_crash_sends_the_same_frame(
    dingtalk: DingTalk, openapi: OpenApi, group: Address
) -> None:
    await AiCard(openapi, group, "card-1", 1).finish("whole")
    await AiCard(openapi, group, "card-1", 2).finish("whole")
    first, again = dingtalk.to(STREAMING)
    assert first.body == again.body


async def test_a_text_that_is_too_large_is_said_so(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.always_answers(STREAMING, error(400, "param.stream.content", "content is too large"))
    with pytest.raises(CallFailed) as caught:
        await card.finish("whole")
    assert caught.value.fault is Fault.TOO_LARGE


async def test_closing_shows_state_text_and_buttons(dingtalk: DingTalk, card: Card) -> None:
    await card.close(ANSWER)
    [asked] = dingtalk.to(UPDATE)
    shown = variables(asked.body)
    assert (asked.method, asked.body["outTrackId"]) == ("PUT", "card-1")
    assert asked.body["cardUpdateOptions"] == {"updateCardDataByKey": True}
    assert (shown["flowStatus"], shown["msgContent"]) == ("3", ANSWER.text)
    assert json.loads(shown["sys_full_json_obj"]) == {
        "order": ["msgContent", "msgButtons"],
        "msgButtons": [{"text": "😊 有帮助", "color": "blue", "id": "helpful:msg-1", "request": True}],
    }


async def test_an_apology_ends_as_finished_because_not_every_template_can_fail(
    dingtalk: DingTalk, card: AiCard
) -> None:
    await card.close(Face(State.FAILED, "抱歉"))
    assert variables(dingtalk.to(UPDATE)[0].body)["flowStatus"] == "3"


async def test_closing_takes_the_buttons_away_where_there_are_none(dingtalk: DingTalk, card: Card) -> None:
    await card.close(Face(State.FAILED, "抱歉"))
    assert "msgButtons" not in json.loads(variables(dingtalk.to(UPDATE)[0].body)["sys_full_json_obj"])


async def test_the_list_of_chats_shows_the_answer_in_the_end(dingtalk: DingTalk, card: Card) -> None:
    await card.close(ANSWER)
    line = json.loads(variables(dingtalk.to(UPDATE)[0].body)["sys_lastMessageI18n"])
    assert line == {"zh_CN": "你好！", "en_US": "你好！"}


# Counting


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Answer(200, {"success": True}), "ok"), (TOO_FAST, "throttled"), (error(400, "param.error"), "failed")],
)
@pytest.mark.parametrize("stage", ["initial", "streaming", "final"])
async def test_each_card_call_is_counted_by_stage_and_outcome(
    *, dingtalk: DingTalk, make_openapi: MakeOpenApi, group: Address, stage: str, answer: Answer, outcome: str
) -> None:
    card, before = AiCard(make_openapi(attempts=1), group, "card-1", 1), updates(stage, outcome)
    dingtalk.answers(CREATE if stage == "initial" else STREAMING, answer)
    calls = {
        "initial": lambda: card.create(THINKING),
        "streaming": lambda: card.update(lambda: "a", 0.0),
        "final": lambda: card.finish("a"),
    }
    if outcome == "ok":
        await calls[stage]()
    else:
        with pytest.raises(CallFailed):
            await calls[stage]()
    assert updates(stage, outcome) == before + 1


async def test_a_cancelled_update_has_no_outcome(dingtalk: DingTalk, card: Card) -> None:
    def total() -> float:
        return sum(sample.value for family in metrics.CARD_UPDATES.collect() for sample in family.samples)

    before = total()
    dingtalk.answers(STREAMING, HANG)
    update = asyncio.create_task(card.update(lambda: "a", 0.0))
    await dingtalk.until_asked(STREAMING)
    update.cancel()
    await asyncio.wait([update], timeout=20)
    assert update.cancelled()
    assert total() == before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one", "one"),
        ("\n\n  two \nthree", "two"),
        ("", "…"),
        ("长" * 100, "长" * (SUMMARY_LENGTH - 1) + "…"),
    ],
)
def test_a_summary_is_one_short_line(text: str, line: str) -> None:
    assert summary(text) == line
