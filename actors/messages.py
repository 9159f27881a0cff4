"""What the actors tell each other: frozen values, grouped by the actor that receives them.

Supervision's own messages (`Terminated`, `Healthy`, …) belong to the runtime.
"""

from collections.abc import Callable, Mapping

from actors.core.frozen import frozen
from actors.core.question import Question
from actors.core.turn_words import TurnEvent
from actors.inbox.port import Delivery, Work
from actors.runtime.actor import Ref
from actors.runtime.actor import Work as Bounded

# To the supervisor.


@frozen
class Begin:
    """Take up what a former process left, then open the connections."""


@frozen
class BacklogRead:
    """What the inbox holds that nobody is working on."""

    works: tuple[Work, ...]


@frozen
class BacklogUnread:
    """The inbox could not be read."""

    error: Exception


@frozen
class NotAbandoned:
    """The inbox could not be told that a conversation crashed."""

    error: Exception


@frozen
class WorkArrived(Bounded):
    """A conversation has a question to answer."""

    robot: str
    conversation: str


@frozen
class TakenBack(Bounded):
    """A person took questions of a conversation back: one of them may be running."""

    robot: str
    conversation: str
    message_ids: frozenset[str]


@frozen
class TakenBackElsewhere(Bounded):
    """The same, told to another replica: only if it runs here this one has to do with it."""

    conversation: str
    message_ids: frozenset[str]


@frozen
class WaitsElsewhere(Bounded):
    """Another replica stored a question of a conversation: who runs it here has one more to show a place in line."""

    conversation: str


@frozen
class WorkDelayed:
    """A conversation has a question that is due in `after` seconds."""

    robot: str
    conversation: str
    after: float


@frozen
class Resting:
    """A conversation has nothing to do, having seen `seen` signals."""

    conversation: str
    ref: Ref
    seen: int


@frozen
class RestedLong:
    """A conversation has been resting for `CONVERSATION_IDLE`, unless it was signalled since."""

    conversation: str
    ref: Ref
    seen: int


@frozen
class ConnectionOpened:
    """The gateway accepted a connection."""

    id: str
    ref: Ref


@frozen
class ConnectionRolling:
    """The gateway will close a connection soon: its successor is due."""

    id: str
    ref: Ref
    reason: str


@frozen
class RobotAdded:
    """A robot is there to be served."""

    robot: str


@frozen
class OpenAgain:
    """A connection of a robot that was taken away and put back has ended: the next one may begin."""

    robot: str


@frozen
class RobotChanged:
    """A robot has other parts from now on, and with `reconnect` other credentials. `over` is called when nobody uses
    its former parts any more, and must not block."""

    robot: str
    reconnect: bool
    over: Callable[[], object]


@frozen
class RobotRemoved:
    """A robot is to be served no longer; what it was asked before is answered. `over` is called when nobody uses its
    parts any more, and must not block."""

    robot: str
    over: Callable[[], object]


@frozen
class DeskLeft:
    """No turn of a conversation is at the desk any more that was given up with this number."""

    number: int
    ref: Ref


@frozen
class Done:
    """An effect is over, and nothing follows from it."""


@frozen
class Drain:
    """Finish what runs within `grace` seconds, start nothing new, then stop."""

    grace: float


@frozen
class GraceOver:
    """The drain's grace is over: running turns are given back."""


@frozen
class PatienceOver:
    """The last of the drain is over: everything stops now."""


@frozen
class AreYouThere:
    """Asked by the liveness probe; answered by anything."""


@frozen
class TellStatus:
    """Asked by `/status` and the readiness probe; answered with a `Status`."""


@frozen
class Status:
    """What the supervisor knows of the whole."""

    draining: bool
    connections: tuple[Mapping[str, object], ...]
    conversations: int
    resting: int
    """How many of them have nothing to do."""


# To a connection.


@frozen
class Served:
    """The connection's life ended as it should."""


@frozen
class Broke:
    """The connection's life ended in trouble, or by a bug."""

    error: Exception


# To a conversation.


@frozen
class LookOnceMore:
    """The inbox could not be looked into a moment ago."""


@frozen
class LookAgain:
    """There is work."""


@frozen
class SeeWhoWaits:
    """A question waits that another replica stored: if there is a turn, its place in line is shown from here."""


@frozen
class Taken:
    """What the inbox handed out, or nothing."""

    delivery: Delivery | None


@frozen
class Lining:
    """Who waits behind the running turn, in order."""

    questions: tuple[Question, ...]


@frozen
class DropThese:
    """The person who asked them took these questions back."""

    message_ids: frozenset[str]


@frozen
class Happened:
    """Something happened to turn number `turn`."""

    turn: int
    event: TurnEvent | None


@frozen
class WentWrong:
    """A step of turn number `turn` failed in a way that nobody expects, or lost its lease."""

    turn: int
    error: Exception


@frozen
class DeskChanged:
    """Its robot has another desk: say so when no turn is at the former one, which was given up with this number."""

    number: int


@frozen
class FinishUp:
    """Finish the running turn and take no other."""


@frozen
class LeaveNow:
    """Give the running turn back."""
