"""When a lease that was not renewed means that its holder is dead: not where nobody could renew it.

The law: while the store takes no writes every lease runs out, and those who hold one go on with their answers. So what
ran out meanwhile is looked at as if it still held, until its holder has had the time to renew it. It reads no clock:
time is handed in.
"""

RENEWED_WITHIN = 15.0
"""Seconds beyond a lease that a holder may need to renew it, once the store is back: one whose connections hang finds a
new one later than another."""


class Renewals:
    """What one process saw of the writes to questions; `lease` is in seconds, and renewed three times in that time."""

    def __init__(self, lease: float, now: float) -> None:
        self._lease = lease
        self._worked_at = now
        self._away_since = now
        self._back_at = float("-inf")
        self.doubted = False
        """Whether the last write did not go through: somebody has to find out whether one does again."""

    def worked(self, now: float) -> None:
        """A write went through, so a renewal would have."""
        if self.doubted:
            self._back_at = now
        self.doubted, self._worked_at = False, now

    def failed(self, now: float) -> None:
        """A write did not go through, or not even a read."""
        if not self.doubted:
            self._away_since = self._worked_at
        self.doubted = True

    def lapsed(self, now: float) -> float:
        """The moment up to which a lease must hold to be still the holder's; now, unless nobody could renew it."""
        back_at = now if self.doubted else self._back_at
        missed_one = back_at - self._away_since >= self._lease / 3
        return self._away_since if missed_one and now - back_at < self._lease + RENEWED_WITHIN else now
