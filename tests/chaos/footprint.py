"""What a process holds: memory, threads, sockets and file descriptors, as the kernel counts them, and whether it is
back at its level once a fault is over.

Nothing here asks the process itself, so it costs it nothing and works for one that answers no more. Tasks are no
business of the kernel: what is left of them shows as memory, and `tests/chaos/test_leftovers.py` counts them.
"""

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.conftest import Place, Running

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Footprint:
    """What a process holds at one moment; `memory` is its resident set in bytes. Sockets are descriptors too."""

    memory: int
    threads: int
    sockets: int
    descriptors: int


MORE = Footprint(memory=16_000_000, threads=6, sockets=4, descriptors=8)
"""How much more than before a process may hold, and be back at its level.

Memory: what the allocator keeps of a burst without giving it back; a loaded module and a grown cache cost less.
Threads: asyncio's workers, which start when one is first needed and stay: the number of processors and four. Sockets:
for each robot one connection to the API that is kept for the next call. Descriptors: those sockets, and the inbox's
files, which SQLite opens again under a new number after its log was moved.
"""


def footprint(running: Running) -> Footprint:
    """What a process holds now.

    Raises:
        FileNotFoundError: it has ended.
    """
    process = Path(f"/proc/{running.process.pid}")
    pages = int((process / "statm").read_text().split()[1])
    threads = sum(1 for _ in (process / "task").iterdir())
    targets = []
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            targets.append(str(descriptor.readlink()))
    sockets = sum(target.startswith("socket:") for target in targets)
    return Footprint(pages * PAGE, threads, sockets, len(targets))


def cpu_seconds(running: Running) -> float:
    """The processor time that a process has used.

    Raises:
        FileNotFoundError: it has ended.
    """
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def above(now: Footprint, before: Footprint, more: Footprint = MORE) -> list[str]:
    """What a process holds too much of, in words; nothing if it is back at its level."""
    return [
        f"{name}: {getattr(before, name)} before, {getattr(now, name)} now"
        for name in Footprint.__dataclass_fields__
        if getattr(now, name) > getattr(before, name) + getattr(more, name)
    ]


async def returned(
    place: Place, running: Running, before: Footprint, *, more: Footprint = MORE, within: float = 60.0
) -> Footprint:
    """Wait until a process that went through a fault is back at its level, and connected; returns what it holds then.

    `before` is taken of the same process, or of one that was started alike, after its first answer: until then it loads
    what it needs. Conversations and idle connections go in their own time, so let `CONVERSATION_IDLE` be short.

    Raises:
        AssertionError: it is not within so many seconds; says what is too much.
    """
    await place.sandbox.until(lambda: all(map(place.sandbox.online, place.robots.values())), within)
    deadline = time.monotonic() + within
    while (too_much := above(footprint(running), before, more)) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    assert not too_much, too_much
    return footprint(running)
