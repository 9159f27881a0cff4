"""Holds the inbox's thread in the middle of its work, so that a test decides what is waiting and when it goes on."""

import asyncio
import threading

from actors.inbox.sql import Row, Step
from actors.inbox.sqlite import SqliteInbox


class _Values(dict[str, str | int | float]):
    """The values of a statement; whoever reads them waits at the gate."""

    def __init__(self, gate: "Gate") -> None:
        super().__init__(value=1)
        self._gate = gate

    def __getitem__(self, name: str) -> str | int | float:
        self._gate.reached.set()
        assert self._gate.opened.wait(30)
        return super().__getitem__(name)


class Gate:
    """A job that waits until it is told to go on."""

    def __init__(self, inbox: SqliteInbox) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._inbox = inbox

    def queue(self) -> asyncio.Task[list[list[Row]]]:
        """Queue the job behind what was called before."""
        return asyncio.create_task(self._inbox.engine.run(Step("SELECT :value", _Values(self))))

    async def hold(self) -> None:
        """Queue the job and wait until the thread stands at it."""
        self._waiting = self.queue()
        await self.is_reached()

    async def is_reached(self) -> None:
        """Wait until the thread stands at the job."""
        assert await asyncio.to_thread(self.reached.wait, 30)

    def open(self) -> None:
        """Let the thread go on."""
        self.opened.set()
