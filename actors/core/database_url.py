"""What is secret in a database's address: the password, wherever the driver takes one from. Text only.

The law: whatever is malformed in an address, its passwords are found.
"""

from urllib.parse import unquote

from actors.core.proxies import password_in, without_password

_SECRET = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
"""Options of an address that are nobody's to read (postgresql.org, "Parameter Key Words")."""


def passwords_in(url: str) -> tuple[str, ...]:
    """The passwords, each as it is spelled in the address and as it is."""
    spelled = (password_in(url), *(value for name, value in _options(url) if name in _SECRET))
    return tuple(word for password in spelled if password for word in (password, unquote(password)))


def without_passwords(url: str) -> str:
    """An address to be read by people; no more than the passwords is changed."""
    for name, value in _options(url):
        if name in _SECRET and value:
            url = url.replace(f"={value}", "=***")
    return without_password(url)


def _options(url: str) -> list[tuple[str, str]]:
    pairs = (pair.partition("=") for part in url.split("?")[1:] for pair in part.split("&"))
    return [(unquote(name).lower(), value) for name, _, value in pairs]
