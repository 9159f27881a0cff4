"""What to do about a child's death: a child's specification as data, and the decision as a pure function.

Two things look alike and are not. *Trouble* is an expected failure of the outside world: it is met with backoff, for
ever, and never escalates. A *crash* is anything else: it is met with backoff too, but more of them than the intensity
allows are escalated. Nothing here knows threads, actors or the time of day.
"""

import math
from collections.abc import Callable
from dataclasses import field, replace
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from actors.core.backoff import Backoff
from actors.core.frozen import frozen
from actors.errors import Trouble

Ref = TypeVar("Ref")

QUICK = 0.3
"""Seconds within which a child that was healthy for long is started again."""


class Restart(StrEnum):
    """Which deaths are followed by a new start: all, all but a normal end, or none (Erlang/OTP's three)."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


@frozen
class Intensity:
    """More than `limit` crashes within `period` seconds are too many."""

    limit: int
    period: float


@frozen
class ChildSpec(Generic[Ref]):
    """What a supervisor has to know of a child.

    `start` gets the supervisor's ref and returns the child's. `shutdown` is how many seconds the child may take to
    stop. `reset_after` seconds of health make the next failure the first again. An exception of a type in `expected`
    is trouble, any other is a crash. `stage` orders the stop: higher stages stop first, one stage at once.

    Raises:
        ValueError: names the fields that are wrong.
    """

    id: str
    start: Callable[[Ref], Ref]
    restart: Restart = Restart.PERMANENT
    shutdown: float = 5.0
    intensity: Intensity = Intensity(limit=5, period=300.0)
    backoff: Backoff = field(default=Backoff(initial=1.0, multiplier=2.0, maximum=60.0, jitter=1.0))
    reset_after: float = 60.0
    expected: tuple[type[Exception], ...] = (Trouble,)
    stage: int = 0

    def __post_init__(self) -> None:
        right = {
            "id": isinstance(self.id, str) and self.id != "",
            "start": callable(self.start),
            "restart": isinstance(self.restart, Restart),
            "shutdown": math.isfinite(self.shutdown) and self.shutdown >= 0,
            "intensity": self.intensity.limit >= 0 and self.intensity.period > 0,
            "reset_after": self.reset_after >= 0,
            "expected": all(isinstance(kind, type) and issubclass(kind, Exception) for kind in self.expected),
            "stage": isinstance(self.stage, int),
        }
        wrong = [name for name, fine in right.items() if not fine]
        if wrong:
            raise ValueError(f"child {self.id!r} is specified with a wrong {', '.join(wrong)}")


@frozen
class History:
    """What is remembered of a child from one incarnation to the next.

    `failures` counts those in a row, `crashes` are the times of those that still count, `healthy_since` is when the
    present incarnation became healthy. Times are on the supervisor's clock.
    """

    failures: int = 0
    crashes: tuple[float, ...] = ()
    healthy_since: float | None = None

    def healthy(self, now: float) -> "History":
        """The present incarnation says that it is healthy; saying so again changes nothing."""
        return self if self.healthy_since is not None else replace(self, healthy_since=now)


@frozen
class RestartAfter:
    """Start the child again in `delay` seconds."""

    delay: float


@frozen
class Forget:
    """The child is over."""


@frozen
class Escalate:
    """The child crashes too often: starting it again does not help."""


Decision: TypeAlias = RestartAfter | Forget | Escalate


def decide(
    spec: ChildSpec[Ref], history: History, error: Exception | None, *, now: float, random: Callable[[], float]
) -> tuple[Decision, History]:
    """What follows a death that nobody ordered, or a start that failed; `error` is None after a normal end.

    The first start after a long healthy spell comes within `QUICK` seconds, every other one waits for the backoff.
    """
    if spec.restart is Restart.TEMPORARY or (spec.restart is Restart.TRANSIENT and error is None):
        return Forget(), history
    if error is not None and not isinstance(error, spec.expected):
        counting = tuple(crash for crash in history.crashes if now - crash <= spec.intensity.period)
        history = replace(history, crashes=(*counting, now))
        if len(history.crashes) > spec.intensity.limit:
            return Escalate(), history
    return _restart(spec, history, QUICK * random(), now=now, random=random)


def decide_roll(
    spec: ChildSpec[Ref], history: History, *, now: float, random: Callable[[], float]
) -> tuple[RestartAfter, History]:
    """When to start the successor of a child that still lives: at once, unless it was not healthy for long.

    A gateway that ends every connection right after its opening is thus met with the backoff.
    """
    return _restart(spec, history, 0.0, now=now, random=random)


def _restart(
    spec: ChildSpec[Ref], history: History, quick: float, *, now: float, random: Callable[[], float]
) -> tuple[RestartAfter, History]:
    if history.healthy_since is not None and now - history.healthy_since >= spec.reset_after:
        return RestartAfter(quick), replace(history, failures=0, healthy_since=None)
    delay = spec.backoff.delay(history.failures, random)
    return RestartAfter(delay), replace(history, failures=history.failures + 1, healthy_since=None)
