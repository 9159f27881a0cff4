"""The inbox of many replicas in one database: the promises of `sql`, and hints to the other replicas.

It knows no statements and no connections.
"""

import asyncio
from collections.abc import Callable
from typing import Self

from actors.errors import InboxError
from actors.inbox import statements
from actors.inbox.port import Hint, Word
from actors.inbox.postgresql import PostgresqlEngine
from actors.inbox.postgresql_clock import DatabaseClock
from actors.inbox.postgresql_hints import Hints
from actors.inbox.sql import SqlInbox, Step, step


class PostgresqlInbox(SqlInbox):
    """One replica's share in it; made by `open`."""

    def __init__(
        self,
        engine: PostgresqlEngine,
        url: str,
        *,
        lease: float,
        dedupe_window: float,
        retention: float,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(engine, lease=lease, dedupe_window=dedupe_window, retention=retention, clock=clock)
        self._hints = Hints(url, engine, self.holder)
        self._beaten = False
        self._time = asyncio.create_task(clock.keep()) if isinstance(clock, DatabaseClock) else None

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        pool: int,
        lease: float,
        dedupe_window: float,
        retention: float,
        clock: Callable[[], float] | None = None,
    ) -> Self:
        """Connect, and bring the schema up to date. `pool` is how many connections there are at most. The time is the
        database's where no `clock` tells it: replicas on several machines have clocks that differ.

        Raises:
            InboxError: it cannot be connected to, or its schema cannot be worked with.
        """
        engine = await PostgresqlEngine.open(url, pool)
        if clock is None:
            clock = DatabaseClock(engine)
            try:
                await clock.set()
            except InboxError:
                await engine.give_up()
                raise
        return cls(engine, url, lease=lease, dedupe_window=dedupe_window, retention=retention, clock=clock)

    def follow(self, heard: Callable[[Hint], object]) -> None:
        """Call `heard` for what other replicas tell; see `port.Inbox`."""
        self._hints.follow(heard)

    async def tell_holder(self, conversation: str) -> None:
        """Have the replica that holds the conversation know that a question waits in it."""
        self._hints.tell_holder(conversation)

    async def stop(self, word: Word) -> tuple[str, ...] | None:
        """Cancel the question whose turn it is, if it is the person's; who runs it elsewhere is told."""
        return self._told(word, await super().stop(word))

    async def start_over(self, word: Word) -> tuple[str, ...] | None:
        """Cancel the person's open questions and forget the memory; who runs one elsewhere is told."""
        return self._told(word, await super().start_over(word))

    async def cancel(self, robot: str, message_id: str) -> bool:
        """Cancel one question that has no answer yet; who runs it elsewhere is told."""
        rows = await self._run(statements.CANCEL, robot=robot, message_id=message_id)
        for name, conversation in rows:
            self._hints.tell(robot, conversation, (name,))
        return bool(rows)

    def left(self, until: float) -> float:
        """Seconds until another replica may take what this one holds until then."""
        return until - self.now()

    async def beat(self, *, life: float) -> int:
        """Write that this replica is alive, and count those that are; when it is the first time, they are told."""
        now = self.now()
        steps = [step(statements.ALIVE, now=now), *(() if self._beaten else (self._hints.step(),))]
        _, ((alive,), *_), *_ = await self.run(self._beat(now + life), *steps)
        self._beaten = True
        return int(alive)

    async def close(self) -> None:
        """Give back what this replica holds, and say that it is no more, which the others are told; then the
        connections."""
        await self._hints.close()
        if self._time is not None:
            self._time.cancel()
        give_back = step(statements.GIVE_BACK, holder=self.holder)
        await self.engine.close(self._beat(0.0), give_back, self._hints.step())

    def _beat(self, alive_until: float) -> Step:
        return step(statements.BEAT, holder=self.holder, alive_until=alive_until)

    def _told(self, word: Word, taken_back: tuple[str, ...] | None) -> tuple[str, ...] | None:
        self._hints.tell(word.robot, word.conversation, taken_back or ())
        return taken_back
