"""What an agent's back end calls its answer and its memory of the conversation: taken out of the answer's stream, and
made durable before what comes next.

The law: an answer is worth more than these names. An inbox that takes no writes is told of once and holds nothing up;
the last names are kept meanwhile, and tried again when the answer is stored. A session is kept with its agent's name:
a robot may get another agent, to whom it means nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from actors.core.events import Begun, Progress
from actors.errors import InboxUnavailable, LeaseLost
from actors.inbox.port import Delivery

WITHIN = 1.0
"""Seconds that an answer waits at most until its names are durable."""


def session_of(agent: str, kept: str) -> str:
    """The session that was kept, if it is this agent's."""
    whose, _, session = kept.partition(" ")
    return session if whose == agent else ""


class BegunKeeper:
    """Keeps the names of one answer. `agent` is the agent's; `warn` is told why they are not durable."""

    def __init__(self, delivery: Delivery, agent: str, warn: Callable[[str, object], None]) -> None:
        self._delivery = delivery
        self._agent = agent
        self._warn = warn
        self._names = Begun()
        self._former = ""
        self._owed = False

    async def taken_out(self, events: AsyncGenerator[Progress, None], session: str) -> AsyncGenerator[Progress, None]:
        """An answer's other events. `session` is the one that the question was asked in."""
        self._former = session
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Begun):
                    await self._keep(event)
                else:
                    yield event

    async def settle(self) -> None:
        """Try once more, if it is needed."""
        if self._owed:
            await self._write()

    async def _keep(self, said: Begun) -> None:
        names = Begun(said.run or self._names.run, said.session or self._names.session)
        if names == self._names:
            return
        self._names = names
        if not self._owed:
            await self._write()

    async def _write(self) -> None:
        run, session = self._names.run, self._names.session
        try:
            async with asyncio.timeout(WITHIN):
                await self._delivery.begun(run, self._kept(session), former=self._kept(self._former))
        except LeaseLost:
            self._owed = False  # whoever keeps the lease tells
        except (InboxUnavailable, TimeoutError) as error:
            if not self._owed:
                self._warn("session_not_stored", error or "time-out")
            self._owed = True
        else:
            self._former = session or self._former
            self._owed = False

    def _kept(self, session: str) -> str:
        return f"{self._agent} {session}" if session else ""
