"""The Stream connections as an operator sees them: what state each is in, since when, and why.

The law: one log line for each change of state, however often a connection is tried again in between; the metrics and
`/status` are told from the same place. Nothing is decided here.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors import metrics
from actors.core.restart import Decision, Forget, RestartAfter
from actors.core.robot import Cause
from actors.errors import ConnectionTrouble
from actors.runtime.actor import Ref

log = logging.getLogger(__name__)


def line_id(robot: str, index: int) -> str:
    """The name of the child that keeps this connection of a robot."""
    return f"{robot}#{index}"


@dataclass(frozen=True, slots=True)
class Line:
    """One Stream connection that a robot keeps, and how its actor is started."""

    robot: str
    index: int
    start: Callable[[Ref], Ref]

    @property
    def id(self) -> str:
        """The name of the child that keeps it."""
        return line_id(self.robot, self.index)


@dataclass(slots=True)
class LineState:
    """What is told of one line; times are seconds since the epoch."""

    line: Line
    since: float
    state: str = "connecting"
    reason: str = ""
    restarts: int = 0
    next_attempt: float | None = None


class Lines:
    """All lines of this process, by the id of the child."""

    def __init__(self, lines: Sequence[Line], wall: Callable[[], float]) -> None:
        self._wall = wall
        self._states = {line.id: LineState(line, wall()) for line in lines}
        for line in lines:
            metrics.STREAM_CONNECTED.labels(robot=line.robot, connection=str(line.index)).set(0)

    def __contains__(self, child: str) -> bool:
        return child in self._states

    @property
    def all(self) -> tuple[Line, ...]:
        """The lines themselves."""
        return tuple(state.line for state in self._states.values())

    def of_the_robot_of(self, child: str) -> tuple[Line, ...]:
        """The lines of the robot that this one belongs to."""
        robot = self._states[child].line.robot
        return tuple(line for line in self.all if line.robot == robot)

    @property
    def all_parked(self) -> bool:
        """Whether no robot is left that is tried."""
        return all(state.state == "parked" for state in self._states.values())

    def starting(self, child: str) -> None:
        """The wait, if there was one, is over: the connection is tried."""
        state = self._states[child]
        state.next_attempt = None
        self._backoff(state, 0)

    def opened(self, child: str) -> None:
        """The gateway accepted the connection."""
        state = self._states[child]
        self._connected(state, 1)
        self._change(state, "connected", "")

    def rolls(self, child: str, reason: str, delay: float) -> None:
        """The gateway will close the connection; a successor is started in `delay` seconds."""
        state = self._states[child]
        self._restarts(state, "rolled", delay)
        log.info(
            "connection rolls: %s",
            reason,
            extra={"action": "connection_rolling", "robot": state.line.robot, "connection": state.line.index},
        )

    def ended(self, child: str, error: Exception | None, decision: Decision) -> None:
        """The connection is gone; `decision` says what comes of it."""
        state = self._states[child]
        self._connected(state, 0)
        reason = error.reason if isinstance(error, ConnectionTrouble) else "crashed" if error else "ended"
        if isinstance(decision, RestartAfter):
            self._restarts(state, reason, decision.delay)
            self._change(state, "waiting", reason, str(error or ""))
        elif isinstance(decision, Forget) and state.state != "parked":
            self._change(state, "stopped", "")

    def gone(self, child: str) -> None:
        """The connection that rolled has ended, and its successor still waits."""
        state = self._states[child]
        self._connected(state, 0)
        self._change(state, "waiting", "rolled")

    def parked(self, child: str) -> None:
        """The connection's robot is given up."""
        state = self._states[child]
        state.next_attempt = None
        metrics.ROBOT_PARKED.labels(robot=state.line.robot, reason=Cause.CRASHED).set(1)
        self._change(state, "parked", Cause.CRASHED, "it crashed too often")

    def tell(self) -> tuple[dict[str, object], ...]:
        """Everything, for `/status`."""
        return tuple(
            {
                "robot": state.line.robot,
                "connection": state.line.index,
                "state": _state(state),
                "reason": state.reason,
                "since": state.since,
                "restarts": state.restarts,
                "next_attempt": state.next_attempt,
            }
            for state in self._states.values()
        )

    def _restarts(self, state: LineState, reason: str, delay: float) -> None:
        state.restarts += 1
        state.next_attempt = self._wall() + delay
        metrics.STREAM_RESTARTS.labels(robot=state.line.robot, reason=reason).inc()
        metrics.RETRIES.labels(scope="stream", reason=reason).inc()
        self._backoff(state, delay)

    def _change(self, state: LineState, now: str, reason: str, detail: str = "") -> None:
        if (state.state, state.reason) == (now, reason):
            return
        state.state, state.reason, state.since = now, reason, self._wall()
        log.log(
            logging.WARNING if reason else logging.INFO,
            "connection %s%s",
            now,
            f": {detail or reason}" if reason else "",
            extra={
                "action": f"connection_{now}",
                "robot": state.line.robot,
                "connection": state.line.index,
                "reason": reason,
            },
        )

    @staticmethod
    def _connected(state: LineState, value: int) -> None:
        metrics.STREAM_CONNECTED.labels(robot=state.line.robot, connection=str(state.line.index)).set(value)

    @staticmethod
    def _backoff(state: LineState, delay: float) -> None:
        metrics.STREAM_BACKOFF.labels(robot=state.line.robot, connection=str(state.line.index)).set(delay)


def _state(state: LineState) -> str:
    """A connection that was lost is waiting until its time, then tried; the log tells only what comes of that."""
    return "connecting" if state.state == "waiting" and state.next_attempt is None else state.state
