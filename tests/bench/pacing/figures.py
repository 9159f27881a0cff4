"""All figures of the comparison. Each is a ratio of the age of the oldest unseen text, in the mean over an answer, to
what it is for one who knows more; it measures nothing of this machine, and comes out the same everywhere."""

import json
import operator
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

from tests.bench.pacing import fair, frontier
from tests.bench.pacing.contestants import (
    MIN_INTERVAL,
    UPDATES,
    USUAL,
    Contestant,
    against_the_end,
    former,
    knowing_the_end,
    ours,
    taught,
    tutorial,
)
from tests.bench.pacing.optimum import cost, optimum
from tests.bench.pacing.record import RECORDED
from tests.bench.pacing.traces import KINDS, Trace, gridded, trace

LENGTHS = (
    *(2.0, 2.5, 3.2, 4.0, 5.0, 6.4, 8.0, 10.0, 12.5, 16.0, 20.0, 25.0, 32.0, 40.0, 50.0, 64.0, 80.0, 100.0, 120.0),
    *(160.0, 200.0, 250.0, 320.0, 400.0, 500.0, 600.0),
)

UNTAUGHT: dict[str, Contestant] = {
    "the tutorial's way": tutorial,
    "the former plan": former,
    "ours, up to 600 s": ours(),
    "ours, up to 120 s": ours(replace(USUAL, longest=120.0)),
    "knowing the end": knowing_the_end,
}

ROBOTS: Mapping[str, Sequence[tuple[float, float]]] = {
    "brief, 6 s": ((6.0, 0.5),),
    "usual, 15 s": ((15.0, 0.5),),
    "thorough, 45 s": ((45.0, 0.5),),
    "mixed, 4 s and 40 s": ((4.0, 0.4), (40.0, 0.5)),
    "anything, 20 s": ((20.0, 0.9),),
}
"""Robots by the lengths of their answers, which are log-normal: median and spread, one or the other."""

KNOWN, ASKED = 200, 24
"""Answers that a robot learned of, and that it is then asked for in each of the kinds."""

ASKED_KINDS = ("constant", "slow start", "long tail", "bursty")


def answers(robot: Sequence[tuple[float, float]], count: int, seed: int) -> list[float]:
    """How long a robot's answers take, in seconds from 2 to 600."""
    chance = random.Random(seed)
    drawn = (chance.choice(robot) for _ in range(count))
    return [min(600.0, max(2.0, median * chance.lognormvariate(0, spread))) for median, spread in drawn]


def by_length() -> dict[str, Any]:
    """Each contestant's ratios over kinds and lengths, to one who knows all and to one who knows the end."""
    known: dict[str, Any] = {}
    for kind in KINDS:
        grown = [trace(kind, length) for length in LENGTHS]
        best = [optimum(one, UPDATES, MIN_INTERVAL) for one in grown]
        even = [cost(one, knowing_the_end(one)) for one in grown]
        for name, contestant in UNTAUGHT.items():
            paid = [cost(one, contestant(one)) for one in grown]
            known.setdefault(name, {})[kind] = {
                "to all": [one / least for one, least in zip(paid, best, strict=True)],
                "to the end": [one / least for one, least in zip(paid, even, strict=True)],
            }
    return known


DRAWS = 8

BOUNDS = {120.0: 2.3, 600.0: 3.1}
"""What an answer that may take so long shall cost at most, of what it costs one who knows its end."""


def bursts_by_draw() -> dict[str, Any]:
    """Text in bursts, drawn several times for each length: the worst, and the share that keeps to the bound."""
    known: dict[str, Any] = {}
    for longest, bound in BOUNDS.items():
        lengths = [length for length in LENGTHS if length <= longest]
        grown = [trace("bursty", length, seed) for length in lengths for seed in range(1, DRAWS + 1)]
        contestant = ours(replace(USUAL, longest=longest))
        ratios = [against_the_end(contestant, one) for one in grown]
        known[f"{longest:.0f} s"] = {"worst": max(ratios), "within": mean(ratio <= bound for ratio in ratios)}
    return known


def by_robot() -> dict[str, Any]:
    """What is learned of a robot gives for its own answers, and does to those of another kind."""
    known: dict[str, Any] = {}
    for name, robot in ROBOTS.items():
        heard = answers(robot, KNOWN, seed=1)
        budget = taught(heard)
        drawn = answers(robot, ASKED, seed=2)
        grown = [trace(kind, length, seed) for kind in ASKED_KINDS for seed, length in enumerate(drawn)]
        least = {
            "to all": [optimum(one, UPDATES, MIN_INTERVAL) for one in grown],
            "to the end": [cost(one, knowing_the_end(one)) for one in grown],
        }
        paid = {
            who: [cost(one, contestant(one)) for one in grown]
            for who, contestant in (
                UNTAUGHT | {"learned of 5": ours(taught(heard[:5])), "learned": ours(budget)}
            ).items()
        }
        known[name] = {
            than: {who: mean(map(operator.truediv, costs, best)) for who, costs in paid.items()}
            for than, best in least.items()
        }
        known[name]["to the end"]["learned, worst of all lengths"] = max(
            against_the_end(ours(budget), trace("constant", length)) for length in LENGTHS
        )
    return known


def recorded() -> dict[str, Any]:
    """The answers whose pieces were recorded. What is learned is of the usual robot."""
    contestants = UNTAUGHT | {"learned": ours(taught(answers(ROBOTS["usual, 15 s"], KNOWN, seed=1)))}
    known: dict[str, Any] = {}
    for name, moments in json.loads(RECORDED.read_text("utf-8")).items():
        one = _of_record(name, moments)
        least = optimum(one, UPDATES, MIN_INTERVAL)
        known[name] = {"seconds": one.seconds, "optimum": least} | {
            who: cost(one, contestant(one)) / least for who, contestant in contestants.items()
        }
    return known


def _of_record(name: str, moments: Sequence[float]) -> Trace:
    *pieces, end = moments
    return gridded(name, end, iter(pieces))


def best_of_plans() -> dict[str, Any]:
    """What no plan can do better."""
    return {
        "least worst to 120 s": frontier.least(120.0),
        "least worst to 600 s": frontier.least(600.0),
        "2.3 to 120 s and 3.1 beyond lasts": frontier.lasts(BOUNDS),
    }


LATENCIES = (0.03, 0.08, 0.2, 0.4)
CARDS = (5, 20, 60, 200)


def by_cards() -> dict[str, Any]:
    """Cards that share the rate: what the longest interval and the mean age are, of the fair and the fluid ones."""
    known: dict[str, Any] = {}
    for lasting, title in ((1e9, "none ends"), (30.0, "each ends after 30 s")):
        for latency in LATENCIES:
            for cards in CARDS:
                seen = fair.shared(cards, latency=latency, answers=lasting)
                due = fair.fair_interval(cards, lasting)
                known[f"{title}, {1000 * latency:.0f} ms, {cards}"] = {
                    "fair interval, s": due,
                    "longest": max(seen.intervals) / due,
                    "beyond 1.2": mean(one > 1.2 * due + 1e-6 for one in seen.intervals),
                    "mean age": seen.mean_age / (due / 2),
                    "final text waited, s": max(seen.finals, default=0.0),
                }
    return known


def figures() -> dict[str, Any]:
    """All of them."""
    return {
        "lengths": LENGTHS,
        "by length": by_length(),
        "bursts by draw": bursts_by_draw(),
        "by robot": by_robot(),
        "recorded": recorded(),
        "best of plans": best_of_plans(),
        "by cards": by_cards(),
    }
