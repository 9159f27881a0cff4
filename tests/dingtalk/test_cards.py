"""A template card's life on the wire: what each of its calls says, what a repeat says, and what is counted."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from actors import metrics
from actors.core import texts
from actors.core.card import Face, State, answered, card_id, ended, growing, in_line, thinking
from actors.core.question import Address, Question
from actors.core.robot import Robot
from actors.dingtalk import templates
from actors.dingtalk.cards import AiCard
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.port import Card
from actors.dingtalk.standing import DOUBTS, Standing
from actors.errors import CallFailed, Fault
from tests.dingtalk.conftest import Clock, MakeOpenApi, Spellers, grown_together
from tests.dingtalk.scripted import CREATE, HANG, RESET, STREAMING, TOO_FAST, UPDATE, Answer, DingTalk, error

CARD = card_id("dingrobot", "msg-1")
ANSWER = answered("你好！\n\nHello!")
TOOL = texts.using_tool("orders")

MakeCard = Callable[..., AiCard]


@pytest.fixture
def make_card(openapi: OpenApi, question: Question, standing: Standing) -> MakeCard:
    """Cards of questions in a group, by default of the first attempt at the one question."""

    def make(
        message_id: str = "msg-1", *, api: OpenApi = openapi, attempt: int = 1, address: Address = question.address
    ) -> AiCard:
        return AiCard(api, replace(question, message_id=message_id, address=address), attempt, standing)

    return make


@pytest.fixture
def card(make_card: MakeCard) -> Card:
    """The card of the first attempt at a question in a group."""
    return make_card()


@pytest.fixture
def own_robot(robot: Robot) -> Robot:
    """A robot with a card template of its own."""
    return replace(robot, card_template="11111111-2222.schema", card_content_key="content")


@pytest.fixture
def own(make_card: MakeCard, make_openapi: MakeOpenApi, own_robot: Robot) -> Card:
    """The same card on a template of our own."""
    return make_card(api=make_openapi(robot=own_robot))


@pytest.fixture
def cards(card: Card, own: Card) -> dict[str, Card]:
    """The card on either template."""
    return {"public": card, "own": own}


async def update(card: Card, text: str, status: str = "", since: float = 0.0) -> None:
    face = growing(text, status)
    await card.update(face, lambda: face, since)


def variables(body: dict[str, Any]) -> dict[str, str]:
    shown = body["cardData"]["cardParamMap"]
    assert isinstance(shown, dict)
    return shown


def streamed(dingtalk: DingTalk) -> list[str]:
    return [asked.body["content"] for asked in dingtalk.to(STREAMING)]


def changed(dingtalk: DingTalk) -> list[dict[str, str]]:
    return [variables(asked.body) for asked in dingtalk.to(UPDATE)]


def updates(stage: str, outcome: str) -> float:
    labels = {"robot": "dingrobot", "stage": stage, "outcome": outcome}
    return REGISTRY.get_sample_value("dingtalk_card_updates_total", labels) or 0.0


# Create


async def test_a_card_is_created_and_delivered_in_one_call(dingtalk: DingTalk, card: Card) -> None:
    await card.create(thinking())
    [asked] = dingtalk.to(CREATE)
    assert asked.method == "POST"
    assert asked.body["outTrackId"] == CARD
    assert asked.body["cardTemplateId"] == "382e4302-551d-4880-bf29-a30acfab2e71.schema"
    assert asked.body["callbackType"] == "STREAM"
    assert asked.body["userIdType"] == 1


async def test_a_new_card_has_its_content_from_the_start(dingtalk: DingTalk, card: Card) -> None:
    await card.create(thinking())
    shown = variables(dingtalk.to(CREATE)[0].body)
    assert (shown["flowStatus"], shown["msgContent"]) == ("1", texts.THINKING)
    assert "msgContent" in json.loads(shown["sys_full_json_obj"])["order"]


async def test_a_new_card_of_our_own_template_has_its_content_from_the_start(
    dingtalk: DingTalk, own: Card, own_robot: Robot
) -> None:
    await own.create(thinking())
    [asked] = dingtalk.to(CREATE)
    shown = variables(asked.body)
    assert asked.body["cardTemplateId"] == own_robot.card_template
    assert (shown["flowStatus"], shown["title"], shown["content"]) == ("1", "营业时间？", "")
    assert (shown["status"], shown["stoppable"]) == (texts.THINKING, "true")


@pytest.mark.parametrize("template", ["public", "own"])
async def test_every_variable_of_a_template_is_a_string(
    dingtalk: DingTalk, cards: dict[str, Card], template: str
) -> None:
    await cards[template].create(ANSWER)
    assert {type(value) for value in variables(dingtalk.to(CREATE)[0].body).values()} == {str}


async def test_a_card_for_a_group_goes_to_the_group(dingtalk: DingTalk, card: Card) -> None:
    await card.create(thinking())
    body = dingtalk.to(CREATE)[0].body
    assert body["openSpaceId"] == "dtv1.card//IM_GROUP.cidGroup=="
    assert body["imGroupOpenDeliverModel"]["robotCode"] == "dingrobot"
    assert body["imGroupOpenSpaceModel"]["supportForward"] is True
    assert "imRobotOpenDeliverModel" not in body


async def test_a_card_in_a_group_mentions_who_asked_by_id_and_name(dingtalk: DingTalk, card: Card) -> None:
    await card.create(thinking())
    assert dingtalk.to(CREATE)[0].body["imGroupOpenDeliverModel"]["atUserIds"] == {"staff-1": "张三"}


async def test_a_card_in_a_group_mentions_nobody_who_has_no_user_id(
    dingtalk: DingTalk, make_card: MakeCard, group: Address
) -> None:
    await make_card(address=replace(group, user="")).create(thinking())
    assert dingtalk.to(CREATE)[0].body["imGroupOpenDeliverModel"] == {"robotCode": "dingrobot"}


async def test_a_card_for_a_private_chat_goes_to_the_user(
    dingtalk: DingTalk, make_card: MakeCard, private: Address
) -> None:
    await make_card(address=private).create(thinking())
    body = dingtalk.to(CREATE)[0].body
    assert body["openSpaceId"] == "dtv1.card//IM_ROBOT.staff-1"
    assert body["imRobotOpenDeliverModel"] == {
        "spaceType": "IM_ROBOT",
        "robotCode": "dingrobot",
        "extension": {"dynamicSummary": "true"},
    }
    assert "imGroupOpenDeliverModel" not in body


async def test_the_list_of_chats_shows_a_line_of_the_card(dingtalk: DingTalk, card: Card) -> None:
    await card.create(in_line(2))
    line = texts.in_line(2)[:39] + "…"
    assert dingtalk.to(CREATE)[0].body["imGroupOpenSpaceModel"]["lastMessageI18n"]["ZH_CN"] == line


async def test_somebody_without_a_user_id_can_get_no_card(
    dingtalk: DingTalk, make_card: MakeCard, outsider: Address
) -> None:
    with pytest.raises(CallFailed) as caught:
        await make_card(address=outsider).create(thinking())
    assert (caught.value.fault, caught.value.code) == (Fault.REJECTED, "noStaffId")
    assert dingtalk.asked == []


async def test_a_card_that_is_new_is_said_to_be_new(card: Card) -> None:
    assert await card.create(thinking()) is True


async def test_a_card_that_is_there_already_is_fine_and_said_to_be_there(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(CREATE, error(400, "param.cardAlreadyExist"))
    before = updates("initial", "ok")
    assert await card.create(thinking()) is False
    assert updates("initial", "ok") == before + 1


async def test_a_create_that_timed_out_meets_the_card_it_made(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(CREATE, Answer(504, "<html>"), error(400, "param.cardAlreadyExist"))
    await card.create(thinking())
    assert {asked.body["outTrackId"] for asked in dingtalk.to(CREATE)} == {CARD}


async def test_a_card_that_was_not_delivered_is_a_failure(dingtalk: DingTalk, card: Card) -> None:
    deliveries = [{"success": False, "errorMsg": "spaceId is illegal"}]
    dingtalk.answers(CREATE, Answer(200, {"success": True, "result": {"deliverResults": deliveries}}))
    with pytest.raises(CallFailed, match="spaceId is illegal"):
        await card.create(thinking())


# Update


async def test_an_update_shows_the_whole_text_so_far(dingtalk: DingTalk, card: Card) -> None:
    await update(card, "so far")
    [asked] = dingtalk.to(STREAMING)
    guid = asked.body.pop("guid")
    assert guid
    assert asked.body == {
        "outTrackId": CARD,
        "key": "msgContent",
        "content": "so far",
        "isFull": True,
        "isFinalize": False,
        "isError": False,
    }


async def test_the_text_is_taken_once_at_the_moment_of_sending(
    dingtalk: DingTalk, make_openapi: MakeOpenApi, make_card: MakeCard
) -> None:
    card, text, taken = make_card(api=make_openapi(qps=1)), ["early"], list[str]()
    await update(card, "first")

    def take() -> Face:
        taken.append(text[0])
        return growing(text[0])

    dingtalk.answers(STREAMING, error(500, "unknownError"))
    updating = asyncio.create_task(card.update(growing("early"), take, 0.0))
    await asyncio.sleep(0)
    text[0] = "latest"
    await updating
    assert taken == ["latest"]
    assert streamed(dingtalk) == ["first", "latest", "latest"]


async def test_the_oldest_unseen_text_goes_first(
    dingtalk: DingTalk, make_openapi: MakeOpenApi, make_card: MakeCard
) -> None:
    openapi = make_openapi(qps=1)
    await openapi.warm()
    cards = {since: make_card(f"msg-{since}", api=openapi) for since in (3, 2, 1)}
    await update(make_card("msg-0", api=openapi), "text")
    async with asyncio.TaskGroup() as tasks:
        for since, card in cards.items():
            tasks.create_task(update(card, "text", since=float(since)))
    order = [asked.body["outTrackId"] for asked in dingtalk.to(STREAMING)]
    assert order == [card_id("dingrobot", f"msg-{number}") for number in range(4)]


async def test_a_final_text_goes_before_every_update(
    dingtalk: DingTalk, make_openapi: MakeOpenApi, make_card: MakeCard
) -> None:
    openapi = make_openapi(qps=1)
    grows, ends = make_card("growing", api=openapi), make_card("ending", api=openapi)
    await update(grows, "a")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(update(grows, "b"))
        tasks.create_task(ends.finish(answered("whole")))
    assert streamed(dingtalk) == ["a", "whole", "b"]


async def test_every_frame_has_a_guid_of_its_own(dingtalk: DingTalk, card: Card) -> None:
    await update(card, "a")
    await update(card, "b")
    await card.finish(answered("c"))
    assert len({asked.body["guid"] for asked in dingtalk.to(STREAMING)}) == 3


async def test_a_frame_keeps_its_guid_on_retries(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(STREAMING, error(400, "system.busy"), RESET, Answer(504, ""))
    await update(card, "a")
    asked = dingtalk.to(STREAMING)
    assert len(asked) == 4
    assert len({each.body["guid"] for each in asked}) == 1


async def test_the_frames_of_two_attempts_differ(dingtalk: DingTalk, make_card: MakeCard) -> None:
    await update(make_card(attempt=1), "a")
    await update(make_card(attempt=2), "a")
    assert len({asked.body["guid"] for asked in dingtalk.to(STREAMING)}) == 2


async def test_what_is_being_done_streams_on_the_public_template(dingtalk: DingTalk, card: Card) -> None:
    await card.create(thinking())
    await update(card, "", TOOL)
    assert (streamed(dingtalk), changed(dingtalk)) == ([TOOL], [])


async def test_an_update_without_news_makes_no_call(dingtalk: DingTalk, card: Card) -> None:
    await update(card, "text")
    await update(card, "text")
    assert len(dingtalk.to(STREAMING)) == 1


async def test_a_card_that_thinks_is_not_told_to_think_when_nothing_can_be_shown_yet(
    dingtalk: DingTalk, cards: dict[str, Card]
) -> None:
    for card in cards.values():
        await card.create(thinking())
        await update(card, "- ")
    assert (streamed(dingtalk), changed(dingtalk)) == ([], [])


async def test_a_text_is_spelled_once_for_an_update(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spelling a long text takes many milliseconds, in which the loop stands still."""
    spelled = list[str]()

    def presentable(text: str, **_: object) -> str:
        spelled.append(text)
        return text

    monkeypatch.setattr(templates, "presentable", presentable)
    await update(card, "a")
    await update(card, "ab")
    assert spelled == ["a", "ab"]


async def test_a_long_text_is_spelled_beside_the_loop(cards: dict[str, Card], spellers: Spellers) -> None:
    for card in cards.values():
        await card.finish(answered(spellers.text))
        await card.show(answered(spellers.text))
    assert spellers.on_the_loop == [False] * 4


async def test_text_that_was_taken_back_whole_never_streams_as_nothing(dingtalk: DingTalk, own: Card) -> None:
    """DingTalk refuses a frame without content (`param.stream.contentEmpty`)."""
    await update(own, "不该说的")
    await update(own, "", texts.THINKING)
    await update(own, "抱歉")
    first, nothing, last = streamed(dingtalk)
    assert (first, last) == ("不该说的", "抱歉")
    assert nothing.strip()
    assert "不该说的" not in nothing


# Update, on a template of our own


@pytest.fixture
async def begun(own: Card, dingtalk: DingTalk) -> Card:
    """Our own template's card, with its first text."""
    await own.create(thinking())
    await update(own, "七天")
    dingtalk.asked.clear()
    return own


async def test_the_first_text_streams_and_takes_the_status_away(dingtalk: DingTalk, own: Card) -> None:
    await own.create(thinking())
    await update(own, "七天")
    assert (streamed(dingtalk), changed(dingtalk)) == (["七天"], [{"status": ""}])


async def test_the_text_streams_ahead_of_what_stands_beside_it(dingtalk: DingTalk, own: Card) -> None:
    await own.create(thinking())
    await update(own, "七天")
    assert [asked.path for asked in dingtalk.asked[-2:]] == [STREAMING, UPDATE]


async def test_text_alone_takes_one_call(dingtalk: DingTalk, begun: Card) -> None:
    await update(begun, "七天内")
    assert (streamed(dingtalk), changed(dingtalk)) == (["七天内"], [])


async def test_a_status_alone_takes_one_call_and_leaves_the_rest_of_the_card(dingtalk: DingTalk, begun: Card) -> None:
    await update(begun, "七天", TOOL)
    [asked] = dingtalk.asked
    assert asked.path == UPDATE
    assert asked.body == {
        "outTrackId": CARD,
        "cardData": {"cardParamMap": {"status": TOOL}},
        "cardUpdateOptions": {"updateCardDataByKey": True},
    }


async def test_a_status_before_any_text_does_not_begin_the_stream(dingtalk: DingTalk, own: Card) -> None:
    await own.create(thinking())
    await update(own, "", TOOL)
    assert (streamed(dingtalk), changed(dingtalk)) == ([], [{"status": TOOL}])


async def test_text_and_status_take_a_call_each(dingtalk: DingTalk, begun: Card) -> None:
    await update(begun, "七天内", TOOL)
    assert (streamed(dingtalk), changed(dingtalk)) == (["七天内"], [{"status": TOOL}])


async def test_nothing_new_takes_no_call(dingtalk: DingTalk, begun: Card) -> None:
    await update(begun, "七天")
    assert dingtalk.asked == []


@pytest.mark.parametrize(("text", "status"), [("七天", ""), ("七天内", ""), ("七天", TOOL), ("七天内", TOOL)])
async def test_whatever_is_new_is_taken_exactly_once(begun: Card, text: str, status: str) -> None:
    face, taken = growing(text, status), list[Face]()

    def take() -> Face:
        taken.append(face)
        return face

    await begun.update(face, take, 0.0)
    assert taken == [face]


@pytest.fixture
async def slow(make_card: MakeCard, make_openapi: MakeOpenApi, own_robot: Robot, dingtalk: DingTalk) -> Card:
    """A card with its first text whose every next call has to wait for a place."""
    card = make_card(api=make_openapi(robot=own_robot, qps=1))
    await card.create(thinking())
    await update(card, "七天")
    dingtalk.asked.clear()
    return card


async def update_while_waiting(card: Card, now: Face, then: Face) -> None:
    """An update that is begun with one thing to show, and sent when there is another."""
    latest = [now]
    updating = asyncio.create_task(card.update(now, lambda: latest[0], 0.0))
    await asyncio.sleep(0)
    latest[0] = then
    await updating


async def test_text_that_comes_while_a_status_waits_for_its_place_is_shown_too(dingtalk: DingTalk, slow: Card) -> None:
    await update_while_waiting(slow, growing("七天", TOOL), growing("七天内"))
    assert streamed(dingtalk) == ["七天内"]


async def test_a_status_that_comes_while_text_waits_for_its_place_is_shown_too(dingtalk: DingTalk, slow: Card) -> None:
    await update_while_waiting(slow, growing("七天内"), growing("七天内", TOOL))
    assert (streamed(dingtalk), changed(dingtalk)) == (["七天内"], [{"status": TOOL}])


async def test_a_status_that_was_not_shown_is_shown_with_the_next_update_and_the_text_not_again(
    dingtalk: DingTalk, begun: Card
) -> None:
    dingtalk.answers(UPDATE, error(400, "param.error"))
    with pytest.raises(CallFailed):
        await update(begun, "七天内", TOOL)
    await update(begun, "七天内", TOOL)
    assert streamed(dingtalk) == ["七天内"]
    assert changed(dingtalk) == [{"status": TOOL}] * 2


async def test_the_status_of_a_card_that_was_there_already_is_told_anew(dingtalk: DingTalk, own: Card) -> None:
    dingtalk.answers(CREATE, error(400, "param.cardAlreadyExist"))
    await own.create(thinking())
    await update(own, "七天")
    assert changed(dingtalk) == [{"status": ""}]


async def test_what_a_running_card_was_made_to_show_is_not_told_again(dingtalk: DingTalk, own: Card) -> None:
    await own.create(in_line(1))
    await own.show(thinking())
    dingtalk.asked.clear()
    await update(own, "", texts.THINKING)
    assert dingtalk.asked == []


# Show


@pytest.mark.parametrize("template", ["public", "own"])
async def test_a_running_card_keeps_its_state_when_it_is_made_to_show_something(
    dingtalk: DingTalk, cards: dict[str, Card], template: str
) -> None:
    """`flowStatus` belongs to the streaming until the end; set beside it, the card would fall back a state."""
    card = cards[template]
    for face in (in_line(1), thinking(), growing("七天")):
        await card.show(face)
    assert ["flowStatus" in shown for shown in changed(dingtalk)] == [False] * 3


async def test_a_place_in_line_moves_on_the_card(dingtalk: DingTalk, card: Card) -> None:
    await card.show(in_line(1))
    assert changed(dingtalk)[0]["msgContent"] == texts.in_line(1)


async def test_a_new_place_in_line_changes_nothing_but_what_it_names(dingtalk: DingTalk, card: Card) -> None:
    await card.show(in_line(1))
    [asked] = dingtalk.to(UPDATE)
    assert (asked.method, asked.body["outTrackId"]) == ("PUT", CARD)
    assert asked.body["cardUpdateOptions"] == {"updateCardDataByKey": True}


async def test_the_last_face_shows_state_text_and_buttons(dingtalk: DingTalk, card: Card) -> None:
    await card.show(ANSWER)
    [shown] = changed(dingtalk)
    assert (shown["flowStatus"], shown["msgContent"]) == ("3", ANSWER.text)
    buttons = json.loads(shown["sys_full_json_obj"])["msgButtons"]
    assert [button["text"] for button in buttons] == list(texts.RATINGS.values())


async def test_the_last_face_of_our_own_template_shows_all_of_it(dingtalk: DingTalk, own: Card) -> None:
    await own.show(ANSWER)
    [shown] = changed(dingtalk)
    assert (shown["flowStatus"], shown["content"], shown["status"]) == ("3", ANSWER.text, "")
    assert (shown["stoppable"], shown["rateable"], shown["rating"]) == ("false", "true", "")


@pytest.mark.parametrize("template", ["public", "own"])
async def test_an_apology_ends_as_finished_because_not_every_template_can_fail(
    dingtalk: DingTalk, cards: dict[str, Card], template: str
) -> None:
    await cards[template].show(ended("抱歉", failed=True))
    assert changed(dingtalk)[0]["flowStatus"] == "3"


async def test_the_last_face_takes_the_buttons_away_where_there_are_none(dingtalk: DingTalk, card: Card) -> None:
    await card.show(Face(State.FAILED, "抱歉"))
    assert "msgButtons" not in json.loads(changed(dingtalk)[0]["sys_full_json_obj"])


@pytest.mark.parametrize("template", ["public", "own"])
async def test_the_list_of_chats_shows_the_answer_in_the_end_as_it_was_written(
    dingtalk: DingTalk, cards: dict[str, Card], template: str
) -> None:
    """Not as it is spelled for a card, where a line's end may be a tag."""
    await cards[template].show(answered("你好！\nHello!"))
    line = json.loads(changed(dingtalk)[0]["sys_lastMessageI18n"])
    assert line == {"zh_CN": "你好！", "en_US": "你好！"}


NOT_PERMITTED = error(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied")


async def test_a_card_that_may_not_be_updated_is_ended_by_the_stream(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(UPDATE, NOT_PERMITTED)
    await card.show(ended("in a message"))
    [asked] = dingtalk.to(STREAMING)
    assert (asked.body["content"], asked.body["isFinalize"]) == ("in a message", True)


async def test_a_card_that_was_ended_by_the_stream_is_not_ended_again(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(UPDATE, NOT_PERMITTED)
    await card.finish(answered("whole"))
    with pytest.raises(CallFailed):
        await card.show(answered("whole"))
    assert len(dingtalk.to(STREAMING)) == 1


@pytest.mark.parametrize(
    ("face", "refusal"),
    [(in_line(1), NOT_PERMITTED), (ended("in a message"), error(400, "param.error"))],
    ids=["a running one", "other trouble"],
)
async def test_nothing_else_that_may_not_be_shown_is_streamed(
    dingtalk: DingTalk, card: Card, face: Face, refusal: Answer
) -> None:
    dingtalk.answers(UPDATE, refusal)
    with pytest.raises(CallFailed):
        await card.show(face)
    assert dingtalk.to(STREAMING) == []


# Finish


@pytest.mark.parametrize(("template", "key"), [("public", "msgContent"), ("own", "content")])
async def test_finishing_shows_the_whole_text_and_ends_the_streaming(
    dingtalk: DingTalk, cards: dict[str, Card], template: str, key: str
) -> None:
    await cards[template].finish(answered("whole"))
    body = dingtalk.to(STREAMING)[0].body
    assert (body["key"], body["content"]) == (key, "whole")
    assert (body["isFull"], body["isFinalize"], body["isError"]) == (True, True, False)


async def test_finishing_again_after_a_crash_sends_the_same_frame(dingtalk: DingTalk, make_card: MakeCard) -> None:
    await make_card(attempt=1).finish(answered("whole"))
    await make_card(attempt=2).finish(answered("whole"))
    first, again = dingtalk.to(STREAMING)
    assert first.body == again.body


async def test_a_part_of_a_text_that_was_too_large_is_a_frame_of_its_own(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.answers(STREAMING, error(400, "param.stream.content", "content is too large"))
    with pytest.raises(CallFailed):
        await card.finish(answered("whole"))
    await card.finish(answered("who"))
    assert len({asked.body["guid"] for asked in dingtalk.to(STREAMING)}) == 2


async def test_a_text_that_is_too_large_is_said_so(dingtalk: DingTalk, card: Card) -> None:
    dingtalk.always_answers(STREAMING, error(400, "param.stream.content", "content is too large"))
    with pytest.raises(CallFailed) as caught:
        await card.finish(answered("whole"))
    assert caught.value.fault is Fault.TOO_LARGE


# Buttons


async def test_everybody_is_shown_which_rating_was_chosen(dingtalk: DingTalk, card: Card) -> None:
    await card.rate("helpful")
    [asked] = dingtalk.to(UPDATE)
    assert asked.body["cardUpdateOptions"] == {"updateCardDataByKey": True}
    assert variables(asked.body) == card.rated("helpful")


async def test_a_rating_changes_nothing_else_on_our_own_template(dingtalk: DingTalk, own: Card) -> None:
    await own.rate("helpful")
    assert changed(dingtalk) == [{"rating": "helpful"}]


def test_the_answer_to_a_press_says_what_the_template_shows(card: Card, own: Card) -> None:
    assert set(card.rated("helpful")) == {"sys_full_json_obj"}
    assert (own.rated("helpful"), own.stopping()) == (
        {"rating": "helpful"},
        {"stoppable": "false", "status": texts.STOPPING},
    )


# Whether cards are taken


async def test_a_template_that_is_refused_is_noted(dingtalk: DingTalk, card: Card, standing: Standing) -> None:
    dingtalk.answers(CREATE, error(400, "param.templateNotExist"))
    with pytest.raises(CallFailed):
        await card.create(thinking())
    assert "param.templateNotExist" in standing.refusal


async def test_a_permission_that_is_missing_for_the_stream_is_noted(
    dingtalk: DingTalk, card: Card, standing: Standing
) -> None:
    dingtalk.answers(STREAMING, error(403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"))
    with pytest.raises(CallFailed):
        await update(card, "text")
    assert standing.refusal


async def test_a_card_that_was_finished_puts_the_robots_cards_right(card: Card, standing: Standing) -> None:
    for number in range(DOUBTS):
        with pytest.raises(CallFailed), standing.watched(f"card-{number}"):
            raise CallFailed("streaming", Fault.TRANSIENT, 500, "unknownError", "")
    await card.finish(ANSWER)
    assert standing.refusal == ""


# Counting


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Answer(200, {"success": True}), "ok"), (TOO_FAST, "throttled"), (error(400, "param.error"), "failed")],
)
@pytest.mark.parametrize("stage", ["initial", "streaming", "final"])
async def test_each_card_call_is_counted_by_stage_and_outcome(
    *, dingtalk: DingTalk, make_openapi: MakeOpenApi, make_card: MakeCard, stage: str, answer: Answer, outcome: str
) -> None:
    card, before = make_card(api=make_openapi(attempts=1)), updates(stage, outcome)
    dingtalk.answers(CREATE if stage == "initial" else STREAMING, answer)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "initial": lambda: card.create(thinking()),
        "streaming": lambda: update(card, "a"),
        "final": lambda: card.finish(answered("a")),
    }
    if outcome == "ok":
        await calls[stage]()
    else:
        with pytest.raises(CallFailed):
            await calls[stage]()
    assert updates(stage, outcome) == before + 1


async def test_a_place_in_line_counts_as_a_beginning_and_the_last_face_as_an_end(card: Card) -> None:
    before = updates("initial", "ok"), updates("final", "ok")
    await card.show(in_line(1))
    await card.show(ANSWER)
    assert (updates("initial", "ok"), updates("final", "ok")) == (before[0] + 1, before[1] + 1)


async def test_a_cancelled_update_has_no_outcome(dingtalk: DingTalk, card: Card) -> None:
    def total() -> float:
        return sum(sample.value for family in metrics.CARD_UPDATES.collect() for sample in family.samples)

    before = total()
    dingtalk.answers(STREAMING, HANG)
    updating = asyncio.create_task(update(card, "a"))
    await dingtalk.until_asked(STREAMING)
    updating.cancel()
    await asyncio.wait([updating], timeout=20)
    assert updating.cancelled()
    assert total() == before


async def test_texts_that_grow_on_several_cards_go_evenly(make_card: MakeCard, make_openapi: MakeOpenApi) -> None:
    api = make_openapi(qps=6)
    first, _, third = await grown_together([make_card(f"msg-{number}", api=api) for number in range(3)])
    assert third - first > 1.4 / 6


async def test_first_texts_of_several_cards_go_at_once(make_card: MakeCard, make_openapi: MakeOpenApi) -> None:
    api = make_openapi(qps=6, clock=Clock())  # it stands still: whoever waits for a moment waits for ever
    async with asyncio.timeout(20):
        await asyncio.gather(*(update(make_card(f"msg-{number}", api=api), "七天") for number in range(6)))
