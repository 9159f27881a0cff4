"""The inbox adapters that the contract suite runs over. An adapter that comes later is one more entry here."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from actors.inbox.memory import MemoryInbox
from actors.inbox.memory_archive import MemoryArchive
from actors.inbox.port import Archive, Inbox
from actors.inbox.sqlite import SqliteInbox
from actors.inbox.sqlite_archive import SqliteArchive
from tests.contract.stories import DEDUPE_WINDOW, LEASE, RETENTION, Clock

OpenInbox = Callable[[], Awaitable[Inbox]]


async def open_memory(_: Path, clock: Clock) -> Inbox:
    """A store that ends with its object."""
    return MemoryInbox(lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION, clock=clock)


async def open_sqlite(folder: Path, clock: Clock) -> Inbox:
    """A store in a file."""
    path = folder / "inbox.db"
    return await SqliteInbox.open(path, lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION, clock=clock)


async def open_memory_archive(inbox: Inbox, _: Path, __: Clock) -> Archive:
    """The archive of a store that ends with its object."""
    assert isinstance(inbox, MemoryInbox)
    return MemoryArchive(inbox)


async def open_sqlite_archive(_: Inbox, folder: Path, clock: Clock) -> Archive:
    """The archive of a store in a file, beside the inbox that holds it."""
    return await SqliteArchive.open(folder / "inbox.db", clock=clock)


DURABLE = {"sqlite": open_sqlite}
ADAPTERS = {"memory": open_memory, **DURABLE}
ARCHIVES = {"memory": open_memory_archive, "sqlite": open_sqlite_archive}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def inbox(adapter: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Inbox]:
    """A fresh inbox, once for each adapter."""
    inbox = await ADAPTERS[adapter](tmp_path, clock)
    yield inbox
    await inbox.close()


@pytest.fixture
async def archive(adapter: str, inbox: Inbox, tmp_path: Path, clock: Clock) -> AsyncIterator[Archive]:
    """What an operator sees of that inbox."""
    archive = await ARCHIVES[adapter](inbox, tmp_path, clock)
    yield archive
    await archive.close()


@pytest.fixture(params=DURABLE)
async def open_inbox(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[OpenInbox]:
    """Opens the same durable store again and again."""
    async with AsyncExitStack() as opened:

        async def open_again() -> Inbox:
            inbox = await DURABLE[request.param](tmp_path, clock)
            opened.push_async_callback(inbox.close)
            return inbox

        yield open_again
