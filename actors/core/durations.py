"""How long a robot's answers took lately, from their first text to their end, as a sketch of fixed size.

The law: a sketch is as large after a million answers as after one, what it remembers of any fades, and of nobody's
question or answer does it hold more than that one lasted about so long. Pure; who keeps it decides how long it lives.
"""

import bisect
from dataclasses import replace
from itertools import pairwise

from actors.core.frozen import frozen

EDGES = (0.0, *(2 ** (step / 3) for step in range(34)))
"""Seconds between which answers count as equally long: a third of an octave, from one second to half an hour."""

SPANS = tuple(pairwise(EDGES))

_FADES = 1 / 64
"""What one more answer takes from the weight of all before it: the last fifty or so count."""


@frozen
class Durations:
    """The weight of the answers that ended in each span; one just heard of weighs 1."""

    weights: tuple[float, ...] = (0.0,) * len(SPANS)

    def heard(self, seconds: float) -> "Durations":
        """One more answer took so long."""
        span = min(max(bisect.bisect_right(EDGES, seconds) - 1, 0), len(SPANS) - 1)
        faded = [weight * (1 - _FADES) for weight in self.weights]
        faded[span] += 1.0
        return replace(self, weights=tuple(faded))


NOTHING_HEARD = Durations()
