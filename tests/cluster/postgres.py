"""A real PostgreSQL of one's own: a server in a folder that is thrown away, run by somebody without rights."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg

USER = "dingtalk"
UNPRIVILEGED = "postgres"
"""Whom Debian's package brings along: the server refuses to be run by root."""


@cache
def programs() -> Path:
    """Where Debian keeps the server's programs."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass
class Server:
    """A server; `folder` holds its data and its log."""

    folder: Path
    port: int

    def url(self, database: str = "postgres", schema: str = "") -> str:
        """Where it is, with a schema of its own for whoever wants to be alone."""
        options = f"?options=-csearch_path%3D{schema}" if schema else ""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}{options}"

    def start(self, *settings: str) -> None:
        """Start it, and wait until it takes connections. `settings` are NAME=VALUE."""
        fixed = (f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=")
        options = " ".join(f"-c {setting}" for setting in (*fixed, *settings))
        self._control("start", "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, how: str = "fast") -> None:
        """End it: `fast` in order, `immediate` as a crash."""
        self._control("stop", "-w", "-m", how)

    def kill(self) -> None:
        """kill -9 of all of it."""
        self._signal(signal.SIGKILL)
        self._lock.unlink()  # the dead may stay in the table of processes for as long as nobody asks how they ended

    @contextmanager
    def hung(self) -> Iterator[None]:
        """All of it stands still for as long as the context lasts; its sockets stay open."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def promote(self) -> None:
        """Have a standby take writes, and wait until it does."""
        self._control("promote", "-w", "-t", "60")

    def set(self, **settings: str) -> None:
        """Change settings of the running server."""
        for name, value in settings.items():
            self.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self.execute("SELECT pg_reload_conf()")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as its owner, and give its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _signal(self, number: int) -> None:
        leader = int(self._lock.read_text().split()[0])
        children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
        for process in (leader, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    @property
    def _lock(self) -> Path:
        return self._data / "postmaster.pid"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _control(self, *arguments: str) -> None:
        run("pg_ctl", "-D", str(self._data), *arguments)


def run(program: str, *arguments: str) -> None:
    """Run one of the server's programs, by somebody without rights."""
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    subprocess.run(
        [programs() / program, *arguments],
        check=True,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def served(*settings: str) -> Iterator[Server]:
    """A server that runs for as long as the context lasts."""
    made = ("initdb", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D")
    with _served(made, settings) as server:
        yield server


@contextmanager
def standing_by(primary: Server, name: str, *settings: str) -> Iterator[Server]:
    """A standby of another server, known to it by this name, for as long as the context lasts."""
    made = ("pg_basebackup", "-d", primary.url(), "-R", "-c", "fast", "-N", "-D")
    with _served(made, (f"cluster_name={name}", *settings)) as standby:
        yield standby


@contextmanager
def _served(made: tuple[str, ...], settings: tuple[str, ...]) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = Server(folder, free_port())
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        run(*made, str(folder / "data"))
        server.start(*settings)
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # it may have been killed
                server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
