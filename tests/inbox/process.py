"""Processes that a test starts, watches and kills: `python -m tests.inbox.process PART PATH`."""

import asyncio
import itertools
import os
import resource
import sys
from pathlib import Path

from actors.errors import InboxError, InboxUnavailable
from actors.inbox.port import Put
from actors.inbox.sqlite import SqliteInbox
from tests.contract.stories import DEDUPE_WINDOW, LEASE, RETENTION, Clock, question, take


async def open_inbox(path: Path) -> SqliteInbox:
    return await SqliteInbox.open(path, lease=LEASE, dedupe_window=DEDUPE_WINDOW, retention=RETENTION, clock=Clock())


def say(*words: object) -> None:
    print(*words, flush=True)


async def ask(path: Path) -> None:
    """Sixteen customers ask without end; each question is named once its put has returned."""
    inbox = await open_inbox(path)
    numbers = itertools.count()

    async def customer() -> None:
        for number in numbers:
            await inbox.put(question(f"m{number}"), limit=sys.maxsize)
            say(f"m{number}")

    await asyncio.gather(*(customer() for _ in range(16)))


async def hold(path: Path) -> None:
    """Takes a question and works on it for ever."""
    inbox = await open_inbox(path)
    await inbox.put(question("m1"), limit=8)
    await inbox.put(question("m2"), limit=8)
    delivery = await take(inbox)
    await delivery.answered("明天到")
    say("held")
    await asyncio.Event().wait()


async def run_out_of_disk(path: Path) -> None:
    """Stores until files may not grow any more, then gets room, and says what it was told about each question."""
    inbox = await open_inbox(path)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    for number in itertools.count():
        try:
            put = await inbox.put(question(f"m{number}", text="长" * 5_000), limit=sys.maxsize)
        except InboxUnavailable:
            say("refused", f"m{number}")
            break
        assert put is Put.NEW
        say("stored", f"m{number}")
    together = await asyncio.gather(
        *(inbox.put(question(f"n{number}", text="长" * 5_000), limit=sys.maxsize) for number in range(20)),
        return_exceptions=True,
    )
    say("together", *{type(result).__name__ for result in together})
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    say("healthy", await inbox.healthy())
    say("stored", "room", await inbox.put(question("room"), limit=sys.maxsize))
    await inbox.close()


async def open_read_only(path: Path) -> None:
    """Opens as a user who may not write there."""
    if os.geteuid() == 0:
        os.seteuid(65_534)
    try:
        await open_inbox(path)
    except InboxError as error:
        say(error)


PARTS = {"ask": ask, "hold": hold, "run_out_of_disk": run_out_of_disk, "open_read_only": open_read_only}

if __name__ == "__main__":
    asyncio.run(PARTS[sys.argv[1]](Path(sys.argv[2])))
