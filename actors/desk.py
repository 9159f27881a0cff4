"""A robot's desk: what its questions are answered with, by which rules, and what is said where there is no place at it.

The law: what was begun is never refused. What becomes of a question at the desk is the turn's.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import field
from math import inf

from actors import metrics
from actors.core import texts
from actors.core.courtesy import Courtesy
from actors.core.durations import NOTHING_HEARD
from actors.core.events import Progress
from actors.core.frozen import frozen
from actors.core.question import Question
from actors.dingtalk.port import Attachments, Replies
from actors.errors import CallFailed, InboxError
from actors.inbox.port import Inbox, Outcome

log = logging.getLogger(__name__)

AT_ONCE = 0.02
"""Seconds between two questions that count as come at once: less than DingTalk leaves between two cards for long."""

CARDS_FIRST = 0.05
"""Seconds for which an agent leaves the processor to cards: those of a burst of 20 are asked for in half of that."""

_PLACE_AGAIN_AFTER = 15.0
"""Seconds until a question that found no place is tried again."""


class Lately:
    """How long a robot's answers took lately, for as long as this process lives. Written on the reactor alone; read by
    any thread, as one value that does not change."""

    def __init__(self) -> None:
        self.durations = NOTHING_HEARD

    def heard(self, seconds: float) -> None:
        """An answer took so long, from its first text to its end."""
        self.durations = self.durations.heard(seconds)


class Rush:
    """Questions of one robot that are begun at once: cards first. An agent's start takes 0.2 ms of the processor
    (measured in bursts of 20), and each card would wait for the agents of all before it. So an agent that is to begin
    on the heels of another one begins a moment later, when the cards are under way. Lives on the reactor."""

    def __init__(self) -> None:
        self._latest = -inf

    async def over(self) -> None:
        """Wait until an agent may begin."""
        now = asyncio.get_running_loop().time()
        before, self._latest = self._latest, now
        if now - before < AT_ONCE:
            await asyncio.sleep(CARDS_FIRST)


@frozen
class Desk:
    """What one robot's questions are answered with. `agent` is the agent's label in metrics, `show_reasoning` says that
    its thinking is shown too, `longest` is the seconds after which an answer is cut."""

    replies: Replies
    attachments: Attachments
    answer: Callable[[Question], AsyncGenerator[Progress, None]]
    agent: str
    show_reasoning: bool = False
    longest: float = 600.0
    lately: Lately = field(default_factory=Lately)
    rush: Rush = field(default_factory=Rush)


@frozen
class Rules:
    """How questions are answered, by the settings; durations are seconds."""

    updates: int
    min_interval: float
    history: int
    max_age: float
    max_attempts: int
    lease: float
    patience: float = inf
    """How long a whole answer waits to become durable before it is shown as such all the same."""
    began: float = 0.0
    """When this process began to serve, in seconds since the epoch."""
    shared: bool = False
    """Whether other processes serve beside it, and may have shown a question its place in line."""


async def turn_away(
    inbox: Inbox,
    desks: Mapping[str, Desk],
    courtesy: Courtesy,
    conversation: str,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Close what waits in a conversation that cannot be served now, with a polite word. What was begun before is not
    refused: it waits for a place."""
    try:
        while delivery := await inbox.take(conversation):
            if delivery.attempt > 1 or delivery.answer is not None:
                # It was accepted, and its card may be there: it waits for a place.
                await delivery.retry(_PLACE_AGAIN_AFTER)
                return
            await delivery.done(Outcome.REFUSED)
            question = delivery.question
            metrics.MESSAGES.labels(robot=question.robot, type="text", outcome="refused").inc()
            desk = desks[question.robot]
            await desk.attachments.drop(question)
            if courtesy.may_say(texts.ALL_BUSY, conversation, monotonic()):
                await desk.replies.say(question.address, texts.ALL_BUSY)
    except (InboxError, CallFailed) as error:
        log.warning("a question was not turned away: %s", error, extra={"action": "turn_away_failed"})
