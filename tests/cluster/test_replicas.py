"""Three real processes of the service at one database: one robot, whose messages come to any of them."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.conftest import placed
from tests.chaos.promises import Allowed, accepted, kept, runs_of
from tests.cluster.postgres import Server
from tests.cluster.replicas import LEASE, Cluster, logged

PEOPLE = 12


@pytest.fixture
async def cluster(tmp_path: Path, url: str) -> AsyncIterator[Cluster]:
    """Three replicas, connected."""
    async with placed(tmp_path) as place:
        cluster = Cluster(place, url)
        await cluster.grow(3)
        yield cluster


async def test_questions_are_answered_once_and_in_order_whichever_replica_they_come_to(cluster: Cluster) -> None:
    for round_ in range(5):
        for person in range(PEOPLE):
            cluster.ask(f"问{round_}之{person} 3x0.02", f"p{person}")
        # Which of two messages came first, two replicas can tell only where one was stored before the other came.
        await cluster.place.sandbox.until(lambda: all(said.acked for said in cluster.place.sandbox.said), 30.0)
    await kept(cluster.place)
    assert len(accepted(cluster.place)) == 5 * PEOPLE
    assert {push.connection for push in cluster.place.sandbox.acks} == {
        connection.id for connection in cluster.place.sandbox.connections
    }


async def test_a_message_that_comes_to_every_replica_is_answered_once(cluster: Cluster) -> None:
    sandbox = cluster.place.sandbox
    message_id = sandbox.say("问 3x0.02", robot=cluster.place.robot, sender="p", connection=sandbox.connections[0].id)
    for connection in list(sandbox.connections)[1:]:
        sandbox.say("问 3x0.02", robot=cluster.place.robot, sender="p", message_id=message_id, connection=connection.id)
    await kept(cluster.place)
    assert len(sandbox.cards) == 1
    assert len(runs_of(cluster.place)["问 3x0.02"]) == 1


async def test_the_questions_of_a_killed_replica_are_taken_over_soon_and_on_the_same_cards(cluster: Cluster) -> None:
    asked = [cluster.ask(f"问{person} 120x0.05", f"p{person}") for person in range(PEOPLE)]
    await cluster.place.sandbox.until(
        lambda: (
            len(cluster.place.sandbox.cards) == PEOPLE
            and all(len(card.versions) >= 3 for card in cluster.place.sandbox.cards.values())
        ),
        30.0,
    )
    dead, *others = cluster.replicas
    dead.kill()
    await dead.ended()
    ended = {line["message_id"] for line in logged(dead, "turn_ended")}
    orphans = {name for name in asked if cluster.holder(name) is dead} - ended
    died = asyncio.get_running_loop().time()

    def adopted() -> bool:
        begun = {line["message_id"] for each in others for line in logged(each, "turn_began") if line["turn"] == 2}
        return begun >= orphans

    await cluster.place.sandbox.until(adopted, LEASE + 30.0)
    assert asyncio.get_running_loop().time() - died < LEASE + 15.0  # 5 s, on a machine that does nothing else
    await kept(cluster.place, Allowed(deaths=1))
    assert len(cluster.place.sandbox.cards) == PEOPLE


async def test_a_rolling_restart_loses_nothing(cluster: Cluster) -> None:
    # What reaches a replica after it said goodbye is stored, but not acked: DingTalk pushes it once more.
    cluster.place.sandbox.rules.redelivery_after = 5.0
    asked = 0

    async def people_ask() -> None:
        nonlocal asked
        while True:
            cluster.ask(f"问{asked} 10x0.05", f"p{asked % PEOPLE}")
            asked += 1
            await asyncio.sleep(0.1)

    asking = asyncio.create_task(people_ask())
    for old in list(cluster.replicas):
        await cluster.grow(1)
        old.kill(signal.SIGTERM)
        assert await old.ended() == 0
    asking.cancel()
    await kept(cluster.place, Allowed(deaths=3, unacked=0))
    assert asked > 10


async def test_a_database_that_dies_and_comes_back_loses_nothing(tmp_path: Path, crashing: Server) -> None:
    async with placed(tmp_path) as place:
        cluster = Cluster(place, crashing.url())
        await cluster.grow(2)
        for person in range(4):
            cluster.ask(f"问{person} 40x0.1", f"p{person}")
        await place.sandbox.until(lambda: len(place.sandbox.cards) == 4, 30.0)
        crashing.kill()
        lost = cluster.ask("没存下", "q")
        await place.sandbox.until(lambda: place.messages("public"), 15.0)
        assert not any(said.acked for said in place.sandbox.said if said.id == lost)
        await asyncio.to_thread(crashing.start)
        await kept(place, Allowed(deaths=2, unacked=1))
        cluster.ask("又来", "q")
        await kept(place, Allowed(deaths=2, unacked=1))
        assert all(connection.closed_at is None for connection in place.sandbox.connections)
