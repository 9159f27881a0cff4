"""A JSON file of an element, read, or said in one line what is wrong with it. Nothing of what stands in it is repeated
in an error: it may be a secret."""

import json
from pathlib import Path
from typing import Any


class Unreadable(Exception):
    """The file is no use; its text is one line that names the file and what to do."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        Unreadable: it is missing, cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Unreadable(f"{path}: is missing, write it or remove the folder") from None
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read ({error.strerror}), make it a readable file") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path}: is not UTF-8 text, save it as UTF-8") from None
    return parse_object(path, text)


def parse_object(path: Path, text: str) -> dict[str, Any]:
    """The JSON object in the text of a file.

    Raises:
        Unreadable: it holds something else.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise Unreadable(f"{path}: is no JSON ({where}), correct it") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets nested without end
        raise Unreadable(f"{path}: is no JSON of a reasonable size, correct it") from None
    if not isinstance(value, dict):
        raise Unreadable(f"{path}: must be a JSON object in braces, is {kind_of(value)}")
    return value


def kind_of(value: object) -> str:
    """What a JSON value is, in a person's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
