"""An agent that follows the script of `tests.actors.cast`, and writes down what it was asked where the next process, and
the test, can read it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

from actors.agents import Event, Question
from tests.actors.cast import scripted

ASKED = "ASKED_FILE"
"""The variable that names the file."""


async def noted(question: Question) -> AsyncIterator[str | Event]:
    """Note the question and what went before it, then follow the script."""
    with Path(os.environ[ASKED]).open("a", encoding="utf-8") as file:
        file.write(" | ".join([question.text, *(turn.question for turn in question.history)]) + "\n")
    async for piece in scripted(question):
        yield piece
