"""Text that is too long for one message, in parts; joined again they are the text.

Sizes are bytes as the text travels: UTF-8 inside JSON. Where a cut falls into code, `fenced` makes each part read as it
should, at the price of a few bytes.
"""

import bisect
import json
from collections.abc import Iterable, Iterator

_ENDS = ("\n", "。！？；", " ")
"""Where a text is best cut: after a line, else after a sentence, else after a word."""

_FENCE = 3
_LONGEST_OPENER = 40


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


def fenced(parts: Iterable[str]) -> Iterator[str]:
    """The parts of a Markdown text whose code stands in fences of backticks at the margin, each with its fences whole:
    what one part leaves open is closed at its end and opened again in the next."""
    fence = ""
    for part in parts:
        whole = f"{fence}\n{part}" if fence else part
        fence = _open_fence(whole)
        closing = "" if whole.endswith("\n") else "\n"
        yield f"{whole}{closing}{_ticks(fence)}" if fence else whole


def _open_fence(text: str) -> str:
    """The line that opens the code which `text` does not close, without a long tail; "" if there is none."""
    fence = ""
    for line in text.split("\n"):
        ticks = _ticks(line)
        if len(ticks) >= _FENCE and not fence:
            fence = line[:_LONGEST_OPENER]
        elif fence and len(ticks) >= len(_ticks(fence)) and line.strip() == ticks:
            fence = ""
    return fence


def _ticks(line: str) -> str:
    return line[: len(line) - len(line.lstrip("`"))]


def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) - 2
