"""Lenient reading of DingTalk's JSON: numbers that come as strings, JSON inside strings, fields that are null or gone.

The law: whatever JSON holds, these functions give the type they promise. What a missing field means is decided by
whoever reads it.
"""

import json
import math
from typing import Any


class Malformed(ValueError):
    """A payload that cannot be used; `field` names what is missing or wrong in it, never its content."""

    def __init__(self, field: str) -> None:
        super().__init__(f"no usable {field}")
        self.field = field


def text(value: object) -> str:
    """A string or a whole number as text, anything else as "".

    NUL and lone surrogates, which JSON can carry but databases and UTF-8 cannot, are replaced.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="replace").decode()
    return ""


def number(value: object) -> float:
    """A finite number, or a string that is one; anything else is 0."""
    if not isinstance(value, int | float | str):
        return 0.0
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return read if math.isfinite(read) else 0.0


def mapping(value: object) -> dict[str, Any]:
    """An object, or a string of JSON that is one; anything else is empty."""
    read = _unwrapped(value)
    return read if isinstance(read, dict) else {}


def items(value: object) -> list[Any]:
    """An array, or a string of JSON that is one; anything else is empty."""
    read = _unwrapped(value)
    return read if isinstance(read, list) else []


def _unwrapped(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
