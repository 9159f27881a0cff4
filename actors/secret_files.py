"""A secret in a file, such as Kubernetes mounts: read at the start, and again when the one in use is refused.

The law: what was read is hidden from all logs before anybody gets it, and a file that is no use right now changes
nothing. Whose secret it is and who refuses it is not known here.
"""

import logging
from pathlib import Path
from threading import Lock

from actors.redaction import hide

log = logging.getLogger(__name__)


def read_secret(path: Path) -> str:
    """The secret in a file, without the newline at its end.

    Raises:
        ValueError: there is none, and why.
    """
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}), name a readable file") from None
    except ValueError:
        raise ValueError("cannot be read (it is not text), name a readable file") from None
    if not secret.strip():
        raise ValueError("is empty, write the secret into it")
    hide(secret)
    return secret


class SecretFile:
    """A client secret (`actors.core.robot.Secret`) in a file, for several threads."""

    def __init__(self, path: Path, value: str) -> None:
        self._path = path
        self._value = value
        self._complaint = ""
        self._lock = Lock()

    @property
    def value(self) -> str:
        """The secret as it was last read."""
        return self._value

    def renew(self, refused: str) -> bool:
        """Whether there is another secret than this one, which was refused; reads the file unless it is known."""
        with self._lock:
            if self._value != refused:
                return True
            try:
                secret = read_secret(self._path)
            except ValueError as error:
                self._complain(str(error))
                return False
            self._complaint = ""
            if secret == refused:
                return False
            self._value = secret
        log.info("the secret was read again", extra={"action": "secret_reread", "file": str(self._path)})
        return True

    def _complain(self, about: str) -> None:
        """Say once what is wrong with the file, however often it is looked at."""
        if about != self._complaint:
            self._complaint = about
            extra = {"action": "secret_unreadable", "file": str(self._path)}
            log.warning("the secret is refused, and its file %s", about, extra=extra)
