"""What the inbox promises, whatever keeps it: the port that the actors know. Every method runs on the reactor's loop.

The law: a question that was put is answered once or closed, in order within its conversation, by one holder at a time,
across crashes. `take` raises the question's attempt number; every later write of that attempt is conditional on it.
"""

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Protocol

from actors.core.frozen import frozen
from actors.core.question import Question, Turn


class Put(StrEnum):
    """What `put` did with a question."""

    NEW = "new"
    DUPLICATE = "duplicate"
    FULL = "full"
    """Its conversation has too many waiting: remembered as refused (a repeat is a duplicate), never answered."""


class Outcome(StrEnum):
    """How a question was closed; STOPPED by the person who asked it."""

    ANSWERED = "answered"
    FAILED = "failed"
    STOPPED = "stopped"
    EXPIRED = "expired"
    REFUSED = "refused"


class State(StrEnum):
    """Where a stored question is: waiting, held by somebody who answers it, or closed."""

    OPEN = "open"
    HELD = "held"
    CLOSED = "closed"


@frozen
class Work:
    """A conversation with open questions that nobody holds; the first is due in `due_in` seconds (0: now)."""

    robot: str
    conversation: str
    due_in: float


@frozen
class Hint:
    """What another process did that this one may have to do with: a person took the messages `taken_back` of a
    conversation back; without any, a question of it waits behind the one that is held; without a conversation, there
    may be work that nobody holds."""

    robot: str
    conversation: str
    taken_back: tuple[str, ...]


class Delivery(Protocol):
    """One attempt at one question; valid until `done` or `retry`, or until somebody else took the question.

    Every method raises LeaseLost when this attempt is over, and InboxUnavailable when the store takes no writes.
    """

    question: Question
    attempt: int
    """Rises with every `take`; makes names of this attempt's calls unique."""
    deaths: int
    """How many holders died over this question (actor or process); a `retry` is no death."""
    answer: str | None
    """The durable text of a former attempt: deliver it, do not run the agent again."""
    outcome: Outcome | None
    """The outcome that was stored with `answer`."""
    cancelled: bool
    """The person took the question back: close it, do not answer it."""
    followed: bool
    """Others were open behind it in its conversation when it was taken. One that was being stored may be missed."""

    @property
    def left(self) -> float:
        """Seconds for which nobody else can have taken the question, as far as this process knows: counted from before
        the `take` or the last `touch` that came through. Without end where one process has the store for itself."""
        ...

    async def touch(self) -> bool:
        """Keep the lease: the holder is alive. False if the question was cancelled, by whomever and wherever."""
        ...

    async def begun(self, run: str, session: str, *, former: str = "") -> None:
        """Keep what the agent's back end calls this answer (`run`) and its own memory of `question.chat_id`
        (`session`); an empty one changes nothing. `former` is the session that the question was asked in: where it is
        still the one, it counts as used, but one that was forgotten meanwhile is not brought back. Nothing is kept of a
        cancelled question."""

    async def answered(self, text: str, outcome: Outcome = Outcome.ANSWERED) -> None:
        """Make the final text durable, before the first final call."""

    async def done(self, outcome: Outcome) -> None:
        """Close the question. An ANSWERED one becomes a turn of its memory (`question.chat_id`), unless the person has
        begun a new session since."""

    async def retry(self, after: float) -> None:
        """Give the question back, untouched, to be taken again `after` seconds from now; counts no death."""


@frozen
class Feedback:
    """One person's word on one answer; the last one counts."""

    robot: str
    message_id: str
    person: str
    rating: str


@frozen
class Word:
    """A control word that `person` (a `sender_id`) wrote in a conversation; `chat_id` is the memory it concerns."""

    robot: str
    message_id: str
    conversation: str
    chat_id: str
    person: str


@frozen
class Record:
    """A stored question and what became of it: `answer` is its durable text, `outcome` is None as long as neither an
    answer is stored nor the question closed; `run` is the back end's name for the answer, or empty."""

    question: Question
    answer: str | None
    outcome: Outcome | None
    closed: bool
    run: str = ""


class Inbox(Protocol):
    """The store of questions, their answers, memories, sessions and feedback."""

    async def put(self, question: Question, *, limit: int) -> Put:
        """Make a question durable, keyed by (robot, message_id). `limit` is how many may wait in its conversation,
        the running one not counted. What is put, stopped and started over in one conversation is done in the order of
        the calls.

        Raises:
            InboxUnavailable: it is not stored.
        """
        ...

    async def note(self, robot: str, message_id: str) -> bool:
        """Remember a message that is no question, for as long as repeats are told. False if it is a repeat, of a
        question too."""
        ...

    async def stop(self, word: Word) -> tuple[str, ...] | None:
        """Cancel the question whose turn it is in the word's conversation, if it is that person's and has no answer
        yet. Gives the message ids of what was cancelled; None if the word is a repeat, and nothing was done."""
        ...

    async def start_over(self, word: Word) -> tuple[str, ...] | None:
        """Cancel all open questions of that person in the word's conversation, and forget the word's memory with its
        session. Gives the message ids of what was cancelled; None if the word is a repeat, and nothing was done."""
        ...

    async def cancel(self, robot: str, message_id: str) -> bool:
        """Cancel one question; False if it is closed, has its answer, or was cancelled before."""
        ...

    async def record(self, robot: str, message_id: str) -> Record | None:
        """A question by its message id, as long as it is kept."""
        ...

    async def take(self, conversation: str) -> Delivery | None:
        """The oldest open question of a conversation, if nobody holds one of that conversation and it is due."""
        ...

    async def tell_holder(self, conversation: str) -> None:
        """There was nothing to take, for another process holds the conversation: it is told that a question waits."""
        ...

    async def abandon(self, conversation: str) -> None:
        """This process's holder in `conversation` died: its question may be taken at once, and counts one death."""
        ...

    async def waiting(self, conversation: str) -> tuple[Question, ...]:
        """The open questions of a conversation that nobody holds and nobody took back, in their order."""
        ...

    async def backlog(self) -> tuple[Work, ...]:
        """The conversations with open questions that nobody holds, oldest question first."""
        ...

    async def pending(self) -> dict[str, int]:
        """Open questions by robot, held ones included."""
        ...

    async def recall(self, chat_id: str, limit: int) -> tuple[Turn, ...]:
        """The last `limit` turns of a memory, oldest first."""
        ...

    async def session(self, chat_id: str) -> str:
        """What the agent's back end calls its own memory of this one, or empty."""
        ...

    async def feedback(self, given: Feedback) -> bool:
        """Store one person's rating of one answer. True if it is new or changed, False for a repeat."""
        ...

    async def count_calls(self, month: str, calls: int) -> int:
        """Add to the month's counted calls (`month` as 2026-11) and return the sum."""
        ...

    async def beat(self, *, life: float) -> int:
        """Say that this process is alive for another `life` seconds, and return how many are, this one included. Where
        one process has the store for itself it is always 1. `close` takes the word back."""
        ...

    async def sweep(self) -> int:
        """Forget what is older than its retention; returns how many rows went."""
        ...

    def now(self) -> float:
        """Seconds since the epoch, by the clock that all who share the store read: how old a question is, is the same
        for whoever took it in and whoever answers it."""
        ...

    trouble: str
    """Why the last look at `healthy` found it not to be; it quotes no secret. Empty if it is."""

    async def healthy(self) -> bool:
        """Whether a write goes through now."""
        ...

    def follow(self, heard: Callable[[Hint], object]) -> None:
        """Call `heard` on this loop for what other processes do, until `close`. Where one process has the store for
        itself nothing ever comes; elsewhere a hint may be lost, or come twice."""
        ...

    async def close(self) -> None:
        """Give the store back: leases of this process become void."""
        ...


@frozen
class Stored:
    """All that is stored of one question; times are epoch seconds."""

    question: Question
    state: State
    attempt: int
    deaths: int
    answer: str | None
    outcome: Outcome | None
    cancelled: bool
    closed_at: float | None
    run: str = ""


@frozen
class Rating:
    """Feedback, when it was given, and on what; `question` and `answer` are None once they are no longer kept."""

    feedback: Feedback
    given_at: float
    question: Question | None
    answer: str | None


@frozen
class Belongings:
    """How much is stored of one person: `open` of the questions are not closed; a session is one that the person's
    words went into, though it may be shared; a rating is one that the person gave, or one of an answer that the person
    got."""

    questions: int
    open: int
    turns: int
    sessions: int
    ratings: int


REPLAYABLE = frozenset({Outcome.EXPIRED, Outcome.FAILED})
"""How a question was closed that may be answered after all: the person asked, and got an apology. One that was stopped
was taken back, and one that was refused was never taken in: its asker was told so, and to ask again."""


class Archive(Protocol):
    """What an operator reads of the store and does to it, beside the processes that serve from it: it holds nothing,
    and whoever holds something keeps it.

    An empty `robot` or `message_id` means any. Every method raises InboxUnavailable when it cannot be done.
    """

    def questions(
        self, *, robot: str = "", message_id: str = "", state: State | None = None, outcome: Outcome | None = None
    ) -> AsyncIterator[Stored]:
        """The questions that fit, newest first."""
        ...

    def ratings(self, *, robot: str = "", message_id: str = "", since: float = 0.0) -> AsyncIterator[Rating]:
        """The ratings that fit, oldest first; one that was changed counts from its change on."""
        ...

    async def replay(self, robot: str, message_id: str) -> bool:
        """Open a question again whose outcome is REPLAYABLE: last in the line of its conversation, received now, its
        answer and deaths gone, its attempts kept rising, `Question.replay` one higher. False if it is no such one."""
        ...

    async def belongings(self, person: str, robot: str = "") -> Belongings:
        """How much is stored of a person (a `sender_id`)."""
        ...

    async def forget(self, person: str, robot: str = "", *, unfinished: bool = False) -> Belongings:
        """Delete a person's closed questions with their answers and ratings, turns, sessions, and the ratings given;
        cancel the open ones, which whoever serves them closes. `unfinished`: delete those too, and whoever holds one
        loses it. Gives how much went (`open`: of the questions, how many were not closed)."""
        ...

    async def purge(self) -> bool:
        """Remove what deleted rows left behind in the store's files, as far as that goes beside a running service.
        False if some of it stays until the service starts the next time."""
        ...

    async def close(self) -> None:
        """Leave the store as it is."""
        ...
