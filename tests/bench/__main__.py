"""`make bench [ROUNDS=3]`: plays every case several times in turn, prints medians, writes results/latest.json."""

import asyncio
import json
import os
import statistics
from collections import defaultdict
from pathlib import Path

from tests.bench.cases import CASES

RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> None:
    """Measure, print, write."""
    rounds = int(os.environ.get("ROUNDS", "3"))
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(rounds):
        for name, case in CASES.items():
            print(f"round {number + 1} of {rounds}: {name} …", flush=True)
            for figure, value in asyncio.run(case()).items():
                figures[name, figure].append(value)
    print(f"\n{'case':26} {'figure':30} {'median':>9} {'min':>9} {'max':>9}   seconds or counts, {rounds} rounds")
    rows = []
    for (name, figure), values in figures.items():
        row = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        print(f"{name:26} {figure:30} {row['median']:9.3f} {row['min']:9.3f} {row['max']:9.3f}")
        rows.append({"case": name, "figure": figure, "rounds": rounds, **row})
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
