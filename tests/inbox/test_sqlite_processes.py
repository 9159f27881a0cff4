"""The inbox file between real processes: kill -9, a second process, a full disk, a folder that may not be written."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from actors.errors import InboxError
from actors.inbox.port import Put
from tests.contract.stories import SHOP, question, take
from tests.inbox.conftest import OpenFile

Start = Callable[[str, Path], Awaitable[Process]]

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a part of `process.py`; what is still alive after the test is killed."""
    processes: list[Process] = []

    async def start_part(part: str, path: Path) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.inbox.process", part, str(path), cwd=ROOT, stdout=PIPE
        )
        processes.append(process)
        return process

    yield start_part
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: Process) -> str:
    """The next line that a process says."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()


async def kill(process: Process) -> list[str]:
    """kill -9; returns the whole lines that it had said but nobody had read."""
    process.send_signal(signal.SIGKILL)
    said, _ = await process.communicate()
    return said.decode().split("\n")[:-1]


async def test_every_question_whose_put_returned_survives_a_kill(start: Start, open_file: OpenFile, path: Path) -> None:
    process = await start("ask", path)
    stored = [await line(process) for _ in range(300)]
    stored += await kill(process)
    inbox = await open_file(path)
    repeats = await asyncio.gather(*(inbox.put(question(name), limit=sys.maxsize) for name in stored))
    assert set(repeats) == {Put.DUPLICATE}


async def test_a_killed_holders_question_is_given_again_at_once_with_one_death(
    start: Start, open_file: OpenFile, path: Path
) -> None:
    process = await start("hold", path)
    assert await line(process) == "held"
    await kill(process)
    delivery = await take(await open_file(path))
    assert (delivery.question.message_id, delivery.attempt, delivery.deaths) == ("m1", 2, 1)


async def test_a_killed_holders_answer_is_there(start: Start, open_file: OpenFile, path: Path) -> None:
    process = await start("hold", path)
    assert await line(process) == "held"
    await kill(process)
    delivery = await take(await open_file(path))
    assert delivery.answer == "明天到"


async def test_a_start_that_takes_nothing_counts_no_second_death(start: Start, open_file: OpenFile, path: Path) -> None:
    process = await start("hold", path)
    assert await line(process) == "held"
    await kill(process)
    await (await open_file(path)).close()
    delivery = await take(await open_file(path))
    assert delivery.deaths == 1


async def test_a_second_process_is_refused_while_the_first_lives(start: Start, open_file: OpenFile, path: Path) -> None:
    process = await start("hold", path)
    assert await line(process) == "held"
    with pytest.raises(InboxError, match="in use by another process"):
        await open_file(path)


async def test_a_full_disk_refuses_and_what_was_stored_is_there(start: Start, open_file: OpenFile, path: Path) -> None:
    process = await start("run_out_of_disk", path)
    said, _ = await process.communicate()
    lines = [words.split() for words in said.decode().splitlines()]
    inbox = await open_file(path)
    stored = [words[1] for words in lines if words[0] == "stored"]
    refused = [words[1] for words in lines if words[0] == "refused"]
    assert len(stored) > 1
    assert [await inbox.put(question(name), limit=sys.maxsize) for name in stored] == [Put.DUPLICATE] * len(stored)
    assert [await inbox.put(question(name), limit=sys.maxsize) for name in refused] == [Put.NEW]


async def test_a_full_disk_refuses_a_whole_batch_and_the_next_one_goes_through(start: Start, path: Path) -> None:
    process = await start("run_out_of_disk", path)
    said, _ = await process.communicate()
    assert said.decode().splitlines()[-3:] == ["together InboxUnavailable", "healthy True", "stored room new"]


async def test_a_folder_that_may_not_be_written_is_refused_by_name(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    process = await start("open_read_only", folder / "inbox.db")
    said = await line(process)
    assert f"{folder / 'inbox.db'} cannot be used" in said
    assert "Permission denied" in said


async def test_many_questions_of_a_killed_process_are_all_work(start: Start, open_file: OpenFile, path: Path) -> None:
    process = await start("ask", path)
    for _ in range(100):
        await line(process)
    await kill(process)
    assert (await (await open_file(path)).pending())[SHOP] >= 100
