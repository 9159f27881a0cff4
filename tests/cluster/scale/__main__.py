"""`python -m tests.cluster.scale [--short] [PART …]`: measures what the inbox and the service cost on PostgreSQL, and
writes results/scale.json, .md and .png, where parts that were not measured keep their figures. `--short` measures all
parts with tiny numbers, which say nothing, and writes nothing: it is to see that everything still runs.
"""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.cluster.postgres import Server
from tests.cluster.scale import cost, growth, load, told
from tests.cluster.scale.cost import Figures
from tests.cluster.scale.counted import counting

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; times are seconds."""

    rounds: int
    one_by_one: int
    at_once: int
    written: int
    finished: tuple[int, ...]
    opened: int
    passing: int
    calm: float
    asked: int
    setups: tuple[tuple[str, int], ...]
    rates: tuple[float, ...]
    a_rate: float


SETUPS = (("SQLite, 1 process", 1), ("PostgreSQL, 1 replica", 1), ("PostgreSQL, 3 replicas", 3))
FULL = Size(3, 200, 32, 3_000, (1_000, 100_000, 1_000_000), 10_000, 5_000, 60.0, 80, SETUPS, (5, 10, 20, 30, 40), 10.0)
SHORT = Size(1, 3, 2, 3, (100, 200), 20, 5, 1.0, 3, SETUPS[1:2], (4,), 1.0)


async def latency(server: Server, size: Size) -> Figures:
    """Milliseconds of what a question asks of the inbox."""
    return await cost.latencies(server, size.rounds, size.one_by_one, size.at_once)


async def written(server: Server, size: Size) -> Figures:
    """Bytes of a question."""
    return await cost.bytes_each(server, size.written)


async def grown(server: Server, size: Size) -> Figures:
    """What a large table does to the statements, and its clean-up to those who ask meanwhile."""
    figures = await growth.growing(server, size.finished, size.opened, size.passing)
    figures["sweep"] = await growth.swept(server, growth.DATABASE, size.calm / 6)
    server.execute(f"DROP DATABASE {growth.DATABASE}")
    return figures


async def asked(server: Server, size: Size) -> Figures:
    """Statements of real processes."""
    return await load.statements(server, size.calm, size.asked)


async def capacity(server: Server, size: Size) -> Figures:
    """Questions a second, the set-ups in turn."""
    figures: dict[str, list[list[Figures]]] = {}
    for _ in range(size.rounds):
        for name, replicas in size.setups:
            with inbox(server, name) as url:
                steps = await load.capacity(server, url, replicas, size.rates, size.a_rate)
                figures.setdefault(name, []).append(steps)
    return dict(figures)


@contextmanager
def inbox(server: Server, name: str) -> Iterator[str]:
    """An empty inbox of this kind."""
    if name.startswith("PostgreSQL"):
        server.execute("CREATE DATABASE capacity")
        yield server.url("capacity")
        server.execute("DROP DATABASE capacity")
    else:
        with TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/inbox.db"


PARTS: Mapping[str, Callable[[Server, Size], Coroutine[Any, Any, Figures]]] = {
    "latency": latency,
    "written": written,
    "grown": grown,
    "asked": asked,
    "capacity": capacity,
}


def main(*words: str) -> None:
    """Measure the parts that are named, or all."""
    short = "--short" in words
    parts = [word for word in words if word != "--short"] or list(PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        sys.exit(f"no part is called {unknown[0]!r}; there are: {', '.join(PARTS)}")
    known: Figures = {}
    with counting() as server:
        for part in parts:
            print(f"{part} …", flush=True)
            before = os.getloadavg()
            figures = asyncio.run(PARTS[part](server, SHORT if short else FULL))
            known[part] = {"had": had(before), "figures": rounded(figures)}
            if not short:
                known = keep(known)
    print(told.page(known))


def keep(measured: Figures) -> Figures:
    """Write what was measured beside what was measured formerly; returns both."""
    path = RESULTS / "scale.json"
    known: Figures = (json.loads(path.read_text("utf-8")) if path.exists() else {}) | measured
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "scale.md").write_text(told.page(known), encoding="utf-8")
    if "capacity" in known:
        told.draw(known["capacity"]["figures"], RESULTS / "scale.png")
    return known


def had(before: tuple[float, float, float]) -> Figures:
    """When, where, and beside what else figures were had."""
    return {
        "on": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "Python": platform.python_version(),
        "load before": before[0],
        "load after": os.getloadavg()[0],
    }


def rounded(value: Any) -> Any:
    """Figures without the digits that say nothing."""
    match value:
        case dict():
            return {name: rounded(each) for name, each in value.items()}
        case list() | tuple():
            return [rounded(each) for each in value]
        case float():
            return float(f"{value:.4g}")
    return value


if __name__ == "__main__":
    main(*sys.argv[1:])
