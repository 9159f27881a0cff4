"""No file outlives its use: dropped, forgotten, cleaned away, closed."""

import asyncio
import os
import time
import uuid
from pathlib import Path

from actors.dingtalk.files import Files
from tests.dingtalk.files.attaching import PNG, MakeFiles, asking, path_of, picture, until
from tests.dingtalk.files.storage import Storage, Stored
from tests.folders import files_in


async def test_dropped_files_are_gone(files: Files, storage: Storage, tmp_path: Path) -> None:
    storage.put("d", Stored())
    question = asking()
    await files.fetch(question)
    await files.drop(question)
    assert files_in(tmp_path) == []


async def test_dropping_ends_a_download(files: Files, storage: Storage, tmp_path: Path) -> None:
    storage.put("d", Stored(bytes(600_000), stall=True, unannounced=True))
    question = asking()
    files.prefetch(question)
    await until(lambda: files_in(tmp_path))
    await files.drop(question)
    assert files_in(tmp_path) == []


async def test_whoever_waits_for_what_is_dropped_gets_nothing(files: Files, storage: Storage) -> None:
    storage.put("d", Stored(stall=True, unannounced=True))
    question = asking()
    waiting = asyncio.create_task(files.fetch(question))
    await storage.until_got()
    await files.drop(question)
    assert await waiting == ()


async def test_files_are_deleted_though_whoever_drops_them_is_stopped(
    files: Files, storage: Storage, tmp_path: Path
) -> None:
    storage.put("d", Stored())
    question = asking()
    await files.fetch(question)
    dropping = asyncio.ensure_future(files.drop(question))
    await asyncio.sleep(0)
    dropping.cancel()
    await asyncio.wait([dropping])
    await files.close()
    assert files_in(tmp_path) == []


async def test_dropping_what_was_never_there_is_fine(files: Files) -> None:
    await files.drop(asking())


async def test_what_was_dropped_can_be_fetched_again(files: Files, storage: Storage) -> None:
    storage.put("d", Stored())
    question = asking()
    await files.fetch(question)
    await files.drop(question)
    (fetched,) = await files.fetch(question)
    assert path_of(fetched).exists()


async def test_files_of_another_question_stay(files: Files, storage: Storage) -> None:
    storage.put("d", Stored())
    (kept,) = await files.fetch(asking())
    gone = asking()
    await files.fetch(gone)
    await files.drop(gone)
    assert path_of(kept).exists()


async def test_what_nobody_asks_for_is_forgotten(make_files: MakeFiles, storage: Storage) -> None:
    files = make_files(keep_for=0.0)
    storage.put("d", Stored(stall=True))
    files.prefetch(asking())
    await until(lambda: not files._held)


async def test_what_somebody_asked_for_stays_until_it_is_dropped(make_files: MakeFiles, storage: Storage) -> None:
    files = make_files(keep_for=0.0)
    storage.put("d", Stored())
    question = asking()
    files.prefetch(question)
    (fetched,) = await files.fetch(question)
    assert path_of(fetched).exists()


def left_behind(files: Files, *, age: float) -> Path:
    """A place with a file in it that a killed process left this many seconds ago."""
    place = files._directory / uuid.uuid4().hex
    place.mkdir(parents=True)
    (place / "left.png").write_bytes(PNG)
    os.utime(place, (time.time() - age,) * 2)
    return place


async def test_what_a_killed_process_left_is_cleaned_away(files: Files) -> None:
    place = left_behind(files, age=7200)
    await files.clean()
    assert not place.exists()


async def test_what_another_process_may_be_using_is_not_cleaned_away(files: Files) -> None:
    place = left_behind(files, age=60)
    await files.clean()
    assert place.exists()


async def test_what_is_in_use_is_not_cleaned_away_however_old(files: Files, storage: Storage) -> None:
    storage.put("d", Stored())
    (fetched,) = await files.fetch(asking())
    os.utime(path_of(fetched).parent, (0, 0))
    await files.clean()
    assert path_of(fetched).exists()


async def test_cleaning_before_there_is_anything_is_fine(files: Files) -> None:
    await files.clean()


async def test_closing_leaves_nothing(files: Files, storage: Storage, tmp_path: Path) -> None:
    storage.put("d", Stored())
    storage.put("slow", Stored(bytes(600_000), stall=True, unannounced=True))
    await files.fetch(asking())
    files.prefetch(asking(picture("slow")))
    await until(lambda: len(files_in(tmp_path)) == 2)
    await files.close()
    assert files_in(tmp_path) == []
