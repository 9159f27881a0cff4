"""The roll of robots as an operator sees it: who is served, who is parked and why, whose connections are missing.

The law: a robot whose configuration is broken is told everywhere, by log, metric, `/status` and `/readyz`, once for
each fault, and takes nothing from the others; one that was started and has no connection is missed, and one that came
to a process that serves already only after it had its time. Nothing is decided here. It is read by any thread.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from actors import metrics
from actors.core.frozen import frozen
from actors.core.robot import Parked, Robot
from actors.messages import Status
from actors.retry_policies import figures, retry_policies_for_robot
from actors.settings import Settings

log = logging.getLogger(__name__)

NEWCOMERS_TIME = 60.0
"""Seconds that a robot which is added has for its first connection, until it is missed."""


@frozen
class Entries:
    """Who is on the roll. `settings` has each robot's own; `outdated` are those that are served by a former
    configuration, by client id, with what is wrong with the present one."""

    settings: Settings
    served: Sequence[Robot]
    parked: Sequence[Parked]
    outdated: Mapping[str, Parked] = field(default_factory=dict)


class Roll:
    """The robots of this process: those that are served, and those that cannot be."""

    def __init__(self, entries: Entries, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._entries = entries
        self._monotonic = monotonic
        self._missed_from: Mapping[str, float] = {}
        """When each robot that was added is missed, in monotonic seconds."""

    def begin(self) -> None:
        """Tell of who cannot be served."""
        self._tell_parked(self._entries.parked)

    def renew(self, entries: Entries) -> None:
        """Have these on the roll from now on, and tell what is new about them."""
        former, self._entries = self._entries, entries
        known = {robot.client_id for robot in former.served}
        soon = self._monotonic() + NEWCOMERS_TIME
        self._missed_from = {
            robot.client_id: soon if robot.client_id not in known else self._missed_from.get(robot.client_id, 0.0)
            for robot in entries.served
        }
        for robot, cause in _labels(former.parked) - _labels(entries.parked):
            metrics.ROBOT_PARKED.remove(robot, cause)
        self._tell_parked([parked for parked in entries.parked if parked not in former.parked])
        for robot, fault in former.outdated.items():
            if entries.outdated.get(robot) != fault:
                metrics.ROBOT_OUTDATED.remove(robot, fault.cause)
            if robot not in entries.outdated:
                log.info("what was wrong is mended", extra={"action": "robot_mended", "robot": robot})
        self._tell_outdated({robot: it for robot, it in entries.outdated.items() if former.outdated.get(robot) != it})

    def missing(self, status: Status) -> Iterator[str]:
        """The robots that should be connected and are not."""
        now, missed_from = self._monotonic(), self._missed_from
        for robot in self._entries.served:
            lines = [line for line in status.connections if line["robot"] == robot.client_id]
            if not any(line["state"] == "connected" for line in lines) and missed_from.get(robot.client_id, 0.0) <= now:
                why = ", ".join(sorted({str(line["reason"] or line["state"]) for line in lines}))
                yield f"robot {robot.client_id} has no Stream connection ({why})"

    def parked(self) -> list[str]:
        """The robots that cannot be served, or not as they are configured; a fault in the configuration of one makes no
        pod unready."""
        entries = self._entries
        return [
            *(f"robot {parked.robot}: {_reason(parked)}" for parked in entries.parked),
            *(f"robot {robot}: {_not_taken_over(fault)}" for robot, fault in entries.outdated.items()),
        ]

    def told(self, status: Status, answers: Mapping[str, str]) -> list[dict[str, Any]]:
        """Every robot, for `/status`; `answers` says what each shows its answers on, by client id."""
        entries = self._entries
        crashed = {line["robot"] for line in status.connections if line["state"] == "parked"}
        return [
            *(
                _started(entries, robot, answers.get(robot.client_id, ""), crashed=robot.client_id in crashed)
                for robot in entries.served
            ),
            *map(_not_started, entries.parked),
        ]

    @staticmethod
    def _tell_parked(parked: Iterable[Parked]) -> None:
        """One warning and one metric for each robot that cannot be served."""
        for one in parked:
            metrics.ROBOT_PARKED.labels(robot=one.robot, reason=one.cause).set(1)
            log.warning(
                "robot parked: %s",
                _reason(one),
                extra={"action": "robot_parked", "robot": one.robot, "element": one.element, "reason": one.cause},
            )

    @staticmethod
    def _tell_outdated(outdated: Mapping[str, Parked]) -> None:
        """One metric for each robot, and one warning for each fault: a folder that is gone is many robots' fault."""
        for robot, fault in outdated.items():
            metrics.ROBOT_OUTDATED.labels(robot=robot, reason=fault.cause).set(1)
        for reason in dict.fromkeys(map(_reason, outdated.values())):
            robots = [robot for robot, fault in outdated.items() if _reason(fault) == reason]
            log.warning(
                "served as before, a change is not taken over: %s",
                reason,
                extra={"action": "robot_outdated", "robot": ",".join(robots)},
            )


def _started(entries: Entries, robot: Robot, shown_on: str, *, crashed: bool) -> dict[str, Any]:
    own, fault = entries.settings.of(robot.client_id), entries.outdated.get(robot.client_id)
    return {
        "robot": robot.client_id,
        "element": own.element.name if own.element else "",
        "agent": robot.agent,
        "state": "parked" if crashed else "serving",
        "reason": "its connections crashed too often" if crashed else _not_taken_over(fault) if fault else "",
        "answers": shown_on,
        "retry_policies": figures(retry_policies_for_robot(own)),
        "settings": own.effective_for_robot(),
    }


def _not_started(parked: Parked) -> dict[str, Any]:
    return {
        "robot": parked.robot,
        "element": parked.element,
        "agent": parked.agent,
        "state": "parked",
        "reason": _reason(parked),
    }


def _labels(parked: Iterable[Parked]) -> set[tuple[str, str]]:
    return {(one.robot, one.cause) for one in parked}


def _not_taken_over(fault: Parked) -> str:
    return f"served as before, a change is not taken over: {_reason(fault)}"


def _reason(parked: Parked) -> str:
    return "; ".join(parked.problems)
