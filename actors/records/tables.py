"""How records are shown: a table that fits a terminal, or CSV that a spreadsheet opens.

The law: what is shown was written by people in chats, so it is data. It moves no cursor, turns no text around, and is
no formula. Nothing here knows what the records are, nor where they go.
"""

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence

LEAST = 16
"""Columns of a terminal that a text gets at least, however narrow the terminal is."""

_GAP = "  "
_MORE = "…"

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the direction in which a terminal writes."""

_FORMULA = tuple("=+-@\t\r＝＋－＠")
"""What a cell must not begin with: spreadsheets take it for a formula (OWASP, "CSV Injection")."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], columns: int, *, texts: int = 1) -> Iterator[str]:
    """The lines of a table. Its last `texts` columns are texts: they share what the others leave of `columns`, and are
    cut where they are longer; all other cells stand in full."""
    cells = [[one_line(cell) for cell in row] for row in (header, *rows)]
    fixed = len(header) - texts
    widths = [max(width(row[column]) for row in cells) for column in range(len(header))]
    left = columns - sum(widths[:fixed]) - len(_GAP) * (len(header) - 1)
    share = max(LEAST, left // texts)
    widths[fixed:] = [min(wanted, share) for wanted in widths[fixed:]]
    for row in cells:
        padded = (_padded(_cut(cell, room), room) for cell, room in zip(row, widths, strict=True))
        yield _GAP.join(padded).rstrip()


def csv_record(cells: Sequence[str]) -> str:
    """One record of a CSV file, its end included (RFC 4180). A cell that a spreadsheet would take for a formula gets an
    apostrophe before it."""
    record = io.StringIO()
    csv.writer(record).writerow([_harmless(cell) for cell in cells])
    return record.getvalue()


def width(text: str) -> int:
    """How many columns of a terminal a line of text takes: Chinese characters and most emoji take two."""
    return sum(map(_width, text))


def one_line(text: str) -> str:
    """The text on one line, of characters that have a width."""
    return " ".join("".join(map(_plain, text)).split())


def safe(text: str) -> str:
    """The text with its lines, and without what would steer a terminal."""
    return "".join(
        letter
        for letter in text
        if letter in "\n\t" or (unicodedata.category(letter) != "Cc" and letter not in _TURNING)
    )


def _plain(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    if category in {"Cn", "Co", "Cs"}:
        return "\ufffd"  # whatever it may be to others, nobody knows its width
    # Without joiners and variation selectors an emoji falls into its parts, and each of them has a width.
    return "" if category == "Cf" or "\ufe00" <= letter <= "\ufe0f" else letter


def _width(letter: str) -> int:
    if unicodedata.category(letter) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1


def _cut(text: str, room: int) -> str:
    if width(text) <= room:
        return text
    kept, taken = "", width(_MORE)
    for letter in text:
        taken += _width(letter)
        if taken > room:
            break
        kept += letter
    return kept + _MORE


def _padded(text: str, room: int) -> str:
    return text + " " * (room - width(text))


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
