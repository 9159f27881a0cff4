"""Text that is too long for one message, in parts; joined again they are the text.

Sizes are bytes as the text travels: UTF-8 inside JSON.
"""

import bisect
import json

_ENDS = ("\n", "。！？；", " ")
"""Where a text is best cut: after a line, else after a sentence, else after a word."""


def split(text: str, limit: int) -> list[str]:
    """The text in parts of at most `limit` bytes."""
    parts = []
    while True:
        part, text = cut(text, limit)
        parts.append(part)
        if not text:
            return parts


def cut(text: str, limit: int) -> tuple[str, str]:
    """As much of the text as fits into `limit` bytes, and the rest. The part ends with a line, a sentence or a word if
    that leaves it at least half full, else between two characters."""
    if _bytes(text) <= limit:
        return text, ""
    fitting = bisect.bisect_right(range(len(text)), limit, key=lambda length: _bytes(text[:length])) - 1
    ends = (max(text.rfind(mark, fitting // 2, fitting) for mark in marks) + 1 for marks in _ENDS)
    at = next(filter(None, ends), max(1, fitting))
    return text[:at], text[at:]


def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) - 2
