"""`python -m tests.bench.streams.bound`: one asyncio task per message, as the bound for what actors may cost.

It has the service's own HTTP client, reading of streams, pacing rule and card calls, and none of the rest: no actors,
no inbox, no clocks, no second try, no way to stop. What the service takes beyond this is the price of all that.
"""

import asyncio
import os
from contextlib import aclosing
from typing import Any

from actors.core import card as faces
from actors.core.events import Agent, Text
from actors.core.pacing import Budget, Pace, next_update
from actors.core.question import Question
from actors.core.scope import Scope
from actors.dingtalk.ban import Ban
from actors.dingtalk.gateway import StreamGateway
from actors.dingtalk.inbound import read_message
from actors.dingtalk.port import Callback, Card
from actors.dingtalk.quota import Quota
from actors.dingtalk.replies import RobotReplies
from actors.dingtalk.standing import Standing
from actors.parts import make_agents, make_api, open_network
from actors.settings import load


class Answer:
    """One message's answer: its text so far, and the one update under way."""

    def __init__(self, card: Card, budget: Budget) -> None:
        self._card = card
        self._budget = budget
        self._pieces: list[str] = []
        self._pace: Pace | None = None
        self._due: float | None = None
        self._unseen_since: float | None = None
        self._sending: asyncio.Task[None] | None = None

    async def run(self, agent: Agent, question: Question) -> None:
        """From the card to its end."""
        loop = asyncio.get_running_loop()
        opening = loop.create_task(self._card.create(faces.thinking()))
        async with aclosing(agent.answer(question)) as events:  # type: ignore[type-var]  # all ours are generators
            async for event in events:
                if isinstance(event, Text):
                    self._pieces.append(event.text)
                    self._plan(loop.time())
                    if opening.done() and self._sending is None and self._due is not None and loop.time() >= self._due:
                        self._sending = loop.create_task(self._update())
        await opening
        if self._sending is not None:
            await self._sending
        whole = faces.answered(self._text())
        await self._card.finish(whole)
        await self._card.show(whole)

    def _plan(self, now: float) -> None:
        """A piece came: if it is the first that nobody has seen, its update is due some time."""
        if self._unseen_since is None and self._sending is None:
            self._unseen_since, self._pace = now, self._pace or Pace(now)
            self._due = next_update(self._pace, self._budget, now, at_once=self._pace.shown == 0)

    async def _update(self) -> None:
        now = asyncio.get_running_loop().time()
        since, self._unseen_since, self._due = self._unseen_since or now, None, None
        await self._card.update(faces.growing(self._text()), lambda: faces.growing(self._text()), since)
        self._pace = self._pace and self._pace.showed(now)
        self._sending = None

    def _text(self) -> str:
        return "".join(self._pieces)


class Tasks:
    """A connection's listener that makes a task of each message."""

    def __init__(self, agent: Agent, replies: RobotReplies, budget: Budget) -> None:
        self._agent = agent
        self._replies = replies
        self._budget = budget
        self._tasks: set[asyncio.Task[None]] = set()

    def opened(self) -> None:
        """Nothing is to be done then."""

    def healthy(self) -> None:
        """Nor then."""

    def rolling(self, reason: str) -> None:
        """Nor then."""

    async def receive(self, callback: Callback) -> dict[str, Any]:
        """Begin an answer; the message is acked at once, and nowhere stored."""
        question = read_message(
            callback.data,
            robot=os.environ["DINGTALK_CLIENT_ID"],
            conversation_scope=Scope.SENDER,
            memory_scope=Scope.SENDER,
            received_at=callback.received_at,
        )
        assert isinstance(question, Question)
        task = asyncio.create_task(Answer(self._replies.card(question, 1), self._budget).run(self._agent, question))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {"response": None}


async def main() -> None:
    """Serve the one robot of the environment until the process is ended."""
    settings = load(os.environ)
    network = open_network(settings)
    (robot,) = settings.robots()
    agents, _ = make_agents(settings, lambda: network.session)
    quota, ban = Quota(0, _unwatched), Ban()
    api = make_api(settings, robot, network, quota, ban, 1)
    await quota.open()
    await api.warm()
    replies = RobotReplies(api, quota, Standing(robot.client_id))
    budget = Budget(settings.card_max_updates, settings.card_min_interval)
    gateway = StreamGateway(robot, network, ban, silence_timeout=settings.stream_silence_timeout)
    await gateway.serve(Tasks(agents[robot.client_id], replies, budget))


async def _unwatched(_: str, calls: int) -> int:
    return calls


if __name__ == "__main__":
    asyncio.run(main())
