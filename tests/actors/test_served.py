"""Who still uses what was a robot's before: it is given up once, and not while anybody may be at it."""

from collections.abc import Iterator

import pytest
from pykka import ActorRegistry

from actors.runtime.actor import Actor, Ref
from actors.served import Served


class Nobody(Actor):
    """Somebody with a ref."""

    def handle(self, message: object) -> None: ...


@pytest.fixture
def refs() -> Iterator[list[Ref]]:
    refs: list[Ref] = [Nobody.start(lambda _: None) for _ in range(2)]
    yield refs
    ActorRegistry.stop_all()


def test_a_desk_that_nobody_is_at_is_given_up_at_once() -> None:
    over: list[str] = []
    Served(["a"]).give_up_desk([], lambda: over.append("desk"))
    assert over == ["desk"]


def test_a_desk_is_given_up_when_the_last_has_left(refs: list[Ref]) -> None:
    served, over = Served(["a"]), list[str]()
    number = served.give_up_desk(refs, lambda: over.append("desk"))
    served.desk_left(number, refs[0])
    assert over == []
    served.desk_left(number, refs[1])
    assert over == ["desk"]


def test_who_dies_has_left_all_desks(refs: list[Ref]) -> None:
    served, over = Served(["a"]), list[str]()
    served.give_up_desk(refs[:1], lambda: over.append("first"))
    served.give_up_desk(refs[:1], lambda: over.append("second"))
    served.conversation_ended(refs[1])
    served.conversation_ended(None)
    assert over == []
    served.conversation_ended(refs[0])
    assert over == ["first", "second"]


def test_leaving_twice_gives_up_once(refs: list[Ref]) -> None:
    served, over = Served(["a"]), list[str]()
    number = served.give_up_desk(refs[:1], lambda: over.append("desk"))
    served.desk_left(number, refs[0])
    served.desk_left(number, refs[0])
    served.conversation_ended(refs[0])
    assert over == ["desk"]


def test_a_robot_that_leaves_is_served_until_it_has_left() -> None:
    served, over = Served(["a"]), list[str]()
    served.remove("a", lambda: over.append("robot"))
    assert ("a" in served, served.is_leaving("a"), served.robots) == (True, True, ())
    served.left("a")
    assert ("a" in served, over) == (False, ["robot"])


def test_a_robot_that_comes_back_while_it_leaves_stays() -> None:
    served, over = Served(["a"]), list[str]()
    served.remove("a", lambda: over.append("robot"))
    former = served.add("a")
    assert (served.is_leaving("a"), served.robots, over) == (False, ("a",), [])
    assert former is not None
    former()
    assert over == ["robot"]


def test_a_robot_that_is_new_replaces_nothing() -> None:
    served = Served(["a"])
    assert served.add("b") is None
    assert served.robots == ("a", "b")
