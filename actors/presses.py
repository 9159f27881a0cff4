"""What a press of a card's button does, on the reactor, between the frame and its ack: a rating, or a stop.

The law: only the person who asked may rate or stop, and what is stored is stored before the ack; what follows from it
(the card for everybody, the agent) happens beside. A press that means nothing is acked all the same. How a card spells
what it shows is the platform's edge's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from weakref import WeakValueDictionary

from actors import metrics
from actors.core import texts
from actors.core.card import Rated, Stopped, card_id, pressed
from actors.core.events import Feedback as Opinion
from actors.dingtalk.clicks import Click, read_click
from actors.dingtalk.payload import Malformed
from actors.dingtalk.port import Card, Replies
from actors.errors import CallFailed, InboxUnavailable
from actors.inbox.port import Feedback, Inbox, Outcome, Record

log = logging.getLogger(__name__)

STORE_WITHIN = 1.5
"""Seconds a press may take to become durable; DingTalk allows 2 s (open.dingtalk.com, "Card callbacks")."""

_NO_CHANGE: dict[str, Any] = {"response": {}}


class Presses:
    """Takes in the presses on one robot's cards.

    `taken_back(conversation, message_ids)` is told what was stopped, and must not block; `heard` is the agent's, told
    of each rating. `beside` runs what has to happen after the ack.
    """

    def __init__(
        self,
        robot: str,
        inbox: Inbox,
        replies: Replies,
        *,
        taken_back: Callable[[str, frozenset[str]], object],
        heard: Callable[[Opinion], Awaitable[None]],
        beside: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._robot = robot
        self._inbox = inbox
        self._replies = replies
        self._taken_back = taken_back
        self._heard = heard
        self._beside = beside
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        """By what is done with a card's rating, as long as it is being done."""

    async def receive(self, data: dict[str, Any]) -> dict[str, Any] | None:
        """Take one card callback in; returns the ack's data, or None where it must not be acked."""
        try:
            click = read_click(data)
        except Malformed as error:
            log.warning(
                "a click could not be read: %s", error, extra={"action": "click_malformed", "robot": self._robot}
            )
            return _NO_CHANGE
        try:
            async with asyncio.timeout(STORE_WITHIN):
                return await self._press(click)
        except (InboxUnavailable, TimeoutError) as error:
            log.error(
                "a press could not be stored: %s",
                error or "time-out",
                extra={"action": "press_not_stored", "robot": self._robot},
            )
            return None

    async def _press(self, click: Click) -> dict[str, Any]:
        presses = [pressed(action, click.params) for action in click.action_ids or ("",)]
        press = next((press for press in presses if press is not None), None)
        record = None if press is None else await self._inbox.record(self._robot, press.message_id)
        if press is None or record is None:
            return self._nothing("unknown", click)
        question = record.question
        # A button says which answer it belongs to; the card it sits on proves it.
        if card_id(self._robot, question.message_id, question.replay) != click.card_id:
            return self._nothing("unknown", click)
        if click.user not in {question.address.user, question.sender_id}:
            return self._nothing("foreign", click)
        return await (self._rate(record, press.rating) if isinstance(press, Rated) else self._stop(record, press))

    async def _rate(self, record: Record, rating: str) -> dict[str, Any]:
        question = record.question
        if record.outcome is not Outcome.ANSWERED:
            self._count("unknown")
            return _NO_CHANGE
        person, card = question.sender_id, self._replies.card(question, 0)
        if not await self._inbox.feedback(Feedback(self._robot, question.message_id, person, rating)):
            self._count("repeated")
            return _changing(card.rated(rating))
        self._count("rated")
        opinion = Opinion(question, record.answer or "", rating, rating in texts.HELPFUL, record.run)
        self._tell(opinion)
        self._in_turn("shown", card.id, lambda: self._show(card, rating))
        self._in_turn("heard", card.id, lambda: self._pass_on(opinion))
        return _changing(card.rated(rating))

    async def _stop(self, record: Record, press: Stopped) -> dict[str, Any]:
        if not await self._inbox.cancel(self._robot, press.message_id):
            self._count("repeated")
            return _NO_CHANGE
        self._count("stopped")
        question = record.question
        log.info("an answer is stopped by its button", extra={"action": "answer_stopped", **question.ids})
        self._taken_back(question.conversation, frozenset({press.message_id}))
        return _changing(self._replies.card(question, 0).stopping())

    def _tell(self, opinion: Opinion) -> None:
        metrics.FEEDBACK.labels(robot=self._robot, rating=opinion.rating).inc()
        log.info(
            "feedback",
            extra={
                "action": "feedback",
                "event": "feedback",
                "robot": self._robot,
                "rating": opinion.rating,
                "type": "helpful" if opinion.helpful else "unhelpful",
                "message_id": opinion.question.message_id,
            },
        )

    def _in_turn(self, what: str, card: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it beside, for one rating of an answer after the other: the last one is to stay."""

        async def wait_and_work() -> None:
            async with self._turns.setdefault((what, card), asyncio.Lock()):
                await work()

        self._beside(wait_and_work())

    async def _show(self, card: Card, rating: str) -> None:
        try:
            await card.rate(rating)
        except CallFailed as error:
            log.warning("a rating was not shown: %s", error, extra={"action": "rating_not_shown", "robot": self._robot})

    async def _pass_on(self, opinion: Opinion) -> None:
        try:
            await self._heard(opinion)
        except Exception as error:  # an agent of somebody's own may raise anything
            log.warning(
                "the agent did not take a rating: %s",
                type(error).__name__,
                exc_info=error,
                extra={"action": "feedback_not_taken", "robot": self._robot},
            )

    def _nothing(self, outcome: metrics.Press, click: Click) -> dict[str, Any]:
        self._count(outcome)
        log.info(
            "a press that changes nothing: %s",
            outcome,
            extra={"action": "press_ignored", "robot": self._robot, "outcome": outcome, "card": click.card_id},
        )
        return _NO_CHANGE

    def _count(self, outcome: metrics.Press) -> None:
        metrics.CLICKS.labels(robot=self._robot, outcome=outcome).inc()


def _changing(variables: dict[str, str]) -> dict[str, Any]:
    """An ack that changes the card for the person who pressed (open.dingtalk.com, "Card callbacks")."""
    if not variables:
        return _NO_CHANGE
    options = {"updateCardDataByKey": True}
    return {"response": {"cardUpdateOptions": options, "cardData": {"cardParamMap": variables}}}
