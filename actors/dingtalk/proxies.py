"""Which proxies can be used: HTTP proxies, as `HTTPS_PROXY` and `NO_PROXY` name them; SOCKS is refused by its name.

The law: a SOCKS proxy is told of as an OSError before anything is sent, since aiohttp would speak HTTP to it. It must
not know what is called.
"""

import errno
from typing import Final
from urllib.request import getproxies, proxy_bypass

from yarl import URL

NO_SOCKS: Final = (
    "SOCKS proxies are not supported in this version: name an HTTP proxy in HTTPS_PROXY, and leave out SOCKS_PROXY"
)


def refuse_socks(url: URL) -> None:
    """Make sure that the environment does not lead calls to this address through a SOCKS proxy.

    Raises:
        OSError: it does, as the error's `strerror` says.
    """
    if getproxies().get(url.scheme, "").lower().startswith("socks") and not proxy_bypass(url.host or ""):
        raise OSError(errno.EPROTONOSUPPORT, NO_SOCKS)
