"""The pictures of the chat page can be taken: the scene that they show still plays."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser

from actors.sandbox.server import Sandbox
from tests.browser.shots import SHOTS, take, tell_story
from tests.sandbox.robot import Line, Robot

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_picture_that_is_kept_can_be_taken_anew(
    browser: Browser, sandbox: Sandbox, robot: Robot, line: Line, tmp_path: Path
) -> None:
    await tell_story(sandbox, robot, line)
    taken = await take(browser, sandbox.url, tmp_path)
    assert sorted(path.name for path in taken) == sorted(path.name for path in SHOTS.iterdir())
    for path in taken:
        with Image.open(path) as anew, Image.open(SHOTS / path.name) as kept:
            assert anew.size == kept.size
