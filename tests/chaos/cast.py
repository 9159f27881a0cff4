"""An agent whose process may be killed: it writes down what it was asked where the test can read it afterwards.

It follows the script of `tests.actors.cast`. `held` is a script of its own: it says the first half of its answer, waits
until the test lets it go on, in this process or another, and says the rest. `counting` and `counting_down` take no
script; their answers tell whose they are and whether they are whole, and `boom` is beyond both. `faithful` does the
same for a question of any script, and is what `promises` is read from. `leaking` is careless with a secret.
`remembering` has a back end with a memory of its own.
"""

import asyncio
import json
import logging
import os
import threading
import time
import warnings
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from actors.agents import AgentFailed, Begun, Event, Feedback, Question
from tests.actors.cast import scripted

ASKED = "ASKED_FILE"
"""The variable that names the file; where its neighbour `go` exists, nothing is held."""

HALF, WHOLE = "答案的前一半，", "答案的前一半，和后一半。"


async def noted(question: Question) -> AsyncIterator[str | Event]:
    """Note the question and what went before it, then follow the script."""
    asked = Path(os.environ[ASKED])
    _note(asked, " | ".join([question.text, *(turn.question for turn in question.history)]))
    if question.text == "held":
        yield HALF
        while not asked.with_name("go").exists():  # noqa: ASYNC110 - a file tells no events
            await asyncio.sleep(0.02)
        yield WHOLE.removeprefix(HALF)
        return
    async for piece in scripted(question):
        yield piece


SLOW = "慢"
"""The answer to a question that begins so takes three seconds, and no grace but a long one waits for it."""

UP, DOWN = "0 1 2 3 4 5 6 7 8 9", "9 8 7 6 5 4 3 2 1 0"


async def counting(question: Question) -> AsyncIterator[str]:
    """Count up in about half a second."""
    async for piece in _counting(question, UP):
        yield piece


async def counting_down(question: Question) -> AsyncIterator[str]:
    """Count down in about half a second."""
    async for piece in _counting(question, DOWN):
        yield piece


async def _counting(question: Question, numbers: str) -> AsyncIterator[str]:
    _note(Path(os.environ[ASKED]), question.text)
    if question.text == "boom":
        raise RuntimeError("the agent fell over")
    yield f"{question.text}："
    for number in numbers.split():
        await asyncio.sleep(0.3 if question.text.startswith(SLOW) else 0.05)
        yield f" {number}"


def counted(text: str, numbers: str = UP) -> str:
    """The whole answer to a question."""
    return f"{text}： {numbers}"


def note_beside(name: str, fields: dict[str, object]) -> None:
    """Note something, as a line of JSON, in the file of this name beside ASKED."""
    _note(Path(os.environ[ASKED]).with_name(name), json.dumps(fields, ensure_ascii=False))


def _note(asked: Path, line: str) -> None:
    with asked.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


RUNS = "runs"
"""The file beside ASKED in which `faithful` notes each of its runs."""


async def faithful(question: Question) -> AsyncIterator[str | Event]:
    """Note when it runs, then say whose question it is, follow the script in the question's later words, and say that
    this is all: so that everybody can tell a whole answer, and to which question."""
    note_beside(RUNS, {"at": time.monotonic(), "text": question.text, "process": os.getpid()})
    name, _, script = question.text.partition(" ")
    yield f"「{name}」"
    if script:
        async for piece in scripted(replace(question, text=script)):
            yield piece
    yield END


END = "——完"


def whole_answer(text: str) -> str:
    """What `faithful` answers to a question whose script says pieces only, as it is shown."""
    name, _, script = text.partition(" ")
    count = sum(int(word.split("x")[0]) for word in script.split() if word[:1].isdigit())
    return f"「{name}」{''.join(f'{number} ' for number in range(count))}{END}"


TALKS, HEARD = "talks", "heard"
"""The files beside ASKED in which `remembering` notes which question was asked in which session, and the ratings."""


async def remembering(question: Question) -> AsyncIterator[str | Event]:
    """Name the answer and the memory by the question that began it, then do as `noted`."""
    note_beside(TALKS, {"text": question.text, "session": question.session})
    yield Begun(f"run of {question.text}", question.session or f"talk of {question.text}")
    async for piece in noted(question):
        yield piece


async def _hear(given: Feedback) -> None:
    note_beside(HEARD, {"rating": given.rating, "run": given.run})


remembering.feedback = _hear  # type: ignore[attr-defined]


LEAKS = "LEAKED_SECRET"
"""The variable with the secret that `leaking` is careless with."""


async def leaking(question: Question) -> AsyncIterator[str | Event]:
    """Be careless with a secret in the way that the question names; `held` and any other script are `noted`'s."""
    secret = os.environ[LEAKS]
    match question.text:
        case "raise":
            raise RuntimeError(f"401 for {secret}")
        case "tear":
            yield HALF
            raise AgentFailed("error", f"the key {secret} was refused", retryable=False)
        case "log":
            logging.getLogger("shop").warning("calling with %s", secret, extra={"key": secret})
        case "warn":
            warnings.warn(f"the key {secret} is of an old kind", stacklevel=1)
        case "thread":
            threading.Thread(target=_fail, args=(secret,)).start()
        case "forget":
            asyncio.get_running_loop().create_task(_fail_later(secret))
        case "drop":
            _Dropped(secret)
        case _:
            async for piece in noted(question):
                yield piece
            return
    yield WHOLE


def _fail(secret: str) -> None:
    raise ValueError(f"no such account: {secret}")


async def _fail_later(secret: str) -> None:
    _fail(secret)


class _Dropped:
    """Fails as it is thrown away, where nobody can catch it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __del__(self) -> None:
        _fail(self._secret)
