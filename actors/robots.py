"""The supervisor's half that serves robots: keeps each connected, and has robots come, change and go while it runs.

The law: connections are permanent and come back with backoff; one that is replaced goes on until its successor is
accepted. A robot that goes is heard no longer and answers what it was asked; what somebody may still use of it is kept
until nobody does. Who converses is the other half's.
"""

import random
import time
from collections.abc import Callable, Collection, Sequence

from actors.core.backoff import Backoff
from actors.core.frozen import frozen
from actors.core.restart import ChildSpec, Decision, Intensity
from actors.lines import Line, Lines
from actors.messages import (
    ConnectionOpened,
    ConnectionRolling,
    DeskChanged,
    DeskLeft,
    OpenAgain,
    RobotAdded,
    RobotChanged,
    RobotRemoved,
)
from actors.runtime.actor import Parent, Ref, Terminated, tell
from actors.runtime.supervision import Supervising, Timers
from actors.served import Over, Served

CONNECTIONS, CONVERSATIONS = 0, 1
"""The stages of a stop: conversations go first, so that what they are owed still arrives."""

STOP_WITHIN = 5.0
"""Seconds that everything has to stop in."""


@frozen
class Policy:
    """How the tree is kept, by the settings; durations are seconds."""

    backoff: Backoff
    reset_after: float
    intensity: Intensity
    idle: float
    most_conversations: int


class Robots(Supervising):
    """Base of the supervisor. `lines_of` gives the lines of a robot."""

    def __init__(
        self,
        parent: Parent,
        timers: Timers,
        *,
        robots: Collection[str],
        lines_of: Callable[[str], Sequence[Line]],
        policy: Policy,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(parent, timers, clock=clock, random=chance)
        self._policy = policy
        self._lines = Lines(wall)
        self._lines_of = lines_of
        self._served = Served(robots)
        self._succeeded: set[str] = set()
        """The lines whose predecessors end when there is an accepted connection in their place."""
        for robot in robots:
            for line in lines_of(robot):
                self._lines.add(line)

    # What the other half is asked.

    def at_a_desk(self, robot: str) -> Sequence[Ref]:
        """The conversations of a robot that may be answering, and take their desk anew after that."""
        raise NotImplementedError

    def send_home(self, robot: str) -> None:
        """Stop the conversations of a robot that have nothing to do."""
        raise NotImplementedError

    def has_conversations(self, robot: str) -> bool:
        """Whether there are conversations of a robot."""
        raise NotImplementedError

    # What the other half asks and tells.

    def serves(self, robot: str) -> bool:
        """Whether questions to this robot are answered; those to one that is on its way out are, too."""
        return robot in self._served

    def is_leaving(self, robot: str) -> bool:
        """Whether a robot is on its way out."""
        return self._served.is_leaving(robot)

    def connect(self) -> None:
        """Open the connections of all robots."""
        for robot in self._served.robots:
            self._open(robot)

    def conversation_over(self, robot: str, ref: Ref | None) -> None:
        """A conversation of a robot is no more."""
        self._served.conversation_ended(ref)
        self._see_who_left(robot)

    # The machine.

    def handle(self, message: object) -> object:
        match message:
            case ConnectionOpened(name, ref):
                self._opened(name, ref)
            case ConnectionRolling(name, ref, reason):
                self._rolling(name, ref, reason)
            case RobotAdded(robot):
                self._robot_added(robot)
            case OpenAgain(robot):
                if robot in self._served.robots:
                    self._open(robot)
            case RobotChanged(robot, reconnect, over):
                self._robot_changed(robot, over, reconnect=reconnect)
            case RobotRemoved(robot, over):
                self._robot_removed(robot, over)
            case DeskLeft(number, ref):
                self._served.desk_left(number, ref)
            case _:
                return super().handle(message)
        return None

    def _robot_added(self, robot: str) -> None:
        former = self._served.add(robot)
        if former is not None:
            self._desk_changed(robot, former)
        self._open(robot)

    def _open(self, robot: str) -> None:
        for line in self._lines_of(robot):
            self._lines.add(line)
            if line.id not in self.children:  # one that is still ending is begun when it is forgotten
                self.begin(self._line_spec(line))

    def _robot_changed(self, robot: str, over: Over, *, reconnect: bool) -> None:
        self._desk_changed(robot, over)
        if reconnect or self._lines.is_parked(robot):
            for line in self._lines.of(robot):
                self._lines.begins_anew(line.id)
                self._succeeded.add(line.id)
                self.succeed(line.id)

    def _desk_changed(self, robot: str, over: Over) -> None:
        users = self.at_a_desk(robot)
        number = self._served.give_up_desk(users, over)
        for ref in users:
            tell(ref, DeskChanged(number))

    def _robot_removed(self, robot: str, over: Over) -> None:
        self._served.remove(robot, over)
        for line in self._lines.of(robot):
            if line.id in self.children:
                self.end(line.id)
            else:  # it was still to begin
                self._lines.remove(line.id)
        self.send_home(robot)
        self._see_who_left(robot)

    def _see_who_left(self, robot: str) -> None:
        if self.is_leaving(robot) and not self._lines.of(robot) and not self.has_conversations(robot):
            self._served.left(robot)

    def _line_spec(self, line: Line) -> ChildSpec[Ref]:
        return ChildSpec(
            line.id,
            line.start,
            backoff=self._policy.backoff,
            reset_after=self._policy.reset_after,
            intensity=self._policy.intensity,
            stage=CONNECTIONS,
            shutdown=STOP_WITHIN,
        )

    def _opened(self, child: str, ref: Ref) -> None:
        if self._current(child) is ref:
            self._lines.opened(child)
            if child in self._succeeded:
                self._succeeded.discard(child)
                self.stop_predecessors(child)

    def _rolling(self, child: str, ref: Ref, reason: str) -> None:
        decision = self.roll(child, ref)
        if decision is not None:
            self._lines.rolls(child, reason, decision.delay)

    def _current(self, child: str) -> Ref | None:
        return self.children[child].ref if child in self.children else None

    def child_started(self, name: str, ref: Ref) -> None:
        if name in self._lines:
            self._lines.starting(name)

    def child_ended(self, name: str, terminated: Terminated, decision: Decision) -> None:
        if name in self._lines:
            self._lines.ended(name, terminated.error, decision)

    def child_gone(self, name: str) -> None:
        if name in self._lines:
            self._lines.gone(name)

    def child_forgotten(self, name: str) -> None:
        """A line that ends on order ends for good, unless its robot came back meanwhile."""
        if name in self._lines and not self.stopping:
            self._succeeded.discard(name)
            robot = self._lines.remove(name)
            if self._served.is_leaving(robot):
                self._see_who_left(robot)
            else:
                tell(self.actor_ref, OpenAgain(robot))

    def child_escalated(self, name: str) -> None:
        """A connection that crashes too often parks its robot; without any robot left the supervisor gives up."""
        for line in self._lines.of(self._lines.robot_of(name)):
            self.park(line.id)
            self._lines.parked(line.id)
        if self._lines.all_parked:
            super().child_escalated(name)
