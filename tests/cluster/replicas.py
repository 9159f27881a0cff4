"""Several real processes of the service at one database: one robot, whose messages come to any of them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.chaos.conftest import Place, Running
from tests.chaos.promises import SETTINGS
from tests.cluster.door import Door, opened
from tests.cluster.proxy import Proxy, proxied

LEASE = 3.0


class Cluster:
    """Replicas of one robot's service."""

    def __init__(self, place: Place, url: str, **settings: str) -> None:
        self.place = place
        self.settings = SETTINGS | {"INBOX_URL": url, "INBOX_LEASE": str(LEASE), "CARD_MIN_INTERVAL": "0.2"} | settings
        self.replicas: list[Running] = []

    async def grow(self, replicas: int, **settings: str) -> None:
        """Start more of them, and wait until each is connected."""
        for _ in range(replicas):
            self.replicas.append(await self.place.serve(**self.settings | settings))

    def ask(self, text: str, person: str) -> str:
        return self.place.sandbox.say(text, robot=self.place.robot, sender=person)

    def holder(self, message_id: str) -> Running:
        """Who took this question in, and answers it as long as nothing happens."""
        (holder,) = (
            replica
            for replica in self.replicas
            if any(f'"{message_id}"' in line and '"message_accepted"' in line for line in replica.output)
        )
        return holder

    @asynccontextmanager
    async def watched(self) -> AsyncIterator["Watched"]:
        """One more of them, whose ways are watched."""
        url = self.settings["INBOX_URL"]
        port = url.partition("@127.0.0.1:")[2].partition("/")[0]
        before = len(self.place.sandbox.connections)
        async with proxied(int(port)) as database, opened(self.place.sandbox.url) as door:
            way = {"INBOX_URL": url.replace(f":{port}/", f":{database.port}/"), "DINGTALK_OPENAPI_ENDPOINT": door.url}
            await self.grow(1, **way)
            new = self.place.sandbox.connections[before:]
            yield Watched(self.replicas[-1], {each.robot: each.id for each in new}, database, door)


@dataclass
class Watched:
    """A replica whose way to its database may be cut, and whose calls to DingTalk are told from the others'.
    `connections` are the ids of its Stream connections, by robot."""

    process: Running
    connections: dict[str, str]
    database: Proxy
    door: Door


def logged(process: Running, action: str) -> list[dict[str, Any]]:
    """What a process has logged of one kind."""
    lines = (json.loads(line) for line in process.output if f'"{action}"' in line)
    return [line for line in lines if line["action"] == action]
