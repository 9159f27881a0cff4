"""An actor's mailbox: one queue, first in first out, that can be closed.

The law: every message is either taken out or refused, never lost in between. Close and put share a lock, so a put
comes wholly before the close, and is drained, or wholly after it, and is refused. Work is bounded; control (a stop, a
death, a timer) is always taken, so that an actor under water can still be told what matters.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from pykka import ActorDeadError, ActorRef, Future
from pykka._envelope import Envelope

from actors.core.frozen import frozen
from actors.errors import ServiceError

Ref: TypeAlias = ActorRef[Any]


@frozen
class Work:
    """Base of the messages that a full mailbox refuses."""


class MailboxFull(ServiceError):
    """As much work waits in the mailbox as may."""


def tell(ref: Ref, message: object) -> bool:
    """Send without waiting; False if the actor is dead or takes no more work."""
    try:
        ref.tell(message)
    except (ActorDeadError, MailboxFull):
        return False
    return True


class Mailbox:
    """What pykka asks of an inbox, plus a bound for work (`limit` messages, None for no bound) and an end."""

    def __init__(self, limit: int | None) -> None:
        self._queue: SimpleQueue[Envelope[Any]] = SimpleQueue()
        self._limit = limit
        self._work = 0
        self._closed = False
        self._arrived: Callable[[], object] | None = None
        # Reentrant, since a signal handler may tell an actor while the same thread is just telling it something else.
        self._lock = threading.RLock()

    def put(self, envelope: Envelope[Any], /) -> None:
        """Take a message in; a refused ask gets its refusal as the answer.

        Raises:
            ActorDeadError: the mailbox is closed and the message was told.
            MailboxFull: the message is work, too much waits already, and the message was told.
        """
        with self._lock:
            refusal = self._refusal(envelope.message)
            if refusal is None:
                self._work += isinstance(envelope.message, Work)
                self._queue.put(envelope)
                if self._arrived is not None:
                    self._arrived()
        if refusal is not None:
            if envelope.reply_to is None:
                raise refusal
            answer_with(envelope.reply_to, refusal)

    def announce(self, arrived: Callable[[], object]) -> None:
        """From now on call `arrived` once for each message that comes, and now for each that is there already."""
        with self._lock:
            self._arrived = arrived
            for _ in range(self._queue.qsize()):
                arrived()

    def get(self) -> Envelope[Any]:
        """Wait for the next message."""
        envelope = self._queue.get()
        if isinstance(envelope.message, Work):
            with self._lock:
                self._work -= 1
        return envelope

    def empty(self) -> bool:
        """Whether nothing waits at this moment."""
        return self._queue.empty()

    def close(self) -> list[Envelope[Any]]:
        """Refuse everything from now on; returns what is left."""
        with self._lock:
            self._closed = True
            self._arrived = None
        left = []
        while True:
            try:
                left.append(self._queue.get_nowait())
            except Empty:
                return left

    def _refusal(self, message: object) -> Exception | None:
        if self._closed:
            return ActorDeadError("the actor is dead")
        if isinstance(message, Work) and self._limit is not None and self._work >= self._limit:
            return MailboxFull(f"{self._limit} messages are waiting")
        return None


def answer_with(reply_to: Future[Any], error: BaseException) -> None:
    """Answer an ask with an exception."""
    reply_to.set_exception((type(error), error, error.__traceback__))
