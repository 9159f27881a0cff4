"""Who gets the signal that a conversation has work: the table by which no question falls between two actors.

The law: spawning, idle stop and arrival of work are decided here and nowhere else, one signal at a time, so a question
can never meet an actor that is stopping. The inbox holds the questions; a signal only says "look". This file knows
nothing of actors and threads.

    state      signal            next state   action
    absent     work              active       spawn (a new actor looks by itself)
    active     work              active       tell
    active     idle (saw all)    stopping     stop
    active     idle (not all)    active       -        it has not yet seen a signal that it was told
    active     ended             absent       -
    active     crashed           absent       recover  its question is still in the inbox
    stopping   work              recalled     -        remembered until the actor is gone
    stopping   ended, crashed    absent       -
    recalled   work              recalled     -
    recalled   ended, crashed    active       spawn
"""

from enum import Enum, StrEnum

from actors.core.frozen import frozen


class Phase(StrEnum):
    """Where a conversation's actor is."""

    ABSENT = "absent"
    ACTIVE = "active"
    STOPPING = "stopping"
    RECALLED = "recalled"


class Action(Enum):
    """What the supervisor does about a signal."""

    NOTHING = "nothing"
    SPAWN = "spawn"
    TELL = "tell"
    STOP = "stop"
    RECOVER = "recover"


@frozen
class Route:
    """One conversation's place in the table. `told` counts the signals its present actor was told."""

    phase: Phase = Phase.ABSENT
    told: int = 0


ABSENT = Route()


def work(route: Route) -> tuple[Route, Action]:
    """A question was stored."""
    match route.phase:
        case Phase.ABSENT:
            return Route(Phase.ACTIVE), Action.SPAWN
        case Phase.ACTIVE:
            return Route(Phase.ACTIVE, route.told + 1), Action.TELL
        case Phase.STOPPING | Phase.RECALLED:
            return Route(Phase.RECALLED), Action.NOTHING


def idle(route: Route, seen: int) -> tuple[Route, Action]:
    """The actor has been at rest long enough, having seen `seen` signals."""
    if route.phase is Phase.ACTIVE and route.told == seen:
        return Route(Phase.STOPPING), Action.STOP
    return route, Action.NOTHING


def ended(route: Route, *, crashed: bool) -> tuple[Route, Action]:
    """The conversation's present actor is gone."""
    if route.phase is Phase.RECALLED:
        return Route(Phase.ACTIVE), Action.SPAWN
    if route.phase is Phase.ACTIVE and crashed:
        return ABSENT, Action.RECOVER
    return ABSENT, Action.NOTHING
