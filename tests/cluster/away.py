"""Ways for a database to be away, each for as long as its context lasts, and replicas that are served from it through a
proxy, as a user who has no more rights than needed."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.chaos.conftest import Place, Running
from tests.chaos.promises import SETTINGS
from tests.cluster.postgres import Server
from tests.cluster.proxy import Proxy

LEASE = 15.0
BOT = "bot"
PASSWORD = "ge:heim/7"


@dataclass
class Home:
    """A database with its replicas."""

    place: Place
    server: Server
    proxy: Proxy
    replicas: list[Running] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As the replicas are told it: the password is an option, which is to be hidden as well."""
        return f"postgresql://{BOT}@127.0.0.1:{self.proxy.port}/inbox?password=ge%3Aheim%2F7"

    async def grow(self, replicas: int) -> None:
        """Start more of them, and wait until each is connected."""
        for _ in range(replicas):
            settings = SETTINGS | {"INBOX_URL": self.url, "INBOX_LEASE": str(LEASE), "CARD_MIN_INTERVAL": "0.2"}
            self.replicas.append(await self.place.serve(**settings))

    def ask(self, text: str, person: str) -> str:
        return self.place.sandbox.say(text, robot=self.place.robot, sender=person)

    def stored(self, wanted: str) -> list[tuple[object, ...]]:
        """What the database has of the questions."""
        return self.server.execute(f"SELECT {wanted} FROM questions ORDER BY sequence", "inbox")

    def logged(self, action: str) -> int:
        """How many lines all replicas have said of it."""
        return sum(f'"{action}"' in line for replica in self.replicas for line in replica.output)

    def busy(self) -> float:
        """Seconds that all replicas have computed."""
        return sum(_busy(replica.process.pid) for replica in self.replicas)


def _busy(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def furnished(server: Server) -> None:
    """Make the database and its user."""
    server.execute(f"CREATE USER {BOT} PASSWORD '{PASSWORD}'")
    server.execute(f"CREATE DATABASE inbox OWNER {BOT}")


Fault = Callable[[Home], AbstractContextManager[None]]


@contextmanager
def it_is_killed(home: Home) -> Iterator[None]:
    home.server.kill()
    yield
    home.server.start()


@contextmanager
def it_hangs(home: Home) -> Iterator[None]:
    with home.server.hung():
        yield


@contextmanager
def nothing_gets_through(home: Home) -> Iterator[None]:
    home.proxy.swallows = True
    yield
    home.proxy.swallows = False
    home.proxy.cut()


@contextmanager
def it_takes_no_writes(home: Home) -> Iterator[None]:
    """As one that was made a standby, on the connections that there are, too."""
    home.server.set(default_transaction_read_only="on")
    yield
    home.server.set(default_transaction_read_only="off")


@contextmanager
def the_table_is_locked(home: Home) -> Iterator[None]:
    """By an index that is being made: it can be read."""
    with psycopg.connect(home.server.url("inbox")) as shell:
        shell.execute("LOCK TABLE questions IN SHARE MODE")
        yield
        shell.rollback()


@contextmanager
def its_disk_is_full(home: Home) -> Iterator[None]:
    def execute(statement: str) -> None:
        home.server.execute(statement, "inbox")

    execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
    )
    for table in ("questions", "schema_version"):
        execute(f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION refuse()")
    yield
    execute("DROP FUNCTION refuse CASCADE")


@contextmanager
def it_has_no_connection_left(home: Home) -> Iterator[None]:
    home.server.execute(f"ALTER USER {BOT} CONNECTION LIMIT 0")
    home.server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{BOT}'")
    yield
    home.server.execute(f"ALTER USER {BOT} CONNECTION LIMIT -1")


FAULTS: dict[Fault, str] = {
    it_hangs: "does not answer|timeout expired",
    the_table_is_locked: "does not answer|statement timeout",
    it_takes_no_writes: "read-only",
    it_has_no_connection_left: "too many connections",
    nothing_gets_through: "does not answer|timeout expired",
    its_disk_is_full: "No space left on device",
    it_is_killed: "server closed the connection|terminat|starting up|EOF|reset|aborted|connection",
}
"""Each with what readiness says of it."""
