"""Containers of the image that tests start: on this machine's network, at ports that are free, in sandbox mode."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.operations.image import IMAGE
from tests.operations.stores import Store

T = TypeVar("T")

AS_KUBERNETES = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--memory=256m",
)
"""A restricted pod's container. Unlike podman, Kubernetes gives it no /tmp to write to."""


def command(store: Store, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a container to its end, without a network."""
    run = store.command("podman", "run", "--rm", "--pull=never", "--network=none", *options, IMAGE, *words)
    return subprocess.run(run, capture_output=True, text=True, check=False)


class Container:
    """One that serves the sandbox's robot."""

    def __init__(self, store: Store, *options: str, volume: Path | None = None) -> None:
        self._store = store
        kept = [] if volume is None else ["--volume", f"{volume}:/app/var"]
        ports = ["--env=HTTP_PORT=0", "--env=SANDBOX_PORT=0"]
        run = ["run", "--detach", "--pull=never", "--network=host", *options, *kept, *ports, IMAGE]
        self.id = store.podman(*run).strip()

    def output(self) -> tuple[str, str]:
        """What it wrote to stdout and stderr so far."""
        done = subprocess.run(
            self._store.command("podman", "logs", self.id), capture_output=True, text=True, check=True
        )
        return done.stdout, done.stderr

    def log(self) -> list[dict[str, Any]]:
        """Its log so far."""
        return [json.loads(line) for line in self.output()[0].splitlines()]

    def until(self, look: Callable[[], T | None]) -> T:
        """Wait for something to be seen."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.1)
        pytest.fail("\n".join(["not seen in time", *self.output()]))

    def readiness(self) -> dict[str, Any]:
        """What /readyz says when it says yes."""

        def listening() -> int | None:
            actions = (line for line in self.log() if line["action"] == "probes_listening")
            return next((line["port"] for line in actions), None)

        port = self.until(listening)

        def ready() -> dict[str, Any] | None:
            status, body = _ask(port, "GET", "/readyz")
            return body if status == 200 else None

        return self.until(ready)

    def say(self, text: str) -> None:
        """Ask its robot something."""
        status, answer = _ask(self._sandbox(), "POST", "/sandbox/say", {"robot": "sandbox", "text": text})
        assert status == 200, answer

    def cards(self) -> list[dict[str, Any]]:
        """The cards that people see, oldest first."""
        cards: list[dict[str, Any]] = _ask(self._sandbox(), "GET", "/sandbox/state")[1]["cards"]
        return cards

    def run(self, *words: str) -> str:
        """What a command says that is run inside."""
        return self._store.podman("exec", self.id, *words)

    def stop(self) -> int:
        """Stop it, as Kubernetes does; returns the exit code."""
        self._store.podman("stop", "--time", "60", self.id)
        return int(self.state("ExitCode"))

    def state(self, name: str) -> str:
        """What podman knows of it."""
        return self._store.podman("inspect", "--format", f"{{{{.State.{name}}}}}", self.id).strip()

    def changes(self) -> list[str]:
        """Files that were made or changed, but those of volumes."""
        return self._store.podman("diff", self.id).splitlines()

    def _sandbox(self) -> int:
        """The port of its sandbox."""
        return int(self.until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)", self.output()[1])).group(1))


def _ask(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except (OSError, HTTPException) as problem:
        return 0, problem
    finally:
        connection.close()
