"""A burst of messages: work that was stored is begun no faster than the messages behind it get their acks.

The law: who is alone waits for nothing. Of many that come together each is told of after the other, and while some of
them have no ack yet there is a pause between two: a conversation that begins takes the processor from whoever is being
stored, and its card has to wait for a place among the calls of a second anyway. It knows no messages and no inbox.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PAUSE = 0.01
"""Seconds between two that begin while others are being stored: those that get the first second's calls have begun
within some hundredths of a second."""


class Burst:
    """Tells `work` of each conversation in its turn."""

    def __init__(self, work: Callable[[str], object]) -> None:
        self._work = work
        self._coming_in = 0
        self._waiting: deque[str] = deque()
        self._telling = False

    @contextmanager
    def coming_in(self) -> Iterator[None]:
        """A message is read, and not stored yet."""
        self._coming_in += 1
        try:
            yield
        finally:
            self._coming_in -= 1

    def stored(self, conversation: str) -> None:
        """A message that comes in has been stored in this conversation."""
        if self._coming_in <= 1 and not self._telling:
            self._work(conversation)
            return
        self._waiting.append(conversation)
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._work(self._waiting.popleft())
        self._telling = bool(self._waiting)
        if self._telling:
            asyncio.get_running_loop().call_later(PAUSE if self._coming_in else 0, self._next)
