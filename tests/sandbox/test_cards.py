"""Template cards as the card API's pages describe them."""

import asyncio
from typing import Any

import pytest

from actors.sandbox.records import CardState
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import Robot, card_body, with_buttons

# Creating and delivering


async def test_a_card_is_created_and_stands_in_the_persons_chat(robot: Robot, sandbox: Sandbox) -> None:
    created = await robot.create("c1")
    (delivered,) = created.body["result"]["deliverResults"]
    assert created.body["success"] is True
    assert created.body["result"]["outTrackId"] == "c1"
    assert (delivered["success"], delivered["spaceType"], delivered["spaceId"]) == (True, "IM_ROBOT", "u1")
    assert sandbox.cards["c1"].chats == [sandbox.chat_id(robot.client_id, "u1")]
    assert sandbox.cards["c1"].state is CardState.PROCESSING


async def test_a_card_can_be_created_first_and_delivered_later(robot: Robot, sandbox: Sandbox) -> None:
    body = card_body("c1")
    delivery = {name: body.pop(name) for name in ("openSpaceId", "imRobotOpenDeliverModel")}
    assert (await robot.call("POST", "/v1.0/card/instances", body)).body == {"success": True, "result": "c1"}
    assert sandbox.cards["c1"].chats == []
    delivered = await robot.call("POST", "/v1.0/card/instances/deliver", delivery | {"outTrackId": "c1"})
    assert delivered.body["result"][0]["success"] is True
    assert len(sandbox.cards["c1"].chats) == 1


async def test_a_card_can_go_to_a_group(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.say("大家好", robot=robot.client_id, group="team")
    chat = sandbox.chat_id(robot.client_id, group="team")
    more: dict[str, Any] = {
        "openSpaceId": f"dtv1.card//IM_GROUP.{chat}",
        "imGroupOpenSpaceModel": {"supportForward": True},
        "imGroupOpenDeliverModel": {"robotCode": robot.client_id},
    }
    assert (await robot.create("c1", **more)).body["result"]["deliverResults"][0]["success"] is True
    assert sandbox.cards["c1"].chats == [chat]


async def test_the_space_type_may_be_written_small(robot: Robot) -> None:
    created = await robot.create("c1", openSpaceId="dtv1.card//im_robot.u1")
    assert created.body["result"]["deliverResults"][0]["success"] is True


async def test_the_same_card_id_is_refused(robot: Robot) -> None:
    await robot.create("c1")
    assert ((again := await robot.create("c1")).status, again.code) == (400, "param.cardAlreadyExist")


@pytest.mark.parametrize("space", ["IM_ROBOT.nobody", "IM_GROUP.cid123"])
async def test_delivery_to_nobody_fails_with_http_200(robot: Robot, space: str) -> None:
    more: dict[str, Any] = {
        "openSpaceId": f"dtv1.card//{space}",
        "imGroupOpenSpaceModel": {},
        "imGroupOpenDeliverModel": {"robotCode": robot.client_id},
    }
    created = await robot.create("c1", **more)
    (delivered,) = created.body["result"]["deliverResults"]
    assert (created.status, delivered["success"], delivered["errorMsg"]) == (200, False, "spaceId is illegal")


async def test_somebody_from_outside_cannot_be_reached_by_a_card(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=robot.client_id, sender="guest", staff=False)
    created = await robot.create("c1", user="guest")
    assert created.body["result"]["deliverResults"][0]["errorMsg"] == "spaceId is illegal"


@pytest.mark.parametrize("model", ["imRobotOpenSpaceModel", "imRobotOpenDeliverModel"])
async def test_a_space_needs_its_model_at_creation_and_at_delivery(robot: Robot, model: str) -> None:
    body = card_body("c1")
    del body[model]
    created = await robot.call("POST", "/v1.0/card/instances/createAndDeliver", body)
    assert created.body["result"]["deliverResults"][0]["errorMsg"] == "spaces of card is empty"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outTrackId": ""}, "param.outTrackIdEmpty"),
        ({"outTrackId": "x" * 65}, "outTrackId.outOfLimit"),
        ({"cardTemplateId": None}, "param.cardTemplateIdEmpty"),
        ({"cardData": None}, "param.cardPublicDataEmpty"),
        ({"cardData": {"cardParamMap": {"flowStatus": 1}}}, "param.invalid"),
        ({"cardData": {"cardParamMap": "text"}}, "param.invalid"),
        ({"privateData": {"u1": {"cardParamMap": {"liked": True}}}}, "param.invalid"),
        ({"openSpaceId": None}, "param.openSpaceIdEmpty"),
        ({"openSpaceId": "IM_ROBOT.u1"}, "param.openSpaceIdInvalid"),
        ({"openSpaceId": "dtv1.card//IM_ROBOT"}, "param.openSpaceIdInvalid"),
    ],
)
async def test_a_wrong_creation_is_refused_and_leaves_nothing(
    robot: Robot, sandbox: Sandbox, changes: dict[str, Any], code: str
) -> None:
    refused = await robot.create("c1", **changes)
    assert (refused.status, refused.code) == (400, code)
    assert not sandbox.cards


async def test_a_template_that_is_not_known_takes_any_variables(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1", cardTemplateId="own.schema", cardData={"cardParamMap": {"answer": "…"}})
    assert (await robot.stream("c1", "一", key="answer", isFull=True)).status == 200
    assert (await robot.stream("c1", "二", key="answer", isFull=False)).status == 200
    assert sandbox.cards["c1"].text == "一二"


# Updating


async def test_an_update_replaces_all_variables(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    updated = await robot.update("c1", {"msgTitle": "标题"})
    assert updated.body == {"success": True, "result": True}
    assert sandbox.cards["c1"].params == {"msgTitle": "标题"}


async def test_an_update_by_key_keeps_the_others(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    await robot.update("c1", {"msgTitle": "标题"}, cardUpdateOptions={"updateCardDataByKey": True})
    assert sandbox.cards["c1"].params == {"flowStatus": "1", "msgContent": "…", "msgTitle": "标题"}


@pytest.mark.parametrize(
    ("status", "state"), [("2", CardState.INPUTING), ("3", CardState.FINISHED), ("5", CardState.FAILED)]
)
async def test_the_flow_status_sets_the_state(robot: Robot, sandbox: Sandbox, status: str, state: CardState) -> None:
    await robot.create("c1")
    await robot.update("c1", {"flowStatus": status})
    assert sandbox.cards["c1"].state is state


async def test_private_data_is_one_persons_own(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    for liked in ({"liked": "yes"}, {"shared": "no"}):
        await robot.update(
            "c1",
            {},
            privateData={"u1": {"cardParamMap": liked}},
            cardUpdateOptions={"updateCardDataByKey": True, "updatePrivateDataByKey": True},
        )
    assert sandbox.cards["c1"].private == {"u1": {"liked": "yes", "shared": "no"}}
    assert sandbox.cards["c1"].seen_by("u1")["liked"] == "yes"
    assert "liked" not in sandbox.cards["c1"].seen_by("u2")


@pytest.mark.parametrize(
    ("track", "params", "code"),
    [("none", {}, "param.cardNotExist"), ("c1", {"flowStatus": 3}, "param.invalid")],
)
async def test_a_wrong_update_is_refused(robot: Robot, track: str, params: dict[str, Any], code: str) -> None:
    await robot.create("c1")
    assert ((refused := await robot.update(track, params)).status, refused.code) == (400, code)


async def test_an_update_of_nothing_is_refused(robot: Robot) -> None:
    await robot.create("c1")
    refused = await robot.call("PUT", "/v1.0/card/instances", {"outTrackId": "c1"})
    assert refused.code == "param.cardDataAndPrivateDataBothEmpty"


# Streaming


async def test_a_card_goes_through_its_states(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    await robot.stream("c1", "一")
    await robot.stream("c1", "一二", isFinalize=True)
    versions = sandbox.cards["c1"].versions
    assert [(version.call, version.state, version.text) for version in versions] == [
        ("create", CardState.PROCESSING, "…"),
        ("streaming", CardState.INPUTING, "一"),
        ("streaming", CardState.FINISHED, "一二"),
    ]
    assert [version.at for version in versions] == sorted(version.at for version in versions)


async def test_streaming_can_end_in_failure(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    await robot.stream("c1", "抱歉", isError=True, isFinalize=True)
    assert sandbox.cards["c1"].state is CardState.FAILED


async def test_the_same_guid_again_changes_nothing_and_is_as_good_as_the_first(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    await robot.stream("c1", "一", guid="g1")
    await robot.stream("c1", "一二", guid="g2", isFinalize=True)
    for guid in ("g1", "g2"):
        assert (await robot.stream("c1", "旧", guid=guid)).status == 200
    assert sandbox.cards["c1"].text == "一二"


async def test_a_finalized_card_takes_no_more_streaming(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    await robot.stream("c1", "一", isFinalize=True)
    refused = await robot.stream("c1", "二")
    assert (refused.status, refused.code) == (500, "unknownError")
    sandbox.rules.streaming_after_finalize = True
    assert (await robot.stream("c1", "二")).status == 200


async def test_a_finalized_card_still_takes_updates(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    await robot.stream("c1", "一", isFinalize=True)
    await robot.update("c1", {"msgTitle": "标题"}, cardUpdateOptions={"updateCardDataByKey": True})
    assert (sandbox.cards["c1"].title, sandbox.cards["c1"].text) == ("标题", "一")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"guid": ""}, 400, "param.stream.guidEmpty"),
        ({"key": None}, 400, "param.stream.keyEmpty"),
        ({"content": ""}, 400, "param.stream.contentEmpty"),
        ({"outTrackId": "none"}, 400, "param.stream.outTrackId"),
        ({"isFull": None}, 400, "param.stream.isFull"),
        ({"isFull": False}, 400, "param.stream.isFull"),
        ({"key": "content"}, 500, "unknownError"),
    ],
)
async def test_a_wrong_streaming_call_is_refused_and_changes_nothing(
    robot: Robot, sandbox: Sandbox, changes: dict[str, Any], status: int, code: str
) -> None:
    await robot.create("c1")
    refused = await robot.stream("c1", "一", **changes)
    assert (refused.status, refused.code) == (status, code)
    assert len(sandbox.cards["c1"].versions) == 1


async def test_the_size_of_a_streaming_call_can_be_limited(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    sandbox.rules.content_limit = 9
    assert (await robot.stream("c1", "一二三")).status == 200
    refused = await robot.stream("c1", "一二三四")
    assert (refused.code, refused.body["message"]) == ("param.stream.content", "content is too large")


# What is seen


async def test_buttons_are_read_from_the_cards_layout(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    await robot.update("c1", with_buttons({"text": "有帮助", "id": "b1", "color": "blue", "request": True}))
    assert [button["id"] for button in sandbox.cards["c1"].buttons()] == ["b1"]


@pytest.mark.parametrize("layout", ["", "no json", "[]", '{"msgButtons": 7}', '{"order": [], "msgButtons": []}'])
async def test_a_layout_that_cannot_be_read_has_no_buttons(robot: Robot, sandbox: Sandbox, layout: str) -> None:
    await robot.create("c1")
    await robot.update("c1", {"sys_full_json_obj": layout})
    assert sandbox.cards["c1"].buttons() == []


async def test_buttons_that_are_not_in_the_order_are_not_shown(robot: Robot, sandbox: Sandbox) -> None:
    await robot.create("c1")
    layout = '{"order": ["msgContent"], "msgButtons": [{"text": "有帮助", "id": "b1"}]}'
    await robot.update("c1", {"sys_full_json_obj": layout})
    assert sandbox.cards["c1"].buttons() == []


async def test_old_cards_are_forgotten() -> None:
    async with Sandbox(history=5) as sandbox, Robot.at(sandbox.url) as robot:
        await asyncio.gather(*(robot.create(f"c{number}") for number in range(8)))
        for number in range(8):
            sandbox.say(str(number), robot="r")
        assert len(sandbox.cards) == len(sandbox.said) == 5
