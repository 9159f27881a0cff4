"""Scenarios at work: those that are saved, what is being recorded, and those that play.

It has the clock and the tasks; what happens when is decided in `scenario`, what an action does in `actions`.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from actors.sandbox.actions import Action, Actions
from actors.sandbox.records import History
from actors.sandbox.scenario import LONGEST, Happening, Playback, Recording, Scenario
from actors.sandbox.weight import weight

log = logging.getLogger(__name__)

SAVED = 100
"""How many scenarios are kept, the latest saved."""

BYTES = 32_000_000
"""How much memory all saved ones may take; beyond that those that were saved first are gone."""

PROBLEM = 500
"""Characters of a play's problem that are kept."""

PLAYED = 20
"""How many plays are remembered, and may run at once."""

ITSELF = frozenset({"record", "save", "play", "halt"})
"""Actions that are about scenarios, and never part of one."""


@dataclass(slots=True)
class Play:
    """One run of a scenario: whether it is over, how many of its `happenings` are done, and what was wrong with some.
    One that is over before all are done was halted."""

    scenario: str
    robot: str
    happenings: int
    over: bool = False
    done: int = 0
    problems: list[str] = field(default_factory=list)


class Scenarios:
    """All scenarios of one sandbox. `saved` are those that are kept, by name, `plays` the latest plays; `changed` is
    called when any of it looks different."""

    def __init__(self, actions: Actions, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.saved: dict[str, Scenario] = {}
        self.plays: History[Play] = History(PLAYED)
        self._actions = actions
        self._recording: Recording | None = None
        self._since = 0.0
        self._tasks: dict[asyncio.Task[None], Play] = {}
        actions.add(
            Action("record", self.record),
            Action("save", self._save),
            Action("play", self._play, result="seconds"),
            Action("halt", self.halt, result="plays"),
        )

    @property
    def recording(self) -> dict[str, Any] | None:
        """What is recorded, if anything is: `since` when (seconds since the epoch), how many `happenings`, and whether
        it is `full`, and what is done now is left out."""
        if self._recording is None:
            return None
        return {"since": self._since, "happenings": self._recording.count, "full": self._recording.full}

    def shown(self) -> dict[str, Any]:
        """All of it for eyes: of what is saved the name, how many happenings and how many seconds."""
        saved = [
            {"name": each.name, "happenings": len(each.happenings), "seconds": each.seconds}
            for each in self.saved.values()
        ]
        return {"recording": self.recording, "saved": saved, "plays": [asdict(play) for play in self.plays]}

    def record(self) -> None:
        """From now on what is done by this control is noted; what was noted before is forgotten."""
        self._recording, self._since = Recording(time.monotonic()), time.time()
        self._changed()

    def note(self, do: str, arguments: dict[str, Any]) -> None:
        """Something was done by hand."""
        if self._recording and do not in ITSELF:
            self._recording.note(time.monotonic(), do, arguments)
            self._changed()

    def save(self, scenario: Scenario) -> None:
        """Keep a scenario, in place of one that has its name.

        Raises:
            ValueError: it is too long, or something in it cannot happen; the message names the place.
        """
        if len(scenario.happenings) > LONGEST:
            raise ValueError(f"scenario.happenings has {len(scenario.happenings)}, and may have {LONGEST}")
        self._bound(scenario, "whoever")  # whose turn it is turns out when it is played
        self.saved.pop(scenario.name, None)
        self.saved[scenario.name] = scenario
        while len(self.saved) > SAVED:
            del self.saved[next(iter(self.saved))]
        while len(self.saved) > 1 and weight(self.saved) > BYTES:
            del self.saved[next(iter(self.saved))]
        self._changed()

    def play(self, scenario: Scenario, robot: str = "") -> Play:
        """Begin to play a scenario. `robot` is meant wherever an action takes a robot and the scenario names none.

        Raises:
            ValueError: something in it cannot happen, or too many play already.
        """
        happenings = self._bound(scenario, robot)
        if len(self._tasks) >= PLAYED:
            raise ValueError(f"{PLAYED} scenarios play already: halt them first")
        play = Play(scenario.name, robot, len(happenings))
        self.plays.add(play)
        self._changed()
        task = asyncio.get_running_loop().create_task(self._run(Scenario(scenario.name, happenings), play))
        self._tasks[task] = play
        task.add_done_callback(self._ended)
        return play

    def halt(self) -> int:
        """End all scenarios that play; returns how many. What they did stays done."""
        for task in self._tasks:
            task.cancel()
        return len(self._tasks)

    async def stop(self) -> None:
        """End all that play, and wait until they have."""
        self.halt()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, scenario: Scenario, play: Play) -> None:
        playback = Playback(scenario, time.monotonic())
        while (wait := playback.wait(time.monotonic())) is not None:
            await asyncio.sleep(wait)
            for each in playback.due(time.monotonic()):
                try:
                    await self._actions.find(each.do).act(each.arguments)
                except ValueError as problem:
                    log.warning("scenario %s at %g s: %s", scenario.name, each.at, problem)
                    play.problems.append(f"at {each.at:g} s: {problem}"[:PROBLEM])
                play.done += 1
                self._changed()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task).over = True
        self._changed()

    def _bound(self, scenario: Scenario, robot: str) -> tuple[Happening, ...]:
        """Its happenings with their robot, each of which can happen."""
        return tuple(self._with_robot(each, robot, number) for number, each in enumerate(scenario.happenings))

    def _with_robot(self, happening: Happening, robot: str, number: int) -> Happening:
        where = f"scenario.happenings[{number}]"
        if happening.do in ITSELF:
            raise ValueError(f"{where}.do: {happening.do!r} cannot be part of a scenario")
        try:
            action = self._actions.find(happening.do)
        except ValueError as problem:
            raise ValueError(f"{where}.do: {problem}") from problem
        own = {"robot": robot} if robot and "robot" in action.slots else {}
        arguments = own | happening.arguments
        action.check(arguments, f"{where}.arguments")
        return Happening(happening.at, happening.do, arguments)

    def _save(self, name: str, happenings: list[dict[str, Any]] | None = None) -> None:
        """Keep a scenario under its name, in place of one that has it. A happening has `at` (seconds from the
        beginning), `do` (an action) and `arguments`. Without `happenings` it is what was done by this control since
        `record`."""
        if happenings is not None:
            self.save(Scenario.of({"name": name, "happenings": happenings}))
        elif self._recording is None:
            raise ValueError("nothing is being recorded: record first, or give the happenings")
        else:
            self.save(self._recording.scenario(name))
            self._recording = None
            self._changed()

    def _play(self, name: str, robot: str = "") -> float:
        """Begin to play a saved scenario; returns the seconds until its last happening. `robot` is meant wherever an
        action takes a robot and the scenario names none."""
        scenario = self.saved[name]
        self.play(scenario, robot)
        return scenario.seconds
