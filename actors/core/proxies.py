"""Which proxy an address is reached through, as the environment's well-known variables name it.

The law: HTTP and WebSockets are answered alike, `wss` counts as `https` and `ws` as `http`; this machine itself is not
looked for behind a proxy, whatever the variables say (as in Go's net/http, ProxyFromEnvironment). How a proxy is spoken
to is not known here.
"""

import re
from dataclasses import field
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from actors.core.frozen import frozen

PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The kinds of proxy, and the port that each has when none is named (curl's)."""

_SECURE: Final = frozenset({"https", "wss"})
_HOST: Final = re.compile(r"[\w.:%-]+")


@frozen
class Proxy:
    """A proxy, and the variable that names it. With `socks5` names are looked up here, with `socks5h` by the proxy."""

    variable: str
    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def socks(self) -> bool:
        """Whether it speaks SOCKS and not HTTP."""
        return self.scheme.startswith("socks")

    @property
    def address(self) -> str:
        """Where it is, without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def url(self) -> str:
        """Where it is and how to get in: a secret."""
        if not self.user:
            return self.address
        return self.address.replace("://", f"://{quote(self.user, safe='')}:{quote(self.password, safe='')}@", 1)

    def __str__(self) -> str:
        return f"{self.variable} ({self.address})"


@frozen
class Proxies:
    """The proxies for `http` and for `https`; `spared` is what `NO_PROXY` says.

    `spared` is a list with commas: host names (which mean all below them too) and IP addresses, either with or without
    a port, networks such as 10.0.0.0/8, or `*` for everything.
    """

    http: Proxy | None = None
    https: Proxy | None = None
    spared: str = ""

    def to(self, url: str) -> Proxy | None:
        """The proxy on the way to this address; None if there is none.

        Raises:
            ValueError: this is no address.
        """
        parts = urlsplit(url)
        secure = parts.scheme in _SECURE
        proxy, usual_port = (self.https, 443) if secure else (self.http, 80)
        host, port = (parts.hostname or "").rstrip("."), parts.port or usual_port
        if proxy is None or _is_here(host):
            return None
        return None if any(_spares(entry, host, port) for entry in re.split(r"[\s,]+", self.spared)) else proxy


def read_proxy(variable: str, text: str) -> Proxy:
    """The proxy that a variable names; without a scheme it is an HTTP proxy, as curl has it.

    Raises:
        ValueError: it names none, and says what it must name.
    """
    scheme, user, password, place = _pieces(text)
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if scheme not in PORTS:
        raise ValueError("must be an address that begins with http://, https://, socks5:// or socks5h://")
    if not _HOST.fullmatch(host) or port == 0 or place.rstrip("/") != parts.netloc:
        raise ValueError("must be an address such as http://proxy:3128 or socks5h://user:password@proxy:1080")
    proxy = Proxy(variable, scheme, host, port or PORTS[scheme], unquote(user), unquote(password))
    if proxy.socks and not f"{proxy.user}{proxy.password}".isascii():
        raise ValueError("must have a user and a password in ASCII letters, since it is a SOCKS proxy")
    return proxy


def password_in(text: str) -> str:
    """The password in an address, as it is spelled there, also where the rest is malformed."""
    return _pieces(text)[2]


def without_password(text: str) -> str:
    """An address to be read by people: no password, and no more than that is changed."""
    password = password_in(text)
    return text.replace(f":{password}@", ":***@", 1) if password else text


def _pieces(text: str) -> tuple[str, str, str, str]:
    """Scheme, user, password and place; a password may hold any letter but a line's end."""
    scheme, marked, rest = text.strip().partition("://")
    if not marked:
        scheme, rest = "http", scheme
    credentials, _, place = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    return scheme.lower(), user, password, place


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _spares(entry: str, host: str, port: int) -> bool:
    """Whether an entry of `NO_PROXY` means this place."""
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        pass  # one of them is a name, or the entry has a port
    name, marked, number = entry.lower().rpartition(":")
    if not marked or not number.isdecimal():
        name, number = entry.lower(), ""
    if number and int(number) != port:
        return False
    name = name.strip("[]").removeprefix("*.").strip(".")
    return name == "*" or (name != "" and (host == name or host.endswith(f".{name}")))
