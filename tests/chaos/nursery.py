"""Processes of our commands that need not bring in their modules first: each is forked from a process that has them.

The law: such a process is one of `python -m actors …` in everything but the second that the import takes, of which a
suite with hundreds of starts has too many: a pid, pipes, an environment and a folder of its own, and it may be killed.
`python -m tests.chaos.nursery` is the process that forks; it ends, and ends what it started, with whoever started it.
"""

import asyncio
import atexit
import faulthandler
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, cast

ROOT = Path(__file__).parents[2]
MODULES = (
    "actors.__main__",
    "actors.doctor.command",
    "actors.inbox.postgresql_inbox",
    "actors.records.command",
    "actors.records.move",
    "actors.service",
    "tests.chaos.cast",
)
ORDER = 200_000
"""Bytes of an order, at most: the words and the environment of the process."""

LONGEST = 100.0
"""Seconds that a command which is waited for may take."""


class Forked:
    """A process, as `asyncio.subprocess.Process` would have it."""

    def __init__(self, *pipes: asyncio.StreamReader) -> None:
        self._status, self.stdout, self.stderr = pipes
        self.pid = 0
        self._handle: int | None = None
        self._code: int | None = None

    async def begun(self) -> None:
        """Wait until it is there."""
        self.pid = int(await self._status.readline())
        with suppress(ProcessLookupError):
            self._handle = os.pidfd_open(self.pid)  # no signal must ever meet another process of the same number

    def send_signal(self, number: int) -> None:
        """Send a signal.

        Raises:
            ProcessLookupError: it has ended.
        """
        if self._handle is None:
            raise ProcessLookupError
        signal.pidfd_send_signal(self._handle, number)

    async def wait(self) -> int:
        """Wait for its end; returns the exit code, minus the signal that ended it."""
        if told := await self._status.readline():
            self._code = int(told)
        await self._status.read()  # nothing more, but its end closes the pipe
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        assert self._code is not None
        return self._code


async def fork(environment: Mapping[str, str], *words: str) -> Forked:
    """Start `python -m actors` with these words."""
    pipes = [os.pipe() for _ in range(3)]
    _order(environment, words, [there for _, there in pipes])
    for _, there in pipes:
        os.close(there)
    forked = Forked(*[await _reader(here) for here, _ in pipes])
    await forked.begun()
    return forked


def run(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m actors` with these words to its end, as `subprocess.run` would.

    Raises:
        TimeoutError: it does not come to an end.
    """
    status, there = os.pipe()
    with TemporaryFile() as output, TemporaryFile() as errors, os.fdopen(status) as told:
        _order(environment, words, [there, output.fileno(), errors.fileno()])
        os.close(there)
        told.readline()
        if not select.select([told], [], [], LONGEST)[0]:
            raise TimeoutError(words)
        code = told.read()
        texts = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (output, errors)]
    return subprocess.CompletedProcess(words, int(code), *texts)


def _order(environment: Mapping[str, str], words: Sequence[str], files: Sequence[int]) -> None:
    order = json.dumps({"words": words, "environment": dict(environment)}).encode()
    socket.send_fds(_nursery(), [order], files)


async def _reader(pipe: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(pipe, "rb", buffering=0))
    return reader


@cache
def _nursery() -> socket.socket:
    """The process that forks for this one."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.nursery"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        stdin=there.fileno(),
    )
    there.close()

    def end() -> None:
        here.close()
        process.wait()

    atexit.register(end)
    return here


def main() -> None:
    """Fork for whoever is at the other end of stdin, until that end is closed."""
    for module in MODULES:
        importlib.import_module(module)
    gc.freeze()
    orders = socket.socket(fileno=os.dup(0))
    ended, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    statuses: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([orders.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _report(statuses)
        if orders.fileno() in ready:
            order, pipes, *_ = socket.recv_fds(orders, ORDER, 3)
            if not order:
                for pid in statuses:
                    os.kill(pid, signal.SIGKILL)
                return
            status, stdout, stderr = pipes
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                orders.detach()
                _live(**json.loads(order), stdout=stdout, stderr=stderr)
            os.write(status, f"{pid}\n".encode())
            statuses[pid] = status
            os.close(stdout)
            os.close(stderr)


def _report(statuses: dict[int, int]) -> None:
    """Say how those ended that did."""
    for pid in list(statuses):
        found, how = os.waitpid(pid, os.WNOHANG)
        if found:
            status = statuses.pop(pid)
            with suppress(BrokenPipeError):
                os.write(status, f"{os.waitstatus_to_exitcode(how)}\n".encode())
            os.close(status)


def _live(words: list[str], environment: dict[str, str], stdout: int, stderr: int) -> None:
    """Be such a process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    gc.unfreeze()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.closerange(3, 1024)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")  # the old ones stand for what the nursery had here
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["python -m actors", *words]
    for action in filter(None, environment.get("PYTHONWARNINGS", "").split(",")):
        warnings.simplefilter(cast("Any", action))
    if "PYTHONFAULTHANDLER" in environment:
        faulthandler.enable()
    code = 1
    try:
        code = importlib.import_module("actors.__main__").main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - as the interpreter would
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
