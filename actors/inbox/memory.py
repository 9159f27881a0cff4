"""The inbox in plain Python objects, for tests: yours and ours. It keeps every promise of the port but durability."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from actors.core.frozen import frozen
from actors.core.question import Question, Turn
from actors.errors import InboxUnavailable, LeaseLost
from actors.inbox.port import Feedback, Hint, Outcome, Put, Record, Word, Work


@dataclass(slots=True, eq=False)
class Entry:
    """One stored question. `lease_until` is None unless somebody holds it; `closed_at` is None while it is open."""

    sequence: int
    question: Question
    attempt: int = 0
    deaths: int = 0
    lease_until: float | None = None
    due_at: float = 0.0
    answer: str | None = None
    outcome: Outcome | None = None
    run: str = ""
    cancelled: bool = False
    closed_at: float | None = None

    def free(self, now: float) -> bool:
        return self.lease_until is None or self.lease_until <= now


@frozen
class Memory:
    """One stored turn."""

    chat_id: str
    sender: str
    turn: Turn
    ended_at: float


@frozen
class Session:
    """What a back end calls its own memory of ours, who asked in it last, and when."""

    name: str
    sender: str
    used_at: float


class MemoryDelivery:
    """One attempt at one question; see `port.Delivery`."""

    def __init__(self, inbox: "MemoryInbox", entry: Entry, *, followed: bool) -> None:
        self.question = entry.question
        self.attempt = entry.attempt
        self.deaths = entry.deaths
        self.answer = entry.answer
        self.outcome = entry.outcome
        self.cancelled = entry.cancelled
        self.followed = followed
        self._inbox = inbox
        self._entry = entry

    @property
    def left(self) -> float:
        """The store is this process's own, and nobody else takes anything."""
        return math.inf

    async def touch(self) -> bool:
        """Keep the lease; False if the question was cancelled."""
        entry = self._mine()
        entry.lease_until = self._inbox.now() + self._inbox.lease
        return not entry.cancelled

    async def begun(self, run: str, session: str, *, former: str = "") -> None:
        """Keep the back end's names for this answer and for its memory."""
        entry = self._mine()
        if not entry.cancelled:
            entry.run = run or entry.run
            self._inbox.keep_session(entry.question, session, former)

    async def answered(self, text: str, outcome: Outcome = Outcome.ANSWERED) -> None:
        """Keep the final text."""
        entry = self._mine()
        entry.answer, entry.outcome = text, outcome

    async def done(self, outcome: Outcome) -> None:
        """Close the question, and remember it as a turn if it was answered with a text."""
        self._inbox.finish(self._mine(), outcome)

    async def retry(self, after: float) -> None:
        """Give the question back, to be taken again `after` seconds from now."""
        entry = self._mine()
        entry.lease_until, entry.due_at = None, self._inbox.now() + after

    def _mine(self) -> Entry:
        self._inbox.must_be_open()
        if self._entry.lease_until is None or self._entry.attempt != self.attempt:
            raise LeaseLost(f"attempt {self.attempt} at message {self.question.message_id} is over")
        return self._entry


class MemoryInbox:
    """The store of questions, answers, memories, sessions and feedback of one process; see `port.Inbox`.

    `lease`, `dedupe_window` and `retention` are seconds; `clock` gives epoch seconds.
    """

    def __init__(
        self,
        *,
        lease: float = 15,
        dedupe_window: float = 86_400,
        retention: float = 2_592_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lease = lease
        self.now = clock
        self.trouble = ""
        self._dedupe_window = dedupe_window
        self._retention = retention
        self._sequence = count()
        self.entries: dict[tuple[str, str], Entry] = {}
        self._lines: dict[str, deque[Entry]] = {}
        self.turns: list[Memory] = []
        self.sessions: dict[str, Session] = {}
        self._notes: dict[tuple[str, str], float] = {}
        self.ratings: dict[tuple[str, str, str], tuple[float, str]] = {}
        self._calls: Counter[str] = Counter()
        self._closed = False

    async def put(self, question: Question, *, limit: int) -> Put:
        """Keep a question, or tell a repeat, or refuse it where `limit` are waiting."""
        self.must_be_open()
        key = (question.robot, question.message_id)
        if key in self.entries:
            return Put.DUPLICATE
        full = len(await self.waiting(question.conversation)) >= limit
        entry = self.add(question)
        if full:
            self._close(entry, Outcome.REFUSED)
            return Put.FULL
        return Put.NEW

    async def note(self, robot: str, message_id: str) -> bool:
        """Remember a message that is no question; False if it is a repeat, of a question too."""
        self.must_be_open()
        if (robot, message_id) in self._notes or (robot, message_id) in self.entries:
            return False
        self._notes[robot, message_id] = self.now()
        return True

    async def stop(self, word: Word) -> tuple[str, ...] | None:
        """Cancel the question whose turn it is, if it is the person's."""
        if not await self.note(word.robot, word.message_id):
            return None
        line = list(self._lines.get(word.conversation, ()))[:1]
        return self._cancel(word.person, [entry for entry in line if entry.answer is None])

    async def start_over(self, word: Word) -> tuple[str, ...] | None:
        """Cancel the person's open questions and forget the memory with its session."""
        if not await self.note(word.robot, word.message_id):
            return None
        self.turns = [turn for turn in self.turns if turn.chat_id != word.chat_id]
        self.sessions.pop(word.chat_id, None)
        return self._cancel(word.person, list(self._lines.get(word.conversation, ())))

    def follow(self, heard: Callable[[Hint], object]) -> None:
        """Nothing ever comes: the store is this process's own."""

    async def cancel(self, robot: str, message_id: str) -> bool:
        """Cancel one question that has no answer yet."""
        self.must_be_open()
        entry = self.entries.get((robot, message_id))
        if entry is None or entry.closed_at is not None or entry.answer is not None:
            return False
        return bool(self._cancel(entry.question.sender_id, [entry]))

    async def record(self, robot: str, message_id: str) -> Record | None:
        """A question by its message id."""
        self.must_be_open()
        entry = self.entries.get((robot, message_id))
        if entry is None:
            return None
        return Record(entry.question, entry.answer, entry.outcome, entry.closed_at is not None, entry.run)

    async def take(self, conversation: str) -> MemoryDelivery | None:
        """The oldest open question of a conversation, held for `lease` seconds."""
        self.must_be_open()
        now = self.now()
        line = self._lines.get(conversation)
        if not line or not line[0].free(now) or line[0].due_at > now:
            return None
        entry = line[0]
        entry.attempt += 1
        entry.deaths += entry.lease_until is not None
        entry.lease_until = now + self.lease
        entry.run = "" if entry.answer is None else entry.run
        return MemoryDelivery(self, entry, followed=len(line) > 1)

    async def tell_holder(self, conversation: str) -> None:
        """The store is this process's own."""

    async def abandon(self, conversation: str) -> None:
        """Count a death for the question that is held in `conversation`, and free it."""
        self.must_be_open()
        for entry in self._lines.get(conversation, ()):
            if entry.lease_until is not None:
                entry.lease_until = None
                entry.deaths += 1

    async def waiting(self, conversation: str) -> tuple[Question, ...]:
        """The open questions of a conversation that nobody holds and nobody took back, in their order."""
        self.must_be_open()
        now = self.now()
        line = self._lines.get(conversation, ())
        return tuple(entry.question for entry in line if entry.free(now) and not entry.cancelled)

    async def backlog(self) -> tuple[Work, ...]:
        """The conversations whose first question nobody holds, oldest question first."""
        self.must_be_open()
        now = self.now()
        first = sorted((line[0] for line in self._lines.values()), key=lambda entry: entry.sequence)
        return tuple(
            Work(entry.question.robot, entry.question.conversation, max(0.0, entry.due_at - now))
            for entry in first
            if entry.free(now)
        )

    async def pending(self) -> dict[str, int]:
        """Open questions by robot, held ones included."""
        self.must_be_open()
        return dict(Counter(entry.question.robot for line in self._lines.values() for entry in line))

    async def recall(self, chat_id: str, limit: int) -> tuple[Turn, ...]:
        """The last `limit` turns of a memory, oldest first."""
        self.must_be_open()
        turns = [memory.turn for memory in self.turns if memory.chat_id == chat_id]
        return tuple(turns[max(0, len(turns) - limit) :])

    async def session(self, chat_id: str) -> str:
        """The back end's name for its own memory of this one, or empty."""
        self.must_be_open()
        return self.sessions[chat_id].name if chat_id in self.sessions else ""

    async def feedback(self, given: Feedback) -> bool:
        """Keep a rating; True if it is new or changed."""
        self.must_be_open()
        key = (given.robot, given.message_id, given.person)
        if key in self.ratings and self.ratings[key][1] == given.rating:
            return False
        self.ratings[key] = (self.now(), given.rating)
        return True

    async def count_calls(self, month: str, calls: int) -> int:
        """Add to the month's counted calls and return the sum."""
        self.must_be_open()
        self._calls[month] += calls
        return self._calls[month]

    async def beat(self, *, life: float) -> int:
        """The store is this process's own."""
        self.must_be_open()
        return 1

    async def sweep(self) -> int:
        """Forget what is older than its retention; returns how many entries went."""
        self.must_be_open()
        before = self._size()
        old = self.now() - self._retention
        forgotten = self.now() - max(self._retention, self._dedupe_window)
        self.entries = {
            key: entry for key, entry in self.entries.items() if entry.closed_at is None or entry.closed_at > forgotten
        }
        self.turns = [turn for turn in self.turns if turn.ended_at > old]
        self.sessions = {chat_id: session for chat_id, session in self.sessions.items() if session.used_at > old}
        self.ratings = {key: given for key, given in self.ratings.items() if given[0] > old}
        told = self.now() - self._dedupe_window
        self._notes = {message: at for message, at in self._notes.items() if at > told}
        return before - self._size()

    async def healthy(self) -> bool:
        """Whether it is not closed."""
        self.trouble = "it is closed" if self._closed else ""
        return not self._closed

    async def close(self) -> None:
        """End it; afterwards it is unavailable."""
        self._closed = True

    def finish(self, entry: Entry, outcome: Outcome) -> None:
        """Close a question; used by its delivery."""
        self._close(entry, outcome)
        question = entry.question
        if outcome is Outcome.ANSWERED and entry.answer and not entry.cancelled:
            turn = Turn(question.text, entry.answer)
            self.turns.append(Memory(question.chat_id, question.sender_id, turn, self.now()))

    def keep_session(self, question: Question, session: str, former: str) -> None:
        """Keep a session, or count it as used where it is the `former` one and not forgotten; used by a delivery."""
        kept = self.sessions.get(question.chat_id)
        if session and (session != former or (kept is not None and kept.name == former)):
            self.sessions[question.chat_id] = Session(session, question.sender_id, self.now())

    def add(self, question: Question, attempt: int = 0) -> Entry:
        """Put a question last in the line of its conversation; `attempt` is of its former life, if it had one."""
        entry = Entry(next(self._sequence), question.with_history(()), attempt)
        self.entries[question.robot, question.message_id] = entry
        self._lines.setdefault(question.conversation, deque()).append(entry)
        return entry

    def remove(self, entry: Entry) -> None:
        """Forget a question; whoever holds it loses it. Used by the archive."""
        if entry.closed_at is None:
            self._close(entry, Outcome.STOPPED)
        del self.entries[entry.question.robot, entry.question.message_id]

    def must_be_open(self) -> None:
        """Raises InboxUnavailable after `close`."""
        if self._closed:
            raise InboxUnavailable("the inbox is closed")

    def _close(self, entry: Entry, outcome: Outcome) -> None:
        entry.lease_until, entry.outcome, entry.closed_at = None, outcome, self.now()
        line = self._lines[entry.question.conversation]
        line.remove(entry)
        if not line:
            del self._lines[entry.question.conversation]

    @staticmethod
    def _cancel(person: str, entries: list[Entry]) -> tuple[str, ...]:
        wanted = [entry for entry in entries if entry.question.sender_id == person and not entry.cancelled]
        for entry in wanted:
            entry.cancelled = True
        return tuple(entry.question.message_id for entry in wanted)

    def _size(self) -> int:
        return sum(map(len, (self.entries, self.turns, self.sessions, self.ratings, self._notes)))
