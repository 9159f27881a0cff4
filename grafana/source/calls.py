"""The row of *Connections and retries* about calls to DingTalk: how they go, and whether the month's quota lasts."""

from grafana.source import rules
from grafana.source.panels import AMBER, BLUE, COUNT, LOG, PER_MINUTE, RED, SECONDS, About, Query, heat_map, lines
from grafana.source.queries import ROBOT, buckets, chosen, per_minute, quantile, shared

USED = shared("dingtalk_openapi_quota_used")
LIMIT = f"({shared('dingtalk_openapi_quota_limit')} > 0)"

PROJECTED = f"max({rules.PROJECTED.record}{{{ROBOT}}})"

CALLS = [
    lines(
        About(
            401,
            "Latency of calls, by API and status: 95 %",
            SECONDS,
            shows="95 % of the calls to DingTalk took no longer than this. Status is HTTP's, or timeout, or "
            "unreachable.",
            act="All APIs slow: the network or its proxy. One API slow: DingTalk. Calls end at OPENAPI_TIMEOUT.",
            empty="no calls",
            width=12,
            height=11,
        ),
        Query(quantile(0.95, "dingtalk_openapi_request_seconds", "api", "status"), "{{api}} {{status}}"),
        scale=LOG,
        listed=True,
    ),
    lines(
        About(
            402,
            "Calls, by API and status",
            PER_MINUTE,
            shows="Calls to DingTalk, a minute, each try counted.",
            act="401 and 403: credentials or permissions in DingTalk's console, or too fast. 5xx: DingTalk. timeout, "
            "unreachable: the network.",
            empty="no calls",
            width=12,
            height=11,
        ),
        Query(per_minute("dingtalk_openapi_request_seconds_count", "api", "status"), "{{api}} {{status}}"),
        listed=True,
    ),
    heat_map(
        About(
            403,
            "Latency of calls: all of them",
            SECONDS,
            shows="How many calls took how long: the darker, the more.",
            act="A second band high up is an API of its own, or a proxy that is slow at times.",
            empty="no calls",
            width=12,
        ),
        Query(buckets("dingtalk_openapi_request_seconds"), "{{le}}"),
    ),
    lines(
        About(
            404,
            "Month's quota: used, and where it leads",
            COUNT,
            shows="Calls of this calendar month (Asia/Shanghai), what they come to by its end at the pace of "
            "the last seven days, and OPENAPI_MONTHLY_QUOTA, where it is watched.",
            act="If it leads above the limit: lower CARD_MAX_UPDATES, or buy calls. Above 80 % answers get fewer "
            "updates by themselves.",
            empty="no calls were counted",
            width=12,
        ),
        Query(USED, "used"),
        Query(PROJECTED, "by the end of the month"),
        Query(LIMIT, "limit"),
        colours={"used": BLUE, "by the end of the month": AMBER, "limit": RED},
    ),
    lines(
        About(
            405,
            "Calls a second that each process allows itself",
            COUNT,
            shows="OPENAPI_QPS where a process is alone; else its share of it, more while others leave theirs, less "
            "after calls were refused. And how many processes share it.",
            act="All far below their shares: DingTalk allows less than OPENAPI_QPS, or others use the same app. Fewer "
            "replicas than run: one does not reach the inbox.",
            empty="no process runs",
            width=24,
        ),
        Query(f"min by (robot, instance) ({chosen('dingtalk_openapi_rate')})", "{{robot}} {{instance}}"),
        Query(shared("dingtalk_replicas"), "replicas"),
    ),
]
