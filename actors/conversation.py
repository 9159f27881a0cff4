"""The conversation actor: answers the questions of one conversation, one at a time, and owns the card while it does.

The law: what happens in a turn is decided by `core.turn`; this actor keeps the turn's state and has its actions carried
out on the reactor, whence they come back as messages, so that handling one never waits. Nothing here must survive a
crash: what must is in the inbox.
"""

import logging
import time
from asyncio import Semaphore
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from actors import metrics
from actors.core import texts, turn
from actors.core import turn_words as words
from actors.core.question import Question
from actors.desk import Desk, Rules
from actors.effects import TurnEffects
from actors.errors import InboxUnavailable
from actors.inbox.port import Delivery, Inbox
from actors.lease import LineFence
from actors.messages import (
    DeskChanged,
    DeskLeft,
    Done,
    DropThese,
    FinishUp,
    Happened,
    LeaveNow,
    Lining,
    LookAgain,
    LookOnceMore,
    Resting,
    SeeWhoWaits,
    Taken,
    WentWrong,
    WorkDelayed,
)
from actors.runtime.actor import DispatchedActor, Ref, tell
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.reactor import Effect, Reactor
from actors.waiting import WaitingCards

log = logging.getLogger(__name__)

LOOK_AGAIN_AFTER = 1.0
"""Seconds until an inbox that could not be looked into is tried again."""

T = TypeVar("T")


@dataclass(slots=True)
class _Running:
    """The turn under way, and what is under way for it."""

    serial: int
    delivery: Delivery
    effects: TurnEffects
    state: turn.Turn
    agent: Effect | None = None
    under_way: list[Effect] = field(default_factory=list)
    desks_given_up: list[int] = field(default_factory=list)
    """The numbers of the desks that somebody waits for, which may be this turn's."""


class Conversation(DispatchedActor):
    """One conversation. It looks for work when it starts and when it is told to; it stops only when it is stopped."""

    def __init__(
        self,
        parent: Ref,
        name: str,
        *,
        dispatcher: Dispatcher,
        reactor: Reactor,
        inbox: Inbox,
        desks: Mapping[str, Desk],
        rules: Rules,
        running: Semaphore,
        wall: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(parent, dispatcher)
        self._supervisor = parent
        self._name = name
        self._reactor = reactor
        self._inbox = inbox
        self._desks = desks
        self._rules = rules
        self._running = running
        self._wall = wall
        self._seen = 0
        self._told_of_work = True
        self._looked_at: int | None = None
        self._looked_in_vain = False
        self._others_came = False
        """Whether somebody may wait behind the question that is being taken, who came too late for that to tell."""
        self._finishing_up = False
        self._serial = 0
        self._turn: _Running | None = None
        self._taken_back: frozenset[str] = frozenset()
        self._placing: list[Effect] = []
        self._line = WaitingCards(lambda question: desks[question.robot].replies, wall)

    def setup(self) -> None:
        self._look()

    def handle(self, message: object) -> None:
        match message:
            case LookAgain():
                self._seen += 1
                self._told_of_work = self._turn is None
                self._see_who_waits()  # first, for a look that begins now finds out by itself
                self._look()
            case SeeWhoWaits():
                self._see_who_waits()
            case Lining(questions):
                self._show_places(questions)
            case DropThese(message_ids):
                self._drop(message_ids)
            case Taken(delivery):
                self._taken(delivery)
            case Happened(serial, event) if self._turn and self._turn.serial == serial and event is not None:
                self._advance(self._turn, *turn.step(self._turn.state, event))
            case WentWrong(_, InboxUnavailable() as error) if self._turn is None:
                self._look_later(error)
            case WentWrong(serial, error) if serial == self._serial:
                raise error
            case LookOnceMore():
                self._looked_at = None
                self._look()
            case DeskChanged(number):
                self._leave_desk(number)
            case FinishUp():
                self._finishing_up = True
                self._look()
            case LeaveNow():
                self._give_back()
            case _:
                pass

    def cleanup(self) -> None:
        if self._turn is not None:
            metrics.TURNS_IN_PROGRESS.labels(robot=self._turn.effects.question.robot).dec()

    def _look(self) -> None:
        """Take the next question, unless there is a turn or a look under way; say so when there is nothing to do."""
        if self._turn is not None or self._looked_at is not None:
            return
        if self._finishing_up:
            self._rest()
            return
        self._looked_at = self._seen
        self._others_came = False
        self._run(self._inbox.take(self._name), Taken)

    def _taken(self, delivery: Delivery | None) -> None:
        looked_at, self._looked_at = self._looked_at, None
        self._looked_in_vain = False
        taken_back, self._taken_back = self._taken_back, frozenset()
        if delivery is not None:
            self._begin(delivery)
            self._drop(taken_back)
        elif looked_at == self._seen:
            self._tell_holder()
            self._rest()
        else:
            self._look()

    def _tell_holder(self) -> None:
        """What was stored here cannot be taken: another replica answers in this conversation. It shows who waits."""
        if self._told_of_work:
            self._told_of_work = False
            self._reactor.run(
                self._inbox.tell_holder(self._name), to=self.actor_ref, ok=lambda _: Done(), failed=lambda _: Done()
            )

    def _look_later(self, error: InboxUnavailable) -> None:
        if not self._looked_in_vain:
            log.warning("inbox: %s", error, extra={"action": "inbox_unavailable", "conversation": self._name})
        self._looked_in_vain = True
        if self._finishing_up:
            self._looked_at = None
            self._rest()
        else:
            self._reactor.later(LOOK_AGAIN_AFTER, self.actor_ref, LookOnceMore())

    def _see_who_waits(self) -> None:
        """Whoever waits behind the running turn is shown a place in line; while one is being taken, a moment later."""
        self._others_came = True
        if self._turn is not None and not self._finishing_up:
            name = self._name
            self._reactor.run(self._inbox.waiting(name), to=self.actor_ref, ok=Lining, failed=lambda _: Done())

    def _show_places(self, line: tuple[Question, ...]) -> None:
        if self._turn is None or self._finishing_up:
            return
        running = self._turn.delivery.question.message_id
        line = tuple(question for question in line if question.message_id != running)
        self._placing = [effect for effect in self._placing if not effect.over]
        fence = LineFence(self._turn.effects.lease)
        self._placing.append(self._run(self._line.show(line, fence), lambda _: Done()))

    def _drop(self, message_ids: frozenset[str]) -> None:
        """Stop the running turn if it is one of these; what is being taken right now may be one as well."""
        if self._turn is None:
            self._taken_back = self._taken_back | message_ids if self._looked_at is not None else frozenset()
        elif self._turn.delivery.question.message_id in message_ids:
            self._advance(self._turn, *turn.step(self._turn.state, words.Stop()))

    def _leave_desk(self, number: int) -> None:
        """The next turn takes its desk anew; one that is running stays where it is."""
        if self._turn is None:
            tell(self._supervisor, DeskLeft(number, self.actor_ref))
        else:
            self._turn.desks_given_up.append(number)

    def _rest(self) -> None:
        for effect in self._placing:
            effect.cancel()  # another replica may go on with the line, whose cards are then that one's
        self._placing.clear()
        tell(self._supervisor, Resting(self._name, self.actor_ref, self._seen))

    def _begin(self, delivery: Delivery) -> None:
        self._serial += 1
        self._told_of_work = False
        due, taken_back = (Happened(self._serial, event) for event in (words.UpdateDue(), words.Stop()))
        ref, question = self.actor_ref, delivery.question
        effects = TurnEffects(
            delivery,
            self._desks[question.robot],
            self._inbox,
            self._rules,
            line=self._line,
            running=self._running,
            due=lambda: tell(ref, due),
            taken_back=lambda: tell(ref, taken_back),
            wall=self._wall,
        )
        metrics.TURNS_IN_PROGRESS.labels(robot=question.robot).inc()
        state, actions = self._first_step(delivery)
        self._turn = _Running(self._serial, delivery, effects, state)
        log.info("turn began", extra=self._context("turn_began", delivery))
        self._run_for(self._turn, effects.keep())
        self._advance(self._turn, state, actions)
        if self._finishing_up:
            self._give_back()
        if delivery.followed or self._others_came:
            self._see_who_waits()

    def _first_step(self, delivery: Delivery) -> turn.Step:
        """Answer, deliver what a former attempt answered, or apologise."""
        old = self._wall() - delivery.question.received_at > self._rules.max_age
        if delivery.answer is not None:
            return turn.resume(delivery.answer, words.End(delivery.outcome or "answered"), last_try=old)
        if delivery.cancelled:
            return turn.excuse(texts.STOPPED, words.End.STOPPED, last_try=True)
        if old:
            return turn.excuse(texts.EXPIRED, words.End.EXPIRED, last_try=True)
        if delivery.deaths >= self._rules.max_attempts:
            return turn.excuse(texts.POISONED, words.End.FAILED, last_try=False)
        return turn.begin()

    def _advance(self, current: _Running, state: turn.Turn, actions: tuple[words.Action, ...]) -> None:
        current.state = state
        for action in actions:
            self._perform(current, action)
        if state.phase in {turn.Phase.OVER, turn.Phase.LOST}:
            self._end(current)

    def _perform(self, current: _Running, action: words.Action) -> None:
        match action:
            case words.StopAgent():
                if current.agent is not None:
                    current.agent.cancel()
            case words.RunAgent():
                current.agent = self._run_for(current, current.effects.perform(action))
            case _:
                self._run_for(current, current.effects.perform(action))

    def _end(self, current: _Running) -> None:
        """The turn is over: drop what is still under way for it, and look for the next question."""
        self._turn = None
        for effect in current.under_way:
            effect.cancel()
        self._run(current.effects.put_away(), lambda _: Done())
        robot, state = current.effects.question.robot, current.state
        metrics.TURNS_IN_PROGRESS.labels(robot=robot).dec()
        if state.phase is turn.Phase.LOST:
            outcome = "lost"
        elif state.again is not None:
            outcome = "given_back"
            tell(self._supervisor, WorkDelayed(robot, self._name, state.again))
        else:
            outcome = state.end
            metrics.TURNS.labels(robot=robot, outcome=outcome).inc()
        for number in current.desks_given_up:
            self._leave_desk(number)
        log.info("turn ended: %s", outcome, extra=self._context("turn_ended", current.delivery) | {"outcome": outcome})
        self._look()

    def _give_back(self) -> None:
        self._finishing_up = True
        if self._turn is not None:
            self._advance(self._turn, *turn.step(self._turn.state, words.Leave()))
        else:
            self._look()

    def _run_for(self, current: _Running, effect: Coroutine[Any, Any, words.TurnEvent | None]) -> Effect:
        serial = current.serial
        running = self._run(effect, lambda event: Happened(serial, event))
        current.under_way.append(running)
        return running

    def _run(self, effect: Coroutine[Any, Any, T], ok: Callable[[T], object]) -> Effect:
        serial = self._serial
        return self._reactor.run(effect, to=self.actor_ref, ok=ok, failed=lambda error: WentWrong(serial, error))

    @staticmethod
    def _context(action: str, delivery: Delivery) -> dict[str, object]:
        return {"action": action, **delivery.question.ids, "turn": delivery.attempt}
