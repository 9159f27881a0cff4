"""The month's calls of the organisation: how many are used, and what an answer may still spend.

DingTalk counts the calls of all robots of an organisation together, per calendar month of Asia/Shanghai. The sum is
kept by whoever is handed in as `record`; this file knows nothing of where, nor of what a call does.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

from actors import metrics
from actors.errors import InboxError

log = logging.getLogger(__name__)

SHANGHAI = timezone(timedelta(hours=8))
"""Asia/Shanghai, which has no summer time."""

AMPLE = 0.8
"""The share of the quota up to which nobody has to save."""

MARKS = (80, 95, 100)
"""Percents of the quota that an operator is told of when they are reached, once a month."""

BATCH_SECONDS = 1.0
"""How long calls are collected before they are recorded together."""


def month(epoch: float) -> str:
    """The billing month that a moment falls into, as 2026-11."""
    return datetime.fromtimestamp(epoch, UTC).astimezone(SHANGHAI).strftime("%Y-%m")


def affordable(updates: int, used: int, limit: int) -> int:
    """How many of its `updates` an answer may have: all of them while the quota is ample, then fewer in a straight
    line down to one, the final text, when it is used up. A limit of 0 is not watched."""
    if limit == 0:
        return updates
    left = min(1.0, max(0.0, (limit - used) / (limit * (1 - AMPLE))))
    return 1 + int((updates - 1) * left)


def mark(used: int, limit: int) -> int:
    """The last of the marks that is reached, in percent; 0 as long as none is, or where nobody watches."""
    return max((percent for percent in MARKS if limit and used * 100 >= limit * percent), default=0)


class Quota:
    """The organisation's counter, shared by all robots of this process.

    `limit` is the calls of a month, 0 if nobody watches. `record(month, calls)` adds to the stored sum and returns it;
    it is called at most once a second, never by whoever makes a call.
    """

    def __init__(
        self, limit: int, record: Callable[[str, int], Awaitable[int]], now: Callable[[], float] = time.time
    ) -> None:
        self._limit = limit
        self._record = record
        self._now = now
        self._stored: dict[str, int] = {}
        self._unstored: Counter[str] = Counter()
        self._told: dict[str, int] = {}
        """The mark that was told last, by month."""
        self._robots: set[str] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._storing: asyncio.Task[None] | None = None

    @property
    def used(self) -> int:
        """The calls of this month that are known of."""
        current = month(self._now())
        return self._stored.get(current, 0) + self._unstored[current]

    def count(self, robot: str) -> None:
        """One call was made that DingTalk counts."""
        self._robots.add(robot)
        self._unstored[month(self._now())] += 1
        self.show()
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(BATCH_SECONDS, self._store_in_background)

    def budget(self, updates: int) -> int:
        """How many text updates an answer may have now, of the `updates` it has while the quota is ample."""
        return affordable(updates, self.used, self._limit)

    async def open(self, *robots: str) -> None:
        """Learn what is used already, and show it for these robots. A store that does not tell, tells after the first
        calls."""
        self._robots.update(robots)
        current = month(self._now())
        with suppress(InboxError):
            self._stored[current] = await self._record(current, 0)
        self.show()

    def add(self, robot: str) -> None:
        """A robot is served: what is used is shown for it, too."""
        self._robots.add(robot)
        self.show()

    def forget(self, robot: str) -> None:
        """A robot is served no longer: nothing is shown for it."""
        self._robots.discard(robot)

    async def close(self) -> None:
        """Record what is not recorded yet."""
        if self._alarm:
            self._alarm.cancel()
        if self._storing:
            await self._storing
        await self._store()

    def _store_in_background(self) -> None:
        self._alarm = None
        if self._storing is None or self._storing.done():
            self._storing = asyncio.get_running_loop().create_task(self._store())

    async def _store(self) -> None:
        for then, calls in list(self._unstored.items()):
            try:
                total = await self._record(then, calls)
            except InboxError as error:  # they stay, and go with the next batch
                log.debug("quota not recorded", extra={"action": "quota_not_recorded", "detail": str(error)})
                return
            self._unstored[then] -= calls
            self._stored[then] = total
        self._unstored = +self._unstored
        self.show()

    def show(self) -> None:
        """Tell the metrics, and the log when a mark is reached. A month that begins without a call makes itself known
        no other way."""
        for robot in self._robots:
            metrics.OPENAPI_QUOTA_USED.labels(robot=robot).set(self.used)
            metrics.OPENAPI_QUOTA_LIMIT.labels(robot=robot).set(self._limit)
        self._tell()

    def _tell(self) -> None:
        current, used = month(self._now()), self.used
        reached = mark(used, self._limit)
        if reached <= self._told.get(current, 0):
            return
        self._told = {current: reached}
        level, what = (
            (logging.WARNING, "cards are updated less often")
            if used < self._limit
            else (logging.ERROR, "DingTalk may refuse cards")
        )
        log.log(
            level,
            "%d%% of the month's quota is used, %d of %d calls: %s",
            reached,
            used,
            self._limit,
            what,
            extra={"action": "quota_runs_out", "percent": reached, "used": used, "limit": self._limit},
        )
