"""The inbox over any SQL engine: which statement each promise of the port is, and what its rows mean.

The law: every promise is one short transaction, and a write that touches no row says that the attempt is over. It
knows no driver, file or server; the engine runs what it is given, in the order of the calls.
"""

import math
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar, cast

from actors.core.question import Question, Turn
from actors.errors import InboxUnavailable, LeaseLost
from actors.inbox import statements
from actors.inbox.port import Feedback, Hint, Outcome, Put, Record, Word, Work
from actors.inbox.renewals import Renewals

Value: TypeAlias = str | int | float
Row: TypeAlias = tuple[Any, ...]
V = TypeVar("V")

_SLICE = 500
"""Rows that `sweep` deletes in one transaction."""


class Step(NamedTuple):
    """One statement with its values."""

    statement: str
    values: dict[str, Value]


class Runner(Protocol):
    """Runs transactions."""

    async def run(self, first: Step, *then: Step, line: str = "") -> list[list[Row]]:
        """Run `first`; if it gives rows, run `then` too, in the same transaction. Gives the rows of each step that was
        run. It is durable when this returns. Transactions of one `line` are run one after another, those of this
        process in the order of the calls. A caller that is cancelled before its turn has had nothing done.

        Raises:
            InboxUnavailable: nothing was done, as far as can be known.
        """
        ...


class Engine(Runner, Protocol):
    """Runs the transactions of a process that serves."""

    async def close(self, last: Step, *then: Step) -> None:
        """Take nothing more, finish what was asked for, run `last` and, if that gives rows, `then`; then give back
        connections and files. A second call only waits for the first."""
        ...


def step(statement: str, **values: Value) -> Step:
    """A statement with its values, where every text can be stored by every engine."""
    return Step(statement, {name: storable(value) for name, value in values.items()})


def storable(value: V) -> V:
    """The value as every engine can store it."""
    # JSON can carry half a character (a lone surrogate), as agents that cut their text in the wrong place send it, and
    # NUL, which PostgreSQL refuses. One of them must not keep a question or an answer out.
    if isinstance(value, str):
        return cast("V", value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8"))
    return value


class SqlDelivery:
    """One attempt at one question; see `port.Delivery`."""

    def __init__(self, inbox: "SqlInbox", row: Row, until: float) -> None:
        sequence, question, attempt, deaths, answer, outcome, cancelled, followed = row
        self.question = Question.from_json(question)
        self.attempt: int = attempt
        self.deaths: int = deaths
        self.answer: str | None = answer
        self.outcome = None if outcome is None else Outcome(outcome)
        self.cancelled = bool(cancelled)
        self.followed = bool(followed)
        self._inbox = inbox
        self._sequence: int = sequence
        self._until = until

    @property
    def left(self) -> float:
        """Seconds for which nobody else can have taken the question, as far as is known."""
        return self._inbox.left(self._until)

    async def touch(self) -> bool:
        """Keep the lease for another `lease` seconds; False if the question was cancelled."""
        until = self._inbox.now() + self._inbox.lease
        cancelled = await self._write(statements.TOUCH, lease_until=until)
        self._until = until
        return not cancelled

    async def begun(self, run: str, session: str, *, former: str = "") -> None:
        """Keep the back end's names for this answer and for its memory."""
        now = self._inbox.now()
        keep = step(statements.KEEP_SESSION, sequence=self._sequence, session=session, former=former, now=now)
        await self._write(statements.BEGUN, *((keep,) if session else ()), run=run)

    async def answered(self, text: str, outcome: Outcome = Outcome.ANSWERED) -> None:
        """Make the final text durable."""
        await self._write(statements.ANSWERED, answer=text, outcome=outcome)

    async def done(self, outcome: Outcome) -> None:
        """Close the question, and remember it as a turn if it was answered with a text."""
        now = self._inbox.now()
        remember = step(statements.REMEMBER, sequence=self._sequence, text=self.question.text, now=now)
        then = (remember,) if outcome is Outcome.ANSWERED else ()
        await self._write(statements.DONE, *then, outcome=outcome, now=now)

    async def retry(self, after: float) -> None:
        """Give the question back, to be taken again `after` seconds from now."""
        await self._write(statements.RETRY, due_at=self._inbox.now() + after)

    async def _write(self, statement: str, *then: Step, **values: Value) -> bool:
        """Write as the holder of this attempt; True if the question was cancelled."""
        write = step(statement, sequence=self._sequence, attempt=self.attempt, **values)
        rows, *_ = await self._inbox.write(write, *then)
        if not rows:
            raise LeaseLost(f"attempt {self.attempt} at message {self.question.message_id} is over")
        return bool(rows[0][0])


class SqlInbox:
    """The store of questions, answers, memories, sessions and feedback over an engine; see `port.Inbox`.

    `lease`, `dedupe_window` and `retention` are seconds; `clock` gives epoch seconds.
    """

    def __init__(
        self, engine: Engine, *, lease: float, dedupe_window: float, retention: float, clock: Callable[[], float]
    ) -> None:
        self.engine = engine
        self.lease = lease
        self.now = clock
        self._dedupe_window = dedupe_window
        self._retention = retention
        self.holder = uuid.uuid4().hex
        self.trouble = ""
        self._renewals = Renewals(lease, clock())
        self._unheard: set[str] = set()
        """Conversations of which a question may have been taken without this process hearing of it."""

    async def put(self, question: Question, *, limit: int) -> Put:
        """Make a question durable, or tell a repeat, or refuse it where `limit` are waiting."""
        put = step(
            statements.PUT,
            robot=question.robot,
            message_id=question.message_id,
            conversation=question.conversation,
            chat_id=question.chat_id,
            sender=question.sender_id,
            question=question.to_json(),
            received_at=question.received_at,
            limit=limit,
            now=self.now(),
        )
        # One that came later must not be stored, and taken, before one that came earlier.
        (rows,) = await self.write(put, line=question.conversation)
        if not rows:
            return Put.DUPLICATE
        return Put.NEW if rows == [("open",)] else Put.FULL

    async def note(self, robot: str, message_id: str) -> bool:
        """Remember a message that is no question; False if it is a repeat, of a question too."""
        return bool(await self._run(statements.NOTE, robot=robot, message_id=message_id, now=self.now()))

    async def stop(self, word: Word) -> tuple[str, ...] | None:
        """Cancel the question whose turn it is, if it is the person's."""
        return await self._obey(word, step(statements.STOP, conversation=word.conversation, person=word.person))

    async def start_over(self, word: Word) -> tuple[str, ...] | None:
        """Cancel the person's open questions and forget the memory with its session."""
        return await self._obey(
            word,
            step(statements.CANCEL_ALL, conversation=word.conversation, person=word.person),
            step(statements.FORGET_MEMORY, chat_id=word.chat_id),
            step(statements.FORGET_SESSION, chat_id=word.chat_id),
        )

    def follow(self, heard: Callable[[Hint], object]) -> None:
        """Nothing ever comes: the store is this process's own. An engine for many says otherwise."""

    def left(self, until: float) -> float:
        """The store is this process's own, and nobody else takes anything. An engine for many says otherwise."""
        return math.inf

    async def cancel(self, robot: str, message_id: str) -> bool:
        """Cancel one question that has no answer yet."""
        return bool(await self._run(statements.CANCEL, robot=robot, message_id=message_id))

    async def record(self, robot: str, message_id: str) -> Record | None:
        """A question by its message id."""
        rows = await self._run(statements.RECORD, robot=robot, message_id=message_id)
        if not rows:
            return None
        question, answer, outcome, state, run = rows[0]
        outcome = None if outcome is None else Outcome(outcome)
        return Record(Question.from_json(question), answer, outcome, state == "closed", run)

    async def take(self, conversation: str) -> SqlDelivery | None:
        """The oldest open question of a conversation, held for `lease` seconds."""
        if conversation in self._unheard:
            await self.write(step(statements.GIVE_BACK_ONE, conversation=conversation, holder=self.holder))
            self._unheard.discard(conversation)
        now = self.now()
        lapsed, until = self._renewals.lapsed(now), now + self.lease
        try:
            (rows,) = await self.write(
                step(
                    statements.TAKE,
                    conversation=conversation,
                    holder=self.holder,
                    now=now,
                    lapsed=lapsed,
                    lease_until=until,
                )
            )
        except InboxUnavailable:
            self._unheard.add(conversation)
            raise
        return SqlDelivery(self, rows[0], until) if rows else None

    async def tell_holder(self, conversation: str) -> None:
        """The store is this process's own. An engine for many says otherwise."""

    async def abandon(self, conversation: str) -> None:
        """Count a death for the question that this process holds in `conversation`, and free it."""
        await self._run(statements.ABANDON, conversation=conversation, holder=self.holder)

    async def waiting(self, conversation: str) -> tuple[Question, ...]:
        """The open questions of a conversation that nobody holds and nobody took back, in their order."""
        rows = await self._run(statements.WAITING, conversation=conversation, now=self.now())
        return tuple(Question.from_json(question) for (question,) in rows)

    async def backlog(self) -> tuple[Work, ...]:
        """The conversations whose first question nobody holds, oldest question first."""
        if self._renewals.doubted:
            await self.healthy()
        now = self.now()
        rows = await self._run(statements.BACKLOG, lapsed=self._renewals.lapsed(now))
        return tuple(Work(robot, conversation, max(0.0, due_at - now)) for robot, conversation, due_at in rows)

    async def pending(self) -> dict[str, int]:
        """Open questions by robot, held ones included."""
        return dict(await self._run(statements.PENDING))

    async def recall(self, chat_id: str, limit: int) -> tuple[Turn, ...]:
        """The last `limit` turns of a memory, oldest first."""
        rows = await self._run(statements.RECALL, chat_id=chat_id, limit=limit)
        return tuple(Turn(question, answer) for question, answer in reversed(rows))

    async def session(self, chat_id: str) -> str:
        """The back end's name for its own memory of this one, or empty."""
        rows = await self._run(statements.SESSION, chat_id=chat_id)
        return rows[0][0] if rows else ""

    async def feedback(self, given: Feedback) -> bool:
        """Store a rating; True if it is new or changed."""
        rows = await self._run(
            statements.FEEDBACK,
            robot=given.robot,
            message_id=given.message_id,
            person=given.person,
            rating=given.rating,
            now=self.now(),
        )
        return bool(rows)

    async def count_calls(self, month: str, calls: int) -> int:
        """Add to the month's counted calls and return the sum."""
        rows = await self._run(statements.COUNT_CALLS, month=month, calls=calls)
        return int(rows[0][0])

    async def beat(self, *, life: float) -> int:
        """The store is this process's own. An engine for many says otherwise."""
        return 1

    async def sweep(self) -> int:
        """Delete turns and feedback older than the retention, sessions unused for as long, closed questions that are
        older than that and outside the dedupe window, notes outside of it, and the replicas that are no more; returns
        how many rows went."""
        old = self.now() - self._retention
        forgotten = self.now() - max(self._retention, self._dedupe_window)
        return (
            await self._forget(statements.FORGET_QUESTIONS, forgotten)
            + await self._forget(statements.FORGET_TURNS, old)
            + await self._forget(statements.FORGET_SESSIONS, old)
            + await self._forget(statements.FORGET_FEEDBACK, old)
            + await self._forget(statements.FORGET_NOTES, self.now() - self._dedupe_window)
            + await self._forget(statements.FORGET_REPLICAS, self.now())
        )

    async def healthy(self) -> bool:
        """Whether a write goes through now."""
        try:
            await self.write(step(statements.CHECK), step(statements.STORABLE))
        except InboxUnavailable as error:
            self.trouble = error.reason
            return False
        self.trouble = ""
        return True

    async def close(self) -> None:
        """Give back what this process holds (no death), then the store; afterwards it is unavailable."""
        await self.engine.close(step(statements.GIVE_BACK, holder=self.holder))

    async def write(self, first: Step, *then: Step, line: str = "") -> list[list[Row]]:
        """Run what writes questions: where it does so, a lease could have been renewed. See `Runner.run`."""
        done = await self.run(first, *then, line=line)
        if done[0]:
            self._renewals.worked(self.now())
        return done

    async def run(self, first: Step, *then: Step, line: str = "") -> list[list[Row]]:
        """Run steps: where they fail, no lease could have been renewed. See `Runner.run`."""
        try:
            return await self.engine.run(first, *then, line=line)
        except InboxUnavailable:
            self._renewals.failed(self.now())
            raise

    async def _obey(self, word: Word, first: Step, *then: Step) -> tuple[str, ...] | None:
        """Do what a word says once: the note of it and its steps are one transaction."""
        note = step(statements.NOTE, robot=word.robot, message_id=word.message_id, now=self.now())
        noted, *done = await self.run(note, first, *then, line=word.conversation)
        return tuple(message_id for message_id, _ in done[0]) if noted else None

    async def _run(self, statement: str, **values: Value) -> list[Row]:
        (rows,) = await self.run(step(statement, **values))
        return rows

    async def _forget(self, statement: str, before: float) -> int:
        total = 0
        while gone := len(await self._run(statement, before=before, slice=_SLICE)):
            total += gone
        return total
