"""The operator's view of the inbox over any SQL engine: which statement each promise of `port.Archive` is.

The law: it reads page by page and deletes slice by slice, each a short transaction, so that nothing it does keeps those
who serve waiting. Like `sql` it knows no driver, file or server.
"""

from collections.abc import AsyncIterator, Callable

from actors.core.question import Question
from actors.core.scope import of_robot
from actors.inbox import statements
from actors.inbox.port import REPLAYABLE, Belongings, Feedback, Outcome, Rating, State, Stored
from actors.inbox.sql import Row, Runner, Value, step

_SLICE = 500
"""Rows that are read or deleted in one transaction."""

_NEWEST = 2**62
"""A place in the line that no question ever gets."""


class SqlArchive:
    """Reads, replays and forgets; see `port.Archive`. `clock` gives epoch seconds."""

    def __init__(self, engine: Runner, *, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._now = clock

    async def questions(
        self, *, robot: str = "", message_id: str = "", state: State | None = None, outcome: Outcome | None = None
    ) -> AsyncIterator[Stored]:
        """The questions that fit, newest first."""
        wanted: dict[str, Value] = {"robot": robot, "message_id": message_id, "slice": _SLICE}
        wanted |= {"state": state or "", "outcome": outcome or ""}
        before = _NEWEST
        while page := await self._run(statements.QUESTIONS, before=before, **wanted):
            for row in page:
                yield _stored(row)
            before = page[-1][0]

    async def ratings(self, *, robot: str = "", message_id: str = "", since: float = 0.0) -> AsyncIterator[Rating]:
        """The ratings that fit, oldest first."""
        after, sequence = since, 0
        wanted: dict[str, Value] = {"robot": robot, "message_id": message_id, "slice": _SLICE}
        while page := await self._run(statements.RATINGS, after=after, sequence=sequence, **wanted):
            for row in page:
                yield _rating(row)
            after, sequence, *_ = page[-1]

    async def replay(self, robot: str, message_id: str) -> bool:
        """Open a question again that was closed with an apology; False if it is no such one."""
        async for stored in self.questions(robot=robot, message_id=message_id):
            if stored.outcome in REPLAYABLE:
                return await self._put_again(stored)
        return False

    async def belongings(self, person: str, robot: str = "") -> Belongings:
        """How much is stored of a person."""
        (counts,) = await self._run(statements.BELONGINGS, **_theirs(person, robot))
        return Belongings(*counts)

    async def forget(self, person: str, robot: str = "", *, unfinished: bool = False) -> Belongings:
        """Delete what is stored of a person; what is open is cancelled, or deleted too if it is to go `unfinished`."""
        theirs = _theirs(person, robot)
        await self._run(statements.CANCEL_OF_PERSON, **theirs)
        ratings = await self._forget(statements.FORGET_RATINGS_OF_PERSON, **theirs)
        # Before the questions, which tell whose words went into a shared one.
        sessions = await self._forget(statements.FORGET_SESSIONS_OF_PERSON, **theirs)
        questions = await self._forget(statements.FORGET_QUESTIONS_OF_PERSON, **theirs, unfinished=int(unfinished))
        turns = await self._forget(statements.FORGET_TURNS_OF_PERSON, **theirs)
        were_open = sum(state != State.CLOSED for (state,) in questions)
        return Belongings(len(questions), were_open, len(turns), len(sessions), len(ratings))

    async def _put_again(self, stored: Stored) -> bool:
        question = stored.question.replayed(self._now())
        key: dict[str, Value] = {"robot": question.robot, "message_id": question.message_id, "attempt": stored.attempt}
        put_again = step(
            statements.PUT_AGAIN,
            **key,
            conversation=question.conversation,
            chat_id=question.chat_id,
            sender=question.sender_id,
            question=question.to_json(),
            received_at=question.received_at,
        )
        taken_out, *_ = await self._engine.run(step(statements.TAKE_OUT, **key), put_again, line=question.conversation)
        return bool(taken_out)

    async def _run(self, statement: str, **values: Value) -> list[Row]:
        (rows,) = await self._engine.run(step(statement, **values))
        return rows

    async def _forget(self, statement: str, **values: Value) -> list[Row]:
        gone: list[Row] = []
        while rows := await self._run(statement, **values, slice=_SLICE):
            gone += rows
        return gone


def _theirs(person: str, robot: str) -> dict[str, Value]:
    return {"person": person, "robot": robot, "memories": of_robot(robot)}


def _stored(row: Row) -> Stored:
    _, question, state, attempt, deaths, answer, outcome, cancelled, closed_at, run = row
    return Stored(
        question=Question.from_json(question),
        state=State(state),
        attempt=attempt,
        deaths=deaths,
        answer=answer,
        outcome=None if outcome is None else Outcome(outcome),
        cancelled=bool(cancelled),
        closed_at=closed_at,
        run=run,
    )


def _rating(row: Row) -> Rating:
    given_at, _, robot, message_id, person, rating, question, answer = row
    return Rating(
        feedback=Feedback(robot, message_id, person, rating),
        given_at=given_at,
        question=None if question is None else Question.from_json(question),
        answer=answer,
    )
