"""Replicas share the calls of one API: played against the sandbox's sliding window, and once with real processes."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

from tests.chaos.conftest import Running, placed
from tests.chaos.promises import kept
from tests.cluster.limits import LIMIT, SETTLED, Figures, Play, figures
from tests.cluster.replicas import Cluster
from tests.runtime.virtual_time import play

CROWD = 40
"""Growing answers in a replica, which want far more calls than there are."""

LONG = 120.0
SEEDS = [1, 2, 3]


async def equally_busy(replicas: int, seed: int) -> Figures:
    """So many replicas, all with as much to do."""
    scene = Play(seed)
    for number in range(replicas):
        scene.join(f"r{number}", CROWD)
    await asyncio.sleep(SETTLED + LONG)
    return figures(scene.calls, SETTLED, scene.now)


async def one_busy(replicas: int, cards: int, seed: int) -> Figures:
    """One replica with much to do, `b`, and others that have so many answers each."""
    scene = Play(seed)
    for number in range(replicas - 1):
        scene.join(f"r{number}", cards)
    scene.join("b", CROWD)
    await asyncio.sleep(3 * SETTLED + LONG)
    return figures(scene.calls, 3 * SETTLED, scene.now)


async def joined(seed: int, before: int, more: int) -> tuple[Figures, Figures]:
    """Replicas that join busy ones: the first time with them, and what comes after."""
    scene = Play(seed)
    for number in range(before):
        scene.join(f"r{number}", CROWD)
    await asyncio.sleep(SETTLED + LONG)
    began = scene.now
    for number in range(before, before + more):
        scene.join(f"r{number}", CROWD)
    await asyncio.sleep(SETTLED + LONG)
    return figures(scene.calls, began, began + SETTLED), figures(scene.calls, began + SETTLED, scene.now)


async def left(seed: int) -> Figures:
    """Five busy replicas of which four go: what the last one has after a while."""
    scene = Play(seed)
    for number in range(5):
        scene.join(f"r{number}", CROWD)
    await asyncio.sleep(SETTLED)
    for number in range(1, 5):
        scene.leave(f"r{number}")
    began = scene.now
    await asyncio.sleep(SETTLED + LONG)
    return figures(scene.calls, began + 10.0, scene.now)


def works_well(steady: Figures) -> None:
    """What holds wherever more is wanted than there is."""
    assert steady.refused <= 0.02
    assert 0.85 * LIMIT <= steady.counted <= LIMIT


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("replicas", [1, 2, 3, 5, 7])
def test_replicas_converge_close_below_the_limit_and_are_seldom_refused(replicas: int, seed: int) -> None:
    works_well(play(equally_busy(replicas, seed)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("replicas", [2, 3, 5])
def test_equally_busy_replicas_get_about_the_same(replicas: int, seed: int) -> None:
    steady = play(equally_busy(replicas, seed))
    assert len(steady.each) == replicas
    assert max(steady.each.values()) <= 1.7 * min(steady.each.values())


def test_one_replica_is_never_refused() -> None:
    assert play(equally_busy(1, seed=1)).refused == 0


def test_a_busy_replica_beside_idle_ones_gets_what_they_leave() -> None:
    steady = play(one_busy(5, cards=0, seed=1))
    works_well(steady)
    assert steady.each["b"] == steady.counted


def test_a_busy_replica_beside_four_with_little_to_do_gets_more_than_its_share_and_they_what_they_want() -> None:
    steady = play(one_busy(5, cards=1, seed=1))
    assert steady.each.pop("b") > 1.5 * LIMIT / 5
    assert min(steady.each.values()) > 1.2  # of the 1.75 that one answer takes where nobody else is


@pytest.mark.parametrize("replicas", [1, 3, 5])
def test_final_texts_go_before_updates_in_every_replica(replicas: int) -> None:
    steady = play(equally_busy(replicas, seed=1))
    middle = steady.updates[len(steady.updates) // 2]
    assert steady.finals[int(0.95 * len(steady.finals))] < middle / 2
    assert steady.finals[-1] < middle


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("before", "more"), [(1, 2), (3, 2)])
def test_replicas_that_join_busy_ones_disturb_them_little(before: int, more: int, seed: int) -> None:
    first, then = play(joined(seed, before, more))
    assert first.refused <= 0.05
    assert first.counted >= 0.65 * LIMIT
    works_well(then)


def test_what_replicas_leave_that_go_is_soon_used() -> None:
    works_well(play(left(seed=1)))


# From here on with real processes.

PEOPLE = 36
MEASURED = 20.0


async def gauge(replica: Running, name: str) -> float:
    _, page = await replica.told("/metrics")
    (value,) = re.findall(rf"^dingtalk_{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE)
    return float(value)


async def shown(replicas: list[Running], name: str, value: float) -> None:
    """Wait until each shows this."""
    async with asyncio.timeout(30.0):
        while [await gauge(replica, name) for replica in replicas] != [value] * len(replicas):  # noqa: ASYNC110 - another process tells no events
            await asyncio.sleep(0.1)


async def test_three_processes_keep_to_the_robots_limit_together(tmp_path: Path, url: str) -> None:
    async with placed(tmp_path, history=20_000) as place:
        cluster = Cluster(place, url)
        cluster.settings |= {"CARD_MIN_INTERVAL": "0.2", "CARD_MAX_UPDATES": "500", "OPENAPI_QPS": str(LIMIT)}
        assert place.sandbox.rules.calls_per_second == LIMIT
        await cluster.grow(3)
        await shown(cluster.replicas, "replicas", 3)
        for person in range(PEOPLE):
            cluster.ask(f"问{person} 1500x0.02", f"p{person}")
        await place.sandbox.until(lambda: len(place.sandbox.cards) == PEOPLE, 60.0)
        began = asyncio.get_running_loop().time()
        first = len(place.sandbox.calls)
        await place.sandbox.until(lambda: asyncio.get_running_loop().time() - began > MEASURED, 2 * MEASURED)
        during = [call for call in place.sandbox.calls[first:] if call.api == "streaming"]
        refused = [call for call in during if "QpsLimit" in call.code]
        assert len(refused) <= 0.1 * len(during)
        assert len(during) - len(refused) >= 0.5 * LIMIT * MEASURED
        await kept(place)
        cluster.replicas.pop().kill(signal.SIGTERM)
        await shown(cluster.replicas, "replicas", 2)
        await shown(cluster.replicas, "openapi_rate", LIMIT / 2)
