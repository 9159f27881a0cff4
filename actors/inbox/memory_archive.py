"""The operator's view of the inbox in memory, for tests: every promise of `port.Archive`, in plain Python.

It knows the entries of one `MemoryInbox`, and nothing of how they came there.
"""

from collections.abc import AsyncIterator

from actors.core.scope import of_robot
from actors.inbox.memory import Entry, Memory, MemoryInbox
from actors.inbox.port import REPLAYABLE, Belongings, Feedback, Outcome, Rating, State, Stored


class MemoryArchive:
    """Reads, replays and forgets in the inbox it is made with; see `port.Archive`."""

    def __init__(self, inbox: MemoryInbox) -> None:
        self._inbox = inbox

    async def questions(
        self, *, robot: str = "", message_id: str = "", state: State | None = None, outcome: Outcome | None = None
    ) -> AsyncIterator[Stored]:
        """The questions that fit, newest first."""
        for entry in sorted(self._inbox.entries.values(), key=lambda entry: -entry.sequence):
            stored = _stored(entry)
            its = stored.question
            if (
                _fits(robot, its.robot)
                and _fits(message_id, its.message_id)
                and state in {None, stored.state}
                and outcome in {None, stored.outcome}
            ):
                yield stored

    async def ratings(self, *, robot: str = "", message_id: str = "", since: float = 0.0) -> AsyncIterator[Rating]:
        """The ratings that fit, oldest first."""
        for key, (given_at, rating) in sorted(self._inbox.ratings.items(), key=lambda item: item[1][0]):
            its_robot, its_message_id, person = key
            if given_at >= since and _fits(robot, its_robot) and _fits(message_id, its_message_id):
                entry = self._inbox.entries.get((its_robot, its_message_id))
                feedback = Feedback(its_robot, its_message_id, person, rating)
                question, answer = (entry.question, entry.answer) if entry else (None, None)
                yield Rating(feedback, given_at, question, answer)

    async def replay(self, robot: str, message_id: str) -> bool:
        """Open a question again that was closed with an apology; False if it is no such one."""
        self._inbox.must_be_open()
        entry = self._inbox.entries.get((robot, message_id))
        if entry is None or entry.closed_at is None or entry.outcome not in REPLAYABLE:
            return False
        self._inbox.remove(entry)
        self._inbox.add(entry.question.replayed(self._inbox.now()), entry.attempt)
        return True

    async def belongings(self, person: str, robot: str = "") -> Belongings:
        """How much is stored of a person."""
        entries = self._entries(person, robot)
        still_open = sum(entry.closed_at is None for entry in entries)
        memories, sessions = self._memories(person, robot), self._sessions(person, robot)
        return Belongings(len(entries), still_open, len(memories), len(sessions), len(self._ratings(person, robot)))

    async def forget(self, person: str, robot: str = "", *, unfinished: bool = False) -> Belongings:
        """Delete what is stored of a person; what is open is cancelled, or deleted too if it is to go `unfinished`."""
        self._inbox.must_be_open()
        memories, ratings = self._memories(person, robot), self._ratings(person, robot)
        sessions = self._sessions(person, robot)
        gone = [entry for entry in self._entries(person, robot) if unfinished or entry.closed_at is not None]
        were_open = sum(entry.closed_at is None for entry in gone)
        for entry in self._entries(person, robot):
            entry.cancelled = entry.cancelled or entry.closed_at is None
        for entry in gone:
            self._inbox.remove(entry)
        for key in ratings:
            del self._inbox.ratings[key]
        for chat_id in sessions:
            del self._inbox.sessions[chat_id]
        self._inbox.turns = [memory for memory in self._inbox.turns if memory not in memories]
        return Belongings(len(gone), were_open, len(memories), len(sessions), len(ratings))

    async def purge(self) -> bool:
        """There are no files."""
        return True

    async def close(self) -> None:
        """Leave the inbox as it is."""

    def _entries(self, person: str, robot: str) -> list[Entry]:
        return [
            entry
            for entry in self._inbox.entries.values()
            if entry.question.sender_id == person and _fits(robot, entry.question.robot)
        ]

    def _memories(self, person: str, robot: str) -> list[Memory]:
        return [
            memory
            for memory in self._inbox.turns
            if memory.sender == person and (not robot or memory.chat_id.startswith(of_robot(robot)))
        ]

    def _sessions(self, person: str, robot: str) -> list[str]:
        asked = {entry.question.chat_id for entry in self._entries(person, robot)}
        return [
            chat_id
            for chat_id, session in self._inbox.sessions.items()
            if (session.sender == person or chat_id in asked) and (not robot or chat_id.startswith(of_robot(robot)))
        ]

    def _ratings(self, person: str, robot: str) -> list[tuple[str, str, str]]:
        asked = {(entry.question.robot, entry.question.message_id) for entry in self._entries(person, robot)}
        return [key for key in self._inbox.ratings if key[:2] in asked or (key[2] == person and _fits(robot, key[0]))]


def _fits(wanted: str, there: str) -> bool:
    return wanted in {"", there}


def _stored(entry: Entry) -> Stored:
    unfinished = State.OPEN if entry.lease_until is None else State.HELD
    return Stored(
        question=entry.question,
        state=unfinished if entry.closed_at is None else State.CLOSED,
        attempt=entry.attempt,
        deaths=entry.deaths,
        answer=entry.answer,
        outcome=entry.outcome,
        cancelled=entry.cancelled,
        closed_at=entry.closed_at,
        run=entry.run,
    )
