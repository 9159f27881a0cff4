"""What happens in a storm, and when: people's words and presses, and every kind of fault, planned by a seed alone.

A plan is a scenario of the sandbox, with the suite's own words `press`, `kill` and `drain` beside those of the control.
The same seed gives the same plan, and what the plan makes allowable is read from it; nothing here acts.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from actors.core import texts
from actors.core.card import STOP
from actors.sandbox.scenario import Happening, Scenario
from tests.chaos.conftest import KINDS, client

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


def plan(seed: int, weather: Weather) -> Scenario:
    """Everything that happens."""
    chance = random.Random(seed)
    asked = list(_asks(chance, weather))
    rest = [
        *_again(chance, weather, asked),
        *_words(chance, weather),
        *_calls(chance, weather),
        *_lines(chance, weather),
        *_deaths(chance, weather),
    ]
    return Scenario(f"storm {seed}", (*asked, *rest))


def questions(planned: Scenario) -> list[Happening]:
    """What is asked, the first time that it is; repeats have the same message id, other words have none."""
    said = [each for each in planned.happenings if "message_id" in each.arguments]
    return list({each.arguments["message_id"]: each for each in reversed(said)}.values())


def fickle(person: str) -> bool:
    """Whether this person takes questions back, and starts over; the others only ask and rate."""
    return person.endswith(("1", "3", "5", "7", "9"))


def ends(question: Happening) -> frozenset[str]:
    """The ends that the card of this question may have."""
    own = "failed" if question.arguments["text"].partition(" ")[2] in FALTERS else "answered"
    return frozenset({own, "stopped"} if fickle(question.arguments["sender"]) else {own})


def deaths(planned: Scenario) -> int:
    """How many processes end."""
    return sum(each.do in {"kill", "drain"} for each in planned.happenings)


NEAR = 2.0
"""Seconds before the end of a connection in which a question may have gone out on it, and its ack has not come back."""


def unsure(planned: Scenario) -> int:
    """How many questions may stay without an ack: those that were asked just before a connection went."""
    cuts = [each for each in planned.happenings if each.do in {"kill", "drain", "abort", "close", "roll"}]
    return sum(
        any(0.0 <= cut.at - ask.at <= NEAR and cut.arguments.get("robot", robot) == robot for cut in cuts)
        for ask in questions(planned)
        for robot in [ask.arguments["robot"]]
    )


def _moments(chance: random.Random, every: float, until: float) -> Iterator[float]:
    at = chance.expovariate(1 / every)
    while at < until:
        yield at
        at += chance.expovariate(1 / every)


def _asks(chance: random.Random, weather: Weather) -> Iterator[Happening]:
    for number, at in enumerate(_moments(chance, weather.asks, weather.seconds)):
        kind = chance.choice(list(KINDS))
        # Without a card there is nothing that tells how an answer without words ended.
        text = kind == "text"
        person = f"{kind}{chance.randrange(weather.people) * (2 if text else 1)}"
        script = chance.choice(FALTERS if not text and chance.random() < 0.1 else SPEAKS)
        where = {"robot": client(kind), "group": chance.choice([None, None, "销售群", "技术群"])}
        words = {"text": f"问{number} {script}".strip(), "message_id": f"storm{number}=="}
        yield Happening(at, "say", words | where | {"sender": person})


def _again(chance: random.Random, weather: Weather, asked: list[Happening]) -> Iterator[Happening]:
    """The same message once more: at once, after a second, or much later."""
    for at in _moments(chance, weather.again, weather.seconds):
        before = [each for each in asked if each.at < at]
        if before:
            back = min(len(before), chance.choice([1, 2, 10, 100]))
            yield replace(before[-back], at=at)


def _words(chance: random.Random, weather: Weather) -> Iterator[Happening]:
    kinds = [kind for kind in KINDS if kind != "text"]
    for at in _moments(chance, weather.words, weather.seconds):
        what = chance.choices(["stop", "new", "press", "rate"], [3, 1, 2, 4])[0]
        number = chance.randrange(weather.people)
        if what != "rate":
            number |= 1
        kind = chance.choice(kinds)
        who, pick = {"sender": f"{kind}{number}"}, chance.random()
        if what in {"stop", "new"}:
            yield Happening(at, "say", {"text": f"/{what}", "robot": client(kind), **who})
        else:
            buttons = [STOP] if what == "press" else list(texts.RATINGS)
            yield Happening(at, "press", {**who, "buttons": buttons, "pick": pick})


def _calls(chance: random.Random, weather: Weather) -> Iterator[Happening]:
    for at in _moments(chance, weather.calls, weather.seconds):
        api = chance.choices([*CARD_CALLS, *MESSAGE_CALLS, *OTHER_CALLS], [4] * 5 + [2] * 3 + [1] * 3)[0]
        faults = [*PASSING, *(LOST if api in CARD_CALLS else []), *(REFUSED if api in REFUSABLE else [])]
        fault = chance.choice(faults)
        if api == "create" and at < weather.deaths_until and chance.random() < 0.05:
            fault = REMEMBERED
        yield Happening(at, "fail", {"api": api, **fault, "times": chance.choice([1, 1, 2, 3])})


def _lines(chance: random.Random, weather: Weather) -> Iterator[Happening]:
    for at in _moments(chance, weather.lines, weather.seconds):
        do = chance.choice(["abort", "close", "roll", "push_raw", "expire_tokens"])
        robot, frame = {"robot": client(chance.choice(list(KINDS)))}, {"frame": chance.choice(GARBAGE)}
        yield Happening(at, do, {"push_raw": robot | frame, "expire_tokens": {}}.get(do, robot))


def _deaths(chance: random.Random, weather: Weather) -> Iterator[Happening]:
    for number, at in enumerate(_moments(chance, weather.deaths, weather.deaths_until)):
        yield Happening(at, "drain" if number % 2 else "kill")
