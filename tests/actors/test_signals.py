"""Signals that cross each other: a report of rest and a new question, a look and a question that came after it."""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pykka import ActorRegistry

from actors.conversation import Conversation
from actors.core.backoff import Backoff
from actors.core.events import Finished, Progress, Text
from actors.core.question import Question
from actors.core.restart import Intensity
from actors.desk import Desk, Rules
from actors.inbox.memory import MemoryDelivery, MemoryInbox
from actors.lines import Line
from actors.messages import LookAgain, Resting, RobotAdded, RobotRemoved, Status, TellStatus, WorkArrived
from actors.robots import Policy
from actors.runtime.actor import Actor, Parent, Ref, tell
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.reactor import Reactor
from actors.supervisor import Supervisor
from tests.actors.slates import Slates, question
from tests.actors.test_effects import NoFiles

RULES = Rules(updates=20, min_interval=1, history=0, max_age=1e12, max_attempts=5, lease=15)


class Listener(Actor):
    """An actor that keeps what it is told for a test to look at."""

    def __init__(self, heard: "queue.Queue[object]", parent: Parent = lambda _: None) -> None:
        super().__init__(parent)
        self._heard = heard

    def handle(self, message: object) -> None:
        self._heard.put(message)


@dataclass
class Slow(MemoryInbox):
    """An inbox in which every look takes until the test lets it end."""

    looks: "queue.Queue[asyncio.Event]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        super().__init__()

    async def take(self, conversation: str) -> None:
        found = asyncio.Event()
        self.looks.put(found)
        await found.wait()


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    dispatcher = Dispatcher()
    dispatcher.start()
    yield dispatcher
    assert dispatcher.stop(5)


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    reactor = Reactor(lambda _: None)
    reactor.start()
    yield reactor
    reactor.stop(5)


def end(reactor: Reactor, look: asyncio.Event) -> None:
    async def found_nothing() -> None:
        look.set()

    reactor.submit(found_nothing()).result(5)


def test_a_conversation_that_is_told_during_a_look_looks_again_before_it_rests(
    reactor: Reactor, dispatcher: Dispatcher
) -> None:
    heard: queue.Queue[object] = queue.Queue()
    supervisor = Listener.start(heard)
    inbox = Slow()
    running = asyncio.Semaphore(1)
    conversation = Conversation.start(
        supervisor,
        "ding1::li",
        dispatcher=dispatcher,
        reactor=reactor,
        inbox=inbox,
        desks={},
        rules=RULES,
        running=running,
    )
    first = inbox.looks.get(timeout=10)
    tell(conversation, LookAgain())
    end(reactor, first)
    end(reactor, inbox.looks.get(timeout=10))
    assert heard.get(timeout=10) == Resting("ding1::li", conversation, seen=1)
    conversation.stop()
    supervisor.stop()


class TakenElsewhere(MemoryInbox):
    """An inbox from which another replica takes whatever comes after the first question."""

    async def take(self, conversation: str) -> MemoryDelivery | None:
        return await super().take(conversation) if not any(e.attempt for e in self.entries.values()) else None


class Stuck(Slates):
    """A robot for which a place in line is shown for ever: `broken_off` is set when nobody waits for that any more."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.broken_off = threading.Event()

    async def put(self, call: str, message_id: str, what: str) -> None:
        if message_id == "m1":
            return
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.broken_off.set()


def test_a_line_that_another_replica_goes_on_with_is_shown_no_places_any_more(
    reactor: Reactor, dispatcher: Dispatcher
) -> None:
    supervisor = Listener.start(queue.Queue())
    inbox, slates = TakenElsewhere(), Stuck()

    async def begin() -> None:
        for name in ("m1", "m2"):
            await inbox.put(question(name), limit=8)

    async def answer(_: Question) -> AsyncGenerator[Progress, None]:
        await slates.begun.wait()
        yield Text("七天")
        yield Finished()

    reactor.submit(begin()).result(5)
    conversation = Conversation.start(
        supervisor,
        question("m1").conversation,
        dispatcher=dispatcher,
        reactor=reactor,
        inbox=inbox,
        desks={"ding1": Desk(slates, NoFiles(), answer, "scripted")},
        rules=RULES,
        running=asyncio.Semaphore(1),
    )
    assert slates.broken_off.wait(20)
    conversation.stop()
    supervisor.stop()


class NoReactor:
    """A reactor on which nothing ever comes of anything."""

    def run(self, coroutine: Coroutine[Any, Any, Any], **_: object) -> None:
        coroutine.close()

    def later(self, delay: float, to: Ref, message: object) -> "NoReactor":
        return self

    def release(self, ref: Ref) -> None:
        pass

    def cancel(self) -> None:
        pass


def test_a_report_of_rest_that_crossed_a_signal_counts_for_nothing() -> None:
    children: queue.Queue[Ref] = queue.Queue()

    def converse(supervisor: Ref, conversation: str) -> Ref:
        child: Ref = Listener.start(queue.Queue())
        children.put(child)
        return child

    start: Callable[[Ref], Ref] = lambda _: Listener.start(queue.Queue())  # noqa: E731
    supervisor = Supervisor.start(
        lambda _: None,
        NoReactor(),
        MemoryInbox(),
        robots=["ding1"],
        lines_of=lambda robot: [Line(robot, 0, start)],
        converse=converse,
        decline=lambda _: None,
        policy=Policy(Backoff(1, 2, 60, 1), 60, Intensity(5, 300), idle=600, most_conversations=10),
    )
    tell(supervisor, WorkArrived("ding1", "ding1::li"))
    child = children.get(timeout=10)
    tell(supervisor, WorkArrived("ding1", "ding1::li"))
    tell(supervisor, Resting("ding1::li", child, seen=0))
    crossed = supervisor.ask(TellStatus(), timeout=10)
    tell(supervisor, Resting("ding1::li", child, seen=1))
    rested = supervisor.ask(TellStatus(), timeout=10)
    assert isinstance(crossed, Status)
    assert isinstance(rested, Status)
    assert (crossed.resting, rested.resting) == (0, 1)
    child.stop()
    supervisor.stop()


class Reluctant(Listener):
    """A connection that ends when it is let go."""

    def __init__(self, let_go: threading.Event, parent: Parent) -> None:
        super().__init__(queue.Queue(), parent)
        self._let_go = let_go

    def cleanup(self) -> None:
        assert self._let_go.wait(20)


@dataclass
class Troupe:
    """A supervisor of one robot, whose connections end when they are let go."""

    started: "queue.Queue[Ref]" = field(default_factory=queue.Queue)
    over: "queue.Queue[str]" = field(default_factory=queue.Queue)
    let_go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.supervisor: Ref = Supervisor.start(
            lambda _: None,
            NoReactor(),
            MemoryInbox(),
            robots=["ding1"],
            lines_of=lambda robot: [Line(robot, 0, self._connect)],
            converse=lambda *_: NotImplemented,
            decline=lambda _: None,
            policy=Policy(Backoff(1, 2, 60, 1), 60, Intensity(5, 300), idle=600, most_conversations=10),
        )

    def _connect(self, supervisor: Ref) -> Ref:
        child: Ref = Reluctant.start(self.let_go, supervisor)
        self.started.put(child)
        return child

    def added(self) -> None:
        tell(self.supervisor, RobotAdded("ding1"))

    def removed(self, which: str) -> None:
        tell(self.supervisor, RobotRemoved("ding1", lambda: self.over.put(which)))

    @property
    def connections(self) -> int:
        status = self.supervisor.ask(TellStatus(), timeout=10)
        assert isinstance(status, Status)
        return len(status.connections)


@pytest.fixture
def troupe() -> Iterator[Troupe]:
    troupe = Troupe()
    yield troupe
    troupe.let_go.set()
    ActorRegistry.stop_all(timeout=20)


def test_a_robot_that_is_put_back_before_its_connection_has_ended_is_connected_after_that(troupe: Troupe) -> None:
    troupe.added()
    first = troupe.started.get(timeout=10)
    troupe.removed("first")
    troupe.added()
    assert troupe.over.get(timeout=10) == "first"
    assert troupe.started.empty()
    troupe.let_go.set()
    second = troupe.started.get(timeout=10)
    assert (first.is_alive(), second.is_alive(), troupe.connections) == (False, True, 1)


def test_a_robot_that_is_put_back_and_removed_again_is_gone(troupe: Troupe) -> None:
    troupe.added()
    troupe.started.get(timeout=10)
    troupe.removed("first")
    troupe.added()
    troupe.removed("second")
    troupe.let_go.set()
    assert [troupe.over.get(timeout=10) for _ in range(2)] == ["first", "second"]
    assert (troupe.connections, troupe.started.empty()) == (0, True)


def test_a_robot_that_is_removed_before_its_connection_has_begun_is_gone(troupe: Troupe) -> None:
    troupe.removed("first")
    assert troupe.over.get(timeout=10) == "first"
    assert troupe.connections == 0
