"""The primary dies and its standby takes its place: with synchronous replication nothing that was acked is lost."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from actors.core import texts
from actors.errors import InboxUnavailable
from actors.inbox.port import Put, Word
from actors.inbox.sql import step
from tests.actors.conftest import eventually
from tests.chaos.conftest import placed
from tests.chaos.promises import SETTINGS, Allowed, accepted, kept, unacked
from tests.cluster.postgres import USER, Server, served, standing_by
from tests.cluster.test_postgresql_schema import opened
from tests.contract.stories import LI, SHOP, question

SECOND = "second"


@dataclass
class Pair:
    """A primary that acknowledges nothing which its standby does not have, as deploy/POSTGRESQL.md sets it up."""

    primary: Server
    standby: Server

    @property
    def url(self) -> str:
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://{USER}@{hosts}/postgres?target_session_attrs=read-write"


@contextmanager
def paired() -> Iterator[Pair]:
    with served("synchronous_commit=on") as primary, standing_by(primary, SECOND) as standby:
        primary.set(synchronous_standby_names=SECOND)
        yield Pair(primary, standby)


@pytest.fixture
def mortal() -> Iterator[Pair]:
    """A pair of which one may die."""
    with paired() as pair:
        yield pair


@pytest.fixture(scope="module")
def lasting() -> Iterator[Pair]:
    with paired() as pair:
        yield pair


@pytest.fixture
def pair(lasting: Pair) -> Pair:
    """A pair with nothing in it."""
    lasting.primary.execute("DROP SCHEMA public CASCADE")
    lasting.primary.execute("CREATE SCHEMA public")
    return lasting


def names(server: Server) -> set[object]:
    return {name for (name,) in server.execute("SELECT message_id FROM questions")}


async def test_what_is_acked_is_on_the_standby_that_takes_over(tmp_path: Path, mortal: Pair) -> None:
    async with placed(tmp_path) as place:
        settings = SETTINGS | {"INBOX_URL": mortal.url, "INBOX_LEASE": "3", "CARD_MIN_INTERVAL": "0.2"}
        replicas = [await place.serve(**settings) for _ in range(2)]
        asked = 0

        async def people_ask() -> None:
            nonlocal asked
            while True:
                # Which of two messages came first, replicas cannot tell while one of them is being stored.
                place.ask(f"问{asked} 20x0.05", sender=f"p{asked % 40}")
                asked += 1
                await asyncio.sleep(0.1)

        asking = asyncio.create_task(people_ask())
        await place.sandbox.until(lambda: len(accepted(place)) >= 20, 60.0)
        mortal.primary.kill()
        before = {said.id for said in accepted(place)}
        await place.sandbox.until(lambda: texts.ASK_AGAIN in place.messages("public"), 30.0)
        await asyncio.to_thread(mortal.standby.promote)
        await place.sandbox.until(lambda: len(accepted(place)) >= len(before) + 20, 60.0)
        asking.cancel()
        assert before <= names(mortal.standby)
        await place.sandbox.until(lambda: _all_told(place.messages("public"), len(unacked(place))), 30.0)
        await kept(place, Allowed(unacked=len(unacked(place))))
        assert {said.id for said in accepted(place)} <= names(mortal.standby)
        # The former primary comes back as a standby does, and is the first in the address.
        (mortal.primary.folder / "data" / "standby.signal").touch()
        await asyncio.to_thread(mortal.primary.start)
        there = names(mortal.primary)
        mortal.standby.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dingtalk-actors'"
        )
        place.ask("再问 3x0.01", sender="q")
        await kept(place, Allowed(unacked=len(unacked(place)) + 1))
        assert names(mortal.primary) == there
        assert all([(await replica.told("/readyz"))[0] == 200 for replica in replicas])
        assert all(connection.closed_at is None for connection in place.sandbox.connections)


def _all_told(messages: list[str], count: int) -> bool:
    return messages.count(texts.ASK_AGAIN) >= count


async def test_what_the_standby_does_not_have_is_not_stored_however_often_it_comes(pair: Pair) -> None:
    inbox = await opened(pair.url)
    assert await inbox.put(question("m1"), limit=8) is Put.NEW
    word = Word(SHOP, "w1", LI, LI, "staff-li")
    with pair.standby.hung():
        for _ in range(2):  # the second time the primary has it, but for itself
            with pytest.raises(InboxUnavailable):
                await inbox.put(question("m2"), limit=8)
            with pytest.raises(InboxUnavailable):
                await inbox.stop(word)
        assert names(pair.primary) == {"m1", "m2"}
    await eventually(inbox.healthy, 30.0)
    assert await inbox.put(question("m2"), limit=8) is Put.DUPLICATE
    assert await inbox.stop(word) is None
    await inbox.close()


async def test_a_question_counts_no_death_for_a_standby_that_is_away(pair: Pair) -> None:
    inbox = await opened(pair.url)
    await inbox.put(question("m1"), limit=8)
    with pair.standby.hung():
        stored: list[tuple[object, ...]] = []
        while stored != [("open", 1)]:  # taken, and given back
            with suppress(InboxUnavailable):
                assert await inbox.take(LI) is None
            stored = pair.primary.execute("SELECT state, attempt FROM questions")
    await eventually(inbox.healthy, 30.0)
    delivery = await inbox.take(LI)
    assert delivery is not None
    assert delivery.deaths == 0
    await inbox.close()


@pytest.mark.parametrize(
    ("said", "meant"), [("off", "on"), ("local", "local"), ("remote_write", "remote_write"), ("remote_apply",) * 2]
)
async def test_a_server_that_acknowledges_before_it_stores_is_told_to_store(pair: Pair, said: str, meant: str) -> None:
    """What an operator chose of standbys stays as it is: the disk of the primary is not to be done without."""
    inbox = await opened(f"{pair.url}&options=-csynchronous_commit%3D{said}")
    assert await inbox.engine.run(step("SHOW synchronous_commit")) == [[(meant,)]]
    await inbox.close()
