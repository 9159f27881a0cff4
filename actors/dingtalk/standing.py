"""Whether DingTalk takes one robot's cards: what it refuses for good is not asked for again before an hour has passed.

The law: a template or a permission that is refused turns the robot to plain text; one log line says so, and one that it
is over. It knows no calls and no cards, only how they failed. `clock` gives monotonic seconds.

DingTalk says "unknown error" both in trouble and where a template does not fit its key (soimy/openclaw-channel-dingtalk
issue 81), so that counts only after several cards in a row could not be streamed to their end.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from actors import metrics
from actors.errors import CallFailed, Fault

log = logging.getLogger(__name__)

ASK_AGAIN_AFTER = 3600.0
"""Seconds of plain text until a card is tried again."""

DOUBTS = 3
"""Cards in a row that are refused without a clear reason until none is tried."""

_UNCLEAR = "unknownError"


class Standing:
    """One robot's standing with DingTalk's cards."""

    def __init__(self, robot: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._robot = robot
        self._clock = clock
        self._until = float("-inf")
        self._doubted: set[str] = set()
        self._why = ""
        self._certain = False
        """Whether cards were refused for good, and not merely came to be doubted."""
        metrics.CARD_FALLBACK.labels(robot=robot).set(0)

    @property
    def refusal(self) -> str:
        """Why no card is to be tried now; "" where one may be."""
        return self._why if self._clock() < self._until else ""

    @contextmanager
    def watched(self, card: str) -> Iterator[None]:
        """Note how a call of this card fails."""
        try:
            yield
        except CallFailed as failure:
            if failure.fault in {Fault.PERMISSION, Fault.TEMPLATE}:
                self._refused(failure)
            elif failure.code == _UNCLEAR:
                self._doubted.add(card)
                if len(self._doubted) >= DOUBTS:
                    self._refused(failure)
            raise

    def works(self) -> None:
        """A card was had to its end. One that was made before new ones were refused for certain says nothing of new
        ones; none is made before the hour is over, and no answer takes that long."""
        if self._certain and self.refusal:
            return
        self._doubted.clear()
        if self._why:
            self._why, self._certain, self._until = "", False, float("-inf")
            metrics.CARD_FALLBACK.labels(robot=self._robot).set(0)
            log.info("cards are taken again", extra={"action": "cards_taken", "robot": self._robot})

    def _refused(self, failure: CallFailed) -> None:
        self._until = self._clock() + ASK_AGAIN_AFTER
        self._certain = self._certain or failure.code != _UNCLEAR
        metrics.CARD_FALLBACK.labels(robot=self._robot).set(1)
        if self._why:
            return
        self._why = str(failure)
        log.error(
            "cards are refused, answers go as plain text; a card is tried again every hour: %s",
            failure,
            extra={"action": "cards_refused", "robot": self._robot, "code": failure.code},
        )
