"""The left column, narrow screens, and several people at once: who speaks where, and what stays theirs."""

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from actors.sandbox.server import Sandbox
from tests.browser.shots import OTHER
from tests.sandbox.robot import ROBOT, Line, Robot, card_body, with_buttons

pytestmark = pytest.mark.asyncio(loop_scope="session")
GROUP = "产品群"
BY_KEY: dict[str, Any] = {"cardUpdateOptions": {"updateCardDataByKey": True}}


async def say(page: Page, text: str) -> None:
    await page.get_by_label("消息 Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def create_in_group(robot: Robot, sandbox: Sandbox, track: str) -> None:
    body = card_body(track) | {
        "openSpaceId": f"dtv1.card//IM_GROUP.{sandbox.chat_id(ROBOT, group=GROUP)}",
        "imGroupOpenSpaceModel": {},
        "imGroupOpenDeliverModel": {"robotCode": ROBOT},
    }
    assert (await robot.call("POST", "/v1.0/card/instances/createAndDeliver", body)).status == 200


async def test_two_people_speak_at_once_in_a_group_and_each_gets_a_card(
    page: Page, robot: Robot, line: Line, sandbox: Sandbox
) -> None:
    sandbox.chat_id(ROBOT, group=GROUP)
    other = await page.context.new_page()
    await other.goto(sandbox.url)
    for who, tab in (("王芳", page), ("张伟", other)):
        await tab.get_by_role("button", name=GROUP).click()
        await tab.get_by_role("button", name=who).click()
        await tab.get_by_label("消息 Message", exact=True).fill(f"{who}问")
    await page.get_by_role("button", name="发送").click()
    await other.get_by_role("button", name="发送").click()
    asked = [await line.message() for _ in range(2)]
    assert {(each["senderStaffId"], each["text"]["content"]) for each in asked} == {
        ("u2", " 王芳问"),
        ("u3", " 张伟问"),
    }
    for track in ("c1", "c2"):
        await create_in_group(robot, sandbox, track)
        await robot.stream(track, f"答{track}", isFinalize=True)
    for mine, tab in (("王芳问", page), ("张伟问", other)):
        await expect(tab.locator(".line.mine .bubble")).to_have_text(f"@{ROBOT} {mine}")
        await expect(tab.locator(".line.said:not(.mine)")).to_have_count(1)
        await expect(tab.locator(".card-box.FINISHED")).to_have_count(2)


async def test_a_click_is_of_the_person_who_speaks(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await create_in_group(robot, sandbox, "c1")
    await robot.update("c1", with_buttons({"text": "有帮助", "id": "b1"}), **BY_KEY)
    await page.get_by_role("button", name=GROUP).click()
    await page.get_by_role("button", name="张伟").click()
    await page.locator('[data-card="c1"]').get_by_role("button", name="有帮助").click()
    assert json.loads((await line.callback())["data"])["userId"] == "u3"


async def test_each_robot_has_a_private_chat_with_each_person(page: Page, robot: Robot, sandbox: Sandbox) -> None:
    async with Robot.at(sandbox.url, OTHER) as other, other.line() as line:
        await page.get_by_role("button", name=OTHER).click()
        await say(page, "你好")
        assert (await line.message())["robotCode"] == OTHER
        await page.locator("#conversations").get_by_role("button", name=ROBOT).click()
        await expect(page.locator(".line")).to_have_count(0)


async def test_a_new_group_is_there_for_everybody(page: Page, line: Line) -> None:
    await page.get_by_role("button", name="新建群聊").click()
    await page.get_by_label("群名称").fill("售后群")
    await page.get_by_role("button", name="确定").click()
    await expect(page.locator("#title")).to_have_text("售后群")
    await page.get_by_role("button", name="王芳").click()
    await say(page, "大家好")
    message = await line.message()
    assert (message["conversationTitle"], message["senderStaffId"]) == ("售后群", "u2")


async def test_somebody_new_from_outside_has_no_staff_id(page: Page, line: Line) -> None:
    await page.get_by_role("button", name="添加人员").click()
    await page.get_by_label("姓名").fill("访客")
    await page.get_by_label("企业外部人员").check()
    await page.keyboard.press("Enter")
    await say(page, "你好")
    message = await line.message()
    assert (message["senderNick"], "senderStaffId" in message) == ("访客", False)
    await page.reload()
    await expect(page.locator("#people").get_by_role("button", name="访客")).to_have_attribute("aria-pressed", "true")


async def test_a_draft_stays_in_its_conversation(page: Page, line: Line, sandbox: Sandbox) -> None:
    sandbox.chat_id(ROBOT, group=GROUP)
    field = page.get_by_label("消息 Message", exact=True)
    await field.fill("还没写完")
    await page.get_by_role("button", name=GROUP).click()
    await expect(field).to_have_value("")
    await page.locator("#conversations").get_by_role("button", name=ROBOT).click()
    await expect(field).to_have_value("还没写完")


async def test_a_reload_comes_back_to_the_same_conversation(page: Page, sandbox: Sandbox) -> None:
    sandbox.chat_id(ROBOT, group=GROUP)
    await page.get_by_role("button", name=GROUP).click()
    await page.get_by_role("button", name="王芳").click()
    await page.reload()
    await expect(page.locator("#title")).to_have_text(GROUP)
    await expect(page.get_by_role("button", name="王芳")).to_have_attribute("aria-pressed", "true")


async def test_the_keyboard_changes_the_conversation_and_goes_to_writing(page: Page, sandbox: Sandbox) -> None:
    sandbox.chat_id(ROBOT, group=GROUP)
    await expect(page.get_by_role("button", name=GROUP)).to_be_visible()
    for direction, title in (("Down", OTHER), ("Down", GROUP), ("Down", ROBOT), ("Up", GROUP)):
        await page.keyboard.press(f"Alt+Arrow{direction}")
        await expect(page.locator("#title")).to_have_text(title)
    await page.locator("#log").focus()
    await page.keyboard.press("/")
    await expect(page.get_by_label("消息 Message", exact=True)).to_be_focused()
    await expect(page.get_by_label("消息 Message", exact=True)).to_have_value("")


async def test_on_a_phone_the_list_is_a_drawer(page: Page, line: Line, sandbox: Sandbox) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    row = page.locator("#conversations").get_by_role("button", name=GROUP)
    sandbox.say("大家好", robot=ROBOT, sender="u2", group=GROUP)
    opener = page.locator("#open-list")
    await expect(opener.locator(".news")).to_have_text("1")
    await expect(row).not_to_be_visible()
    await opener.click()
    await page.keyboard.press("Escape")
    await expect(row).not_to_be_visible()
    await opener.click()
    await row.click()
    await expect(row).not_to_be_visible()
    await expect(page.locator(".line.said .bubble")).to_have_text(f"@{ROBOT} 大家好")
    await expect(opener.locator(".news")).to_be_hidden()


async def test_light_and_dark_are_the_systems_until_somebody_chooses(page: Page) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = await page.evaluate(ground)
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(ground)
    assert light != dark
    await page.get_by_label("外观").select_option("light")
    assert await page.evaluate(ground) == light
    await page.reload()
    assert await page.evaluate(ground) == light
    await page.get_by_label("外观").select_option("auto")
    assert await page.evaluate(ground) == dark
