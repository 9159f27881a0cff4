"""The silence that follows a roll, with time in the test's hand."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from actors.sandbox.line import Line
from actors.sandbox.records import Connection


class Timers:
    """What was asked for later; the newest timer can be made to ring."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, Callable[[], object], asyncio.TimerHandle]] = []

    def __call__(self, seconds: float, then: Callable[[], object]) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(0.0, then, (), asyncio.get_running_loop())
        self.asked.append((seconds, then, handle))
        return handle

    @property
    def waiting(self) -> list[float]:
        return [seconds for seconds, _, handle in self.asked if not handle.cancelled()]


class Wire(asyncio.BaseTransport):
    """A transport that remembers whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


def rolled() -> tuple[Line, Timers, Wire]:
    """A line that was told to roll, with 10 s of grace."""
    timers, wire = Timers(), Wire()
    line = Line(Connection("r", "c", frozenset(), 0.0), web.WebSocketResponse(), wire, "http://here", timers)
    line.cut_after_silence(10.0)
    return line, timers, wire


async def test_a_frame_begins_the_silence_anew() -> None:
    line, timers, _ = rolled()
    line.heard()
    line.heard()
    assert timers.waiting == [10.0]
    assert len(timers.asked) == 3


async def test_after_the_silence_tcp_is_closed() -> None:
    _, timers, wire = rolled()
    assert not wire.closed
    timers.asked[-1][1]()
    assert wire.closed


async def test_a_line_that_ended_has_no_timer() -> None:
    line, timers, _ = rolled()
    line.ended()
    assert timers.waiting == []


async def test_a_frame_on_a_line_that_does_not_roll_begins_nothing() -> None:
    timers = Timers()
    Line(Connection("r", "c", frozenset(), 0.0), web.WebSocketResponse(), Wire(), "http://here", timers).heard()
    assert timers.asked == []
