"""One live Stream connection: frames leave in order, and its end is seen and recorded whatever the reason.

It moves frames and bytes; what they mean is the gateway's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

from aiohttp import ClientConnectionResetError, WSCloseCode, web

from actors.sandbox.records import Connection

Later = Callable[[float, Callable[[], object]], asyncio.TimerHandle]

UNREAD = 10_000
"""Frames that a connection may be behind; with one more it is cut."""

BEHIND = 32_000_000
"""Bytes or characters in those frames, likewise."""


class Impairment(StrEnum):
    """What is wrong with a line that looks as if it were up."""

    MUTE = "mute"
    """Frames to the robot are lost; the WebSocket's own pings are answered."""
    DEAF = "deaf"
    """Frames from the robot are lost, acks among them."""
    DEAD = "dead"
    """Nothing passes, the WebSocket's own pings neither, and nobody says so."""


class Line:
    """A record, its socket and a queue of frames. `base` is the address that the client knows this server by, `later`
    the loop's `call_later`."""

    def __init__(
        self,
        record: Connection,
        socket: web.WebSocketResponse,
        transport: asyncio.BaseTransport | None,
        base: str,
        later: Later,
    ) -> None:
        self.record = record
        self.base = base
        self._socket = socket
        self._transport = transport
        self._later = later
        self._frames: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._behind = 0
        self._silence: tuple[asyncio.TimerHandle, float] | None = None
        self._impairment: Impairment | None = None

    def takes(self, topic: str) -> bool:
        return self.record.live and topic in self.record.topics

    def send(self, frame: str | bytes) -> None:
        if self._impairment not in {None, Impairment.DEAF}:
            return
        if self._frames.qsize() >= UNREAD or self._behind + len(frame) > BEHIND:
            self.abort()  # nobody reads there
        else:
            self._behind += len(frame)
            self._frames.put_nowait(frame)

    def impair(self, impairment: Impairment | None) -> None:
        """From now on this is wrong with it, or nothing; what was sent before still leaves, what was lost stays so."""
        self._impairment = impairment
        self.record.impairment = impairment or ""
        if isinstance(self._transport, asyncio.ReadTransport):
            if impairment is Impairment.DEAD:
                self._transport.pause_reading()
            elif not self._transport.is_reading():
                self._transport.resume_reading()

    @property
    def hears(self) -> bool:
        """Whether what the robot says arrives."""
        return self._impairment in {None, Impairment.MUTE}

    @asynccontextmanager
    async def writing(self, beside: Coroutine[None, None, None]) -> AsyncIterator[None]:
        """Frames are written, and `beside` runs, for as long as this lasts."""
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(beside)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self) -> None:
        with suppress(ClientConnectionResetError):
            while True:
                frame = await self._frames.get()
                self._behind -= len(frame)
                if isinstance(frame, str):
                    await self._socket.send_str(frame)
                else:
                    await self._socket.send_bytes(frame)

    def heard(self) -> None:
        """A frame came in: the silence begins anew."""
        if self._silence:
            timer, grace = self._silence
            timer.cancel()
            self.cut_after_silence(grace)

    def cut_after_silence(self, grace: float) -> None:
        """Close TCP once nothing was heard for `grace` seconds."""
        if self._transport:
            self._silence = (self._later(grace, self._transport.close), grace)

    def abort(self) -> None:
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    async def close(self, code: int) -> None:
        await self._socket.close(code=code)

    def ended(self) -> None:
        """Record the end. A connection that ends without a close frame counts as 1006."""
        if self._silence:
            self._silence[0].cancel()
        self.record.closed_at = time.monotonic()
        self.record.close_code = self._socket.close_code or WSCloseCode.ABNORMAL_CLOSURE
