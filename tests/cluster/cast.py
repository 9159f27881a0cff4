"""Agents of several processes, which note for the test what becomes of them."""

import asyncio
import os
from collections.abc import AsyncIterator

from actors.agents import Event, Question
from tests.chaos.cast import faithful, note_beside

STOPPED = "stopped"
"""The file beside ASKED in which `watched` notes each of its runs that was stopped."""


async def watched(question: Question) -> AsyncIterator[str | Event]:
    """Do as `faithful`, and note it when one is stopped."""
    try:
        async for piece in faithful(question):
            yield piece
    except (asyncio.CancelledError, GeneratorExit):
        note_beside(STOPPED, {"text": question.text, "process": os.getpid()})
        raise
