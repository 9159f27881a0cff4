"""The rows of *Conversations and cards* about cards: whether they keep up, and what people press on them."""

from collections.abc import Mapping

from actors.core.texts import HELPFUL, RATINGS
from grafana.source.panels import (
    AMBER,
    BLUE,
    COUNT,
    GREEN,
    GREY,
    LOG,
    PER_MINUTE,
    PURPLE,
    RED,
    SECONDS,
    SHARE,
    About,
    Query,
    bars,
    heat_map,
    lines,
    states,
)
from grafana.source.queries import buckets, chosen, happened, in_range, per_minute, quantile, ratio, shared

STAGES: Mapping[str, str] = {"initial": BLUE, "streaming": GREEN, "final": PURPLE}
TROUBLE: Mapping[str, str] = {
    "initial throttled": "light-orange",
    "streaming throttled": AMBER,
    "final throttled": "dark-orange",
    "initial failed": "light-red",
    "streaming failed": RED,
    "final failed": "dark-red",
}
SKIPPED: Mapping[str, str] = {"overtaken": GREY, "budget": BLUE, "quota": AMBER, "refused": RED}
RATED: Mapping[str, str] = dict(zip(RATINGS, (GREEN, BLUE, AMBER, RED), strict=True))
CLICKED: Mapping[str, str] = {"rated": GREEN, "repeated": GREY, "stopped": BLUE, "foreign": PURPLE, "unknown": AMBER}

HELPFUL_RATINGS = f'rating=~"{"|".join(rating for rating in RATINGS if rating in HELPFUL)}"'

CARDS = [
    lines(
        About(
            301,
            "Card calls",
            PER_MINUTE,
            shows="Calls that make (initial), update (streaming) and finish (final) cards, a minute, those that went "
            "well.",
            act="initial and final should be alike. Few streaming ones beside them: long answers appear at once; see "
            "what was skipped, and why.",
            empty="no card yet",
        ),
        Query(per_minute("dingtalk_card_updates_total", "stage", where='outcome="ok"'), "{{stage}}"),
        colours=STAGES,
    ),
    lines(
        About(
            302,
            "Card calls in trouble",
            PER_MINUTE,
            shows="Card calls that DingTalk throttled, and those that failed for good, a minute, by stage.",
            act="Orange: too fast, see throttled calls in *Connections and retries*. Red: the log has DingTalk's code; "
            "a final one that fails leaves a card unfinished until it is tried again.",
            empty="all card calls went well",
        ),
        Query(
            happened("dingtalk_card_updates_total", "stage", "outcome", where='outcome=~"throttled|failed"'),
            "{{stage}} {{outcome}}",
        ),
        colours=TROUBLE,
        rare=True,
    ),
    lines(
        About(
            307,
            "Updates skipped, and why",
            PER_MINUTE,
            shows="Updates of growing answers that were not made, a minute. overtaken: the answer was finished first. "
            "budget: CARD_MAX_UPDATES was spent. quota: the month's calls run out. refused: DingTalk refused one for "
            "good.",
            act="overtaken does no harm. For budget raise CARD_MAX_UPDATES; for quota see how long it lasts in "
            "*Connections and retries*; for refused see the log.",
            empty="none was skipped",
        ),
        Query(happened("dingtalk_card_updates_skipped_total", "reason"), "{{reason}}"),
        colours=SKIPPED,
        rare=True,
    ),
    lines(
        About(
            303,
            "Updates per answer",
            COUNT,
            shows="How many text updates an answer took: half of them, and 95 %, took no more than this.",
            act="At 1 or 2 with long answers the typing effect is gone: calls are throttled or the quota runs out. "
            "Near CARD_MAX_UPDATES answers are longer than planned for.",
            empty="no answer yet",
        ),
        Query(quantile(0.5, "dingtalk_card_updates_per_answer"), "50 %"),
        Query(quantile(0.95, "dingtalk_card_updates_per_answer"), "95 %"),
        colours={"50 %": GREEN, "95 %": BLUE},
    ),
    lines(
        About(
            304,
            "How far cards are behind",
            SECONDS,
            shows="The age of the oldest text not yet shown at the moment it is shown: half, 95 % and 99 % of updates.",
            act="Above some seconds people see an answer that stutters: many cards share OPENAPI_QPS, or "
            "CARD_MIN_INTERVAL and CARD_MAX_UPDATES spread the updates too far.",
            empty="no update yet",
        ),
        Query(quantile(0.5, "dingtalk_card_lag_seconds"), "50 %"),
        Query(quantile(0.95, "dingtalk_card_lag_seconds"), "95 %"),
        Query(quantile(0.99, "dingtalk_card_lag_seconds"), "99 %"),
        scale=LOG,
        colours={"50 %": GREEN, "95 %": BLUE, "99 %": PURPLE},
    ),
    heat_map(
        About(
            305,
            "How far cards are behind: all updates",
            SECONDS,
            shows="How many updates showed text of which age: the darker, the more.",
            act="A second band high up is long answers whose update budget is spread wide, or cards that wait their "
            "turn under OPENAPI_QPS.",
            empty="no update yet",
        ),
        Query(buckets("dingtalk_card_lag_seconds"), "{{le}}"),
    ),
    states(
        About(
            306,
            "Cards or plain text",
            COUNT,
            shows="What each robot answers with. It falls back to plain text when DingTalk refuses the template or the "
            "permission.",
            act="Check CARD_TEMPLATE_ID and the app's card permissions in DingTalk's console.",
            width=24,
            height=4,
        ),
        Query(shared("dingtalk_card_fallback", "robot"), "{{robot}}"),
        words={0: ("cards", GREEN), 1: ("plain text", RED)},
    ),
]

FEEDBACK = [
    lines(
        About(
            501,
            "Share that is helpful",
            SHARE,
            shows="The share of ratings, over an hour each, that were helpful or very helpful.",
            act="Fell after a deployment: go back. Falls slowly: the knowledge is getting old. Few people rate, so "
            "look at the number beside it too.",
            empty="no ratings",
        ),
        Query(
            ratio(
                f"sum by (robot) (increase({chosen('dingtalk_feedback_total', HELPFUL_RATINGS)}[1h]))",
                f"sum by (robot) (increase({chosen('dingtalk_feedback_total')}[1h]))",
            ),
            "{{robot}}",
        ),
        most=1,
    ),
    lines(
        About(
            502,
            "Ratings over time",
            PER_MINUTE,
            shows="Ratings of answers, a minute; each change of mind counts.",
            act="Red and amber: read the answers (`python -m actors records`) and mend the knowledge or the prompt.",
            empty="no ratings",
        ),
        Query(happened("dingtalk_feedback_total", "rating"), "{{rating}}"),
        colours=RATED,
        rare=True,
    ),
    bars(
        About(
            503,
            "Ratings in the time shown",
            COUNT,
            shows="How often each rating was given.",
            act="Read the answers that did not help before you change anything.",
            empty="no ratings",
        ),
        *(Query(in_range("dingtalk_feedback_total", where=f'rating="{rating}"'), rating) for rating in RATINGS),
        colours=RATED,
    ),
    lines(
        About(
            504,
            "Clicks",
            PER_MINUTE,
            shows="Presses of buttons on cards, a minute. repeated: the same again. foreign: by somebody who did not "
            "ask. unknown: on a card that is not remembered.",
            act="Many unknown: answers are forgotten too soon (INBOX_RETENTION), or another service uses the template.",
            empty="no clicks",
            width=24,
            height=6,
        ),
        Query(happened("dingtalk_clicks_total", "outcome"), "{{outcome}}"),
        colours=CLICKED,
        rare=True,
    ),
]
