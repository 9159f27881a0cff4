"""The inspector in a real browser: what went over the wire, the time it took, and switches for trouble."""

import pytest
from playwright.async_api import Locator, Page, expect

from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Line, Robot

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTSIDE = """[...document.querySelectorAll("#inspector *")].filter(
    (each) => each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.className)"""
EVIL = '<img src=x onerror="window.pwned = true">'


async def inspect(page: Page, tab: str = "traffic") -> Locator:
    """The inspector, opened at a tab."""
    if not await page.locator("#inspector").is_visible():
        await page.locator("#inspect").click()
    await page.locator(f'#inspector [data-tab="{tab}"]').click()
    return page.locator("#inspector")


async def answered(robot: Robot, line: Line, sandbox: Sandbox, track: str, sender: str = "u1") -> None:
    """Somebody asks, and is answered on a card."""
    sandbox.say("怎么退货？", robot=ROBOT, sender=sender)
    await line.message()
    await robot.create(track, user=sender)
    await robot.stream(track, "请在")
    await robot.stream(track, "请在七天内", isFinalize=True)


def rows(inspector: Locator, name: str) -> Locator:
    return inspector.locator(".i-row", has=inspector.page.locator(".i-name", has_text=name))


async def test_a_question_is_seen_as_frame_calls_and_bar(
    page: Page, robot: Robot, line: Line, sandbox: Sandbox
) -> None:
    inspector = await inspect(page)
    await page.get_by_label("消息 Message", exact=True).fill("怎么退货？")
    await page.keyboard.press("Enter")
    await expect(rows(inspector, "message")).to_contain_text("no ack")
    await line.message()
    await expect(rows(inspector, "message")).to_contain_text("ack 200")
    question = inspector.locator(".i-question")
    await expect(question).to_contain_text("等待")
    await robot.create("c1")
    await expect(question).to_contain_text("回答中")
    await robot.stream("c1", "请在")
    await robot.stream("c1", "请在七天内", isFinalize=True)
    await expect(question).to_contain_text("完成 Done")
    for moment in ("ack", "first card", "first token", "updates", "final"):
        await expect(question.locator(".i-moment", has_text=moment)).to_be_visible()
    await expect(question.locator(".i-update")).to_have_count(2)
    await expect(rows(inspector, "streaming")).to_have_count(2)
    await expect(rows(inspector, "create")).to_contain_text("200")


async def test_a_click_on_a_row_lists_the_updates_of_its_card(
    page: Page, robot: Robot, line: Line, sandbox: Sandbox
) -> None:
    await answered(robot, line, sandbox, "c1")
    inspector = await inspect(page)
    await rows(inspector, "create").click()
    await expect(inspector.locator(".i-updates li")).to_have_count(3)
    await expect(inspector.locator(".i-updates")).to_contain_text("…七天内")
    await inspector.get_by_text("request").click()
    await expect(inspector.locator("pre").first).to_contain_text('"outTrackId": "c1"')
    await page.keyboard.press("Escape")
    await expect(inspector.locator(".i-updates")).to_be_hidden()


async def test_the_list_of_a_cards_updates_grows_with_it(page: Page, robot: Robot) -> None:
    await robot.create("c1")
    inspector = await inspect(page)
    await rows(inspector, "create").click()
    await expect(inspector.locator(".i-updates li")).to_have_count(1)
    await robot.stream("c1", "请在")
    await robot.stream("c1", "请在七天内")
    await expect(inspector.locator(".i-updates li")).to_have_count(3)
    await expect(inspector.locator(".i-updates li").last).to_contain_text("…七天内")


async def test_a_click_on_a_card_lists_its_updates(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await answered(robot, line, sandbox, "c1")
    inspector = await inspect(page)
    await page.locator('[data-card="c1"] .card-text').click()
    await expect(inspector.locator(".i-updates li")).to_have_count(3)


async def test_one_conversation_can_be_looked_at_alone(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await answered(robot, line, sandbox, "c1")
    await answered(robot, line, sandbox, "c2", "u2")
    inspector = await inspect(page)
    await expect(inspector.locator(".i-question")).to_have_count(2)
    await inspector.get_by_label("会话").select_option(label=f"王芳 → {ROBOT}")
    await expect(inspector.locator(".i-question")).to_have_count(1)
    await expect(inspector.locator(".i-question")).to_contain_text("王芳")
    await expect(inspector.locator(".i-row")).to_have_count(4)
    await inspector.get_by_label("会话").select_option("")
    await expect(inspector.locator(".i-question")).to_have_count(2)


async def test_one_robot_can_be_looked_at_alone(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox._world.admit("other", "secret")
    sandbox.say("有人吗？", robot="other")
    await answered(robot, line, sandbox, "c1")
    inspector = await inspect(page)
    await inspector.get_by_label("机器人").first.select_option("other")
    await expect(inspector.locator(".i-row")).to_have_count(1)
    await expect(inspector.locator(".i-question")).to_contain_text("未送达")


async def test_errors_can_be_looked_at_alone(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await robot.stream("none", "答")
    inspector = await inspect(page)
    await inspector.get_by_label("只看错误").check()
    await expect(inspector.locator(".i-row")).to_have_count(1)
    await expect(inspector.locator(".i-row")).to_contain_text("400 param.stream.outTrackId")


async def test_pings_are_seen_when_asked_for(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    inspector = await inspect(page)
    await sandbox.until(lambda: sandbox.pings)
    await expect(rows(inspector, "connection")).to_have_count(1)
    await expect(rows(inspector, "ping")).to_have_count(0)
    await inspector.get_by_label("心跳").check()
    await expect(rows(inspector, "ping")).to_have_count(1)


async def test_the_limits_that_are_used_are_seen(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await answered(robot, line, sandbox, "c1")
    inspector = await inspect(page, "limits")
    await expect(inspector.locator('[data-limit="rate-streaming"]')).to_contain_text("峰值 peak 2")
    await expect(inspector.locator('[data-limit="rate-streaming"]')).to_contain_text("0 ·")
    await expect(inspector.locator('[data-limit="quota-calls"]')).to_contain_text("3 / 5000")
    await expect(inspector.locator('[data-limit="quota-pushes"]')).to_contain_text("1 / 3000")


async def test_trouble_is_switched_on_met_and_switched_off(page: Page, robot: Robot, sandbox: Sandbox) -> None:
    inspector = await inspect(page, "faults")
    await inspector.get_by_label("接口").select_option("create")
    switch = inspector.get_by_role("switch", name="应用调用太快")
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "true")
    assert (await robot.create("c1")).code.endswith("QpsLimitForAppkeyAndApi")
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "false")
    assert (await robot.create("c1")).status == 200
    await inspect(page)
    await expect(rows(inspector, "create").last).to_contain_text("故障 qps")
    await expect(rows(inspector, "create").last).to_contain_text("403 QpsLimitForAppkeyAndApi")


async def test_a_switch_is_for_its_robot_and_times(page: Page, robot: Robot, sandbox: Sandbox) -> None:
    sandbox.say("?", robot=ROBOT)
    inspector = await inspect(page, "faults")
    await inspector.get_by_label("机器人").last.select_option(ROBOT)
    await inspector.get_by_label("次数").select_option("3")
    await inspector.get_by_role("switch", name="卡片已存在").click()
    await expect(inspector.locator(".i-order")).to_contain_text(f"{ROBOT} · 所有接口 all APIs · 还有 3 次 left")
    assert [each["robot"] for each in sandbox.troubles_on] == [ROBOT]


async def test_only_the_troubles_of_the_chosen_api_are_offered(page: Page, robot: Robot) -> None:
    inspector = await inspect(page, "faults")
    await expect(inspector.get_by_role("switch", name="内容太大")).to_be_visible()
    await inspector.get_by_label("接口").select_option("webhook")
    await expect(inspector.get_by_role("switch", name="内容太大")).to_be_hidden()
    await expect(inspector.get_by_role("switch", name="会话失效")).to_be_visible()


async def test_connections_are_dropped_at_a_press(page: Page, line: Line, sandbox: Sandbox) -> None:
    inspector = await inspect(page, "faults")
    await inspector.get_by_role("button", name="断开连接").click()
    await line.end()
    await expect(page.locator("#presence")).to_contain_text("等待机器人连接")


async def test_everybody_who_has_the_page_open_sees_what_is_on(
    page: Page, robot: Robot, line: Line, sandbox: Sandbox
) -> None:
    other = await page.context.new_page()
    await other.goto(sandbox.url)
    await expect(other.locator("#presence")).not_to_be_empty()
    await expect(other.locator("#trouble")).to_be_hidden()
    await page.bring_to_front()
    inspector = await inspect(page, "faults")
    await inspector.get_by_role("switch", name="静默").click()
    await inspector.get_by_role("switch", name="每条消息推两次").click()
    await expect(other.locator("#trouble")).to_contain_text("静默")
    await expect(other.locator("#trouble")).to_contain_text("每条消息推两次")
    await other.bring_to_front()
    await other.get_by_role("button", name="查看").click()
    await other.get_by_role("button", name="全部关闭").click()
    await expect(other.locator("#trouble")).to_be_hidden()
    await page.bring_to_front()
    await expect(page.locator("#trouble")).to_be_hidden()
    await expect(inspector.get_by_role("switch", name="静默")).to_have_attribute("aria-checked", "false")
    assert sandbox.troubles_on == []


async def test_a_reload_loses_nothing_of_it(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await answered(robot, line, sandbox, "c1")
    sandbox.switch("busy", api="oto")
    await inspect(page)
    await page.reload()
    inspector = page.locator("#inspector")
    await expect(inspector.locator(".i-question")).to_contain_text("完成")
    await expect(rows(inspector, "streaming")).to_have_count(2)
    await expect(page.locator("#trouble")).to_contain_text("系统繁忙")


async def test_the_inspector_comes_back_when_its_server_does(page: Page, robot: Robot, sandbox: Sandbox) -> None:
    inspector = await inspect(page)
    await robot.create("c1")
    await expect(rows(inspector, "create")).to_have_count(1)
    await sandbox.stop()
    await expect(page.locator("#presence")).to_contain_text("页面已断开")
    await sandbox.start()
    await robot.create("c2")
    await expect(rows(inspector, "create")).to_have_count(2)


async def test_whatever_went_over_the_wire_is_inert(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say(EVIL, robot=ROBOT, sender="evil", nick=EVIL)
    await line.message()
    await robot.create(EVIL, user="evil")
    await robot.stream(EVIL, EVIL, isFinalize=True)
    sandbox.fail("oto", status=500, code=EVIL)
    inspector = await inspect(page)
    await rows(inspector, "streaming").click()
    await expect(inspector.locator(".i-updates")).to_contain_text(EVIL)
    await inspector.locator(".i-back").click()
    await inspect(page, "faults")
    await expect(page.locator("#trouble")).to_contain_text(EVIL)
    await expect(page.locator("#inspector, #trouble").locator("img, script, [onerror]")).to_have_count(0)
    assert await page.evaluate("window.pwned") is None


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_sticks_out_of_it(page: Page, robot: Robot, line: Line, sandbox: Sandbox, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    sandbox.say("长" * 300, robot=ROBOT)
    await answered(robot, line, sandbox, "c1")
    await robot.stream("none", "x" * 300)
    sandbox.switch("quota")
    await page.evaluate("document.querySelector('#inspect').click()")
    inspector = page.locator("#inspector")
    await expect(inspector.locator(".i-question").first).to_be_visible()
    for tab in ("traffic", "limits", "faults"):
        await inspector.locator(f'[data-tab="{tab}"]').click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate(OUTSIDE) == []
