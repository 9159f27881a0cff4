"""The agents of these tests. A question's text is the agent's script, so that each test says what its agent does.

`3x0.1` says three pieces, 0.1 s apart · `hang` says nothing, for ever · `2x0.01 hang` says two pieces, then no more ·
`boom` fails at once · `2x0.01 boom` fails in mid answer · `tool` begins to use one and `back` has its result · `once`
fails at the first try of a question and not at the second · anything else is answered by its echo.
"""

import asyncio
from collections.abc import AsyncIterator

from actors.agents import Event, Feedback, Question, Reasoning, Text, ToolEnd, ToolStart

ASKED: list[Question] = []
"""Every question an agent was asked, in order; tests look for their own sender."""

HEARD: list[Feedback] = []
"""Every rating that the agent was told of."""


async def scripted(question: Question) -> AsyncIterator[str | Event]:
    """Follow the script in the question."""
    ASKED.append(question)
    spoke = False
    for word in question.text.split():
        match word.split("x"):
            case ["tool"]:
                yield ToolStart("订单查询")
            case ["back"]:
                yield ToolEnd("订单查询")
            case ["once"] if sum(question.message_id == asked.message_id for asked in ASKED) == 1:
                raise RuntimeError("the agent stumbled")
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


async def _hear(given: Feedback) -> None:
    HEARD.append(given)


scripted.feedback = _hear  # type: ignore[attr-defined]


def whole(count: int) -> str:
    """What a script of `count` pieces amounts to, as it is shown: without the blank at its end."""
    return " ".join(map(str, range(count)))


def asked_by(sender: str) -> list[str]:
    """The texts that an agent was asked by one person, in order."""
    return [question.text for question in ASKED if question.sender_id == sender]


async def other(question: Question) -> AsyncIterator[str]:
    """An agent that gives itself away: what it says, `scripted` never would."""
    ASKED.append(question)
    yield "另一个回答"


AT_WORK: list[str] = []
"""When `one_by_one` began and ended, in order: `+` or `-`, and the robot."""


async def one_by_one(question: Question) -> AsyncIterator[str]:
    """An agent that takes its time and tells when it is at work."""
    AT_WORK.append(f"+{question.robot}")
    await asyncio.sleep(0.2)
    AT_WORK.append(f"-{question.robot}")
    yield "好了"


async def thoughtful(_: Question) -> AsyncIterator[Event]:
    """An agent that thinks aloud."""
    yield Reasoning("让我想想。")
    yield Text("七天。")
