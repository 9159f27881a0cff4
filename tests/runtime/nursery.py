"""A supervisor for tests: does what it is told, notes what its hooks are told, and holds its clock in its hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, ClassVar

import pykka

from actors.core.backoff import Backoff
from actors.core.restart import ChildSpec, Decision, Intensity, Restart
from actors.errors import ConnectionTrouble
from actors.runtime.actor import Ref, Terminated, tell
from actors.runtime.supervision import Healthy, StartChild, Supervising, Timers
from tests.runtime.troupe import PATIENCE, Chronicle, Do, HandTimers, Note, Player, fail

TROUBLE = ConnectionTrouble("lost", "")
CRASH = ZeroDivisionError("a bug")


class Nursery(Supervising):
    """Runs what it is handed (`Do`) on its own thread, and keeps a diary of its hooks."""

    patience: ClassVar[float] = PATIENCE

    def __init__(self, parent: Chronicle, timers: Timers, clock: Callable[[], float], diary: SimpleQueue[Any]) -> None:
        super().__init__(parent, timers, clock=clock, random=lambda: 0.0)
        self._diary = diary

    def handle(self, message: object) -> object:
        if isinstance(message, Do):
            return message.action(self)
        return super().handle(message)

    def child_started(self, name: str, ref: Ref) -> None:
        self._diary.put(("started", name))

    def child_ended(self, name: str, terminated: Terminated, decision: Decision) -> None:
        self._diary.put(("ended", name, terminated.reason, decision))

    def child_escalated(self, name: str) -> None:
        self._diary.put(("escalated", name))
        super().child_escalated(name)

    def all_stopped(self, leaked: tuple[str, ...]) -> None:
        self._diary.put(("all stopped", leaked))


class Supervised:
    """A running nursery as a test sees it: from outside, step by step."""

    def __init__(self, kind: type[Nursery] = Nursery) -> None:
        self.now = 1000.0
        self.timers = HandTimers()
        self.chronicle = Chronicle()
        self.diary: SimpleQueue[Any] = SimpleQueue()
        self.ref: Ref = kind.start(self.chronicle, self.timers, lambda: self.now, self.diary)

    def does(self, action: Callable[[Nursery], object]) -> Any:
        """Have the supervisor do something, after all it has been told so far."""
        return self.ref.ask(Do(action), timeout=PATIENCE)

    def begins(self, *specs: ChildSpec[Ref]) -> None:
        """Start children and turn the page of the diary."""
        self.does(lambda nursery: [nursery.begin(spec) for spec in specs])
        for _ in specs:
            assert self.next()[0] == "started"

    def child(self, name: str) -> Ref:
        """A child's present incarnation."""
        ref = self.does(lambda nursery: nursery.children[name].ref)
        assert isinstance(ref, pykka.ActorRef)
        return ref

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of all rows."""
        return tuple(self.does(lambda nursery: tuple(nursery.children)))

    def next(self) -> Any:
        """The next line of the diary."""
        return self.diary.get(timeout=PATIENCE)

    @property
    def quiet(self) -> bool:
        """Whether the diary has no line more, once all that was told is handled."""
        self.does(lambda nursery: None)
        try:
            self.diary.get_nowait()
        except Empty:
            return True
        return False

    def end_of(self, name: str, error: BaseException | None) -> Any:
        """A child ends by itself, in an error or without; returns what the diary says of that."""
        ref = self.child(name)
        tell(ref, Do(Player.stop if error is None else fail(error)))
        return self.next()

    def wait_is_over(self) -> Any:
        """The oldest wait for a start is over; returns what the diary says of that."""
        self.timers.fire(StartChild)
        return self.next()

    def is_healthy_for(self, name: str, seconds: float) -> None:
        """A child says that it is healthy, and time goes by."""
        tell(self.ref, Healthy(self.child(name)))
        self.does(lambda nursery: None)
        self.now += seconds


def spec(name: str, **fields: Any) -> ChildSpec[Ref]:
    """A permanent child that waits 1, 2, 4, … seconds, and may crash twice in 100 s."""
    usual: dict[str, Any] = {
        "start": Player.start,
        "restart": Restart.PERMANENT,
        "intensity": Intensity(limit=2, period=100.0),
        "backoff": Backoff(initial=1.0, multiplier=2.0, maximum=60.0, jitter=1.0),
        "shutdown": 5.0,
    }
    return ChildSpec(name, **(usual | fields))


@contextmanager
def stuck(ref: Ref) -> Iterator[None]:
    """A child that handles one message for as long as this lasts, and so cannot stop."""
    door: SimpleQueue[None] = SimpleQueue()
    reached: SimpleQueue[None] = SimpleQueue()

    def wait(_: Player) -> None:
        reached.put(None)
        door.get(timeout=PATIENCE)

    tell(ref, Do(wait))
    reached.get(timeout=PATIENCE)
    try:
        yield
    finally:
        door.put(None)


def answers(ref: Ref) -> bool:
    """Whether an actor is there."""
    return bool(ref.ask(Note("are you there?"), timeout=PATIENCE) == "noted")
