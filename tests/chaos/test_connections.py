"""Whatever happens to a Stream connection, every promise is kept, the robot is ready again within 5 s of the fault's
end and the backoff in force, and the gateway is never asked more often than the settings promise.

Each fault has a robot of its own; all robots are served by one process.
"""

import asyncio
import json
import signal
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.actors.conftest import eventually
from tests.chaos.conftest import THOROUGH, Place, Running, placed, some
from tests.chaos.connections import QUICK, SLOW, Fault, Scene
from tests.chaos.promises import SETTINGS, Allowed, kept

LONGEST = 1.0
BACKOFF = {"STREAM_RETRY_INITIAL": "0.1", "STREAM_RETRY_MULTIPLIER": "2", "STREAM_RETRY_MAX": f"{LONGEST}"}
READY_WITHIN = 5.0
"""Seconds after a fault's end and the backoff in force."""

FAULTS: dict[str, tuple[Mapping[str, Fault], dict[str, str]]] = {
    "quick": ({name: QUICK[name] for name in some(list(QUICK), 12)}, {"STREAM_SILENCE_TIMEOUT": "2"}),
    "slow": (SLOW, {"STREAM_SILENCE_TIMEOUT": "600"}),
}


def promised(failures: int) -> float:
    """The least time between the openings before and after so many failures in a row, and one more."""
    return float(min(LONGEST, 0.1 * 2**failures))


async def told(service: Running, path: str) -> Any:
    """What the service's probes say."""
    lines = [json.loads(line) for line in service.output if "probes_listening" in line]
    url = f"http://127.0.0.1:{lines[0]['port']}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.json()


async def ready_again(scene: Scene, service: Running) -> None:
    """Wait until the robot is served again, and see that it does not take longer than is promised and shown."""
    ended = time.monotonic()
    lines = [line for line in (await told(service, "/status"))["connections"] if line["robot"] == scene.robot]
    backoff = max(0.0, *((line["next_attempt"] or 0.0) - time.time() for line in lines))
    assert backoff <= LONGEST

    async def ready() -> bool:
        online = scene.place.sandbox.online(scene.robot)
        return online > 0 and scene.robot not in str(await told(service, "/readyz"))

    await eventually(ready, 60.0)
    assert time.monotonic() - ended <= READY_WITHIN + backoff


async def suffer(scene: Scene, fault: Fault, service: Running) -> None:
    """One answer is on its way when the fault comes; afterwards the same person asks on, and somebody else."""
    await scene.answering()
    await fault(scene)
    await ready_again(scene, service)
    scene.again()
    scene.ask(sender="slow")
    scene.ask()


def too_soon(scene: Scene) -> list[str]:
    """Openings that came earlier than the settings promise."""
    return [
        f"{scene.name}: opening {number + 2} came after {later.at - earlier.at:.3f} s"
        for number, (earlier, later) in enumerate(pairwise(scene.opens))
        if later.at - earlier.at < promised(number)
    ]


def open_lines(scenes: list[Scene]) -> dict[str, int]:
    """How many sockets of each robot are still open, rolled ones included."""
    return {scene.name: sum(line.closed_at is None for line in scene.lines) for scene in scenes}


def strays(place: Place) -> list[object]:
    """Acks that went to another connection than their frame came from."""
    pushed = {push.message_id: push.connection for push in place.sandbox.pushes}
    return [
        stray
        for stray in place.sandbox.stray_acks
        for message_id, connection in pushed.items()
        if message_id in str(stray["frame"]) and stray["connection"] != connection
    ]


@pytest.mark.parametrize("speed", some(list(FAULTS)))
async def test_whatever_happens_to_a_connection(tmp_path: Path, speed: str) -> None:
    faults, settings = FAULTS[speed]
    async with placed(tmp_path, *faults) as place:
        place.sandbox.rules.ping_interval, place.sandbox.rules.roll_grace = 0.2, 1.0
        service = await place.serve(**SETTINGS | BACKOFF | settings)
        scenes = [Scene(place, name) for name in faults]
        async with asyncio.TaskGroup() as tasks:
            for scene in scenes:
                tasks.create_task(suffer(scene, faults[scene.name], service))
        await kept(place)
        assert [late for scene in scenes for late in too_soon(scene)] == []
        assert strays(place) == []
        await place.sandbox.until(lambda: open_lines(scenes) == dict.fromkeys(faults, 1), 20.0)


async def test_while_the_platform_is_away_nothing_is_lost(place: Place) -> None:
    service = await place.serve(**SETTINGS | BACKOFF)
    scene = Scene(place, "public")
    await scene.answering()
    await place.sandbox.stop()
    await eventually(lambda: _waits(scene, service))
    await place.sandbox.start()
    await ready_again(scene, service)
    scene.ask()
    await kept(place)
    assert too_soon(scene) == []


async def _waits(scene: Scene, service: Running) -> bool:
    """Whether the connection was tried in vain a few times."""
    (line,) = (await told(service, "/status"))["connections"]
    return bool(line["reason"] == "unreachable" and line["restarts"] > 2)


# Two connections


@pytest.fixture
async def pair(place: Place) -> tuple[Scene, Running]:
    """A robot that keeps two connections."""
    service = await place.serve(**SETTINGS | BACKOFF, STREAM_CONNECTIONS="2")
    scene = Scene(place, "public")
    await place.sandbox.until(lambda: place.sandbox.online(scene.robot) == 2, 30.0)
    return scene, service


async def test_each_of_two_connections_gets_the_acks_of_its_own_frames(pair: tuple[Scene, Running]) -> None:
    scene, _ = pair
    asked = [scene.ask(line=line) for _ in range(10) for line in scene.lines]
    await kept(scene.place)
    assert all(said.acked for said in asked)
    assert scene.place.sandbox.stray_acks == []


async def test_an_ack_that_finds_its_socket_gone_goes_to_no_other(pair: tuple[Scene, Running]) -> None:
    """Nothing can be stored for a moment; in it one of the two connections is lost, with what it brought."""
    scene, service = pair
    lost, stays = scene.lines
    with closing(sqlite3.connect(scene.place.folder / "inbox.db", isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        scene.risk(3, line=lost)
        scene.risk(3, line=stays)
        await asyncio.sleep(0.05)  # they are read, and cannot be stored
        assert [said.acked for said in scene.risked] == [False] * 6
        scene.place.sandbox.abort(scene.robot, lost.id)
        await scene.line_after(2)
    assert str(await told(service, "/readyz")).count(scene.robot) == 0
    assert [said.acked for said in scene.risked[:3]] == [False] * 3
    scene.again()
    await kept(scene.place)
    assert strays(scene.place) == []


# Five restarts within a minute


@pytest.mark.parametrize("signal_", some([signal.SIGTERM, signal.SIGKILL]))
async def test_each_process_opens_one_connection_once_and_a_drained_one_says_goodbye(
    place: Place, signal_: signal.Signals
) -> None:
    scene = Scene(place, "public")
    starts = 5 if THOROUGH else 2
    for number in range(1, starts + 1):
        service = await place.serve(**SETTINGS | BACKOFF, SHUTDOWN_GRACE="0.1", INBOX_MAX_ATTEMPTS="10")
        scene.ask("30x0.1", sender="slow" if number == 1 else "")
        await place.sandbox.until(lambda: all(said.acked for said in place.sandbox.said), 30.0)
        service.kill(signal_)
        await service.ended()
        await place.sandbox.until(lambda: all(line.closed_at for line in scene.lines))
        assert len(scene.opens) == number
    goodbye = 1000 if signal_ == signal.SIGTERM else 1006
    assert [line.close_code for line in scene.lines] == [goodbye] * starts
    await place.serve(**SETTINGS, INBOX_MAX_ATTEMPTS="10")
    await kept(place, Allowed(deaths=starts))
