"""Replicas of one service at one database, each behind a network of its own, and what can befall them.

A replica that ends is started again, as Kubernetes would. Every trouble is noted with its time, so that `ledger` can
tell what it excuses. Who is hit by what and when is a plan's business; `pick` in [0, 1) says which of those there are.
"""

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import aiohttp

from tests.chaos.conftest import Place, Running
from tests.cluster.postgres import Server
from tests.cluster.proxy import Proxy, proxied

FEWEST = 2
"""Replicas that stay, however many are to leave."""

READY_WITHIN = 120.0

UNHURRIED = ("fsync=off",)
"""How the database is run: the kernel keeps what a killed process wrote, and other tests want the disk, too."""

_numbers = itertools.count(1)


class What(StrEnum):
    """What can befall a replica, or the database and with it all of them."""

    KILL = "kill -9 of a replica"
    DRAIN = "ordered end of a replica"
    FREEZE = "SIGSTOP of a replica"
    CUT = "cut from the database"
    HOLE = "silence of the database"
    CRASH = "kill -9 of the database"


@dataclass
class Trouble:
    """Something befell the replica of this number (all of them, where there is none), and was over when it was ready
    again. Monotonic seconds."""

    what: What
    replica: int | None
    began: float
    ended: float = float("inf")

    def meets(self, replica: int | None, since: float, until: float) -> bool:
        """Whether a replica was in it at any moment of a time; None stands for whichever."""
        return (self.replica is None or replica in {None, self.replica}) and self.began <= until and self.ended >= since


@dataclass(eq=False)
class Replica:
    """One replica through all its processes: `running` is the latest, and `over` is set when it has ended."""

    number: int
    network: Proxy
    command: tuple[str, ...]
    running: Running | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    keeper: asyncio.Task[None] | None = None

    async def ready(self) -> bool:
        """Whether it says so itself."""
        running = self.running
        if running is None or self.over.is_set() or not _listens(running):
            return False
        with suppress(aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(2.0):
                return (await running.told("/readyz"))[0] == 200
        return False


def _listens(running: Running) -> bool:
    return any('"probes_listening"' in line for line in running.output)


@dataclass
class Fleet:
    """All replicas. `processes` are the numbers of the replicas by process id, `ends` how often a process of theirs
    ended, and with which exit code."""

    place: Place
    server: Server
    database: str
    settings: dict[str, str]
    replicas: list[Replica] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    processes: dict[int, int] = field(default_factory=dict)
    ends: list[tuple[int, int, float]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _networks: AsyncExitStack = field(default_factory=AsyncExitStack)
    _database: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def grow(self, *command: str) -> Replica:
        """One replica more, by default of the present version; waits until it is ready."""
        network = await self._networks.enter_async_context(proxied(self.server.port))
        replica = Replica(next(self._numbers), network, command)
        self.replicas.append(replica)
        replica.keeper = asyncio.create_task(self._keep(replica))
        await self._ready(replica)
        return replica

    async def shrink(self, replica: Replica) -> None:
        """One replica less, which ends in order."""
        self.replicas.remove(replica)
        trouble = self._befalls(What.DRAIN, replica)
        self._signal(replica, signal.SIGTERM)
        assert replica.keeper is not None
        await replica.keeper
        trouble.ended = time.monotonic()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database has."""
        return self.server.execute(query, self.database)

    async def settle(self) -> None:
        """Wait until all replicas are ready."""
        await asyncio.gather(*map(self._ready, self.replicas))

    async def close(self) -> None:
        """End all, and start nothing any more."""
        gone, self.replicas = self.replicas, []
        for replica in gone:
            self._signal(replica, signal.SIGKILL)
        await asyncio.gather(*(replica.keeper for replica in gone if replica.keeper))
        await self._networks.aclose()

    # What befalls them.

    async def kill(self, pick: float) -> None:
        """kill -9 of a process."""
        async with self._trouble(What.KILL, replica := self._picked(pick)):
            self._signal(replica, signal.SIGKILL)

    async def drain(self, pick: float) -> None:
        """SIGTERM to a process."""
        async with self._trouble(What.DRAIN, replica := self._picked(pick)):
            self._signal(replica, signal.SIGTERM)

    async def replace(self, pick: float) -> None:
        """A new replica comes, and one that was there goes."""
        former = self._picked(pick)
        await self.grow()
        await self._leave(former)

    async def join(self) -> None:
        """A new replica comes."""
        await self.grow()

    async def leave(self, pick: float) -> None:
        """A replica goes."""
        await self._leave(self._picked(pick))

    async def freeze(self, pick: float, seconds: float) -> None:
        """A process stands still for a while."""
        async with self._trouble(What.FREEZE, replica := self._picked(pick)):
            frozen = replica.running
            if frozen is not None:
                frozen.kill(signal.SIGSTOP)
                await asyncio.sleep(seconds)
                frozen.kill(signal.SIGCONT)

    async def cut(self, pick: float) -> None:
        """A replica loses its connections to the database."""
        async with self._trouble(What.CUT, replica := self._picked(pick)):
            replica.network.cut()

    async def hole(self, pick: float, seconds: float) -> None:
        """Nothing passes between a replica and the database for a while, and nobody says so."""
        async with self._trouble(What.HOLE, replica := self._picked(pick)):
            replica.network.swallows = True
            await asyncio.sleep(seconds)
            replica.network.swallows = False
            replica.network.cut()  # what was swallowed is missing in them

    async def crash(self, seconds: float) -> None:
        """kill -9 of the database, and its return."""
        async with self._trouble(What.CRASH), self._database:
            await asyncio.to_thread(self.server.kill)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.server.start, *UNHURRIED)

    async def sever(self, pick: float, *, gently: bool) -> None:
        """One of the connections to DingTalk ends, in order or not."""
        live = [connection for connection in self.place.sandbox.connections if connection.live]
        if live:
            one = live[int(pick * len(live))]
            (self.place.sandbox.roll if gently else self.place.sandbox.abort)(one.robot, one.id)

    async def spread(self, text: str, robot: str, sender: str, message_id: str, group: str | None = None) -> None:
        """A message is pushed on every connection at once."""
        live: list[str | None] = [
            each.id for each in self.place.sandbox.connections if each.live and each.robot == robot
        ]
        for connection in live or [None]:
            self.place.sandbox.say(
                text, robot=robot, sender=sender, message_id=message_id, group=group, connection=connection
            )

    # Inside.

    async def _keep(self, replica: Replica) -> None:
        url = self.server.url(self.database).replace(f":{self.server.port}/", f":{replica.network.port}/")
        while replica in self.replicas:
            running = await self.place.run(*replica.command, **self.settings | {"INBOX_URL": url})
            self.processes[running.process.pid] = replica.number
            replica.running, replica.over = running, asyncio.Event()
            if replica not in self.replicas:  # it was to go meanwhile
                running.kill(signal.SIGTERM)
            await running.process.wait()
            self.ends.append((replica.number, await running.ended(), time.monotonic()))
            replica.over.set()

    async def _ready(self, replica: Replica) -> None:
        async with asyncio.timeout(READY_WITHIN):
            while replica in self.replicas and not await replica.ready():  # noqa: ASYNC110 - the probes tell no events
                await asyncio.sleep(0.1)

    async def _leave(self, replica: Replica) -> None:
        if len(self.replicas) > FEWEST and replica in self.replicas:
            await self.shrink(replica)

    def _picked(self, pick: float) -> Replica:
        return self.replicas[int(pick * len(self.replicas))]

    @staticmethod
    def _signal(replica: Replica, number: signal.Signals) -> None:
        if replica.running is not None:
            replica.running.kill(number)

    def _befalls(self, what: What, replica: Replica | None = None) -> Trouble:
        trouble = Trouble(what, replica.number if replica else None, time.monotonic())
        self.troubles.append(trouble)
        return trouble

    @asynccontextmanager
    async def _trouble(self, what: What, replica: Replica | None = None) -> AsyncIterator[None]:
        trouble, over = self._befalls(what, replica), replica.over if replica and replica.running else None
        yield
        if what in {What.KILL, What.DRAIN} and over is not None:
            await over.wait()
        await asyncio.gather(*map(self._ready, [replica] if replica else self.replicas))
        trouble.ended = time.monotonic()


@asynccontextmanager
async def sailing(place: Place, server: Server, replicas: int, **settings: str) -> AsyncIterator[Fleet]:
    """So many replicas at a database of their own, ready, for as long as the context lasts."""
    database = f"fleet{next(_numbers)}"
    server.execute(f"CREATE DATABASE {database}")
    fleet = Fleet(place, server, database, settings)
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(replicas):
                tasks.create_task(fleet.grow())
        yield fleet
    finally:
        await fleet.close()
