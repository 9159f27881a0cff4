"""The cards of those who wait: each question in line shows its place, on the card that becomes its answer.

The law: a card in line is touched by one call at a time, and by none any more once its turn has claimed it. Everything
here runs on the reactor. Who waits is handed in; nothing is decided here, and a place that is not shown harms nobody.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from actors import metrics
from actors.core import card as faces
from actors.core.question import Question
from actors.dingtalk.port import Fence, Replies
from actors.errors import CallFailed, LeaseLost

log = logging.getLogger(__name__)

_AMPLE = 100
"""Updates that an answer would have to be cut down from for the month's quota to be running out."""


class WaitingCards:
    """The cards of one conversation's line. `replies(question)` is how its robot answers."""

    def __init__(self, replies: Callable[[Question], Replies], wall: Callable[[], float] = time.time) -> None:
        self._replies = replies
        self._wall = wall
        self._line: tuple[Question, ...] = ()
        self._shown: dict[str, int] = {}
        """The place on each card that is there, by message id, until it is claimed: also of who was taken back."""
        self._claimed: set[str] = set()
        self._doubted: set[str] = set()
        """Whose card may be there, since a call was never answered; by message id."""
        self._touched: dict[str, asyncio.Event] = {}
        """Set when the call that touches this card is over; by message id."""
        self._free = asyncio.Lock()

    async def show(self, line: tuple[Question, ...], fence: Fence | None = None) -> None:
        """Show everybody in line their place, as far as it is news. A later call takes the place of an earlier one.
        Whoever has the question before them has their cards, until its `fence` says otherwise."""
        self._line = line
        async with self._free:
            self._claimed &= {question.message_id for question in line}
            for ahead, question in enumerate(line, 1):
                if self._line is not line:
                    return
                if question.message_id not in self._claimed and self._shown.get(question.message_id) != ahead:
                    await self._place(question, ahead, fence)

    async def claim(self, question: Question) -> bool:
        """Its turn has come: from here on the card is the turn's. Whether there is one."""
        name = question.message_id
        self._claimed.add(name)
        if all(waiting.message_id in self._claimed for waiting in self._line):
            self._line, self._claimed = (), {name}  # nobody is left to be shown a place
        if touched := self._touched.get(name):
            await touched.wait()
        return self._shown.pop(name, None) is not None

    def leave(self, question: Question) -> None:
        """Its turn is over: no line will have it any more."""
        self._claimed.discard(question.message_id)

    def doubted(self, question: Question) -> bool:
        """Whether a card that did not seem to be there when it was claimed may be there all the same; asked once."""
        doubted = question.message_id in self._doubted
        self._doubted.discard(question.message_id)
        return doubted

    async def _place(self, question: Question, ahead: int, fence: Fence | None) -> None:
        replies, name = self._replies(question), question.message_id
        known, face = name in self._shown, faces.in_line(ahead)
        if replies.text_only or (known and replies.budget(_AMPLE) < _AMPLE):
            return
        card = replies.card(question, 0, fence)
        over = self._touched[name] = asyncio.Event()
        try:
            if known or not await card.create(face):
                await card.show(face)
            else:
                age = max(0.0, self._wall() - question.received_at)
                metrics.FIRST_CARD_SECONDS.labels(robot=question.robot).observe(age)
            self._shown[name] = ahead
        except asyncio.CancelledError:
            self._doubted.add(name)
            raise
        except CallFailed as error:
            if error.maybe_done:
                self._doubted.add(name)
            log.info("a place in line was not shown: %s", error, extra={"action": "place_not_shown", **question.ids})
        except LeaseLost:
            self._doubted.add(name)  # it may be a repeated call that was stopped
            log.debug("a place in line is somebody else's to show", extra={"action": "place_left", **question.ids})
        finally:
            del self._touched[name]
            over.set()
