"""The agents of these tests. A question's text is the agent's script, so that each test says what its agent does.

`3x0.1` says three pieces, 0.1 s apart · `hang` says nothing, for ever · `2x0.01 hang` says two pieces, then no more ·
`boom` fails at once · `2x0.01 boom` fails in mid answer · anything else is answered by its echo.
"""

import asyncio
from collections.abc import AsyncIterator

from actors.agents import Question

ASKED: list[Question] = []
"""Every question an agent was asked, in order; tests look for their own sender."""


async def scripted(question: Question) -> AsyncIterator[str]:
    """Follow the script in the question."""
    ASKED.append(question)
    spoke = False
    for word in question.text.split():
        match word.split("x"):
            case ["hang"]:
                await asyncio.Event().wait()
            case ["boom"]:
                raise RuntimeError("the agent fell over")
            case [count, pause] if count.isdecimal():
                for number in range(int(count)):
                    await asyncio.sleep(float(pause))
                    yield f"{number} "
                spoke = True
    if not spoke:
        yield f"您说：{question.text}"


def whole(count: int) -> str:
    """What a script of `count` pieces amounts to."""
    return "".join(f"{number} " for number in range(count))


def asked_by(sender: str) -> list[str]:
    """The texts that an agent was asked by one person, in order."""
    return [question.text for question in ASKED if question.sender_id == sender]


async def other(question: Question) -> AsyncIterator[str]:
    """An agent that gives itself away: what it says, `scripted` never would."""
    ASKED.append(question)
    yield "另一个回答"
