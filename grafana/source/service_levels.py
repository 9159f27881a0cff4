"""The dashboard *Service levels*: whether people get what they are promised, and how long that will last.

Everything is drawn from `levels.py`; an objective that changes there changes here.
"""

from grafana.source.alerts import BURNING, BURNS, PAGE, Burn
from grafana.source.board import Board
from grafana.source.levels import ACK, ANSWER, ANSWERED, CLICK, FIRST_CARD, FIRST_TOKEN, LEVELS, Level
from grafana.source.panels import (
    AMBER,
    BLUE,
    GREEN,
    LOG,
    PURPLE,
    RED,
    SECONDS,
    SHARE,
    SYMLOG,
    TIMES,
    About,
    Panel,
    Query,
    bars,
    heat_map,
    lines,
    number,
)
from grafana.source.queries import JOB, REPLICA, ROBOT, buckets, budget_left, burn_rate, in_range, kept, quantile

QUANTILES = ((0.5, "50 %", GREEN), (0.95, "95 %", BLUE), (0.99, "99 %", PURPLE))

ACTS = {
    ACK: "Look whether the disk or the database of the inbox is slow, and whether the event loop is late "
    "(*Connections and retries*). Questions that are not acknowledged may be lost.",
    CLICK: "Same causes as for messages. Until it is repaired people press a button and see nothing change.",
    FIRST_CARD: "Look at throttled and slow calls to DingTalk in *Connections and retries*; lower the load or raise "
    "OPENAPI_QPS if your edition allows it.",
    FIRST_TOKEN: "The model or agent is slow or overloaded: see first text by agent and agent errors in *Conversations "
    "and cards*, then AGENT_RETRY_ATTEMPTS and MAX_CONCURRENT_TURNS.",
    ANSWER: "See which is slow: the first text (the agent waits) or the rest (long answers, or cards that are "
    "throttled). AGENT_TIMEOUT ends answers that take too long.",
    ANSWERED: "See agent errors by reason in *Conversations and cards*, and what ended as expired: questions that "
    "waited longer than INBOX_MAX_AGE.",
}


NAMES = {
    ACK: "Ack",
    CLICK: "Click",
    FIRST_CARD: "First card",
    FIRST_TOKEN: "First text",
    ANSWER: "Answer",
    ANSWERED: "Answered",
}


COLOURS = dict(zip(LEVELS, (BLUE, "light-blue", PURPLE, "light-purple", "yellow", "dark-yellow"), strict=True))
"""None that means well or ill."""


def _name(level: Level) -> str:
    """A promise in few letters, for figures and legends."""
    return NAMES[level] + (f" ≤ {level.seconds:g} s" if level.seconds else "")


def _share(id_: int, level: Level) -> Panel:
    half = level.objective + level.budget / 2
    return number(
        About(
            id_,
            _name(level),
            SHARE,
            shows=f"{level.promise}: the share that did, in the time shown. The objective is "
            f"{level.objective * 100:g} %. Amber: more than half of what may fail did. Red: the promise is broken.",
            act=f"{ACTS[level]} Its alert is {BURNING[level][0]} in grafana/RUNBOOK.md.",
            empty="no events",
            width=4,
            height=4,
        ),
        Query(kept(level)),
        steps=((None, RED), (level.objective, AMBER), (half, GREEN)),
        decimals=2,
    )


def _spread(id_: int, level: Level, title: str, histogram: str) -> tuple[Panel, Panel]:
    """The percentiles of what a promise is about, and beside them all of it."""
    limit = level.seconds
    assert limit is not None, f"{level.name} is not about time"  # noqa: S101 - a fault of this file
    return (
        lines(
            About(
                id_,
                f"{title}: percentiles",
                SECONDS,
                shows=f"{level.promise}. The dashed line, far above if it is not in view, is the promise; "
                f"{level.objective * 100:g} % have to stay below it.",
                act=ACTS[level],
                empty="no events",
                width=12,
            ),
            *(Query(quantile(share, histogram), name) for share, name, _ in QUANTILES),
            colours={name: colour for _, name, colour in QUANTILES},
            steps=((None, GREEN), (limit, RED)),
            scale=LOG,
        ),
        heat_map(
            About(
                id_ + 1,
                f"{title}: all of them",
                SECONDS,
                shows="How many took how long: the darker, the more. Two bands mean two kinds of cases, which "
                "percentiles hide.",
                act=f"A band that moves up means that everything is slower; a second band above {limit:g} s means that "
                "something is at times. Compare with the marks of starts and deployments.",
                empty="no events",
                width=12,
            ),
            Query(buckets(histogram), "{{le}}"),
        ),
    )


def _burning(id_: int, burn: Burn) -> Panel:
    return lines(
        About(
            id_,
            f"Burn rate over {burn.long}",
            TIMES,
            shows=f"How many times too fast the error budget is spent, measured over {burn.long}, for the robot that "
            f"is worst off. At 1 (amber) it lasts for 30 days, at {burn.factor:g} (red), where the alert goes off, "
            f"for {30 / burn.factor:.0f}.",
            act="Above red somebody should look now: see that promise below, and its alert's entry in "
            "grafana/RUNBOOK.md. Above amber for hours: find the cause this week.",
            empty="no events, or the recording rules are not loaded",
        ),
        *(Query(burn_rate(level, burn.long), _name(level)) for level in LEVELS),
        steps=((None, GREEN), (1, AMBER), (burn.factor, RED)),
        colours={_name(level): colour for level, colour in COLOURS.items()},
        scale=SYMLOG,
    )


SERVICE_LEVELS = Board(
    uid="dingtalk-service-levels",
    title="DingTalk robots: service levels",
    description="Do people get what they are promised? Start here; grafana/RUNBOOK.md says what to do about an alert.",
    rows=(
        (
            "Are the promises kept?",
            [_share(100 + place, level) for place, level in enumerate(LEVELS, 1)],
        ),
        (
            "Will the error budgets last?",
            [
                *(_burning(id_, burn) for id_, burn in enumerate(BURNS[PAGE], 201)),
                bars(
                    About(
                        203,
                        "Error budget left of 30 days",
                        SHARE,
                        shows="What may still fail within 30 days, of what was allowed to; below 0 the promise is "
                        "broken. Prometheus has to keep 30 days for this, else it is of what it kept.",
                        act="With little left, put off what is risky: deployments, new prompts, new models.",
                        empty="no events",
                    ),
                    *(Query(budget_left(level), _name(level)) for level in LEVELS),
                    steps=((None, RED), (0, AMBER), (0.5, GREEN)),
                    most=1,
                ),
            ],
        ),
        (
            "What do people wait for?",
            [
                *_spread(301, FIRST_CARD, "First card", "dingtalk_first_card_seconds"),
                *_spread(303, FIRST_TOKEN, "First text", "dingtalk_first_token_seconds"),
                *_spread(305, ANSWER, "Whole answer", "dingtalk_answer_seconds"),
            ],
        ),
        (
            "Does DingTalk get its answers in time?",
            [
                *_spread(401, ACK, "Messages acknowledged", "dingtalk_ack_seconds"),
                *_spread(403, CLICK, "Clicks acknowledged", "dingtalk_click_ack_seconds"),
            ],
        ),
        (
            "How much do these figures rest on?",
            [
                lines(
                    About(
                        501,
                        "Questions answered, by robot",
                        SHARE,
                        shows=f"{ANSWERED.promise}. The dashed line is the objective.",
                        act=ACTS[ANSWERED],
                        empty="no question has ended",
                        width=12,
                    ),
                    Query(ANSWERED.good_ratio("$__rate_interval", f"{JOB}, {ROBOT}, {REPLICA}"), "{{robot}}"),
                    steps=((None, RED), (ANSWERED.objective, GREEN)),
                    most=1,
                ),
                bars(
                    About(
                        502,
                        "Events in the time shown",
                        "short",
                        shows="How many events each promise was measured by. With few of them a single failure moves "
                        "the share a lot.",
                        act="Nothing, if the night is quiet. If it is zero by day, see whether the robots are "
                        "connected (*Connections and retries*).",
                        empty="no events",
                        width=12,
                    ),
                    *(Query(in_range(level.every), _name(level)) for level in LEVELS),
                ),
            ],
        ),
    ),
)
