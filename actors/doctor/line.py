"""The doctor's Stream connection, beside those of a service that may be running: opened, listened to, closed.

The law: it acks only what it answers. A message or a click that is somebody else's gets no ack, so that DingTalk may
send it to the service after all. However it ends, it is closed with a close frame.
"""

import asyncio
import time
from typing import Any, TypeVar

from actors.core.question import Question
from actors.core.scope import Scope
from actors.dingtalk.clicks import Click, read_click
from actors.dingtalk.gateway import StreamGateway
from actors.dingtalk.inbound import Unreadable, read_message
from actors.dingtalk.payload import Malformed
from actors.dingtalk.port import CARD_TOPIC, MESSAGE_TOPIC, Callback
from actors.errors import ConnectionTrouble

T = TypeVar("T")
Heard = Question | Unreadable


class Ear:
    """A `Listener`. Without `listening` everything passes by; `person` is who is answered, "" for nobody, and `card`
    the id of the doctor's card. `passed_by` counts what got no ack."""

    def __init__(self, robot: str, person: str, *, listening: bool) -> None:
        future = asyncio.get_running_loop().create_future
        self.accepted: asyncio.Future[None] = future()
        self.first_frame: asyncio.Future[None] = future()
        self.message: asyncio.Future[Heard] = future()
        self.click: asyncio.Future[Click] = future()
        self.card = ""
        self.passed_by = 0
        self._robot = robot
        self._person = person
        self._listening = listening

    def opened(self) -> None:
        """The gateway accepted the connection."""
        self.accepted.set_result(None)

    def healthy(self) -> None:
        """The first frame was seen."""
        self.first_frame.set_result(None)

    def rolling(self, reason: str) -> None:
        """The gateway will close this connection: the check-up is over before that."""

    async def receive(self, callback: Callback) -> dict[str, Any] | None:
        """Take what is the doctor's; let the rest pass."""
        try:
            answer = self._take(callback) if self._listening else None
        except Malformed:
            answer = None
        self.passed_by += answer is None
        return answer

    def _take(self, callback: Callback) -> dict[str, Any] | None:
        if callback.topic == CARD_TOPIC:
            return self._take_click(read_click(callback.data))
        return self._take_message(callback) if callback.topic == MESSAGE_TOPIC else None

    def _take_click(self, click: Click) -> dict[str, Any] | None:
        if click.card_id != self.card:
            return None
        if not self.click.done():
            self.click.set_result(click)
        return {"response": {}}

    def _take_message(self, callback: Callback) -> dict[str, Any] | None:
        heard = read_message(
            callback.data,
            robot=self._robot,
            conversation_scope=Scope.SENDER,
            memory_scope=Scope.SENDER,
            received_at=callback.received_at,
        )
        if self.message.done() or (self._person and heard.address.user != self._person):
            return None
        self.message.set_result(heard)
        return {"response": None} if self._person else None


class Line:
    """One connection and its ear."""

    def __init__(self, gateway: StreamGateway, ear: Ear) -> None:
        self.ear = ear
        self._gateway = gateway
        self._life: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Have a connection.

        Raises:
            ConnectionTrouble: it could not be had.
        """
        self._life = asyncio.create_task(self._gateway.serve(self.ear))
        await self.brings(self.ear.accepted, float("inf"))

    async def brings(self, future: "asyncio.Future[T]", deadline: float) -> T:
        """What the connection brings until then (monotonic seconds).

        Raises:
            ConnectionTrouble: it ended before that, or was silent.
        """
        began = time.monotonic()
        if self._life is None:
            raise ConnectionTrouble("closed", "there is no connection")
        patience = None if deadline == float("inf") else max(0.0, deadline - began)
        waited: set[asyncio.Future[Any]] = {self._life, future}
        await asyncio.wait(waited, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        if self._life.done():
            self._life.result()
            raise ConnectionTrouble("closed", "DingTalk closed the connection")
        raise ConnectionTrouble("silent", f"nothing came within {patience:.3g} s")

    async def close(self) -> None:
        """Part with a close frame."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait({self._life})
            if not self._life.cancelled():
                self._life.exception()  # it was told, or comes too late to matter
