"""The chat page in a real browser: what a person sees and does, with a robot at the other end of the wire."""

import json

import pytest
from playwright.async_api import Locator, Page, expect

from actors.sandbox.server import Sandbox
from tests.sandbox.robot import BY_KEY, ROBOT, Line, Robot, with_buttons

pytestmark = pytest.mark.asyncio(loop_scope="session")

PWNED = "window.pwned = true"
EVIL = f'<img src=x onerror="{PWNED}"><script>{PWNED}</script><svg onload="{PWNED}">'


STICKS_OUT = """[...document.querySelectorAll(".bubble, .card-text, #log, .top, .composer")].filter((box) => {
    const { left, right } = box.getBoundingClientRect();
    return left < 0 || right > innerWidth || box.scrollWidth > box.clientWidth;
}).map((box) => box.className)"""


def card(page: Page, track: str) -> Locator:
    return page.locator(f'[data-card="{track}"]')


async def ask(page: Page, text: str) -> None:
    """Write to the robot; what it says next stands after the question."""
    await page.get_by_label("消息 Message", exact=True).fill(text)
    await page.keyboard.press("Enter")
    await expect(page.locator(".line.mine .bubble", has_text=text)).to_be_visible()


async def test_a_question_is_answered_on_a_card_that_grows(page: Page, robot: Robot, line: Line) -> None:
    await ask(page, "怎么退货？")
    assert (await line.message())["text"]["content"] == "怎么退货？"
    await expect(page.locator(".line.mine .bubble")).to_have_text("怎么退货？")
    await expect(page.locator(".line.mine .state")).to_contain_text("已接收")
    await robot.create("c1")
    await expect(card(page, "c1")).to_contain_text("思考中")
    await robot.stream("c1", "请在**七天")
    await expect(card(page, "c1")).to_contain_text("正在输入")
    await robot.stream("c1", "请在**七天内**申请。", isFinalize=True)
    await expect(card(page, "c1")).to_contain_text("已完成")
    await expect(card(page, "c1").locator("strong", has_text="七天内")).to_be_visible()
    await expect(page.locator(".card-box")).to_have_count(1)


async def test_a_card_that_fails_says_so(page: Page, robot: Robot, line: Line) -> None:
    await robot.create("c1")
    await robot.stream("c1", "抱歉，没能答完。", isFinalize=True, isError=True)
    await expect(card(page, "c1")).to_contain_text("失败")


async def test_a_plain_message_stands_in_the_chat(page: Page, robot: Robot, line: Line) -> None:
    await ask(page, "在吗？")
    body = {"msgtype": "markdown", "markdown": {"title": "答", "text": "在，**请讲**。"}}
    await robot.call("POST", (await line.message())["sessionWebhook"], body)
    await expect(page.locator(".line.message strong")).to_have_text("请讲")


async def test_shift_and_enter_begin_a_new_line(page: Page, line: Line) -> None:
    await page.get_by_label("消息 Message", exact=True).fill("第一行")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("第二行")
    await page.get_by_role("button", name="发送").click()
    assert (await line.message())["text"]["content"] == "第一行\n第二行"


async def test_enter_belongs_to_an_input_method_that_composes(page: Page, line: Line, sandbox: Sandbox) -> None:
    field = page.get_by_label("消息 Message", exact=True)
    await field.fill("nihao")
    await field.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await expect(field).to_have_value("nihao")
    assert not sandbox.said


async def test_a_button_reaches_the_robot_and_its_answer_changes_the_card(page: Page, robot: Robot, line: Line) -> None:
    await robot.create("c1")
    await robot.update(
        "c1", with_buttons({"text": "😊 有帮助", "id": "b1"}, {"text": "😅 没帮助", "id": "b2"}), **BY_KEY
    )
    button = card(page, "c1").get_by_role("button", name="有帮助")
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true")
    frame = await line.callback()
    data = json.loads(frame["data"])
    assert (data["userId"], json.loads(data["content"])["cardPrivateData"]["actionIds"]) == ("u1", ["b1"])
    await line.ack(frame, {"response": {"cardData": {"cardParamMap": {"msgTitle": "谢谢反馈"}}}})
    await expect(card(page, "c1")).to_contain_text("谢谢反馈")
    await expect(button).to_have_attribute("aria-pressed", "true")


async def test_what_the_robot_makes_of_a_click_takes_its_place(page: Page, robot: Robot, line: Line) -> None:
    await robot.create("c1")
    await robot.update("c1", with_buttons({"text": "😊 有帮助", "id": "b1"}), **BY_KEY)
    button = card(page, "c1").get_by_role("button", name="有帮助")
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true")
    await robot.update("c1", with_buttons({"text": "✅ 😊 有帮助", "id": "b1"}), **BY_KEY)
    await expect(button).to_have_text("✅ 😊 有帮助")
    await expect(button).to_have_attribute("aria-pressed", "false")


async def test_a_click_that_reaches_nobody_says_so(page: Page, robot: Robot) -> None:
    await robot.create("c1")
    await robot.update("c1", with_buttons({"text": "有帮助", "id": "b1"}), **BY_KEY)
    button = card(page, "c1").get_by_role("button", name="有帮助")
    await button.click()
    await expect(page.locator("#toast")).to_contain_text("点击未送达")
    await expect(button).to_have_attribute("aria-pressed", "false")


async def test_the_page_says_whether_the_robot_is_there(page: Page, robot: Robot) -> None:
    presence = page.locator("#presence")
    await expect(presence).to_contain_text("等待机器人连接")
    async with robot.line():
        await expect(presence).to_contain_text("已连接")
    await expect(presence).to_contain_text("等待机器人连接")


async def test_a_question_without_a_robot_is_shown_as_lost(page: Page) -> None:
    await ask(page, "有人吗？")
    await expect(page.locator(".line.mine .state")).to_contain_text("未送达")


async def test_each_person_has_a_chat_of_their_own(page: Page, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("我是王芳", robot=ROBOT, sender="u2")
    row = page.get_by_role("button", name="王芳")
    await expect(row.locator(".news")).to_have_text("1")
    await expect(page.locator(".line")).to_have_count(0)
    await row.click()
    await expect(page.locator(".line.mine .bubble")).to_have_text("我是王芳")
    await expect(row.locator(".news")).to_have_count(0)
    await ask(page, "还是我")
    assert [(await line.message())["senderStaffId"] for _ in range(2)] == ["u2", "u2"]


async def test_a_group_shows_who_speaks(page: Page, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("大家好", robot=ROBOT, sender="u2", group="产品群")
    await page.get_by_role("button", name="产品群").click()
    await expect(page.locator(".line.said:not(.mine) .by")).to_contain_text("王芳")
    await page.get_by_role("button", name="张伟").click()
    await ask(page, "我也好")
    await expect(page.locator(".line.mine .bubble")).to_have_text(f"@{ROBOT} 我也好")
    await line.message()
    message = await line.message()
    assert (message["senderStaffId"], message["conversationTitle"]) == ("u3", "产品群")


async def test_a_reload_in_mid_answer_loses_nothing(page: Page, robot: Robot, line: Line) -> None:
    await ask(page, "怎么退货？")
    await line.message()
    await robot.create("c1")
    await robot.stream("c1", "请在七天")
    await expect(card(page, "c1")).to_contain_text("请在七天")
    await page.reload()
    await expect(page.locator(".line.mine .bubble")).to_have_text("怎么退货？")
    await robot.stream("c1", "请在七天内申请。", isFinalize=True)
    await expect(card(page, "c1")).to_contain_text("请在七天内申请。")


async def test_the_page_comes_back_when_its_server_does(page: Page, robot: Robot, sandbox: Sandbox) -> None:
    await ask(page, "还记得吗？")
    await expect(page.locator(".line")).to_have_count(1)
    await sandbox.stop()
    await expect(page.locator("#presence")).to_contain_text("页面已断开")
    await sandbox.start()
    await expect(page.locator("#presence")).to_contain_text("等待机器人连接")
    await expect(page.locator(".line.mine .bubble")).to_have_text("还记得吗？")


async def test_whatever_comes_from_a_chat_is_inert(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say(EVIL, robot=ROBOT, sender="evil", nick=EVIL)
    sandbox.say(EVIL, robot=ROBOT, sender="evil", group=EVIL)
    await page.locator("#people").get_by_text("onerror").click()
    webhook = (await line.message())["sessionWebhook"]
    markdown = f"{EVIL}\n\n[a](javascript:{PWNED}) ![p](http://127.0.0.1:9/p.png) [b](data:text/html,x) <b>B</b>"
    await robot.call("POST", webhook, {"msgtype": "markdown", "markdown": {"title": EVIL, "text": markdown}})
    await robot.create("c1", user="evil")
    buttons = with_buttons({"text": EVIL, "id": EVIL, "color": EVIL}, {"text": "链接", "url": f"javascript:{PWNED}"})
    await robot.update("c1", {"msgTitle": EVIL, **buttons}, **BY_KEY)
    await robot.stream("c1", markdown)
    await expect(card(page, "c1").locator(".card-text")).to_contain_text("<script>")
    await expect(card(page, "c1").get_by_role("button")).to_have_count(2)
    await expect(page.locator(".line.message")).to_contain_text("<b>B</b>")
    chat = page.locator("#lines, #conversations, #people")
    await expect(chat.locator("script, svg, img, b, a, [onerror], [onload]")).to_have_count(0)
    await page.locator("#conversations .name", has_text="onerror").click()
    await expect(page.locator("#title")).to_have_text(EVIL)
    assert await page.evaluate("window.pwned") is None


async def test_a_link_opens_elsewhere_and_tells_nothing(page: Page, robot: Robot) -> None:
    await robot.create("c1")
    await robot.stream("c1", "见 [说明](https://example.com/a)")
    link = card(page, "c1").get_by_role("link")
    await expect(link).to_have_attribute("href", "https://example.com/a")
    await expect(link).to_have_attribute("target", "_blank")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_sticks_out_at_any_width(page: Page, robot: Robot, line: Line, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    await ask(page, "长" * 300 + " " + "x" * 300)
    await robot.create("c1")
    table = "| 列 | 列 | 列 | 列 | 列 |\n| - | - | - | - | - |\n" + "| 很长的内容很长的内容 " * 5 + "|"
    await robot.stream("c1", f"{'y' * 300}\n\n{table}\n\n```\n{'z' * 300}\n```", isFinalize=True)
    await expect(card(page, "c1")).to_contain_text("已完成")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.evaluate(STICKS_OUT) == []
    await expect(page.get_by_role("button", name="发送")).to_be_in_viewport()
    await expect(card(page, "c1").locator(".card-foot")).to_be_in_viewport()


async def test_what_grows_by_itself_is_followed_to_its_end(page: Page, robot: Robot, line: Line) -> None:
    await page.set_viewport_size({"width": 390, "height": 500})
    await ask(page, "你好")
    await robot.create("c1")
    await robot.stream("c1", "一行\n\n" * 30, isFinalize=True)
    await expect(card(page, "c1").locator(".card-foot")).to_be_in_viewport()
    # As when a picture comes late.
    await page.evaluate("document.querySelector('[data-card=c1]').style.marginTop = '900px'")
    await expect(card(page, "c1").locator(".card-foot")).to_be_in_viewport()


async def test_whoever_reads_further_up_is_left_there(page: Page, robot: Robot, line: Line) -> None:
    await page.set_viewport_size({"width": 390, "height": 500})
    await ask(page, "你好")
    await robot.create("c1")
    await robot.stream("c1", "一行\n\n" * 30)
    await expect(page.get_by_text("一行").last).to_be_in_viewport()
    await page.locator("#log").hover()
    await page.mouse.wheel(0, -5000)
    await expect(page.get_by_text("你好", exact=True).first).to_be_in_viewport()
    await robot.stream("c1", "一行\n\n" * 60, isFinalize=True)
    await expect(card(page, "c1")).to_contain_text("已完成")
    await expect(page.get_by_text("你好", exact=True).first).to_be_in_viewport()
