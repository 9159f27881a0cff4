"""The agent of the observed runs. A question's text is its script, as in `tests.actors.cast`, with more ways to fail.

`block` holds the event loop up in the very moment in which frames have been read and are not yet worked on · `broken`
tells its own actor what no actor survives, since nothing that an agent may say does that · `nothing` ends without a
word · `late 4 9` speaks from 4 s to 9 s, a word every second.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from pykka import ActorRegistry

from actors.agents import Event, Question, Used
from actors.messages import DropThese
from tests.actors.cast import scripted

FOLDER = "OBSERVED_FOLDER"
"""The variable that names the folder by which `block` and its run tell each other how far they are."""

BLOCKED, FREE = "blocked", "free"
"""The files that say: the loop stands, and it may go on."""

HELD_UP = 3.2
"""Seconds for which the loop stands still then: more than DingTalk allows for an ack."""


async def talkative(question: Question) -> AsyncIterator[str | Event]:
    """Follow the script in the question."""
    match question.text.split():
        case ["block"]:
            await _block(Path(os.environ[FOLDER]))
            yield "好了"
        case ["broken"]:
            _break_the_actor_of(question)
            await asyncio.Event().wait()
        case ["nothing"]:
            return
        case ["late", first, last]:
            await asyncio.sleep(float(first))
            yield "久等了，"
            for number in range(int(float(last) - float(first))):
                await asyncio.sleep(1.0)
                yield f"{number} "
        case _:
            yield Used(read=len(question.text), written=1)
            async for piece in scripted(question):
                yield piece


talkative.feedback = scripted.feedback  # type: ignore[attr-defined]


def _break_the_actor_of(question: Question) -> None:
    for ref in ActorRegistry.get_by_class_name("Conversation"):
        actor = ref._actor_weakref()
        turn = actor and actor._turn
        if turn and turn.effects.question.message_id == question.message_id:
            ref.tell(DropThese(None))  # type: ignore[arg-type]


async def _block(folder: Path) -> None:
    (folder / BLOCKED).touch()
    while not (folder / FREE).exists():
        time.sleep(0.02)  # noqa: ASYNC251 - that is the fault
    for _ in range(TURNS):
        await asyncio.sleep(0)
    time.sleep(HELD_UP)  # noqa: ASYNC251


TURNS = 3
"""Turns of the loop in which it reads the frames that came meanwhile, and makes a task for each."""
