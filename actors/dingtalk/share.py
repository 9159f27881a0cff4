"""How many calls a second one of several replicas allows itself of what DingTalk allows the robot, for one API.

The law: all shares together are the limit, and a replica begins from its own. One that wants more takes more for as
long as DingTalk refuses nothing; refused, it gives a part back, and looks for its place nearer to its share, since
others want theirs. So what idle replicas leave goes to busy ones, and all that are busy get about the same. The
decrease is a factor; the increase has the shape of CUBIC's (RFC 9438): first quickly, then slowly around where it
expects to be refused, then ever faster. A replica that is alone has all, always.

Pure: times are monotonic seconds and handed in. It knows nothing of calls, nor how replicas are counted.
"""

from dataclasses import replace

from actors.core.frozen import frozen

HEARD_WITHIN = 5.0
"""Seconds within which replicas hear that one has come or gone."""

DECREASE = 0.92
"""What is left of a rate after a refusal."""

LEAST = 0.25
"""The part of its share that a replica keeps whatever is refused, and begins with as long as others do not know it."""

RECOVERY = 5.5
"""Seconds, for each replica, until a rate that was cut is at its ceiling. The more they are the longer it takes, so
that all together are refused about as often however many they are."""


@frozen
class Share:
    """One replica's rate over time: `low` at `since`, `ceiling` some seconds later, and beyond if nothing is refused.

    `limit` is the calls per second that DingTalk allows the robot, `replicas` how many have it together.
    """

    limit: int
    replicas: int
    ceiling: float
    low: float
    since: float

    @property
    def fair(self) -> float:
        """What each has where all want the same."""
        return self.limit / self.replicas

    def rate(self, now: float) -> float:
        """The calls per second that this replica allows itself."""
        if self.replicas == 1:
            return float(self.limit)
        recovery = RECOVERY * self.replicas
        way = (max(0.0, now - self.since) - recovery) / recovery
        return min(self.limit, self.ceiling + (self.ceiling - self.low) * way**3)

    def refused(self, sent: float, now: float) -> "Share":
        """DingTalk refused a call that was sent at `sent`. Of several that went before the rate was cut, one counts."""
        if self.replicas == 1 or sent <= self.since:
            return self
        rate = self.rate(now)
        ceiling = (rate + self.fair) / 2
        low = max(DECREASE * min(rate, ceiling), LEAST * self.fair)
        return replace(self, ceiling=ceiling, low=low, since=now)

    def beaten(self, replicas: int, now: float, *, wanted: bool) -> "Share":
        """A look at the replicas, every now and then: there are so many, and this one `wanted` more than it had since
        the last look. Where it did not, it gives back what it has above its share."""
        share = self if replicas == self.replicas else self._among(replicas, now)
        return share if wanted or share.rate(now) <= share.fair else at_rest(share.limit, replicas, now)

    def _among(self, replicas: int, now: float) -> "Share":
        if 1 in {replicas, self.replicas}:
            return at_rest(self.limit, replicas, now)
        scale = self.replicas / replicas
        since = self.since if now < self.since else now - (now - self.since) / scale  # as far on its way as it was
        return replace(self, replicas=replicas, ceiling=self.ceiling * scale, low=self.low * scale, since=since)


def at_rest(limit: int, replicas: int, now: float) -> Share:
    """A replica that has its share."""
    fair = limit / replicas
    return Share(limit, replicas, fair, DECREASE * fair, now - RECOVERY * replicas)


def joining(limit: int, replicas: int, now: float) -> Share:
    """A replica of which the others do not know yet; it is one of the `replicas`."""
    fair = limit / replicas
    return Share(limit, replicas, fair, LEAST * fair, now + HEARD_WITHIN)
