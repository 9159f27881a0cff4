"""The agent of several processes, which notes for the test what becomes of it, where and when."""

import asyncio
import os
import time
from collections.abc import AsyncIterator

from actors.agents import Begun, Event, Feedback, Question
from tests.chaos.cast import faithful, note_beside

BEGAN, STOPPED, HEARD = "began", "stopped", "heard"
"""The files beside ASKED in which `watched` notes each of its runs, those that were stopped, and each rating."""


async def watched(question: Question) -> AsyncIterator[str | Event]:
    """Name the answer by its question, then do as `faithful`."""
    _note(BEGAN, text=question.text, history=[turn.question for turn in question.history], session=question.session)
    yield Begun(f"run of {question.text}", question.session or f"talk of {question.text}")
    try:
        async for piece in faithful(question):
            yield piece
    except (asyncio.CancelledError, GeneratorExit):
        _note(STOPPED, text=question.text)
        raise


async def _hear(given: Feedback) -> None:
    _note(HEARD, text=given.question.text, rating=given.rating, run=given.run)


watched.feedback = _hear  # type: ignore[attr-defined]


def _note(name: str, **fields: object) -> None:
    note_beside(name, fields | {"process": os.getpid(), "at": time.monotonic()})
