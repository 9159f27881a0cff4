"""The service levels: what people in a chat are promised, as a share of good events over all events.

One list, from which both the rules (burn rates, alerts) and the dashboards are made, so that a picture and an alert
cannot mean different things. An objective that is changed here changes everywhere with the next build. Nothing here
knows panels or alerts.
"""

import re
from dataclasses import dataclass

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""The windows over which error ratios are recorded, for burn rates."""


@dataclass(frozen=True, slots=True)
class Level:
    """One promise. `good` and `every` are counters of events, with `{}` where further label matchers go, or nothing.

    `objective` is the share of events that have to be good, over 30 days.
    """

    name: str
    title: str
    promise: str
    objective: float
    good: str
    every: str

    @property
    def seconds(self) -> float | None:
        """The time that is promised; None where the promise is not about time."""
        edge = re.search(r'le="([\d.]+)"', self.good)
        return float(edge[1]) if edge else None

    @property
    def budget(self) -> float:
        """The share of events that may be bad."""
        return round(1 - self.objective, 6)

    def recorded(self, window: str) -> str:
        """The name of the recording rule with the share of bad events in a window, by robot."""
        return f"dingtalk:{self.name}:error_ratio_rate{window}"

    def recorded_bad(self, window: str) -> str:
        """The name of the recording rule with the number of bad events in a window, by robot."""
        return f"dingtalk:{self.name}:bad_events_increase{window}"

    def error_ratio(self, window: str, matchers: str = "") -> str:
        """The share of bad events in a window, by robot; nothing where there were no events."""
        good, every = (_rate(counter, window, matchers) for counter in (self.good, self.every))
        return f"1 - ({good} / {every})"

    def good_ratio(self, window: str, matchers: str = "") -> str:
        """The share of good events in a window, by robot; nothing where there were no events."""
        good, every = (_rate(counter, window, matchers) for counter in (self.good, self.every))
        return f"{good} / {every}"

    def events(self, window: str, matchers: str = "") -> str:
        """How many events there were in a window, by robot."""
        return _sum("increase", self.every, window, matchers)

    def bad_events(self, window: str, matchers: str = "") -> str:
        """How many bad events there were in a window, by robot."""
        return f"{self.events(window, matchers)} - {_sum('increase', self.good, window, matchers)}"


def _rate(counter: str, window: str, matchers: str) -> str:
    return _sum("rate", counter, window, matchers)


def _sum(function: str, counter: str, window: str, matchers: str) -> str:
    name, _, own = counter.partition("{")
    inner = ", ".join(filter(None, (own.removesuffix("}"), matchers)))
    return f"sum by (robot) ({function}({name}{{{inner}}}[{window}]))" if inner else _plain(function, name, window)


def _plain(function: str, name: str, window: str) -> str:
    return f"sum by (robot) ({function}({name}[{window}]))"


def _within(name: str, title: str, metric: str, *, seconds: int, objective: float, promise: str) -> Level:
    """A promise that something takes no longer than `seconds`, which is an edge of the histogram's buckets."""
    return Level(name, title, promise, objective, f'{metric}_bucket{{le="{seconds}.0"}}', f"{metric}_count")


ACK = _within(
    "ack",
    "Acknowledged within 3 s",
    "dingtalk_ack_seconds",
    seconds=3,
    objective=0.999,
    promise="A message is stored and acknowledged within the 3 s that DingTalk allows",
)
CLICK = _within(
    "click",
    "Button acknowledged within 2 s",
    "dingtalk_click_ack_seconds",
    seconds=2,
    objective=0.999,
    promise="A pressed button is acknowledged within the 2 s in which DingTalk changes the card",
)
FIRST_CARD = _within(
    "first_card",
    "First card within 3 s",
    "dingtalk_first_card_seconds",
    seconds=3,
    objective=0.99,
    promise="Who asks sees a card within 3 s",
)
FIRST_TOKEN = _within(
    "first_token",
    "First text within 10 s",
    "dingtalk_first_token_seconds",
    seconds=10,
    objective=0.95,
    promise="The agent's first words come within 10 s",
)
ANSWER = _within(
    "answer",
    "Answered within 60 s",
    "dingtalk_answer_seconds",
    seconds=60,
    objective=0.95,
    promise="The finished card is confirmed within 60 s",
)
ANSWERED = Level(
    "answered",
    "Questions answered",
    "A question gets an answer, and no apology; what a person stopped does not count",
    0.99,
    'dingtalk_turns_total{outcome="answered"}',
    'dingtalk_turns_total{outcome=~"answered|failed|expired"}',
)

LEVELS = (ACK, CLICK, FIRST_CARD, FIRST_TOKEN, ANSWER, ANSWERED)
"""All of them, in the order in which a question meets them."""
