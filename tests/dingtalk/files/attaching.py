"""Questions with attachments, and where to look what became of them."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from prometheus_client import REGISTRY

from actors.core.question import Address, Attachment, Question
from actors.dingtalk.files import Files

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
LIMIT = 1_000_000
"""The largest attachment, in bytes."""

MakeFiles = Callable[..., Files]


def picture(code: str = "d") -> Attachment:
    return Attachment("picture", "", "picture", code)


def asking(*attachments: Attachment) -> Question:
    return Question(
        robot="ding",
        message_id=f"msg{uuid.uuid4().hex}==",
        conversation="ding::zhang",
        chat_id="ding:cid:zhang",
        text="这是什么？",
        sender_id="zhang",
        sender_nick="张三",
        address=Address("dingrobotcode", "cid", group=False, user="zhang", webhook="", webhook_expires=0.0),
        received_at=0.0,
        attachments=attachments or (picture(),),
    )


def path_of(attachment: Attachment) -> Path:
    return Path(unquote(urlsplit(attachment.url).path))


def counted(files: Files) -> dict[str, float]:
    """How often each outcome was counted for this robot."""
    robot = files._api.robot.client_id
    return {
        sample.labels["outcome"]: sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "dingtalk_attachments_total" and sample.labels["robot"] == robot
    }


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - a disk tells no events
            await asyncio.sleep(0.005)
