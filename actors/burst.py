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
        self._next: asyncio.Handle | None = None
        """Tells of the next one, as long as any wait."""

    @contextmanager
    def coming_in(self) -> Iterator[None]:
        """A message is read, and not stored yet."""
        self._coming_in += 1
        try:
            yield
        finally:
            self._coming_in -= 1
            if not self._coming_in and isinstance(self._next, asyncio.TimerHandle):
                self._next.cancel()  # nobody is left for whose sake there was a pause
                self._tell_soon()

    def stored(self, conversation: str) -> None:
        """A message that comes in has been stored in this conversation."""
        if self._coming_in <= 1 and self._next is None:
            self._work(conversation)
            return
        self._waiting.append(conversation)
        if self._next is None:
            self._tell_soon()

    def _tell_soon(self) -> None:
        self._next = asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        conversation = self._waiting.popleft()
        if not self._waiting:
            self._next = None
        elif self._coming_in:
            self._next = asyncio.get_running_loop().call_later(PAUSE, self._tell)
        else:
            self._tell_soon()
        self._work(conversation)
