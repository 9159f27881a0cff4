"""The Stream connections as an operator sees them: what state each is in, since when, and why.

The law: one log line for each change of state, however often a connection is tried again in between; the metrics and
`/status` are told from the same place. Nothing is decided here.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from actors import metrics
from actors.core.frozen import frozen
from actors.core.restart import Decision, Forget, RestartAfter
from actors.core.robot import Cause
from actors.errors import ConnectionTrouble
from actors.runtime.actor import Ref

log = logging.getLogger(__name__)


def line_id(robot: str, index: int) -> str:
    """The name of the child that keeps this connection of a robot."""
    return f"{robot}#{index}"


@frozen
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

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._states: dict[str, LineState] = {}

    def add(self, line: Line) -> None:
        """A line is to be kept; one that is known stays as it is."""
        if line.id not in self._states:
            self._states[line.id] = LineState(line, self._wall())
            metrics.STREAM_CONNECTED.labels(robot=line.robot, connection=str(line.index)).set(0)

    def remove(self, child: str) -> str:
        """A line is kept no longer; returns whose it was."""
        state = self._states.pop(child)
        self._change(state, "stopped", "")
        labels = state.line.robot, str(state.line.index)
        metrics.STREAM_CONNECTED.remove(*labels)
        metrics.STREAM_BACKOFF.remove(*labels)
        metrics.ROBOT_PARKED.remove(state.line.robot, Cause.CRASHED)
        return state.line.robot

    def __contains__(self, child: str) -> bool:
        return child in self._states

    @property
    def all(self) -> tuple[Line, ...]:
        """The lines themselves."""
        return tuple(state.line for state in self._states.values())

    def of(self, robot: str) -> tuple[Line, ...]:
        """The lines of a robot."""
        return tuple(line for line in self.all if line.robot == robot)

    def robot_of(self, child: str) -> str:
        """Whose line this is."""
        return self._states[child].line.robot

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

    def is_parked(self, robot: str) -> bool:
        """Whether a robot was given up."""
        return any(state.state == "parked" for state in self._states.values() if state.line.robot == robot)

    def begins_anew(self, child: str) -> None:
        """What was held against the connection is forgotten; one that was given up is tried again."""
        state = self._states[child]
        if state.state == "parked":
            metrics.ROBOT_PARKED.remove(state.line.robot, Cause.CRASHED)
            self._change(state, "connecting", "")

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
