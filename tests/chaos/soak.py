"""A long storm with a steady stream of questions, and a report of how it went: `python -m tests.chaos.soak [MINUTES]`.

For the first third processes die as well; from then on one process lives through all other faults, so that a leak would
show. The report and its plot are written to `tests/chaos/results/`.
"""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.conftest import KINDS, Place, placed
from tests.chaos.footprint import cpu_seconds, footprint
from tests.chaos.plans import Weather, plan
from tests.chaos.promises import Allowed, broken, kept
from tests.chaos.soak_report import Run, Sample, draw, leaks, report
from tests.chaos.storm import Storm, allowed, began, unfair

RESULTS = Path(__file__).parent / "results"
SEED = 2026
EVERY = 2.0
"""Seconds between two samples of what the process holds."""

REST = 60.0
"""Seconds in which what is idle goes in its own time, when all is over."""

HISTORY = 100_000
"""The sandbox forgets nothing that the judge needs."""


def weather(minutes: float) -> Weather:
    """Five questions a second, a fault of a call every two seconds, of a connection every ten, and the end of a process
    every minute of the first third."""
    seconds = 60 * minutes
    return Weather(
        seconds=seconds,
        asks=0.2,
        words=3.0,
        again=5.0,
        calls=2.0,
        lines=10.0,
        deaths=60.0,
        deaths_until=seconds / 3,
        people=15,
    )


@dataclass
class Watch:
    """Samples of whichever process runs."""

    storm: Storm
    began: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)

    async def look_on(self) -> None:
        """Take samples for ever."""
        while True:
            self.look()
            await asyncio.sleep(EVERY)

    def look(self) -> None:
        """Take one sample; none where there is no process."""
        running, at = self.storm.running, time.monotonic() - self.began
        try:
            now, cpu = footprint(running), cpu_seconds(running)
        except (FileNotFoundError, ProcessLookupError):
            return
        self.samples.append(Sample(at, running.process.pid, now, cpu, os.getloadavg()[0]))


async def soak(minutes: float) -> str:
    """Play the storm, judge it, and draw the plot; returns the report."""
    planned = plan(SEED, weather(minutes))
    with tempfile.TemporaryDirectory() as folder:
        async with placed(Path(folder), *KINDS, history=HISTORY) as place:
            storm = await began(place)
            watch = Watch(storm)
            watching = asyncio.create_task(watch.look_on())
            await storm.play(planned)
            settled = await _settle(place, allowed(planned))
            await asyncio.sleep(min(REST, 60 * minutes))
            watching.cancel()
            draw(watch.samples, planned, RESULTS / "soak.png")
            faults = [*broken(place, allowed(planned)), *unfair(place, planned), *leaks(watch.samples)]
            return report(Run(minutes, SEED, planned, storm, watch.samples, settled, faults))


async def _settle(place: Place, may: Allowed) -> float:
    """Wait until everything has its end; returns the seconds that it took. What is missing is told by the judge."""
    since = time.monotonic()
    try:
        await kept(place, may, within=120.0)
    except AssertionError as faults:
        print(faults, flush=True)
    return time.monotonic() - since


def main(minutes: float) -> None:
    """Run, and write the report."""
    RESULTS.mkdir(exist_ok=True)
    told = asyncio.run(soak(minutes))
    (RESULTS / "soak.md").write_text(told, "utf-8")
    print(told)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
