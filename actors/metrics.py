"""Every metric of the service, in the order of the README's table. A metric declares its own name, labels and help.

Labels are ids of robots and connections and short words from fixed lists: nothing personal is ever a label, and no
label takes a value that a customer can choose. Nothing here decides anything; each part counts what it does itself.
"""

from typing import Literal

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from actors.core.frozen import frozen

PREFIX = "dingtalk_"

# The fixed lists of words that nothing but a label says.

Reception = Literal["accepted", "duplicate", "refused", "unsupported", "denied", "stale"]
"""What became of a robot message."""

Press = Literal["rated", "repeated", "stopped", "foreign", "unknown"]
"""What became of a press of a card's button."""

Stage = Literal["initial", "streaming", "final"]
"""What a card call is for."""

Called = Literal["ok", "throttled", "failed"]
"""What became of a card call."""

Skip = Literal["overtaken", "budget", "quota", "refused"]
"""Why an update was not made."""

Cost = Literal["read", "written"]
"""Tokens of the question with its history, and of the answer."""


@frozen
class Declaration:
    """What an operator has to know of one metric. `name` is the exposed one, with prefix and suffix; `buckets` are the
    upper edges of a histogram's, without the last one, which has none."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


DECLARED: list[Declaration] = []
"""All metrics of this module, in order."""

# Else each counter and histogram has a second series with its time of birth, which no dashboard here reads.
disable_created_metrics()  # type: ignore[no-untyped-call]


def _declare(name: str, kind: str, labels: tuple[str, ...], meaning: str, buckets: tuple[float, ...] = ()) -> str:
    DECLARED.append(Declaration(PREFIX + name, kind, labels, meaning, buckets))
    return PREFIX + name


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(_declare(name, "counter", labels, meaning), meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(_declare(name, "gauge", labels, meaning), meaning, labels)


def _histogram(name: str, meaning: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(_declare(name, "histogram", labels, meaning, buckets), meaning, labels, buckets=buckets)


STREAM_CONNECTED = _gauge(
    "stream_connected",
    "1 while the gateway has accepted this Stream connection, else 0",
    "robot",
    "connection",
)
STREAM_RESTARTS = _counter(
    "stream_restarts_total",
    "Times a connection actor was started again, by the reason why the one before it ended",
    "robot",
    "reason",
)
STREAM_BACKOFF = _gauge(
    "stream_backoff_seconds",
    "The wait in seconds before this connection is started again, 0 while it is not waiting",
    "robot",
    "connection",
)
ROBOT_PARKED = _gauge(
    "robot_parked",
    "1 for a robot that is configured and not served, by reason: unreadable, settings, duplicate, agent, crashed; "
    "the robot is the full name of its element where no client id is known",
    "robot",
    "reason",
)
ROBOT_OUTDATED = _gauge(
    "robot_outdated",
    "1 for a robot that is served by its former configuration because what ROBOTS_DIR says of it now is broken, by "
    "reason: unreadable, settings, duplicate, agent",
    "robot",
    "reason",
)
STREAM_FRAMES = _counter(
    "stream_frames_total",
    "Frames read from the gateway, by type",
    "robot",
    "type",
)
ACK_SECONDS = _histogram(
    "ack_seconds",
    "Seconds from frame read to ack written; the question is stored durably in between",
    "robot",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)
CLICK_ACK_SECONDS = _histogram(
    "click_ack_seconds",
    "Seconds from a card callback's frame read to its ack written; DingTalk allows 2",
    "robot",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3),
)
MESSAGES = _counter(
    "messages_total",
    "Robot messages, by message type and outcome: accepted, duplicate, refused, unsupported, denied, stale (DingTalk "
    "brought it later than INBOX_MAX_AGE)",
    "robot",
    "type",
    "outcome",
)
ATTACHMENTS = _counter(
    "attachments_total",
    "Attachments that were to be fetched, by kind and outcome: fetched, too_large, timeout, refused, failed",
    "robot",
    "kind",
    "outcome",
)
TURNS = _counter(
    "turns_total",
    "Questions that came to an end, by outcome: answered, failed, stopped, expired",
    "robot",
    "outcome",
)
TURNS_IN_PROGRESS = _gauge(
    "turns_in_progress",
    "Answers running now in this process",
    "robot",
)
CONVERSATIONS = _gauge(
    "conversations",
    "Live conversation actors in this process",
    "robot",
)
INBOX_PENDING = _gauge(
    "inbox_pending",
    "Stored questions that have no answer yet, running ones included",
    "robot",
)
FIRST_CARD_SECONDS = _histogram(
    "first_card_seconds",
    "Seconds from frame read to the first card on the customer's screen",
    "robot",
    buckets=(0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30),
)
FIRST_TOKEN_SECONDS = _histogram(
    "first_token_seconds",
    "Seconds from frame read to the agent's first piece of text",
    "robot",
    "agent",
    buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60),
)
ANSWER_SECONDS = _histogram(
    "answer_seconds",
    "Seconds from frame read to the finished card confirmed by DingTalk",
    "robot",
    "agent",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)
CARD_UPDATES = _counter(
    "card_updates_total",
    "Card calls, by stage (initial, streaming, final) and outcome (ok, throttled, failed); streaming ones that were "
    "not made are skipped",
    "robot",
    "stage",
    "outcome",
)
CARD_UPDATES_SKIPPED = _counter(
    "card_updates_skipped_total",
    "Updates of growing answers that were not made, by reason: overtaken (the answer ended before its turn came), or, "
    "once for each answer, budget (CARD_MAX_UPDATES was spent while text came), quota (it had fewer updates, since the "
    "month's quota runs out), refused (DingTalk refused one for good)",
    "robot",
    "reason",
)
CARD_UPDATES_PER_ANSWER = _histogram(
    "card_updates_per_answer",
    "Text updates that one answer took on its card",
    "robot",
    buckets=(1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 100),
)
CARD_LAG_SECONDS = _histogram(
    "card_lag_seconds",
    "Age in seconds of the oldest text not yet shown, when it is shown",
    "robot",
    buckets=(0.1, 0.25, 0.5, 0.8, 1, 1.5, 2, 3, 5, 7, 10, 30),
)
CARD_FALLBACK = _gauge(
    "card_fallback",
    "1 while a robot answers in plain text because DingTalk refuses its cards, else 0",
    "robot",
)
CLICKS = _counter(
    "clicks_total",
    "Presses of buttons on cards, by outcome: rated, repeated, stopped, foreign (not the asker's), unknown",
    "robot",
    "outcome",
)
OPENAPI_REQUEST_SECONDS = _histogram(
    "openapi_request_seconds",
    "Seconds that one call to DingTalk took, retries counted one by one, by API and HTTP status",
    "api",
    "status",
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
OPENAPI_THROTTLED = _counter(
    "openapi_throttled_total",
    "Calls that DingTalk refused because they came too fast",
    "robot",
    "api",
)
OPENAPI_RATE = _gauge(
    "openapi_rate",
    "Calls per second that this process allows itself for an API, the least of them: OPENAPI_QPS where it is alone, "
    "else its share, more while other replicas leave theirs, less after calls were refused",
    "robot",
)
OPENAPI_QUOTA_USED = _gauge(
    "openapi_quota_used",
    "Calls of this calendar month (Asia/Shanghai) that count towards the organisation's quota",
    "robot",
)
OPENAPI_QUOTA_LIMIT = _gauge(
    "openapi_quota_limit",
    "OPENAPI_MONTHLY_QUOTA, the calls of a month that the organisation has; 0 where it is not watched",
    "robot",
)
RETRIES = _counter(
    "retries_total",
    "Tries that were repeated after a wait, by scope (stream, openapi, agent) and reason",
    "scope",
    "reason",
)
RETRY_POLICY = _gauge(
    "retry_policy",
    "The retry settings in effect, by scope (stream, openapi, agent) and setting; waits in seconds",
    "scope",
    "setting",
)
AGENT_ERRORS = _counter(
    "agent_errors_total",
    "Failed tries of an agent to answer, by reason",
    "robot",
    "agent",
    "reason",
)
AGENT_TOKENS = _counter(
    "agent_tokens_total",
    "Tokens that answers cost, as the agent's back end counts them; read: question and history, written: the answer",
    "robot",
    "agent",
    "kind",
)
FEEDBACK = _counter(
    "feedback_total",
    "Ratings of answers, each change counted: very_helpful, helpful, slightly_helpful, not_helpful",
    "robot",
    "rating",
)
ACTOR_FAILURES = _counter(
    "actor_failures_total",
    "Actors that died of an unexpected exception, by kind of actor",
    "actor",
)
EVENT_LOOP_LAG = _histogram(
    "event_loop_lag_seconds",
    "Seconds by which the event loop was late for a timer of its own",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
EVENT_LOOP_STUCK = _counter(
    "event_loop_stuck_total",
    "Times the event loop was stuck for more than a second; the log has the stack that held it up",
)
REPLICAS = _gauge(
    "replicas",
    "Processes that serve from this one's inbox, itself included; they share OPENAPI_QPS",
)
BUILD_INFO = _gauge(
    "build_info",
    "Always 1; the label tells the version that runs",
    "version",
)
