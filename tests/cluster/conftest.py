"""A real PostgreSQL for the tests of many replicas."""

import itertools
from collections.abc import Iterator

import pytest

from tests.cluster.postgres import Server, served

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
