"""The database is away while people ask: they are told, running answers end on their cards, and all goes on by itself
when it is back; nothing spins, nothing is restarted, and no secret is told."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from actors.core import texts
from actors.errors import InboxError
from actors.inbox import postgresql, postgresql_hints
from actors.inbox.port import Hint
from actors.inbox.postgresql_inbox import PostgresqlInbox
from actors.inbox.postgresql_outage import STEADY_AFTER
from tests.actors.conftest import closed, eventually
from tests.chaos import puppet
from tests.chaos.conftest import THOROUGH, placed, some
from tests.chaos.promises import SETTINGS, Allowed, kept
from tests.cluster.away import FAULTS, LEASE, Fault, Home, furnished, it_is_killed
from tests.cluster.postgres import Server, served
from tests.cluster.proxy import Proxy, proxied
from tests.cluster.test_postgresql_schema import opened


@pytest.fixture(scope="module")
def shaky() -> Iterator[Server]:
    with served() as server:
        furnished(server)
        yield server


@pytest.fixture
async def home(tmp_path: Path, shaky: Server) -> AsyncIterator[Home]:
    """Two replicas, connected."""
    async with placed(tmp_path) as place, proxied(shaky.port) as proxy:
        home = Home(place, shaky, proxy)
        await home.grow(2)
        yield home


async def all_ready(home: Home) -> bool:
    return all([(await replica.told("/readyz"))[0] == 200 for replica in home.replicas])


async def all_say(home: Home, why: str) -> bool:
    told = [await replica.told("/readyz") for replica in home.replicas]
    return all(status == 503 and re.search(f"the inbox takes no writes: .*({why})", body) for status, body in told)


async def played(home: Home, fault: Fault, number: int) -> None:
    """The database goes away under running answers, people ask, and it comes back."""
    place, sandbox = home.place, home.place.sandbox
    running = [home.ask(f"跑{number}{person} 40x0.1", f"r{number}{person}") for person in range(3)]
    begun = [await place.card(f"r{number}{person}", calls=2) for person in range(3)]
    words = place.messages("public").count(texts.ASK_AGAIN)
    busy, began, connections = home.busy(), time.monotonic(), home.proxy.connections
    with fault(home):
        lost = [home.ask(f"丢{number}{person} 3x0.01", f"l{number}{person}") for person in range(4)]
        await sandbox.until(lambda: place.messages("public").count(texts.ASK_AGAIN) == words + len(lost), 30.0)
        pushed = {push.at for said in sandbox.said if said.id in lost for push in said.pushes}
        told = [message.at for message in sandbox.messages if message.text == texts.ASK_AGAIN][words:]
        assert max(told) - min(pushed) < 10.0
        await eventually(lambda: all_say(home, FAULTS[fault]), 60.0)
        assert all([(await replica.told("/healthz"))[0] == 200 for replica in home.replicas])
        await sandbox.until(lambda: all(map(closed, begun)), 60.0)
        if THOROUGH:
            await asyncio.sleep(60.0)  # it is the length of the time away that is played
        away = time.monotonic() - began
        await asyncio.sleep(max(0.0, LEASE + 1.0 - away))
    assert home.busy() - busy < 4.0 + 0.5 * away
    assert home.proxy.connections - connections < 40 + 20 * away
    await eventually(lambda: all_ready(home), 60.0)
    assert not any(said.acked for said in sandbox.said if said.id in lost)
    done = [(name, "closed", "answered", 1) for name in running]
    await eventually(lambda: _all_in(home, done), 60.0)
    home.ask(f"又{number} 3x0.01", f"l{number}0")
    await sandbox.until(
        lambda: any(f"又{number}" in card.text and closed(card) for card in sandbox.cards.values()), 60.0
    )


async def _all_in(home: Home, rows: list[tuple[str, str, str, int]]) -> bool:
    stored = await asyncio.to_thread(home.stored, "message_id, state, outcome, attempt")
    return set(rows) <= set(stored)


PLAYED = some([*FAULTS], 2)


@pytest.mark.timeout(120 * len(PLAYED))
async def test_whatever_way_the_database_is_away_all_are_told_and_nothing_is_lost(home: Home) -> None:
    for number, fault in enumerate(PLAYED):
        await played(home, fault, number)
    await kept(home.place, Allowed(unacked=4 * len(PLAYED)))
    await eventually(lambda: _as_often(home), 6 * STEADY_AFTER)
    assert 1 <= home.logged("inbox_failing") <= len(PLAYED) * len(home.replicas) + 2  # one may pause on a busy machine
    said = [line for replica in home.replicas for line in replica.output + replica.errors]
    assert sum('"level": "INFO"' not in line for line in said) < len(PLAYED) * 40
    assert not [line for line in said if re.search("ge:heim|ge%3Aheim", line)]
    assert all(connection.closed_at is None for connection in home.place.sandbox.connections)
    assert home.logged("stream_restarted") == 0


async def _as_often(home: Home) -> bool:
    return home.logged("inbox_failing") == home.logged("inbox_works_again") > 0


async def test_an_answer_that_outlasts_its_lease_ends_on_its_card_while_the_database_is_away_for_all(
    tmp_path: Path, shaky: Server
) -> None:
    lease = 3.0
    async with placed(tmp_path) as place, proxied(shaky.port) as proxy:
        home = Home(place, shaky, proxy)
        await home.grow(2, lease)
        name = home.ask("问 60x0.1", "p")
        card = await place.card("p", calls=2)
        began = time.monotonic()
        with it_is_killed(home):
            await place.sandbox.until(lambda: closed(card), 60.0)
            assert time.monotonic() - began > lease
        await kept(place)
        await eventually(lambda: _all_in(home, [(name, "closed", "answered", 1)]), 60.0)


SAID_OF_ITSELF = (
    'connection to server at "10.0.0.7", port 5432 failed: Connection refused',
    "server closed the connection unexpectedly",
    "FATAL:  the database system is starting up",
    "cannot execute UPDATE in a read-only transaction",
    "could not extend file: No space left on device",
)
SILENT = (
    "connection timeout expired",
    "the database does not answer",
    'FATAL:  too many connections for role "bot"',
    'connection to "a" failed: timeout expired\nconnection to "b" failed: session is read-only',
)


@pytest.mark.parametrize(("words", "for_all"), [*((w, True) for w in SAID_OF_ITSELF), *((w, False) for w in SILENT)])
def test_what_a_database_says_of_itself_is_so_for_all_and_silence_is_not(words: str, for_all: bool) -> None:
    assert postgresql.is_for_all(psycopg.OperationalError(words)) is for_all


async def test_a_replica_whose_clock_is_wrong_expires_nobodys_question(tmp_path: Path, shaky: Server, url: str) -> None:
    async with placed(tmp_path) as place:
        settings = SETTINGS | {"INBOX_URL": url, "INBOX_LEASE": str(LEASE)}
        right = await place.serve(**settings)
        strings = puppet.strings(tmp_path)
        puppet.turn_clock(tmp_path, 3600.0)
        await place.serve(*puppet.PUPPET, **settings | strings)
        place.sandbox.say("问 40x0.1", robot=place.robot, connection=place.sandbox.connections[0].id)
        await place.sandbox.until(lambda: any(len(card.versions) > 1 for card in place.sandbox.cards.values()), 30.0)
        right.kill()
        await kept(place, Allowed(deaths=1))


async def started(tmp_path: Path, port: int) -> tuple[int, str]:
    """A start that fails: its exit code, and all that it says."""
    async with placed(tmp_path) as place:
        address = f"postgresql://bot@127.0.0.1:{port}/inbox?password=ge%3Aheim%2F7&sslpassword=verborgen"
        running = await place.run(INBOX_URL=address)
        began = time.monotonic()
        code = await running.ended()
        assert time.monotonic() - began < 40.0
        assert not re.search("ge:heim|ge%3Aheim|verborgen", "".join(running.output + running.errors))
        return code, "".join(running.output + running.errors)


async def test_a_start_against_silence_ends_in_time_and_says_why(tmp_path: Path, shaky: Server) -> None:
    async with proxied(shaky.port) as proxy:
        proxy.swallows = True
        code, said = await started(tmp_path, proxy.port)
    assert code == 2
    assert re.search(r"^INBOX_URL: postgresql://127.*(timeout|does not answer)", said, re.MULTILINE)


async def test_a_table_that_is_kept_locked_ends_the_start_with_a_reason(
    shaky: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_LOCKED_WITHIN", "SET lock_timeout = '200ms'")
    shaky.execute("CREATE DATABASE locked")
    await (await opened(shaky.url("locked"))).close()
    with psycopg.connect(shaky.url("locked")) as shell:
        shell.execute("LOCK TABLE schema_version")
        with pytest.raises(InboxError, match="lock timeout"):
            await opened(shaky.url("locked"))


async def test_whoever_listens_to_a_server_that_fell_silent_listens_to_another(
    shaky: Server, url: str, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_hints, "LOOK_EVERY", 0.2)
    heard = asyncio.Queue[Hint]()
    async with proxied(postgresql.port) as proxy:
        inbox = await opened(url.replace(f":{postgresql.port}/", f":{proxy.port}/"))
        inbox.follow(heard.put_nowait)
        await asyncio.wait_for(heard.get(), 30.0)
        proxy.swallows = True
        await asyncio.sleep(0)
        there = proxy.connections
        await eventually(lambda: _more(proxy, there), 60.0)
        proxy.swallows = False
        await asyncio.wait_for(heard.get(), 60.0)
        await inbox.close()


async def test_connections_to_a_server_that_takes_no_writes_any_more_are_given_up(shaky: Server) -> None:
    shaky.execute("CREATE DATABASE demoted")
    inbox = await opened(shaky.url("demoted"))
    assert await inbox.healthy()
    shaky.set(default_transaction_read_only="on")
    try:
        await eventually(lambda: _refuses(inbox), 30.0)
        assert "read-only" in inbox.trouble
        await eventually(lambda: _given_up(inbox, shaky, "demoted"), 30.0)
    finally:
        shaky.set(default_transaction_read_only="off")
    await eventually(inbox.healthy, 30.0)
    await inbox.close()


async def _refuses(inbox: PostgresqlInbox) -> bool:
    return not await inbox.healthy()


async def _more(proxy: Proxy, than: int) -> bool:
    return proxy.connections > than


async def _given_up(inbox: PostgresqlInbox, server: Server, database: str) -> bool:
    # Asked again, as a service does: a connection that was on its way meanwhile finds out by its first refusal.
    await inbox.healthy()
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"
    return server.execute(count) == [(0,)]
