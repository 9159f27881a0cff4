"""Writing on the chat page: attachments, quotes, mentions, and what the robot gets of them."""

from typing import Any

import pytest
from playwright.async_api import FilePayload, Locator, Page, expect

from actors.sandbox.server import Sandbox
from tests.browser.shots import OTHER, picture
from tests.sandbox.robot import ROBOT, Line, Robot

pytestmark = pytest.mark.asyncio(loop_scope="session")
GROUP = "产品群"
PICTURE: FilePayload = {"name": "cup.png", "mimeType": "image/png", "buffer": picture(60, 40)}
TABLE: FilePayload = {"name": "order.csv", "mimeType": "text/csv", "buffer": b"a,b\n"}
DROP = """([bytes, name, type]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, { type }));
    for (const kind of ["dragover", "drop"]) {
        document.querySelector("#log").dispatchEvent(
            new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
}"""


def field(page: Page) -> Locator:
    return page.get_by_label("消息 Message", exact=True)


async def say(page: Page, text: str) -> None:
    await field(page).fill(text)
    await page.keyboard.press("Enter")


async def drop(page: Page, file: FilePayload) -> None:
    await page.evaluate(DROP, [list(file["buffer"]), file["name"], file["mimeType"]])


async def enter_group(page: Page, sandbox: Sandbox) -> None:
    sandbox.chat_id(ROBOT, group=GROUP)
    await page.get_by_role("button", name=GROUP).click()


async def download(robot: Robot, code: str) -> bytes:
    body = {"downloadCode": code, "robotCode": ROBOT}
    url = (await robot.call("POST", "/v1.0/robot/messageFiles/download", body)).body["downloadUrl"]
    async with robot.http.get(url) as response:
        return await response.read()


# Attachments


async def test_a_picture_that_is_dropped_goes_with_the_words(page: Page, robot: Robot, line: Line) -> None:
    await drop(page, PICTURE)
    await expect(page.locator("#draft .chip")).to_contain_text("cup.png")
    await say(page, "这是什么？")
    message = await line.message()
    words, shown = message["content"]["richText"]
    assert (message["msgtype"], words) == ("richText", {"text": "这是什么？"})
    assert await download(robot, shown["downloadCode"]) == PICTURE["buffer"]
    await expect(page.locator(".line.mine .bubble")).to_contain_text("这是什么？")
    await expect(page.locator("#draft .chip")).to_have_count(0)
    seen = page.locator(".line.mine .bubble img")
    await expect(seen).to_have_js_property("naturalWidth", 60)


async def test_a_picture_alone_is_a_picture_in_private_and_stands_in_a_text_in_a_group(
    page: Page, line: Line, sandbox: Sandbox
) -> None:
    await drop(page, PICTURE)
    await page.get_by_role("button", name="发送").click()
    message = await line.message()
    assert (message["msgtype"], "downloadCode" in message["content"]) == ("picture", True)
    await enter_group(page, sandbox)
    await drop(page, PICTURE)
    await page.get_by_role("button", name="发送").click()
    assert (await line.message())["msgtype"] == "richText"


async def test_a_file_that_is_chosen_is_a_message_of_its_own(page: Page, robot: Robot, line: Line) -> None:
    await page.locator("#files").set_input_files(TABLE)
    await expect(page.locator("#draft .chip")).to_contain_text("order.csv")
    await say(page, "看看这个")
    assert (await line.message())["text"]["content"] == "看看这个"
    message = await line.message()
    assert (message["msgtype"], message["content"]["fileName"]) == ("file", "order.csv")
    assert await download(robot, message["content"]["downloadCode"]) == b"a,b\n"
    await expect(page.locator(".line.mine .bubble a")).to_have_text("order.csv")


async def test_in_a_group_a_file_is_refused_as_the_platform_does(page: Page, line: Line, sandbox: Sandbox) -> None:
    await enter_group(page, sandbox)
    await drop(page, TABLE)
    await expect(page.locator("#toast")).to_contain_text("群里机器人收不到")
    await expect(page.locator("#draft .chip")).to_have_count(0)


async def test_an_attachment_can_be_taken_away(page: Page, line: Line) -> None:
    await drop(page, PICTURE)
    await page.get_by_role("button", name="移除").click()
    await expect(page.locator("#draft .chip")).to_have_count(0)
    await expect(page.get_by_role("button", name="发送")).to_be_disabled()


async def test_a_page_that_is_attached_never_becomes_ours(robot: Robot, sandbox: Sandbox) -> None:
    code = sandbox.attach(b"<script>alert(1)</script>", "a.html", "text/html")
    async with robot.http.get(f"{sandbox.url}/sandbox/attached", params={"code": code}) as response:
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


# Quotes


async def test_what_is_quoted_goes_along_and_is_seen(page: Page, robot: Robot, line: Line) -> None:
    await say(page, "怎么退货？")
    first = await line.message()
    await page.locator(".line.mine").hover()
    await page.get_by_role("button", name="引用").click()
    await expect(page.locator(".quote-bar")).to_contain_text("怎么退货？")
    await say(page, "就是这个")
    text = (await line.message())["text"]
    assert (text["content"], text["isReplyMsg"]) == ("就是这个", True)
    replied: dict[str, Any] = text["repliedMsg"]
    expected = ("text", first["msgId"], first["senderId"], {"text": "怎么退货？"})
    assert (replied["msgType"], replied["msgId"], replied["senderId"], replied["content"]) == expected
    await expect(page.locator(".line.mine .quoted")).to_have_text("李明怎么退货？")
    await expect(page.locator(".quote-bar")).to_have_count(0)


async def test_an_answer_can_be_quoted(page: Page, robot: Robot, line: Line) -> None:
    await robot.create("c1")
    await robot.stream("c1", "请在**七天内**申请。", isFinalize=True)
    await page.locator(".line.card").hover()
    await page.get_by_role("button", name="引用").click()
    await say(page, "真的吗？")
    replied = (await line.message())["text"]["repliedMsg"]
    (rich,) = replied["content"]["cardContent"]
    assert (replied["msgType"], rich["children"][0]["value"]) == ("interactiveCard", "请在**七天内**申请。")
    await expect(page.locator(".quoted")).to_have_text(f"{ROBOT}请在七天内申请。")


async def test_escape_drops_the_quote(page: Page, line: Line) -> None:
    await say(page, "怎么退货？")
    await page.locator(".line.mine").hover()
    await page.get_by_role("button", name="引用").click()
    await expect(field(page)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator(".quote-bar")).to_have_count(0)


# Mentions


async def test_an_at_offers_robots_and_people_and_calls_the_one_that_is_picked(
    page: Page, line: Line, sandbox: Sandbox
) -> None:
    await enter_group(page, sandbox)
    await field(page).press_sequentially("请 @")
    menu = page.locator("#mentions [role=option] > span")
    await expect(menu).to_have_text([ROBOT, OTHER, "王芳", "张伟"])
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(field(page)).to_have_value("请 @王芳 ")
    await expect(page.locator("#mentions")).to_be_hidden()
    await page.keyboard.type("看看")
    await page.keyboard.press("Enter")
    message = await line.message()
    assert message["text"]["content"] == " 请 @王芳 看看"
    assert [user.get("staffId") for user in message["atUsers"]] == [None, "u2"]
    await expect(page.locator(".line.mine .mention")).to_have_text([f"@{ROBOT}", "@王芳"])


async def test_what_is_attached_and_quoted_is_inert(page: Page, line: Line, sandbox: Sandbox) -> None:
    evil = '<img src=x onerror="window.pwned = true">'
    code = sandbox.attach(b"x", evil)
    sandbox.say("", robot=ROBOT, msgtype="file", content={"downloadCode": code, "fileName": evil})
    sandbox.say(evil, robot=ROBOT)
    sandbox.say("这个", robot=ROBOT, quoting=sandbox.entries[-1].id)
    await expect(page.locator(".quoted")).to_contain_text("onerror")
    await expect(page.locator(".bubble a.chip")).to_have_text(evil)
    await expect(page.locator("#lines img")).to_have_count(0)
    assert await page.evaluate("window.pwned") is None


async def test_what_could_not_be_sent_is_not_lost(page: Page, line: Line, sandbox: Sandbox) -> None:
    await drop(page, PICTURE)
    await expect(page.locator("#draft .chip")).to_have_count(1)
    await page.route("**/sandbox/say", lambda route: route.abort())
    await say(page, "这是什么？")
    await expect(page.locator("#toast")).to_contain_text("发送失败")
    await expect(field(page)).to_have_value("这是什么？")
    await expect(page.locator("#draft .chip")).to_have_count(1)
    await page.unroute("**/sandbox/say")
    await page.keyboard.press("Enter")
    assert (await line.message())["msgtype"] == "richText"
