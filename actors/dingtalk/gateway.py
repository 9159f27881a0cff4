"""One Stream connection's life: opened, read, answered, closed.

The law: every frame is answered on the very socket it came from or not at all; no frame disturbs another or the
connection; whoever was asked to receive a message is never cancelled. How a connection ends, `serve` says by returning
(a planned roll) or by ConnectionTrouble. It must not know what a callback means, nor when to connect again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.protocol import State

from actors import metrics
from actors.core.robot import Robot
from actors.dingtalk.ban import Ban
from actors.dingtalk.frames import FAILED, OK, Frame, FrameType, Silence, ack, closing_reason, read_frame, reply
from actors.dingtalk.network import Network
from actors.dingtalk.opening import open_socket
from actors.dingtalk.port import CARD_TOPIC, MESSAGE_TOPIC, Callback, Listener
from actors.errors import ConnectionTrouble

log = logging.getLogger(__name__)

ACKED = {MESSAGE_TOPIC: metrics.ACK_SECONDS, CARD_TOPIC: metrics.CLICK_ACK_SECONDS}
"""What measures the acks of each topic."""

MAX_UNANSWERED: Final = 500
"""Frames in work at once on one connection; beyond that reading waits, and the gateway feels it through TCP."""


class StreamGateway:
    """Opens and lives the Stream connections of one robot; several may be served at once. `network` and `ban` are
    shared by all robots.

    `silence_timeout`: see `Silence`. `open_timeout` holds for the ticket and for the handshake. After the gateway's
    `disconnect` the old socket is read for `roll_timeout` at most; the platform closes it after 10 s. Saying goodbye
    takes `close_timeout` at most. All in seconds.
    """

    def __init__(
        self,
        robot: Robot,
        network: Network,
        ban: Ban,
        *,
        silence_timeout: float,
        open_timeout: float = 10.0,
        roll_timeout: float = 15.0,
        close_timeout: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._robot = robot
        self._network = network
        self._ban = ban
        self._silence_timeout = silence_timeout
        self._open_timeout = open_timeout
        self._roll_timeout = roll_timeout
        self._close_timeout = close_timeout
        self._clock = clock
        self._wall = wall
        self._left_behind: set[asyncio.Task[Any]] = set()

    async def serve(self, listener: Listener) -> None:
        """Live one connection's life: open, connect, read until the end. Returns after a planned roll has ended.

        Cancelled, it lets running answers out and closes the socket with a close frame, within `close_timeout`.

        Raises:
            ConnectionTrouble: it could not be had, or was lost.
        """
        websocket = await open_socket(
            self._robot,
            self._network,
            self._ban,
            open_timeout=self._open_timeout,
            close_timeout=self._close_timeout / 2,
        )
        connection = _Connection(
            robot=self._robot.client_id,
            websocket=websocket,
            listener=listener,
            silence=Silence(self._silence_timeout),
            roll_timeout=self._roll_timeout,
            clock=self._clock,
            wall=self._wall,
        )
        try:
            listener.opened()
            await connection.read()
        finally:
            try:
                await connection.close(self._close_timeout)
            finally:
                self._keep(connection.tasks)

    def _keep(self, tasks: set[asyncio.Task[Any]]) -> None:
        """Hold on to answers that outlive their socket; the loop alone does not keep a task alive."""
        self._left_behind |= tasks
        for task in tasks:
            task.add_done_callback(self._left_behind.discard)


@dataclass(eq=False)
class _Connection:
    """One socket, from its handshake to its end."""

    robot: str
    websocket: ClientConnection
    listener: Listener
    silence: Silence
    roll_timeout: float
    clock: Callable[[], float]
    wall: Callable[[], float]
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    rolls_until: float | None = None
    """When a rolling connection is given up, in monotonic seconds; None while it does not roll."""

    async def read(self) -> None:
        """Read until the end. Returns after a roll, raises ConnectionTrouble after any other end."""
        healthy = False
        while True:
            await self._room()
            raw = await self._next()
            if raw is None:
                return
            read_at = self.clock()
            if not healthy:
                healthy = True
                self.listener.healthy()
            self._take(read_frame(raw), read_at)

    async def close(self, within: float) -> None:
        """Let running answers out, then part with a close frame; a peer that does not answer it is cut off. What the
        gateway sends before it knows is taken in as well: it would send it elsewhere only after a minute."""
        self.rolls_until = self.clock()
        reading = asyncio.create_task(self._read_on())
        # A task that was cancelled has no time-outs before Python 3.11.4 (gh-102780): they are cancellations there.
        goodbye = asyncio.create_task(self._say_goodbye(reading, within))
        try:
            done, _ = await asyncio.wait([goodbye], timeout=within)
            for task in done:
                task.result()
        finally:
            reading.cancel()
            goodbye.cancel()
            if self.websocket.state is not State.CLOSED:
                self.websocket.transport.abort()

    async def _say_goodbye(self, reading: asyncio.Task[None], within: float) -> None:
        await asyncio.sleep(0)  # for what has come already
        await self._let_out(within / 2)
        await self.websocket.close()
        await reading

    async def _read_on(self) -> None:
        """Take in what comes until the socket is closed; after the close frame it is not acked any more."""
        with suppress(ConnectionClosed):
            while True:
                await self._room()
                self._take(read_frame(await self.websocket.recv(decode=False)), self.clock())

    async def _let_out(self, within: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.tasks and self.websocket.state is State.OPEN:
                    await asyncio.wait(self.tasks)

    async def _room(self) -> None:
        """Wait while too much is unanswered."""
        while len(self.tasks) >= MAX_UNANSWERED:
            await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _next(self) -> bytes | None:
        """The next frame, or None when a roll has ended."""
        rolling = self.rolls_until is not None
        try:
            async with asyncio.timeout(self._patience()):
                # Undecoded: text that is no UTF-8 would cost the connection instead of the frame.
                return await self.websocket.recv(decode=False)
        except TimeoutError:
            if rolling:
                return None
            raise ConnectionTrouble("silent", f"no frame for {self.silence.limit:.0f} s") from None
        except ConnectionClosed as error:
            if rolling:
                return None
            closed = isinstance(error, ConnectionClosedOK)
            raise ConnectionTrouble("closed" if closed else "lost", str(error)) from error

    def _patience(self) -> float:
        """Seconds to wait for the next frame. They count from now and not from the last frame: a reader that was held
        up by its own work must not take the gateway for dead."""
        return self.silence.limit if self.rolls_until is None else self.rolls_until - self.clock()

    def _take(self, frame: Frame, read_at: float) -> None:
        """Start what a frame asks for. Tasks begin in the order in which they are made, so callbacks begin in the
        order of their frames."""
        metrics.STREAM_FRAMES.labels(robot=self.robot, type=frame.type).inc()
        match frame.type:
            case FrameType.CALLBACK:
                callback = Callback(frame.topic, frame.data, frame.message_id, self.wall(), frame.sent_at)
                self._start(self._deliver(callback, read_at))
                return
            case FrameType.DISCONNECT:
                self._roll(closing_reason(frame), read_at)
                return
            case FrameType.PING:
                self.silence.ping(read_at)
            case FrameType.MALFORMED:
                log.warning(
                    "a frame could not be understood: %s",
                    frame.problem,
                    extra={"action": "frame_malformed", "robot": self.robot, "frame": frame.message_id},
                )
        self._start(self._answer(reply(frame)))

    def _roll(self, reason: str, now: float) -> None:
        if self.rolls_until is None:
            self.rolls_until = now + self.roll_timeout
            self.listener.rolling(reason)

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _deliver(self, callback: Callback, read_at: float) -> None:
        try:
            data = await self.listener.receive(callback)
            answer = None if data is None else ack(callback.message_id, OK, data)
        except Exception:
            log.exception(
                "a callback failed",
                extra={
                    "action": "callback_failed",
                    "robot": self.robot,
                    "topic": callback.topic,
                    "frame": callback.message_id,
                },
            )
            answer = ack(callback.message_id, FAILED, {})
        if answer is not None and await self._answer(answer) and callback.topic in ACKED:
            ACKED[callback.topic].labels(robot=self.robot).observe(self.clock() - read_at)

    async def _answer(self, answer: str) -> bool:
        """Whether the ack was written; on a socket that is gone it is dropped."""
        try:
            await self.websocket.send(answer)
        except ConnectionClosed:
            log.debug("an ack was dropped with its socket", extra={"action": "ack_dropped", "robot": self.robot})
            return False
        return True
