"""`make bench [ROUNDS=3] [CASES=idle,disk]`: plays every case, or those whose name has one of these words, several
times in turn, prints medians, and writes results/latest.json, where cases that were not played keep their figures."""

import asyncio
import json
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench import cases, sizing
from tests.bench.scene import Case

ALL: Mapping[str, Case] = cases.CASES | sizing.CASES
RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> None:
    """Measure, print, write."""
    rounds = int(os.environ.get("ROUNDS", "3"))
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    wanted = chosen(os.environ.get("CASES", ""))
    for number in range(rounds):
        for name, case in wanted.items():
            print(f"round {number + 1} of {rounds}: {name} …", flush=True)
            for figure, value in asyncio.run(case()).items():
                figures[name, figure].append(value)
    print(f"\n{'case':26} {'figure':32} {'median':>10} {'min':>10} {'max':>10}   {rounds} rounds")
    print("seconds or counts where no unit is named")
    rows = []
    for (name, figure), values in figures.items():
        row = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        print(f"{name:26} {figure:32} {row['median']:10.3f} {row['min']:10.3f} {row['max']:10.3f}")
        rows.append({"case": name, "figure": figure, "rounds": rounds, **row})
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([*_kept(wanted), *rows], indent=2) + "\n", encoding="utf-8")


def chosen(words: str) -> Mapping[str, Case]:
    """The cases whose name has one of the words, which commas separate; all without any. Ends the process where a word
    fits none."""
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    for word in wanted:
        if not any(word in name for name in ALL):
            sys.exit(f"CASES: no case has {word!r} in its name; there are: {'; '.join(ALL)}")
    return {name: case for name, case in ALL.items() if not wanted or any(word in name for word in wanted)}


def _kept(played: Mapping[str, Case]) -> list[Any]:
    """The rows of the cases that were not played."""
    rows = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []
    return [row for row in rows if row["case"] in ALL and row["case"] not in played]


if __name__ == "__main__":
    main()
