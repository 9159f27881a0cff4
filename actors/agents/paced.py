"""Reading a stream at a person's pace: some reads a second take all that has come, instead of one for each piece.

The law: what a model says first is read when it comes; later the transport rests between two reads, and neither the
end nor an error is known later than that. A read costs the same whether it brings one piece or ten, so streams rest the
longer the more of them there are, and all of them together are read some number of times a second. What is not read
waits in the socket, and if it is much, at the back end: that is real back-pressure. Resting costs no task and no
wake-up; letting the loop wake for each piece is what costs (a third of all that a stream takes, with many of them).
"""

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

from actors.core.beat import on_the_beat

PAUSE = 0.1
"""Seconds between two reads. A card changes at most every 0.8 s, and nobody sees a tenth of that."""

READS = 1_000
"""Reads a second of all streams of the process together: up to 100 streams rest no longer for one another, and from 500
on none rests longer than `LONGEST`."""

LONGEST = 0.5
"""Seconds of a rest, at most. So many streams share the calls of a second that a card changes every minute or so."""

BEAT = 0.02
"""Seconds between the moments at which rests end: many streams wake the loop together, instead of each by itself, which
costs as much as what is read then."""

AT_ONCE = 8
"""Reads that wait for nothing: a stream's first ones hold little, and among them the text that a person waits for."""


class Paced:
    """The streams of one back end; none rests longer than so many seconds."""

    _streams = 0
    """Of all back ends: they share the interpreter, whose time it is."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = min(longest, LONGEST)

    async def read(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        """What comes, with rests."""
        loop, reads = asyncio.get_running_loop(), 0
        resume: asyncio.TimerHandle | None = None
        Paced._streams += 1
        try:
            async for data in response.content.iter_any():
                reads += 1
                # A connection that has said all is given back, and may serve another call by now.
                transport = response.connection.transport if response.connection else None
                if transport is not None and reads > AT_ONCE:
                    transport.pause_reading()
                    resume = loop.call_at(on_the_beat(loop.time() + self._pause(), BEAT), transport.resume_reading)
                yield data
                del data  # not kept over the rest: with many streams that is most of their memory
        finally:
            Paced._streams -= 1
            if resume is not None:
                resume.cancel()

    def _pause(self) -> float:
        return min(self._longest, max(PAUSE, self._streams / READS))
