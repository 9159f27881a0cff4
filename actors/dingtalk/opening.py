"""How a Stream connection is had: a ticket from the gateway, then the WebSocket handshake with it.

The law: whatever goes wrong is ConnectionTrouble that says whether the credentials were refused, the gateway answered
badly, or nobody answered; secret and ticket appear in no error and no log. It must not know what is read later.
"""

import json
import logging
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage, InvalidProxy, InvalidStatus, ProxyError, WebSocketException
from yarl import URL

import actors
from actors.core.robot import Robot
from actors.dingtalk.frames import SUBSCRIPTIONS
from actors.dingtalk.payload import mapping, text
from actors.dingtalk.proxies import NO_SOCKS, refuse_socks
from actors.errors import ConnectionTrouble

REFUSALS: Final = frozenset({"authFailed", "invalidClientIdOrSecret", "InvalidAuthentication"})
"""Codes that mean wrong credentials, whatever the HTTP status is."""

PING_INTERVAL: Final = 20.0
PING_TIMEOUT: Final = 20.0
"""Seconds of the WebSocket's own keepalive: a peer that answers no ping for this long is gone."""

MAX_FRAME: Final = 4 * 1024 * 1024
"""Bytes. The platform's own limit is not documented, and its Java SDK takes 256 KiB; a larger frame costs the whole
connection, so the bound is far above anything seen and only protects the memory."""

# At DEBUG websockets writes down the handshake, ticket included, and the text of every frame.
_websocket_log = logging.getLogger(f"{__name__}.websocket")
_websocket_log.setLevel(logging.WARNING)


async def open_socket(
    robot: Robot, session: aiohttp.ClientSession, *, open_timeout: float, close_timeout: float
) -> ClientConnection:
    """A connected WebSocket; `open_timeout` (seconds) holds for the ticket and for the handshake, each by itself.

    Raises:
        ConnectionTrouble: refused, unavailable or unreachable.
    """
    endpoint, ticket = await _invitation(robot, session, open_timeout)
    separator = "&" if "?" in endpoint else "?"
    uri = f"{endpoint}{separator}ticket={quote(ticket, safe='')}"
    # The causes are cut off (`from None`), because the texts of some of them quote the address with its ticket.
    try:
        return await connect(
            uri,
            open_timeout=open_timeout,
            close_timeout=close_timeout,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            max_size=MAX_FRAME,
            compression=None,
            logger=_websocket_log,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        raise ConnectionTrouble("unavailable", f"the handshake was answered with HTTP {status}") from None
    except OSError as error:
        raise ConnectionTrouble("unreachable", f"{type(error).__name__}: {error}") from None
    except ImportError:  # websockets asks for the library that it would need for SOCKS
        raise ConnectionTrouble("unreachable", NO_SOCKS) from None
    except (InvalidMessage, InvalidProxy, ProxyError) as error:
        raise ConnectionTrouble("unreachable", f"the handshake failed: {type(error).__name__}") from None
    except (WebSocketException, ValueError) as error:
        raise ConnectionTrouble("unavailable", f"the handshake failed: {type(error).__name__}") from None


async def _invitation(robot: Robot, session: aiohttp.ClientSession, timeout: float) -> tuple[str, str]:
    """Endpoint and ticket; a ticket is good for one connection within 90 s."""
    request: dict[str, Any] = {
        "clientId": robot.client_id,
        "clientSecret": robot.client_secret,
        "subscriptions": SUBSCRIPTIONS,
        "ua": f"dingtalk-actors/{actors.__version__}",
    }
    try:
        url = URL(f"{robot.endpoint}/v1.0/gateway/connections/open")
        if session.trust_env:
            refuse_socks(url)
        async with session.post(
            url,
            json=request,
            headers={"Accept": "application/json"},  # else the gateway answers with XML
            timeout=aiohttp.ClientTimeout(total=timeout),
            allow_redirects=False,  # the secret goes nowhere else
        ) as response:
            status, body = response.status, await response.read()
    except (aiohttp.ClientConnectionError, OSError) as error:
        raise ConnectionTrouble("unreachable", f"{type(error).__name__}: {error}") from error
    except ValueError as error:  # its words may hold the proxy's password
        raise ConnectionTrouble("unreachable", f"{type(error).__name__}: an endpoint or proxy is no address") from None
    except aiohttp.ClientError as error:
        raise ConnectionTrouble("unavailable", type(error).__name__) from error
    return _read_invitation(status, body)


def _read_invitation(status: int, body: bytes) -> tuple[str, str]:
    try:
        answer = mapping(json.loads(body))
    except (ValueError, RecursionError):
        raise ConnectionTrouble("unavailable", f"HTTP {status}, not JSON") from None
    endpoint, ticket = text(answer.get("endpoint")), text(answer.get("ticket"))
    if status == HTTPStatus.OK and endpoint and ticket:
        return endpoint, ticket
    code, message = text(answer.get("code")), text(answer.get("message"))
    reason = "refused" if status == HTTPStatus.UNAUTHORIZED or code in REFUSALS else "unavailable"
    raise ConnectionTrouble(reason, f"HTTP {status}, {code or 'no code'}: {message[:200] or 'no message'}")
