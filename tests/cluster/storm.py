"""Storms over replicas: everything of a plan happens to several real processes and their database, and all promises
are kept.

`python -m tests.cluster.storm SEED [SECONDS]` plays the storm of a seed, and tells what happened and what is broken;
the suite plays a short one. `--save FILE` writes it to a file, which may be shortened by hand, and is played if it is
named in place of a seed.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from actors.sandbox.scenario import Scenario
from tests.chaos.conftest import KINDS, placed
from tests.chaos.promises import Allowed, broken
from tests.chaos.storm import STORMY, TRIES, played, unfair
from tests.cluster.fleet import UNHURRIED, Fleet, sailing
from tests.cluster.ledger import emptied, froze, settled, unexplained
from tests.cluster.postgres import Server, served
from tests.cluster.storm_report import how, told
from tests.cluster.weather import LEASE, Gale, gentle, replicas_plan

REPLICAS = 3
SETTINGS = STORMY | {"INBOX_LEASE": str(LEASE), "CARD_MIN_INTERVAL": "0.2"}


async def weathered(fleet: Fleet, planned: Scenario, within: float = 90.0) -> list[str]:
    """Play a storm to its end, and tell what is broken."""
    await played(
        fleet.place,
        planned,
        kill=fleet.kill,
        drain=fleet.drain,
        replace=fleet.replace,
        join=fleet.join,
        leave=fleet.leave,
        freeze=fleet.freeze,
        cut=fleet.cut,
        hole=fleet.hole,
        crash=fleet.crash,
        sever=fleet.sever,
        spread=fleet.spread,
    )
    await fleet.settle()
    for kind in fleet.place.robots:
        fleet.place.ask(f"末{kind}", kind=kind)
    await emptied(fleet, within)
    return await settled(partial(judged, fleet, planned))


def judged(fleet: Fleet, planned: Scenario) -> list[str]:
    """Everything that is not as it should be."""
    may = allowed(fleet)
    return [*broken(fleet.place, may), *unfair(fleet.place, planned, partial(froze, fleet)), *unexplained(fleet)]


def allowed(fleet: Fleet) -> Allowed:
    """What the promises make allowable for any question; `ledger` tells for which."""
    befell = len(fleet.troubles)
    return Allowed(
        deaths=befell,
        tries=TRIES,
        ends=frozenset({"answered", "stopped", "failed"}),
        messages=2 + befell,
        unacked=len(fleet.place.sandbox.said),
        apart=True,
    )


@asynccontextmanager
async def staged(folder: Path, server: Server, history: int = 2000) -> AsyncIterator[Fleet]:
    """Replicas that serve a robot for each kind of card."""
    async with placed(folder, *KINDS, history=history) as place, sailing(place, server, REPLICAS, **SETTINGS) as fleet:
        yield fleet


async def main(planned: Scenario) -> tuple[str, bool]:
    """Play one storm; returns the page about it, and whether all promises were kept."""
    print(f"{planned.name}: {len(planned.happenings)} happenings in {planned.seconds:.1f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder, served(*UNHURRIED) as server:
        async with staged(Path(folder), server, history=100_000) as fleet:
            wrong = await weathered(fleet, planned)
            return told(fleet, planned, allowed(fleet), wrong), not wrong


def of_the_seed(seed: int, seconds: float, every: float) -> Scenario:
    """The storm of a seed, of so many seconds, with a trouble every so many."""
    return replicas_plan(
        seed, replace(Gale(), people=replace(gentle(seconds), asks=0.3), every=every, calm=0.05 * seconds)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("storm", metavar="SEED|FILE")
    parser.add_argument("seconds", metavar="SECONDS", nargs="?", type=float, default=30.0)
    parser.add_argument("--every", metavar="SECONDS", type=float, default=2.0, help="from one trouble to the next")
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the storm to a file")
    parser.add_argument("--report", metavar="FILE", type=Path, help="write what is told to a file, too")
    given = parser.parse_args()
    storm = (
        of_the_seed(int(given.storm), given.seconds, given.every)
        if given.storm.isdecimal()
        else Scenario.read(Path(given.storm))
    )
    if given.save:
        storm.write(given.save)
    page, kept_all = asyncio.run(main(storm))
    print(page)
    if given.report:
        command = f".venv/bin/python -m tests.cluster.storm {given.storm} {given.seconds:g} --every {given.every:g}"
        given.report.write_text(page.rstrip() + "\n" + how(command), "utf-8")
    raise SystemExit(not kept_all)
