"""What the start says of a database that cannot be used: what to do, and never the password."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from actors.errors import InboxError
from actors.inbox.postgresql import where
from actors.inbox.postgresql_inbox import PostgresqlInbox
from tests.cluster.postgres import Server, free_port, served
from tests.cluster.test_postgresql_schema import opened

PASSWORD = "ge:heim/7"
QUOTED = "ge%3Aheim%2F7"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """A server that asks the user `bot` for a password, and speaks TLS with whoever wants it."""
    with served("fsync=off") as server:
        server.execute(f"CREATE USER bot PASSWORD '{PASSWORD}'")
        server.execute("CREATE DATABASE inbox OWNER dingtalk")
        server.execute("CREATE DATABASE tables OWNER bot")
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text("host all bot all scram-sha-256\nhost all all all trust\n", encoding="utf-8")
        server.execute("SELECT pg_reload_conf()")
        yield server


def url(server: Server, password: str = QUOTED, database: str = "inbox", options: str = "") -> str:
    return f"postgresql://bot:{password}@127.0.0.1:{server.port}/{database}{options}"


async def refused(url: str) -> str:
    with pytest.raises(InboxError) as raised:
        await opened(url)
    said = str(raised.value)
    assert not re.search("geheim|ge:heim|ge%3Aheim|falsch", said)
    return said


async def test_the_password_itself_is_right(guarded: Server) -> None:
    inbox: PostgresqlInbox = await opened(url(guarded, database="tables"))
    assert await inbox.healthy()
    await inbox.close()


async def test_a_wrong_password(guarded: Server) -> None:
    said = await refused(url(guarded, "falsch"))
    assert "password authentication failed" in said
    assert "user, password" in said


async def test_a_database_that_does_not_exist(guarded: Server) -> None:
    assert 'database "nowhere" does not exist' in await refused(url(guarded, database="nowhere"))


async def test_nobody_there() -> None:
    said = await refused(f"postgresql://bot:{QUOTED}@127.0.0.1:{free_port()}/inbox")
    assert "see that the server runs" in said


async def test_a_host_that_has_no_address() -> None:
    assert "host" in await refused(f"postgresql://bot:{QUOTED}@nowhere.invalid/inbox")


@pytest.mark.parametrize(
    "wrong", [f"postgresql://bot:{QUOTED}@host:port/inbox", f"postgresql://bot:{QUOTED}@h/db?mood=good"]
)
async def test_an_address_that_is_none(wrong: str) -> None:
    assert re.search(r"must be postgresql://|host, port", await refused(wrong))


async def test_no_right_to_make_tables(guarded: Server) -> None:
    assert "GRANT CREATE ON SCHEMA public" in await refused(url(guarded))


async def test_no_right_to_the_tables(guarded: Server) -> None:
    guarded.execute("CREATE DATABASE others")
    owner = f"postgresql://dingtalk@127.0.0.1:{guarded.port}/others"
    await (await opened(owner)).close()
    said = await refused(url(guarded, database="others"))
    assert "schema_version" in said
    assert "GRANT ALL" in said
    guarded.execute("GRANT SELECT ON schema_version TO bot", "others")
    said = await refused(url(guarded, database="others"))
    tables = guarded.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", "others")
    assert all(str(table) in said for (table,) in tables)
    assert "GRANT ALL" in said
    guarded.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO bot", "others")
    await (await opened(url(guarded, database="others"))).close()


async def test_a_server_without_tls_that_is_to_have_it(guarded: Server) -> None:
    said = await refused(url(guarded, options="?sslmode=require"))
    assert "SSL" in said
    assert "sslmode" in said


def secured(server: Server, authority: trustme.CA) -> None:
    """Have a running server speak TLS."""
    certificate = authority.issue_cert("127.0.0.1")
    data = server.folder / "data"
    certificate.cert_chain_pems[0].write_to_path(data / "server.crt")
    certificate.private_key_pem.write_to_path(data / "server.key")
    owner = data.stat()
    for name in ("server.crt", "server.key"):
        (data / name).chmod(0o600)
        if os.geteuid() == 0:
            os.chown(data / name, owner.st_uid, owner.st_gid)
    server.stop()
    server.start("fsync=off", "ssl=on")


async def test_a_server_is_known_by_its_authority(guarded: Server, tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    secured(guarded, authority)
    for name, certificates in (("ours", authority), ("theirs", stranger)):
        certificates.cert_pem.write_to_path(tmp_path / name)
    options = f"?sslmode=verify-full&sslrootcert={tmp_path}"
    await (await opened(url(guarded, database="tables", options=f"{options}/ours"))).close()
    said = await refused(url(guarded, database="tables", options=f"{options}/theirs"))
    assert "certificate verify failed" in said
    named = url(guarded, database="tables", options=f"{options}/ours").replace("127.0.0.1", "localhost")
    assert 'does not match host name "localhost"' in await refused(named)


def test_the_service_ends_with_2_and_names_the_variable(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "INBOX_URL": f"postgresql://bot:{QUOTED}@127.0.0.1:{free_port()}/inbox",
        "DINGTALK_CLIENT_ID": "ding1",
        "DINGTALK_CLIENT_SECRET": "robot-secret",
        "HTTP_PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "actors", "run"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.search(r"^INBOX_URL: postgresql://127.*cannot be connected to", done.stderr, re.MULTILINE)
    assert not re.search("ge:heim|ge%3Aheim", done.stdout + done.stderr)


def test_who_has_a_file_does_not_wait_for_the_databases_driver() -> None:
    told = "import sys, actors.service, actors.parts, actors.__main__; print('psycopg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("secret", ["p@ss", "p?ss", "p@s?s@s"])
def test_no_part_of_a_password_is_taken_for_a_place(secret: str) -> None:
    assert not re.search("ss|p", where(f"postgresql://bot:{secret}@db/inbox").removeprefix("postgresql://"))
