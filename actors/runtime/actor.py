"""The supervised actor: pykka's actor with a death watch.

The law: whatever ends an actor, its parent is told once and no other actor notices. Pykka's own loop cannot promise
that (a failing start tells nobody, one `SystemExit` stops every actor of the process), so this one takes its place, on
the two methods that pykka offers to new kinds of actors: `_start_actor_loop` and `_create_actor_inbox`. What a parent
does about a death is not known here, nor which thread an actor lives on: one of its own, or one that it shares.
"""

import itertools
import logging
import threading
from abc import abstractmethod
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar, TypeAlias

import pykka
from pykka import ActorDeadError, ActorRegistry
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors import metrics
from actors.core.frozen import frozen
from actors.errors import ServiceError, Trouble
from actors.runtime.dispatcher import Dispatcher, start_thread
from actors.runtime.mailbox import Mailbox, MailboxFull, Ref, Work, answer_with, tell

__all__ = [
    "Actor",
    "DispatchedActor",
    "Killed",
    "MailboxFull",
    "Parent",
    "Reason",
    "Ref",
    "SpawnFailed",
    "Terminated",
    "Work",
    "tell",
]

log = logging.getLogger(__name__)

_numbers = itertools.count()


class Reason(StrEnum):
    """Why an actor is no more. `LEAKED` is a supervisor's word for a child that it has stopped waiting for."""

    NORMAL = "normal"
    FAILED = "failed"
    FAILED_START = "failed_start"
    LEAKED = "leaked"


@frozen
class Terminated:
    """An actor's death, told to its parent.

    `ref` is None only where the child never came to life. `unread` are the messages that were told to the actor and
    never handled, oldest first; the one it died of is not among them.
    """

    ref: Ref | None
    reason: Reason
    error: Exception | None = None
    unread: tuple[object, ...] = ()


Parent: TypeAlias = Ref | Callable[[Terminated], object]
"""Who is told of a death: an actor, or for the root of a tree a function, called on the dying actor's thread."""


class Killed(ServiceError):
    """Something that is no `Exception` escaped (`SystemExit`, `CancelledError`, …); it is the cause."""


class SpawnFailed(ServiceError):
    """The system gives no thread to a new actor."""


def as_exception(raised: BaseException) -> Exception:
    """An ordinary exception in place of one that would end more than it should."""
    if isinstance(raised, Exception):
        return raised
    killed = Killed(repr(raised))
    killed.__cause__ = raised
    return killed


class Actor(pykka.ThreadingActor):
    """Base of every actor: implement `handle`, and `setup` and `cleanup` where needed; pykka's hooks are never called.
    It lives on a thread of its own; `DispatchedActor` is for those that are many.

    `start(...)` takes the constructor's arguments and raises `SpawnFailed` if no thread can be had. The actor lives,
    and takes messages in, until its cleanup is over; `ref.stop()` returns when its parent has been told.
    """

    mailbox_limit: ClassVar[int | None] = None
    """How many messages derived from `Work` may wait; None for any number."""

    actor_inbox: Mailbox

    def __init__(self, parent: Parent) -> None:
        super().__init__()
        self.parent = parent

    def setup(self) -> None:
        """Runs first, on the actor's thread."""

    @abstractmethod
    def handle(self, message: Any) -> object:
        """Take one message. What it returns answers an ask; what it raises answers an ask too, and ends the actor
        otherwise."""

    def cleanup(self) -> None:
        """Runs last, exactly once, however the actor ends: also after a setup that failed half-way."""

    @classmethod
    def _create_actor_inbox(cls) -> Mailbox:
        return Mailbox(cls.mailbox_limit)

    def _start_actor_loop(self) -> None:
        thread = threading.Thread(target=self._live, name=f"{type(self).__name__}-{next(_numbers)}", daemon=True)
        try:
            start_thread(thread)
        except Exception as error:
            _answer(self._leave())
            raise SpawnFailed(f"{type(self).__name__}: {error}") from error

    def _live(self) -> None:
        self._come_alive()
        while not self.actor_stopped.is_set():
            self._take_next()

    def _come_alive(self) -> None:
        if (error := self._attempt(self.setup)) is not None:
            self._die(Reason.FAILED_START, error)

    def _take_next(self) -> None:
        """Wait for a message, and handle it."""
        envelope = self.actor_inbox.get()
        if _is_stop(envelope):
            self._die(Reason.FAILED, None, envelope)
        elif envelope.reply_to is not None:
            try:
                envelope.reply_to.set(self.handle(envelope.message))
            except BaseException as raised:  # noqa: BLE001 - nothing may be left unanswered
                answer_with(envelope.reply_to, as_exception(raised))
        elif (error := self._attempt(partial(self.handle, envelope.message))) is not None:
            self._die(Reason.FAILED, error)

    def _die(self, why: Reason, error: Exception | None, *unanswered: Envelope[Any]) -> None:
        """End, for this error, or by order. Who asked for that is answered when all is over."""
        error_of_cleanup = self._attempt(self.cleanup)
        if error is None:
            error = error_of_cleanup
        left = [*self._leave(), *unanswered]
        unread = tuple(envelope.message for envelope in left if envelope.reply_to is None and not _is_stop(envelope))
        death = Terminated(self.actor_ref, Reason.NORMAL if error is None else why, error, unread)
        self._attempt(partial(self._notify, death))
        _answer(left)

    def _attempt(self, step: Callable[[], object]) -> Exception | None:
        """Run one part of the life; whatever it raises is reported here, once, and goes no further."""
        try:
            step()
        except BaseException as raised:  # noqa: BLE001 - no way to die may be missed
            error = as_exception(raised)
            self._report(error)
            return error
        return None

    def _report(self, error: Exception, **where: str) -> None:
        extra = {"action": "actor_failed", "actor": type(self).__name__, **where}
        if isinstance(error, Trouble):
            # Expected, and it may come again at every try: what is worth a line is the parent's to say.
            log.debug("actor failed: %s", error, extra=extra)
        else:
            metrics.ACTOR_FAILURES.labels(actor=type(self).__name__).inc()
            log.error("actor failed: %s", error, exc_info=error, extra=extra)

    def _leave(self) -> list[Envelope[Any]]:
        """From here on nobody finds or reaches this actor; returns what it has not read."""
        ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        return self.actor_inbox.close()

    def _notify(self, death: Terminated) -> None:
        if isinstance(self.parent, pykka.ActorRef):
            tell(self.parent, death)
        else:
            self.parent(death)


class DispatchedActor(Actor):
    """Base of actors that take turns on a dispatcher's thread. No part of such a life may wait for anything: all the
    others would wait with it."""

    def __init__(self, parent: Parent, dispatcher: Dispatcher) -> None:
        super().__init__(parent)
        self._dispatcher = dispatcher

    def _start_actor_loop(self) -> None:
        self._dispatcher.post(self._come_alive)
        self.actor_inbox.announce(lambda: self._dispatcher.post(self._take_turn))

    def _take_turn(self) -> None:
        if not self.actor_stopped.is_set():  # else the message went back with all that was left
            self._take_next()


def _is_stop(envelope: Envelope[Any]) -> bool:
    return isinstance(envelope.message, _ActorStop)


def _answer(left: list[Envelope[Any]]) -> None:
    for envelope in left:
        if envelope.reply_to is None:
            continue
        if _is_stop(envelope):
            envelope.reply_to.set(None)
        else:
            answer_with(envelope.reply_to, ActorDeadError("the actor died before it came to this message"))
