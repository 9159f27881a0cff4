"""The unit tests of the service levels' alerts: one story for each pace of a burning budget, told of each level.

All shares are told as multiples of the budget, so that one story fits every level. Which series are good and which are
all is written here anew, and so is what people read: nothing is taken from what is tested.

Before each story there are busier days without a bad event, so that no window is short of history, and what burns over
an hour does not burn over days.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Stretches = tuple[tuple[float, float, float], ...]
"""(hours, events an hour, share of bad ones as a multiple of the budget)."""


@dataclass(frozen=True, slots=True)
class Case:
    """One level's alert. Of the series, `good` rises with good events, `every` with all, `bad` with bad ones only;
    `noise` rises too and concerns nobody. `paces` are the shares that people read, of the four stories."""

    alert: str
    budget: float
    paces: tuple[str, str, str, str]
    wrong: str
    promise: str
    good: str
    every: str = ""
    bad: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()

    def fires(self, robot: str, severity: str, pace: str) -> list[dict[str, Any]]:
        """The alert as people read it."""
        wrong = self.wrong.replace("ROBOT", robot)
        annotations = {
            "summary": f"Too many {wrong}",
            "description": f"{pace} of the {wrong}; {self.promise}",
            "runbook_url": f"grafana/RUNBOOK.md#{self.alert.lower()}",
        }
        return [{"exp_labels": {"severity": severity, "robot": robot}, "exp_annotations": annotations}]

    def series(self, robot: str, stretches: Stretches, minutes: int) -> Iterable[dict[str, str]]:
        """A robot's series, with a sample every so many minutes."""
        good = [(hours, events * (1 - share * self.budget)) for hours, events, share in stretches]
        bad = [(hours, events * share * self.budget / max(1, len(self.bad))) for hours, events, share in stretches]
        every = [(hours, events) for hours, events, _ in stretches]
        rising = {
            self.good: good,
            self.every: every,
            **dict.fromkeys(self.bad, bad),
            **dict.fromkeys(self.noise, every),
        }
        for name, rates in rising.items():
            if name:
                yield {"series": name.replace("ROBOT", robot), "values": _values(rates, minutes)}


def _values(rates: list[tuple[float, float]], minutes: int) -> str:
    """A counter that rises at these rates an hour, in promtool's notation. It is added up as promtool does, to the last
    bit: a counter that falls by a rounding error has begun anew."""
    value = 0.0
    parts: list[str] = []
    for hours, rate in rates:
        steps, step = round(hours * 60 / minutes) - bool(parts), rate * minutes / 60
        value += step if parts else 0
        parts.append(f"{value!r}+{step!r}x{steps}")
        for _ in range(steps):
            value += step
    return " ".join(parts)


def _case(alert: str, metric: str, limit: str, *, budget: float, paces: str, wrong: str, promise: str) -> Case:
    """A level that something takes no longer than the limit; a narrower bucket holds nothing."""
    bucket = f'{metric}_bucket{{instance="one", robot="ROBOT", le="%s"}}'
    first, second, third, fourth = paces.split()
    return Case(
        alert,
        budget,
        (first, second, third, fourth),
        wrong,
        promise,
        good=bucket % limit,
        every=f'{metric}_count{{instance="one", robot="ROBOT"}}',
        noise=(bucket % "+Inf",),
    )


CASES = (
    _case(
        "DingTalkAcksLate",
        "dingtalk_ack_seconds",
        "3.0",
        budget=0.001,
        paces="2% 0.8% 0.4% 0.15%",
        wrong="messages to robot ROBOT are acknowledged too late",
        promise="0.1% may, over 30 days. A message is stored and acknowledged within the 3 s that DingTalk allows.",
    ),
    _case(
        "DingTalkButtonsLate",
        "dingtalk_click_ack_seconds",
        "2.0",
        budget=0.001,
        paces="2% 0.8% 0.4% 0.15%",
        wrong="presses of buttons of robot ROBOT are acknowledged too late",
        promise="0.1% may, over 30 days. A pressed button is acknowledged within the 2 s in which DingTalk changes the "
        "card.",
    ),
    _case(
        "DingTalkFirstCardSlow",
        "dingtalk_first_card_seconds",
        "3.0",
        budget=0.01,
        paces="20% 8% 4% 1.5%",
        wrong="questions to robot ROBOT get their first card too late",
        promise="1.0% may, over 30 days. Who asks sees a card within 3 s.",
    ),
    _case(
        "DingTalkFirstWordsSlow",
        "dingtalk_first_token_seconds",
        "10.0",
        budget=0.05,
        paces="100% 40% 20% 7.5%",
        wrong="answers of robot ROBOT begin too late",
        promise="5.0% may, over 30 days. The agent's first words come within 10 s.",
    ),
    _case(
        "DingTalkAnswersSlow",
        "dingtalk_answer_seconds",
        "60.0",
        budget=0.05,
        paces="100% 40% 20% 7.5%",
        wrong="answers of robot ROBOT are finished too late",
        promise="5.0% may, over 30 days. The finished card is confirmed within 60 s.",
    ),
    Case(
        "DingTalkAnswersFailing",
        0.01,
        ("20%", "8%", "4%", "1.5%"),
        "questions to robot ROBOT get an apology",
        "1.0% may, over 30 days. A question gets an answer, and no apology; what a person stopped does not count.",
        good='dingtalk_turns_total{instance="one", robot="ROBOT", outcome="answered"}',
        bad=(
            'dingtalk_turns_total{instance="one", robot="ROBOT", outcome="failed"}',
            'dingtalk_turns_total{instance="two", robot="ROBOT", outcome="expired"}',
        ),
        noise=('dingtalk_turns_total{instance="one", robot="ROBOT", outcome="stopped"}',),
    ),
)


def _page(case: Case) -> dict[str, Any]:
    """A burst over an hour, and a steady trouble over six; the same with half as many questions, below the floor."""
    often, seldom = 8 / (20 * case.budget), 8 / 6 / (8 * case.budget)
    robots: dict[str, Stretches] = {}
    for name, part in (("", 1.0), ("-seldom-asked", 0.5)):
        burst, steady = often * part, seldom * part
        before = ((24, 10 * burst, 0), (6, burst, 0)), ((24, 10 * steady, 0), (6, steady, 0))
        robots[f"burst{name}"] = (*before[0], (4 / 3, burst, 20), (1 / 3, burst, 10), (8, burst, 0))
        robots[f"steady{name}"] = (*before[1], (7, steady, 8), (1, steady, 4), (2, steady, 0))
    fires = {
        "31h10m": case.fires("burst", "page", case.paces[0]),
        "36h40m": case.fires("steady", "page", case.paces[1]),
    }
    # Too short yet, long enough, getting better, over; the same for the steady one.
    times = ("29h", "30h40m", "31h10m", "31h40m", "34h", "36h40m", "37h50m", "39h")
    return _story(case, "an hour, and six", robots, times, fires, minutes=2, every="10m")


def _ticket(case: Case) -> dict[str, Any]:
    """A trouble over a day, after busier days, and a small one over three; the same with half as many questions."""
    day, days = 1 / (12 * case.budget), 1 / (13.5 * case.budget)
    robots: dict[str, Stretches] = {}
    for name, part in (("", 1.0), ("-seldom-asked", 0.5)):
        one, three = day * part, days * part
        robots[f"day{name}"] = ((72, 10 * one, 0), (27, one, 4), (3, one, 2), (72, 10 * one, 0))
        robots[f"days{name}"] = ((72, three, 0), (74, three, 1.5), (8, three, 0.75), (20, three, 0))
    fires = {
        "98h": case.fires("day", "ticket", case.paces[2]),
        "145h": case.fires("days", "ticket", case.paces[3]),
    }
    times = ("71h", "94h", "98h", "102h", "118h", "145h", "153h", "170h")
    return _story(case, "a day, and three", robots, times, fires, minutes=20, every="1h")


def _story(
    case: Case,
    name: str,
    robots: dict[str, Stretches],
    times: tuple[str, ...],
    fires: dict[str, list[dict[str, Any]]],
    *,
    minutes: int,
    every: str,
) -> dict[str, Any]:
    test = {
        "name": f"the budget burns over {name}",
        "interval": f"{minutes}m",
        "input_series": [each for robot in robots for each in case.series(robot, robots[robot], minutes)],
        "alert_rule_test": [
            {"eval_time": time, "alertname": case.alert, "exp_alerts": fires.get(time, [])} for time in times
        ],
    }
    return {"evaluation_interval": every, "tests": [test]}


BURN_TESTS: dict[str, list[dict[str, Any]]] = {case.alert: [_page(case), _ticket(case)] for case in CASES}
"""The unit tests of each level's alert, as files for `promtool test rules` have them."""
