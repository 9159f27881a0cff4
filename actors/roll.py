"""The roll of robots as an operator sees it: who is served, who is parked and why, whose connections are missing.

The law: a robot whose configuration is broken is told everywhere, by log, metric, `/status` and `/readyz`, and takes
nothing from the others; one that was started and has no connection is missed. Nothing is decided here.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from actors import metrics
from actors.core.robot import Parked, Robot
from actors.messages import Status
from actors.retry_policies import figures, retry_policies_for_robot
from actors.settings import Settings

log = logging.getLogger(__name__)


class Roll:
    """The robots of this process: those that are served, and those that cannot be."""

    def __init__(self, settings: Settings, served: Sequence[Robot], parked: Sequence[Parked]) -> None:
        self._settings = settings
        self._served = served
        self._parked = parked

    def tell_parked(self) -> None:
        """One warning and one metric for each robot that cannot be served."""
        for parked in self._parked:
            metrics.ROBOT_PARKED.labels(robot=parked.robot, reason=parked.cause).set(1)
            log.warning(
                "robot parked: %s",
                _reason(parked),
                extra={
                    "action": "robot_parked",
                    "robot": parked.robot,
                    "element": parked.element,
                    "reason": parked.cause,
                },
            )

    def missing(self, status: Status) -> Iterator[str]:
        """The robots that should be connected and are not."""
        for robot in self._served:
            lines = [line for line in status.connections if line["robot"] == robot.client_id]
            if not any(line["state"] == "connected" for line in lines):
                why = ", ".join(sorted({str(line["reason"] or line["state"]) for line in lines}))
                yield f"robot {robot.client_id} has no Stream connection ({why})"

    def parked(self) -> list[str]:
        """The robots that cannot be served; a fault in the configuration of one makes no pod unready."""
        return [f"robot {parked.robot}: {_reason(parked)}" for parked in self._parked]

    def told(self, status: Status, answers: Mapping[str, str]) -> list[dict[str, Any]]:
        """Every robot, for `/status`; `answers` says what each shows its answers on, by client id."""
        crashed = {line["robot"] for line in status.connections if line["state"] == "parked"}
        return [
            *(
                self._started(robot, answers[robot.client_id], crashed=robot.client_id in crashed)
                for robot in self._served
            ),
            *map(_not_started, self._parked),
        ]

    def _started(self, robot: Robot, shown_on: str, *, crashed: bool) -> dict[str, Any]:
        own = self._settings.of(robot.client_id)
        return {
            "robot": robot.client_id,
            "element": own.element.name if own.element else "",
            "agent": robot.agent,
            "state": "parked" if crashed else "serving",
            "reason": "its connections crashed too often" if crashed else "",
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


def _reason(parked: Parked) -> str:
    return "; ".join(parked.problems)
