"""Which robots the supervisor serves, which are on their way out, and who still uses what was a robot's before.

The law: what somebody may still use is not given up, and what nobody uses any more is given up once. A conversation is
known by its ref alone, and leaves by saying so or by dying. Nothing is started or stopped here.
"""

import itertools
from collections.abc import Callable, Collection

from actors.core.frozen import frozen
from actors.runtime.actor import Ref

Over = Callable[[], object]
"""Called when nobody uses something any more."""


@frozen
class _Desk:
    users: set[Ref]
    over: Over


class Served:
    """The robots of a supervisor, by client id."""

    def __init__(self, robots: Collection[str]) -> None:
        self._robots = dict.fromkeys(robots)
        self._leaving: dict[str, Over] = {}
        self._desks: dict[int, _Desk] = {}
        self._numbers = itertools.count(1)

    def __contains__(self, robot: str) -> bool:
        """Whether questions to this robot are answered; those to one that is on its way out are, too."""
        return robot in self._robots or robot in self._leaving

    @property
    def robots(self) -> tuple[str, ...]:
        """Those that are to stay."""
        return tuple(self._robots)

    def add(self, robot: str) -> Over | None:
        """A robot is to be served. If it was on its way out, it stays, and what was to happen then is returned."""
        self._robots[robot] = None
        return self._leaving.pop(robot, None)

    def remove(self, robot: str, over: Over) -> None:
        """A robot is on its way out."""
        self._robots.pop(robot, None)
        self._leaving[robot] = over

    def is_leaving(self, robot: str) -> bool:
        """Whether a robot is on its way out."""
        return robot in self._leaving

    def left(self, robot: str) -> None:
        """Nothing of a robot that was on its way out is there any more."""
        self._leaving.pop(robot)()

    def give_up_desk(self, users: Collection[Ref], over: Over) -> int:
        """A robot has another desk, and these conversations may be at the former one; returns its number."""
        number = next(self._numbers)
        self._desks[number] = _Desk(set(users), over)
        self._see(number)
        return number

    def desk_left(self, number: int, ref: Ref) -> None:
        """A conversation is not at this desk any more."""
        if number in self._desks:
            self._desks[number].users.discard(ref)
            self._see(number)

    def conversation_ended(self, ref: Ref | None) -> None:
        """A conversation is at no desk any more."""
        for number, desk in tuple(self._desks.items()):
            if ref is not None and ref in desk.users:
                self.desk_left(number, ref)

    def _see(self, number: int) -> None:
        if not self._desks[number].users:
            self._desks.pop(number).over()
