"""The recording rules, and how rule files are written: what dashboards and alerts share is computed once, here.

The law: every series is recorded by robot, whatever number of connections or replicas it has; only the calendar knows
no robot. What is worth waking somebody for is `alerts.py`'s.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from grafana.source.checks import known, problems
from grafana.source.levels import LEVELS, WINDOWS, Level

HEADER = "# Built by `make dashboards` from grafana/source; do not edit.\n"

BURN_WINDOWS = ("1h", "6h", "1d", "3d")
"""The long windows of the burn rates, over which bad events are counted."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that Prometheus computes and keeps."""

    record: str
    expr: str

    def rule(self) -> dict[str, Any]:
        """As a rule file has it."""
        return {"record": self.record, "expr": self.expr}


def group(name: str, rules: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A group of rules, which Prometheus evaluates one after the other."""
    return {"name": name, "rules": list(rules)}


def dumped(document: dict[str, Any]) -> str:
    """A built YAML file: in the order given, texts of several lines as they are read."""
    return HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


# How the levels fare.


def _of_level(level: Level) -> Iterator[Recording]:
    for window in WINDOWS:
        yield Recording(level.recorded(window), level.error_ratio(window))
    for window in BURN_WINDOWS:
        yield Recording(level.recorded_bad(window), level.bad_events(window))


# What is told of a robot as a whole.

CONNECTED = Recording("dingtalk:stream_connected:max", "max by (robot) (dingtalk_stream_connected)")
"""1 while any connection of the robot, in any replica, is accepted."""

PENDING = Recording("dingtalk:inbox_pending:max", "max by (robot) (dingtalk_inbox_pending)")
"""Every replica tells the whole inbox."""

TO_EMPTY = Recording(
    "dingtalk:inbox_pending:seconds_to_empty",
    f"{PENDING.record} / sum by (robot) (rate(dingtalk_turns_total[10m]))",
)
"""How long the questions in the inbox take at the pace of the last 10 minutes; without an end if none came to one."""

REFUSED = Recording(
    "dingtalk:messages_refused:ratio_rate10m",
    'sum by (robot) (rate(dingtalk_messages_total{outcome="refused"}[10m]))'
    " / sum by (robot) (rate(dingtalk_messages_total[10m]))",
)

NOT_FINISHED = Recording(
    "dingtalk:card_final_failed:ratio_rate15m",
    'sum by (robot) (rate(dingtalk_card_updates_total{stage="final", outcome=~"failed|throttled"}[15m]))'
    ' / sum by (robot) (rate(dingtalk_card_updates_total{stage="final"}[15m]))',
)


def _unhelpful(window: str) -> Recording:
    return Recording(
        f"dingtalk:feedback_unhelpful:ratio_rate{window}",
        f'sum by (robot) (rate(dingtalk_feedback_total{{rating=~"slightly_helpful|not_helpful"}}[{window}]))'
        f" / sum by (robot) (rate(dingtalk_feedback_total[{window}]))",
    )


UNHELPFUL_1D, UNHELPFUL_7D = _unhelpful("1d"), _unhelpful("7d")

# The month's quota, by the calendar of Asia/Shanghai, which has no summer time.

_SHANGHAI = "vector(time() + 8 * 3600)"

ELAPSED = Recording(
    "dingtalk:month_elapsed:days",
    f"day_of_month({_SHANGHAI}) - 1 + hour({_SHANGHAI}) / 24 + minute({_SHANGHAI}) / 1440",
)
"""Days of the present month that are over."""

LEFT = Recording("dingtalk:month_left:days", f"days_in_month({_SHANGHAI}) - {ELAPSED.record}")

USED = Recording("dingtalk:openapi_quota_used:max", "max by (robot) (dingtalk_openapi_quota_used)")
"""Every replica tells the calls of all, but one that is idle those that there were when it made one last."""

PROJECTED = Recording(
    "dingtalk:openapi_quota_used:projected",
    f"{USED.record} + ({USED.record} - min_over_time({USED.record}[7d]))\n"
    f"  / scalar(clamp({ELAPSED.record}, 1, 7)) * scalar({LEFT.record})",
)
"""What the month's calls come to if they go on as in the last seven days, or as in this month if that is younger.

The count begins anew with each month, so its least value of a week is what it was a week ago, or about nothing. A rate
would take the few calls that a killed process did not store for a new month.
"""

RECORDINGS: dict[str, tuple[Recording, ...]] = {
    "dingtalk-levels": tuple(recording for level in LEVELS for recording in _of_level(level)),
    "dingtalk-robots": (CONNECTED, PENDING, TO_EMPTY, REFUSED, NOT_FINISHED, UNHELPFUL_1D, UNHELPFUL_7D),
    "dingtalk-quota": (ELAPSED, LEFT, USED, PROJECTED),
}
"""All of them, by the name of their group."""

RECORDED = {recording.record: recording.expr for recordings in RECORDINGS.values() for recording in recordings}
"""Their queries by their names, which queries may use as they use metrics."""


def groups() -> list[dict[str, Any]]:
    """As a rule file has them."""
    return [group(name, [recording.rule() for recording in held]) for name, held in RECORDINGS.items()]


BUILT: dict[str, Callable[[], str]] = {"rules/recording.yaml": lambda: dumped({"groups": groups()})}


def faults() -> Iterator[str]:
    """What is wrong with the recording rules."""
    series = known(RECORDED)
    for recordings in RECORDINGS.values():
        for recording in recordings:
            for problem in problems(recording.expr, series):
                yield f"grafana/source/rules.py: {recording.record}: {problem}"
