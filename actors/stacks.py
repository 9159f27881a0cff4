"""The stacks of all threads, on stderr, for whoever asks by a signal.

The law: asking is safe at any moment. So the interpreter reads the stacks itself, with no thread running meanwhile:
faulthandler reads them as they change, which ended one service in some thousand dumps by SIGSEGV.
"""

import os
import signal
import sys
import threading
import traceback
from types import FrameType

_TRIES = 20
"""Times that the stacks are gone through at most, until they are the same twice: a thread that has its turn in between
moves on, and a coroutine that is left forgets who called it."""


def print_on(number: signal.Signals) -> None:
    """Print them whenever this signal comes. They name functions and lines of code, no values."""
    signal.signal(number, _print)


def _print(number: int, interrupted: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # who asks again meanwhile is answered by what is printed now
    stacks = _stacks(interrupted)
    for _ in range(_TRIES):
        before, stacks = stacks, _stacks(interrupted)
        if before == stacks:
            break
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    told = ""
    for thread, stack in stacks.items():
        lines = "".join(traceback.StackSummary.extract(iter(stack)).format())
        told += f"Thread {names.get(thread, thread)} (most recent call first):\n{lines}\n"
    # At once and past all buffers: the thread that is interrupted may be printing.
    os.write(sys.stderr.fileno(), told.encode(errors="backslashreplace"))
    signal.signal(number, _print)


def _stacks(interrupted: FrameType | None) -> dict[int, list[tuple[FrameType, int]]]:
    """Frames and lines by the thread's ident; for the thread that asks, those that the signal interrupted."""
    frames = sys._current_frames() | {threading.get_ident(): interrupted}  # noqa: SLF001 - the documented way to them
    return {thread: list(traceback.walk_stack(frame)) for thread, frame in frames.items() if frame is not None}
