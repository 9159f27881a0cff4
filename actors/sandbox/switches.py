"""The switches for trouble: which of the catalogue is on, and turning it on and off.

It orders from the faults, the gateway and the rules; what then happens is theirs.
"""

from collections.abc import Callable, Iterator
from typing import Any

from actors.sandbox.faults import Fault, Faults
from actors.sandbox.gateway import Gateway
from actors.sandbox.line import Impairment
from actors.sandbox.records import Connection, History
from actors.sandbox.rules import Rules
from actors.sandbox.troubles import TROUBLES, Kind, Trouble


class Switches:
    """All switches. What was ordered without a name, by `fail`, is on under the name "".

    `acts` are those that are done once, each for one robot.
    """

    def __init__(
        self,
        faults: Faults,
        gateway: Gateway,
        rules: Rules,
        connections: History[Connection],
        acts: dict[str, Callable[[str], object]],
    ) -> None:
        self._faults = faults
        self._gateway = gateway
        self._rules = rules
        self._connections = connections
        self._acts = acts
        self._before: dict[str, dict[str, Any]] = {}

    def turn(self, name: str, on: bool, api: str, robot: str, times: int | None) -> None:
        """Turn one on or off; `api` "" means every one that it applies to, `robot` "" everybody's, `times` None until
        it is turned off. One that is on already begins anew.

        Raises:
            ValueError: there is no such trouble, or not for this API or robot.
        """
        if not name and not on:
            return self._faults.cancel("", api, robot)
        trouble = TROUBLES.get(name)
        if trouble is None:
            raise ValueError(f"unknown trouble {name!r}: one of {', '.join(TROUBLES)}")
        if api and api not in trouble.apis:
            which = ", ".join(sorted(trouble.apis)) or "none: leave api out"
            raise ValueError(f"trouble {name} is not for the api {api!r}, but for {which}")
        match trouble.kind:
            case Kind.CALL:
                self._calls(trouble, on, api, robot, times)
            case Kind.LINE:
                for each in self._robots(robot):
                    self._gateway.impair(each, Impairment(trouble.order["how"]) if on else None)
            case Kind.RULE:
                self._rule(trouble, on)
            case Kind.ACT if on:
                for each in self._robots(robot):
                    self._acts[name](each)
        return None

    def on(self) -> list[dict[str, Any]]:
        """What is on: the trouble's name, whom and which APIs it meets, and how often it is left to come (None: until
        it is turned off)."""
        return [*self._ordered(), *self._impaired(), *self._changed()]

    def _calls(self, trouble: Trouble, on: bool, api: str, robot: str, times: int | None) -> None:
        self._faults.cancel(trouble.name, api, robot)
        for each in sorted({api} if api else trouble.apis) if on else ():
            self._faults.order(Fault(each, times=times, robot=robot, trouble=trouble.name, **trouble.order))

    def _rule(self, trouble: Trouble, on: bool) -> None:
        if on:
            self._before.setdefault(trouble.name, {rule: getattr(self._rules, rule) for rule in trouble.order})
        for rule, value in (trouble.order if on else self._before.pop(trouble.name, {})).items():
            setattr(self._rules, rule, value)

    def _robots(self, robot: str) -> set[str]:
        return {robot} if robot else {each.robot for each in self._connections if each.closed_at is None}

    def _ordered(self) -> Iterator[dict[str, Any]]:
        grouped: dict[tuple[str, str, int | None], list[Fault]] = {}
        for fault in self._faults.orders:
            grouped.setdefault((fault.trouble, fault.robot, fault.times), []).append(fault)
        for (name, robot, times), faults in grouped.items():
            # An order without a name tells what it does.
            says = "" if name else " / ".join(dict.fromkeys(_says(fault) for fault in faults))
            apis = sorted({fault.api for fault in faults})
            yield {"trouble": name, "robot": robot, "apis": apis, "left": times, "says": says}

    def _impaired(self) -> Iterator[dict[str, Any]]:
        lines = [each for each in self._connections if each.closed_at is None and each.impairment]
        for name, robot in dict.fromkeys((each.impairment, each.robot) for each in lines):
            yield {"trouble": name, "robot": robot, "apis": [], "left": None, "says": ""}

    def _changed(self) -> Iterator[dict[str, Any]]:
        for name in self._before:
            yield {"trouble": name, "robot": "", "apis": [], "left": None, "says": ""}


def _says(fault: Fault) -> str:
    status = str(fault.status or "")
    ways = [way for way in ("hang", "reset", "applied", "torn") if getattr(fault, way)]
    late = [f"+{fault.delay:g} s"] if fault.delay else []
    return " ".join([*filter(None, (status, fault.code)), *ways, *late, *(["body"] if fault.body is not None else [])])
