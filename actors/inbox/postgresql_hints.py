"""What replicas tell each other through the database, so that nobody has to wait for the next look.

The law: a hint may be lost, or come twice, and nothing depends on it: what it tells of is in the tables, where whoever
holds a question, or looks for work, finds it soon. Nobody waits for a hint to be told.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import psycopg

from actors.errors import InboxError
from actors.inbox.port import Hint
from actors.inbox.postgresql import WITHIN, Connection, connected
from actors.inbox.sql import Runner, Step, step

log = logging.getLogger(__name__)

CHANNEL = "dingtalk_actors"
_AT_ONCE = 50
"""Message ids in one hint: the server takes 8,000 bytes."""

LOOK_EVERY = 10.0
"""Seconds after which who listens says so once more: a server that hangs, or became a standby, tells nothing more, but
does not say that."""

_AGAIN_AFTER = 1.0
"""Seconds until who listens tries to connect again."""


def telling(me: str, robot: str = "", conversation: str = "", taken_back: Iterable[str] = ()) -> Step:
    """The statement by which `me` tells all who listen; without a conversation, that there may be work."""
    hint = {"from": me, "robot": robot, "conversation": conversation, "taken_back": list(taken_back)}
    return step("SELECT pg_notify(:channel, :hint)", channel=CHANNEL, hint=json.dumps(hint))


class Hints:
    """One process's hints, to and from the others; `me` tells its own from theirs."""

    def __init__(self, url: str, runner: Runner, me: str) -> None:
        self._url = url
        self._runner = runner
        self._me = me
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    def tell(self, robot: str, conversation: str, taken_back: Iterable[str]) -> None:
        """Have the others know that a person took back these messages of a conversation."""
        names = list(taken_back)
        for first in range(0, len(names), _AT_ONCE):
            self._begin(self._send(self.step(robot, conversation, names[first : first + _AT_ONCE])))

    def tell_holder(self, conversation: str) -> None:
        """Have whoever holds a conversation know that a question waits in it."""
        self._begin(self._send(self.step(conversation=conversation)))

    def step(self, robot: str = "", conversation: str = "", taken_back: Iterable[str] = ()) -> Step:
        """The statement that tells it, for a transaction that others are to hear of."""
        return telling(self._me, robot, conversation, taken_back)

    def follow(self, heard: Callable[[Hint], object]) -> None:
        """Call `heard` for what others tell, until `close`."""
        self._begin(self._listen(heard))

    async def close(self) -> None:
        """Listen no more, and let what is being told go its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, what: Step) -> None:
        # One after the other: where the server lets them wait for each other, questions find a connection all the same.
        async with self._turn:
            with suppress(InboxError):
                await self._runner.run(what)

    async def _listen(self, heard: Callable[[Hint], object]) -> None:
        while True:
            with suppress(InboxError):  # the engine tells of a database that is away
                async with connected(self._url) as connection:
                    await _listen_to(connection)
                    heard(Hint("", "", ()))  # whatever was told before is in the tables
                    while True:
                        async for told in connection.notifies(timeout=LOOK_EVERY):
                            if (hint := self._read(told)) is not None:
                                heard(hint)
                        await _listen_to(connection)
            await asyncio.sleep(_AGAIN_AFTER)

    def _read(self, told: psycopg.Notify) -> Hint | None:
        """What was told; None for one's own, and for what a later version may tell."""
        try:
            hint = json.loads(told.payload)
            if hint["from"] == self._me:
                return None
            return Hint(str(hint["robot"]), str(hint["conversation"]), tuple(map(str, hint["taken_back"])))
        except (ValueError, KeyError, TypeError):
            return None


async def _listen_to(connection: Connection) -> None:
    async with asyncio.timeout(WITHIN):
        await connection.execute(f"LISTEN {CHANNEL}")
