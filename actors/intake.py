"""The intake: what happens to a frame's message on the reactor between its reading and its ack.

The law: store, then ack. A question that is stored is never lost; one that cannot be stored is not acked, and its
sender is told. A control word takes effect ahead of every question that waits, and once. What cannot be understood gets
a polite answer, after the ack and never instead of it. The intake decides nothing about who answers: it signals that
there is work, or that work was taken back. Clicks are `clicks.py`'s.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal

from actors import metrics
from actors.burst import Burst
from actors.core import texts
from actors.core.commands import Command, read_command
from actors.core.courtesy import Courtesy
from actors.core.events import Feedback
from actors.core.frozen import frozen
from actors.core.question import Address, Question, usable
from actors.core.robot import Robot
from actors.core.scope import Scope
from actors.dingtalk.inbound import Malformed, Unreadable, age, read_message
from actors.dingtalk.port import CARD_TOPIC, Attachments, Callback, Replies
from actors.errors import CallFailed, InboxUnavailable
from actors.inbox.port import Inbox, Put, Word
from actors.presses import Presses

log = logging.getLogger(__name__)

STORE_WITHIN = 2.0
"""Seconds a question may take to become durable; DingTalk allows 3 s from frame to ack."""

SAY_WITHIN = 1.0
"""Seconds that a word which is under way when the process ends has to arrive in."""

KINDS = frozenset({"text", "richText", "picture", "audio", "video", "file", "unknownMsgType"})
"""The kinds of message that are counted by name; what a chat sends never names a metric's label by itself."""

_NO_REPLY: dict[str, Any] = {"response": None}


@frozen
class Admission:
    """Who may ask, and how much: staff or sender ids and conversation ids (empty: all), how many questions may wait in
    one conversation, and how old a message may be when it comes, in seconds."""

    senders: frozenset[str]
    chats: frozenset[str]
    queue: int
    max_age: float

    def allows(self, address: Address, sender: str) -> bool:
        """Whether this person may ask in this chat."""
        known = not self.senders or bool(self.senders & {sender, address.user})
        return known and (not self.chats or address.chat in self.chats)


class Intake:
    """Takes in one robot's callbacks. `work(conversation)` is called for every stored question, and
    `taken_back(conversation, message_ids)` for those that a person took back; neither may block. `heard` is the
    agent's, told of each rating; `accepts` are the kinds of attachments that it can use."""

    def __init__(
        self,
        robot: Robot,
        inbox: Inbox,
        replies: Replies,
        attachments: Attachments,
        *,
        work: Callable[[str], object],
        taken_back: Callable[[str, frozenset[str]], object],
        heard: Callable[[Feedback], Awaitable[None]],
        admission: Admission,
        accepts: frozenset[str],
        conversation_scope: Scope,
        memory_scope: Scope,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._robot = robot.client_id
        self._inbox = inbox
        self._replies = replies
        self._attachments = attachments
        self._burst = Burst(work)
        self._taken_back = taken_back
        self._admission = admission
        self._accepts = accepts
        self._conversation_scope = conversation_scope
        self._memory_scope = memory_scope
        self._monotonic = monotonic
        self._courtesy = Courtesy()
        self._aside: set[asyncio.Task[None]] = set()
        self._presses = Presses(self._robot, inbox, replies, taken_back=taken_back, heard=heard, beside=self._beside)

    async def receive(self, callback: Callback) -> dict[str, Any] | None:
        """Take one callback in; returns the ack's data, or None where it must not be acked."""
        if callback.topic == CARD_TOPIC:
            return await self._presses.receive(callback.data)
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
        try:
            with self._burst.coming_in():
                async with asyncio.timeout(STORE_WITHIN):
                    return await self._message(read, kind, age(callback.data, callback.sent_at))
        except (InboxUnavailable, TimeoutError) as error:
            log.error(
                "a message could not be stored: %s",
                error or "time-out",
                extra={"action": "message_not_stored", **read.ids},
            )
            self._count(kind, "refused")
            self._say(read.address, texts.ASK_AGAIN)
            return None

    async def _message(self, read: Question | Unreadable, kind: str, age: float) -> dict[str, Any]:
        if not self._admission.allows(read.address, read.sender_id):
            await self._turn_down(read, kind, "denied", texts.DENIED)
        elif age > self._admission.max_age:
            await self._turn_down(read, kind, "stale", texts.EXPIRED)
        elif isinstance(read, Unreadable):
            await self._unreadable(read, read.kind, kind)
        elif (command := _command(read)) is not None:
            await self._obey(command, read, kind)
        elif (question := usable(read, self._accepts)) is not None:
            await self._question(question, kind)
        else:
            await self._unreadable(read, read.attachments[0].kind, kind)
        return _NO_REPLY

    async def _question(self, question: Question, kind: str) -> None:
        match await self._inbox.put(question, limit=self._admission.queue):
            case Put.NEW:
                self._count(kind, "accepted")
                log.info("question accepted", extra={"action": "message_accepted", **question.ids})
                self._attachments.prefetch(question)
                self._burst.stored(question.conversation)
            case Put.DUPLICATE:
                self._repeated(question, kind)
            case Put.FULL:
                self._count(kind, "refused")
                log.info("question refused: too many wait", extra={"action": "message_refused", **question.ids})
                self._refuse(question, texts.QUEUE_FULL)

    async def _obey(self, command: Command, question: Question, kind: str) -> None:
        """Do what a word says, once; what is running is told right after it is durable."""
        word = Word(question.robot, question.message_id, question.conversation, question.chat_id, question.sender_id)
        dropped: tuple[str, ...] | None = ()
        match command:
            case Command.NEW:
                dropped, reply = await self._inbox.start_over(word), texts.NEW_SESSION
            case Command.STOP:
                dropped = await self._inbox.stop(word)
                reply = "" if dropped else texts.NOTHING_TO_STOP  # the card itself says that it was stopped
            case Command.HELP:
                dropped, reply = () if await self._inbox.note(word.robot, word.message_id) else None, texts.HELP
        if dropped is None:
            self._repeated(question, kind)
            return
        self._count(kind, "accepted")
        log.info("a word: %s", command, extra={"action": "word_obeyed", "word": command, **question.ids})
        if dropped:
            self._taken_back(question.conversation, frozenset(dropped))
        if reply:
            self._say(question.address, reply)

    async def _unreadable(self, message: Question | Unreadable, why: str, kind: str) -> None:
        if not await self._inbox.note(message.robot, message.message_id):
            self._repeated(message, kind)
            return
        self._count(kind, "unsupported")
        log.info(
            "a message of an unsupported kind",
            extra={"action": "message_unsupported", "kind": why, **message.ids},
        )
        self._say(message.address, texts.UNREADABLE.get(why, texts.UNREADABLE["unknown"]))

    async def _turn_down(
        self, read: Question | Unreadable, kind: str, outcome: Literal["denied", "stale"], text: str
    ) -> None:
        """Somebody may not ask, or what they sent comes too late to be answered, or obeyed."""
        if not await self._inbox.note(read.robot, read.message_id):
            self._repeated(read, kind)
            return
        self._count(kind, outcome)
        log.info("a message is turned down: %s", outcome, extra={"action": f"message_{outcome}", **read.ids})
        self._refuse(read, text)

    def _repeated(self, read: Question | Unreadable, kind: str) -> None:
        self._count(kind, "duplicate")
        log.info("message repeated", extra={"action": "message_duplicate", **read.ids})

    def _refuse(self, read: Question | Unreadable, text: str) -> None:
        if self._courtesy.may_say(text, read.conversation, self._monotonic()):
            self._say(read.address, text)

    def _say(self, address: Address, text: str) -> None:
        self._beside(self._say_or_log(address, text))

    async def _say_or_log(self, address: Address, text: str) -> None:
        try:
            await self._replies.say(address, text)
        except CallFailed as error:
            log.warning("a word was not delivered: %s", error, extra={"action": "say_failed", "robot": self._robot})

    async def close(self) -> None:
        """Let the words that are under way arrive, but not for long."""
        if self._aside:
            _, late = await asyncio.wait(self._aside, timeout=SAY_WITHIN)
            for task in late:
                task.cancel()

    def _beside(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _count(self, kind: str, outcome: metrics.Reception) -> None:
        metrics.MESSAGES.labels(robot=self._robot, type=kind, outcome=outcome).inc()


def _command(question: Question) -> Command | None:
    """The word that this message is; with a picture or a quote it is none."""
    return None if question.attachments or question.quote else read_command(question.text)
