"""The intake: what happens to a frame's message on the reactor between its reading and its ack.

The law: store, then ack. A question that is stored is never lost; one that cannot be stored is not acked, and its
sender is told. What cannot be understood gets a polite answer, after the ack and never instead of it. The intake
decides nothing about who answers: it signals that there is work.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from actors import metrics
from actors.core import texts
from actors.core.card import card_id, rated
from actors.core.question import Address, Question
from actors.core.robot import Robot
from actors.core.scope import Scope
from actors.dingtalk.clicks import read_click
from actors.dingtalk.inbound import Malformed, Unreadable, read_message
from actors.dingtalk.port import CARD_TOPIC, Callback, Replies
from actors.errors import CallFailed, InboxUnavailable
from actors.inbox.port import Feedback, Inbox, Put

log = logging.getLogger(__name__)

STORE_WITHIN = 2.0
"""Seconds a question may take to become durable; DingTalk allows 3 s from frame to ack."""

STORE_CLICK_WITHIN = 1.5
"""Seconds a click may take to become durable; DingTalk allows 2 s (open.dingtalk.com, "Card callbacks")."""

REFUSE_EVERY = 60.0
"""Seconds between two refusals to one conversation: politeness must not become a flood."""

KINDS = frozenset({"text", "richText", "picture", "audio", "video", "file", "unknownMsgType"})
"""The kinds of message that are counted by name; what a chat sends never names a metric's label by itself."""

_NO_CHANGE: dict[str, Any] = {"response": {}}
_NO_REPLY: dict[str, Any] = {"response": None}


class Intake:
    """Takes in one robot's callbacks. `work(conversation)` is called for every stored question; it must not block."""

    def __init__(
        self,
        robot: Robot,
        inbox: Inbox,
        replies: Replies,
        work: Callable[[str], object],
        *,
        queue: int,
        conversation_scope: Scope,
        memory_scope: Scope,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._robot = robot.client_id
        self._inbox = inbox
        self._replies = replies
        self._work = work
        self._queue = queue
        self._conversation_scope = conversation_scope
        self._memory_scope = memory_scope
        self._monotonic = monotonic
        self._refused: dict[str, float] = {}
        self._aside: set[asyncio.Task[None]] = set()

    async def receive(self, callback: Callback) -> dict[str, Any] | None:
        """Take one callback in; returns the ack's data, or None where it must not be acked."""
        if callback.topic == CARD_TOPIC:
            return await self._click(callback)
        return await self._message(callback)

    async def _message(self, callback: Callback) -> dict[str, Any] | None:
        said = callback.data.get("msgtype")
        kind = said if isinstance(said, str) and said in KINDS else "other"
        try:
            read = read_message(
                callback.data,
                robot=self._robot,
                conversation_scope=self._conversation_scope,
                memory_scope=self._memory_scope,
                received_at=callback.received_at,
            )
        except Malformed as error:
            log.warning(
                "a message could not be read: %s", error, extra={"action": "message_malformed", "robot": self._robot}
            )
            self._count(kind, "unsupported")
            return _NO_REPLY
        if isinstance(read, Unreadable):
            return await self._unreadable(read, kind)
        return await self._question(read, kind)

    async def _question(self, question: Question, kind: str) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(STORE_WITHIN):
                put = await self._inbox.put(question, limit=self._queue)
        except (InboxUnavailable, TimeoutError) as error:
            log.error(
                "a question could not be stored: %s",
                error or "time-out",
                extra={"action": "message_not_stored", **question.ids},
            )
            self._count(kind, "refused")
            self._say(question.address, texts.ASK_AGAIN)
            return None
        match put:
            case Put.NEW:
                self._count(kind, "accepted")
                log.info("question accepted", extra={"action": "message_accepted", **question.ids})
                self._work(question.conversation)
            case Put.DUPLICATE:
                self._count(kind, "duplicate")
                log.info("question repeated", extra={"action": "message_duplicate", **question.ids})
            case Put.FULL:
                self._count(kind, "refused")
                log.info("question refused: too many wait", extra={"action": "message_refused", **question.ids})
                self._refuse(question)
        return _NO_REPLY

    async def _unreadable(self, message: Unreadable, kind: str) -> dict[str, Any]:
        self._count(kind, "unsupported")
        log.info(
            "a message of an unsupported kind",
            extra={
                "action": "message_unsupported",
                "robot": self._robot,
                "conversation": message.conversation,
                "message_id": message.message_id,
                "kind": message.kind,
            },
        )
        self._say(message.address, texts.UNREADABLE.get(message.kind, texts.UNREADABLE["unknown"]))
        return _NO_REPLY

    async def _click(self, callback: Callback) -> dict[str, Any] | None:
        try:
            click = read_click(callback.data)
        except Malformed as error:
            log.warning(
                "a click could not be read: %s", error, extra={"action": "click_malformed", "robot": self._robot}
            )
            return _NO_CHANGE
        words = [word for action in click.action_ids if (word := rated(action)) is not None]
        try:
            async with asyncio.timeout(STORE_CLICK_WITHIN):
                for word in words:
                    # A button says which answer it rates; the card it sits on proves it.
                    if card_id(self._robot, word.message_id) == click.card_id:
                        await self._rate(Feedback(self._robot, word.message_id, click.user, word.rating))
        except (InboxUnavailable, TimeoutError) as error:
            log.error(
                "feedback could not be stored: %s",
                error or "time-out",
                extra={"action": "feedback_not_stored", "robot": self._robot},
            )
            return None
        return _NO_CHANGE

    async def _rate(self, given: Feedback) -> None:
        if not await self._inbox.feedback(given):
            return
        metrics.FEEDBACK.labels(robot=self._robot, rating=given.rating).inc()
        log.info(
            "feedback",
            extra={
                "action": "feedback",
                "event": "feedback",
                "robot": self._robot,
                "rating": given.rating,
                "type": "helpful" if given.rating in texts.HELPFUL else "unhelpful",
                "message_id": given.message_id,
            },
        )

    def _refuse(self, question: Question) -> None:
        now = self._monotonic()
        self._refused = {key: at for key, at in self._refused.items() if now - at < REFUSE_EVERY}
        if question.conversation not in self._refused:
            self._refused[question.conversation] = now
            self._say(question.address, texts.QUEUE_FULL)

    def _say(self, address: Address, text: str) -> None:
        self._beside(self._say_or_log(address, text))

    async def _say_or_log(self, address: Address, text: str) -> None:
        try:
            await self._replies.say(address, text)
        except CallFailed as error:
            log.warning("a word was not delivered: %s", error, extra={"action": "say_failed", "robot": self._robot})

    def _beside(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _count(self, kind: str, outcome: str) -> None:
        metrics.MESSAGES.labels(robot=self._robot, type=kind, outcome=outcome).inc()
