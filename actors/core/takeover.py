"""What follows when the robots' configuration is read again: who comes, who goes, who changes, and who stays as it is.

The law: a fault takes nothing from a robot that is served; it goes on by its former configuration until that is mended
or the robot is taken away, which is done on purpose. What a configuration is, is not known here, but that two can be
compared; nor is when it is read and how a change is carried out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from actors.core.frozen import frozen
from actors.core.robot import Parked

T = TypeVar("T")


@frozen
class Plan(Generic[T]):
    """What to do about a new configuration; robots are named by their client ids."""

    added: Mapping[str, T]
    changed: Mapping[str, T]
    removed: tuple[str, ...]
    outdated: Mapping[str, Parked]
    """Who goes on by a former configuration, and what is wrong with the present one."""
    parked: tuple[Parked, ...]
    """Who is broken, and was not served before."""


def plan(
    served: Mapping[str, T], wanted: Mapping[str, T], broken: Sequence[Parked], element: Callable[[T], str]
) -> Plan[T]:
    """From the configurations that robots are served by, and those that are wanted now, beside what is broken;
    `element` names a configuration's place."""
    faults = {parked.element: parked for parked in broken}
    missing = {robot: element(config) for robot, config in served.items() if robot not in wanted}
    outdated = {robot: faults[place] for robot, place in missing.items() if place in faults}
    named = {*wanted, *outdated}
    told = {parked.element for parked in outdated.values()}
    return Plan(
        added={robot: config for robot, config in wanted.items() if robot not in served},
        changed={robot: config for robot, config in wanted.items() if robot in served and config != served[robot]},
        removed=tuple(robot for robot in missing if robot not in outdated),
        outdated=outdated,
        # What is said of a robot that is served must not be said of its namesake.
        parked=tuple(
            replace(parked, robot=parked.element) if parked.robot in named else parked
            for parked in broken
            if parked.element not in told
        ),
    )


def settled(taken: T | None, before: T | None, now: T) -> bool:
    """Whether what is seen now is news, and no longer being written: two looks in a row agree on it."""
    return now == before and now != taken
