"""Scenarios on the page in a real browser: recorded, saved, played and halted, and the same for everybody who looks."""

import json

import pytest
from playwright.async_api import Locator, Page, expect

from actors.sandbox import page as page_module
from actors.sandbox.scenario import Happening, Scenario
from actors.sandbox.server import Sandbox
from tests.browser.test_inspector import EVIL, OUTSIDE, inspect
from tests.sandbox.robot import ROBOT, Line, Robot

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = Scenario("长的", (Happening(0, "heal"), Happening(600, "heal")))
BAD = Scenario("坏的", (Happening(0, "click", {"card": "none", "button": "b"}), Happening(0, "heal")))


async def scenarios(page: Page) -> Locator:
    await inspect(page, "faults")
    return page.locator(".i-scenarios")


def row(panel: Locator, name: str) -> Locator:
    return panel.locator(f'[data-scenario="{name}"]')


async def test_what_is_done_on_the_page_is_recorded_saved_and_played_again(
    page: Page, robot: Robot, line: Line, sandbox: Sandbox
) -> None:
    panel = await scenarios(page)
    await panel.get_by_role("button", name="录制").click()
    await expect(panel.get_by_role("status")).to_contain_text("正在录制 Recording")
    await expect(panel.get_by_role("status")).to_contain_text("0 步 steps")
    silence = page.get_by_role("switch", name="静默")
    await silence.click()
    await expect(silence).to_be_checked()
    await silence.click()
    await expect(silence).not_to_be_checked()
    await page.get_by_label("消息 Message", exact=True).fill("怎么退货？")
    await page.keyboard.press("Enter")
    await line.message()
    await expect(panel.get_by_role("status")).to_contain_text("3 步 steps")
    await panel.get_by_label("名称 Name").fill("下午")
    await page.keyboard.press("Enter")
    await expect(row(panel, "下午")).to_contain_text("3 步 steps")
    await expect(panel.get_by_role("status")).not_to_contain_text("正在录制")
    assert [each.do for each in sandbox.scenarios.saved["下午"].happenings] == ["switch", "switch", "say"]
    await panel.get_by_role("button", name="播放 Play 下午").click()
    assert (await line.message())["text"]["content"] == "怎么退货？"
    await expect(row(panel, "下午")).to_contain_text("已播完 played 3/3")


async def test_it_plays_for_the_robot_in_view(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.scenarios.save(Scenario("短的", (Happening(0, "say", {"text": "在吗"}),)))
    panel = await scenarios(page)
    await panel.get_by_role("button", name="播放 Play 短的").click()
    assert (await line.message())["text"]["content"] == "在吗"
    assert [play.robot for play in sandbox.scenarios.plays] == [ROBOT]


async def test_one_that_plays_can_be_halted_by_key_and_keeps_the_focus(
    page: Page, robot: Robot, sandbox: Sandbox
) -> None:
    sandbox.scenarios.save(LONG)
    panel = await scenarios(page)
    await panel.get_by_role("button", name="播放 Play 长的").focus()
    await page.keyboard.press("Enter")
    await expect(row(panel, "长的")).to_contain_text("播放中 playing 1/2")
    await expect(panel.get_by_role("button", name="停止 Halt 长的")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(row(panel, "长的")).to_contain_text("已停止 halted 1/2")
    await expect(panel.get_by_role("button", name="播放 Play 长的")).to_be_focused()


async def test_what_went_wrong_while_it_played_is_shown(page: Page, robot: Robot, sandbox: Sandbox) -> None:
    sandbox.scenarios.save(BAD)
    panel = await scenarios(page)
    await panel.get_by_role("button", name="播放 Play 坏的").click()
    await expect(row(panel, "坏的")).to_contain_text("已播完 played 2/2 · 1 个问题 problems")
    await expect(row(panel, "坏的").locator(".i-problems")).to_contain_text("nothing here has the name 'none'")


async def test_every_page_sees_it_live_and_a_reload_loses_nothing(
    page: Page, robot: Robot, line: Line, sandbox: Sandbox
) -> None:
    panel = await scenarios(page)
    other = await page.context.new_page()
    await other.goto(sandbox.url)
    theirs = await scenarios(other)
    await page.bring_to_front()
    await panel.get_by_role("button", name="录制").click()
    sandbox.scenarios.save(LONG)
    await panel.get_by_role("button", name="播放 Play 长的").click()
    await other.bring_to_front()
    await expect(theirs.get_by_role("status")).to_contain_text("正在录制")
    await expect(row(theirs, "长的")).to_contain_text("playing 1/2")
    since = await theirs.get_by_role("status").text_content()
    await other.reload()
    theirs = await scenarios(other)
    await expect(theirs.get_by_role("status")).to_have_text(since or "")
    await expect(row(theirs, "长的")).to_contain_text("playing 1/2")
    await theirs.get_by_role("button", name="停止 Halt 长的").click()
    await page.bring_to_front()
    await expect(row(panel, "长的")).to_contain_text("halted 1/2")


async def test_a_scenario_is_copied_and_pasted_as_json(page: Page, robot: Robot, sandbox: Sandbox) -> None:
    sandbox.scenarios.save(LONG)
    panel = await scenarios(page)
    await panel.get_by_role("button", name="JSON 长的").click()
    text = panel.get_by_label("场景的 JSON")
    await expect(text).to_be_focused()
    kept = json.loads(await text.input_value())
    assert Scenario.of(kept) == LONG
    await text.fill(json.dumps(kept | {"name": "另一个"}))
    await panel.get_by_role("button", name="存为场景").click()
    await expect(row(panel, "另一个")).to_be_visible()
    assert sandbox.scenarios.saved["另一个"].happenings == LONG.happenings


async def test_json_that_is_no_scenario_is_refused_with_the_reason(page: Page, robot: Robot, sandbox: Sandbox) -> None:
    panel = await scenarios(page)
    await panel.get_by_text("复制或粘贴").click()
    await panel.get_by_label("场景的 JSON").fill("{")
    await panel.get_by_role("button", name="存为场景").click()
    await expect(panel.get_by_role("alert")).to_contain_text("这不是 JSON")
    await panel.get_by_label("场景的 JSON").fill("null")
    await panel.get_by_role("button", name="存为场景").click()
    await expect(panel.get_by_role("alert")).to_contain_text("这不是场景")


@pytest.mark.parametrize("width", [390, 1280])
async def test_names_and_problems_are_inert_and_stay_inside(
    page: Page, robot: Robot, sandbox: Sandbox, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    for name in (EVIL, "长" * 100):
        happenings = (Happening(0, "click", {"card": EVIL + "x" * 200, "button": "b"}), Happening(600, "heal"))
        sandbox.scenarios.save(Scenario(name, happenings))
        sandbox.scenarios.play(sandbox.scenarios.saved[name])
    sandbox.scenarios.record()
    await page.evaluate("document.querySelector('#inspect').click()")
    panel = await scenarios(page)
    await expect(panel.locator(".i-problems li")).to_have_count(2)
    await expect(panel.locator("img, script, [onerror]")).to_have_count(0)
    assert await page.evaluate("window.pwned") is None
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.evaluate(OUTSIDE) == []


async def test_a_page_too_many_says_so_and_comes_in_when_another_closes(
    page: Page, robot: Robot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "PAGES", 1)
    other = await page.context.new_page()
    await other.goto(sandbox.url)
    await expect(other.locator("#presence")).to_contain_text("页面已断开")
    await page.goto("about:blank")
    await other.bring_to_front()
    await expect(other.locator("#presence")).to_contain_text("等待机器人连接")
