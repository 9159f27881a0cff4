"""One play: so many people ask at once, and what their answers take is read in the middle of it, while all flow.

The law: figures are of a time in which every stream is under way, on the machine's own books (/proc). What strangers
took of the machine meanwhile is told with them; a play that they disturbed is not worth keeping.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.streams.server import RATE
from tests.bench.streams.stage import ROOT, Stage, staged

AT_A_TIME = 50
"""Who ask together."""

BETWEEN = 0.1
"""Seconds between two such groups."""

SETTLED = 1.0
"""Seconds after the last stream's begin that are left alone."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a play was like. CPU is cores, memory MB of 1,000,000 bytes; `stretch` is how long an answer was read by
    its own length, the middle one and the worst."""

    streams: int
    pieces: int
    contestant: float
    server: float
    sandbox: float
    strangers: float
    per_piece: float
    rested: float
    peak: float
    threads: int
    stretch: float
    worst_stretch: float
    server_late: float
    held_up: int
    load: float


async def play(
    command: tuple[str, ...],
    streams: int,
    *,
    watched: float = 8.0,
    lead: float = 0.0,
    place: Path = ROOT,
    robots: int = 1,
    **settings: str,
) -> Figures:
    """So many people ask for an answer that lasts as long as it is `watched`, and begins and ends around that;
    `lead` seconds more before. They ask so many robots in turn."""
    asking = streams / AT_A_TIME * BETWEEN
    pieces = round((lead + watched + 4.0 + 6 * asking + SETTLED) * RATE)
    async with staged(command, place, robots, **settings) as stage:
        rested = stage.used().resident
        await ask(stage, streams, f"{pieces} pieces")
        await _until(stage, lambda told: told["active"] == streams)
        await asyncio.sleep(SETTLED + lead)
        cpu, sent, began = stage.cpu(), (await stage.report())["sent"], time.monotonic()
        threads = stage.used().threads
        await asyncio.sleep(watched)
        now, told, took = stage.cpu(), await stage.report(), time.monotonic() - began
        assert told["active"] == streams, told
        cores = {who: (now[who] - cpu[who]) / took for who in cpu}
        flowed = told["sent"] - sent
        late = told["late"]
        told = await _until(stage, lambda told: len(told["stretches"]) + told["broken"] == streams)
        assert not told["broken"], told["broken"]
        return Figures(
            streams=streams,
            pieces=pieces,
            contestant=cores["contestant"],
            server=cores["server"],
            sandbox=cores["sandbox"],
            strangers=2 * cores["machine"] - sum(cores.values()),
            per_piece=(now["contestant"] - cpu["contestant"]) / flowed * 1e6,
            rested=rested,
            peak=stage.used().peak,
            threads=threads,
            stretch=median(told["stretches"]),
            worst_stretch=max(told["stretches"]),
            server_late=late,
            held_up=told["held_up"],
            load=os.getloadavg()[0],
        )


async def ask(stage: Stage, people: int, text: str, names: str = "p") -> None:
    """So many people ask, within a few seconds."""
    for number in range(people):
        stage.sandbox.say(text, robot=stage.robots[number % len(stage.robots)], sender=f"{names}{number}")
        if number % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(BETWEEN)


async def _until(stage: Stage, true: Any, within: float = 120.0) -> dict[str, Any]:
    async with asyncio.timeout(within):
        while not true(told := await stage.report()):  # noqa: ASYNC110  it is another process
            await asyncio.sleep(0.2)
        return told
