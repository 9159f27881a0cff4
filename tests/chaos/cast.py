"""An agent that follows the script of `tests.actors.cast`, and writes down what it was asked, where the test can read
it when the process is gone."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

from actors.agents import Event, Question
from tests.actors.cast import scripted

ASKED = "ASKED_FILE"
"""The variable that names the file."""


async def noted(question: Question) -> AsyncIterator[str | Event]:
    """Note the question and what went before it, then follow the script."""
    _note(" | ".join([question.text, *(turn.question for turn in question.history)]))
    async for piece in scripted(question):
        yield piece


def _note(line: str) -> None:
    with Path(os.environ[ASKED]).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
