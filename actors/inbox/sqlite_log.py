"""The header of SQLite's write-ahead log: whether the log can be read at all.

The law: SQLite takes a log with a broken header for an empty one, and every question in it would be lost without a
word, so it is looked at before. A header of zeros is what a power failure leaves of a log that was just begun: nothing
was promised by it. Nor by what is torn off at a log's end, which SQLite leaves out.
"""

import struct
from pathlib import Path

_HEADER, _SUMMED = 32, 24
"""Bytes of the header, and how many of them its checksum is of (sqlite.org, "Database File Format", 4.1)."""

_LITTLE, _BIG = 0x377F0682, 0x377F0683
"""The first number of a log says how its checksums read the bytes."""


def is_readable(log_file: Path) -> bool:
    """Whether SQLite will read this log; one that is missing or has nothing in it is read as well."""
    if not log_file.exists():
        return True
    with log_file.open("rb") as file:
        header = file.read(_HEADER)
    if len(header) < _HEADER or not any(header):
        return True
    magic, *_ = struct.unpack(">I", header[:4])
    return magic in {_LITTLE, _BIG} and _checksum(header, magic) == struct.unpack(">2I", header[_SUMMED:])


def _checksum(header: bytes, magic: int) -> tuple[int, int]:
    numbers = struct.unpack(f"{'<' if magic == _LITTLE else '>'}6I", header[:_SUMMED])
    one = other = 0
    for first, second in zip(numbers[::2], numbers[1::2], strict=True):
        one = (one + first + other) & 0xFFFFFFFF
        other = (other + second + one) & 0xFFFFFFFF
    return one, other
