"""The agent of the benchmarks: as many pieces as the question says, evenly over as many seconds.

A question looks like `500 pieces 10 s`, or `500 pieces 10 s after 5 s` where the first piece lets people wait. That
piece is the moment when the agent was asked, so that whoever sees the text knows when each piece was said.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a contestant that is not the service does without its packages
    from actors.agents import Question

PIECE = "字字"
SINCE = "起"
"""Ends the first piece: a number alone is held back while a text grows, since it might begin a list."""

_SAID = re.compile(rf"(\d+){SINCE}(字*)")


def planned(text: str) -> tuple[int, float, float]:
    """How many pieces a question asks for, over how many seconds, after how many."""
    count, _, seconds, _, *wait = text.split()
    return int(count), float(seconds), float(wait[1]) if wait else 0.0


def pieces(text: str, began: float) -> Iterator[tuple[float, str]]:
    """Each piece of an answer that began at `began` (monotonic seconds), with the moment that it is due at."""
    count, seconds, wait = planned(text)
    for number in range(count):
        yield began + wait + seconds * number / count, PIECE if number else f"{began * 1000:.0f}{SINCE}"


def read(shown: str) -> tuple[float | None, int]:
    """When the agent was asked and how many of its pieces there are, by what a card shows; None and 0 before that."""
    said = _SAID.match(shown)
    if said is None:
        return None, 0
    return int(said[1]) / 1000, 1 + len(said[2]) // len(PIECE)


async def evenly(question: "Question") -> AsyncIterator[str]:
    """The answer; the pieces keep to their own clock, however late one is."""
    for due, piece in pieces(question.text, time.monotonic()):
        await asyncio.sleep(due - time.monotonic())
        yield piece


def blocking(text: str) -> Iterator[str]:
    """The same for a thread that waits."""
    for due, piece in pieces(text, time.monotonic()):
        time.sleep(max(0.0, due - time.monotonic()))
        yield piece
