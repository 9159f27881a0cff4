"""A robot whose attachments lie in a storage of ours, and what fetches them."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from actors.core.robot import FixedSecret, Robot
from actors.dingtalk.files import Files
from actors.dingtalk.openapi import OpenApi
from tests.dingtalk.conftest import MakeOpenApi
from tests.dingtalk.files.attaching import LIMIT, MakeFiles
from tests.dingtalk.files.storage import Storage


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    storage = Storage()
    runner = await storage.serve()
    yield storage
    storage.end()
    await runner.cleanup()


@pytest.fixture
def robot(storage: Storage) -> Robot:
    """A robot of its own for each test, since its name is a metric's label."""
    return Robot(
        client_id=f"ding{uuid.uuid4().hex[:8]}",
        client_secret=FixedSecret("the-robots-secret"),
        endpoint=storage.url,
        agent="faq:",
        card_template="template",
        card_content_key="msgContent",
    )


@pytest.fixture
def openapi(make_openapi: MakeOpenApi) -> OpenApi:
    return make_openapi(attempts=1)


@pytest.fixture
async def make_files(openapi: OpenApi, session: aiohttp.ClientSession, tmp_path: Path) -> AsyncIterator[MakeFiles]:
    made = []

    def make(
        *,
        timeout: float = 20.0,
        slots: asyncio.Semaphore | None = None,
        directory: Path = tmp_path,
        keep_for: float = 3600.0,
    ) -> Files:
        files = Files(
            openapi,
            session,
            directory,
            max_bytes=LIMIT,
            timeout=timeout,
            slots=slots or asyncio.Semaphore(4),
            keep_for=keep_for,
        )
        made.append(files)
        return files

    yield make
    for files in made:
        await files.close()


@pytest.fixture
def files(make_files: MakeFiles) -> Files:
    return make_files()
