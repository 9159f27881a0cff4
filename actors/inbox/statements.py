"""The inbox's schema and statements, in the SQL that SQLite and PostgreSQL share. Text only: it knows no driver.

The law: a question is `open`, `held` or `closed`, and only the oldest of its conversation that is not closed is ever
held. `lease_until` is 0 unless it is held, so "nobody holds it" is one comparison, `lease_until <= :now`, and `held`
with a lease in the past means that the holder died. Every write says by RETURNING what it touched. Times are epoch
seconds and handed in. Values are written `:name`; an engine whose driver marks them otherwise translates that.
"""

SQLITE_WORDS = {
    "sequence": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "sender": "json_extract(question, '$.sender_id')",
}
"""The words of the schema that each engine spells its own way: a key that rises and is never given twice, and who asked
a stored question."""

VERSION_TABLE = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL, checks BIGINT NOT NULL)"
VERSION = "SELECT version FROM schema_version"
FIRST_VERSION = "INSERT INTO schema_version (version, checks) VALUES (0, 0)"
SET_VERSION = "UPDATE schema_version SET version = :version"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE questions (
            sequence {sequence},
            robot TEXT NOT NULL,
            message_id TEXT NOT NULL,
            conversation TEXT NOT NULL,
            chat_id TEXT NOT NULL,
            question TEXT NOT NULL,
            state TEXT NOT NULL,
            attempt BIGINT NOT NULL DEFAULT 0,
            deaths BIGINT NOT NULL DEFAULT 0,
            holder TEXT NOT NULL DEFAULT '',
            lease_until DOUBLE PRECISION NOT NULL DEFAULT 0,
            due_at DOUBLE PRECISION NOT NULL DEFAULT 0,
            answer TEXT,
            outcome TEXT,
            received_at DOUBLE PRECISION NOT NULL,
            closed_at DOUBLE PRECISION,
            UNIQUE (robot, message_id)
        )
        """,
        "CREATE INDEX questions_not_closed ON questions (conversation, sequence) WHERE state <> 'closed'",
        "CREATE INDEX questions_of_a_robot ON questions (robot) WHERE state <> 'closed'",
        "CREATE INDEX questions_closed ON questions (closed_at) WHERE state = 'closed'",
        """
        CREATE TABLE turns (
            sequence {sequence},
            chat_id TEXT NOT NULL,
            question TEXT NOT NULL,
            answer TEXT NOT NULL,
            ended_at DOUBLE PRECISION NOT NULL
        )
        """,
        "CREATE INDEX turns_of_a_memory ON turns (chat_id, sequence)",
        "CREATE INDEX turns_by_age ON turns (ended_at)",
        """
        CREATE TABLE feedback (
            sequence {sequence},
            robot TEXT NOT NULL,
            message_id TEXT NOT NULL,
            person TEXT NOT NULL,
            rating TEXT NOT NULL,
            given_at DOUBLE PRECISION NOT NULL,
            UNIQUE (robot, message_id, person)
        )
        """,
        "CREATE INDEX feedback_by_age ON feedback (given_at)",
        "CREATE TABLE calls (month TEXT PRIMARY KEY, counted BIGINT NOT NULL)",
    ),
    (
        "ALTER TABLE questions ADD COLUMN sender TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE questions ADD COLUMN cancelled BIGINT NOT NULL DEFAULT 0",
        "UPDATE questions SET sender = {sender}",
        "CREATE INDEX questions_of_a_person ON questions (sender)",
        "ALTER TABLE turns ADD COLUMN sender TEXT NOT NULL DEFAULT ''",
        """
        UPDATE turns SET sender = COALESCE((
            SELECT sender FROM questions
            WHERE questions.chat_id = turns.chat_id AND questions.answer = turns.answer LIMIT 1
        ), '')
        """,
        "CREATE INDEX turns_of_a_person ON turns (sender)",
        """
        CREATE TABLE notes (
            robot TEXT NOT NULL,
            message_id TEXT NOT NULL,
            noted_at DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (robot, message_id)
        )
        """,
        "CREATE INDEX notes_by_age ON notes (noted_at)",
    ),
    ("CREATE INDEX feedback_of_a_person ON feedback (person)",),
    (
        "ALTER TABLE questions ADD COLUMN run TEXT NOT NULL DEFAULT ''",
        """
        CREATE TABLE sessions (
            chat_id TEXT PRIMARY KEY,
            sender TEXT NOT NULL,
            session TEXT NOT NULL,
            used_at DOUBLE PRECISION NOT NULL
        )
        """,
        "CREATE INDEX sessions_by_age ON sessions (used_at)",
        "CREATE INDEX sessions_of_a_person ON sessions (sender)",
    ),
)
"""What brings a store from one schema version to the next; a store's version is how many of them it has seen."""

# `WHERE true` tells SQLite's parser that ON begins the conflict clause and not a join's condition.
PUT = """
    INSERT INTO questions (
        robot, message_id, conversation, chat_id, sender, question, received_at, state, outcome, closed_at
    )
    SELECT
        :robot, :message_id, :conversation, :chat_id, :sender, :question, :received_at,
        CASE WHEN waiting < :limit THEN 'open' ELSE 'closed' END,
        CASE WHEN waiting < :limit THEN NULL ELSE 'refused' END,
        CASE WHEN waiting < :limit THEN NULL ELSE CAST(:now AS DOUBLE PRECISION) END
    FROM (
        SELECT COUNT(*) AS waiting FROM questions
        WHERE conversation = :conversation AND state <> 'closed' AND lease_until <= :now AND cancelled = 0
    ) AS line
    WHERE true
    ON CONFLICT (robot, message_id) DO NOTHING
    RETURNING state
"""
"""Gives no row for a repeat, else `open`, or `closed` where too many wait."""

TAKE = """
    UPDATE questions SET
        state = 'held', holder = :holder, lease_until = :lease_until, attempt = attempt + 1,
        deaths = deaths + CASE WHEN state = 'held' THEN 1 ELSE 0 END,
        run = CASE WHEN answer IS NULL THEN '' ELSE run END
    WHERE sequence = (SELECT MIN(sequence) FROM questions WHERE conversation = :conversation AND state <> 'closed')
        AND state <> 'closed' AND lease_until <= :now AND due_at <= :now
    RETURNING sequence, question, attempt, deaths, answer, outcome, cancelled
"""


def _of_the_attempt(change: str) -> str:
    """A write by the holder of one attempt: it touches no row once that attempt is over."""
    return f"""
        UPDATE questions SET {change}
        WHERE sequence = :sequence AND attempt = :attempt AND state = 'held'
        RETURNING cancelled
    """  # noqa: S608 - the changes are the constants below


TOUCH = _of_the_attempt("lease_until = :lease_until")
BEGUN = _of_the_attempt("run = CASE WHEN :run <> '' AND cancelled = 0 THEN :run ELSE run END")
KEEP_SESSION = """
    INSERT INTO sessions (chat_id, sender, session, used_at)
    SELECT chat_id, sender, :session, :now FROM questions
    WHERE sequence = :sequence AND cancelled = 0 AND (
        :session <> :former
        OR EXISTS (SELECT 1 FROM sessions AS kept WHERE kept.chat_id = questions.chat_id AND kept.session = :former)
    )
    ON CONFLICT (chat_id)
    DO UPDATE SET sender = excluded.sender, session = excluded.session, used_at = excluded.used_at
    RETURNING chat_id
"""
"""Follows BEGUN in its transaction."""
ANSWERED = _of_the_attempt("answer = :answer, outcome = :outcome")
RETRY = _of_the_attempt("state = 'open', lease_until = 0, due_at = :due_at")
DONE = _of_the_attempt("state = 'closed', lease_until = 0, outcome = :outcome, closed_at = :now")
REMEMBER = """
    INSERT INTO turns (chat_id, sender, question, answer, ended_at)
    SELECT chat_id, sender, :text, answer, :now FROM questions
    WHERE sequence = :sequence AND answer <> '' AND cancelled = 0
    RETURNING sequence
"""
"""Follows DONE in its transaction."""

# `state <> 'closed'` says nothing new here, but a partial index is used only by those who repeat its condition.
ABANDON = """
    UPDATE questions SET state = 'open', lease_until = 0, deaths = deaths + 1
    WHERE conversation = :conversation AND state <> 'closed' AND state = 'held' AND holder = :holder
    RETURNING sequence
"""
VOID_ALL = """
    UPDATE questions SET state = 'open', lease_until = 0, deaths = deaths + 1
    WHERE state <> 'closed' AND state = 'held'
    RETURNING sequence
"""
"""For a store that one process holds alone: whoever held a question before is dead."""
ALL_DUE = """
    UPDATE questions SET due_at = 0 WHERE state <> 'closed' AND due_at > 0 RETURNING sequence
"""
"""Follows VOID_ALL: what a former process put off was put off by its clock, which may have been set right since."""
GIVE_BACK = """
    UPDATE questions SET state = 'open', lease_until = 0
    WHERE state <> 'closed' AND state = 'held' AND holder = :holder
    RETURNING sequence
"""
"""An ordered end is no death."""

NOTE = """
    INSERT INTO notes (robot, message_id, noted_at) SELECT :robot, :message_id, :now
    WHERE NOT EXISTS (SELECT 1 FROM questions WHERE robot = :robot AND message_id = :message_id)
    ON CONFLICT (robot, message_id) DO NOTHING
    RETURNING message_id
"""
"""Gives no row for a repeat."""


def _cancelling(which: str) -> str:
    """The person who asked takes questions back."""
    return f"""
        UPDATE questions SET cancelled = 1 WHERE {which} AND state <> 'closed' AND cancelled = 0 RETURNING message_id
    """  # noqa: S608 - the conditions are the constants below


STOP = _cancelling(
    "sequence = (SELECT MIN(sequence) FROM questions WHERE conversation = :conversation AND state <> 'closed')"
    " AND sender = :person AND answer IS NULL"
)
CANCEL_ALL = _cancelling("conversation = :conversation AND sender = :person")
CANCEL = _cancelling("robot = :robot AND message_id = :message_id AND answer IS NULL")
FORGET_MEMORY = "DELETE FROM turns WHERE chat_id = :chat_id RETURNING sequence"
FORGET_SESSION = "DELETE FROM sessions WHERE chat_id = :chat_id RETURNING chat_id"

RECORD = """
    SELECT question, answer, outcome, state, run FROM questions WHERE robot = :robot AND message_id = :message_id
"""
WAITING = """
    SELECT question FROM questions
    WHERE conversation = :conversation AND state <> 'closed' AND lease_until <= :now AND cancelled = 0
    ORDER BY sequence
"""
BACKLOG = """
    SELECT robot, conversation, due_at FROM questions
    WHERE sequence IN (SELECT MIN(sequence) FROM questions WHERE state <> 'closed' GROUP BY conversation)
        AND lease_until <= :now
    ORDER BY sequence
"""
PENDING = "SELECT robot, COUNT(*) FROM questions WHERE state <> 'closed' GROUP BY robot"
RECALL = "SELECT question, answer FROM turns WHERE chat_id = :chat_id ORDER BY sequence DESC LIMIT :limit"
SESSION = "SELECT session FROM sessions WHERE chat_id = :chat_id"

FEEDBACK = """
    INSERT INTO feedback (robot, message_id, person, rating, given_at)
    VALUES (:robot, :message_id, :person, :rating, :now)
    ON CONFLICT (robot, message_id, person)
    DO UPDATE SET rating = excluded.rating, given_at = excluded.given_at WHERE feedback.rating <> excluded.rating
    RETURNING sequence
"""
"""Gives no row for a repeat."""
COUNT_CALLS = """
    INSERT INTO calls (month, counted) VALUES (:month, :calls)
    ON CONFLICT (month) DO UPDATE SET counted = calls.counted + excluded.counted
    RETURNING counted
"""
# SQLite skips a write that changes no byte, so the number has to rise.
CHECK = "UPDATE schema_version SET checks = checks + 1 RETURNING checks"

# In slices: questions that arrive during a long clean-up are stored between two of them.
FORGET_QUESTIONS = """
    DELETE FROM questions WHERE sequence IN (
        SELECT sequence FROM questions WHERE state = 'closed' AND closed_at <= :before LIMIT :slice
    ) RETURNING sequence
"""
FORGET_TURNS = """
    DELETE FROM turns WHERE sequence IN (SELECT sequence FROM turns WHERE ended_at <= :before LIMIT :slice)
    RETURNING sequence
"""
FORGET_SESSIONS = """
    DELETE FROM sessions WHERE chat_id IN (SELECT chat_id FROM sessions WHERE used_at <= :before LIMIT :slice)
    RETURNING chat_id
"""
FORGET_FEEDBACK = """
    DELETE FROM feedback WHERE sequence IN (SELECT sequence FROM feedback WHERE given_at <= :before LIMIT :slice)
    RETURNING sequence
"""
FORGET_NOTES = """
    DELETE FROM notes WHERE (robot, message_id) IN (
        SELECT robot, message_id FROM notes WHERE noted_at <= :before LIMIT :slice
    ) RETURNING message_id
"""

# For an operator, page by page: no read lasts so long that the write-ahead log could not be emptied meanwhile. An empty
# text is no condition.
QUESTIONS = """
    SELECT sequence, question, state, attempt, deaths, answer, outcome, cancelled, closed_at, run FROM questions
    WHERE sequence < :before
        AND (:robot = '' OR robot = :robot) AND (:message_id = '' OR message_id = :message_id)
        AND (:state = '' OR state = :state) AND (:outcome = '' OR outcome = :outcome)
    ORDER BY sequence DESC LIMIT :slice
"""
RATINGS = """
    SELECT
        feedback.given_at, feedback.sequence, feedback.robot, feedback.message_id, feedback.person, feedback.rating,
        questions.question, questions.answer
    FROM feedback
    LEFT JOIN questions ON questions.robot = feedback.robot AND questions.message_id = feedback.message_id
    WHERE (feedback.given_at, feedback.sequence) > (:after, :sequence)
        AND (:robot = '' OR feedback.robot = :robot) AND (:message_id = '' OR feedback.message_id = :message_id)
    ORDER BY feedback.given_at, feedback.sequence LIMIT :slice
"""

# A replayed question gets a new place in the line: one that is held must stay the oldest of its conversation. Tied to
# the attempt that was read, so that of two operators one replays it.
TAKE_OUT = """
    DELETE FROM questions
    WHERE robot = :robot AND message_id = :message_id AND attempt = :attempt AND state = 'closed'
    RETURNING sequence
"""
PUT_AGAIN = """
    INSERT INTO questions (robot, message_id, conversation, chat_id, sender, question, received_at, attempt, state)
    VALUES (:robot, :message_id, :conversation, :chat_id, :sender, :question, :received_at, :attempt, 'open')
    RETURNING sequence
"""
"""Follows TAKE_OUT in its transaction."""

_THEIR_QUESTIONS = "sender = :person AND (:robot = '' OR robot = :robot)"
_THEIR_MEMORIES = "sender = :person AND (:robot = '' OR substr(chat_id, 1, length(:memories)) = :memories)"
# A back end's memory cannot be divided: where several people share it, it is of each of them.
_THEIR_SESSIONS = f"""
    SELECT chat_id FROM sessions WHERE {_THEIR_MEMORIES}
    UNION
    SELECT sessions.chat_id FROM questions
    JOIN sessions ON sessions.chat_id = questions.chat_id
    WHERE questions.sender = :person AND (:robot = '' OR questions.robot = :robot)
"""  # noqa: S608 - the condition is the constant above
_THEIR_RATINGS = """
    SELECT sequence FROM feedback WHERE person = :person AND (:robot = '' OR robot = :robot)
    UNION
    SELECT feedback.sequence FROM questions
    JOIN feedback ON feedback.robot = questions.robot AND feedback.message_id = questions.message_id
    WHERE questions.sender = :person AND (:robot = '' OR questions.robot = :robot)
"""

BELONGINGS = f"""
    SELECT
        (SELECT COUNT(*) FROM questions WHERE {_THEIR_QUESTIONS}),
        (SELECT COUNT(*) FROM questions WHERE {_THEIR_QUESTIONS} AND state <> 'closed'),
        (SELECT COUNT(*) FROM turns WHERE {_THEIR_MEMORIES}),
        (SELECT COUNT(*) FROM ({_THEIR_SESSIONS}) AS theirs),
        (SELECT COUNT(*) FROM ({_THEIR_RATINGS}) AS theirs)
"""  # noqa: S608 - the conditions are the constants above
CANCEL_OF_PERSON = _cancelling(_THEIR_QUESTIONS)
FORGET_QUESTIONS_OF_PERSON = f"""
    DELETE FROM questions WHERE sequence IN (
        SELECT sequence FROM questions WHERE {_THEIR_QUESTIONS} AND (state = 'closed' OR :unfinished = 1) LIMIT :slice
    ) RETURNING state
"""  # noqa: S608
FORGET_TURNS_OF_PERSON = f"""
    DELETE FROM turns WHERE sequence IN (SELECT sequence FROM turns WHERE {_THEIR_MEMORIES} LIMIT :slice)
    RETURNING sequence
"""  # noqa: S608
FORGET_SESSIONS_OF_PERSON = f"""
    DELETE FROM sessions WHERE chat_id IN ({_THEIR_SESSIONS} LIMIT :slice)
    RETURNING chat_id
"""  # noqa: S608
FORGET_RATINGS_OF_PERSON = f"""
    DELETE FROM feedback WHERE sequence IN ({_THEIR_RATINGS} LIMIT :slice)
    RETURNING sequence
"""  # noqa: S608
