"""What these tests share. Every one begins and ends without an actor."""

import gc
from collections.abc import Callable, Iterator

import pykka
import pytest

from actors.runtime.actor import Ref
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.reactor import Reactor
from tests.runtime.troupe import PATIENCE, Chronicle, Guest, Player, eventually, threads_of


@pytest.fixture(autouse=True)
def _no_actor_is_left() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all(block=True, timeout=PATIENCE)
    eventually(lambda: threads_of(Player) == 0, "all threads of actors have ended")


@pytest.fixture
def chronicle() -> Chronicle:
    return Chronicle()


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    dispatcher = Dispatcher()
    dispatcher.start()
    yield dispatcher
    pykka.ActorRegistry.stop_all(block=True, timeout=PATIENCE)
    assert dispatcher.stop(PATIENCE)


@pytest.fixture(params=["on a thread of its own", "on a dispatcher's thread"])
def start(request: pytest.FixtureRequest) -> Callable[..., Ref]:
    """Starts a player; wherever an actor lives, its life is the same."""
    if "own" in request.param:
        return Player.start
    dispatcher = request.getfixturevalue("dispatcher")
    return lambda parent, **how: Guest.start(parent, dispatcher, **how)


@pytest.fixture
def bystander(start: Callable[..., Ref]) -> Ref:
    """An actor that has nothing to do with what happens."""
    return start(lambda death: None)


@pytest.fixture
def deaths() -> list[Exception]:
    """The reactor's own deaths."""
    return []


@pytest.fixture
def reactor(deaths: list[Exception]) -> Iterator[Reactor]:
    reactor = Reactor(deaths.append)
    reactor.start()
    yield reactor
    assert reactor.stop(PATIENCE)
    gc.collect()  # what was left open or never awaited warns now, and fails the test


@pytest.fixture
def actor() -> Ref:
    return Player.start(lambda death: None)
