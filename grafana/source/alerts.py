"""The alerting rules: what is worth a person's time, by night (`page`) or by day (`ticket`).

The law: an alert is about what people in a chat notice, or will notice soon; it is told by robot, so that no robot is
held against another, and a robot is what all its connections and replicas are together. Each has an entry of its name
in the runbook, which `runbook.py` sees to. Nothing is computed here that a dashboard shows too; that is `rules.py`'s.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from grafana.source import rules
from grafana.source.checks import known, problems
from grafana.source.levels import ACK, ANSWER, ANSWERED, CLICK, FIRST_CARD, FIRST_TOKEN, LEVELS, Level

RUNBOOK = "grafana/RUNBOOK.md"
"""Where people find the runbook; an operator names the address of a copy here, and builds anew."""

PAGE, TICKET = "page", "ticket"

FLOOR = 5
"""Bad events in the long window below which no error budget alarms anybody."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule. `held` is for how long it has to be true."""

    name: str
    severity: str
    expr: str
    summary: str
    description: str
    held: str = ""

    def rule(self) -> dict[str, Any]:
        """As a rule file has it."""
        held = {"for": self.held} if self.held else {}
        annotations = {
            "summary": self.summary,
            "description": self.description,
            "runbook_url": f"{RUNBOOK}#{self.name.lower()}",
        }
        labels = {"severity": self.severity}
        return {"alert": self.name, "expr": self.expr, **held, "labels": labels, "annotations": annotations}


# Whether the service is there, and its robots are connected.

_PARKED = "max by (robot) (dingtalk_robot_parked) == 1"

PRESENCE = (
    Alert(
        "DingTalkDown",
        PAGE,
        "absent(dingtalk_build_info)",
        "No process of the service is watched",
        "Prometheus reads no metrics of any process of dingtalk-actors: it is down, or its metrics are not reached.",
        held="5m",
    ),
    Alert(
        "DingTalkRobotGone",
        PAGE,
        f"max by (robot) (max_over_time({rules.CONNECTED.record}[6h]))\n"
        f"unless on (robot) {rules.CONNECTED.record}\n"
        "unless on () absent(dingtalk_build_info)",
        "Nothing serves robot {{ $labels.robot }} any more",
        "Robot {{ $labels.robot }} was served within the last 6 hours, and no process that is watched serves it now.",
        held="10m",
    ),
    Alert(
        "DingTalkNoConnection",
        PAGE,
        f"{rules.CONNECTED.record} == 0\nunless on (robot) {_PARKED}",
        "Robot {{ $labels.robot }} has no connection to DingTalk",
        "None of the Stream connections of robot {{ $labels.robot }} is accepted: it hears nothing.",
        held="2m",
    ),
    Alert(
        "DingTalkConnectionFlapping",
        TICKET,
        # Who died takes what broke of his along with his connections, else the others would seem to break more often.
        "sum by (robot) (\n"
        '  increase(dingtalk_stream_restarts_total{reason=~"lost|closed|silent"}[30m])\n'
        "  and on (robot, job, instance) dingtalk_stream_connected\n"
        ") / count by (robot) (dingtalk_stream_connected) > 4",
        "The connections of robot {{ $labels.robot }} do not last",
        'Each connection of robot {{ $labels.robot }} broke {{ $value | printf "%.0f" }} times in 30 minutes.',
    ),
    Alert(
        "DingTalkRobotParked",
        PAGE,
        "max by (robot, reason) (dingtalk_robot_parked) == 1",
        "Robot {{ $labels.robot }} is parked",
        "Robot {{ $labels.robot }} is configured and not served, for the reason: {{ $labels.reason }}.",
        held="1m",
    ),
    Alert(
        "DingTalkRobotOutdated",
        TICKET,
        "max by (robot, reason) (dingtalk_robot_outdated) == 1",
        "A change of robot {{ $labels.robot }} is not taken over",
        "Robot {{ $labels.robot }} is served as before: what ROBOTS_DIR says of it now is broken, for the reason: "
        "{{ $labels.reason }}.",
        held="5m",
    ),
    Alert(
        "DingTalkReplicaGone",
        TICKET,
        # One that is scaled down or replaced is no target any more; if all are gone, that is DingTalkDown.
        "count by (job) (up == 0 and on (job, instance) max_over_time(dingtalk_build_info[6h]))\n"
        "and on (job) dingtalk_build_info",
        "A replica of {{ $labels.job }} is gone",
        "Processes of {{ $labels.job }} that served within the last 6 hours and are not reached now: {{ $value }}. "
        "Others serve on.",
        held="5m",
    ),
    Alert(
        "DingTalkProcessRestarting",
        TICKET,
        # Between two starts it tells nothing.
        "changes(process_start_time_seconds[1h]) > 2\nand on (job, instance) max_over_time(dingtalk_build_info[1h])",
        "The process at {{ $labels.instance }} starts again and again",
        'The process at {{ $labels.instance }} was started {{ $value | printf "%.0f" }} times in the last hour.',
    ),
)

# What happens to questions.

QUESTIONS = (
    Alert(
        "DingTalkAckNearTheLimit",
        TICKET,
        "histogram_quantile(0.99, sum by (robot, le) (rate(dingtalk_ack_seconds_bucket[10m]))) > 1\n"
        "and on (robot) sum by (robot) (increase(dingtalk_ack_seconds_count[10m])) >= 20",
        "Robot {{ $labels.robot }} acknowledges slowly",
        "One message in a hundred to robot {{ $labels.robot }} is acknowledged after {{ $value | humanizeDuration }} "
        "or later; DingTalk allows 3 s.",
        held="10m",
    ),
    Alert(
        "DingTalkQuestionsRefused",
        PAGE,
        f"{rules.REFUSED.record} > 0.25\n"
        'and on (robot) sum by (robot) (increase(dingtalk_messages_total{outcome="refused"}[10m])) >= 20',
        "Robot {{ $labels.robot }} turns questions away",
        "Robot {{ $labels.robot }} refuses {{ $value | humanizePercentage }} of its messages: they cannot be stored, "
        "or too many wait.",
        held="2m",
    ),
    Alert(
        "DingTalkInboxGrowing",
        TICKET,
        f"{rules.PENDING.record} >= 10 and on (robot) {rules.TO_EMPTY.record} > 300",
        "Questions to robot {{ $labels.robot }} pile up",
        "{{ $value }} questions to robot {{ $labels.robot }} have no answer yet, which is more than 5 minutes' work at "
        "the present pace.",
        held="5m",
    ),
    Alert(
        "DingTalkFeedbackTurnsBad",
        TICKET,
        f"{rules.UNHELPFUL_1D.record} > 0.4\n"
        f"unless on (robot) {rules.UNHELPFUL_1D.record} <= 1.5 * ({rules.UNHELPFUL_7D.record} offset 1d)\n"
        "and on (robot) sum by (robot) (increase(dingtalk_feedback_total[1d])) >= 10",
        "People like the answers of robot {{ $labels.robot }} less than before",
        "{{ $value | humanizePercentage }} of the ratings of robot {{ $labels.robot }} within a day are bad, clearly "
        "more than in the week before.",
        held="1h",
    ),
)

# What happens to cards and calls.

CALLS = (
    Alert(
        "DingTalkCardsNotFinished",
        TICKET,
        f"{rules.NOT_FINISHED.record} > 0.1\n"
        "and on (robot) sum by (robot) "
        '(increase(dingtalk_card_updates_total{stage="final", outcome=~"failed|throttled"}[15m])) >= 3',
        "Cards of robot {{ $labels.robot }} cannot be finished",
        "{{ $value | humanizePercentage }} of the closing calls to the cards of robot {{ $labels.robot }} failed for "
        "good in 15 minutes.",
        held="5m",
    ),
    Alert(
        "DingTalkCardsFellBack",
        TICKET,
        "max by (robot) (dingtalk_card_fallback) == 1",
        "Robot {{ $labels.robot }} answers in plain text",
        "DingTalk refuses the cards of robot {{ $labels.robot }}: its answers go as plain messages.",
        held="5m",
    ),
    Alert(
        "DingTalkThrottled",
        TICKET,
        "sum by (robot, api) (increase(dingtalk_openapi_throttled_total[10m]))\n"
        # Replicas find their places by refusals: at full load about 150. One that is left alone did so until just now.
        "> on () group_left () (30 + 270 * ((max(max_over_time(dingtalk_replicas[10m])) > bool 1) or vector(0)))",
        "DingTalk slows robot {{ $labels.robot }} down",
        'DingTalk refused {{ $value | printf "%.0f" }} calls of robot {{ $labels.robot }} to "{{ $labels.api }}" as '
        "too fast in 10 minutes.",
        held="5m",
    ),
    Alert(
        "DingTalkQuotaRunsOut",
        TICKET,
        f"{rules.PROJECTED.record} > on (robot) (max by (robot) (dingtalk_openapi_quota_limit) > 0)\n"
        f"and on (robot) {rules.USED.record} > on (robot) 0.1 * max by (robot) (dingtalk_openapi_quota_limit)\n"
        f"and on () {rules.ELAPSED.record} >= 1",
        "The month's calls will not last for robot {{ $labels.robot }}",
        "If the calls of robot {{ $labels.robot }} and those beside it go on like this, they come to "
        "{{ $value | humanize }} this month, which is more than OPENAPI_MONTHLY_QUOTA.",
        held="1h",
    ),
)

# What happens to the process itself, which serves all its robots.

PROCESS = (
    Alert(
        "DingTalkLoopBlocked",
        TICKET,
        "sum by (job, instance) (increase(dingtalk_event_loop_stuck_total[15m])) > 2",
        "The event loop at {{ $labels.instance }} is held up",
        "The event loop of the process at {{ $labels.instance }} stood still for more than a second "
        '{{ $value | printf "%.0f" }} times in 15 minutes.',
    ),
    Alert(
        "DingTalkActorFailures",
        TICKET,
        "sum by (job, instance, actor) (increase(dingtalk_actor_failures_total[15m])) > 0",
        "An actor crashed: {{ $labels.actor }}",
        '{{ $labels.actor }} actors of the process at {{ $labels.instance }} died {{ $value | printf "%.0f" }} times '
        "of an unexpected exception in 15 minutes.",
    ),
)


# How fast the service levels' error budgets burn (Google's SRE workbook, "Alerting on SLOs").


@dataclass(frozen=True, slots=True)
class Burn:
    """A pace at which a budget of 30 days burns, seen over a long window and still over a short one."""

    long: str
    short: str
    factor: float


BURNS: dict[str, tuple[Burn, Burn]] = {
    PAGE: (Burn("1h", "5m", 14.4), Burn("6h", "30m", 6)),
    TICKET: (Burn("1d", "2h", 3), Burn("3d", "6h", 1)),
}

BURNING: dict[Level, tuple[str, str]] = {
    ACK: ("DingTalkAcksLate", "messages to robot {{ $labels.robot }} are acknowledged too late"),
    CLICK: ("DingTalkButtonsLate", "presses of buttons of robot {{ $labels.robot }} are acknowledged too late"),
    FIRST_CARD: ("DingTalkFirstCardSlow", "questions to robot {{ $labels.robot }} get their first card too late"),
    FIRST_TOKEN: ("DingTalkFirstWordsSlow", "answers of robot {{ $labels.robot }} begin too late"),
    ANSWER: ("DingTalkAnswersSlow", "answers of robot {{ $labels.robot }} are finished too late"),
    ANSWERED: ("DingTalkAnswersFailing", "questions to robot {{ $labels.robot }} get an apology"),
}
"""The alert for each level's budget, and what is wrong then; each has a page and a ticket."""


def burning(level: Level, severity: str) -> Alert:
    """The alert that a level's budget burns at one of the severity's paces."""
    name, wrong = BURNING[level]
    return Alert(
        name,
        severity,
        "\nor\n".join(_burns(level, burn) for burn in BURNS[severity]),
        f"Too many {wrong}",
        f"{{{{ $value | humanizePercentage }}}} of the {wrong}; {level.budget:.1%} may, over 30 days. {level.promise}.",
    )


def _burns(level: Level, burn: Burn) -> str:
    limit = f"{burn.factor:g} * {level.budget:g}"
    return (
        f"(\n  {level.recorded(burn.long)} > {limit}\n"
        f"  and on (robot) {level.recorded(burn.short)} > {limit}\n"
        f"  and on (robot) {level.recorded_bad(burn.long)} >= {FLOOR}\n)"
    )


LEVEL_ALERTS = tuple(burning(level, severity) for level in LEVELS for severity in BURNS)

ALERTS: dict[str, tuple[Alert, ...]] = {
    "dingtalk-presence": PRESENCE,
    "dingtalk-questions": QUESTIONS,
    "dingtalk-calls": CALLS,
    "dingtalk-process": PROCESS,
    "dingtalk-error-budgets": LEVEL_ALERTS,
}
"""All of them, by the name of their group."""


def groups() -> list[dict[str, Any]]:
    """As a rule file has them."""
    return [rules.group(name, [alert.rule() for alert in held]) for name, held in ALERTS.items()]


def _for_the_operator() -> dict[str, Any]:
    """All rules as one object of the Prometheus Operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "dingtalk-actors", "labels": {"app.kubernetes.io/name": "dingtalk-actors"}},
        "spec": {"groups": rules.groups() + groups()},
    }


BUILT: dict[str, Callable[[], str]] = {
    "rules/alerts.yaml": lambda: rules.dumped({"groups": groups()}),
    "rules/prometheus-rule.yaml": lambda: rules.dumped(_for_the_operator()),
}


def faults() -> Iterator[str]:
    """What is wrong with the alerting rules."""
    series = known(rules.RECORDED)
    for alerts in ALERTS.values():
        for alert in alerts:
            for problem in problems(alert.expr, series):
                yield f"grafana/source/alerts.py: {alert.name}: {problem}"
