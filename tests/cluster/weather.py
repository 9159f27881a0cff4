"""What happens in a storm over replicas, and when, planned by a seed alone: what people and the platform do in every
storm, and what befalls the replicas and their database.

Troubles are dealt like cards, so that even a short storm has each kind of them. Nothing here acts.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from actors.sandbox.scenario import Happening, Scenario
from tests.chaos.plans import Weather, plan, questions

LEASE = 4.0
"""Seconds after which a replica that is silent has lost its questions."""

FROZEN = 2.5 * LEASE
"""Seconds that a replica stands still at the most."""

LONG, LONG_SCRIPT = 0.2, "60x0.05"
"""The share of questions whose answer takes so long that something befalls its holder."""

SPREAD = 0.15
"""The share of questions that come on every connection at once."""

DECK = (
    *("kill", "kill", "drain", "replace", "join", "leave"),
    *("freeze", "freeze", "cut", "cut", "hole", "crash", "sever", "sever"),
)


@dataclass(frozen=True)
class Gale:
    """How much of everything. `people` is what people and the platform do, `every` the mean of seconds from one trouble
    to the next, and `calm` the seconds at the end without one."""

    people: Weather = field(default_factory=lambda: gentle(12.0))
    every: float = 0.7
    calm: float = 1.0


def gentle(seconds: float) -> Weather:
    """People who ask much, and a platform that fails now and then."""
    return Weather(seconds=seconds, asks=0.2, again=0.7, calls=0.8, lines=6.0, deaths_until=0.0)


def replicas_plan(seed: int, gale: Gale) -> Scenario:
    """Everything that happens."""
    chance = random.Random(f"{seed}, over replicas")
    common = plan(seed, gale.people)
    names = [each.arguments["message_id"] for each in questions(common)]
    long = {name for name in names if chance.random() < LONG}
    said = [_longer(each) if each.arguments.get("message_id") in long else each for each in common.happenings]
    spread = [replace(each, do="spread") if _question(each) and chance.random() < SPREAD else each for each in said]
    return Scenario(f"storm {seed} over replicas", (*spread, *_troubles(chance, gale)))


def _longer(each: Happening) -> Happening:
    text = f"{each.arguments['text'].partition(' ')[0]} {LONG_SCRIPT}"
    return replace(each, arguments=each.arguments | {"text": text})


def _question(each: Happening) -> bool:
    return "message_id" in each.arguments


def _troubles(chance: random.Random, gale: Gale) -> Iterator[Happening]:
    at, until, deck = 0.0, gale.people.seconds - gale.calm, list[str]()
    while (at := at + gale.every * chance.uniform(0.5, 1.5)) < until:
        deck = deck or chance.sample(DECK, len(DECK))
        do = deck.pop()
        pick = {"pick": round(chance.random(), 3)}
        match do:
            case "freeze":
                yield Happening(at, do, pick | {"seconds": round(chance.uniform(0.5, FROZEN), 1)})
            case "hole":
                yield Happening(at, do, pick | {"seconds": round(chance.uniform(0.5, LEASE * 2), 1)})
            case "crash":
                yield Happening(at, do, {"seconds": round(chance.uniform(0.1, 4.0), 1)})
            case "sever":
                yield Happening(at, do, pick | {"gently": chance.random() < 0.5})
            case "join":
                yield Happening(at, do)
            case _:
                yield Happening(at, do, pick)
