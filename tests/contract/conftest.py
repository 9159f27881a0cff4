"""The inbox adapters that the contract suite runs over. An adapter that comes later is one more entry here."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from actors.inbox.memory import MemoryInbox
from actors.inbox.memory_archive import MemoryArchive
from actors.inbox.port import Archive, Inbox
from actors.inbox.postgresql_archive import PostgresqlArchive
from actors.inbox.postgresql_inbox import PostgresqlInbox
from actors.inbox.sqlite import SqliteInbox
from actors.inbox.sqlite_archive import SqliteArchive
from tests.cluster.postgres import Server, served
from tests.contract.stories import DEDUPE_WINDOW, LEASE, RETENTION, Clock

OpenInbox = Callable[[], Awaitable[Inbox]]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ground:
    """Where the stores of one test may stand: a folder, and a schema of a real database."""

    folder: Path
    url: str = ""


Grounds = Callable[[str], Ground]


async def open_memory(_: Ground, clock: Clock) -> Inbox:
    """A store that ends with its object."""
    return MemoryInbox(lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION, clock=clock)


async def open_sqlite(ground: Ground, clock: Clock) -> Inbox:
    """A store in a file."""
    path = ground.folder / "inbox.db"
    return await SqliteInbox.open(path, lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION, clock=clock)


async def open_postgresql(ground: Ground, clock: Clock) -> Inbox:
    """A store in a database."""
    return await PostgresqlInbox.open(
        ground.url, pool=4, lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION, clock=clock
    )


async def open_memory_archive(inbox: Inbox, _: Ground, __: Clock) -> Archive:
    """The archive of a store that ends with its object."""
    assert isinstance(inbox, MemoryInbox)
    return MemoryArchive(inbox)


async def open_sqlite_archive(_: Inbox, ground: Ground, clock: Clock) -> Archive:
    """The archive of a store in a file, beside the inbox that holds it."""
    return await SqliteArchive.open(ground.folder / "inbox.db", clock=clock)


async def open_postgresql_archive(_: Inbox, ground: Ground, clock: Clock) -> Archive:
    """The archive of a store in a database."""
    return await PostgresqlArchive.open(ground.url, clock=clock)


DURABLE = {"sqlite": open_sqlite, "postgresql": open_postgresql}
ADAPTERS = {"memory": open_memory, **DURABLE}
ARCHIVES = {"memory": open_memory_archive, "sqlite": open_sqlite_archive, "postgresql": open_postgresql_archive}


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL for all tests of this process; it forgets at a crash, which nobody here waits for."""
    with served("fsync=off") as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def grounds(tmp_path: Path, request: pytest.FixtureRequest) -> Grounds:
    """Grounds on which nobody has built yet; a database is started only where one is asked for."""

    def new(adapter: str) -> Ground:
        name = f"ground{next(_numbers)}"
        folder = tmp_path / name
        folder.mkdir()
        if adapter != "postgresql":
            return Ground(folder)
        server: Server = request.getfixturevalue("postgresql")
        server.execute(f"CREATE SCHEMA {name}")
        return Ground(folder, server.url(schema=name))

    return new


@pytest.fixture
def ground(adapter: str, grounds: Grounds) -> Ground:
    return grounds(adapter)


@pytest.fixture
async def inbox(adapter: str, ground: Ground, clock: Clock) -> AsyncIterator[Inbox]:
    """A fresh inbox, once for each adapter."""
    inbox = await ADAPTERS[adapter](ground, clock)
    yield inbox
    await inbox.close()


@pytest.fixture
async def archive(adapter: str, inbox: Inbox, ground: Ground, clock: Clock) -> AsyncIterator[Archive]:
    """What an operator sees of that inbox."""
    archive = await ARCHIVES[adapter](inbox, ground, clock)
    yield archive
    await archive.close()


@pytest.fixture(params=DURABLE)
async def open_inbox(request: pytest.FixtureRequest, grounds: Grounds, clock: Clock) -> AsyncIterator[OpenInbox]:
    """Opens the same durable store again and again."""
    ground = grounds(request.param)
    async with AsyncExitStack() as opened:

        async def open_again() -> Inbox:
            inbox = await DURABLE[request.param](ground, clock)
            opened.push_async_callback(inbox.close)
            return inbox

        yield open_again
