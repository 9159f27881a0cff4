"""A real PostgreSQL for the tests of many replicas."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.inbox import move
from tests.cluster.postgres import Server, served
from tests.cluster.stores import Make, Store

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server for all tests of this process; it forgets at a crash, which nobody here waits for."""
    with served("fsync=off") as server:
        yield server


@pytest.fixture
def url(postgresql: Server) -> str:
    """A schema that nobody has used."""
    name = f"cluster{next(_numbers)}"
    postgresql.execute(f"CREATE SCHEMA {name}")
    return postgresql.url(schema=name)


@pytest.fixture
def crashing() -> Iterator[Server]:
    """A server that may be killed: what it says is stored is on the disk."""
    with served() as server:
        yield server


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Make:
    """Places for inboxes, in a file or in a database."""

    def make(engine: str) -> Store:
        name = f"moved{next(_numbers)}"
        if engine == "sqlite":
            return Store(f"sqlite:///{tmp_path}/{name}.db")
        server: Server = request.getfixturevalue("postgresql")
        server.execute(f"CREATE SCHEMA {name}")
        return Store(server.url(schema=name))

    return make


@pytest.fixture
def file(make: Make) -> Store:
    return make("sqlite")


@pytest.fixture
def database(make: Make) -> Store:
    return make("postgresql")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A story makes several."""
    monkeypatch.setattr(move, "_SLICE", 2)
