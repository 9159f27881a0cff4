"""A move that does not come to its end is run again, and nobody serves meanwhile from where it came from, nor later."""

import itertools
import shutil
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.errors import InboxError
from actors.inbox import move as law
from actors.inbox import statements
from actors.inbox.move import End, move
from actors.inbox.sql import Row, Step
from actors.inbox.sqlite_archive import SqliteArchive
from actors.inbox.sqlite_copy import copied
from tests.cluster.stores import Make, Store, begin, command, held_line, lived, nothing, taken_over, until
from tests.contract.stories import LI

pytestmark = pytest.mark.usefixtures("small_pages")


class Killed(BaseException):
    """Ends a move as kill -9 does: nobody tidies up but the store's own transactions."""


class Life:
    """How many steps are left."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1


class Mortal:
    """An end of a move that is killed after so many steps: before or after a statement, or a commit."""

    def __init__(self, end: End, life: Life) -> None:
        self.name, self.hint = end.name, end.hint
        self._end = end
        self._life = life

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        async with self._end.alone():
            yield
            self._life.step()
        self._life.step()

    @asynccontextmanager
    async def beside(self, conversations: Collection[str]) -> AsyncIterator[None]:
        async with self._end.beside(conversations):
            yield
            self._life.step()
        self._life.step()

    async def run(self, step: Step) -> list[Row]:
        self._life.step()
        return await self._end.run(step)

    async def write(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> int:
        self._life.step()
        return await self._end.write(statement, rows)

    async def clean(self) -> None:
        await self._end.clean()

    async def close(self) -> None:
        await self._end.close()


async def killed_after(steps: int, source: Store, target: Store) -> bool:
    """Move, until killed; False if it came to its end before."""
    one, other, life = await source.source(), await target.target(), Life(steps)
    try:
        await move(Mortal(one, life), Mortal(other, life), anew=False, clock=time.time, told=lambda _: None)
    except Killed:
        return True
    finally:
        await one.close()
        await other.close()
    return False


async def test_wherever_it_is_killed_the_second_run_moves_everything_once(
    file: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(law, "_SLICE", 3)
    await lived(file)
    before = taken_over(file.contents())
    template = file.path
    assert template is not None
    for steps in itertools.count():
        source, target = make("sqlite"), make("sqlite")
        shutil.copy(template, str(source.path))
        if not await killed_after(steps, source, target):
            break
        await must_not_be_served_twice(source, target)
        await source.move(target)
        assert (steps, target.contents(), source.contents()) == (steps, before, nothing())
    assert steps > 50


async def must_not_be_served_twice(source: Store, target: Store) -> None:
    """Where something came already, nobody can serve from where it came from."""
    if any(target.contents().values()):
        with pytest.raises(InboxError, match=r"on its way|was moved"):
            await source.open()


async def test_a_database_gets_everything_once_from_a_move_that_is_killed_again_and_again(
    file: Store, database: Store
) -> None:
    await lived(file)
    before = taken_over(file.contents())
    deaths = 0
    while await killed_after(12 + deaths // 4, file, database):
        deaths += 1
    assert deaths > 5
    assert database.contents() == before
    assert file.contents() == nothing()


async def test_who_has_moved_already_is_told_so_and_nothing_happens(file: Store, database: Store) -> None:
    await lived(file)
    await file.move(database)
    before = database.contents()
    assert await file.move(database) is None
    assert database.contents() == before
    assert database.rows("SELECT * FROM arrivals") == []


async def test_a_move_is_run_to_its_end_where_it_began(file: Store, make: Make) -> None:
    first, second = make("sqlite"), make("sqlite")
    await lived(file)
    before = taken_over(file.contents())
    assert await killed_after(40, file, first)
    with pytest.raises(InboxError, match=r"on its way to .*, of which .* knows nothing.*--anew"):
        await file.move(second)
    assert second.contents() == nothing()
    await file.move(second, anew=True)
    assert second.contents() == before


async def test_anew_goes_on_all_the_same_where_something_has_come(file: Store, database: Store) -> None:
    await lived(file)
    before = taken_over(file.contents())
    assert await killed_after(40, file, database)
    await file.move(database, anew=True)
    assert database.contents() == before


async def test_a_move_that_is_killed_goes_on_where_it_was(file: Store, database: Store) -> None:
    await lived(file)
    before = taken_over(file.contents())
    await database.made()
    with held_line(database, LI):
        process = begin("inbox", "move", file.url, database.url)
        await until(lambda: bool(database.contents()["turns"]))
        process.kill()
        process.communicate()
    with pytest.raises(InboxError, match="on its way"):
        await file.open()
    told = command("inbox", "move", file.url, database.url)
    assert told.returncode == 0
    assert database.contents() == before


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_nobody_serves_from_an_inbox_that_was_moved_or_reads_it(make: Make, engine: str) -> None:
    source, target = make(engine), make("sqlite")
    await lived(source)
    await source.move(target)
    with pytest.raises(InboxError, match=rf"was moved to {target.url} on 20.*name that one in INBOX_URL"):
        await source.open()
    told = command("questions", INBOX_URL=source.url)
    assert (told.returncode, "was moved to" in told.stderr) == (2, True)


async def test_half_a_move_is_neither_served_nor_read_nor_copied(file: Store, make: Make, tmp_path: Path) -> None:
    await lived(file)
    assert await killed_after(40, file, make("sqlite"))
    path = file.path
    assert path is not None
    for attempt in (file.open, lambda: SqliteArchive.open(path), lambda: a_copy(path, tmp_path)):
        with pytest.raises(InboxError, match=r"is on its way to sqlite:.*run the command `inbox move` again"):
            await attempt()


async def a_copy(path: Path, folder: Path) -> None:
    with copied(path, folder):
        pass


async def test_former_versions_of_the_service_do_not_serve_from_it_either(
    file: Store, database: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "CREATE TABLE departures" in statements.MIGRATIONS[statements.KNOWS_DEPARTURES - 1][0]
    await lived(file)
    await file.move(database)
    monkeypatch.setattr(statements, "MIGRATIONS", statements.MIGRATIONS[: statements.KNOWS_DEPARTURES - 1])
    with pytest.raises(InboxError, match="run the newer version again"):
        await file.open()


async def test_an_inbox_that_was_left_takes_work_back_and_is_served_again(file: Store, database: Store) -> None:
    await lived(file)
    before = taken_over(file.contents())
    await file.move(database)
    await database.move(file)
    assert file.contents() == before
    with pytest.raises(InboxError, match="was moved to sqlite"):
        await database.open()
    await file.made()
    await file.move(database)
    assert database.contents() == before


async def test_an_inbox_that_is_being_moved_takes_nothing_in(file: Store, make: Make) -> None:
    second, third = make("sqlite"), make("sqlite")
    await lived(file)
    assert await killed_after(40, file, second)
    await third.made()
    with pytest.raises(InboxError, match=rf"TO: the work of {file.url} is on its way to {second.url} itself"):
        await third.move(file)
