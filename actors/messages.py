"""What the actors tell each other: frozen values, grouped by the actor that receives them.

Supervision's own messages (`Terminated`, `Healthy`, …) belong to the runtime.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from actors.core.question import Question
from actors.core.turn_words import TurnEvent
from actors.inbox.port import Delivery, Work
from actors.runtime.actor import Ref
from actors.runtime.actor import Work as Bounded

# To the supervisor.


@dataclass(frozen=True, slots=True)
class Begin:
    """Take up what a former process left, then open the connections."""


@dataclass(frozen=True, slots=True)
class BacklogRead:
    """What the inbox holds that nobody is working on."""

    works: tuple[Work, ...]


@dataclass(frozen=True, slots=True)
class BacklogUnread:
    """The inbox could not be read."""

    error: Exception


@dataclass(frozen=True, slots=True)
class NotAbandoned:
    """The inbox could not be told that a conversation crashed."""

    error: Exception


@dataclass(frozen=True, slots=True)
class WorkArrived(Bounded):
    """A conversation has a question to answer."""

    robot: str
    conversation: str


@dataclass(frozen=True, slots=True)
class TakenBack(Bounded):
    """A person took questions of a conversation back: one of them may be running."""

    robot: str
    conversation: str
    message_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class TakenBackElsewhere(Bounded):
    """The same, told to another replica: only if it runs here this one has to do with it."""

    conversation: str
    message_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class WaitsElsewhere(Bounded):
    """Another replica stored a question of a conversation: who runs it here has one more to show a place in line."""

    conversation: str


@dataclass(frozen=True, slots=True)
class WorkDelayed:
    """A conversation has a question that is due in `after` seconds."""

    robot: str
    conversation: str
    after: float


@dataclass(frozen=True, slots=True)
class Resting:
    """A conversation has nothing to do, having seen `seen` signals."""

    conversation: str
    ref: Ref
    seen: int


@dataclass(frozen=True, slots=True)
class RestedLong:
    """A conversation has been resting for `CONVERSATION_IDLE`, unless it was signalled since."""

    conversation: str
    ref: Ref
    seen: int


@dataclass(frozen=True, slots=True)
class ConnectionOpened:
    """The gateway accepted a connection."""

    id: str
    ref: Ref


@dataclass(frozen=True, slots=True)
class ConnectionRolling:
    """The gateway will close a connection soon: its successor is due."""

    id: str
    ref: Ref
    reason: str


@dataclass(frozen=True, slots=True)
class RobotAdded:
    """A robot is there to be served."""

    robot: str


@dataclass(frozen=True, slots=True)
class OpenAgain:
    """A connection of a robot that was taken away and put back has ended: the next one may begin."""

    robot: str


@dataclass(frozen=True, slots=True)
class RobotChanged:
    """A robot has other parts from now on, and with `reconnect` other credentials. `over` is called when nobody uses
    its former parts any more, and must not block."""

    robot: str
    reconnect: bool
    over: Callable[[], object]


@dataclass(frozen=True, slots=True)
class RobotRemoved:
    """A robot is to be served no longer; what it was asked before is answered. `over` is called when nobody uses its
    parts any more, and must not block."""

    robot: str
    over: Callable[[], object]


@dataclass(frozen=True, slots=True)
class DeskLeft:
    """No turn of a conversation is at the desk any more that was given up with this number."""

    number: int
    ref: Ref


@dataclass(frozen=True, slots=True)
class Done:
    """An effect is over, and nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Finish what runs within `grace` seconds, start nothing new, then stop."""

    grace: float


@dataclass(frozen=True, slots=True)
class GraceOver:
    """The drain's grace is over: running turns are given back."""


@dataclass(frozen=True, slots=True)
class PatienceOver:
    """The last of the drain is over: everything stops now."""


@dataclass(frozen=True, slots=True)
class AreYouThere:
    """Asked by the liveness probe; answered by anything."""


@dataclass(frozen=True, slots=True)
class TellStatus:
    """Asked by `/status` and the readiness probe; answered with a `Status`."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the supervisor knows of the whole."""

    draining: bool
    connections: tuple[Mapping[str, object], ...]
    conversations: int
    resting: int
    """How many of them have nothing to do."""


# To a connection.


@dataclass(frozen=True, slots=True)
class Served:
    """The connection's life ended as it should."""


@dataclass(frozen=True, slots=True)
class Broke:
    """The connection's life ended in trouble, or by a bug."""

    error: Exception


# To a conversation.


@dataclass(frozen=True, slots=True)
class LookOnceMore:
    """The inbox could not be looked into a moment ago."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """There is work."""


@dataclass(frozen=True, slots=True)
class SeeWhoWaits:
    """A question waits that another replica stored: if there is a turn, its place in line is shown from here."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What the inbox handed out, or nothing."""

    delivery: Delivery | None


@dataclass(frozen=True, slots=True)
class Lining:
    """Who waits behind the running turn, in order."""

    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class DropThese:
    """The person who asked them took these questions back."""

    message_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened to turn number `turn`."""

    turn: int
    event: TurnEvent | None


@dataclass(frozen=True, slots=True)
class WentWrong:
    """A step of turn number `turn` failed in a way that nobody expects, or lost its lease."""

    turn: int
    error: Exception


@dataclass(frozen=True, slots=True)
class DeskChanged:
    """Its robot has another desk: say so when no turn is at the former one, which was given up with this number."""

    number: int


@dataclass(frozen=True, slots=True)
class FinishUp:
    """Finish the running turn and take no other."""


@dataclass(frozen=True, slots=True)
class LeaveNow:
    """Give the running turn back."""
