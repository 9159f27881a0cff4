"""JSON text as it comes from outside: only what can be told on to everybody, as text that is UTF-8 and valid JSON.

It knows nothing of the sandbox.
"""

import json
import math
from typing import Any

DEEPEST = 100
"""How many objects and lists may stand in one another."""


def read(text: str | bytes) -> Any:
    """What a text spells.

    Raises:
        ValueError: it is not JSON or not UTF-8, is nested too deeply, or has half a character or a number that JSON
            has no word for.
    """
    try:
        value = json.loads(text.decode() if isinstance(text, bytes) else text, parse_constant=_no_number)
    except UnicodeDecodeError as problem:
        raise ValueError("is not UTF-8") from problem
    except json.JSONDecodeError as problem:
        raise ValueError(f"is not JSON: {problem}") from problem
    except RecursionError as problem:
        raise ValueError("is nested too deeply") from problem
    _check(value, DEEPEST)
    return value


def whole(text: str) -> str:
    """A text with a mark in place of each half character, which bytes that are not UTF-8 become in headers."""
    return text.encode(errors="replace").decode()


def _check(value: Any, deeper: int) -> None:
    if deeper < 0:
        raise ValueError("is nested too deeply")
    match value:
        case str() if not value.isascii() and whole(value) != value:
            raise ValueError("has half a character (a lone surrogate)")
        case float() if math.isinf(value):
            raise ValueError("has a number that is too large")
        case list():
            for each in value:
                _check(each, deeper - 1)
        case dict():
            for name, each in value.items():
                _check(name, deeper)
                _check(each, deeper - 1)


def _no_number(name: str) -> None:
    raise ValueError(f"has {name}, which is no number in JSON")
