"""What must not be said: the known secrets in any spelling, and whatever stands behind a secret's name.

The secrets that this process knows are told to `hide`; tokens and tickets that it meets on its way are known by the
names before them. This file knows nothing of logging: whatever leaves the process as text can be cleaned here.
"""

import json
import math
import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

MASK = "***"

_DEEPEST = 8
_NAMES = r"access[-_]?token|(?:app|client)[-_]?secret|api[-_]?key|password|ticket"
_SECRET_NAME = re.compile(rf"(?:{_NAMES}|authorization|session)$", re.IGNORECASE)
_TOLD_BY_NAME = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # name=value, name: value, 'name': 'value', "name":"value", also escaped within a string or a URL
        rf"""((?:{_NAMES}|(?:\b|%3F|%26)session(?==|%3D))(?:\\*["'])?\s*(?:[=:]|%3D)\s*(?:b?\\*["'])?)[^\s"'\\&,;)}}\]]+""",
        r"""(\b(?:bearer|authorization\W{1,8}basic)\s+)[\w.~+/=-]{6,}""",
        r"""(://[^\s/:@]*:)[^\s/@]+(?=@)""",
    )
)


class _Secrets:
    """The secrets this process knows."""

    def __init__(self) -> None:
        self._patterns: dict[str, str] = {}
        self._any: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        self._patterns[secret] = _however_it_is_spelled(secret)
        longest_first = sorted(self._patterns, key=len, reverse=True)
        self._any = re.compile("|".join(self._patterns[secret] for secret in longest_first))

    def mask(self, text: str) -> str:
        return self._any.sub(MASK, text) if self._any else text


_BACKSLASHES = r"(?:\\++|(?i:(?:%(?:25)*5c)+))"
"""A run of backslashes of any length, since each layer of escaping doubles it."""


def _however_it_is_spelled(secret: str) -> str:
    """A pattern for the secret as it is, in a URL, in a repr, in JSON, or in one of these within another."""
    return "".join(
        _BACKSLASHES if letter == "\\" else _letter(letter) * len(list(run)) for letter, run in groupby(secret)
    )


def _letter(letter: str) -> str:
    if letter.isascii() and letter.isalnum():
        return letter
    octets = letter.encode("utf-8", "surrogatepass")
    escapes = {letter, repr(letter)[1:-1], repr(octets)[2:-1], json.dumps(letter)[1:-1]}
    spellings = {r"\\*+".join(re.escape(part) for part in escape.split("\\") if part) for escape in escapes}
    spellings.add("(?i:" + "".join(f"%(?:25)*{octet:02x}" for octet in octets) + ")")
    if letter == " ":
        spellings.add(r"\+")
    return rf"\\*+(?:{'|'.join(sorted(spellings))})"


_secrets = _Secrets()


def hide(secret: str) -> None:
    """Mask this secret from now on, wherever it turns up, in any common spelling."""
    if secret.strip():
        _secrets.add(secret)


def clean(text: str) -> str:
    """The text without secrets."""
    text = _secrets.mask(text)
    for pattern in _TOLD_BY_NAME:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def text_of(value: object) -> str:
    """The value as text; one that cannot be shown is named by its type."""
    try:
        return repr(value) if isinstance(value, bytes) else str(value)
    except Exception:  # noqa: BLE001 - whatever a foreign __str__ raises, the line around it must not be lost
        return f"<{type(value).__name__}>"


def plain(value: object, depth: int = 0) -> Any:
    """The value as clean JSON types, whatever it was."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {
            clean(text_of(key)): MASK if _SECRET_NAME.search(text_of(key)) else plain(item, depth + 1)
            for key, item in value.items()
        }
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth + 1) for item in value]
    return clean(text_of(value))
