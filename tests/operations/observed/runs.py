"""Runs that several tests look at: each is played once, whichever process of the suite comes first, and kept as a
folder with Prometheus' data and what the sandbox counted. Whoever looks gets a Prometheus of their own over a copy."""

import asyncio
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.operations.observed.counted import Figure
from tests.operations.observed.house import House, beside
from tests.operations.observed.prometheus import EVERY, Prometheus, prometheus

Mark = tuple[float, list[Figure]]
"""A moment (seconds since the epoch), and the figures that held in it."""


@dataclass(frozen=True, slots=True)
class Run:
    """What is left of a run: the folder, its beginning and its end (seconds since the epoch), the moments at which
    something can be compared, by name, and the rules that could not be evaluated."""

    folder: Path
    since: float
    until: float
    marks: dict[str, Mark]
    unwell: list[str]


Play = Callable[[Path], Coroutine[Any, Any, Run]]


async def settled(house: House, watching: Prometheus) -> float:
    """Wait until nothing happens any more and Prometheus has seen all of it; returns the moment of its last scrape, in
    which rates and increases are not extrapolated beyond what was seen."""
    calls = -1
    while calls != len(house.sandbox.calls):
        calls = len(house.sandbox.calls)
        await asyncio.sleep(1.0)
    now = time.time()
    seen = f"timestamp(dingtalk_build_info) > {now + EVERY}"
    await beside(lambda: watching.wait_for(seen))
    (scrape,) = await beside(lambda: watching.query(seen))
    return float(scrape.last)


def shared(tests: Path, name: str, play: Play) -> Run:
    """The run of this name, which is played if nobody has. `tests` is a test's temporary folder.

    Raises:
        RuntimeError: it failed, here or where it was played.
    """
    folder = (tests.parent if "PYTEST_XDIST_WORKER" in os.environ else tests) / f"observed-{name}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept, failed = folder / "run.json", folder / "failed"
        if failed.exists():
            raise RuntimeError(failed.read_text("utf-8"))
        if not kept.exists():
            try:
                kept.write_text(json.dumps(asdict(asyncio.run(play(folder))), default=str), encoding="utf-8")
            except BaseException as error:
                failed.write_text(f"the run {name} failed: {error!r}", encoding="utf-8")
                raise
        return _read(json.loads(kept.read_text("utf-8")))


def _read(kept: dict[str, Any]) -> Run:
    marks = {name: (at, [Figure(**figure) for figure in figures]) for name, (at, figures) in kept["marks"].items()}
    return Run(Path(kept["folder"]), kept["since"], kept["until"], marks, kept["unwell"])


@contextmanager
def looked_at(run: Run, place: Path) -> Iterator[Prometheus]:
    """A Prometheus with all that was seen of a run."""
    shutil.copytree(run.folder / "data", place / "data", ignore=shutil.ignore_patterns("lock", "queries.active"))
    with prometheus(place) as looking:
        yield looking
