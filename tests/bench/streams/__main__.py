"""`python -m tests.bench.streams [PART …]`: measures the parts that are named, or all, and writes results/streams.*,
where parts that were not measured keep their figures.

`before=FOLDER` compares with another checkout of this project, such as of the commit before a change.
"""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.streams import idle, told
from tests.bench.streams.play import Figures, play
from tests.bench.streams.stage import BOUND, OURS, quiet

RESULTS = Path(__file__).parents[1] / "results"

ROUNDS = int(os.environ.get("ROUNDS", "3"))

DISTURBED = 0.4
"""Cores that strangers may take of a play; one that they disturbed more is played again, at most AGAIN times."""

AGAIN = 1

Rows = dict[str, Any]
Plays = Mapping[str, Callable[[], Coroutine[Any, Any, Figures]]]


async def in_turn(plays: Plays, rounds: int = ROUNDS) -> Rows:
    """The plays in turn, round after round: the rounds of each."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in plays}
    for number in range(rounds):
        for name, each in plays.items():
            for _ in range(1 + AGAIN):
                await quiet()
                figures = await each()
                if figures.strangers <= DISTURBED:
                    break
            print(
                f"  round {number + 1}, {name}: {figures.contestant:.2f} cores, {figures.per_piece:.1f} µs", flush=True
            )
            rows[name].append(asdict(figures))
    return dict(rows)


async def four_hundred() -> Rows:
    """400 answers at once."""
    return await in_turn({"service": lambda: play(OURS, 400)})


async def thousand() -> Rows:
    """1,000 answers at once."""
    return await in_turn({"service": lambda: play(OURS, 1000)})


async def bound() -> Rows:
    """The service and the bound without actors, 500 answers each."""
    return await in_turn({"service": lambda: play(OURS, 500), "bound": lambda: play(BOUND, 500)})


async def streams() -> Rows:
    """Ever more answers at once."""
    return await _grown((1, 50, 200, 400, 700, 1000, 1500), lambda count: play(OURS, count, watched=4.0))


async def length() -> Rows:
    """Ever longer answers, 100 at once, each watched through its last seconds."""
    return await _grown((500, 1500, 3000), lambda pieces: play(OURS, 100, watched=5.0, lead=pieces / 50 - 7.0))


async def robots() -> Rows:
    """200 answers of ever more robots."""
    return await _grown((1, 10, 50), lambda count: play(OURS, 200, watched=6.0, robots=count))


async def connections() -> Rows:
    """200 answers over ever more Stream connections of one robot."""
    return await _grown((1, 4, 16), lambda count: play(OURS, 200, watched=6.0, STREAM_CONNECTIONS=str(count)))


async def _grown(sizes: Sequence[int], at: Callable[[int], Coroutine[Any, Any, Figures]]) -> Rows:
    return await in_turn({f"{size:,}": lambda size=size: at(size) for size in sizes}, rounds=1)  # type: ignore[misc]


async def before(folder: Path) -> Rows:
    """The service as it is in another checkout, and as it is here."""
    return await in_turn({"before": lambda: play(OURS, 400, place=folder), "now": lambda: play(OURS, 400)}, 2)


PARTS: Mapping[str, Callable[[], Coroutine[Any, Any, Rows]]] = {
    "four hundred": four_hundred,
    "thousand": thousand,
    "bound": bound,
    "idle": idle.conversations,
    "streams": streams,
    "length": length,
    "robots": robots,
    "connections": connections,
}


def main(*words: str) -> None:
    """Measure, print, write."""
    parts = dict(PARTS)
    for word in words:
        if word.startswith("before="):
            folder = Path(word.removeprefix("before=")).resolve()
            parts["before"] = lambda folder=folder: before(folder)  # type: ignore[misc]
        elif word not in PARTS:
            sys.exit(f"no part is called {word!r}; there are: {', '.join(PARTS)}, before=FOLDER")
    wanted = [word.partition("=")[0] for word in words] or list(PARTS)
    for part in wanted:
        print(f"{part} …", flush=True)
        keep({part: {"had": had(), "figures": asyncio.run(parts[part]())}})


def keep(measured: Rows) -> None:
    """Write what was measured beside what was measured formerly."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "streams.json"
    known: Rows = (json.loads(path.read_text("utf-8")) if path.exists() else {}) | measured
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "streams.md").write_text(told.page(known), encoding="utf-8")
    told.draw(known, RESULTS / "streams.png")


def had() -> Rows:
    """When, where, and with what figures were had."""
    return {
        "on": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} × {_processor()}",
        "load": round(os.getloadavg()[0], 2),
        "Python": platform.python_version(),
        "aiohttp": version("aiohttp"),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main(*sys.argv[1:])
