"""A certificate authority of our own, and DingTalk under a name that only a proxy can look up."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from actors.sandbox.server import Sandbox
from tests.actors.conftest import Stage, staged
from tests.network.proxies import HttpProxy, Proxy, SocksProxy

NAME = "dingtalk.test"
"""Where DingTalk is (RFC 6761: no resolver knows names under .test)."""

ANYWHERE = "0.0.0.0"
"""An address that leads to this machine, and that nobody takes for it."""


def name_behind(proxy: Proxy) -> str:
    """What DingTalk is called behind this proxy: with `socks5` names are looked up on this side."""
    return ANYWHERE if proxy.scheme == "socks5" else NAME


class Authority:
    """Signs certificates that nobody trusts who is not told to; `file` is what SSL_CERT_FILE names."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.file = str(folder / "authority.pem")
        authority.cert_pem.write_to_path(self.file)
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(NAME, ANYWHERE, "127.0.0.1").configure_cert(self.server)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


MakeProxy = Callable[[str], Proxy]


@pytest.fixture
def make_proxy(authority: Authority) -> MakeProxy:
    """Proxies by name, such as `http`, or `socks5h with password`."""

    def make(kind: str) -> Proxy:
        scheme, _, password = kind.partition(" ")
        credentials = ("bot", "door-word") if password else ("", "")
        if scheme.startswith("socks"):
            return SocksProxy(scheme, *credentials)
        return HttpProxy(scheme, *credentials, tls=authority.server if scheme == "https" else None)

    return make


KINDS = (
    "http",
    "http with password",
    "https",
    "https with password",
    "socks5",
    "socks5 with password",
    "socks5h",
    "socks5h with password",
)
any_proxy = pytest.mark.parametrize("kind", KINDS)


def behind(proxy: Proxy, authority: Authority, *, secure: bool) -> Callable[[Sandbox], Awaitable[dict[str, str]]]:
    """Put a sandbox behind a proxy, with TLS or without."""

    async def arrange(sandbox: Sandbox) -> dict[str, str]:
        runner = sandbox._runner
        assert runner is not None
        scheme, usual_port = ("https", 443) if secure else ("http", 80)
        if secure:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server).start()
        proxy.leads[f"{name_behind(proxy)}:{usual_port}"] = runner.addresses[-1][1]
        return {"DINGTALK_OPENAPI_ENDPOINT": f"{scheme}://{name_behind(proxy)}"}

    return arrange


@asynccontextmanager
async def staged_behind(
    folder: Path, proxy: Proxy, authority: Authority, *, secure: bool, **settings: str
) -> AsyncIterator[Stage]:
    """A service that reaches its DingTalk through a proxy, or not at all."""
    environment = {"HTTPS_PROXY" if secure else "HTTP_PROXY": proxy.url, "SSL_CERT_FILE": authority.file}
    async with staged(folder, None, behind(proxy, authority, secure=secure), **(environment | settings)) as stage:
        yield stage
