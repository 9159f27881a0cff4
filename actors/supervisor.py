"""The supervisor actor: owns every other actor, and decides who is started, signalled, stopped and given up.

The law: one mailbox decides. Connections are permanent and come back with backoff; conversations are temporary and come
with their next question; whether a conversation is told, spawned or stopped is `core.routing`'s table and happens
nowhere else. What a connection or a conversation does is not known here.
"""

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from actors import metrics
from actors.core import routing
from actors.core.restart import ChildSpec, Decision, Restart
from actors.core.routing import Action, Route
from actors.errors import InboxUnavailable
from actors.inbox.port import Inbox, Work
from actors.lines import Line
from actors.messages import (
    AreYouThere,
    BacklogRead,
    BacklogUnread,
    Begin,
    Done,
    Drain,
    DropThese,
    FinishUp,
    GraceOver,
    LeaveNow,
    LookAgain,
    NotAbandoned,
    PatienceOver,
    RestedLong,
    Resting,
    RobotAdded,
    RobotChanged,
    RobotRemoved,
    SeeWhoWaits,
    Status,
    TakenBack,
    TakenBackElsewhere,
    TellStatus,
    WaitsElsewhere,
    WorkArrived,
    WorkDelayed,
)
from actors.robots import CONVERSATIONS, STOP_WITHIN, Policy, Robots
from actors.runtime.actor import Ref, Terminated, tell
from actors.runtime.reactor import Reactor, Timer

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that turns have to be given back in when a drain's grace is over."""

READ_AGAIN_AFTER = 1.0
"""Seconds until an inbox that could not be read at the start is read again."""

RECOVER_AFTER = 1.0
"""Seconds until the question of a crashed conversation is taken up again."""


@dataclass(slots=True)
class _Talk:
    """A conversation's place in the routing table."""

    robot: str
    route: Route = routing.ABSENT
    ref: Ref | None = None
    resting: tuple[float, int] | None = None
    """(since when, signals seen), while it has nothing to do."""
    timer: Timer | None = None


class Supervisor(Robots):
    """The root of the tree; its parent is a function, told once when it is gone, and how it went."""

    mailbox_limit = 100_000

    def __init__(
        self,
        parent: Callable[[Terminated], object],
        reactor: Reactor,
        inbox: Inbox,
        *,
        robots: Collection[str],
        lines_of: Callable[[str], Sequence[Line]],
        converse: Callable[[Ref, str], Ref],
        decline: Callable[[str], object],
        policy: Policy,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(
            parent, reactor, robots=robots, lines_of=lines_of, policy=policy, clock=clock, wall=wall, chance=chance
        )
        self._reactor = reactor
        self._inbox = inbox
        self._converse = converse
        self._decline = decline
        self._talks: dict[str, _Talk] = {}
        self._draining = False

    def handle(self, message: object) -> object:
        match message:
            case WorkArrived(robot, conversation):
                self._work(robot, conversation)
            case TakenBack(robot, conversation, message_ids):
                self._taken_back(robot, conversation, message_ids)
            case TakenBackElsewhere(conversation, message_ids):
                self._tell_if_here(conversation, DropThese(message_ids))
            case WaitsElsewhere(conversation):
                self._tell_if_here(conversation, SeeWhoWaits())
            case Resting():
                self._resting(message)
            case RestedLong(conversation, ref, seen):
                self._rested_long(conversation, ref, seen)
            case WorkDelayed(robot, conversation, after):
                self._reactor.later(after, self.actor_ref, WorkArrived(robot, conversation))
            case Begin():
                self._reactor.run(self._inbox.backlog(), to=self.actor_ref, ok=BacklogRead, failed=BacklogUnread)
            case BacklogRead(works):
                self._take_up(works)
            case BacklogUnread(InboxUnavailable() as error):
                log.warning("inbox: %s", error, extra={"action": "inbox_unavailable"})
                self._reactor.later(READ_AGAIN_AFTER, self.actor_ref, Begin())
            case BacklogUnread(error):
                raise error
            case NotAbandoned(error):
                # Its lease ends by itself, and then it is found.
                log.warning("inbox: %s", error, extra={"action": "inbox_unavailable"})
            case RobotAdded() | RobotChanged() | RobotRemoved() if self._draining:
                pass
            case Drain(grace):
                self._drain(grace)
            case GraceOver():
                self._grace_over()
            case PatienceOver():
                self._stop_all()
            case Done():
                pass
            case AreYouThere():
                return True
            case TellStatus():
                return self._status()
            case _:
                return super().handle(message)
        return None

    # Conversations.

    def _take_up(self, works: tuple[Work, ...]) -> None:
        for robot in {work.robot for work in works if not self.serves(work.robot)}:
            log.warning(
                "questions of a robot that is not served here stay in the inbox",
                extra={"action": "backlog_foreign", "robot": robot},
            )
        for work in works:
            if work.due_in > 0:
                tell(self.actor_ref, WorkDelayed(work.robot, work.conversation, work.due_in))
            else:
                self._work(work.robot, work.conversation)
        log.info("inbox read: %d conversations go on", len(works), extra={"action": "backlog_read"})
        self.connect()

    def _work(self, robot: str, conversation: str) -> None:
        if self._draining or not self.serves(robot):
            return
        talk = self._talks.setdefault(conversation, _Talk(robot))
        self._route(conversation, talk, routing.work(talk.route))

    def _taken_back(self, robot: str, conversation: str, message_ids: frozenset[str]) -> None:
        """Whoever runs one of them stops; what nobody runs is closed by whoever takes it, so there is work."""
        self._tell_if_here(conversation, DropThese(message_ids))
        self._work(robot, conversation)

    def _tell_if_here(self, conversation: str, message: object) -> None:
        talk = self._talks.get(conversation)
        if talk is not None and talk.ref is not None:
            tell(talk.ref, message)

    def _resting(self, message: Resting) -> None:
        talk = self._talks.get(message.conversation)
        if talk is None or talk.ref != message.ref or talk.route.told != message.seen:
            return
        talk.resting = (self._clock(), message.seen)
        if self._draining or self._crowded() or self.is_leaving(talk.robot):
            self._rested_long(message.conversation, message.ref, message.seen)
            return
        if talk.timer is not None:
            talk.timer.cancel()
        long = RestedLong(message.conversation, message.ref, message.seen)
        talk.timer = self._reactor.later(self._policy.idle, self.actor_ref, long)

    def _rested_long(self, conversation: str, ref: Ref, seen: int) -> None:
        talk = self._talks.get(conversation)
        if talk is not None and talk.ref == ref:
            self._route(conversation, talk, routing.idle(talk.route, seen))

    def _route(self, conversation: str, talk: _Talk, routed: tuple[Route, Action]) -> None:
        talk.route, action = routed
        match action:
            case Action.SPAWN:
                self._spawn(conversation, talk)
            case Action.TELL if talk.ref is not None:
                talk.resting = None
                tell(talk.ref, LookAgain())
            case Action.STOP:
                talk.resting = None
                self.end(_child(conversation))
            case Action.RECOVER:
                self._recover(conversation, talk)
            case _:
                pass

    def _spawn(self, conversation: str, talk: _Talk) -> None:
        """Start the actor; where there is no place, send home the longest idle, else the question politely."""
        if self._crowded() and not self._send_home_the_longest_idle():
            self._turn_away(conversation, talk)
            return
        metrics.CONVERSATIONS.labels(robot=talk.robot).inc()
        self.begin(
            ChildSpec(
                _child(conversation),
                lambda supervisor: self._converse(supervisor, conversation),
                restart=Restart.TEMPORARY,
                stage=CONVERSATIONS,
                shutdown=STOP_WITHIN,
            )
        )

    def _turn_away(self, conversation: str, talk: _Talk) -> None:
        log.warning(
            "a conversation was turned away: MAX_CONVERSATIONS are at work",
            extra={"action": "conversation_turned_away", "robot": talk.robot, "conversation": conversation},
        )
        del self._talks[conversation]
        self._decline(conversation)
        self.conversation_over(talk.robot, None)

    def _crowded(self) -> bool:
        return len(self._talks) > self._policy.most_conversations

    def _send_home_the_longest_idle(self) -> bool:
        """Stop the conversation that has rested longest; False if none can go."""
        idle = [(talk.resting, name, talk) for name, talk in self._talks.items() if talk.resting]
        if not idle:
            return False
        (_, seen), name, talk = min(idle, key=lambda entry: entry[0])
        routed = routing.idle(talk.route, seen)
        self._route(name, talk, routed)
        return routed[1] is Action.STOP

    def _recover(self, conversation: str, talk: _Talk) -> None:
        """A crashed conversation's question is free again at once, and taken up after a short pause."""
        self._reactor.later(RECOVER_AFTER, self.actor_ref, WorkArrived(talk.robot, conversation))
        self._reactor.run(
            self._inbox.abandon(conversation), to=self.actor_ref, ok=lambda _: Done(), failed=NotAbandoned
        )

    def _conversation_ended(self, conversation: str, terminated: Terminated) -> None:
        talk = self._talks[conversation]
        metrics.CONVERSATIONS.labels(robot=talk.robot).dec()
        if talk.timer is not None:
            talk.timer.cancel()
        talk.ref, talk.resting, talk.timer = None, None, None
        if self._draining:
            talk.route = routing.ABSENT
        else:
            self._route(conversation, talk, routing.ended(talk.route, crashed=terminated.error is not None))
        if talk.route.phase is routing.Phase.ABSENT:
            self._talks.pop(conversation, None)
        self.conversation_over(talk.robot, terminated.ref)
        if self._draining and not self._talks:
            self._stop_all()

    # What the robots' half asks of conversations.

    def at_a_desk(self, robot: str) -> Sequence[Ref]:
        return [talk.ref for talk in self._talks.values() if talk.robot == robot and talk.ref and not talk.resting]

    def send_home(self, robot: str) -> None:
        for conversation, talk in tuple(self._talks.items()):
            if talk.robot == robot and talk.resting and talk.ref is not None:
                self._rested_long(conversation, talk.ref, talk.resting[1])

    def has_conversations(self, robot: str) -> bool:
        return any(talk.robot == robot for talk in self._talks.values())

    def child_started(self, name: str, ref: Ref) -> None:
        talk = self._talks.get(_conversation(name))
        if talk is not None:
            talk.ref = ref
        else:
            super().child_started(name, ref)

    def child_ended(self, name: str, terminated: Terminated, decision: Decision) -> None:
        if _conversation(name) in self._talks:
            self._conversation_ended(_conversation(name), terminated)
        else:
            super().child_ended(name, terminated, decision)

    # The end.

    def _drain(self, grace: float) -> None:
        if self._draining:
            return
        self._draining = True
        log.info("draining: %d conversations", len(self._talks), extra={"action": "drain_began"})
        if not self._talks:
            self._stop_all()
            return
        for talk in self._talks.values():
            if talk.ref is not None:
                tell(talk.ref, FinishUp())
        self._reactor.later(grace, self.actor_ref, GraceOver())

    def _grace_over(self) -> None:
        log.warning(
            "the drain's grace is over: %d answers are given back",
            len(self._talks),
            extra={"action": "drain_grace_over"},
        )
        for talk in self._talks.values():
            if talk.ref is not None:
                tell(talk.ref, LeaveNow())
        self._reactor.later(PATIENCE, self.actor_ref, PatienceOver())

    def _stop_all(self) -> None:
        self.begin_stop(STOP_WITHIN)

    def all_stopped(self, leaked: tuple[str, ...]) -> None:
        log.info("all actors stopped", extra={"action": "tree_stopped", "leaked": len(leaked)})

    def _status(self) -> Status:
        resting = sum(talk.resting is not None for talk in self._talks.values())
        return Status(self._draining or self.stopping, self._lines.tell(), len(self._talks), resting)


def _child(conversation: str) -> str:
    return f"conversation {conversation}"


def _conversation(child: str) -> str:
    return child.removeprefix("conversation ")
