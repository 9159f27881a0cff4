"""Programs that a run starts: each is a process of its own that writes to a file, and is gone when its run is."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    """A port on loopback that nobody listens on, for a program that has to keep it over a restart."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Program:
    """A process that runs. `output` is the file with all that it says."""

    process: "subprocess.Popen[bytes]"
    output: Path

    def until(self, ready: Callable[[], bool], timeout: float = 30.0) -> None:
        """Wait until the program is ready.

        Raises:
            RuntimeError: it ended first, or is not ready in time; with what it said.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.process.args!r} is not ready:\n{self.output.read_text('utf-8')[-4000:]}")
            time.sleep(0.05)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)


def start(command: list[str], output: Path, environment: Mapping[str, str]) -> Program:
    """Start a program in the checkout's folder."""
    with output.open("ab") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(output.parent), **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    return Program(process, output)


def start_service(output: Path, environment: Mapping[str, str]) -> Program:
    """Start `python -m actors run`."""
    return start([sys.executable, "-m", "actors", "run"], output, environment)


@contextmanager
def ended(program: Program) -> Iterator[Program]:
    """The program, which is killed in the end if it has not ended by itself."""
    try:
        yield program
    finally:
        program.end(signal.SIGKILL)
