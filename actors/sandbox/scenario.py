"""Scenarios: happenings in time, as data that is saved, loaded and played again.

What may happen is named as in the HTTP control, and known there. The time is handed in; nothing here acts.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from actors.sandbox import shapes

LONGEST = 1000
"""How many happenings a scenario may have that is kept."""

RECORDED = 4_000_000
"""Characters that a recording may have as JSON: what is recorded can be given back over HTTP."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens `at` so many seconds after the beginning: an action of the control and its arguments."""

    at: float
    do: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named list of happenings, in the order of their times."""

    name: str
    happenings: tuple[Happening, ...]

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("scenario.name must not be empty")
        for number, each in enumerate(self.happenings):
            if each.at < 0:
                raise ValueError(f"scenario.happenings[{number}].at must not be negative")
        object.__setattr__(self, "happenings", tuple(sorted(self.happenings, key=lambda each: each.at)))

    @classmethod
    def of(cls, data: Any) -> Self:
        """The scenario that an object from JSON spells.

        Raises:
            ValueError: it spells none; the message names the field.
        """
        scenario: Self = shapes.build(cls, data, "scenario")
        return scenario

    @classmethod
    def read(cls, path: Path) -> Self:
        """The scenario in a file.

        Raises:
            OSError: the file cannot be read.
            ValueError: there is none in it; the message names the file and the field.
        """
        try:
            return cls.of(json.loads(path.read_text("utf-8")))
        except ValueError as problem:
            raise ValueError(f"{path}: {problem}") from problem

    def write(self, path: Path) -> None:
        """Save it to a file."""
        path.write_text(json.dumps(self.data(), ensure_ascii=False, indent=2) + "\n", "utf-8")

    def data(self) -> dict[str, Any]:
        """As an object for JSON."""
        return asdict(self)

    @property
    def seconds(self) -> float:
        """From the beginning to the last happening."""
        return self.happenings[-1].at if self.happenings else 0.0


class Playback:
    """How far a scenario has come that began at a time."""

    def __init__(self, scenario: Scenario, began: float) -> None:
        self._scenario = scenario
        self._began = began
        self.done = 0

    def due(self, now: float) -> tuple[Happening, ...]:
        """What has come up by now and was not handed out before, in order."""
        first = self.done
        while self.wait(now) == 0.0:
            self.done += 1
        return self._scenario.happenings[first : self.done]

    def wait(self, now: float) -> float | None:
        """Seconds until the next comes up, 0 when it has; None when none is left."""
        if self.done == len(self._scenario.happenings):
            return None
        return max(0.0, self._began + self._scenario.happenings[self.done].at - now)


class Recording:
    """What is done from a time on, up to the longest that a scenario may be and to `RECORDED`; what comes later is left
    out, and it is `full`."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._happenings: list[Happening] = []
        self._length = 0
        self.full = False

    @property
    def count(self) -> int:
        """How many happenings it has."""
        return len(self._happenings)

    def note(self, now: float, do: str, arguments: Mapping[str, Any]) -> None:
        """Something is done now."""
        length = len(json.dumps(arguments, ensure_ascii=False))
        self.full = self.full or self.count >= LONGEST or self._length + length > RECORDED
        if not self.full:
            self._length += length
            self._happenings.append(Happening(round(now - self._began, 3), do, dict(arguments)))

    def scenario(self, name: str) -> Scenario:
        """All of it, under a name."""
        return Scenario(name, tuple(self._happenings))
