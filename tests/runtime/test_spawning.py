"""What it takes to bring an actor to life."""

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from actors.runtime.actor import Actor


class Newborn(Actor):
    """Says when it lives."""

    lives: threading.Event

    def setup(self) -> None:
        type(self).lives.set()

    def handle(self, message: Any) -> object:
        return message


@pytest.fixture
def undisturbed() -> Iterator[None]:
    """No thread has to give way to another one, until it waits for something."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("undisturbed")
def test_who_spawns_an_actor_does_not_wait_until_it_runs() -> None:
    Newborn.lives = threading.Event()
    ref = Newborn.start(lambda _: None)
    lived_already = Newborn.lives.is_set()
    assert Newborn.lives.wait(20)
    ref.stop()
    assert not lived_already
