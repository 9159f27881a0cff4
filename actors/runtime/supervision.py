"""A supervisor of any children: starts them, starts them again, rolls them, stops them in order.

The law: a child's life is a row in a table, and every change of it is a message. What a death is worth is decided by
`core.restart`; a wait is a message that comes later and never a sleep; a stop is a state that ends when the last death
has been told. Rows are found by the ref that died and never by name, so that a former incarnation's late death changes
nothing. What the children do is not known here.
"""

import itertools
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

import pykka

from actors.core.frozen import frozen
from actors.core.restart import ChildSpec, Decision, Escalate, Forget, History, RestartAfter, decide, decide_roll
from actors.errors import ServiceError
from actors.runtime.actor import Actor, Parent, Reason, Ref, Terminated, as_exception, tell

log = logging.getLogger(__name__)


class Timers(Protocol):
    """What a supervisor needs of the reactor."""

    def later(self, delay: float, to: Ref, message: object) -> object:
        """Tell `to` the message in `delay` seconds."""
        ...

    def release(self, ref: Ref) -> object:
        """Drop all that runs for a dead actor."""
        ...


class Escalated(ServiceError):
    """A child crashed too often, and so its supervisor ends: the error that the supervisor's parent is told."""


@frozen
class Healthy:
    """Told by a child: it does what it is for."""

    ref: Ref


@frozen
class StartChild:
    """The wait number `token` of a child is over."""

    id: str
    token: int


@frozen
class StopOverdue:
    """The time that a child had to stop is over; without a ref, the time that all had."""

    ref: Ref | None


@frozen
class GiveUp:
    """All children are gone after an escalation."""


class State(StrEnum):
    """What a row of the table is in."""

    RUNNING = "running"
    WAITING = "waiting"
    STOPPING = "stopping"
    PARKED = "parked"


@dataclass(slots=True, eq=False)
class Child:
    """A row of the table: the present incarnation (`ref`), and predecessors that are still on their way out."""

    spec: ChildSpec[Ref]
    state: State = State.WAITING
    history: History = field(default_factory=History)
    ref: Ref | None = None
    retiring: set[Ref] = field(default_factory=set)
    token: int = 0

    @property
    def refs(self) -> set[Ref]:
        """All of it that lives."""
        return self.retiring if self.ref is None else {self.ref, *self.retiring}


@frozen
class StartFailed:
    """A child could not be started. Told, so that starting it again from a hook is a loop with an exit."""

    child: Child
    error: Exception


class Supervising(Actor):
    """Base of supervisors.

    A subclass calls the verbs from its own thread (in `setup`, `handle` and the hooks), overrides the hooks it cares
    for, and passes the messages that are not its own on to `super().handle`. `name` is always a child's id.
    """

    patience: ClassVar[float] = 10.0
    """Seconds that children have to stop in when this supervisor gives up or fails."""

    def __init__(
        self,
        parent: Parent,
        timers: Timers,
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(parent)
        self.children: dict[str, Child] = {}
        self.stopping = False
        self.escalation: str | None = None
        self._timers = timers
        self._clock = clock
        self._random = random
        self._rows: dict[Ref, Child] = {}
        self._stage: set[Ref] = set()
        self._leaked: list[str] = []
        self._tokens = itertools.count(1)

    # The hooks.

    def child_started(self, name: str, ref: Ref) -> None:
        """A child lives, for the first time or again."""

    def child_ended(self, name: str, terminated: Terminated, decision: Decision) -> None:
        """A child's present incarnation died or could not be started, and this follows from it.

        After `Forget` the row is gone, and the same id may begin anew; after `FAILED_START` better not at once. The end
        of a predecessor, and of a row with nobody alive, is not told.
        """

    def child_gone(self, name: str) -> None:
        """A child that rolled has ended before its successor may start: nothing of it lives now."""

    def child_escalated(self, name: str) -> None:
        """A child crashed more often than its intensity allows, and is parked. By default all give up."""
        self.escalate(f"{name} crashed too often")

    def order_stop(self, name: str, ref: Ref) -> None:
        """Make a child stop, at once by default; a subclass may have gentler words. They may come more than once."""
        ref.stop(block=False)

    def all_stopped(self, leaked: tuple[str, ...]) -> None:
        """The ordered stop is over; `leaked` are the ids of all children ever that did not stop in time."""

    def child_forgotten(self, name: str) -> None:
        """Nothing of a child is left but what `child_ended` may be about to tell; the same id may begin anew."""

    # The verbs.

    def begin(self, spec: ChildSpec[Ref]) -> bool:
        """Start a child; False while stopping. A start that fails is handled as the child's death, a message later.

        Raises:
            ValueError: there is a child of this id.
        """
        if self.stopping:
            return False
        if spec.id in self.children:
            raise ValueError(f"there is a child {spec.id!r} already")
        self.children[spec.id] = child = Child(spec)
        self._start(child)
        return True

    def roll(self, name: str, ref: Ref) -> RestartAfter | None:
        """Start a successor while `ref` lives on until its own end; None if `ref` is not the present incarnation."""
        child = self.children.get(name)
        if self.stopping or child is None or child.ref is not ref or child.state is not State.RUNNING:
            return None
        decision, child.history = decide_roll(child.spec, child.history, now=self._clock(), random=self._random)
        child.retiring.add(ref)
        child.ref = None
        self._wait(child, decision.delay)
        return decision

    def succeed(self, name: str) -> None:
        """Start a successor at once, with the past forgotten, also of a child that waits or is parked. Who lives goes
        on until its own end, or `stop_predecessors`."""
        child = self.children.get(name)
        if self.stopping or child is None or child.state is State.STOPPING:
            return
        child.retiring = child.refs
        child.ref, child.history = None, History()
        child.state, child.token = State.WAITING, next(self._tokens)
        self._start(child)

    def stop_predecessors(self, name: str) -> None:
        """Stop whom the present incarnation of a child succeeded."""
        if (child := self.children.get(name)) is not None:
            self._order(child, child.retiring)

    def end(self, name: str) -> None:
        """Stop a child and forget it."""
        if (child := self.children.get(name)) is not None:
            self._stop_child(child, State.STOPPING)

    def park(self, name: str) -> None:
        """Stop a child and keep its row, so that it stays known as parked."""
        if (child := self.children.get(name)) is not None:
            self._stop_child(child, State.PARKED)

    @property
    def parked(self) -> tuple[str, ...]:
        """The ids of the children that are parked."""
        return tuple(name for name, child in self.children.items() if child.state is State.PARKED)

    def escalate(self, reason: str) -> None:
        """Give up: stop all children, then end as failed, with `Escalated(reason)`."""
        self.escalation = reason
        log.error("supervisor gives up: %s", reason, extra={"action": "escalated", "reason": reason})
        self.begin_stop(self.patience)

    def begin_stop(self, within: float) -> None:
        """Stop all children stage by stage, then this supervisor; what takes more than `within` seconds is leaked."""
        if not self.stopping:
            self.stopping = True
            self._timers.later(within, self.actor_ref, StopOverdue(None))
            self._stop_stage()

    # The machine.

    def handle(self, message: object) -> object:
        match message:
            case Terminated(ref=pykka.ActorRef() as ref):
                self._terminated(ref, message)
            case StartChild(name, token):
                child = self.children.get(name)
                if child is not None and child.state is State.WAITING and child.token == token and not self.stopping:
                    self._start(child)
            case StartFailed(child, error):
                if self.children.get(child.spec.id) is child:
                    self._report(error, child=child.spec.id)
                    self._ended(child, Terminated(None, Reason.FAILED_START, error))
            case Healthy(ref):
                child = self._rows.get(ref)
                if child is not None and child.ref is ref:
                    child.history = child.history.healthy(self._clock())
            case StopOverdue(ref):
                self._overdue(ref)
            case GiveUp():
                raise Escalated(self.escalation)
            case _:
                log.warning("unexpected %s", type(message).__name__, extra={"action": "message_unexpected"})
        return None

    def cleanup(self) -> None:
        """Stop the children that are left, which there are only if this supervisor failed."""
        deadline = self._clock() + self.patience
        endings = [(name, ref, ref.stop(block=False)) for name, child in self.children.items() for ref in child.refs]
        for name, ref, ending in endings:
            try:
                ending.get(timeout=max(0.0, deadline - self._clock()))
            except pykka.Timeout:
                self._note_leak(name)
            self._timers.release(ref)
        self._timers.release(self.actor_ref)

    def _start(self, child: Child) -> None:
        try:
            ref = child.spec.start(self.actor_ref)
        except BaseException as raised:  # noqa: BLE001 - the child's failure must not be the supervisor's
            tell(self.actor_ref, StartFailed(child, as_exception(raised)))
            return
        child.ref, child.state = ref, State.RUNNING
        self._rows[ref] = child
        self.child_started(child.spec.id, ref)

    def _wait(self, child: Child, delay: float) -> None:
        child.state, child.token = State.WAITING, next(self._tokens)
        self._timers.later(delay, self.actor_ref, StartChild(child.spec.id, child.token))

    def _terminated(self, ref: Ref, message: Terminated) -> None:
        self._timers.release(ref)
        child = self._rows.pop(ref, None)
        if child is None:
            return
        if ref is child.ref:
            child.ref = None
            self._ended(child, message)
        else:
            child.retiring.discard(ref)
            self._settle(child)
            if child.state is State.WAITING and not child.refs:
                self.child_gone(child.spec.id)
        if ref in self._stage:
            self._stage.remove(ref)
            if not self._stage:
                self._stop_stage()

    def _ended(self, child: Child, message: Terminated) -> None:
        decision: Decision = Forget()
        if child.state not in (State.STOPPING, State.PARKED) and not self.stopping:
            decision, child.history = decide(
                child.spec, child.history, message.error, now=self._clock(), random=self._random
            )
        match decision:
            case RestartAfter(delay):
                self._wait(child, delay)
            case Escalate():
                child.state = State.PARKED
            case Forget() if child.state is not State.PARKED:
                child.state = State.STOPPING
        self._settle(child)
        self.child_ended(child.spec.id, message, decision)
        if isinstance(decision, Escalate):
            self.child_escalated(child.spec.id)

    def _settle(self, child: Child) -> None:
        if child.state is State.STOPPING and not child.refs:
            del self.children[child.spec.id]
            self.child_forgotten(child.spec.id)

    def _stop_child(self, child: Child, state: State) -> None:
        child.state = state
        self._order(child, child.refs)
        self._settle(child)

    def _order(self, child: Child, refs: set[Ref]) -> None:
        for ref in refs:
            self.order_stop(child.spec.id, ref)
            self._timers.later(child.spec.shutdown, self.actor_ref, StopOverdue(ref))

    def _stop_stage(self) -> None:
        if not self._rows:
            self.all_stopped(tuple(self._leaked))
            if self.escalation is None:
                self.stop()
            else:
                tell(self.actor_ref, GiveUp())
            return
        highest = max(child.spec.stage for child in self._rows.values())
        self._stage = {ref for ref, child in self._rows.items() if child.spec.stage == highest}
        for child in {self._rows[ref] for ref in self._stage}:
            self._stop_child(child, State.STOPPING)

    def _overdue(self, ref: Ref | None) -> None:
        # Higher stages first: with the last of a stage given up, the next is told to stop before it is given up too.
        for late in [ref] if ref else sorted(self._rows, key=lambda ref: -self._rows[ref].spec.stage):
            if (child := self._rows.get(late)) is not None:
                self._note_leak(child.spec.id)
                self._terminated(late, Terminated(late, Reason.LEAKED))

    def _note_leak(self, name: str) -> None:
        self._leaked.append(name)
        log.error("%s does not stop and is left behind", name, extra={"action": "child_leaked", "child": name})
