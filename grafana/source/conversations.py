"""The dashboard *Conversations and cards*: what people ask, and what becomes of it. `cards.py` has its second half."""

from collections.abc import Mapping

from actors.core.turn_words import End
from actors.dingtalk.download import Outcome as Fetched
from grafana.source.board import Board
from grafana.source.cards import CARDS, FEEDBACK, HELPFUL_RATINGS
from grafana.source.levels import ANSWERED, FIRST_TOKEN
from grafana.source.panels import (
    AMBER,
    BLUE,
    COUNT,
    GREEN,
    GREY,
    PER_MINUTE,
    PURPLE,
    RED,
    SECONDS,
    SHARE,
    About,
    Query,
    lines,
    number,
)
from grafana.source.queries import happened, in_range, per_minute, quantile, ratio, shared, total

ENDS: Mapping[str, str] = {End.ANSWERED: GREEN, End.FAILED: RED, End.STOPPED: BLUE, End.EXPIRED: AMBER}
FETCHES: Mapping[str, str] = {
    Fetched.FETCHED: GREEN,
    Fetched.TOO_LARGE: BLUE,
    Fetched.TIMEOUT: AMBER,
    Fetched.REFUSED: PURPLE,
    Fetched.FAILED: RED,
}
RECEIVED: Mapping[str, str] = {
    "accepted": GREEN,
    "duplicate": GREY,
    "refused": RED,
    "unsupported": BLUE,
    "denied": PURPLE,
    "stale": AMBER,
}

UNANSWERED = f'outcome=~"{End.FAILED}|{End.EXPIRED}"'

AT_THE_TOP = [
    number(
        About(
            101,
            "Answered",
            COUNT,
            shows="Questions that were answered in the time shown.",
            act="If it is far below what is usual for the hour, see whether the robots are connected.",
            empty="none",
            width=4,
            height=4,
        ),
        Query(in_range("dingtalk_turns_total", where='outcome="answered"')),
        steps=((None, GREEN),),
    ),
    number(
        About(
            102,
            "Failed or expired",
            SHARE,
            shows="The share of questions that ended in an apology, in the time shown. Red: more than the service "
            "level allows.",
            act="See agent errors by reason below; expired ones waited longer than INBOX_MAX_AGE.",
            empty="no events",
            width=4,
            height=4,
        ),
        Query(
            ratio(
                in_range("dingtalk_turns_total", where=UNANSWERED),
                in_range(ANSWERED.every),
            )
        ),
        steps=((None, GREEN), (ANSWERED.budget / 2, AMBER), (ANSWERED.budget, RED)),
        decimals=1,
    ),
    number(
        About(
            103,
            "Running now",
            COUNT,
            shows="Answers that are being given at this moment, in all processes.",
            act="If it stays at MAX_CONCURRENT_TURNS people wait: the agent is slow, or you need another process.",
            width=4,
            height=4,
        ),
        Query(total("dingtalk_turns_in_progress")),
    ),
    number(
        About(
            104,
            "In the inbox",
            COUNT,
            shows="Stored questions without an answer, those that are being answered included; counted every 5 s.",
            act="If it grows, questions come faster than answers: see the running answers and the agent's first text.",
            width=4,
            height=4,
        ),
        Query(f"sum({shared('dingtalk_inbox_pending', 'robot')})"),
        steps=((None, GREEN), (50, AMBER), (200, RED)),
    ),
    number(
        About(
            105,
            "Helpful",
            SHARE,
            shows="The share of ratings in the time shown that were helpful or very helpful.",
            act="See feedback over time below: if it fell at a mark of a deployment, go back.",
            empty="no ratings",
            width=4,
            height=4,
        ),
        Query(
            ratio(
                in_range("dingtalk_feedback_total", where=HELPFUL_RATINGS),
                in_range("dingtalk_feedback_total"),
            )
        ),
        steps=((None, RED), (0.6, AMBER), (0.8, GREEN)),
    ),
    number(
        About(
            106,
            "Without cards",
            COUNT,
            shows="Robots that answer in plain text because DingTalk refuses their cards.",
            act="Check CARD_TEMPLATE_ID and the card permissions of the app in DingTalk's console; a card is tried "
            "again every hour.",
            width=4,
            height=4,
        ),
        Query(f"sum({shared('dingtalk_card_fallback', 'robot')})"),
        steps=((None, GREEN), (1, RED)),
    ),
]

QUESTIONS = [
    lines(
        About(
            201,
            "Questions, by how they ended",
            PER_MINUTE,
            shows="Questions that came to an end, a minute. Stopped ones were stopped by the person who asked.",
            act="Red: see agent errors. Amber: the queue is too long, see answers running and waiting.",
            empty="no question has ended",
        ),
        Query(per_minute("dingtalk_turns_total", "outcome"), "{{outcome}}"),
        colours=ENDS,
        stacked=True,
    ),
    lines(
        About(
            202,
            "Answers running, conversations alive",
            COUNT,
            shows="Answers being given, and conversation actors in memory; an idle one goes after CONVERSATION_IDLE.",
            act="Running answers at MAX_CONCURRENT_TURNS, or conversations at MAX_CONVERSATIONS: people wait or are "
            "refused. Raise the limit if memory and the agent allow, or add a process.",
        ),
        Query(total("dingtalk_turns_in_progress"), "answers running"),
        Query(total("dingtalk_conversations"), "conversations"),
        colours={"answers running": GREEN, "conversations": BLUE},
    ),
    lines(
        About(
            203,
            "Inbox, by robot",
            COUNT,
            shows="Stored questions without an answer. It is counted every few seconds and the same in all processes.",
            act="A line that only rises: the agent does not keep up. A line that stays flat above zero with nothing "
            "running: look for inbox_unavailable in the log.",
        ),
        Query(shared("dingtalk_inbox_pending", "robot"), "{{robot}}"),
    ),
    lines(
        About(
            204,
            "Messages, by what became of them",
            PER_MINUTE,
            shows="What people sent, a minute. Duplicates are DingTalk's repeats and do no harm.",
            act="Red: conversations are full (CONVERSATION_QUEUE, MAX_CONVERSATIONS). Many duplicates: acks come late.",
            empty="no message has come",
        ),
        Query(per_minute("dingtalk_messages_total", "outcome"), "{{outcome}}"),
        colours=RECEIVED,
        stacked=True,
    ),
    lines(
        About(
            205,
            "Messages, by type",
            PER_MINUTE,
            shows="What people sent, a minute, by DingTalk's type of message.",
            act="If a type grows that your agent cannot use, say in its greeting what it understands.",
            empty="no message has come",
        ),
        Query(per_minute("dingtalk_messages_total", "type"), "{{type}}"),
        stacked=True,
    ),
    lines(
        About(
            206,
            "Messages turned away",
            PER_MINUTE,
            shows="Messages that got a polite word instead of an answer, a minute, by reason and type.",
            act="refused: too many questions wait. denied: the sender or chat is not in ALLOWED_SENDERS or "
            "ALLOWED_CHATS. stale: it came later than INBOX_MAX_AGE. unsupported: the robot cannot read it.",
            empty="none was turned away",
        ),
        Query(
            happened("dingtalk_messages_total", "outcome", "type", where='outcome=~"refused|denied|stale|unsupported"'),
            "{{outcome}} {{type}}",
        ),
        shades=AMBER,
        rare=True,
    ),
]

AGENTS = [
    lines(
        About(
            401,
            "First text, by agent",
            SECONDS,
            shows="Half of the answers, and 95 %, had their first text within this time after the question came. The "
            "dashed line is the promise.",
            act="Slow at all hours: a smaller model, or a shorter prompt. Slow at busy hours only: more capacity, or "
            "a lower MAX_CONCURRENT_TURNS.",
            empty="no answer yet",
            width=12,
        ),
        Query(quantile(0.5, "dingtalk_first_token_seconds", "agent"), "{{agent}} 50 %"),
        Query(quantile(0.95, "dingtalk_first_token_seconds", "agent"), "{{agent}} 95 %"),
        steps=((None, GREEN), (FIRST_TOKEN.seconds, RED)),
    ),
    lines(
        About(
            402,
            "Agent errors",
            PER_MINUTE,
            shows="Tries of an agent that failed, a minute, by agent and reason; a retry may still have saved the "
            "answer.",
            act="The log has the back end's words. refused: the key, or what it may do. throttled: lower "
            "MAX_CONCURRENT_TURNS or raise AGENT_RETRY_INITIAL. rejected: the model's name, or what was sent. "
            "unreachable, unavailable: the back end's address or health. Time-outs: AGENT_CONNECT_TIMEOUT, "
            "AGENT_FIRST_TOKEN_TIMEOUT, AGENT_IDLE_TIMEOUT, AGENT_TIMEOUT. truncated, empty: a proxy before it, or its "
            "own limits.",
            empty="no errors",
            width=12,
        ),
        Query(happened("dingtalk_agent_errors_total", "agent", "reason"), "{{agent}} {{reason}}"),
        shades=RED,
        rare=True,
    ),
    lines(
        About(
            403,
            "Attachments",
            PER_MINUTE,
            shows="Pictures and files that were to be fetched for the agent, a minute, by outcome.",
            act="timeout and failed: the network, or the disk; see the log for attachment lines. refused: DingTalk did "
            "not give the file out.",
            empty="no attachments",
            width=12,
        ),
        Query(happened("dingtalk_attachments_total", "outcome"), "{{outcome}}"),
        colours=FETCHES,
        rare=True,
    ),
    lines(
        About(
            404,
            "Tokens",
            PER_MINUTE,
            shows="Tokens that answers cost, a minute, as the agents' back ends count them: read are questions with "
            "their history, written are answers.",
            act="Much read: lower AGENT_HISTORY_TOKENS or CONVERSATION_HISTORY, or shorten AGENT_SYSTEM_PROMPT. Much "
            "written: ask for shorter answers there.",
            empty="none counted",
            width=12,
        ),
        Query(happened("dingtalk_agent_tokens_total", "agent", "kind"), "{{agent}} {{kind}}"),
        rare=True,
    ),
]

CONVERSATIONS = Board(
    uid="dingtalk-conversations",
    title="DingTalk robots: conversations and cards",
    description="What people ask, what becomes of it, what they see on their cards, and whether they like it.",
    rows=(
        ("How does it go right now?", AT_THE_TOP),
        ("Do questions come in, and get answers?", QUESTIONS),
        ("Do cards keep up with the answers?", CARDS),
        ("Does the agent do its part?", AGENTS),
        ("Are people content?", FEEDBACK),
    ),
)
