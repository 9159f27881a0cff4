"""Reading what a back end streams: server-sent events, and lines of JSON. Bytes in, events out.

The law: an event is what the WHATWG's standard says it is (html.spec.whatwg.org, "Server-sent events"), wherever the
network cuts the bytes: lines end with LF, CR or CRLF and with nothing else, for U+2028 and U+0085 are text. A comment,
or an event without data, is a sign of life and is told as one. What an event means is its adapter's.
"""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from actors.core.frozen import frozen

LONGEST = 4_000_000
"""Characters of one event, or of one line; a stream that never ends either would fill the memory."""


class TooLong(ValueError):
    """One event, or one line, is longer than any that makes sense."""


@frozen
class ServerEvent:
    """One event. `data` is empty for a mere sign of life, of whichever `name`."""

    data: str
    name: str = "message"


LIFE = ServerEvent("", "comment")
"""A comment."""


class Lines:
    """Cuts a stream of UTF-8 bytes into lines, as the standard does."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest: list[str] = []
        self._length = 0
        self._after_cr = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that these bytes complete, without their ends.

        Raises:
            TooLong: a line does not end.
        """
        text = self._decoder.decode(data)
        if self._after_cr and text:
            text = text.removeprefix("\n")
            self._after_cr = False
        self._after_cr = self._after_cr or text.endswith("\r")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        first, *lines = text.split("\n")
        self._keep(first)
        if not lines:
            return []
        last = lines.pop()
        lines.insert(0, self._whole())
        self._keep(last)
        return lines

    def end(self) -> str:
        """What came after the last line's end."""
        self._keep(self._decoder.decode(b"", final=True))
        return self._whole()

    def _keep(self, part: str) -> None:
        self._length += len(part)
        if self._length > LONGEST:
            raise TooLong(f"a line has more than {LONGEST:,} characters")
        self._rest.append(part)

    def _whole(self) -> str:
        line = "".join(self._rest)
        self._rest, self._length = [], 0
        return line


@dataclass
class ServerEvents:
    """Reads server-sent events. An event that no blank line ends is dropped, as the standard has it."""

    _lines: Lines = field(default_factory=Lines)
    _name: str = ""
    _data: list[str] = field(default_factory=list)
    _length: int = 0

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """The events that these bytes complete.

        Raises:
            TooLong: an event does not end.
        """
        for line in self._lines.feed(data):
            if line.startswith("data: "):
                self._take(line[6:])
            elif line:
                if self._read(line):
                    yield LIFE
            elif self._name or self._data:
                yield self._dispatch()

    def _take(self, value: str) -> None:
        self._length += len(value) + 1
        if self._length > LONGEST:
            raise TooLong(f"an event has more than {LONGEST:,} characters")
        self._data.append(value)

    def _read(self, line: str) -> bool:
        """Take a line of any kind; whether it is a comment."""
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._take(value)
        return bool(colon) and not name

    def _dispatch(self) -> ServerEvent:
        event = ServerEvent("\n".join(self._data), self._name or "message")
        self._name, self._data, self._length = "", [], 0
        return event


def parsed(data: str) -> Any:
    """The JSON that an event holds; None where it holds none.

    pydantic's reader takes half the time of `json`, which is most of what a piece costs; but it takes no half of a
    surrogate pair, as servers write one whose pieces are cut there.
    """
    try:
        return from_json(data)
    except ValueError:
        return _parsed_by_the_book(data)


def _parsed_by_the_book(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


@dataclass
class JsonLines:
    """Reads lines of JSON as events named `message`; a blank line is a sign of life."""

    _lines: Lines = field(default_factory=Lines)

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """The lines that these bytes complete.

        Raises:
            TooLong: a line does not end.
        """
        for line in self._lines.feed(data):
            yield ServerEvent(line.strip())

    def end(self) -> Iterator[ServerEvent]:
        """The last line, which may have no end."""
        if last := self._lines.end().strip():
            yield ServerEvent(last)
