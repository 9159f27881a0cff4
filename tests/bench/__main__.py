"""`make bench [ROUNDS=3] [CASES=idle,disk] [RESULTS=folder] [SHORT=1]`: plays every case, or those whose name has one
of these words, several times in turn, prints tables, and writes results/latest.json, .md and .png, where cases that
were not played keep their figures. Where all are played, those that take long are played once. `SHORT` is to see that
everything still runs: its figures say nothing, so it wants a folder of its own."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import contest, results, sizing, start, told
from tests.bench.case import Case

ALL: Sequence[Case] = (*contest.CASES, *start.CASES, *sizing.CASES)
HERE = Path(__file__).parent / "results"


def main() -> None:
    """Measure, print, write."""
    rounds = int(os.environ.get("ROUNDS", "3"))
    folder = Path(os.environ.get("RESULTS") or HERE)
    short = bool(os.environ.get("SHORT"))
    if short and folder == HERE:
        sys.exit("SHORT: name a folder in RESULTS, so that these figures do not take the place of real ones")
    wanted = contest.SHORT_FORM if short else chosen(os.environ.get("CASES", ""))
    measured = results.Measured()
    for number in range(rounds):
        for case in wanted:
            if number and case.seldom and wanted == ALL:
                continue
            print(f"round {number + 1} of {rounds}: {case.name}, {case.contestant} …", flush=True)
            load = os.getloadavg()[0]
            measured.add(case, asyncio.run(case.play()), load)
    known = results.keep(measured.plays(), folder / "latest.json", [(case.name, case.contestant) for case in ALL])
    print(f"\n{told.page(known)}")
    (folder / "latest.md").write_text(told.page(known), encoding="utf-8")
    told.draw(known, folder)


def chosen(words: str) -> Sequence[Case]:
    """The cases whose name has one of the words, which commas separate; all without any. Ends the process where a word
    fits none."""
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    for word in wanted:
        if not any(word in case.name for case in ALL):
            sys.exit(f"CASES: no case has {word!r} in its name; there are: {'; '.join({case.name: 0 for case in ALL})}")
    return tuple(case for case in ALL if not wanted or any(word in case.name for word in wanted))


if __name__ == "__main__":
    main()
