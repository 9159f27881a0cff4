"""Three real processes of the service at one database: one robot, whose messages come to any of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.core.card import STOP, button_id, card_id
from tests.chaos.conftest import Place, Running, placed
from tests.chaos.promises import SETTINGS, Allowed, accepted, kept, runs_of
from tests.cluster.postgres import Server

LEASE = 3.0
PEOPLE = 12


class Cluster:
    """Replicas of one robot's service."""

    def __init__(self, place: Place, url: str) -> None:
        self.place = place
        self.settings = SETTINGS | {"INBOX_URL": url, "INBOX_LEASE": str(LEASE), "CARD_MIN_INTERVAL": "0.2"}
        self.replicas: list[Running] = []

    async def grow(self, replicas: int) -> None:
        """Start more of them, and wait until each is connected."""
        for _ in range(replicas):
            self.replicas.append(await self.place.serve(**self.settings))

    def ask(self, text: str, person: str) -> str:
        return self.place.sandbox.say(text, robot=self.place.robot, sender=person)

    def holder(self, message_id: str) -> Running:
        """Who took this question in, and answers it as long as nothing happens."""
        (holder,) = (
            replica
            for replica in self.replicas
            if any(f'"{message_id}"' in line and '"message_accepted"' in line for line in replica.output)
        )
        return holder


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


async def test_the_questions_of_a_killed_replica_are_taken_over_on_the_same_cards(cluster: Cluster) -> None:
    for person in range(PEOPLE):
        cluster.ask(f"问{person} 60x0.05", f"p{person}")
    await cluster.place.sandbox.until(
        lambda: (
            len(cluster.place.sandbox.cards) == PEOPLE
            and all(len(card.versions) >= 3 for card in cluster.place.sandbox.cards.values())
        ),
        30.0,
    )
    cluster.replicas[0].kill()
    await kept(cluster.place, Allowed(deaths=1))
    assert len(cluster.place.sandbox.cards) == PEOPLE


async def test_a_rolling_restart_loses_nothing(cluster: Cluster) -> None:
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


async def test_a_zombie_writes_nothing_more_once_its_question_is_somebody_elses(cluster: Cluster) -> None:
    name = cluster.ask("问 100x0.1", "p")
    await cluster.place.card("p", calls=3)
    zombie = cluster.holder(name)
    os.kill(zombie.process.pid, signal.SIGSTOP)
    stood = asyncio.get_running_loop().time()
    await cluster.place.sandbox.until(lambda: len(runs_of(cluster.place)["问 100x0.1"]) == 2, LEASE + 15.0)
    assert asyncio.get_running_loop().time() - stood < LEASE + 5.0
    os.kill(zombie.process.pid, signal.SIGCONT)
    await kept(cluster.place, Allowed(deaths=1))


async def test_a_stop_word_reaches_the_replica_that_runs_the_answer(cluster: Cluster) -> None:
    name = cluster.ask("问 1x0.01 hang", "p")
    card = await cluster.place.card("p", calls=2)
    holder = cluster.holder(name)
    others = [
        connection.id
        for connection in cluster.place.sandbox.connections
        if not any(push.connection == connection.id for push in cluster.place.sandbox.acks)
    ]
    assert holder in cluster.replicas
    cluster.place.sandbox.say("/stop", robot=cluster.place.robot, sender="p", connection=others[0])
    await cluster.place.sandbox.until(lambda: card.finalized, 10.0)
    assert "停止" in card.text


async def test_a_press_of_stop_reaches_the_replica_that_runs_the_answer(cluster: Cluster) -> None:
    for number in range(6):
        name = cluster.ask(f"问{number} 1x0.01 hang", f"p{number}")
        card = await cluster.place.card(f"p{number}", calls=2)
        assert cluster.place.sandbox.click(card.id, button_id(STOP, name), f"p{number}")
        assert card_id(cluster.place.robot, name) == card.id
    await cluster.place.all_closed(6)
    assert all("停止" in card.text for card in cluster.place.sandbox.cards.values())


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
