"""Our own card template: the file that operators import into DingTalk's card builder is the one that is shown here."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.sandbox.records import CardState
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import BY_KEY, OWN, ROBOT, SECRET, Answer, Line, Robot

DEPLOY = Path(__file__).parents[2] / "deploy" / "dingtalk"
FILE = DEPLOY / "card-template.json"
VARIABLES = {"title", "content", "status", "stoppable", "rateable", "rating", "message_id", "flowStatus"}
RATINGS = {
    "very_helpful": ("😄 非常有帮助", "helpful"),
    "helpful": ("😊 有帮助", "helpful"),
    "slightly_helpful": ("🙂 帮助不大", "unhelpful"),
    "not_helpful": ("😅 没帮助", "unhelpful"),
}


def editor() -> dict[str, Any]:
    data = json.loads(json.loads(FILE.read_text("utf-8"))["editorData"])
    assert isinstance(data, dict)
    return data


def nodes(tree: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in tree:
        yield each
        yield from nodes(each.get("children", []))


def named(part: Any) -> Iterator[str]:
    """Every variable that something refers to."""
    if isinstance(part, dict):
        if isinstance(part.get("variable"), str) and part["variable"]:
            yield part["variable"]
        for inner in part.values():
            yield from named(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from named(inner)
    elif isinstance(part, str):
        yield from re.findall(r"\$\{([^}]*)}", part)


# The file


def test_the_file_is_an_export_in_every_layer() -> None:
    outer = json.loads(FILE.read_text("utf-8"))
    assert {name: type(value) for name, value in outer.items()} == dict.fromkeys(
        ("type", "mode", "widgetInfo", "editorData"), str
    )
    assert (outer["type"], outer["mode"]) == ("im", "card")
    for file in editor()["extension"]["fileTypeList"]:
        assert json.loads(file["fileSource"]) == {}


def test_the_variables_that_it_declares_are_ours() -> None:
    assert {variable["name"] for variable in editor()["variableList"]} == VARIABLES


def test_it_refers_to_each_of_our_variables_and_to_no_other() -> None:
    assert set(named(editor()["schema"]["componentsTree"])) == VARIABLES


def test_only_the_answer_is_markdown_and_everything_is_public() -> None:
    kinds = {variable["name"]: (variable["type"], variable["private"]) for variable in editor()["variableList"]}
    assert kinds == dict.fromkeys(VARIABLES, ("string", False)) | {"content": ("markdown", False)}


def test_every_component_has_an_id_of_its_own_and_is_declared() -> None:
    tree = list(nodes(editor()["schema"]["componentsTree"]))
    ids = [each["id"] for each in tree]
    assert len(set(ids)) == len(ids)
    declared = {each["componentName"] for each in editor()["schema"]["componentsMap"]}
    assert {each["componentName"] for each in tree} == declared


def test_its_states_are_the_three_that_every_ai_card_has() -> None:
    card, *_ = editor()["schema"]["componentsTree"]
    states = [each["props"]["status"] for each in card["children"]]
    assert states == editor()["extension"]["aiStatusList"] == [1, 2, 3]
    enabled = {name for name, value in card["props"].items() if value is True and name.startswith("enable")}
    assert {"enablePending", "enableWriting"} <= enabled
    assert not {"enableDoing", "enableFailed"} & enabled


# A card of it


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A DingTalk that knows our template."""
    async with Sandbox(robots={ROBOT: SECRET}, rules=Rules(first_ping=0.01), templates=DEPLOY) as sandbox:
        yield sandbox


async def create(robot: Robot, **shown: str) -> Answer:
    params = {"flowStatus": "1", **OWN, **shown}
    return await robot.create("c1", cardTemplateId="card-template.schema", cardData={"cardParamMap": params})


async def test_a_thinking_card_shows_its_title_its_status_and_the_stop_button(robot: Robot, sandbox: Sandbox) -> None:
    await create(robot, status="前面还有 2 个问题", stoppable="true")
    card = sandbox.cards["c1"]
    assert (card.state, card.title, card.status) == (CardState.PROCESSING, "怎么退货？", "前面还有 2 个问题")
    assert card.look().text == "正在思考… Thinking…"
    assert [button["id"] for button in card.buttons()] == ["stop"]


async def test_a_growing_card_shows_text_status_and_the_stop_button(robot: Robot, sandbox: Sandbox) -> None:
    await create(robot, status="正在查询…", stoppable="true")
    assert (await robot.stream("c1", "请在**七天", key="content")).status == 200
    look = sandbox.cards["c1"].look()
    assert (look.title, look.text, look.status) == ("怎么退货？", "请在**七天", "正在查询…")
    assert look.buttons == (
        {
            "id": "stop",
            "text": "⏹ 停止 Stop",
            "color": "gray",
            "params": {"action": "stop", "message_id": "m1"},
            "chosen": False,
        },
    )


@pytest.mark.parametrize("stoppable", ["", "false"])
async def test_a_card_that_cannot_be_stopped_has_no_stop_button(robot: Robot, sandbox: Sandbox, stoppable: str) -> None:
    await create(robot, stoppable=stoppable)
    await robot.stream("c1", "一", key="content")
    assert sandbox.cards["c1"].buttons() == []


async def test_a_finished_card_can_be_rated(robot: Robot, sandbox: Sandbox) -> None:
    await create(robot)
    await robot.stream("c1", "答案", key="content", isFinalize=True)
    await robot.update("c1", {"flowStatus": "3", "rateable": "true"}, **BY_KEY)
    look = sandbox.cards["c1"].look()
    assert look.text == "答案"
    assert [(button["id"], button["text"], button["params"], button["chosen"]) for button in look.buttons] == [
        (rating, label, {"action": "feedback", "rating": rating, "type": kind, "message_id": "m1"}, False)
        for rating, (label, kind) in RATINGS.items()
    ]


@pytest.mark.parametrize("rating", RATINGS)
async def test_the_rating_that_was_chosen_is_shown_as_chosen(robot: Robot, sandbox: Sandbox, rating: str) -> None:
    await create(robot, flowStatus="3", rateable="true", rating=rating)
    buttons = {button["id"]: button for button in sandbox.cards["c1"].buttons()}
    assert list(buttons) == list(RATINGS)
    assert [each for each, button in buttons.items() if button["chosen"]] == [rating]
    assert buttons[rating]["color"] == "blue"


async def test_a_finished_card_that_is_not_to_be_rated_has_no_buttons(robot: Robot, sandbox: Sandbox) -> None:
    await create(robot, flowStatus="3", rateable="", rating="helpful", stoppable="true")
    assert sandbox.cards["c1"].buttons() == []


async def test_an_empty_status_is_not_shown(robot: Robot, sandbox: Sandbox) -> None:
    await create(robot)
    assert sandbox.cards["c1"].status == ""


async def test_a_finished_card_does_nothing_any_more_whatever_its_status_was(robot: Robot, sandbox: Sandbox) -> None:
    """The closing update may not come through."""
    await create(robot, status="正在查询…", stoppable="true")
    await robot.stream("c1", "答案", key="content", isFinalize=True)
    assert sandbox.cards["c1"].look().status == ""


async def test_a_click_sends_the_buttons_own_params(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await create(robot, flowStatus="3", rateable="true")
    assert sandbox.click("c1", "not_helpful")
    content = json.loads(json.loads((await line.callback())["data"])["content"])["cardPrivateData"]
    assert content["actionIds"] == ["not_helpful"]
    assert content["params"] == {
        "action": "feedback",
        "rating": "not_helpful",
        "type": "unhelpful",
        "message_id": "m1",
    }


async def test_a_click_can_send_other_params(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await create(robot, flowStatus="3", rateable="true")
    sandbox.click("c1", "not_helpful", params={})
    assert json.loads(json.loads((await line.callback())["data"])["content"])["cardPrivateData"]["params"] == {}


async def test_what_only_one_person_sees_is_shown_to_them(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await create(robot, flowStatus="3", rateable="true")
    sandbox.click("c1", "helpful", "u1")
    response = {"cardData": {"cardParamMap": {"rating": "helpful"}}}
    await line.ack(await line.callback(), {"response": response})
    await sandbox.until(lambda: sandbox.cards["c1"].views)
    chosen = [
        [button["id"] for button in sandbox.cards["c1"].buttons(user) if button["chosen"]] for user in ("u1", "u2")
    ]
    assert chosen == [["helpful"], []]


async def test_another_key_than_its_own_is_refused(robot: Robot, sandbox: Sandbox) -> None:
    await create(robot)
    refused = await robot.stream("c1", "一", key="msgContent")
    assert (refused.status, refused.code) == (500, "unknownError")


async def test_it_cannot_fail_having_no_failed_state(robot: Robot, sandbox: Sandbox) -> None:
    await create(robot)
    refused = await robot.stream("c1", "抱歉", key="content", isFinalize=True, isError=True)
    assert (refused.status, refused.code) == (500, "unknownError")
    assert sandbox.cards["c1"].state is CardState.PROCESSING


async def test_it_can_be_withdrawn(robot: Robot, sandbox: Sandbox) -> None:
    sandbox.withdraw("card-template.schema")
    assert (await create(robot)).code == "param.templateNotExist"
