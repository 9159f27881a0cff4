"""What can be seen of a sandbox: everything that happened, and waiting until something did.

It changes nothing.
"""

from collections.abc import Callable
from typing import TypeVar

from actors.sandbox.records import Call, Card, Connection, Entry, Message, Push, Said
from actors.sandbox.world import World

T = TypeVar("T")


class Seen:
    """The eyes of tests and people. Lists are oldest first, and forget."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def until(self, condition: Callable[[], T | None], timeout: float = 10.0) -> T:
        """Wait until the condition is truthy, and return what it said; it is asked at every change of the sandbox.

        Raises:
            TimeoutError: it was not within `timeout` seconds.
        """
        return await self._world.until(condition, timeout)

    def online(self, robot: str) -> int:
        """How many live connections a robot has."""
        return self._world.online(robot)

    def chat_id(self, robot: str, sender: str = "u1", group: str | None = None) -> str:
        """The `conversationId` of a private chat or of a group."""
        if group is not None:
            return self._world.group_chat(group).id
        return self._world.private_chat(robot, self._world.meet(sender, "", staff=True)).id

    @property
    def cards(self) -> dict[str, Card]:
        """Cards by `outTrackId`, StandardCards by `cardBizId`, oldest first."""
        return self._world.cards

    @property
    def said(self) -> list[Said]:
        """What people wrote, each with its pushes."""
        return self._world.said

    def find_said(self, message_id: str, robot: str) -> Said:
        """What was said to a robot under this id.

        Raises:
            KeyError: nothing was, or it is forgotten.
        """
        said = self._world.find_said(message_id, robot)
        if said is None:
            raise KeyError(message_id)
        return said

    @property
    def entries(self) -> list[Entry]:
        """The lines of all chats."""
        return self._world.entries

    @property
    def messages(self) -> list[Message]:
        """Plain messages of robots."""
        return self._world.messages

    @property
    def pushes(self) -> list[Push]:
        """Every CALLBACK frame that was pushed, acked or not."""
        return self._world.pushes

    @property
    def acks(self) -> list[Push]:
        """The pushes that have their ack, with its `code`, `data` and the `seconds` it took."""
        return [push for push in self._world.pushes if push.acked]

    @property
    def pings(self) -> list[Push]:
        """Every SYSTEM ping."""
        return self._world.pings

    @property
    def stray_acks(self) -> list[dict[str, object]]:
        """Frames from robots that ack nothing: unreadable, unknown, repeated, or written to another connection."""
        return self._world.stray_acks

    @property
    def connections(self) -> list[Connection]:
        return self._world.connections

    @property
    def opens(self) -> list[float]:
        """When the gateway was asked for a ticket (monotonic seconds)."""
        return self._world.opens

    @property
    def calls(self) -> list[Call]:
        """Every API call, refused ones included."""
        return self._world.calls
