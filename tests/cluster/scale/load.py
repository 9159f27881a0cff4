"""What real processes of the service make of a database and of the machine: statements for each question and each
minute, and how many questions a second one and three replicas answer before people wait.

The platform is the sandbox, in this process and without its limit on calls, which would be reached long before.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from actors.core.card import card_id
from actors.sandbox.records import Card, CardState
from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.bench.scene import ROOT, ended
from tests.bench.seen import ROBOT, SECRET, updates
from tests.bench.usage import usage
from tests.cluster.postgres import Server, free_port
from tests.cluster.scale.cost import Figures
from tests.cluster.scale.counted import Books, books
from tests.cluster.scale.material import percent

LATENCY = 0.02
"""Seconds of every call to the platform."""

SHORT, LONG = "5 pieces 0.5 s", "600 pieces 12 s"
PEOPLE = 1000
PARTS = (50, 99)
PROBED_EVERY = 5.0
"""Seconds between two readiness probes, as in deploy/kubernetes."""

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Scene:
    """Connected replicas before one sandbox; `ports` are those of their probes."""

    sandbox: Sandbox
    processes: Sequence[asyncio.subprocess.Process]
    ports: Sequence[int]

    def cpu(self) -> float:
        """Seconds of CPU that the replicas took until now."""
        return sum(usage(process.pid).cpu for process in self.processes)


@asynccontextmanager
async def replicated(inbox_url: str, replicas: int) -> AsyncIterator[Scene]:
    """So many replicas of a robot's service."""
    rules = Rules(latency=LATENCY, calls_per_second=0, redeliveries=0)
    processes: list[asyncio.subprocess.Process] = []
    ports: list[int] = []
    async with Sandbox(robots={ROBOT: SECRET}, rules=rules, history=4_000) as sandbox:
        try:
            for number in range(replicas):
                ports.append(free_port())
                environment = {
                    "DINGTALK_CLIENT_ID": ROBOT,
                    "DINGTALK_CLIENT_SECRET": SECRET,
                    "DINGTALK_OPENAPI_ENDPOINT": sandbox.url,
                    "AGENT": "python:tests.bench.agents:evenly",
                    "INBOX_URL": inbox_url,
                    "OPENAPI_QPS": "100000",
                    "HTTP_PORT": str(ports[-1]),
                    "LOG_LEVEL": "WARNING",
                }
                command = (sys.executable, "-m", "actors", "run")
                processes.append(
                    await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=dict(os.environ) | environment)
                )
                await sandbox.until(lambda count=number + 1: len(sandbox.connections) >= count, 60)  # type: ignore[misc]
            yield Scene(sandbox, processes, ports)
        finally:
            await asyncio.gather(*map(ended, processes))


# Statements.


async def _probe(ports: Sequence[int]) -> None:
    """Ask whether they are ready, as Kubernetes does, until cancelled."""
    async with aiohttp.ClientSession() as session:
        while True:
            for port in ports:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
                    await response.read()
            await asyncio.sleep(PROBED_EVERY)


async def statements(server: Server, seconds: float, questions: int) -> Figures:
    """Statements by name: in a minute of a replica that nobody asks anything, and for each question with a short and
    with a long answer, beyond those of that minute."""
    database = "statements"
    server.execute(f"CREATE DATABASE {database}")
    async with replicated(server.url(database), 1) as scene:
        probing = asyncio.create_task(_probe(scene.ports))
        await asyncio.sleep(2.0)  # what the start left to be done
        before, began = books(server, database), time.monotonic()
        await asyncio.sleep(seconds)
        calm = books(server, database).since(before)
        idle = time.monotonic() - began
        told: Figures = {"idle, each minute": _rounded(calm, 60 / idle)}
        for name, text, count in (("short", SHORT, questions), ("long", LONG, max(2, questions // 8))):
            before, began = books(server, database), time.monotonic()
            asked = await _ask(scene.sandbox, count, 8 if name == "short" else 100, text)
            cards = await _closed(scene.sandbox, asked, 60)
            await asyncio.sleep(1.0)  # a question is closed a moment after its card
            counted, spent = books(server, database).since(before), time.monotonic() - began
            calls = Counter(call.api for call in scene.sandbox.calls if call.at >= began)
            for statement, often in calm.calls.items():
                counted.calls[statement] -= often * spent / idle  # type: ignore[assignment]
            told[f"{name} answer, each question"] = {
                **_rounded(counted, 1 / count),
                "updates of the card": sum(map(updates, cards)) / count,
                "calls to the platform": {api: round(number / count, 2) for api, number in calls.items()},
            }
        probing.cancel()
    server.execute(f"DROP DATABASE {database}")
    return told


def _rounded(counted: Books, factor: float) -> Figures:
    each = {name: round(calls * factor, 2) for name, calls in counted.calls.items()}
    return {
        "statements": round(sum(counted.calls.values()) * factor, 1),
        "database ms": round(sum(counted.spent.values()) * factor, 2),
        "log bytes": round(counted.log * factor),
        "by name": {name: calls for name, calls in sorted(each.items(), key=lambda item: -item[1]) if calls >= 0.05},
    }


# Capacity.


async def _ask(sandbox: Sandbox, count: int, rate: float, text: str) -> dict[str, float]:
    """So many questions, so many a second, whatever becomes of them; returns when each was sent, by its card's id."""
    asked = dict[str, float]()
    began = time.monotonic()
    for number in range(count):
        await asyncio.sleep(began + number / rate - time.monotonic())
        name = sandbox.say(text, robot=ROBOT, sender=f"p{number % PEOPLE}")
        asked[card_id(ROBOT, name)] = time.monotonic()
    return asked


async def _closed(sandbox: Sandbox, ids: dict[str, float], timeout: float) -> list[Card]:
    """The cards of these ids that are closed, once all are, or when it was waited long enough."""

    def closed() -> list[Card]:
        cards = (sandbox.cards.get(name) for name in ids)
        return [card for card in cards if card and card.state is CardState.FINISHED and _ended(card)]

    until = time.monotonic() + timeout
    while len(cards := closed()) < len(ids) and time.monotonic() < until:  # noqa: ASYNC110 - asked at every change, it would be what is measured
        await asyncio.sleep(0.25)
    return cards


def _ended(card: Card) -> bool:
    return card.versions[-1].call == "update"


def _server_cpu(server: Server) -> float:
    """Seconds of CPU that all of a server's processes took until now, those that ended included."""
    leader = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    children = map(int, Path(f"/proc/{leader}/task/{leader}/children").read_text().split())
    ended_ones = Path(f"/proc/{leader}/stat").read_text().rpartition(")")[2].split()[13:15]
    return sum(usage(pid).cpu for pid in (leader, *children)) + sum(map(int, ended_ones)) / TICKS


async def step(scene: Scene, server: Server, rate: float, seconds: float) -> Figures:
    """So many questions a second for some seconds: how long people waited, and what it took of the machine."""
    acks = len(scene.sandbox.acks)
    cpu = scene.cpu(), _server_cpu(server), time.process_time()
    began = time.monotonic()
    asked = await _ask(scene.sandbox, round(rate * seconds), rate, SHORT)
    cards = await _closed(scene.sandbox, asked, 20)
    last = max((card.versions[-1].at for card in cards), default=time.monotonic())
    turns = [card.versions[-1].at - asked[card.id] for card in cards]
    waits = [push.seconds for push in scene.sandbox.acks[acks:] if push.seconds is not None]
    now = scene.cpu(), _server_cpu(server), time.process_time()
    taken = [(after - before) * 1000 / len(asked) for before, after in zip(cpu, now, strict=True)]
    return {
        "asked/s": rate,
        "answered/s": len(cards) / max(last - began, seconds),
        "unanswered": len(asked) - len(cards),
        **{f"ack, ms, p{part}": percent(waits, part) for part in PARTS},
        **{f"turn, ms, p{part}": percent(turns, part) for part in PARTS},
        "CPU ms, service": taken[0],
        "CPU ms, database": taken[1],
        "CPU ms, sandbox": taken[2],
        "load of the machine": os.getloadavg()[0],
    }


def sustained(one: Mapping[str, Any], calm: Mapping[str, Any]) -> bool:
    """Whether people wait hardly longer than at the lowest rate, and DingTalk far from its 3 s."""
    return bool(
        one["unanswered"] == 0 and one["ack, ms, p99"] < 1000 and one["turn, ms, p50"] < 2 * calm["turn, ms, p50"]
    )


async def capacity(server: Server, url: str, replicas: int, rates: Sequence[float], seconds: float) -> list[Figures]:
    """Steps of ever more questions, up to the first that is not sustained; the database's share of a SQLite inbox is
    what the idle server takes."""
    steps: list[Figures] = []
    async with replicated(url, replicas) as scene:
        await step(scene, server, rates[0], min(seconds, 3.0))  # what a process does for the first time takes longer
        for rate in rates:
            steps.append(await step(scene, server, rate, seconds))
            if not sustained(steps[-1], steps[0]):
                break
    return steps
