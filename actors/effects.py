"""What a turn's actions do out there: each is a coroutine for the reactor that returns the event it led to.

The law: expected trouble becomes an event of the turn's table, logged once and counted; anything else flies, and is
the actor's crash. Nothing is decided here.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from math import inf

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from actors import metrics
from actors.begun import BegunKeeper, session_of
from actors.core import card as faces
from actors.core import texts
from actors.core import turn_words as turn
from actors.core.pacing import Budget
from actors.core.question import Question
from actors.core.splitting import cut, fenced
from actors.desk import Desk, Rules
from actors.errors import PASSING, AgentFailed, CallFailed, Fault, InboxUnavailable, LeaseLost
from actors.inbox.port import Delivery, Inbox, Outcome
from actors.lease import Lease
from actors.runtime.pump import Pump, Said
from actors.waiting import WaitingCards

log = logging.getLogger(__name__)

_STORE_AGAIN_AFTER = 1.0
"""Seconds between two tries to write to an inbox that takes no writes."""

CLOSE_AGAIN_AFTER = 30.0
"""Seconds between two tries to close the card of an answer that has arrived."""

_PARTS = (12_000, 3_000, 900)
"""Bytes of a text that is too large for a card which are tried on it, one after the other. DingTalk's documents advise
1 to 3 kB, in practice much more is taken (open.dingtalk.com, "streaming updates of AI cards")."""


async def _nothing() -> None:
    """What is left to do once the answer is durable."""


class TurnEffects:
    """Carries out the actions of one turn: one delivery, one card, one pump."""

    def __init__(
        self,
        delivery: Delivery,
        desk: Desk,
        inbox: Inbox,
        rules: Rules,
        *,
        line: WaitingCards,
        running: asyncio.Semaphore,
        due: Callable[[], object],
        taken_back: Callable[[], object],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.question = delivery.question
        self._delivery = delivery
        self._desk = desk
        self._inbox = inbox
        self._rules = rules
        self._line = line
        self._running = running
        self._wall = wall
        self.lease = Lease(delivery, rules.lease, taken_back=taken_back, warn=self._warn)
        self._card = desk.replies.card(delivery.question, delivery.attempt, self.lease)
        updates = desk.replies.budget(rules.updates)
        budget = Budget(updates, rules.min_interval, desk.longest, desk.lately.durations)
        self._thinned = budget.updates < rules.updates
        self._unstored: Callable[[], Awaitable[None]] | None = None
        """Makes the answer durable, as long as it is not."""
        self._unclosed: faces.Face | None = None
        self._begun = BegunKeeper(delivery, desk.agent, self._warn)
        self._pump = Pump(budget, due=due, began=self._first_text, show_reasoning=desk.show_reasoning)

    async def keep(self) -> turn.TurnEvent:
        """Keep the lease for as long as the turn goes on; returns when it is lost."""
        await self.lease.keep()
        return turn.Lost()

    async def perform(self, action: turn.Action) -> turn.TurnEvent | None:
        """Carry out one action (`StopAgent` is the actor's: it cancels the effect of `RunAgent`)."""
        try:
            return await self._perform(action)
        except LeaseLost:
            self.lease.end()
            return turn.Lost()

    async def _perform(self, action: turn.Action) -> turn.TurnEvent | None:
        match action:
            case turn.CreateCard(think):
                return await self._create(think=think)
            case turn.RunAgent():
                return await self._run_agent()
            case turn.Update():
                return await self._update()
            case turn.DropUpdate():
                self._pump.withdraw()
                return None
            case turn.ShowLeaving():
                return await self._show_leaving()
            case turn.Gather():
                return turn.AnswerStopped(self._pump.text)
            case turn.FinishCard(face):
                return await self._finish(face)
            case turn.Say(text):
                return await self._say(text)
            case turn.CloseCard(face):
                return await self._close(face)
            case turn.StoreAnswer(text, end):
                await self._store_answer(text, Outcome(end))
                return turn.AnswerStored()
            case turn.Done(end):
                await self._store(lambda: self._delivery.done(Outcome(end)))
                self.lease.close()
                return turn.Settled()
            case turn.GiveBack(after):
                await self._store(lambda: self._delivery.retry(after))
                return turn.Settled()
            case turn.StopAgent():
                return None

    async def put_away(self) -> None:
        """The turn is over: nothing of the question is kept beside the inbox, and a card that could not be closed is
        closed when DingTalk can do it, as long as this process cares for the conversation."""
        self.lease.end()
        self._line.leave(self.question)
        await self._desk.attachments.drop(self.question)
        if self._unclosed and self.lease.open:
            await self._close_later(self._unclosed)

    def _age(self) -> float:
        """Seconds since the question's frame was read."""
        return max(0.0, self._wall() - self.question.received_at)

    async def _create(self, *, think: bool) -> turn.TurnEvent:
        there = await self._line.claim(self.question)
        # A call that was not answered may have made it, or a former attempt, or another process, in which the question
        # stood in line.
        doubted = self._line.doubted(self.question)
        by_others = self._rules.shared and not self._desk.replies.always_text
        maybe = doubted or by_others or self._delivery.attempt > 1 or self.question.received_at < self._rules.began
        if self._desk.replies.text_only:
            return turn.CardRefused(maybe_there=there or maybe)
        finished = self._delivery.answer is not None
        try:
            there = there or not await self._card.create(faces.thinking(), finished=finished)
        except CallFailed as error:
            self._warn("card_refused", error)
            return turn.CardRefused(maybe_there=maybe or error.maybe_done)
        if there and think:
            await self._think()
        elif not there and self._delivery.attempt == 1:
            metrics.FIRST_CARD_SECONDS.labels(robot=self.question.robot).observe(self._age())
        return turn.CardThere()

    async def _think(self) -> None:
        """Make a card that is there already, with a place in line or what a former attempt said, say that it begins."""
        try:
            await self._card.show(faces.thinking())
        except CallFailed as error:
            self._warn("card_update_failed", error)

    async def _run_agent(self) -> turn.TurnEvent:
        try:
            await self._desk.rush.over()
            if self._running.locked():
                self._pump.tell(texts.BUSY)
            async with self._running:
                self._pump.tell(texts.THINKING)
                question = self.question.with_attachments(await self._desk.attachments.fetch(self.question))
                if not (question.text or question.attachments):
                    return turn.AnswerTorn("", texts.NOT_FETCHED)
                question = await self._remembering(question)
                await self.lease.passed()  # the process may have stood still on the way here
                answer = self._begun.taken_out(self._desk.answer(question), question.session)
                text = await self._pump.run(answer)
                if self._pump.lasted is not None:
                    self._desk.lately.heard(self._pump.lasted)
                return turn.AnswerWhole(text)
        except AgentFailed:
            return turn.AnswerTorn(self._pump.text)

    async def _update(self) -> turn.TurnEvent:
        try:
            lag = await self._pump.show(self._send)
            if lag is None:
                self._skipped("overtaken")
            else:
                metrics.CARD_LAG_SECONDS.labels(robot=self.question.robot).observe(lag)
        except CallFailed as error:
            self._warn("card_update_failed", error)
            if error.fault not in PASSING:
                # The next one would be refused as well, and every call counts on the month's quota.
                self._pump.show_no_more()
                self._skipped("refused")
        return turn.UpdateEnded()

    async def _send(self, latest: Callable[[], Said], since: float) -> None:
        await self._card.update(faces.growing(*self._pump.said), lambda: faces.growing(*latest()), since)

    async def _show_leaving(self) -> turn.TurnEvent:
        face = faces.growing(texts.interrupted(self._pump.said.text))
        try:
            await self._card.update(face, lambda: face, 0.0)
        except CallFailed as error:
            self._warn("card_update_failed", error)
        return turn.UpdateEnded()

    async def _finish(self, face: faces.Face) -> turn.TurnEvent:
        if self._thinned and self._pump.text:
            self._skipped("quota")
        elif self._pump.spent:
            self._skipped("budget")
        try:
            await self._card.finish(face)
        except CallFailed as error:
            if error.fault is Fault.TOO_LARGE:
                return await self._finish_in_part(face)
            self._warn("card_not_finished", error)
            return turn.FinishFailed()
        self._delivered()
        metrics.CARD_UPDATES_PER_ANSWER.labels(robot=self.question.robot).observe(self._pump.shown + 1)
        return turn.CardFinished()

    async def _finish_in_part(self, face: faces.Face) -> turn.TurnEvent:
        """The platform refuses the size, and does not say which it takes: a part as large as may be stays here."""
        for size in _PARTS:
            part, rest = cut(face.text, size)
            if not rest:
                continue
            part, rest = fenced((part, rest))
            shown = f"{part}\n\n{texts.THE_REST_FOLLOWS}"
            try:
                await self._card.finish(replace(face, text=shown))
            except CallFailed as error:
                if error.fault is Fault.TOO_LARGE:
                    continue
                self._warn("card_not_finished", error)
                break
            return turn.CardFull(shown, rest)
        return turn.FinishFailed()

    async def _say(self, text: str) -> turn.TurnEvent:
        try:
            await self._desk.replies.say(self.question.address, text, self.lease)
        except CallFailed as error:
            self._warn("answer_not_said", error)
            return turn.SayFailed()
        self._delivered()
        return turn.AnswerSaid()

    async def _close(self, face: faces.Face) -> turn.TurnEvent:
        try:
            await self._card.show(face)
        except CallFailed as error:
            self._warn("card_not_closed", error)
            self._unclosed = face if error.fault in PASSING else None
        return turn.CardClosed()

    async def _close_later(self, face: faces.Face) -> None:
        """Nobody waits for it, so it does not hold up the next question, and is told of once."""
        while self._age() < self._rules.max_age:
            await asyncio.sleep(CLOSE_AGAIN_AFTER)
            try:
                await self._card.show(face)
            except CallFailed as error:
                if error.fault in PASSING:
                    continue
            return

    async def _store_answer(self, text: str, outcome: Outcome) -> None:
        """Make the answer durable, if that can be had soon; else it is owed before the question is closed."""
        self._unstored = lambda: self._delivery.answered(text, outcome)
        try:
            await self._store(_nothing, within=self._rules.patience)
        except InboxUnavailable as error:
            self._warn("answer_shown_unstored", error)
        else:
            await self._begun.settle()

    async def _store(self, write: Callable[[], Awaitable[None]], *, within: float = inf) -> None:
        """Write until it is durable: what a person is owed must not depend on a full disk being emptied in time."""
        async for attempt in self._until_available("answer_not_stored", within):
            with attempt:
                if self._unstored:
                    await self._unstored()
                    self._unstored = None
                await write()

    async def _remembering(self, question: Question) -> Question:
        """The question with what its memory holds."""
        async for attempt in self._until_available("memory_not_read"):
            with attempt:
                history, session = await asyncio.gather(
                    self._inbox.recall(question.chat_id, self._rules.history), self._inbox.session(question.chat_id)
                )
        return question.with_history(history).with_session(session_of(self._desk.agent, session))

    def _until_available(self, action: str, within: float = inf) -> AsyncRetrying:
        return AsyncRetrying(
            reraise=True,
            stop=stop_after_delay(within),
            retry=retry_if_exception_type(InboxUnavailable),
            wait=wait_fixed(_STORE_AGAIN_AFTER),
            before_sleep=lambda state: (
                self._warn(action, state.outcome and state.outcome.exception()) if state.attempt_number == 1 else None
            ),
        )

    def _skipped(self, reason: metrics.Skip) -> None:
        robot = self.question.robot
        metrics.CARD_UPDATES.labels(robot=robot, stage="streaming", outcome="skipped").inc()
        metrics.CARD_UPDATES_SKIPPED.labels(robot=robot, reason=reason).inc()

    def _first_text(self) -> None:
        metrics.FIRST_TOKEN_SECONDS.labels(robot=self.question.robot, agent=self._desk.agent).observe(self._age())

    def _delivered(self) -> None:
        metrics.ANSWER_SECONDS.labels(robot=self.question.robot, agent=self._desk.agent).observe(self._age())

    def _warn(self, action: str, error: object) -> None:
        log.warning(
            "%s: %s",
            action.replace("_", " "),
            error,
            extra={"action": action, **self.question.ids, "turn": self._delivery.attempt},
        )
