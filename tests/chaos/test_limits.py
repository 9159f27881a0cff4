"""A service that may have little: no more file descriptors, and 256 MB of memory."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.actors.conftest import eventually
from tests.chaos.conftest import THOROUGH, Place, Running, placed
from tests.chaos.promises import SETTINGS, Allowed, accepted, kept

MEGABYTES = 1_000_000


def descriptors(service: Running) -> int:
    return sum(1 for _ in Path(f"/proc/{service.process.pid}/fd").iterdir())


def cpu_seconds(service: Running) -> float:
    """The CPU that it has used."""
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_memory(service: Running) -> float:
    """The most that it ever had in memory, in MB."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / MEGABYTES


@contextmanager
def no_descriptor_left(service: Running) -> Iterator[None]:
    """It gets none beyond those that it has."""
    pid = service.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, limits[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def ask_all(place: Place, name: str, people: int, script: str = "3x0.01") -> None:
    for number in range(people):
        for kind in place.robots:
            place.ask(f"{name}{number}{kind} {script}", sender=f"p{number}", kind=kind)


async def test_out_of_file_descriptors_everybody_is_answered_when_there_are_some_again(tmp_path: Path) -> None:
    async with placed(tmp_path, "public", "standard") as place:
        service = await place.serve(**SETTINGS)
        ask_all(place, "先", 3)
        await kept(place)
        before = descriptors(service)
        ask_all(place, "中", 10, "10x0.1")
        with no_descriptor_left(service):
            ask_all(place, "缺", 10)
            knocking = [socket.create_connection(("127.0.0.1", service.port), 5) for _ in range(20)]
            await place.sandbox.until(lambda: len(accepted(place)) == 46, 30.0)
            assert place.sandbox.abort(place.robots["public"]) == 1
            await eventually(lambda: waits(service), 30.0)
            before_pause = cpu_seconds(service)
            await asyncio.sleep(2.0)  # what is measured
            assert cpu_seconds(service) - before_pause < 0.6
        for knock in knocking:
            knock.close()
        await place.sandbox.until(lambda: place.sandbox.online(place.robots["public"]), 30.0)
        ask_all(place, "后", 3)
        await kept(place, Allowed(ends=frozenset({"answered", "failed"}), messages=2))
        await eventually(lambda: at_most(service, before + 5), 60.0)


async def test_under_its_heaviest_load_it_stays_below_256_mb(tmp_path: Path) -> None:
    people = 200 if THOROUGH else 30
    async with placed(tmp_path) as place:
        service = await place.serve(**SETTINGS)
        ask_all(place, "甲", people, "300x0.02")
        ask_all(place, "乙", people)
        await kept(place, within=300)
        assert most_memory(service) < 256


async def waits(service: Running) -> bool:
    """Whether it has noticed that a connection is gone, and cannot open another."""
    return any('"connection_waiting"' in line for line in service.output)


async def at_most(service: Running, most: int) -> bool:
    return descriptors(service) <= most
