"""The dashboard *Connections and retries*: whether DingTalk can be reached, what is repeated, and by which policy."""

from collections.abc import Mapping

from actors.dingtalk.quota import AMPLE
from grafana.source.board import Board
from grafana.source.calls import CALLS, LIMIT, USED
from grafana.source.panels import (
    AMBER,
    BLUE,
    COUNT,
    GREEN,
    PER_MINUTE,
    PURPLE,
    RED,
    SECONDS,
    SHARE,
    About,
    Query,
    lines,
    number,
    rows,
    states,
)
from grafana.source.process import PROCESS
from grafana.source.queries import chosen, happened, in_range, per_minute, shared

CONNECTION = "max by (robot, connection, pod, instance)"
CONNECTED = f"{CONNECTION} ({chosen('dingtalk_stream_connected')})"
BACKOFF = f"{CONNECTION} ({chosen('dingtalk_stream_backoff_seconds')})"

WAITING, CONNECTING, UP = 0, 1, 2
STATE = f"({CONNECTED} == 1) * {UP} or ({BACKOFF} > 0) * {WAITING} or {CONNECTED} + {CONNECTING}"
STATES: Mapping[int, tuple[str, str]] = {
    UP: ("connected", GREEN),
    CONNECTING: ("connecting", BLUE),
    WAITING: ("waiting", RED),
}

REASONS: Mapping[str, str] = {
    "refused": RED,
    "unavailable": "dark-orange",
    "unreachable": AMBER,
    "lost": "yellow",
    "closed": "light-yellow",
    "silent": PURPLE,
    "rolled": GREEN,
    "crashed": "dark-red",
}


def _told(gauge: str, state: str) -> str:
    """Whom a gauge of robots with faults tells of, and what that means for them."""
    return f'label_replace({shared(gauge, "robot", "reason")} == 1, "state", "{state}", "", "")'


AT_THE_TOP = [
    number(
        About(
            101,
            "Not connected",
            COUNT,
            shows="Connections that DingTalk has not accepted at this moment.",
            act="See the timeline below. Refused: the robot's secret or its Stream mode in DingTalk's console. Lost: "
            "the network or its proxy.",
            empty="none is known",
            width=4,
            height=4,
        ),
        Query(f"sum(1 - {chosen('dingtalk_stream_connected')})"),
        steps=((None, GREEN), (1, RED)),
    ),
    number(
        About(
            102,
            "Restarts",
            COUNT,
            shows="Times a connection was started again in the time shown. DingTalk moves connections now and then: a "
            "few a day, with reason rolled, are normal.",
            act="See restarts by reason below.",
            empty="none",
            width=4,
            height=4,
        ),
        Query(in_range("dingtalk_stream_restarts_total")),
        steps=((None, GREEN), (5, AMBER), (30, RED)),
    ),
    number(
        About(
            103,
            "Calls throttled",
            COUNT,
            shows="Calls that DingTalk refused in the time shown because they came too fast.",
            act="Lower OPENAPI_QPS to what your edition allows, and see who else uses the app's key.",
            empty="none",
            width=4,
            height=4,
        ),
        Query(in_range("dingtalk_openapi_throttled_total")),
        steps=((None, GREEN), (1, AMBER), (100, RED)),
    ),
    number(
        About(
            104,
            "Quota used",
            SHARE,
            shows="Calls of this calendar month (Asia/Shanghai) as a share of OPENAPI_MONTHLY_QUOTA. From amber on "
            "answers get fewer updates.",
            act="See whether it lasts in the row about the quota; buy calls, or lower CARD_MAX_UPDATES.",
            empty="not watched",
            width=4,
            height=4,
        ),
        Query(f"{USED} / {LIMIT}"),
        steps=((None, GREEN), (AMPLE, AMBER), (0.95, RED)),
    ),
    number(
        About(
            105,
            "Robots parked",
            COUNT,
            shows="Robots that are configured and not served.",
            act="The table below has the reason; the log and `python -m actors check` say what to mend.",
            empty="none",
            width=4,
            height=4,
        ),
        Query(f"sum({shared('dingtalk_robot_parked', 'robot')})"),
        steps=((None, GREEN), (1, RED)),
    ),
    number(
        About(
            106,
            "Version",
            "none",
            shows="The version that runs; two of them during a deployment.",
            act="If two stay, a rollout is stuck: `kubectl rollout status`.",
            empty="not running",
            width=4,
            height=4,
        ),
        Query(f"sum by (version) ({chosen('dingtalk_build_info')})", "{{version}}"),
        text=True,
    ),
]

CONNECTIONS = [
    states(
        About(
            201,
            "Connections",
            COUNT,
            shows="The state of each connection. waiting: it was lost or refused, and is tried again after its "
            "backoff, until DingTalk accepts it. A gap: the process was not there.",
            act="One connection red: the restarts below have the reason. All of them at once: the network, or "
            "DingTalk. Red and green in short turns: something between cuts idle connections.",
            empty="no connection is known",
            width=16,
            height=7,
        ),
        Query(STATE, "{{robot}} #{{connection}} {{pod}}"),
        words=STATES,
    ),
    rows(
        About(
            205,
            "Parked robots",
            COUNT,
            shows="Robots that are configured and not served, or served as before because a change in ROBOTS_DIR is "
            "broken, with the reason.",
            act="unreadable, settings: mend the element's files. duplicate: two elements are the same app. agent: its "
            "agent cannot be had. crashed: restart the process once the cause is found.",
            empty="no robot is parked",
            height=7,
        ),
        Query(f"{_told('dingtalk_robot_parked', 'not served')}\nor {_told('dingtalk_robot_outdated', 'as before')}"),
        columns={"robot": "Robot", "state": "State", "reason": "Reason"},
    ),
    lines(
        About(
            202,
            "Restarts, by reason",
            PER_MINUTE,
            shows="Connections that were started again, a minute, by why the one before ended. rolled: DingTalk asked "
            "for it, and nothing was lost.",
            act="refused: the secret, or Stream mode is off. unavailable: DingTalk's gateway answers with an error. "
            "unreachable, lost, silent, closed: the network or its proxy. crashed: a bug; the log has it, and after "
            "STREAM_RESTART_INTENSITY of them the robot is parked.",
            empty="no restarts",
        ),
        Query(happened("dingtalk_stream_restarts_total", "reason"), "{{reason}}"),
        colours=REASONS,
        rare=True,
    ),
    lines(
        About(
            203,
            "Backoff",
            SECONDS,
            shows="How long each connection that is not there waits before it is started again.",
            act="It climbs from STREAM_RETRY_INITIAL to STREAM_RETRY_MAX while DingTalk cannot be reached. Lower "
            "STREAM_RETRY_MAX to be back sooner; DingTalk punishes storms, so not below some seconds.",
            empty="none is waiting",
        ),
        Query(BACKOFF, "{{robot}} #{{connection}} {{pod}}"),
    ),
    lines(
        About(
            204,
            "Frames read, by type",
            PER_MINUTE,
            shows="What comes over the connections, a minute: pings, callbacks (messages and clicks), events.",
            act="No pings while connected: the connection is dead and is given up after STREAM_SILENCE_TIMEOUT. Only "
            "pings by day: the robot is not published, or the callback topic is not subscribed.",
            empty="no frames",
        ),
        Query(per_minute("dingtalk_stream_frames_total", "type"), "{{type}}"),
    ),
]

RETRIES = [
    rows(
        About(
            301,
            "Retry policy in force",
            "none",
            shows="The settings that repeated tries follow: waits in seconds, attempts in tries, the first included. "
            "Row `initial` of column `stream` is STREAM_RETRY_INITIAL, and so on.",
            act="Change the variable and restart; the marks on the pictures show when it took effect.",
            empty="–",
            height=9,
        ),
        Query(shared("dingtalk_retry_policy", "scope", "setting")),
        columns={"setting": "Setting"},
        matrix=("setting", "scope"),
    ),
    lines(
        About(
            302,
            "Retries, by scope and reason",
            PER_MINUTE,
            shows="Tries that were repeated after a wait, a minute: connections (stream), calls to DingTalk (openapi), "
            "answers (agent).",
            act="openapi throttled: lower OPENAPI_QPS. openapi transient: DingTalk or the network; the policy beside "
            "says how long it is borne. agent: see agent errors in *Conversations and cards*.",
            empty="nothing was repeated",
            height=9,
        ),
        Query(happened("dingtalk_retries_total", "scope", "reason"), "{{scope}} {{reason}}"),
        rare=True,
    ),
    lines(
        About(
            303,
            "Throttled calls, by API",
            PER_MINUTE,
            shows="Calls that DingTalk refused because they came too fast, a minute. Each API has its own limit of "
            "calls a second.",
            act="streaming: many cards at once; raise CARD_MIN_INTERVAL or lower OPENAPI_QPS. All APIs: somebody else "
            "uses the same app.",
            empty="nothing was throttled",
            height=9,
        ),
        Query(happened("dingtalk_openapi_throttled_total", "api"), "{{api}}"),
        shades=AMBER,
        rare=True,
    ),
]

CONNECTIONS_AND_RETRIES = Board(
    uid="dingtalk-connections",
    title="DingTalk robots: connections and retries",
    description="Whether DingTalk can be reached, what is repeated and by which policy, and how the processes are.",
    rows=(
        ("Is anything wrong right now?", AT_THE_TOP),
        ("Are the robots connected?", CONNECTIONS),
        ("What is repeated, and by which policy?", RETRIES),
        ("Does DingTalk answer, and does the quota last?", CALLS),
        ("Are the processes well?", PROCESS),
    ),
)
