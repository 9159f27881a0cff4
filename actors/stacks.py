"""The stacks of all threads, on stderr, for whoever asks by a signal.

The law: asking is safe at any moment. So the interpreter reads the stacks itself: faulthandler reads them while they
change, which ended one service in some thousand dumps by SIGSEGV. The price: a thread that keeps the interpreter to
itself, in compiled code that never lets go, keeps its stack as well. A profiler from outside, such as py-spy, shows it.
"""

import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from types import FrameType
from typing import TypeAlias

_TRIES = 20
"""Times that the stacks are gone through at most, until they are the same twice: a thread that has its turn in between
moves on, and a coroutine that is left forgets who called it."""

_STDERR = 2

_Stacks: TypeAlias = dict[int, list[tuple[FrameType, int]]]
"""Frames and lines, the innermost first, by the thread's ident."""


def print_on(number: signal.Signals) -> None:
    """Print them whenever this signal comes. They name functions and lines, no values."""
    printing = False

    def asked(_: int, interrupted: FrameType | None) -> None:
        nonlocal printing
        if not printing:  # else what is printed now answers it
            printing = True
            try:
                _print(_told(_steady(interrupted)))
            finally:
                printing = False

    signal.signal(number, asked)


def _steady(interrupted: FrameType | None) -> _Stacks:
    stacks = _read(interrupted)
    for _ in range(_TRIES):
        before, stacks = stacks, _read(interrupted)
        if before == stacks:
            break
    return stacks


def _read(interrupted: FrameType | None) -> _Stacks:
    """The stacks as they are; for the thread that asks, the one that the signal interrupted."""
    frames = sys._current_frames() | {threading.get_ident(): interrupted}  # noqa: SLF001 - the documented way to them
    return {thread: list(traceback.walk_stack(frame)) for thread, frame in frames.items() if frame is not None}


def _told(stacks: _Stacks) -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    lines = []
    for thread, stack in stacks.items():
        lines.append(f"Thread {names.get(thread, thread)} (most recent call first):")
        for frame, line in stack:
            lines.append(f'  File "{frame.f_code.co_filename}", line {line} in {frame.f_code.co_name}')
        lines.append("")
    return "\n".join((*lines, ""))


def _print(told: str) -> None:
    """Past all buffers: the thread that is interrupted may be printing. Where nobody reads, nothing is missed."""
    rest = told.encode(errors="backslashreplace")
    with suppress(OSError):
        while rest:
            rest = rest[os.write(_STDERR, rest) :]
