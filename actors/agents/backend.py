"""The HTTP way from an agent to its back end: calls, streams of events, and what is called beside.

The law: whatever goes wrong out there becomes an `AgentFailed` that tells an operator whose fault it is, with the back
end's own words for it; what the customer said is not among them. A try is made once here: whether there is another is
`answering`'s to say. What is said over the connection is the adapter's.
"""

import asyncio
import io
import json
import logging
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp

from actors.agents.paced import Paced
from actors.agents.setup import Setup
from actors.agents.streams import JsonLines, ServerEvent, ServerEvents, TooLong
from actors.errors import AgentFailed
from actors.redaction import clean

log = logging.getLogger(__name__)

BESIDE_WITHIN = 5.0
"""Seconds that a call beside an answer has, such as the one that stops it."""

LONGEST_REPLY = 4_000_000
"""Bytes of a reply that is no stream."""

DETAIL = 300
"""Characters of a back end's words that are logged."""

_REASONS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "refused",
    HTTPStatus.PAYMENT_REQUIRED: "refused",
    HTTPStatus.FORBIDDEN: "refused",
    HTTPStatus.TOO_MANY_REQUESTS: "throttled",
}
_PASSING_4XX = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY})

Json = dict[str, Any]


class Refusal(AgentFailed):
    """The back end answered with an error: its HTTP `status`, and its `body` where that is a JSON object."""

    def __init__(self, status: int, body: Json, detail: str, *, retry_after: float | None = None) -> None:
        server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        super().__init__(
            _REASONS.get(status, "unavailable" if server else "rejected"),
            f"HTTP {status}: {detail}" if detail else f"HTTP {status}",
            retryable=server or status in _PASSING_4XX or status == HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=retry_after,
        )
        self.status = status
        self.body = body


class Backend:
    """One back end at `base_url`. `headers` go with every call; `setup` gives the session and the clocks."""

    def __init__(self, setup: Setup, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        self._setup = setup
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers or {})
        self._paced = Paced(setup.settings.agent_idle_timeout / 10)
        self._aside: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def events(self, path: str, body: Json) -> AsyncIterator[AsyncGenerator[list[ServerEvent], None]]:
        """What `POST path` streams: server-sent events, lines of JSON, or the one object of a reply that is no stream,
        as a single event; those come together that one read brought. Leaving the context closes the connection.

        Raises:
            AgentFailed: it could not be asked, refused, or broke off; a `Refusal` where it answered with an error.
        """
        # Pictures make a body of megabytes, which is no work for the loop; aiohttp sends a file piece by piece.
        data = io.BytesIO(await asyncio.to_thread(_encoded, body))
        headers = {"Content-Type": "application/json"}
        async with (
            self._asked("POST", path, data=data, headers=headers) as response,
            aclosing(_events(response, self._paced)) as events,
        ):
            yield events

    async def call(self, method: str, path: str, *, within: float, **what: Any) -> Json:
        """The JSON object that a call replies, within so many seconds; `what` are aiohttp's `json`, `data`, `params` or
        `headers`.

        Raises:
            AgentFailed: there is none; a `Refusal` where it answered with an error.
        """
        try:
            async with asyncio.timeout(within), self._asked(method, path, **what) as response:
                return _object(response, await _whole(response))
        except TimeoutError:
            raise AgentFailed("unavailable", f"{path}: no reply within {within:g} s") from None

    def beside(self, what: str, call: Coroutine[Any, Any, object]) -> None:
        """Make a call that nobody waits for, such as the one that stops an answer; its failure is logged."""
        task = asyncio.get_running_loop().create_task(self._bounded(what, call), name=what)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def close(self) -> None:
        """Wait for the calls beside, and give up what is late."""
        if self._aside:
            await asyncio.wait(self._aside, timeout=1.0)
        for task in tuple(self._aside):
            task.cancel()

    @asynccontextmanager
    async def _asked(self, method: str, path: str, **what: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = self._headers | what.pop("headers", {})
        # The total is `answering`'s; the connect clock ends when there is a connection, as an adapter alone can see.
        connect = self._setup.settings.agent_connect_timeout
        timeout = aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect)
        url = f"{self._base_url}{path}"
        session = self._setup.session()
        try:
            async with session.request(
                method, url, headers=headers, timeout=timeout, allow_redirects=False, **what
            ) as response:
                if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                    raise await _refusal(response)
                yield response
        except aiohttp.ConnectionTimeoutError as error:
            raise AgentFailed("connect_timeout", f"no connection within {connect:g} s") from error
        except aiohttp.ClientPayloadError as error:
            raise AgentFailed("truncated", "the connection broke off in mid reply") from error
        except aiohttp.ClientConnectionError as error:
            raise AgentFailed("unreachable", clean(str(error)) or type(error).__name__) from error
        except aiohttp.ClientError as error:
            raise AgentFailed("unavailable", f"no HTTP reply ({type(error).__name__})") from error

    async def _bounded(self, what: str, call: Coroutine[Any, Any, object]) -> None:
        try:
            async with asyncio.timeout(BESIDE_WITHIN):
                await call
        except (AgentFailed, TimeoutError) as error:
            log.warning(
                "%s failed: %s", what, str(error) or "time-out", extra={"action": "agent_call_failed", "call": what}
            )


def words(error: object) -> str:
    """A back end's words for what went wrong, out of the many shapes that an error has; short, and without secrets."""
    match error:
        case {"message": str(message), "code": str() | int() as code}:
            text = f"{message} ({code})"  # not before it: `invalid_api_key: ` would make the message a secret
        case {"message": str(message)} | {"msg": str(message)} | {"errmsg": str(message)} | str(message):
            text = message
        case {"error": inner}:
            return words(inner)
        case {"detail": inner}:
            return words(inner)
        case _:
            text = ""
    return clean(" ".join(text.split()))[:DETAIL]


def _encoded(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


async def _events(response: aiohttp.ClientResponse, paced: Paced) -> AsyncGenerator[list[ServerEvent], None]:
    kind = response.content_type
    try:
        if kind == "text/event-stream":
            events = ServerEvents()
            async for data in paced.read(response):
                yield list(events.feed(data))
                del data  # see `Paced`
        elif "ndjson" in kind or "jsonl" in kind or "json-seq" in kind:
            lines = JsonLines()
            async for data in paced.read(response):
                yield list(lines.feed(data))
                del data
            yield list(lines.end())
        else:
            yield [ServerEvent(json.dumps(_object(response, await _whole(response))), "whole")]
    except TooLong as error:
        raise AgentFailed("error", str(error), retryable=False) from error
    except aiohttp.ClientError as error:
        raise AgentFailed("truncated", "the connection broke off in mid reply") from error


async def _whole(response: aiohttp.ClientResponse) -> str:
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        if len(data) > LONGEST_REPLY:
            raise AgentFailed("error", f"a reply of more than {LONGEST_REPLY:,} bytes", retryable=False)
    return data.decode("utf-8-sig", "replace")


def _object(response: aiohttp.ClientResponse, text: str) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise AgentFailed(
            "error", f"the reply is no JSON object but {response.content_type}, is this the right address?"
        )
    return value


async def _refusal(response: aiohttp.ClientResponse) -> Refusal:
    try:
        text = await _whole(response)
        body = json.loads(text)
    except (AgentFailed, aiohttp.ClientError, ValueError, RecursionError):
        body = None
    body = body if isinstance(body, dict) else {}
    said = words(body)
    if response.status < HTTPStatus.BAD_REQUEST:
        place = clean(response.headers.get("Location", "nowhere"))[:DETAIL]
        said = f"it redirects to {place}, set that address instead"
    return Refusal(response.status, body, said, retry_after=_retry_after(response))


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Seconds from the header, which has a number of them or a date (RFC 9110)."""
    told = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(told)
    except ValueError:
        try:
            at = parsedate_to_datetime(told)
        except ValueError:
            return None
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - time.time()
    return max(0.0, seconds) if math.isfinite(seconds) else None
