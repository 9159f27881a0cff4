"""The way to other machines: one HTTP session, and WebSockets, through the same proxies and with the same trust.

The law: whoever calls need not think of proxies. Who cannot be reached is named with host and port, with the variable
of the proxy on the way, and with what to do; never with a path, a query or a password. What is said over a connection,
and when to try again, is not known here.
"""

import ssl
from http import HTTPStatus
from typing import Any

import aiohttp
import python_socks
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage, InvalidProxyStatus, ProxyError
from yarl import URL

from actors.core.proxies import Proxies, Proxy


class Unreachable(aiohttp.ClientConnectionError):
    """There is no way to the other side; the words say to whom, through what, and why not."""

    def __init__(self, url: URL, proxies: Proxies, why: str) -> None:
        super().__init__(f"{_way_to(url, proxies)}: {why}")


class Network:
    """The network as this process may use it. To be made on the loop that uses it.

    `trust` is whom TLS trusts. `session` is for all HTTP calls, which fail as aiohttp's do, with `Unreachable` among
    them.
    """

    def __init__(self, proxies: Proxies, trust: ssl.SSLContext) -> None:
        self._proxies = proxies
        self._trust = trust
        self.session = aiohttp.ClientSession(
            # How many calls may be under way is the limiter's to say: here a place would be waited for on the clock.
            connector=_Connector(proxies, limit=0, ssl=trust),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(once, self._by_http_proxy),
        )

    async def websocket(self, uri: str, **options: Any) -> ClientConnection:
        """A connected WebSocket; `options` are those of websockets' `connect`.

        Raises:
            Unreachable: there is no way to it.
            TimeoutError: it did not answer in time.
            WebSocketException, ValueError: it answered, but with no WebSocket; or this is no address.
        """
        proxy, url = self._proxies.to(uri), URL(uri)
        if url.scheme == "wss":
            options["ssl"] = self._trust
        if proxy and proxy.scheme == "https":
            options["proxy_ssl"] = self._trust
        try:
            return await connect(uri, proxy=proxy.url if proxy else None, **options)
        except TimeoutError:
            raise
        except (InvalidMessage, ProxyError, OSError) as error:
            raise Unreachable(url, self._proxies, _why(error)) from error

    def way_to(self, url: str) -> str:
        """Host and port of an address, and the proxy on the way there, for people to read."""
        return _way_to(URL(url), self._proxies)

    async def close(self) -> None:
        """Let the session and its connections go."""
        await self.session.close()

    async def _by_http_proxy(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        proxy = self._proxies.to(str(request.url))
        if proxy and not proxy.socks:
            credentials = _credentials(proxy)
            request.update_proxy(URL(proxy.address), None, credentials)
            if not request.is_ssl():  # a plain request is read by the proxy itself, of any other it sees the CONNECT
                request.headers.update(credentials)
        response = await handler(request)
        if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            response.close()
            raise Unreachable(request.url, self._proxies, _turned_away(response.status))
        return response


async def once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """See to it that a call is sent once: aiohttp by itself sends a PUT once more when its connection breaks, at once,
    past the limiter, and uncounted."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method != hdrs.METH_PUT:
            raise
        raise aiohttp.ClientConnectionError from error


def trusting(certificates: str | None) -> ssl.SSLContext:
    """TLS that trusts whom the system trusts, and the authorities in this PEM file."""
    context = ssl.create_default_context()
    if certificates:
        context.load_verify_locations(certificates)
    return context


class _Connector(aiohttp.TCPConnector):
    """aiohttp's own, which knows HTTP proxies but no SOCKS: through that a connection is made here."""

    def __init__(self, proxies: Proxies, **options: Any) -> None:
        super().__init__(**options)
        self._proxies = proxies

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        proxy = self._proxies.to(str(req.url))
        try:
            if proxy and proxy.socks:
                return await self._through(proxy, req, timeout)
            return await super()._create_connection(req, traces, timeout)
        except TimeoutError:
            raise
        except (aiohttp.ClientError, python_socks.ProxyError, OSError) as error:
            raise Unreachable(req.url, self._proxies, _why(error)) from error

    async def _through(
        self, proxy: Proxy, req: aiohttp.ClientRequest, timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        from python_socks.async_.asyncio import Proxy as SocksProxy  # noqa: PLC0415 - few have one, all would wait for it

        host = req.url.raw_host or ""
        way = SocksProxy(
            python_socks.ProxyType.SOCKS5,
            proxy.host,
            proxy.port,
            proxy.user,
            proxy.password,
            rdns=proxy.scheme == "socks5h",
        )
        _, protocol = await self._loop.create_connection(
            self._factory,
            sock=await way.connect(host, req.url.port or 0, timeout.sock_connect),
            ssl=self._get_ssl_context(req),
            server_hostname=host if req.is_ssl() else None,
        )
        return protocol


def _way_to(url: URL, proxies: Proxies) -> str:
    proxy = proxies.to(str(url))
    return f"{url.host}:{url.port}{f' through {proxy}' if proxy else ''}"


def _credentials(proxy: Proxy) -> dict[str, str]:
    if not proxy.user:
        return {}
    return {"Proxy-Authorization": aiohttp.encode_basic_auth(proxy.user, proxy.password, "utf-8")}


def _why(error: BaseException) -> str:
    """What went wrong, and what to do where that can be told."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _why(error.certificate_error)
        case ssl.SSLCertVerificationError():
            words = f"its certificate is not trusted ({error.verify_message})"
            return f"{words}; if an authority of your own has signed it, name the authority's file in SSL_CERT_FILE"
        case aiohttp.ClientConnectorError():
            return _why(error.os_error)
        case aiohttp.ClientHttpProxyError():
            return _turned_away(error.status)
        case InvalidProxyStatus():
            return _turned_away(error.response.status_code)
        case ProxyError(__cause__=BaseException() as cause):
            return _why(cause)
        case python_socks.ProxyError():
            return f"the proxy says: {error}"
        case OSError():
            return error.strerror or str(error) or type(error).__name__
    return type(error).__name__


def _turned_away(status: int) -> str:
    words = f"the proxy answered HTTP {status}"
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return f"{words}: it wants a user and a password, http://user:password@proxy"
    return words
