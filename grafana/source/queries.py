"""How the dashboards ask: one function for each kind of question, over the jobs, robots and replicas that are chosen.

The law: a gauge of one process is summed over processes; a gauge that every process of an organisation shows alike is
taken once, as the largest, whichever replica is chosen. A share is nothing, and not zero, where there was nothing to
share. What a picture looks like is not known here.
"""

from actors.metrics import DECLARED
from grafana.source.levels import Level

JOB = 'job=~"$job"'
ROBOT = 'robot=~"$robot"'
REPLICA = 'instance=~"$replica"'

ALIKE = frozenset(
    {"dingtalk_inbox_pending", "dingtalk_openapi_quota_used", "dingtalk_openapi_quota_limit", "dingtalk_replicas"}
)
"""What every replica tells of all of them together."""

_BY_ROBOT = frozenset(metric.name for metric in DECLARED if "robot" in metric.labels)
_PARTS = ("_bucket", "_count", "_sum")


def chosen(metric: str, *matchers: str) -> str:
    """The series of a metric for the dashboard's variables, as far as it has their labels.

    `metric` may bring label matchers of its own, as a service level's do.
    """
    name, _, own = metric.partition("{")
    family = next((name.removesuffix(part) for part in _PARTS if name.endswith(part)), name)
    variables = (JOB, ROBOT if family in _BY_ROBOT else "", "" if family in ALIKE else REPLICA)
    return f"{name}{{{', '.join(filter(None, (own.removesuffix('}'), *matchers, *variables)))}}}"


def per_minute(metric: str, *by: str, where: str = "") -> str:
    """How often a minute a counter was raised."""
    return f"{_sum(by)} (rate({_where(metric, where)}[$__rate_interval])) * 60"


def happened(metric: str, *by: str, where: str = "") -> str:
    """How often a minute something happened that rarely does: only where it did, so that a quiet time is empty."""
    return f"{per_minute(metric, *by, where=where)} > 0"


def in_range(metric: str, *by: str, where: str = "") -> str:
    """How often a counter was raised in the time that is shown."""
    return f"{_sum(by)} (increase({_where(metric, where)}[$__range]))"


def total(metric: str, *by: str) -> str:
    """A gauge that each process has of its own."""
    return f"{_sum(by)} ({chosen(metric)})"


def shared(metric: str, *by: str) -> str:
    """A gauge of which the largest counts: every process shows it alike, or one of them is enough."""
    return f"max by ({', '.join(by)}) ({chosen(metric)})" if by else f"max({chosen(metric)})"


def quantile(share: float, histogram: str, *by: str) -> str:
    """The value that this share of a histogram's events did not exceed."""
    return (
        f"histogram_quantile({share:g}, {_sum(('le', *by))} (rate({chosen(histogram + '_bucket')}[$__rate_interval])))"
    )


def buckets(histogram: str) -> str:
    """A histogram's events in each bucket, for a heatmap."""
    return f"sum by (le) (increase({chosen(histogram + '_bucket')}[$__rate_interval]))"


def ratio(part: str, whole: str) -> str:
    """A share; nothing where the whole is nothing."""
    return f"{part} / ({whole} > 0)"


def kept(level: Level, window: str = "$__range") -> str:
    """The share of good events of a service level in a window, all chosen robots together."""
    good, every = (f"sum(increase({chosen(counter)}[{window}]))" for counter in (level.good, level.every))
    return ratio(good, every)


def budget_left(level: Level, window: str = "30d") -> str:
    """The share of a level's error budget that is left of a window; below 0 the promise is broken."""
    return f"1 - (1 - {kept(level, window)}) / {level.budget:g}"


def burn_rate(level: Level, window: str) -> str:
    """How many times too fast the budget of the worst robot is spent; at 1 it lasts exactly for the 30 days."""
    return f"max({level.recorded(window)}{{{ROBOT}}}) / {level.budget:g}"


def _sum(by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)})" if by else "sum"


def _where(metric: str, where: str) -> str:
    return chosen(metric, where) if where else chosen(metric)
