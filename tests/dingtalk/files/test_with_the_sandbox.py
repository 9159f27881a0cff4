"""Attachments from the sandbox's DingTalk: another hand's reading of the same protocol."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from actors.core.question import Attachment, Question
from actors.core.robot import FixedSecret, Robot
from actors.dingtalk.files import Files
from actors.sandbox.server import Sandbox
from tests.dingtalk.files.attaching import PNG, asking, counted, path_of, picture


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def robot(sandbox: Sandbox) -> Robot:
    return Robot(
        client_id=f"ding{uuid.uuid4().hex[:8]}",
        client_secret=FixedSecret("secret"),
        endpoint=sandbox.url,
        agent="faq:",
        card_template="template",
        card_content_key="msgContent",
    )


def asked_of(robot: Robot, *attachments: Attachment) -> Question:
    question = asking(*attachments)
    return replace(question, address=replace(question.address, robot_code=robot.client_id))


async def test_what_a_person_attaches_arrives_whole(files: Files, robot: Robot, sandbox: Sandbox) -> None:
    codes = [sandbox.attach(PNG, "a.png", "image/png"), sandbox.attach(b"%PDF", "b.pdf", "application/pdf")]
    attachments = picture(codes[0]), Attachment("file", "", "b.pdf", codes[1])
    fetched = await files.fetch(asked_of(robot, *attachments))
    assert [(path_of(one).name, path_of(one).read_bytes()) for one in fetched] == [
        ("picture.png", PNG),
        ("b.pdf", b"%PDF"),
    ]


@pytest.mark.parametrize("rule", ["download_code_life", "download_url_life"])
async def test_what_is_asked_for_too_late_is_left_out(files: Files, robot: Robot, sandbox: Sandbox, rule: str) -> None:
    setattr(sandbox.rules, rule, 0.0)
    assert await files.fetch(asked_of(robot, picture(sandbox.attach(PNG, "a.png", "image/png")))) == ()
    assert counted(files) == {"refused": 1}


@pytest.mark.parametrize("told", [True, False])
async def test_a_connection_that_breaks_in_the_middle_is_tried_again(
    files: Files, robot: Robot, sandbox: Sandbox, told: bool
) -> None:
    sandbox.rules.file_length_told = told
    sandbox.fail("file", reset=True, applied=True)
    (fetched,) = await files.fetch(asked_of(robot, picture(sandbox.attach(PNG, "a.png", "image/png"))))
    assert path_of(fetched).read_bytes() == PNG


async def test_a_message_of_another_robot_is_refused(files: Files, robot: Robot, sandbox: Sandbox) -> None:
    assert await files.fetch(asking(picture(sandbox.attach(PNG, "a.png", "image/png")))) == ()
    assert counted(files) == {"refused": 1}
