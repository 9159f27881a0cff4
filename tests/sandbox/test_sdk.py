"""The unmodified DingTalk SDK for Python talks to the sandbox: its client, its replies, its AI card, its clicks."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.sandbox.records import CardState
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, SECRET

SCRIPT = Path(__file__).with_name("sdk_robot.py")


@pytest.fixture
async def sdk(sandbox: Sandbox) -> AsyncIterator[None]:
    """A robot on the SDK, connected."""
    environment = {"PATH": os.environ["PATH"], "DINGTALK_OPENAPI_ENDPOINT": sandbox.url, "NO_PROXY": "127.0.0.1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, SCRIPT, ROBOT, SECRET, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await sandbox.until(lambda: sandbox.online(ROBOT), timeout=30.0)
        yield
    finally:
        process.kill()
        await process.wait()


async def test_the_sdk_receives_a_message_and_answers_by_webhook(sdk: None, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    assert [message.text for message in sandbox.messages] == ["收到：你好"]
    assert sandbox.acks[0].code == 200


@pytest.mark.parametrize("group", [None, "产品群"])
async def test_the_sdks_ai_card_goes_through_its_states(sdk: None, sandbox: Sandbox, group: str | None) -> None:
    sandbox.say("你好", robot=ROBOT, group=group)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    (card,) = sandbox.cards.values()
    assert card.chats == [sandbox.chat_id(ROBOT, "u1", group)]
    assert [(version.call, version.state, version.text) for version in card.versions] == [
        ("instance", CardState.PROCESSING, ""),
        ("update", CardState.INPUTING, ""),
        ("streaming", CardState.INPUTING, "第一段"),
        ("streaming", CardState.INPUTING, "第一段，第二段"),
        ("update", CardState.FINISHED, "第一段，第二段，完"),
    ]
    assert card.title == "回答"
    assert [button["id"] for button in card.buttons()] == ["helpful"]
    assert {call.status for call in sandbox.calls} == {200}


async def test_the_sdk_takes_a_click_and_changes_the_card_for_whoever_clicked(sdk: None, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    (card,) = sandbox.cards.values()
    assert sandbox.click(card.id, "helpful", "u1")
    await sandbox.until(lambda: card.views)
    assert card.seen_by("u1")["msgTitle"] == '["helpful"]'


async def test_the_sdk_answers_pings(sdk: None, sandbox: Sandbox) -> None:
    (ping, *_) = await sandbox.until(lambda: [push for push in sandbox.pings if push.acked])
    assert set(ping.data) == {"opaque"}


async def test_the_sdk_comes_back_after_a_roll(sdk: None, sandbox: Sandbox) -> None:
    sandbox.roll(ROBOT)
    await sandbox.until(lambda: len(sandbox.connections) == 2 and sandbox.online(ROBOT), timeout=30.0)
    sandbox.say("还在吗", robot=ROBOT)
    await sandbox.until(lambda: sandbox.acks, timeout=30.0)
    assert sandbox.connections[0].close_code == 1000
