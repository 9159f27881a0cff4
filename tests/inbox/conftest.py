"""One inbox file and ways to open it; whatever a test opened is closed after it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from actors.inbox.sqlite import SqliteInbox
from tests.contract.stories import DEDUPE_WINDOW, LEASE, RETENTION, Clock

OpenFile = Callable[[Path], Awaitable[SqliteInbox]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.db"


@pytest.fixture
async def open_file() -> AsyncIterator[OpenFile]:
    async with AsyncExitStack() as opened:

        async def open_one(path: Path) -> SqliteInbox:
            inbox = await SqliteInbox.open(
                path, lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION, clock=Clock()
            )
            opened.push_async_callback(inbox.close)
            return inbox

        yield open_one


@pytest.fixture
async def inbox(open_file: OpenFile, path: Path) -> SqliteInbox:
    return await open_file(path)
