"""Who cannot be reached, through what, and why: the same words for HTTP and for WebSockets, and no password in them."""

import asyncio
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from actors.core.proxies import Proxies, read_proxy
from actors.dingtalk.network import Network, Unreachable, trusting
from tests.network.conftest import KINDS, NAME, Authority, MakeProxy, any_proxy, name_behind
from tests.network.proxies import Proxy

TICKET = "7724109a-ea43"

Networks = Callable[[str], Network]


@pytest.fixture
async def network_by(authority: Authority) -> AsyncIterator[Networks]:
    """Networks behind this proxy, for everything."""
    made = []

    def network(proxy: str, trust: ssl.SSLContext | None = None) -> Network:
        http, https = (read_proxy(variable, proxy) for variable in ("HTTP_PROXY", "HTTPS_PROXY"))
        made.append(Network(Proxies(http, https), trust or trusting(authority.file)))
        return made[-1]

    yield network
    for one in made:
        await one.close()


async def get(network: Network, name: str, secure: bool, within: float = 20.0) -> None:
    url = f"{'https' if secure else 'http'}://{name}/path?ticket={TICKET}"
    async with network.session.get(url, timeout=aiohttp.ClientTimeout(total=within)):
        pass


async def open_websocket(network: Network, name: str, secure: bool, within: float = 20.0) -> None:
    await network.websocket(f"{'wss' if secure else 'ws'}://{name}/path?ticket={TICKET}", open_timeout=within)


async def say_nothing(*_: object) -> None:
    """A proxy that takes the call, and no more."""
    await asyncio.Event().wait()


NOBODY = 1
"""A port on which nobody listens."""

Call = Callable[..., Awaitable[None]]
both_ways = pytest.mark.parametrize("call", [get, open_websocket], ids=["http", "websocket"])
plain_and_tls = pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])


async def why_not(call: Call, network: Network, secure: bool, proxy: Proxy) -> str:
    """The reason, after the words that say who and through what."""
    with pytest.raises(Unreachable) as caught:
        await call(network, name_behind(proxy), secure)
    variable, port = ("HTTPS_PROXY", 443) if secure else ("HTTP_PROXY", 80)
    _, _, place = proxy.url.rpartition("@")
    place = place if "://" in place else f"{proxy.scheme}://{place}"
    way, marked, why = str(caught.value).partition(f"{name_behind(proxy)}:{port} through {variable} ({place}): ")
    assert (way, bool(marked)) == ("", True)
    told = "".join(traceback.format_exception(caught.value))
    assert not any(hidden in told for hidden in ("door-word", "changed", TICKET))
    return why


@any_proxy
@both_ways
@plain_and_tls
async def test_a_proxy_that_is_not_there_is_named(
    network_by: Networks, make_proxy: MakeProxy, kind: str, call: Call, secure: bool
) -> None:
    proxy = make_proxy(kind)
    async with proxy:
        network = network_by(proxy.url)
    assert "Connect call failed" in await why_not(call, network, secure, proxy)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "password" in kind])
@both_ways
@plain_and_tls
async def test_a_proxy_that_wants_another_password_is_named(
    network_by: Networks, make_proxy: MakeProxy, kind: str, call: Call, secure: bool
) -> None:
    async with make_proxy(kind) as proxy:
        network = network_by(proxy.url)
        proxy.password = "changed"
        why = await why_not(call, network, secure, proxy)
        assert proxy.denied == 1
    assert why in {
        "the proxy answered HTTP 407: it wants a user and a password, http://user:password@proxy",
        "the proxy says: Username and password authentication failure",
    }


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "password" in kind])
@both_ways
@plain_and_tls
async def test_a_proxy_that_is_not_told_its_password_is_named(
    network_by: Networks, make_proxy: MakeProxy, kind: str, call: Call, secure: bool
) -> None:
    async with make_proxy(kind) as proxy:
        network = network_by(proxy.url.replace("bot:door-word@", ""))
        why = await why_not(call, network, secure, proxy)
    assert "it wants a user and a password" in why or "authentication method" in why


@any_proxy
@both_ways
async def test_a_proxy_that_cannot_go_on_is_named(
    network_by: Networks, make_proxy: MakeProxy, kind: str, call: Call
) -> None:
    async with make_proxy(kind) as proxy:
        proxy.leads[f"{name_behind(proxy)}:443"] = NOBODY
        why = await why_not(call, network_by(proxy.url), True, proxy)
    assert why in {"the proxy answered HTTP 502", "the proxy says: Connection refused by destination host"}


@any_proxy
@both_ways
@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x00\x01"], ids=["another protocol", "cut"])
async def test_a_proxy_that_is_none_is_named(
    network_by: Networks, make_proxy: MakeProxy, kind: str, call: Call, answer: bytes
) -> None:
    async with make_proxy(kind) as proxy:
        proxy.answer = answer
        assert await why_not(call, network_by(proxy.url), True, proxy)


@any_proxy
@both_ways
async def test_a_proxy_that_says_nothing_is_waited_for_within_the_time(
    network_by: Networks, make_proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch, kind: str, call: Call
) -> None:
    async with make_proxy(kind) as proxy:
        monkeypatch.setattr(proxy, "greet", say_nothing)
        with pytest.raises(TimeoutError):
            await call(network_by(proxy.url), name_behind(proxy), True, 0.3)


@pytest.mark.parametrize("kind", ["socks5", "socks5h"])
async def test_a_socks_proxy_is_waited_for_no_longer_than_a_connection_may_take(
    network_by: Networks, make_proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async with make_proxy(kind) as proxy:
        monkeypatch.setattr(proxy, "greet", say_nothing)
        session = network_by(proxy.url).session
        with pytest.raises(aiohttp.ConnectionTimeoutError):
            async with asyncio.timeout(20):
                await session.get(f"https://{name_behind(proxy)}/", timeout=aiohttp.ClientTimeout(sock_connect=0.3))


@both_ways
async def test_with_socks5_names_are_looked_up_on_this_side(
    network_by: Networks, make_proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    looked_up = []

    async def look_up(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", port))]

    async with make_proxy("socks5") as proxy:
        network = network_by(proxy.url)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        proxy.leads["192.0.2.7:443"] = NOBODY
        with pytest.raises(Unreachable):
            await call(network, NAME, True)
    assert looked_up == [NAME]


@pytest.mark.parametrize("kind", ["https", "https with password"])
@both_ways
@plain_and_tls
async def test_a_proxy_with_a_certificate_that_is_not_trusted_is_named(
    network_by: Callable[..., Network], make_proxy: MakeProxy, kind: str, call: Call, secure: bool
) -> None:
    async with make_proxy(kind) as proxy:
        why = await why_not(call, network_by(proxy.url, trusting(None)), secure, proxy)
    assert why.startswith("its certificate is not trusted (")
    assert why.endswith("name the authority's file in SSL_CERT_FILE")
