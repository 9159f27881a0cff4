"""What happens in a storm, and when: people's words and presses, and every kind of fault, planned by a seed alone.

A plan is data. The same seed gives the same plan, and what the plan makes allowable is read from it; nothing here acts.
What the sandbox itself can do of it is a scenario of the sandbox.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from actors.sandbox.scenario import LONGEST, Happening, Scenario
from tests.chaos.conftest import KINDS

SPEAKS = ["", "1x0.01", "3x0.05", "8x0.05", "20x0.05", "tool 4x0.05 back"]
"""Agents that answer whole."""

FALTERS = ["boom", "3x0.05 boom", "2x0.05 hang"]
"""Agents that fail: at once, in the middle, by silence."""

CARD_CALLS = ["create", "streaming", "update", "standard", "standard_update"]
MESSAGE_CALLS = ["webhook", "oto", "group"]
OTHER_CALLS = ["token", "open", "connect"]

Fault = Mapping[str, Any]

PASSING: list[Fault] = [
    {"status": 500, "code": "system.error"},
    {"status": 503, "code": "system.busy"},
    {"status": 504, "body": "<html>504 Gateway Time-out</html>"},
    {"body": "<html>maintenance</html>"},
    {"body": {"errcode": -1, "errmsg": "system busy"}},
    {"status": 403, "code": "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"},
    {"hang": True},
    {"reset": True},
    {"delay": 0.7},
]
"""Trouble in which the same call works later."""

LOST: list[Fault] = [{**fault, "applied": True} for fault in ({"status": 504}, {"reset": True}, {"hang": True})]
"""The call took effect, and its answer is lost: only with calls that may be repeated, as no message may."""

REFUSED: list[Fault] = [
    {"status": 400, "code": "InvalidAuthentication"},
    {"status": 400, "code": "param.stream.content"},
    {"status": 400, "code": "param.error"},
    {"status": 403, "code": "Forbidden.AccessDenied.ApiCountLimitForOrg"},
    {"body": {"success": True, "result": {"deliverResults": [{"success": False, "errorMsg": "refused"}]}}},
]
"""Refusals for good: the answer takes the next way. Not of the updates that close a card: there is no other way."""

REFUSABLE = ["create", "streaming", "standard", "webhook"]

REMEMBERED: Fault = {"status": 403, "code": "Forbidden.AccessDenied.AccessTokenPermissionDenied"}
"""A process that meets this shows no card for an hour: only while processes come and go."""


GARBAGE = ["{", "null", '{"type": "CALLBACK"}', '{"type": "SYSTEM", "headers": {"topic": "nobody"}, "data": "x"}']
"""Frames that nobody understands."""


@dataclass(frozen=True)
class Deed:
    """What somebody does `at` so many seconds. `kind` says whose robot, `words` is a question's text, an API or a
    frame, `message_id` the question's, `pick` in [0, 1) chooses among what is there by then."""

    at: float
    what: str
    kind: str = ""
    person: str = ""
    words: str = ""
    group: str | None = None
    message_id: str = ""
    pick: float = 0.0
    fault: Fault = field(default_factory=dict)


@dataclass(frozen=True)
class Weather:
    """How much of everything, each as the mean of seconds from one to the next. `deaths_until` is the second from which
    on no process dies any more."""

    seconds: float = 10.0
    asks: float = 0.1
    words: float = 0.6
    again: float = 1.0
    calls: float = 0.3
    lines: float = 1.5
    deaths: float = 3.0
    deaths_until: float = 8.0
    people: int = 4
    """Of each robot."""


def plan(seed: int, weather: Weather) -> list[Deed]:
    """Everything that happens, in order."""
    chance = random.Random(seed)
    asked = list(_asks(chance, weather))
    rest = [
        *_again(chance, weather, asked),
        *_words(chance, weather),
        *_calls(chance, weather),
        *_lines(chance, weather),
        *_deaths(chance, weather),
    ]
    return sorted([*asked, *rest], key=lambda deed: deed.at)


def happening(deed: Deed, robots: Mapping[str, str]) -> Happening | None:
    """The same as something that the sandbox's control knows; None for what the suite alone can do, since it depends on
    what is there by then. `robots` are client ids by kind."""
    robot = robots.get(deed.kind, "")
    match deed.what:
        case "ask" | "again":
            who = {"sender": deed.person, "group": deed.group, "message_id": deed.message_id}
            return Happening(deed.at, "say", {"text": deed.words, "robot": robot, **who})
        case "stop" | "new":
            return Happening(deed.at, "say", {"text": f"/{deed.what}", "robot": robot, "sender": deed.person})
        case "abort" | "roll" | "close":
            return Happening(deed.at, deed.what, {"robot": robot})
        case "garbage":
            return Happening(deed.at, "push_raw", {"robot": robot, "frame": deed.words})
        case "expire":
            return Happening(deed.at, "expire_tokens")
        case "call":
            return Happening(deed.at, "fail", {"api": deed.words, **deed.fault})
        case _:
            return None


def scenarios(planned: Sequence[Deed], robots: Mapping[str, str]) -> list[Scenario]:
    """What the sandbox plays of a plan, all at once: as many scenarios as one is too short for."""
    known = [each for deed in planned if (each := happening(deed, robots)) is not None]
    parts = (known[first : first + LONGEST] for first in range(0, len(known), LONGEST))
    return [Scenario(f"storm {number}", tuple(part)) for number, part in enumerate(parts)]


def fickle(person: str) -> bool:
    """Whether this person takes questions back, and starts over; the others only ask and rate."""
    return person.endswith(("1", "3", "5", "7", "9"))


def ends(deed: Deed) -> frozenset[str]:
    """The ends that the card of this question may have."""
    own = "failed" if deed.words.partition(" ")[2] in FALTERS else "answered"
    return frozenset({own, "stopped"} if fickle(deed.person) else {own})


def deaths(planned: list[Deed]) -> int:
    """How many processes end."""
    return sum(deed.what in {"kill", "drain"} for deed in planned)


NEAR = 2.0
"""Seconds before the end of a connection in which a question may have gone out on it, and its ack has not come back."""


def unsure(planned: list[Deed]) -> int:
    """How many questions may stay without an ack: those that were asked just before a connection went."""
    cuts = [deed for deed in planned if deed.what in {"kill", "drain", "abort", "close", "roll"}]
    asks = [deed for deed in planned if deed.what == "ask"]
    return sum(any(0.0 <= cut.at - ask.at <= NEAR and cut.kind in {"", ask.kind} for cut in cuts) for ask in asks)


def _moments(chance: random.Random, every: float, until: float) -> Iterator[float]:
    at = chance.expovariate(1 / every)
    while at < until:
        yield at
        at += chance.expovariate(1 / every)


def _asks(chance: random.Random, weather: Weather) -> Iterator[Deed]:
    for number, at in enumerate(_moments(chance, weather.asks, weather.seconds)):
        kind = chance.choice(list(KINDS))
        # Without a card there is nothing that tells how an answer without words ended.
        text = kind == "text"
        person = f"{kind}{chance.randrange(weather.people) * (2 if text else 1)}"
        script = chance.choice(FALTERS if not text and chance.random() < 0.1 else SPEAKS)
        group = chance.choice([None, None, "销售群", "技术群"])
        yield Deed(at, "ask", kind, person, f"问{number} {script}".strip(), group, f"storm{number}==")


def _again(chance: random.Random, weather: Weather, asked: list[Deed]) -> Iterator[Deed]:
    """The same message once more: at once, after a second, or much later."""
    for at in _moments(chance, weather.again, weather.seconds):
        before = [deed for deed in asked if deed.at < at]
        if before:
            back = min(len(before), chance.choice([1, 2, 10, 100]))
            first = before[-back]
            yield replace(first, at=at, what="again")


def _words(chance: random.Random, weather: Weather) -> Iterator[Deed]:
    kinds = [kind for kind in KINDS if kind != "text"]
    for at in _moments(chance, weather.words, weather.seconds):
        what = chance.choices(["stop", "new", "press", "rate"], [3, 1, 2, 4])[0]
        number = chance.randrange(weather.people)
        if what != "rate":
            number |= 1
        kind = chance.choice(kinds)
        yield Deed(at, what, kind, f"{kind}{number}", pick=chance.random())


def _calls(chance: random.Random, weather: Weather) -> Iterator[Deed]:
    for at in _moments(chance, weather.calls, weather.seconds):
        api = chance.choices([*CARD_CALLS, *MESSAGE_CALLS, *OTHER_CALLS], [4] * 5 + [2] * 3 + [1] * 3)[0]
        faults = [*PASSING, *(LOST if api in CARD_CALLS else []), *(REFUSED if api in REFUSABLE else [])]
        fault = chance.choice(faults)
        if api == "create" and at < weather.deaths_until and chance.random() < 0.05:
            fault = REMEMBERED
        yield Deed(at, "call", words=api, fault={**fault, "times": chance.choice([1, 1, 2, 3])})


def _lines(chance: random.Random, weather: Weather) -> Iterator[Deed]:
    for at in _moments(chance, weather.lines, weather.seconds):
        what = chance.choice(["abort", "close", "roll", "garbage", "expire"])
        yield Deed(at, what, chance.choice(list(KINDS)), words=chance.choice(GARBAGE))


def _deaths(chance: random.Random, weather: Weather) -> Iterator[Deed]:
    for number, at in enumerate(_moments(chance, weather.deaths, weather.deaths_until)):
        yield Deed(at, "drain" if number % 2 else "kill")
