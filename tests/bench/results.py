"""What rounds come to: medians with minimum and maximum, and where and beside what else they were had."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from actors import __version__
from tests.bench.case import Case, Played

Play = dict[str, Any]
"""One case of one contestant as it is written: `case`, `contestant`, `had`, `figures`, `curve`."""

PACKAGES = ("aiohttp", "dingtalk-stream", "pykka", "websockets")


@dataclass
class Measured:
    """Collects rounds."""

    rounds: dict[tuple[str, str], list[Played]] = field(default_factory=dict)
    loads: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, case: Case, played: Played, load: float) -> None:
        """One round; `load` is that of the machine before it."""
        name = case.name, case.contestant
        self.rounds.setdefault(name, []).append(played)
        self.loads.setdefault(name, []).append(round(load, 2))

    def plays(self) -> list[Play]:
        """What was measured."""
        return [
            {
                "case": case,
                "contestant": contestant,
                "had": had(self.loads[case, contestant]),
                "figures": {name: row(values) for name, values in by_name(rounds).items()},
                "curve": rounds[0].curve,
            }
            for (case, contestant), rounds in self.rounds.items()
        ]


def by_name(rounds: Sequence[Played]) -> dict[str, list[float]]:
    """The values of each figure."""
    names = dict.fromkeys(name for played in rounds for name in played.figures)
    return {name: [played.figures[name] for played in rounds if name in played.figures] for name in names}


def row(values: Sequence[float]) -> dict[str, float]:
    """The median of some rounds, and how far they are apart."""
    figures = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: float(f"{value:.4g}") for name, value in figures.items()} | {"rounds": len(values)}


def had(loads: Sequence[float]) -> dict[str, Any]:
    """When and where figures were had, and the load of the machine before each round."""
    return {
        "on": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "Python": platform.python_version(),
        "dingtalk-actors": __version__,
        **{package: version(package) for package in PACKAGES},
        "load before each round": list(loads),
    }


def processor() -> str:
    """The processor's name, as Linux has it."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def keep(plays: Sequence[Play], path: Path, order: Iterable[tuple[str, str]]) -> list[Play]:
    """Write what was measured beside what was measured formerly; returns both, in this order of cases and
    contestants."""
    former = json.loads(path.read_text("utf-8")) if path.exists() else []
    known = {(play["case"], play["contestant"]): play for play in (*former, *plays)}
    ordered = [known[name] for name in order if name in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return ordered
