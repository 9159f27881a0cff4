"""Streams are read as the WHATWG's standard has it, wherever the network cuts the bytes."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.agents import streams
from actors.agents.streams import LIFE, JsonLines, ServerEvent, ServerEvents, TooLong


def read(*parts: bytes) -> list[ServerEvent]:
    reader = ServerEvents()
    return [event for part in parts for event in reader.feed(part)]


CASES = {
    "one event": ("data: a\n\n", [ServerEvent("a")]),
    "without a blank": ("data:a\n\n", [ServerEvent("a")]),
    "two blanks": ("data:  a\n\n", [ServerEvent(" a")]),
    "several lines": ("data: YHOO\ndata: +2\ndata: 10\n\n", [ServerEvent("YHOO\n+2\n10")]),
    "an empty line of data": ("data: a\ndata:\ndata: b\n\n", [ServerEvent("a\n\nb")]),
    "only empty lines of data": ("data\ndata\n\n", [ServerEvent("\n")]),
    "an empty event": ("data\n\n", [ServerEvent("")]),
    "a name": ("event: ping\ndata: a\n\n", [ServerEvent("a", "ping")]),
    "a name is of one event only": (
        "event: ping\ndata: a\n\ndata: b\n\n",
        [ServerEvent("a", "ping"), ServerEvent("b")],
    ),
    "a name after the data": ("data: a\nevent: ping\n\n", [ServerEvent("a", "ping")]),
    "a name without data": ("event: ping\n\n", [ServerEvent("", "ping")]),
    "a comment": (": keep-alive\n\n", [LIFE]),
    "a comment in mid event": ("data: a\n: x\ndata: b\n\n", [LIFE, ServerEvent("a\nb")]),
    "an id and a pause": ("id: 1\nretry: 10\ndata: a\n\n", [ServerEvent("a")]),
    "an unknown field": ("daten: a\ndata: b\n\n", [ServerEvent("b")]),
    "a colon in the data": ("data: a: b\n\n", [ServerEvent("a: b")]),
    "carriage returns": ("data: a\r\rdata: b\r\r", [ServerEvent("a"), ServerEvent("b")]),
    "both": ("data: a\r\n\r\ndata: b\r\n\r\n", [ServerEvent("a"), ServerEvent("b")]),
    "a mixture": ("data: a\r\ndata: b\n\rdata: c\r\n\n", [ServerEvent("a\nb"), ServerEvent("c")]),
    "a byte order mark": ("\ufeffdata: a\n\n", [ServerEvent("a")]),
    "separators that end no line": (
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\n\n",
        [ServerEvent("a\u2028b\u2029c\u0085d\x0be\x0cf")],
    ),
    "an event without its blank line": ("data: a\n\ndata: b\n", [ServerEvent("a")]),
    "Chinese": ("data: 你好\n\n", [ServerEvent("你好")]),
    "nothing between blank lines": ("\n\n\n", []),
}


@pytest.mark.parametrize(("text", "events"), CASES.values(), ids=CASES)
def test_an_event_is_what_the_standard_says(text: str, events: list[ServerEvent]) -> None:
    assert read(text.encode()) == events


@pytest.mark.parametrize(("text", "events"), CASES.values(), ids=CASES)
def test_it_makes_no_difference_where_the_bytes_are_cut(text: str, events: list[ServerEvent]) -> None:
    assert read(*(bytes([byte]) for byte in text.encode())) == events


@given(st.lists(st.sampled_from(["data: a", "data", "event: b", ": c", "", "x", "\r", "\n", "\r\n"])), st.data())
def test_whatever_is_sent_the_cuts_make_no_difference(parts: list[str], data: st.DataObject) -> None:
    sent = "\n".join(parts).encode()
    at = sorted(data.draw(st.lists(st.integers(0, len(sent)))))
    assert read(*(sent[start:end] for start, end in zip([0, *at], [*at, len(sent)], strict=True))) == read(sent)


def test_bytes_that_are_no_utf_8_are_told_as_such() -> None:
    assert read(b"data: \xff\n\n") == [ServerEvent("\ufffd")]


def endless(reader: ServerEvents | JsonLines, line: bytes) -> Iterator[ServerEvent]:
    while True:
        yield from reader.feed(line)


@pytest.mark.parametrize("line", [b"data: aaaaaaaaaa\n", b"data: aaaaaaaaaaaa"])
def test_an_event_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    monkeypatch.setattr(streams, "LONGEST", 100)
    with pytest.raises(TooLong):
        list(endless(ServerEvents(), line))


def test_lines_of_json_are_events_though_the_last_has_no_end() -> None:
    reader = JsonLines()
    sent = '{"a": "x\u2028y"}\r\n\n{"b": 1}'
    events = [*reader.feed(sent[:5].encode()), *reader.feed(sent[5:].encode()), *reader.end()]
    assert [json.loads(event.data) for event in events if event.data] == [{"a": "x\u2028y"}, {"b": 1}]


def test_a_blank_line_between_lines_of_json_is_a_sign_of_life() -> None:
    assert list(JsonLines().feed(b"\n")) == [ServerEvent("")]
