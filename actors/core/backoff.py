"""How long to wait before the next try: an exponential curve up to a ceiling, and some jitter on top.

One policy serves all three scopes (stream, openapi, agent), so that the operator learns one set of settings. What is
worth another try, and what a reset of the count is, is decided elsewhere.
"""

from collections.abc import Callable
from dataclasses import astuple

from tenacity.wait import wait_base, wait_exponential, wait_random

from actors.core.frozen import frozen


@frozen
class Backoff:
    """The four numbers of a `*_RETRY_*` group of settings; all but `multiplier` are seconds.

    Raises:
        ValueError: one of them is negative.
    """

    initial: float
    multiplier: float
    maximum: float
    jitter: float

    def __post_init__(self) -> None:
        if not all(number >= 0 for number in astuple(self)):
            raise ValueError(f"a backoff has no negative numbers: {self}")

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds to wait before a try; `attempt` counts from 0, `random()` is in [0, 1)."""
        try:
            curve = min(self.maximum, self.initial * self.multiplier**attempt)
        except OverflowError:
            curve = self.maximum if self.initial else 0.0
        return curve + self.jitter * random()

    def wait(self) -> wait_base:
        """The same curve for tenacity's retry loops; its attempt 1 is our 0."""
        curve = wait_exponential(multiplier=self.initial, exp_base=self.multiplier, max=self.maximum)
        return curve + wait_random(0, self.jitter)
