"""The service as it is, with two strings on it: `python -m tests.chaos.puppet` takes the place of `actors run`.

One string holds a question in a moment inside the process that DingTalk does not see. The first word of its message id
says in which, as in `before-done/1`: before or after which promise of the inbox. Who is held is written to a file, and
goes on when the other file is there. The other string turns the wall clock, and it alone, by seconds.
"""

import asyncio
import mmap
import os
import runpy
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

PUPPET = (sys.executable, "-m", "tests.chaos.puppet")
"""The command."""

STRINGS = "PUPPET_STRINGS"
"""The variable that names the folder of the strings; in it the files HELD, GO and CLOCK."""

HELD, GO, CLOCK = "held", "go", "clock"

MOMENTS = (
    *("before-put", "after-put", "after-take"),
    *("before-answered", "after-answered", "before-done", "after-done"),
)
"""What a message id may begin with."""


def turn_clock(folder: Path, seconds: float) -> None:
    """Have the wall clock of a service go so much too fast from now on."""
    with (folder / CLOCK).open("r+b") as file:
        file.write(struct.pack("d", seconds))


def let_go(folder: Path) -> None:
    """Whoever is held goes on, and nobody is held any more."""
    (folder / GO).touch()


def held(folder: Path) -> set[str]:
    """The message ids of those who are held."""
    return set((folder / HELD).read_text("utf-8").splitlines())


def strings(folder: Path) -> dict[str, str]:
    """Make the strings in a folder; returns the settings of a puppet on them."""
    (folder / HELD).touch()
    (folder / CLOCK).write_bytes(struct.pack("d", 0.0))
    return {STRINGS: str(folder)}


def _tie_clock(folder: Path) -> None:
    """Before anything of the service is imported: it takes `time.time` by name."""
    right = time.time
    with (folder / CLOCK).open("rb") as file:
        shift = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    time.time = lambda: right() + struct.unpack("d", shift[:8])[0]


def _tie_moments(folder: Path) -> None:
    from actors.inbox.sql import SqlDelivery, SqlInbox  # not before the clock is tied

    async def stay(moment: str, message_id: str) -> None:
        if message_id.startswith(f"{moment}/") and not (folder / GO).exists():
            with (folder / HELD).open("a", encoding="utf-8") as file:
                file.write(message_id + "\n")
            while not (folder / GO).exists():  # noqa: ASYNC110 - a file tells no events
                await asyncio.sleep(0.02)

    def tie(owner: type, name: str, message_id: Callable[..., str]) -> None:
        genuine: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def tied(*arguments: Any, **named: Any) -> Any:
            await stay(f"before-{name}", message_id(*arguments))
            result = await genuine(*arguments, **named)
            await stay(f"after-{name}", message_id(*arguments, result))
            return result

        setattr(owner, name, tied)

    tie(SqlInbox, "put", lambda _, question, *__: str(question.message_id))
    tie(SqlInbox, "take", lambda *seen: seen[2].question.message_id if len(seen) > 2 and seen[2] else "")
    tie(SqlDelivery, "answered", lambda delivery, *_: str(delivery.question.message_id))
    tie(SqlDelivery, "done", lambda delivery, *_: str(delivery.question.message_id))


if __name__ == "__main__":
    _folder = Path(os.environ[STRINGS])
    _tie_clock(_folder)
    _tie_moments(_folder)
    sys.argv[1:] = ["run"]
    runpy.run_module("actors", run_name="__main__", alter_sys=True)
