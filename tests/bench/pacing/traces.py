"""Answers as the moments at which their pieces come, made by seed.

All times are ticks of a grid of which the least interval of a card is a multiple: with that the optimum can be had
exactly. The first piece comes at 0, and the answer ends at `seconds`.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

PER_SECOND = 50
"""Pieces while text is written at its usual rate."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One answer: `ticks` at which a piece or several came, and the length of a tick."""

    kind: str
    seconds: float
    tick: float
    ticks: tuple[int, ...]

    @property
    def end(self) -> int:
        """The tick at which the answer ends."""
        return round(self.seconds / self.tick)


def trace(kind: str, seconds: float, seed: int = 1) -> Trace:
    """An answer of this kind and length."""
    return gridded(kind, seconds, KINDS[kind](seconds, random.Random(f"{kind} {seconds:g} {seed}")))


def gridded(kind: str, seconds: float, moments: Iterator[float]) -> Trace:
    """An answer whose pieces come at these moments, as near as the grid has them. It is as fine as an optimum of some
    thousand steps allows."""
    tick = next(tick for tick in (0.02, 0.05, 0.1, 0.2, 0.4) if seconds <= 1500 * tick)
    end = round(seconds / tick)
    ticks = {0, *(min(end, round(moment / tick)) for moment in moments)}
    return Trace(kind, end * tick, tick, tuple(sorted(ticks)))


def _even(begin: float, end: float) -> Iterator[float]:
    for piece in range(int((end - begin) * PER_SECOND) + 1):
        yield begin + piece / PER_SECOND


def _constant(seconds: float, _: random.Random) -> Iterator[float]:
    yield from _even(0, seconds)


def _slow_start(seconds: float, _: random.Random) -> Iterator[float]:
    """Ever faster: half of it comes in the last three tenths."""
    pieces = int(seconds * PER_SECOND)
    yield from (seconds * (piece / pieces) ** 0.5 for piece in range(pieces + 1))


def _long_tail(seconds: float, _: random.Random) -> Iterator[float]:
    """Ever slower: half of it comes in the first sixth."""
    pieces = int(seconds * PER_SECOND)
    yield from (seconds * (piece / pieces) ** 2.5 for piece in range(pieces + 1))


def _on_and_off(
    seconds: float, chance: random.Random, on: tuple[float, float], off: tuple[float, float]
) -> Iterator[float]:
    now = 0.0
    while now < seconds:
        end = min(seconds, now + chance.uniform(*on))
        yield from _even(now, end)
        now = end + chance.uniform(*off)


def _bursty(seconds: float, chance: random.Random) -> Iterator[float]:
    """As a busy back end writes: in bursts, with pauses that are shorter than the bursts."""
    return _on_and_off(seconds, chance, (0.5, 2.0), (0.2, 0.8))


def _pausing(seconds: float, chance: random.Random) -> Iterator[float]:
    """As an agent writes that uses tools in the midst of it: a few seconds of text, and as long without any."""
    return _on_and_off(seconds, chance, (1.0, 4.0), (1.0, 8.0))


KINDS: Mapping[str, Callable[[float, random.Random], Iterator[float]]] = {
    "constant": _constant,
    "bursty": _bursty,
    "slow start": _slow_start,
    "long tail": _long_tail,
    "pausing": _pausing,
}
