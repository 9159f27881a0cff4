"""How a Stream connection is had: a ticket from the gateway, then the WebSocket handshake with it.

The law: whatever goes wrong is ConnectionTrouble that says whether the credentials were refused, the gateway answered
badly, or nobody answered; secret and ticket appear in no error and no log. A secret that is refused is looked up anew
once; while this address is banned nobody is asked. It must not know what is read later.
"""

import asyncio
import logging
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus, WebSocketException

import actors
from actors.core.robot import Robot
from actors.dingtalk import faults
from actors.dingtalk.ban import Ban
from actors.dingtalk.faults import Refusal
from actors.dingtalk.frames import SUBSCRIPTIONS
from actors.dingtalk.network import Network, Unreachable
from actors.dingtalk.payload import text
from actors.errors import ConnectionTrouble, Fault

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
    robot: Robot, network: Network, ban: Ban, *, open_timeout: float, close_timeout: float
) -> ClientConnection:
    """A connected WebSocket; `open_timeout` (seconds) holds for the ticket and for the handshake, each by itself.

    Raises:
        ConnectionTrouble: refused, unavailable or unreachable.
    """
    endpoint, ticket = await _invitation(robot, network, ban, open_timeout)
    separator = "&" if "?" in endpoint else "?"
    # The causes are cut off (`from None`), because the texts of some of them quote the address with its ticket.
    try:
        return await network.websocket(
            f"{endpoint}{separator}ticket={quote(ticket, safe='')}",
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
    except Unreachable as error:
        raise ConnectionTrouble("unreachable", str(error)) from None
    except TimeoutError:
        raise _silence(network, endpoint, open_timeout) from None
    except (WebSocketException, ValueError) as error:
        raise ConnectionTrouble("unavailable", f"the handshake failed: {type(error).__name__}") from None


async def _invitation(robot: Robot, network: Network, ban: Ban, timeout: float) -> tuple[str, str]:
    """Endpoint and ticket; a ticket is good for one connection within 90 s."""
    if ban.lasts:
        raise ConnectionTrouble("unavailable", f"not asked: {faults.BAN_WORDS}")
    secret = robot.client_secret.value
    status, answer = await _ask(robot, secret, network, timeout)
    if _refused(answer) and await asyncio.to_thread(robot.client_secret.renew, secret):
        status, answer = await _ask(robot, robot.client_secret.value, network, timeout)
    if isinstance(answer, Refusal):
        if answer.code == faults.BANNED:
            ban.begin(answer.pause)
        code, message = (
            faults.without((secret, robot.client_secret.value), each) for each in (answer.code, answer.message)
        )
        words = f"HTTP {status}, {code or 'no code'}: {message or 'no message'}"
        raise ConnectionTrouble("refused" if _refused(answer) else "unavailable", words, answer.fault)
    endpoint, ticket = text(answer.get("endpoint")), text(answer.get("ticket"))
    if not endpoint or not ticket:
        raise ConnectionTrouble("unavailable", f"HTTP {status} without an endpoint and a ticket")
    return endpoint, ticket


def _refused(answer: dict[str, Any] | Refusal) -> bool:
    return isinstance(answer, Refusal) and answer.fault is Fault.CREDENTIALS


async def _ask(robot: Robot, secret: str, network: Network, timeout: float) -> tuple[int, dict[str, Any] | Refusal]:
    """The gateway's answer, after its HTTP status."""
    request: dict[str, Any] = {
        "clientId": robot.client_id,
        "clientSecret": secret,
        "subscriptions": SUBSCRIPTIONS,
        "ua": f"dingtalk-actors/{actors.__version__}",
    }
    try:
        async with network.session.post(
            f"{robot.endpoint}/v1.0/gateway/connections/open",
            json=request,
            headers={"Accept": "application/json"},  # else the gateway answers with XML
            timeout=aiohttp.ClientTimeout(total=timeout),
            allow_redirects=False,  # the secret goes nowhere else
        ) as response:
            body = (await response.read()).decode(errors="replace")
    except Unreachable as error:
        raise ConnectionTrouble("unreachable", str(error)) from None
    except TimeoutError:
        raise _silence(network, robot.endpoint, timeout) from None
    except (aiohttp.ClientConnectionError, OSError) as error:
        raise ConnectionTrouble("unreachable", f"{type(error).__name__}: {error}") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise ConnectionTrouble("unavailable", type(error).__name__) from error
    return response.status, faults.read(response.status, body)


def _silence(network: Network, url: str, timeout: float) -> ConnectionTrouble:
    return ConnectionTrouble("unreachable", f"{network.way_to(url)}: no answer within {timeout:g} s")
