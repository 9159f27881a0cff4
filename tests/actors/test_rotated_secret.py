"""A client secret that is changed while the service runs, in a file mounted as Kubernetes does it."""

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.actors.conftest import SECRET, Stage, connected, eventually, staged

NEW = "another-secret"


class Mount:
    """A mounted secret: what is named is a link into a folder, which is itself a link that is swapped at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "mount"
        self._folder.mkdir()
        self._generation = 0
        self.file = self._folder / "client-secret"
        self.file.symlink_to("..data/client-secret")

    def keep(self, secret: str) -> None:
        """From now on the file holds this."""
        self._generation += 1
        data = self._folder / f"..{self._generation}"
        data.mkdir()
        (data / "client-secret").write_text(f"{secret}\n", encoding="utf-8")
        (self._folder / "..next").symlink_to(data.name)
        os.replace(self._folder / "..next", self._folder / "..data")  # noqa: PTH105 - the call that Kubernetes makes


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    mount = Mount(tmp_path)
    mount.keep(SECRET)
    return mount


@pytest.fixture
async def stage(tmp_path: Path, mount: Mount) -> AsyncIterator[Stage]:
    """A robot with its secret in a file, connected."""
    async with staged(tmp_path, DINGTALK_CLIENT_SECRET="", DINGTALK_CLIENT_SECRET_FILE=str(mount.file)) as stage:
        await connected(stage)
        yield stage


def change(stage: Stage) -> None:
    """Give the robot another secret in DingTalk's console."""
    stage.sandbox._world.robots[stage.robot] = NEW


async def test_a_connection_that_is_refused_comes_back_with_the_new_secret(stage: Stage, mount: Mount) -> None:
    change(stage)
    mount.keep(NEW)
    stage.sandbox.abort(stage.robot)
    await stage.sandbox.until(lambda: len(stage.sandbox.connections) == 2)
    await connected(stage)
    await stage.ask("你好")
    (card,) = await stage.finished()
    assert card.text == "您说：你好"
    assert await stage.metric('dingtalk_stream_restarts_total{reason="refused",{robot}}') == 0


async def test_a_token_that_is_refused_is_replaced_by_the_new_secret(stage: Stage, mount: Mount) -> None:
    await stage.ask("一")
    await stage.finished()
    change(stage)
    mount.keep(NEW)
    stage.sandbox.expire_tokens()
    await stage.ask("二")
    cards = await stage.finished(2)
    assert cards[-1].text == "您说：二"
    assert len(stage.sandbox.connections) == 1


async def test_a_file_that_is_changed_late_is_found_in_the_end(stage: Stage, mount: Mount) -> None:
    change(stage)
    stage.sandbox.abort(stage.robot)

    async def refused() -> bool:
        return await stage.metric('dingtalk_stream_restarts_total{reason="refused",{robot}}') >= 2

    await eventually(refused)
    mount.keep(NEW)
    await connected(stage)


async def test_the_new_secret_is_told_of_once_and_neither_is_ever_logged(
    stage: Stage, mount: Mount, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    change(stage)
    mount.keep(NEW)
    stage.sandbox.expire_tokens()
    stage.sandbox.abort(stage.robot)
    await stage.sandbox.until(lambda: len(stage.sandbox.connections) == 2)
    await stage.ask("你好")
    await stage.finished()
    actions = [getattr(record, "action", "") for record in caplog.records]
    assert actions.count("secret_reread") == 1
    logged = "\n".join(str(vars(record)) + record.getMessage() for record in caplog.records)
    assert not any(secret in logged for secret in (SECRET, NEW))
