"""How stored records look to an operator: the cells of their lines, and the whole of one question.

Pure: records in, texts out. How cells become a table or CSV is `tables`'; where they go is decided elsewhere.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from actors.core import texts
from actors.inbox.port import Belongings, Rating, State, Stored
from actors.records.tables import one_line, safe

CSV_HEADER = ("given_at", "robot", "message_id", "person", "nick", "rating", "type", "question", "answer")
RATING_HEADER = ("given", "robot", "message id", "who", "rating", "question", "answer")
QUESTION_HEADER = ("received", "robot", "message id", "nick", "state", "attempts", "deaths", "question")

_FIRST_WORDS = 200
_NICK = 12
"""Letters that a table shows at most of a text and of a nick."""


def csv_row(rating: Rating) -> tuple[str, ...]:
    """The cells of a rating's CSV record; times have their zone."""
    given = rating.feedback
    return (
        _moment(rating.given_at).isoformat(timespec="seconds"),
        given.robot,
        given.message_id,
        given.person,
        _nick(rating),
        given.rating,
        "helpful" if given.rating in texts.HELPFUL else "unhelpful",
        rating.question.text if rating.question else "",
        rating.answer or "",
    )


def rating_row(rating: Rating) -> tuple[str, ...]:
    """The cells of a rating's line."""
    given = rating.feedback
    return (
        _minute(rating.given_at),
        given.robot,
        given.message_id,
        _nick(rating)[:_NICK] or given.person,
        given.rating,
        rating.question.text[:_FIRST_WORDS] if rating.question else "",
        (rating.answer or "")[:_FIRST_WORDS],
    )


def question_row(stored: Stored) -> tuple[str, ...]:
    """The cells of a question's line."""
    question = stored.question
    return (
        _minute(question.received_at),
        question.robot,
        question.message_id,
        question.sender_nick[:_NICK],
        state_of(stored),
        str(stored.attempt),
        str(stored.deaths),
        question.text[:_FIRST_WORDS],
    )


def shown(stored: Stored, ratings: Sequence[Rating]) -> Iterator[str]:
    """The lines that show all that is stored of one question."""
    question, address = stored.question, stored.question.address
    facts = {
        "robot": question.robot,
        "message id": question.message_id,
        "asked by": f"{question.sender_nick} ({question.sender_id})",
        "chat": f"{address.chat} ({'a group' if address.group else 'private'})",
        "received": _moment(question.received_at).isoformat(timespec="seconds"),
        "state": state_of(stored),
        "closed": "" if stored.closed_at is None else _moment(stored.closed_at).isoformat(timespec="seconds"),
        "run": stored.run,
        "attempts": f"{stored.attempt} (deaths: {stored.deaths}, replays: {question.replay})",
    }
    several = [("attachment", f"{file.kind} {file.name} {file.url}") for file in question.attachments]
    several += [
        ("rating", f"{_minute(rating.given_at)} {rating.feedback.person} {rating.feedback.rating}")
        for rating in ratings
    ]
    yield from (f"{name:<12}{one_line(fact)}" for name, fact in (*facts.items(), *several) if fact)
    yield from ("", "question:", safe(question.text))
    yield from ("", "answer:", safe(stored.answer)) if stored.answer is not None else ()
    yield ""


def state_of(stored: Stored) -> str:
    """Where a question is, or how it came out."""
    if stored.state is State.CLOSED:
        return stored.outcome or ""
    return f"{stored.state}, cancelled" if stored.cancelled else stored.state


def counted(what: Belongings) -> str:
    """How much is stored of a person, in words."""
    unfinished = f" ({what.open} of them not closed)" if what.open else ""
    questions = f"questions with their answers: {what.questions}{unfinished}"
    return f"{questions}, turns of memories: {what.turns}, sessions: {what.sessions}, ratings: {what.ratings}"


def _nick(rating: Rating) -> str:
    """How the person is called, where it is the one who asked."""
    asked = rating.question
    return asked.sender_nick if asked is not None and asked.sender_id == rating.feedback.person else ""


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds).astimezone()


def _minute(seconds: float) -> str:
    return _moment(seconds).strftime("%Y-%m-%d %H:%M")
