"""Small proxies on 127.0.0.1, which note what passes: HTTP (CONNECT and plain requests, with TLS if wanted) and SOCKS5.

They look names up by themselves, and every name leads to this machine. They know only their own protocols.
"""

import asyncio
import base64
import ipaddress
import ssl
from contextlib import suppress
from typing import Self

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Denied(Exception):
    """The proxy lets nobody pass who comes like this; the argument is what it answers."""


class Proxy:
    """A proxy while the block lasts.

    `user` and `password` are asked for if given. `passed` has the place, as host:port, of every connection that was
    made. `leads` says which port of this machine a place means, by default the same. `denied` counts who had to leave,
    `answer` is what everybody gets instead of a connection.
    """

    def __init__(self, scheme: str, user: str = "", password: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.scheme = scheme
        self.user, self.password = user, password
        self.passed: list[str] = []
        self.leads: dict[str, int] = {}
        self.denied = 0
        self.answer = b""
        self._tls = tls
        self._port = 0
        self._server: asyncio.Server | None = None
        self._guests: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What an operator writes into HTTPS_PROXY."""
        credentials = f"{self.user}:{self.password}@" if self.user else ""
        return f"{self.scheme}://{credentials}127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Go away, and cut what passes."""
        if self._server:
            self._server.close()
        for guest in self._guests:
            guest.cancel()
        await asyncio.gather(*self._guests, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams:
        """Learn where to, and connect.

        Raises:
            Denied: nobody is connected.
        """
        raise NotImplementedError

    async def connect(self, host: str, port: int) -> Streams:
        """Connect to a place, or to where it leads."""
        place = f"{host}:{port}"
        streams = await asyncio.open_connection("127.0.0.1", self.leads.get(place, port))
        self.passed.append(place)
        return streams

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guest = asyncio.create_task(self._serve(reader, writer))
        self._guests.add(guest)
        guest.add_done_callback(self._guests.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        others: Streams | None = None
        try:
            others = await self.greet(reader, writer)
            pipes = [asyncio.create_task(_pipe(reader, others[1])), asyncio.create_task(_pipe(others[0], writer))]
            try:
                await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pipe in pipes:
                    pipe.cancel()
        except Denied as denied:
            self.denied += 1
            writer.write(denied.args[0])
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            ends = [writer, others[1]] if others else [writer]
            for end in ends:
                end.close()  # both before waiting, for the wait may be cancelled
            for end in ends:
                with suppress(OSError):
                    await end.wait_closed()


class HttpProxy(Proxy):
    """An HTTP proxy, which is an `https` one with `tls`."""

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, version = head[0].split(" ")
        headers = [line for line in head[1:] if line and not line.lower().startswith(("proxy-", "connection:"))]
        if self.answer:
            raise Denied(self.answer)
        if self.user and f"Proxy-Authorization: Basic {self._token()}" not in head:
            raise Denied(_refusal("407 Proxy Authentication Required"))
        try:
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                streams = await self.connect(host.strip("[]"), int(port))
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                return streams
            place, _, path = target.removeprefix("http://").partition("/")
            host, _, port = place.partition(":")
            streams = await self.connect(host, int(port or 80))
        except OSError:
            raise Denied(_refusal("502 Bad Gateway")) from None
        lines = [f"{method} /{path} {version}", *headers, "Connection: close", "", ""]
        streams[1].write("\r\n".join(lines).encode())
        return streams

    def _token(self) -> str:
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


class SocksProxy(Proxy):
    """A SOCKS5 proxy (RFC 1928, RFC 1929): `socks5h` where its guests leave it to look names up."""

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams:
        if self.answer:
            raise Denied(self.answer)
        _, count = await reader.readexactly(2)
        method = 2 if self.user else 0
        if method not in await reader.readexactly(count):
            raise Denied(b"\x05\xff")
        writer.write(bytes((5, method)))
        if self.user:
            await self._check(reader, writer)
        _, _, _, kind = await reader.readexactly(4)
        match kind:
            case 3:
                host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
            case 1 | 4:
                host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        port = int.from_bytes(await reader.readexactly(2))
        try:
            streams = await self.connect(host, port)
        except OSError:
            raise Denied(b"\x05\x05\x00\x01" + bytes(6)) from None
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        return streams

    async def _check(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        user, password = [(await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)]
        if (user, password) != (self.user, self.password):
            raise Denied(b"\x01\x01")
        writer.write(b"\x01\x00")


def _refusal(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
