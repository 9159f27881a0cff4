"""Gets one file from where DingTalk stores it into a folder, within a size.

The law: a file is fetched over TLS, or from the configured endpoint's own place; what arrives is the file and not a
page about it; nothing is taken that is larger than allowed, and the event loop never waits for a disk. How long it may
take, and what becomes of a file that is not whole, is the caller's business. No more of an address gets into an error
than its host: the rest carries a signature.
"""

import asyncio
import socket
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path

import aiohttp
from yarl import URL

from actors.core.question import Attachment
from actors.dingtalk.filenames import is_page, recognised, safe_name
from actors.dingtalk.network import Unreachable
from actors.errors import Trouble

CHUNK = 256 * 1024
"""Bytes that are written at once. A write costs the hand-over to a thread, about 0.1 ms (20 MB: 15 ms in all, against
7 ms in the loop), and not the time of the disk, which can be seconds when its queue is long."""

REDIRECTS = 3

_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}
"""A header more, such as a Content-Type, and the signature is refused (dingtalk-openclaw-connector#300)."""

_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class Outcome(StrEnum):
    """How fetching a file ended; a metric's label."""

    FETCHED = "fetched"
    TOO_LARGE = "too_large"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    FAILED = "failed"


class NotFetched(Trouble):
    """A file could not be had."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome

    @property
    def passing(self) -> bool:
        """Whether another try may help."""
        return self.outcome in {Outcome.TIMEOUT, Outcome.FAILED}


def source(link: object, endpoint: str) -> URL:
    """Where a `downloadUrl` leads.

    It comes from DingTalk's API over TLS, so nobody in the chat chooses it, and any host is followed: the storage has
    other names in each region and edition. But what people send does not travel in the open: DingTalk's own sample is
    a plain http link to its storage ("download the file content of the robot receiving message"), which is asked over
    https instead; the signature does not cover the scheme. The endpoint's own place is what it is, for a sandbox. And
    should somebody have a say in it after all: an address within our own network is followed only where the endpoint is
    within it too. A name that leads there needs a certificate that we trust.

    Raises:
        NotFetched: it is no link that may be followed.
    """
    url = _link(link)
    if url.scheme == "http" and not _same_place(url, endpoint):
        url = url.with_scheme("https").with_port(None if url.port == 80 else url.port)  # noqa: PLR2004 - http's own
    return _checked(url, endpoint)


async def download(
    session: aiohttp.ClientSession, url: URL, endpoint: str, attachment: Attachment, place: Path, *, max_bytes: int
) -> Path:
    """Fetch the attachment from `url`, as `source` gave it, into the folder `place`; returns the file.

    Raises:
        NotFetched: it could not be had, or not whole; a part of it may be in the folder.
    """
    try:
        async with _opened(session, url, endpoint) as response:
            return await _save(response, attachment, place, max_bytes)
    except TimeoutError:
        raise NotFetched(Outcome.TIMEOUT, "the connection timed out") from None
    except Unreachable as error:
        raise NotFetched(Outcome.FAILED, str(error)) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:  # the last for a place that is no address
        what = f"{type(error).__name__} {getattr(error, 'strerror', None) or ''}"
        raise NotFetched(Outcome.FAILED, what.rstrip()) from None


@asynccontextmanager
async def _opened(session: aiohttp.ClientSession, url: URL, endpoint: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer at the end of all redirects. They are followed one by one, since each has to pass the same check:
    aiohttp would go along to plain http."""
    for _ in range(1 + REDIRECTS):
        async with session.get(
            url,
            headers=_HEADERS,
            allow_redirects=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as response:
            if response.status not in {301, 302, 303, 307, 308}:
                yield response
                return
            url = _checked(url.join(_link(response.headers.get("Location"))), endpoint)
    raise NotFetched(Outcome.REFUSED, "redirected too often")


async def _save(response: aiohttp.ClientResponse, attachment: Attachment, place: Path, max_bytes: int) -> Path:
    _must_be_worth_reading(response, max_bytes)
    block = await _block(response)
    if not block:
        raise NotFetched(Outcome.FAILED, "it is empty")
    name = safe_name(attachment.name)
    page = response.content_type == "text/html" or is_page(block)
    if page and not name.lower().endswith((".html", ".htm")):
        raise NotFetched(Outcome.REFUSED, "a web page came instead")
    if attachment.kind != "file":
        name = recognised(name, block)
    path, size = place / name, 0
    while block:
        size += len(block)
        if size > max_bytes:
            raise NotFetched(Outcome.TOO_LARGE, f"more than {max_bytes} bytes")
        await asyncio.to_thread(_append, path, block)
        block = await _block(response)
    return path


def _append(path: Path, block: bytes) -> None:
    # Opened for each block, so that whoever gives up in the middle has nothing to close behind a write that goes on.
    with path.open("ab") as file:
        file.write(block)


def _must_be_worth_reading(response: aiohttp.ClientResponse, max_bytes: int) -> None:
    status, length = response.status, response.content_length or 0
    if status != HTTPStatus.OK:
        lasting = 400 <= status < 500 and status not in _PASSING  # noqa: PLR2004 - the class of client errors
        raise NotFetched(Outcome.REFUSED if lasting else Outcome.FAILED, f"HTTP {status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NotFetched(Outcome.REFUSED, "it is compressed, and was not asked to be")
    if length > max_bytes:
        raise NotFetched(Outcome.TOO_LARGE, f"{length} bytes, more than {max_bytes}")


async def _block(response: aiohttp.ClientResponse) -> bytes:
    """The next bytes, as many as are worth a write; fewer only at the end."""
    try:
        return await response.content.readexactly(CHUNK)
    except asyncio.IncompleteReadError as end:
        return end.partial


def _link(link: object) -> URL:
    if not isinstance(link, str) or not link:
        raise NotFetched(Outcome.REFUSED, "there is no link to it")
    try:
        # Taken as it is: spelled in another way, the signature does not fit any more.
        return URL(link, encoded=link.isascii() and link.isprintable() and " " not in link)
    except ValueError:
        raise NotFetched(Outcome.REFUSED, "the link to it is no address") from None


def _checked(url: URL, endpoint: str) -> URL:
    if not url.host or url.user is not None or not (url.scheme == "https" or _same_place(url, endpoint)):
        raise NotFetched(Outcome.REFUSED, f"the link to it may not be followed ({url.scheme or 'no scheme'})")
    if _within(url.host) and not _within(URL(endpoint).host or ""):
        raise NotFetched(Outcome.REFUSED, f"the link to it may not be followed (to {url.host})")
    return url


def _within(host: str) -> bool:
    """Whether an address is this machine's, or of a network that is not the world's: 169.254.169.254, say."""
    name = unicodedata.normalize("NFKC", host).rstrip(".").casefold()
    try:
        address = ip_address(name)
    except ValueError:
        try:
            address = ip_address(socket.inet_aton(name))  # 2130706433 and 0x7f.1 are what a resolver takes them for
        except (OSError, ValueError):
            return name == "localhost" or name.endswith(".localhost")
    return not (getattr(address, "ipv4_mapped", None) or address).is_global


def _same_place(url: URL, endpoint: str) -> bool:
    place = URL(endpoint)
    return (url.scheme, url.host, url.port) == (place.scheme, place.host, place.port)
