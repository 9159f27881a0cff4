"""A real Chromium, a DingTalk, and its chat page on a screen that tells of every error."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.browser.chromium import ARGUMENTS, CHROMIUM, TEMPLATES
from tests.browser.shots import OTHER
from tests.sandbox.robot import ROBOT, SECRET, Line, Robot

# Milliseconds, for a loaded machine: what does not come at all is found out all the same.
expect.set_options(timeout=20_000)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    """A DingTalk with two robots, which knows our own card template."""
    async with Sandbox(
        robots={ROBOT: SECRET, OTHER: SECRET}, rules=Rules(first_ping=0.01), templates=TEMPLATES
    ) as sandbox:
        yield sandbox


@pytest_asyncio.fixture(loop_scope="session")
async def robot(sandbox: Sandbox) -> AsyncIterator[Robot]:
    """The robot, with its token."""
    async with Robot.at(sandbox.url) as robot:
        yield robot


@pytest_asyncio.fixture(loop_scope="session")
async def line(robot: Robot) -> AsyncIterator[Line]:
    """A Stream connection of the robot."""
    async with robot.line() as line:
        yield line


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, sandbox: Sandbox) -> AsyncIterator[Page]:
    """The chat page; at the end nothing may have gone wrong on it, a refused policy included."""
    complaints: list[str] = []
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(sandbox.url)
    await expect(page.locator("#presence")).not_to_be_empty()
    yield page
    await context.close()
    # A page that cannot reach its server says so; that is the browser's own line, and part of one test.
    assert [complaint for complaint in complaints if "net::ERR" not in complaint] == []
