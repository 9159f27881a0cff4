"""Text that is too long for one message, in parts; joined again they are the text.

Sizes are bytes as the text travels: UTF-8 inside JSON.
"""

import bisect
import json


def split(text: str, limit: int) -> list[str]:
    """The text in parts of at most `limit` bytes."""
    parts = []
    while True:
        part, text = cut(text, limit)
        parts.append(part)
        if not text:
            return parts


def cut(text: str, limit: int) -> tuple[str, str]:
    """As much of the text as fits into `limit` bytes, and the rest. The part ends with a line where that leaves it at
    least half full, else between two characters."""
    if _bytes(text) <= limit:
        return text, ""
    fitting = bisect.bisect_right(range(len(text)), limit, key=lambda length: _bytes(text[:length])) - 1
    line_end = text.rfind("\n", fitting // 2, fitting) + 1
    at = line_end or max(1, fitting)
    return text[:at], text[at:]


def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) - 2
