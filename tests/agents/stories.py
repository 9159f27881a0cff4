"""The people of these tests: a shop's customer who asks, and agents whose every word is written down."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

from prometheus_client import REGISTRY

from actors.agents.answering import Clocks, answering
from actors.core.backoff import Backoff
from actors.core.events import Answerer, Event, Finished, Progress, Replace, Text
from actors.core.question import Address, Question
from actors.errors import AgentFailed

PATIENT = Clocks(connect=60, first_token=60, idle=60, total=600)
AT_ONCE = Backoff(initial=0, multiplier=1, maximum=0, jitter=0)

Script = Callable[[Question], AsyncIterator[Event]]


def ask(text: str = "怎么退货？") -> Question:
    """A question of one customer."""
    return Question(
        robot="dingshop",
        message_id="msg-1",
        conversation="dingshop:lan",
        chat_id="dingshop:cid-1:lan",
        text=text,
        sender_id="lan",
        sender_nick="小兰",
        address=Address("dingshop", "cid-1", group=False, user="lan", webhook="", webhook_expires=0),
        received_at=1_750_000_000,
    )


class Scripted:
    """An agent that follows its scripts, one a try, the last one again and again."""

    name = "scripted"

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self.tries = 0

    def answer(self, question: Question) -> AsyncIterator[Event]:
        script = self._scripts[min(self.tries, len(self._scripts) - 1)]
        self.tries += 1
        return script(question)


def saying(*events: Event | BaseException | None) -> Script:
    """A script: these events in order; an exception among them is raised, a None says nothing."""

    async def script(_: Question) -> AsyncGenerator[Event, None]:
        for event in events:
            if isinstance(event, BaseException):
                raise event
            if event:
                yield event

    return script


async def silence(_: Question) -> AsyncGenerator[Event, None]:
    """A script: nothing ever comes."""
    await asyncio.Event().wait()
    yield Finished()


class HandClock:
    """A monotonic clock that moves only by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def slowly(self, seconds: float, *events: Event | BaseException) -> Script:
        """A script: so many seconds pass before each event, while its reader waits."""

        async def script(_: Question) -> AsyncGenerator[Event, None]:
            for event in events:
                await asyncio.sleep(0)  # the reader of the event before takes it and waits again
                self.now += seconds
                if isinstance(event, BaseException):
                    raise event
                yield event

        return script


def answer_of(
    agent: Answerer,
    question: Question | None = None,
    *,
    clocks: Clocks = PATIENT,
    attempts: int = 3,
    backoff: Backoff = AT_ONCE,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Progress, None]:
    """The answer to a question, by default with all the time in the world and three tries."""
    return answering(
        agent,
        question or ask(),
        robot="dingshop",
        clocks=clocks,
        attempts=attempts,
        backoff=backoff,
        monotonic=monotonic,
    )


async def read(events: AsyncGenerator[Progress, None]) -> tuple[list[Progress], AgentFailed | None]:
    """All that is heard of an answer, and how it failed if it did."""
    heard: list[Progress] = []
    async with aclosing(events):
        try:
            async for event in events:
                heard.append(event)  # noqa: PERF401  what was heard before a failure counts
        except AgentFailed as failure:
            return heard, failure
    return heard, None


async def outcome(events: AsyncGenerator[Progress, None]) -> tuple[str, str]:
    """The text that stands at the end of an answer, and the reason of its failure, empty without one."""
    heard, failure = await read(events)
    return text_of(heard), failure.reason if failure else ""


def text_of(events: Sequence[Progress]) -> str:
    """The text that stands at the end."""
    text = ""
    for event in events:
        if isinstance(event, Text):
            text += event.text
        elif isinstance(event, Replace):
            text = event.text
    return text


def counted(metric: str, **labels: str) -> float:
    """What a counter says now."""
    return REGISTRY.get_sample_value(f"dingtalk_{metric}_total", labels) or 0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline far away."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  what is watched has no event of its own
            await asyncio.sleep(0.005)
