"""A retry policy as a person reads it: the waits it gives, how often, and how long they are in all.

The law: what is said is what `Backoff` does, whatever its numbers are; a long row of waits is shortened. Nothing here
decides when to try again.
"""

import math
import sys

from actors.core.backoff import Backoff
from actors.core.frozen import frozen
from actors.core.restart import QUICK

LISTED = 5
"""Waits that are listed one by one; of more, only the first three and the longest."""

_SHORT, _LONG = 0.001, 1e9
"""Seconds below and from which a figure needs its power of ten."""


@frozen
class Told:
    """A policy in words, and its figures; waits and sums are seconds.

    `attempts` is None for a policy without an end. `waits` are the first ones that differ and `longest` is the last
    one, without the `jitter` that comes on top of each. `least` and `most` are all waits together, where they end.
    """

    text: str
    attempts: int | None
    waits: tuple[float, ...]
    longest: float
    jitter: float
    least: float | None = None
    most: float | None = None


@frozen
class _Row:
    """The waits of a policy without their jitter: `climb` ones that grow, then `steady` for all others; `repeats` in
    all, None if there is no end. The multiplier is at least 1."""

    backoff: Backoff
    repeats: int | None

    @property
    def steady(self) -> float:
        grows = self.backoff.multiplier > 1 and self.backoff.initial > 0
        return self.backoff.maximum if grows else self.at(0)

    @property
    def climb(self) -> int:
        if self.at(0) == self.steady:
            return 0
        growth = math.log(self.backoff.maximum) - math.log(self.backoff.initial)
        climb = math.ceil(growth / math.log(self.backoff.multiplier))
        return climb - 1 if self.at(climb - 1) == self.steady else climb

    @property
    def differing(self) -> int:
        """How many waits differ from the one before them."""
        return self.climb + 1 if self.repeats is None else min(self.climb + 1, self.repeats)

    @property
    def longest(self) -> float:
        return self.steady if self.repeats is None else self.at(self.repeats - 1)

    def at(self, number: int) -> float:
        """The wait of this number, from 0."""
        return self.backoff.delay(number, lambda: 0.0)

    def sum(self, repeats: int) -> float:
        """So many waits together."""
        growing = min(self.climb, repeats)
        rest = (repeats - growing) * self.steady
        if growing == 0:
            return _finite(rest)
        # The geometric series, backwards from its last wait, so that no power of the multiplier overflows.
        shrink = -math.log(self.backoff.multiplier)
        return _finite(self.at(growing - 1) * math.expm1(growing * shrink) / math.expm1(shrink) + rest)

    def words(self) -> str:
        """After how long it is tried again."""
        jitter, first = self.backoff.jitter, self.at(0)
        if self.differing == 1:
            return f"after {span(first, first + jitter)}" if first + jitter else "at once"
        if self.differing > LISTED:
            listed = f"{', '.join(map(figure, self.waits[:3]))} … {figure(self.longest)} s"
        else:
            *others, last = map(figure, self.waits)
            then = "" if self.repeats == self.differing else "then "
            listed = f"{', '.join(others)}, {then}{last} s"
        return f"after {listed}, each plus 0 to {figure(jitter)} s" if jitter else f"after {listed}"

    @property
    def waits(self) -> tuple[float, ...]:
        """The first waits that differ."""
        return tuple(self.at(number) for number in range(min(self.differing, LISTED)))


def endless(backoff: Backoff, reset_after: float) -> Told:
    """The policy of what is started again for ever, and quickly after `reset_after` seconds of health."""
    row = _Row(backoff, None)
    health = f"{figure(reset_after)} s of health" if reset_after else "any health"
    text = f"again {row.words()}, for ever; after {health} once within {figure(QUICK)} s, then from the first wait on"
    return Told(text, None, row.waits, row.longest, backoff.jitter)


def limited(backoff: Backoff, attempts: int, within: float | None = None) -> Told:
    """The policy of what is tried `attempts` times in all; if `within` is given, tries and waits end by then."""
    if attempts == 1:
        return Told("1 try, not repeated", 1, (), 0.0, backoff.jitter, 0.0, 0.0)
    repeats = attempts - 1
    row = _Row(backoff, repeats)
    least = row.sum(repeats)
    most = _finite(least + repeats * backoff.jitter)
    text = f"{attempts} tries, again {row.words()}"
    if repeats > 1 and most:
        text += f"; {span(least, most)} of waiting in all"
    if within is not None:
        text += f"; tries and waits end after {figure(within)} s"
    return Told(text, attempts, row.waits, row.longest, backoff.jitter, least, most)


def span(least: float, most: float) -> str:
    """From so many seconds to so many."""
    low, high = figure(least), figure(most)
    return f"{low} s" if low == high else f"{low} to {high} s"


def figure(seconds: float) -> str:
    """A number of seconds as people write it, to the millisecond: 0.5, 60, 1200."""
    if seconds == 0 or _SHORT <= seconds < _LONG:
        return f"{seconds:.3f}".rstrip("0").rstrip(".")
    return f"{seconds:.3g}"


def _finite(seconds: float) -> float:
    return min(seconds, sys.float_info.max)
