"""Figures of a run: pure functions of what the platform saw.

The law: the age of unseen text is measured from the moment that the agent said it. Whoever has not asked the agent yet
has no old text; that somebody waits for that is told by the other figures.

The fluid limit of n cards that share R calls a second: were calls divisible, each card would get an update every n/R
seconds, or at its least interval where that is longer. A text taken at the sending is seen a call's time L later, so
the oldest unseen piece is L old right after an update and L + T before the next one, T = max(n/R, interval): over the
answer L + T/2 on average. No client can be better on average, of any number of cards, for ever; one that spends more
calls on one card takes them from another.
"""

from collections.abc import Iterable
from itertools import pairwise
from statistics import fmean

from tests.bench.seen import Answer, Run

MIN_INTERVAL = 0.8
"""The default of CARD_MIN_INTERVAL."""


def fluid_limit(cards: int, rate: float, latency: float) -> float:
    """The least mean age of the oldest unseen text, where so many cards share a rate."""
    return latency + max(cards / rate, MIN_INTERVAL) / 2


def whole_at(answer: Answer) -> float | None:
    """When all of it was on the card."""
    return next((at for at, count in answer.shown if count == answer.pieces), None)


def age(answer: Answer) -> float | None:
    """The mean age of the oldest unseen piece, from the first piece to the whole text; None if that never came."""
    end, began = whole_at(answer), answer.said_from
    if end is None or began is None or end <= began:
        return None
    moments = [(began, 0), *((at, count) for at, count in answer.shown if began < at <= end)]
    each = answer.seconds / answer.pieces
    total = 0.0
    for (since, count), (until, _) in pairwise(moments):
        oldest = began + each * count
        total += _triangle(until - oldest) - _triangle(since - oldest)
    return total / (end - began)


def _triangle(age: float) -> float:
    """The integral of an age that grew from 0."""
    return max(0.0, age) ** 2 / 2


def standstill(answer: Answer) -> float:
    """The longest time in which the card showed nothing new, from its first piece to the whole text."""
    changes = [at for number, (at, count) in enumerate(answer.shown) if count and _is_new(answer, number)]
    return max((later - earlier for earlier, later in pairwise(changes)), default=0.0)


def _is_new(answer: Answer, number: int) -> bool:
    return number == 0 or answer.shown[number][1] > answer.shown[number - 1][1]


def figures(run: Run) -> dict[str, float]:
    """What people felt and what it cost in calls. What did not come within the case's time is counted as missing, and
    is in no time."""
    answers, calls = run.answers, run.calls
    began = min(answer.asked for answer in answers)
    firsts = [answer.shown[0][0] - answer.asked for answer in answers if answer.shown]
    acks = [answer.acked - answer.asked for answer in answers if answer.acked is not None]
    texts = [at - answer.asked for answer in answers if (at := _first_text(answer)) is not None]
    ends = [end - began for answer in answers if (end := whole_at(answer)) is not None]
    ages = [old for answer in answers if (old := age(answer)) is not None]
    wasted = sum(call.status != 200 or call.repeated for call in calls)
    return {
        **_spread("first card", firsts),
        **_spread("ack", acks),
        **_spread("first text", texts),
        **({"age of unseen text, mean": fmean(ages)} if ages else {}),
        **_worst("standstill of a card", map(standstill, answers)),
        **_worst("all answered", ends),
        "without a card": len(answers) - len(firsts),
        "without an ack": len(answers) - len(acks),
        "without the whole text": len(answers) - len(ends),
        "calls per answer": len(calls) / len(answers),
        "calls refused": sum(call.status == 403 for call in calls),
        "calls wasted, %": 100 * wasted / max(1, len(calls)),
    }


def curve(run: Run) -> list[tuple[float, int]]:
    """What the first answer's card showed, in seconds since the question."""
    answer = run.answers[0]
    return [(round(at - answer.asked, 3), count) for at, count in answer.shown]


def _first_text(answer: Answer) -> float | None:
    return next((at for at, count in answer.shown if count), None)


def _spread(name: str, values: list[float]) -> dict[str, float]:
    return {f"{name}, mean": fmean(values), f"{name}, worst": max(values)} if values else {}


def _worst(name: str, values: Iterable[float]) -> dict[str, float]:
    known = list(values)
    return {f"{name}, worst": max(known)} if known else {}
