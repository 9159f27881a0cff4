"""Pictures of the chat page, for people to look at: `python -m tests.browser.shots` renews those in `shots/`.

They show one scene with everything in it that the page can draw. They are not compared with anything.
"""

import asyncio
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.async_api import Browser, Page, async_playwright, expect

from actors.sandbox.rules import Rules
from actors.sandbox.scenario import Happening, Scenario
from actors.sandbox.server import Sandbox
from tests.browser.chromium import ARGUMENTS, CHROMIUM, TEMPLATES
from tests.sandbox.robot import BY_KEY, OWN, ROBOT, SECRET, Line, Robot

SHOTS = Path(__file__).parent / "shots"
OTHER = "dingreports"
WIDE, NARROW = (1280, 800), (390, 844)
GROUP = "产品群"
ANSWER = """签收后**七天内**可以无理由退货，流程如下：

1. 在「我的订单」里选择商品，点 `申请退货`
2. 等待审核，一般 *2 小时* 内完成
3. 用[上门取件](https://example.com/pickup)寄回

| 情形 | 运费 | 到账 |
| --- | --- | --- |
| 质量问题 | 商家承担 | 1–3 天 |
| 不喜欢 | 买家承担 | 3–7 天 |

> 生鲜和定制商品除外。"""


def picture(width: int, height: int) -> bytes:
    """A PNG of a cup on a table."""
    image = Image.new("RGB", (width, height), "#dfe9f5")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 0.75, width, height), "#c79a6b")
    draw.arc((width * 0.52, height * 0.32, width * 0.70, height * 0.62), 0, 360, "#3b82f6", max(1, height // 20))
    draw.rectangle((width * 0.36, height * 0.22, width * 0.60, height * 0.80), "#3b82f6")
    draw.line((width * 0.42, height * 0.22, width * 0.45, height * 0.42), "#16325c", max(1, height // 60))
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def tell_story(sandbox: Sandbox, robot: Robot, line: Line) -> None:
    """A private chat with a finished and a growing answer, and a group with two people and two cards."""
    await _tell_privately(sandbox, robot, line)
    await _tell_in_group(sandbox, robot, line)
    _play(sandbox)


def _play(sandbox: Sandbox) -> None:
    """One scenario is played to its end, one plays, and one is recorded."""
    unknown = Happening(0, "click", {"card": "c9", "button": "rate"})
    sandbox.scenarios.save(Scenario("网络抖动", (Happening(0, "heal"), Happening(0, "abort"), Happening(600, "heal"))))
    sandbox.scenarios.save(Scenario("按钮失灵", (unknown, Happening(0, "heal"))))
    for scenario in sandbox.scenarios.saved.values():
        sandbox.scenarios.play(scenario, OTHER)
    sandbox.scenarios.record()


async def _tell_privately(sandbox: Sandbox, robot: Robot, line: Line) -> None:
    sandbox.say("买的杯子不合适，怎么退货？", robot=ROBOT)
    await line.message()
    await _card(robot, "c1", title="买的杯子不合适，怎么退货？")
    for length in (24, 90, 130):
        await robot.stream("c1", ANSWER[:length], key="content")
    await robot.stream("c1", ANSWER, key="content", isFinalize=True)
    await robot.update("c1", {"rateable": "true", "rating": "helpful"}, **BY_KEY)
    code = sandbox.attach(picture(220, 130), "cup.png", "image/png")
    content = {"richText": [{"text": "杯子是这样的，算质量问题吗？"}, {"type": "picture", "downloadCode": code}]}
    sandbox.say("", robot=ROBOT, msgtype="richText", content=content)
    await line.message()
    await _card(robot, "c2", title="杯子是这样的，算质量问题吗？", status="正在查询订单…", stoppable="true")
    await robot.stream("c2", "从照片看，杯口有一道**裂纹**，属于质量问题，可以", key="content")


async def _tell_in_group(sandbox: Sandbox, robot: Robot, line: Line) -> None:
    sandbox.say("今天上海的订单几点发？", robot=ROBOT, sender="u2", group=GROUP)
    webhook = (await line.message())["sessionWebhook"]
    said = {"title": "发货", "text": "每天 **16:00** 前的订单当天发出。"}
    body = {"msgtype": "markdown", "markdown": said, "at": {"atUserIds": ["u2"]}}
    await robot.call("POST", webhook, body)
    number = sandbox.entries[-1].id
    sandbox.say("那周末呢？ @王芳 也想知道", robot=ROBOT, sender="u3", group=GROUP, quoting=number, at=["u2"])
    await line.message()
    await _card(robot, "g1", sandbox, title="那周末呢？", flowStatus="1")
    sandbox.say("发票怎么开？", robot=ROBOT, sender="u1", group=GROUP)
    await line.message()
    await robot.create("g2", **_in_group(sandbox))
    await robot.stream("g2", "抱歉，暂时没能答完，请稍后再试。", isFinalize=True, isError=True)


async def _card(robot: Robot, track: str, group: Sandbox | None = None, **shown: str) -> None:
    where = _in_group(group, "u3") if group else {}
    params = {"cardParamMap": OWN | {"flowStatus": "1", "title": ""} | shown}
    await robot.create(track, cardTemplateId="card-template.schema", cardData=params, **where)


def _in_group(sandbox: Sandbox, *mentioned: str) -> dict[str, Any]:
    space = f"dtv1.card//IM_GROUP.{sandbox.chat_id(ROBOT, group=GROUP)}"
    deliver = {"robotCode": ROBOT, "atUserIds": list(mentioned)}
    return {"openSpaceId": space, "imGroupOpenSpaceModel": {}, "imGroupOpenDeliverModel": deliver}


async def take(browser: Browser, url: str, folder: Path) -> list[Path]:
    """The pictures, light and dark, wide and narrow; returns their files."""
    taken = []
    for scheme, (width, height), scenes in PICTURES:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            locale="zh-CN",
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        page = await context.new_page()
        await page.goto(url)
        await expect(page.locator("#presence")).not_to_be_empty()
        for show in scenes:
            await show(page)
            taken.append(folder / f"{show.__name__.strip('_')}-{scheme}-{width}.png")
            _save(await page.screenshot(), taken[-1])
        await context.close()
    return taken


def _save(screenshot: bytes, file: Path) -> None:
    """256 colours are enough to look at, and a third of the size."""
    with Image.open(BytesIO(screenshot)) as image:
        image.convert("RGB").quantize(256, kmeans=4).save(file, optimize=True)


async def _private(page: Page) -> None:
    await expect(page.locator('[data-card="c2"]')).to_be_visible()


async def _list(page: Page) -> None:
    await page.locator("#open-list").click()
    await expect(page.get_by_role("button", name=GROUP)).to_be_in_viewport()


async def _group(page: Page) -> None:
    await page.get_by_role("button", name=GROUP).click()
    await expect(page.locator('[data-card="g2"]')).to_be_visible()


async def _traffic(page: Page) -> None:
    await page.locator("#inspect").click()
    await expect(page.locator(".i-question").first).to_be_visible()


async def _updates(page: Page) -> None:
    if not await page.locator("#inspector").is_visible():
        await page.locator("#inspect").click()
    await page.locator(".i-row", has_text="update").first.click()
    await expect(page.locator(".i-updates")).to_be_visible()


async def _faults(page: Page) -> None:
    await page.keyboard.press("Escape")
    await page.locator('#inspector [data-tab="faults"]').click()
    await expect(page.locator(".i-scenario")).to_have_count(2)
    await expect(page.locator(".i-problems").first).to_be_visible()


INSPECTOR = (_traffic, _updates, _faults)
PICTURES = (
    ("light", WIDE, (_private, _group, *INSPECTOR)),
    ("dark", WIDE, (_private, _group, *INSPECTOR)),
    ("light", NARROW, (_private, _list, _group, *INSPECTOR)),
    ("dark", NARROW, (_private,)),
)


async def main(folder: Path = SHOTS) -> None:
    """Renew the pictures."""
    rules = Rules(first_ping=0.01)
    async with (
        Sandbox(robots={ROBOT: SECRET, OTHER: SECRET}, rules=rules, templates=TEMPLATES) as sandbox,
        Robot.at(sandbox.url) as robot,
        robot.line() as line,
        async_playwright() as playwright,
    ):
        await tell_story(sandbox, robot, line)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        taken = await take(browser, sandbox.url, folder)
        await browser.close()
    sys.stdout.write("".join(f"{picture}\n" for picture in taken))


if __name__ == "__main__":
    asyncio.run(main())
