"""The way to DingTalk, before anything is asked of it: does a name lead somewhere, and does anybody answer there?

The law: any answer at all will do, but the page of a ban. Who answers, and whether credentials are good, is not known
here.
"""

import asyncio

import aiohttp
from yarl import URL

from actors.core.proxies import Proxies
from actors.dingtalk import faults
from actors.dingtalk.network import Network
from actors.errors import ConnectionTrouble


def webhook_host(endpoint: str) -> str:
    """Where DingTalk takes replies by session webhook; "" if the endpoint is not DingTalk's own."""
    host = URL(endpoint).host or ""
    domain = next((domain for domain in ("dingtalk.com", "dingtalk.io") if host.endswith(f".{domain}")), "")
    return f"https://oapi.{domain}" if domain else ""


async def reach(address: str, network: Network, proxies: Proxies, timeout: float) -> str:
    """Whom the way leads to, and through what.

    Raises:
        ConnectionTrouble: nobody answers within `timeout` seconds, or this address is banned.
    """
    url = URL(address)
    place = f"{url.host}:{url.port}"
    try:
        async with network.session.get(
            url, timeout=aiohttp.ClientTimeout(total=timeout), allow_redirects=False
        ) as response:
            text = (await response.read()).decode(errors="replace")
    except TimeoutError as error:
        raise ConnectionTrouble("unreachable", f"{place}: no answer within {timeout:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ConnectionTrouble("unreachable", str(error)) from error
    answer = faults.read(response.status, text)
    if isinstance(answer, faults.Refusal) and answer.code == faults.BANNED:
        raise ConnectionTrouble("unavailable", faults.BAN_WORDS, answer.fault)
    proxy = proxies.to(address)
    return f"{place} through {proxy}" if proxy else f"{place} ({await _address_of(url)}), no proxy"


async def _address_of(url: URL) -> str:
    """The address that a name leads to: one of a private network tells of a name server that lies."""
    found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port)
    return str(found[0][4][0])
