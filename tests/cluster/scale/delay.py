"""`python -m tests.cluster.scale.delay PORT SECONDS`: a network before a port of this machine, over which everything
takes so long, each way. It prints the port it listens on, and runs until it is ended.

A process of its own, and threads that sleep: an event loop's timers are whole milliseconds.
"""

import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[3]


@contextmanager
def delayed(port: int, seconds: float) -> Iterator[int]:
    """The port behind which another one is, so far away."""
    command = [sys.executable, "-m", "tests.cluster.scale.delay", str(port), str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _serve(port: int, seconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            here, _ = listener.accept()
            there = socket.create_connection(("127.0.0.1", port))
            for one, other in ((here, there), (there, here)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=_pass, args=(one, other, seconds), daemon=True).start()


def _pass(here: socket.socket, there: socket.socket, seconds: float) -> None:
    under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_arrive, args=(there, under_way), daemon=True).start()
    with suppress(OSError):
        while piece := here.recv(65_536):
            under_way.put((time.monotonic() + seconds, piece))
    under_way.put((time.monotonic() + seconds, b""))


def _arrive(there: socket.socket, under_way: queue.SimpleQueue[tuple[float, bytes]]) -> None:
    with suppress(OSError):
        while True:
            due, piece = under_way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not piece:
                break
            there.sendall(piece)
        there.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), float(sys.argv[2]))
