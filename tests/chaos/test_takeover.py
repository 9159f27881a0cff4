"""A process and its folder of robots, mounted as Kubernetes does it: what is swapped beneath it is taken over."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.actors.conftest import eventually
from tests.chaos.conftest import SECRET, Place, Running
from tests.jaap.trees import plant


class Mount:
    """A mounted folder: each name in it is a link into `..data`, which is itself a link that is swapped at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._generation = 0
        path.mkdir()
        (path / "imRobots").symlink_to("..data/imRobots")

    def hold(self, robots: dict[str, Any]) -> None:
        """From now on this is in it."""
        self._generation += 1
        data = self.path / f"..{self._generation}"
        plant(data, robots)
        (self.path / "..next").symlink_to(data.name)
        os.replace(self.path / "..next", self.path / "..data")  # noqa: PTH105 - the call that Kubernetes makes
        for old in self.path.glob("..[0-9]*"):
            if old != data:
                shutil.rmtree(old)


def config(robot: str, **keys: Any) -> dict[str, Any]:
    return {"clientId": robot, "clientSecret": "{{ROBOTS_SECRET}}"} | keys


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    return Mount(tmp_path / "mount")


async def serve(place: Place, mount: Mount) -> Running:
    own = {"DINGTALK_CLIENT_ID": "", "DINGTALK_CLIENT_SECRET": ""}
    return await place.serve(**own, ROBOTS_DIR=str(mount.path), ROBOTS_SECRET=SECRET)


def said(running: Running) -> list[tuple[str, str]]:
    """What was done about robots, in order."""
    lines = [json.loads(line) for line in running.output]
    return [(line["action"], line["robot"]) for line in lines if str(line["action"]).startswith("robot_")]


async def until(condition: Callable[[], object]) -> None:
    async def is_so() -> bool:
        return bool(condition())

    await eventually(is_so, timeout=60)


async def test_what_is_swapped_in_a_mounted_folder_is_taken_over_and_survives_a_kill(
    place: Place, mount: Mount
) -> None:
    sandbox, first = place.sandbox, place.robot
    second = f"{first}-2"
    sandbox._world.robots[second] = SECRET
    mount.hold({"one": config(first)})
    running = await serve(place, mount)
    mount.hold({"one": config(first), "two": config(second)})
    await until(lambda: sandbox.online(second))
    mount.hold({"one": config(first), "two": config(second, AGENT_TIMEOUT=77)})
    await until(lambda: ("robot_changed", second) in said(running))
    running.kill()
    await running.ended()
    again = await serve(place, mount)
    await until(lambda: sandbox.online(second))
    mount.hold({"one": config(first)})
    await until(lambda: not sandbox.online(second))
    assert said(running) == [("robot_added", second), ("robot_changed", second)]
    assert said(again) == [("robot_removed", second)]
    live = [connection for connection in sandbox.connections if connection.robot == first and connection.live]
    assert len([connection for connection in sandbox.connections if connection.robot == first]) == 2  # one a process
    assert len(live) == 1


async def test_a_swap_that_changes_nothing_is_no_change_and_a_broken_one_is_told_once(
    place: Place, mount: Mount
) -> None:
    mount.hold({"one": config(place.robot)})
    running = await serve(place, mount)
    mount.hold({"one": config(place.robot)})
    mount.hold({"one": config(place.robot, clientSecret="{{NOBODY}}")})
    await until(lambda: ("robot_outdated", place.robot) in said(running))
    mount.hold({"one": config(place.robot)})
    await until(lambda: ("robot_mended", place.robot) in said(running))
    assert said(running) == [("robot_outdated", place.robot), ("robot_mended", place.robot)]
    assert len(place.sandbox.connections) == 1
    assert SECRET not in "".join(running.output)
