"""Cards of other kinds on the chat page: our own template, StandardCards; and who is mentioned where."""

import json
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from actors.sandbox.records import EVERYBODY
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import BY_KEY, OWN, ROBOT, Line, Robot

pytestmark = pytest.mark.asyncio(loop_scope="session")

PWNED = "window.pwned = true"
EVIL = f'<img src=x onerror="{PWNED}"><script>{PWNED}</script>'


def card(page: Page, track: str = "c1") -> Locator:
    return page.locator(f'[data-card="{track}"]')


async def create(robot: Robot, more: dict[str, Any] | None = None, **shown: str) -> None:
    """A card of our own template."""
    params = {"cardParamMap": OWN | {"flowStatus": "1"} | shown}
    await robot.create("c1", cardTemplateId="card-template.schema", cardData=params, **(more or {}))


async def send_standard(robot: Robot, text: str, *labels: str, title: str = "怎么退货？", **more: Any) -> None:
    """A StandardCard for u1."""
    buttons = [
        {
            "type": "button",
            "id": f"b{index}",
            "label": {"type": "text", "text": label, "id": f"l{index}"},
            "actionType": "request",
        }
        for index, label in enumerate(labels)
    ]
    contents = [{"type": "markdown", "text": text, "id": "m"}, {"type": "action", "id": "a", "actions": buttons}]
    data = {"header": {"title": {"type": "text", "text": title}}, "contents": contents}
    body: dict[str, Any] = {
        "cardTemplateId": "StandardCard",
        "singleChatReceiver": '{"userId": "u1"}',
        "cardBizId": "c1",
        "robotCode": ROBOT,
        "cardData": json.dumps(data),
    }
    sent = await robot.call("POST", "/v1.0/im/v1.0/robot/interactiveCards/send", body | more)
    assert sent.status == 200


def in_group(sandbox: Sandbox, **delivery: Any) -> dict[str, Any]:
    """What creating a card for the group takes."""
    return {
        "openSpaceId": f"dtv1.card//IM_GROUP.{sandbox.chat_id(ROBOT, group='产品群')}",
        "imGroupOpenSpaceModel": {},
        "imGroupOpenDeliverModel": {"robotCode": ROBOT} | delivery,
    }


# Our own template


async def test_while_it_grows_it_has_a_title_a_status_line_and_a_stop_button(page: Page, robot: Robot) -> None:
    await create(robot, status="前面还有 1 个问题", stoppable="true")
    await expect(card(page).locator("header strong")).to_have_text("怎么退货？")
    await expect(card(page)).to_contain_text("思考中")
    await expect(card(page).locator(".status")).to_have_text("前面还有 1 个问题")
    await robot.stream("c1", "请在**七天", key="content")
    await robot.update("c1", {"status": "正在查询订单…"}, **BY_KEY)
    await expect(card(page)).to_contain_text("正在输入")
    await expect(card(page).locator(".status")).to_have_text("正在查询订单…")
    await expect(card(page).get_by_role("button", name="停止 Stop")).to_be_visible()


async def test_its_stop_button_reaches_the_robot_and_goes_with_the_end(page: Page, robot: Robot, line: Line) -> None:
    await create(robot, stoppable="true")
    await robot.stream("c1", "请在", key="content")
    await card(page).get_by_role("button", name="停止").click()
    clicked = json.loads(json.loads((await line.callback())["data"])["content"])["cardPrivateData"]
    assert (clicked["actionIds"], clicked["params"]) == (["stop"], {"action": "stop", "message_id": "m1"})
    await robot.stream("c1", "请在（已停止）", key="content", isFinalize=True)
    await expect(card(page)).to_contain_text("已完成")
    await expect(card(page).get_by_role("button")).to_have_count(0)


async def test_what_was_chosen_is_seen_to_be_chosen_and_stays_so_after_a_reload(
    page: Page, robot: Robot, line: Line
) -> None:
    await create(robot, flowStatus="3", content="答案", rateable="true")
    buttons = card(page).get_by_role("button")
    await expect(buttons).to_have_text(["😄 非常有帮助", "😊 有帮助", "🙂 帮助不大", "😅 没帮助"])
    await buttons.nth(1).click()
    clicked = json.loads(json.loads((await line.callback())["data"])["content"])["cardPrivateData"]
    assert clicked["params"]["rating"] == "helpful"
    await robot.update("c1", {"rating": "slightly_helpful"}, **BY_KEY)
    for _ in range(2):
        await expect(card(page).locator('[aria-pressed="true"]')).to_have_text("🙂 帮助不大")
        await page.reload()


async def test_a_choice_is_seen_at_once_before_the_robot_shows_it(page: Page, robot: Robot, line: Line) -> None:
    await create(robot, flowStatus="3", content="答案", rateable="true")
    await card(page).get_by_role("button", name="没帮助").click()
    await expect(card(page).locator('[aria-pressed="true"]')).to_have_text("😅 没帮助")


# StandardCards


async def test_a_standard_card_shows_its_title_its_text_and_its_buttons(page: Page, robot: Robot) -> None:
    await send_standard(robot, "请在**七天内**申请。", "😄 非常有帮助", "😅 没帮助")
    await expect(card(page).locator("header strong")).to_have_text("怎么退货？")
    await expect(card(page).locator("header")).to_contain_text("StandardCard")
    await expect(card(page).locator(".stage")).to_have_count(0)
    await expect(card(page).locator(".card-text strong")).to_have_text("七天内")
    await expect(card(page).get_by_role("button")).to_have_text(["😄 非常有帮助", "😅 没帮助"])


async def test_a_click_on_a_standard_card_says_that_it_reached_nobody(page: Page, robot: Robot, line: Line) -> None:
    await send_standard(robot, "答案", "😄 非常有帮助")
    await expect(card(page).locator("footer")).to_contain_text("点击不经过 Stream 连接")
    await card(page).get_by_role("button").click()
    await expect(page.locator("#toast")).to_contain_text("点击未送达")


# Mentions


async def test_in_a_group_it_is_seen_who_speaks_to_whom(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("怎么退货？", robot=ROBOT, sender="u3", group="产品群")
    webhook = (await line.message())["sessionWebhook"]
    at = {"atUserIds": ["u2", "stranger"]}
    await robot.call("POST", webhook, {"msgtype": "text", "text": {"content": "请稍等"}, "at": at})
    await create(robot, in_group(sandbox, atUserIds={"u3": "张伟"}), flowStatus="3", content="七天内")
    await page.get_by_role("button", name="产品群").click()
    await expect(page.locator(".line.said .bubble")).to_have_text(f"@{ROBOT} 怎么退货？")
    await expect(page.locator(".line.message .mention")).to_have_text(["@王芳", "@stranger"])
    await expect(card(page).locator(".mention")).to_have_text("@张伟")
    await expect(page.locator(".line.card .by")).to_contain_text("机器人")
    await expect(page.locator(".line.said .by")).not_to_contain_text("机器人")


async def test_a_mention_of_everybody_is_seen(page: Page, robot: Robot, sandbox: Sandbox) -> None:
    await create(robot, in_group(sandbox, atUserIds={EVERYBODY: EVERYBODY}), flowStatus="3", content="七天内")
    await page.get_by_role("button", name="产品群").click()
    await expect(card(page).locator(".mention")).to_have_text("@所有人 Everyone")


async def test_in_private_nobody_is_mentioned(page: Page, robot: Robot, line: Line, sandbox: Sandbox) -> None:
    sandbox.say("你好", robot=ROBOT)
    await create(robot, flowStatus="3", content="您好")
    await expect(card(page)).to_contain_text("您好")
    await expect(page.locator(".mention")).to_have_count(0)


# Safety and looks


async def test_whatever_comes_from_a_chat_is_inert_on_every_kind_of_card(
    page: Page, robot: Robot, sandbox: Sandbox
) -> None:
    sandbox.say("hi", robot=ROBOT, sender="evil", nick=EVIL, group="产品群")
    more = in_group(sandbox, atUserIds={"evil": EVIL}) | {"cardAtUserIds": [EVIL]}
    evil = {"title": EVIL, "content": EVIL, "status": EVIL, "stoppable": "true", "message_id": EVIL}
    await create(robot, more, flowStatus="2", **evil)
    group = {
        "singleChatReceiver": None,
        "openConversationId": sandbox.chat_id(ROBOT, group="产品群"),
        "cardBizId": "s1",
    }
    await send_standard(robot, EVIL, EVIL, title=EVIL, **group)
    await page.get_by_role("button", name="产品群").click()
    await expect(card(page).locator(".status")).to_contain_text("<script>")
    await expect(card(page).locator(".mention")).to_have_count(2)
    await expect(card(page, "s1").locator("header strong")).to_contain_text("<script>")
    await expect(page.locator("#lines").locator("script, svg, img, a, [onerror], [onload]")).to_have_count(0)
    assert await page.evaluate("window.pwned") is None


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_sticks_out_of_any_kind_of_card(page: Page, robot: Robot, sandbox: Sandbox, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    long = "长" * 80 + "x" * 80
    sandbox.say(long, robot=ROBOT, group="产品群")
    more = in_group(sandbox, atUserIds={long: long})
    await create(robot, more, flowStatus="2", title=long, content=long, status=long, stoppable="true")
    group = {
        "singleChatReceiver": None,
        "openConversationId": sandbox.chat_id(ROBOT, group="产品群"),
        "cardBizId": "s1",
    }
    await send_standard(robot, long, long, "b", title=long, **group)
    if await page.locator("#open-list").is_visible():
        await page.locator("#open-list").click()
    await page.get_by_role("button", name="产品群").click()
    await expect(card(page, "s1")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    sticking_out = """[...document.querySelectorAll(".bubble, .card-box, .card-box *:not(strong)")].filter((box) => {
        const { left, right } = box.getBoundingClientRect();
        return left < 0 || right > innerWidth || box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0
            && getComputedStyle(box).display !== "inline";
    }).map((box) => box.className || box.tagName)"""
    assert await page.evaluate(sticking_out) == []
