"""What must not be said: the known secrets in any spelling, and whatever stands behind a secret's name.

The secrets that this process knows are told to `hide`; tokens and tickets that it meets on its way are known by the
names before them. This file knows nothing of logging: whatever leaves the process as text can be cleaned here.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

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


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")


_SPELLINGS: tuple[Callable[[str], str], ...] = (
    _quoted,
    lambda text: re.sub("%..", lambda escape: escape[0].lower(), _quoted(text)),
    lambda text: quote_plus(text, errors="surrogateescape"),
    lambda text: repr(text)[1:-1],
    lambda text: repr(text.encode("utf-8", "surrogateescape"))[2:-1],
    lambda text: json.dumps(text)[1:-1],
)


class _Secrets:
    """The secrets this process knows, in every spelling that a line may have them in."""

    def __init__(self) -> None:
        self._spellings: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        spellings = {secret}
        for _ in range(2):  # a spelling of a spelling: JSON within a repr, a URL within a URL
            spellings |= {spell(text) for text in spellings for spell in _SPELLINGS}
        self._spellings |= spellings
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def mask(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text


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
