"""A DingTalk for tests that read like a story: people ask, a robot answers, the platform has its moods.

The robot under test is any program on any SDK, in this process or in another; it knows the sandbox by its address
alone. What happens is done by `Sandbox`; here are only the words of the story, and waiting. See
TESTING.md beside this file.
"""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from actors.sandbox.plain import Plain
from actors.sandbox.program import Robot
from actors.sandbox.rules import Rules
from actors.sandbox.scenario import Scenario
from actors.sandbox.scenarios import Play
from actors.sandbox.server import Sandbox
from actors.sandbox.story import Card, Group, Message, Person, Press, Question

__all__ = ["Card", "DingTalk", "Group", "Message", "Person", "Press", "Question", "Robot", "Rules", "Scenario"]

T = TypeVar("T")


class DingTalk:
    """The platform. `async with` it in a test that has an event loop; a plain `with` gives the same with a loop in a
    thread of its own, and nothing to await.

    `patience` is how many seconds every wait of the story may take. `rules` and `templates` are as in `Sandbox`.
    """

    def __init__(
        self, *, patience: float = 20.0, rules: Rules | None = None, templates: Path | None = None, port: int = 0
    ) -> None:
        self.sandbox = Sandbox(port=port, robots={}, rules=rules, templates=templates)
        """What the story is made with, and all details of what happened."""
        self.patience = patience
        self.robots: list[Robot] = []
        self._numbers = itertools.count(1)
        self._claimed: list[object] = []
        self._plain: Plain | None = None

    async def __aenter__(self) -> Self:
        await self.sandbox.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for robot in self.robots:
            await robot.ends()
        await self.sandbox.stop()

    def __enter__(self) -> Plain:
        self._plain = Plain.begin(self, (DingTalk, Robot, Person, Group, Question, Card, Message, Press, Sandbox))
        return self._plain

    def __exit__(self, *_: object) -> None:
        if self._plain is not None:
            self._plain.end()

    @property
    def url(self) -> str:
        """Where DingTalk's OpenAPI is, and the chat page."""
        return self.sandbox.url

    # Who is there

    def robot(self, client_id: str = "", secret: str = "") -> "Robot":
        """A robot that may log in with these credentials."""
        client_id = client_id or f"dingrobot{next(self._numbers)}"
        robot = Robot(self, client_id, secret or f"secret-of-{client_id}")
        self.sandbox.register(robot.client_id, robot.secret)
        self.robots.append(robot)
        return robot

    def person(self, nick: str, *, outside: bool = False) -> "Person":
        """Somebody of the company, or from outside it, who has no staff id."""
        return Person(self, f"staff{next(self._numbers)}", nick, staff=not outside)

    def group(self, title: str) -> "Group":
        """A group, where whoever asks mentions the robot."""
        return Group(self, title)

    # What the platform does

    def drops_connections(self, robot: "Robot | None" = None) -> int:
        """The connections are cut without a word; returns how many, as do the others here."""
        return self._to_each(robot, self.sandbox.abort)

    def rolls_connections(self, robot: "Robot | None" = None) -> int:
        """The connections are to be renewed, as the platform asks for now and then."""
        return self._to_each(robot, self.sandbox.roll)

    def falls_silent(self, robot: "Robot | None" = None) -> int:
        """The connections look well, and nothing passes any more."""
        return self._to_each(robot, lambda robot: self.sandbox.impair(robot, "dead"))

    def fails(self, api: str, robot: "Robot | None" = None, **how: Any) -> None:
        """Calls of an API fail; by default the next one, with HTTP 500. See `Sandbox.fail` for the words.

        Raises:
            ValueError: there is no such API.
        """
        trouble = how or {"status": 500, "code": "system.error", "message": "系统错误"}
        self.sandbox.fail(api, robot=robot.client_id if robot else "", **trouble)

    def heals(self, api: str | None = None) -> None:
        """What was ordered to fail works again."""
        self.sandbox.heal(api)

    def expires_tokens(self) -> None:
        """No access token that was given out is good any more."""
        self.sandbox.expire_tokens()

    def plays(self, scenario: Scenario | Path | str, robot: "Robot | None" = None) -> Play:
        """A scenario begins, or that in a file; see `has_played`.

        Raises:
            OSError: the file cannot be read.
            ValueError: there is no scenario in it, or something in it cannot happen.
        """
        known = scenario if isinstance(scenario, Scenario) else Scenario.read(Path(scenario))
        return self.sandbox.scenarios.play(known, robot.client_id if robot else "")

    async def has_played(self, play: Play) -> None:
        """Wait until a scenario is over, and see that all in it could happen."""
        await self.until(lambda: play.over, f"the scenario {play.scenario!r} is over")
        if play.problems:
            raise AssertionError("\n".join([f"the scenario {play.scenario!r} had problems:", *play.problems]))

    async def until(self, condition: Callable[[], T | None], hope: str, seen: Callable[[], str] = str) -> T:
        """Wait until the condition is truthy, and return what it said. `seen` tells what there is in its place.

        Raises:
            AssertionError: it was not, within `patience`.
        """
        try:
            return await self.sandbox.until(condition, self.patience)
        except TimeoutError:
            instead = seen()
            raise AssertionError(f"not within {self.patience:g} s: {hope}{instead and f'; {instead}'}") from None

    def only_robot(self) -> "Robot":
        """The robot, where there is one alone.

        Raises:
            LookupError: there is none, or there are several.
        """
        if len(self.robots) != 1:
            raise LookupError(
                f"there are {len(self.robots)} robots: say which one is asked, as in asks(…, robot=robot)"
            )
        return self.robots[0]

    def claim(self, things: Sequence[T]) -> T | None:
        """The first of these that belongs to no other question; from now on it belongs to one."""
        for thing in things:
            if not any(thing is claimed for claimed in self._claimed):
                self._claimed.append(thing)
                return thing
        return None

    def _to_each(self, robot: "Robot | None", do: Callable[[str], int]) -> int:
        return sum(do(each.client_id) for each in ([robot] if robot else self.robots))
