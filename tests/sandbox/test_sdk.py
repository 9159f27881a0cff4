"""The unmodified DingTalk SDK for Python talks to the sandbox, in its present version and in the next: its client, its
replies, all helpers for cards, its handlers."""

import asyncio
import os
import sys
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import distributions
from pathlib import Path

import pytest

from actors.sandbox.records import EVERYBODY, Card, CardState
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, SECRET

SCRIPT = Path(__file__).with_name("sdk_robot.py")
NEXT = Path(sys.prefix) / "sdk-next"
VERSIONS = {"present": "", "next": str(NEXT)}
"""What stands before .venv on the path of Python."""


@asynccontextmanager
async def robot_on_the_sdk(sandbox: Sandbox, path: str, *words: str) -> AsyncIterator[None]:
    environment = {"PATH": os.environ["PATH"], "DINGTALK_OPENAPI_ENDPOINT": sandbox.url, "NO_PROXY": "127.0.0.1"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), ROBOT, SECRET, *words),
        env=environment | {"PYTHONPATH": path},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await sandbox.until(lambda: sandbox.online(ROBOT), timeout=30.0)
        yield
    finally:
        process.kill()
        await process.wait()


@pytest.fixture(params=VERSIONS)
async def sdk(sandbox: Sandbox, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A robot on the SDK, connected; the SDK's version."""
    path = VERSIONS[request.param]
    async with robot_on_the_sdk(sandbox, path):
        yield next(iter(distributions(name="dingtalk-stream", path=[path or sysconfig.get_path("purelib")]))).version


async def asked(sandbox: Sandbox, text: str, group: str | None = None) -> Card:
    """The card that a robot answers with, once it has acked."""
    sandbox.say(text, robot=ROBOT, group=group)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    assert sandbox.acks[0].code == 200
    assert {call.status for call in sandbox.calls} == {200}
    return next(iter(sandbox.cards.values()))


def life(card: Card) -> list[tuple[str, CardState, str]]:
    return [(version.call, version.state, version.text) for version in card.versions]


# Its client


async def test_the_sdk_says_which_version_it_is(sdk: str, sandbox: Sandbox) -> None:
    assert sandbox.calls[0].body["ua"] == f"dingtalk-sdk-python/v{sdk}-union"


async def test_the_sdk_answers_pings(sdk: str, sandbox: Sandbox) -> None:
    (ping, *_) = await sandbox.until(lambda: [push for push in sandbox.pings if push.acked])
    assert set(ping.data) == {"opaque"}


async def test_the_sdk_comes_back_after_a_roll(sdk: str, sandbox: Sandbox) -> None:
    sandbox.roll(ROBOT)
    await sandbox.until(lambda: len(sandbox.connections) == 2 and sandbox.online(ROBOT), timeout=30.0)
    sandbox.say("还在吗", robot=ROBOT)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    assert sandbox.connections[0].close_code == 1000


# Its replies


async def test_the_sdk_receives_a_message_and_answers_by_webhook(sdk: str, sandbox: Sandbox) -> None:
    await asked(sandbox, "你好")
    assert [message.text for message in sandbox.messages] == ["收到：你好"]


async def test_the_sdk_answers_with_markdown(sdk: str, sandbox: Sandbox) -> None:
    sandbox.say("markdown", robot=ROBOT)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    assert [(message.title, message.text) for message in sandbox.messages] == [("标题", "**您好**")]


@pytest.mark.parametrize("msgtype", ["picture", "richText"])
async def test_the_sdk_takes_pictures_and_uploads_them_again(sdk: str, sandbox: Sandbox, msgtype: str) -> None:
    picture = {"downloadCode": sandbox.attach(b"png", "a.png", "image/png")}
    rich = {"richText": [{"text": "看图"}, {"type": "picture"} | picture]}
    sandbox.say("", robot=ROBOT, msgtype=msgtype, content=picture if msgtype == "picture" else rich)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    ((media_id, kept),) = sandbox.uploads.items()
    assert (kept.data, kept.kind) == (b"png", "image/png")
    assert [message.text for message in sandbox.messages] == [" ".join(["看图"] * (msgtype == "richText") + [media_id])]


# Its cards


@pytest.mark.parametrize("group", [None, "产品群"])
async def test_the_sdks_ai_card_goes_through_its_states(sdk: str, sandbox: Sandbox, group: str | None) -> None:
    card = await asked(sandbox, "你好", group)
    assert card.chats == [sandbox.chat_id(ROBOT, "u1", group)]
    assert life(card) == [
        ("instance", CardState.PROCESSING, ""),
        ("update", CardState.INPUTING, ""),
        ("streaming", CardState.INPUTING, "第一段"),
        ("streaming", CardState.INPUTING, "第一段，第二段"),
        ("update", CardState.FINISHED, "第一段，第二段，完"),
    ]
    assert card.title == "回答"
    assert [button["id"] for button in card.buttons()] == ["helpful"]


async def test_the_sdks_ai_card_can_fail(sdk: str, sandbox: Sandbox) -> None:
    assert (await asked(sandbox, "failing")).state is CardState.FAILED


async def test_the_sdks_ai_card_with_buttons_is_finished(sdk: str, sandbox: Sandbox) -> None:
    card = await asked(sandbox, "AI button")
    assert (card.state, card.text, card.title) == (CardState.FINISHED, "**您好**", "标题")
    assert [button["id"] for button in card.buttons()] == ["helpful"]


async def test_the_sdks_markdown_card_is_sent_and_changed(sdk: str, sandbox: Sandbox) -> None:
    card = await asked(sandbox, "markdown card", "产品群")
    assert [text for *_, text in life(card)] == ["**您好**", "**再见**"]
    assert (card.title, card.mentions) == ("标题", ("u1",))


async def test_the_sdks_card_with_buttons_is_sent_and_changed(sdk: str, sandbox: Sandbox) -> None:
    card = await asked(sandbox, "markdown button")
    assert [text for *_, text in life(card)] == ["**您好**", "**再见**"]
    assert [bool(version.params["sys_full_json_obj"].count("helpful")) for version in card.versions] == [True, False]
    assert card.buttons() == []


async def test_the_sdks_carousel_has_its_button(sdk: str, sandbox: Sandbox) -> None:
    card = await asked(sandbox, "carousel")
    assert (card.state, card.look().text) == (CardState.FINISHED, "**您好**")
    assert [(button["id"], button["text"]) for button in card.buttons()] == [("image_slider_select_button", "选")]


async def test_the_sdks_plugin_card_is_finished(sdk: str, sandbox: Sandbox) -> None:
    card = await asked(sandbox, "plugin")
    assert (card.state, card.params["goal"]) == (CardState.FINISHED, "目标")


async def test_the_sdks_standard_card_is_sent_and_changed(sdk: str, sandbox: Sandbox) -> None:
    card = await asked(sandbox, "standard card", "产品群")
    assert [text.split() for *_, text in life(card)] == [["一", "二"], ["三"]]
    assert (card.title, card.mentions) == ("标题", ("u1",))


async def test_the_sdk_creates_and_delivers_in_one_call(sdk: str, sandbox: Sandbox) -> None:
    card = await asked(sandbox, "create and deliver", "产品群")
    assert life(card) == [("create", CardState.FINISHED, "您好")]
    assert card.mentions == (EVERYBODY,)


async def test_the_sdk_streams_to_the_end(sdk: str, sandbox: Sandbox) -> None:
    assert life(await asked(sandbox, "streaming")) == [
        ("instance", CardState.PROCESSING, ""),
        ("streaming", CardState.INPUTING, "第一段"),
        ("streaming", CardState.FINISHED, "第一段，完"),
    ]


async def test_the_sdk_does_the_same_without_blocking_its_loop(sdk: str, sandbox: Sandbox) -> None:
    card = await asked(sandbox, "streaming without waiting")
    assert life(card) == [
        ("instance", CardState.PROCESSING, ""),
        ("streaming", CardState.INPUTING, "第一段"),
        ("streaming", CardState.FAILED, "第一"),
        ("update", CardState.FINISHED, "完"),
        ("update", CardState.FAILED, "不行"),
    ]
    assert [other.text for other in sandbox.cards.values()] == ["不行", "您好"]


# Its handlers


async def test_the_sdk_takes_a_click_and_changes_the_card_for_whoever_clicked(sdk: str, sandbox: Sandbox) -> None:
    card = await asked(sandbox, "你好")
    assert sandbox.click(card.id, "helpful", "u1")
    await sandbox.until(lambda: card.views)
    assert card.seen_by("u1")["msgTitle"] == '["helpful"]'


async def test_the_sdk_consumes_an_event_or_does_not(sdk: str, sandbox: Sandbox) -> None:
    sandbox.rules.event_retry = 3.0
    sandbox.event("user_add_org", {"userId": ["u1"]}, robot=ROBOT)
    sandbox.event("not_now", {"userId": ["u2"]}, robot=ROBOT)
    await sandbox.until(lambda: len(sandbox.acks) == 3, timeout=30.0)
    assert sorted(push.code or 0 for push in sandbox.acks) == [200, 500, 500]
    # It answers with the event's own data, not with the status that protocol.md asks for.
    assert {"userId": ["u1"]} in [push.data for push in sandbox.acks]


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_sdks_handler_with_threads_acks_before_it_works(sandbox: Sandbox, version: str) -> None:
    sandbox.fail("webhook", body={"errcode": 0, "errmsg": "ok"}, hang=True)
    async with robot_on_the_sdk(sandbox, VERSIONS[version], "at-once"):
        sandbox.say("你好", robot=ROBOT)
        await sandbox.until(lambda: sandbox.acks, timeout=30.0)
        assert not sandbox.messages
