"""A person's first minute: `make run` with nothing configured, the printed address, a question, a growing answer."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT = Path(__file__).parents[2]


@pytest_asyncio.fixture(loop_scope="session")
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """The address that `make run` prints."""
    process = await asyncio.create_subprocess_exec(
        "make",
        "run",
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "INBOX_URL": f"sqlite:///{tmp_path}/inbox.db",
            "HTTP_PORT": "0",
            "SANDBOX_PORT": "0",
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    printed = ""
    async with asyncio.timeout(60):
        while not (found := re.search(r"http://\S+", printed)):
            line = await process.stderr.readline()
            assert line, printed
            printed += line.decode()
    yield found.group()
    process.send_signal(signal.SIGTERM)
    await process.communicate()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, address: str) -> AsyncIterator[Page]:
    """Somebody who opened that address."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    page = await context.new_page()
    await page.goto(address)
    yield page
    await context.close()


async def test_somebody_who_opens_the_printed_address_gets_an_answer(visitor: Page) -> None:
    await visitor.get_by_label("消息 Message", exact=True).fill("多久发货？")
    await visitor.get_by_role("button", name="发送").click()
    card = visitor.locator("[data-card]")
    await expect(card).to_contain_text("已完成")
    await expect(card).to_contain_text("发货")
    await expect(card.get_by_role("button")).to_have_count(4)
