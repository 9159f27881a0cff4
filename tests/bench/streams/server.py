"""`python -m tests.bench.streams.server`: a model's server that has all its answers ready, and streams many at once.

The law: it must not be what is measured. Every piece is rendered before the first question comes, all streams share
one timer, and a piece goes to its socket without a stop. It keeps to its own clock, however late its reader is, and
says of itself how late it was. A question says how long its answer is, `1500 pieces`; `GET /report` tells how it went.
"""

import asyncio
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

RATE = 50
"""Pieces a second of each stream, as a quick model has it."""

SLOTS = 4
"""Beats between two pieces of a stream; each stream has one of them, so that not all write at the same moment."""

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)
"""It closes the connection, for that is how a server hears that an answer was read to its end."""

WORDS = (
    "您好",
    "，我们",
    "的店",
    "在",
    "早上",
    "九点",
    "开门",
    "。",
    "如果",
    "需要",
    "退货",
    "，请",
    "联系",
    "客服",
    "。\n\n",
)


def _frame(choice: dict[str, Any] | None, **more: Any) -> bytes:
    chunk = {
        "id": "chatcmpl-9f2c81d7a6b34c6e8d5f",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "bench",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": [choice] if choice else [],
        **more,
    }
    return _chunked(f"data: {json.dumps(chunk, ensure_ascii=False, separators=(',', ':'))}\n\n".encode())


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


PIECES = [_frame({"index": 0, "delta": {"content": word}, "logprobs": None, "finish_reason": None}) for word in WORDS]
END = b"".join(
    (
        _frame({"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}),
        _frame(None, usage={"prompt_tokens": 20, "completion_tokens": 500, "total_tokens": 520}),
        _chunked(b"data: [DONE]\n\n"),
        b"0\r\n\r\n",
    )
)


@dataclass(eq=False, slots=True)
class Stream:
    """One answer under way. `owed` is what the socket did not take yet."""

    socket: int
    length: int
    began: float
    sent: int = 0
    owed: bytes = b""

    def go_on(self) -> bool:
        """Send the next piece, or the end; whether that was all."""
        over = self.sent == self.length
        data = self.owed + (END if over else PIECES[self.sent % len(PIECES)])
        try:
            self.owed = data[os.write(self.socket, data) :]
        except BlockingIOError:
            self.owed = data
        self.sent += 1
        return over


@dataclass
class Streams:
    """All answers. `stretches` says of each that was read to its end how long that took, by its own length."""

    slots: list[set[Stream]] = field(default_factory=lambda: [set() for _ in range(SLOTS)])
    sent: int = 0
    late: float = 0.0
    stretches: list[float] = field(default_factory=list)
    broken: int = 0
    held_up: int = 0

    def begin(self, stream: Stream) -> None:
        """The next beat sends its first piece."""
        min(self.slots, key=len).add(stream)

    def leave(self, stream: Stream, now: float) -> None:
        """Its reader has closed the connection."""
        for slot in self.slots:
            slot.discard(stream)
        if stream.sent > stream.length:
            self.stretches.append((now - stream.began) * RATE / stream.length)
        else:
            self.broken += 1

    async def flow(self) -> None:
        """Beat for ever."""
        loop = asyncio.get_running_loop()
        due, number = loop.time(), 0
        while True:
            due += 1 / RATE / SLOTS
            await asyncio.sleep(due - loop.time())
            self.late = max(self.late, loop.time() - due)
            number = (number + 1) % SLOTS
            self._beat(self.slots[number])

    def _beat(self, slot: set[Stream]) -> None:
        over = []
        for stream in slot:
            try:
                if stream.go_on():
                    over.append(stream)
            except OSError:
                over.append(stream)
            self.held_up += bool(stream.owed)
        self.sent += len(slot)
        slot.difference_update(over)

    def report(self) -> dict[str, Any]:
        """How it went so far; how late it was is told once."""
        late, self.late = self.late, 0.0
        return {
            "active": sum(map(len, self.slots)),
            "sent": self.sent,
            "late": late,
            "held_up": self.held_up,
            "broken": self.broken,
            "stretches": self.stretches,
        }


class Connection(asyncio.Protocol):
    """One client: a request, and what answers it."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._loop = asyncio.get_running_loop()
        self._request = b""
        self._stream: Stream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        self._request += data
        head, end, body = self._request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not end or len(body) < (int(length[1]) if length else 0):
            return
        self._request = b""
        if head.startswith(b"GET"):
            report = json.dumps(self._streams.report()).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + report)
            self._transport.close()
            return
        pieces = re.findall(rb"(\d+) pieces", body)[-1]  # those before it are the conversation's memory
        self._transport.write(HEAD)
        descriptor = self._transport.get_extra_info("socket").fileno()
        self._stream = Stream(descriptor, int(pieces), self._loop.time())
        self._streams.begin(self._stream)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        if self._stream is not None:
            self._streams.leave(self._stream, self._loop.time())


async def main() -> None:
    """Print the port, and serve until standard input ends."""
    loop, streams = asyncio.get_running_loop(), Streams()
    server = await loop.create_server(lambda: Connection(streams), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    flow = loop.create_task(streams.flow())
    with suppress(OSError):
        await asyncio.to_thread(os.read, 0, 1)
    flow.cancel()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
