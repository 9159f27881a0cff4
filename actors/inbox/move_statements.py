"""What is moved from one inbox to another, and the statements for it, in the SQL that both engines share. Text only.

The law: every row that is kept is moved. What waits for an answer goes behind what waits there, and what is over goes
before all that is there, the newest first, so that both stay in the order in which they were said. Where the other
inbox has a row of the same key, that one stays as it is.
"""

from collections.abc import Mapping

from actors.core.frozen import frozen

_FIRST, _LAST = -(2**62), 2**62
"""Places before and behind all others."""


@frozen
class Kind:
    """Rows of a table that are moved page by page, in the order of their key.

    `name` says what they are; `first` is a key before all of theirs; `count` tells how many there are, `read` gives the
    page behind a key, of `columns`, the key's first; `write` stores a row under these names. `waits`: for an answer.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    first: tuple[str | int, ...]
    count: str
    read: str
    write: str
    waits: bool = False


def _kind(
    name: str,
    table: str,
    columns: Mapping[str, str],
    conflict: str,
    *,
    key: tuple[str, ...] = ("sequence",),
    which: str = "true",
    waits: bool = False,
) -> Kind:
    """Of the rows with a sequence, those that do not wait get a place before all others."""
    numbered = key == ("sequence",)
    over = numbered and not waits
    selected = ", ".join((*key, *columns.values()))
    keys, after = ", ".join(key), ", ".join(f":{column}" for column in key)
    read = f"""
        SELECT {selected} FROM {table} WHERE {which} AND ({keys}) {"<" if over else ">"} ({after})
        ORDER BY {keys} {"DESC" if over else ""} LIMIT :slice
    """  # noqa: S608 - made of the constants below
    written = {column: f":{column}" for column in ((() if numbered else key) + tuple(columns))}
    if over:
        written = {"sequence": f"(SELECT COALESCE(MIN(sequence), 1) - 1 FROM {table})"} | written  # noqa: S608
    write = f"""
        INSERT INTO {table} ({", ".join(written)}) VALUES ({", ".join(written.values())}) {conflict}
    """  # noqa: S608
    first: tuple[str | int, ...] = (_LAST if over else _FIRST,) if numbered else ("",) * len(key)
    count = f"SELECT COUNT(*) FROM {table} WHERE {which}"  # noqa: S608
    return Kind(name, (*key, *columns), key, first, count, read, write, waits)


def _as_they_are(*columns: str) -> dict[str, str]:
    return {column: column for column in columns}


# What is held when nobody serves any more was held by somebody who died. What was put off is due: by whose clock it was
# put off, nobody knows.
_QUESTION = _as_they_are(
    *("robot", "message_id", "conversation", "chat_id", "sender", "question", "received_at", "attempt", "run"),
    *("answer", "outcome", "cancelled", "closed_at"),
) | {
    "state": "CASE WHEN state = 'closed' THEN 'closed' ELSE 'open' END",
    "deaths": "deaths + CASE WHEN state = 'held' THEN 1 ELSE 0 END",
}
_QUESTIONS = "ON CONFLICT (robot, message_id) DO NOTHING"

_TURN = _as_they_are("chat_id", "sender", "question", "answer", "ended_at")
_WANTED = "chat_id IN (SELECT chat_id FROM questions WHERE state <> 'closed')"

KINDS = (
    _kind(
        "sessions",
        "sessions",
        _as_they_are("sender", "session", "used_at"),
        "ON CONFLICT (chat_id) DO NOTHING",
        key=("chat_id",),
    ),
    _kind("turns of memories that are asked for", "turns", _TURN, "", which=_WANTED),
    _kind("open questions", "questions", _QUESTION, _QUESTIONS, which="state <> 'closed'", waits=True),
    _kind("turns of other memories", "turns", _TURN, "", which=f"NOT {_WANTED}"),
    _kind("closed questions", "questions", _QUESTION, _QUESTIONS, which="state = 'closed'"),
    _kind(
        "notes of other messages",
        "notes",
        _as_they_are("noted_at"),
        "ON CONFLICT (robot, message_id) DO NOTHING",
        key=("robot", "message_id"),
    ),
    _kind(
        "ratings",
        "feedback",
        _as_they_are("robot", "message_id", "person", "rating", "given_at"),
        "ON CONFLICT (robot, message_id, person) DO NOTHING",
    ),
    _kind(
        "months of counted calls",
        "calls",
        _as_they_are("counted"),
        "ON CONFLICT (month) DO UPDATE SET counted = calls.counted + excluded.counted",
        key=("month",),
    ),
)
"""In the order in which they are moved: who waits for an answer waits for nothing else but the memory for it."""

# How far a move has come stands in the inbox that it goes to, and is written with what came.
REACHED = "SELECT reached, came, known FROM arrivals WHERE move = :move AND kind = :kind"
ARRIVED = """
    INSERT INTO arrivals (move, kind, reached, came, known) VALUES (:move, :kind, :reached, :came, :known)
    ON CONFLICT (move, kind)
    DO UPDATE SET reached = excluded.reached, came = excluded.came, known = excluded.known
"""
FORGET_ARRIVALS = "DELETE FROM arrivals WHERE move = :move"

DEPART = "INSERT INTO departures (move, target, left_at) VALUES (:move, :target, 0)"
FORGET_DEPARTURES = "DELETE FROM departures"
SHUT_OUT_FORMER_VERSIONS = """
    UPDATE schema_version SET works_with = CASE WHEN works_with < :version THEN :version ELSE works_with END
"""
"""They know no departures, and would answer what was moved."""
HAVE_LEFT = "UPDATE departures SET left_at = :now WHERE move = :move"
EMPTIED = tuple(
    f"DELETE FROM {table}"  # noqa: S608
    for table in ("questions", "turns", "sessions", "feedback", "notes", "calls", "replicas")
)
