"""What the measurements put into an inbox: questions and answers of the size that people and models write, made of the
sample shop's own texts, so that they can be packed no better than real ones."""

import asyncio
import random
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from pathlib import Path
from statistics import quantiles
from typing import TypeVar

import actors.agents.faq
from actors.core.question import Address, Question
from actors.inbox.port import Inbox, Outcome

T = TypeVar("T")

ROBOT = "dingabcdefghijklmnop"
HISTORY = 20
"""The default of CONVERSATION_HISTORY."""

ANSWER = 680
"""Characters of an answer: 2 kB, as Chinese is stored."""

_SHOP = "".join(
    path.read_text("utf-8") for path in sorted((Path(actors.agents.faq.__file__).parent / "shop").iterdir())
)
_chance = random.Random(1)


def passage(characters: int) -> str:
    """A piece of the shop's texts."""
    first = _chance.randrange(len(_SHOP) - characters)
    return _SHOP[first : first + characters]


def question(person: str) -> Question:
    """Somebody asks the robot, in private."""
    conversation = f"{ROBOT} {person}"
    webhook = f"https://oapi.dingtalk.com/robot/sendBySession?session={uuid.uuid4().hex}"
    return Question(
        robot=ROBOT,
        message_id=f"msg{uuid.uuid4().hex}",
        conversation=conversation,
        chat_id=conversation,
        text=passage(_chance.randrange(8, 80)),
        sender_id=person,
        sender_nick="张三",
        address=Address(
            ROBOT, f"cid{uuid.uuid4().hex}", group=False, user=person, webhook=webhook, webhook_expires=2e9
        ),
        received_at=time.time(),
    )


class Waits:
    """How long what was waited for took, in seconds, by name."""

    def __init__(self) -> None:
        self.by_name: defaultdict[str, list[float]] = defaultdict(list)

    async def of(self, name: str, work: Awaitable[T]) -> T:
        """Wait for something."""
        began = time.perf_counter()
        result = await work
        self.by_name[name].append(time.perf_counter() - began)
        return result

    def percent(self, name: str, part: int) -> float:
        """The milliseconds that so many percent of them did not exceed."""
        return percent(self.by_name[name], part)


def percent(seconds: Sequence[float], part: int) -> float:
    """The milliseconds that so many percent of these times do not exceed; of one time or none this says nothing."""
    return 1000 * quantiles(seconds, n=100, method="inclusive")[part - 1] if len(seconds) > 1 else 0.0


async def answer_one(inbox: Inbox, person: str, waits: Waits, touches: int = 1) -> None:
    """All that one question asks of an inbox, in the service's order."""
    asked = question(person)
    await waits.of("put", inbox.put(asked, limit=8))
    delivery = await waits.of("take", inbox.take(asked.conversation))
    assert delivery is not None
    await waits.of("recall", inbox.recall(asked.chat_id, HISTORY))
    await waits.of("session", inbox.session(asked.chat_id))
    for _ in range(touches):
        await waits.of("touch", delivery.touch())
    await waits.of("answered", delivery.answered(passage(ANSWER)))
    await waits.of("done", delivery.done(Outcome.ANSWERED))


async def answer_many(inbox: Inbox, count: int, waits: Waits, *, at_once: int, touches: int = 1) -> float:
    """So many questions, so many at a time, each by somebody else than its neighbours; returns the seconds it took."""
    numbers = iter(range(count))

    async def people() -> None:
        for number in numbers:
            await answer_one(inbox, f"p{number % 997:05}", waits, touches)

    began = time.perf_counter()
    await asyncio.gather(*(people() for _ in range(at_once)))
    return time.perf_counter() - began
