"""What a play of streams happens on: the sandbox in this process, a model's server and a contestant in their own.

The law: a contestant knows DingTalk and the model by its environment alone, and what it took is read from outside. The
three share the machine's cores, so what each of them took is told, and what strangers took beside them.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.sandbox.rules import Rules
from actors.sandbox.server import Sandbox
from tests.bench.usage import Usage, usage
from tests.jaap.trees import plant

ROOT = Path(__file__).parents[3]
ROBOT, SECRET = "bench", "bench-secret"
LATENCY = 0.08
QUIET = 0.25
"""Cores that may be busy when a play begins."""

LIMIT = 20
"""Calls a second and API, as DingTalk has it."""


OURS = ("actors", "run")
BOUND = ("tests.bench.streams.bound",)
"""The contestants: modules, with what is said to them."""

SETTINGS = {
    "AGENT": "openai:bench",
    "OPENAI_API_KEY": "none",
    "DINGTALK_CLIENT_ID": ROBOT,
    "DINGTALK_CLIENT_SECRET": SECRET,
    "MAX_CONCURRENT_TURNS": "2100",
    "MAX_CONVERSATIONS": "2200",
    "SHUTDOWN_GRACE": "0.1",
    "HTTP_PORT": "0",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything is connected."""

    robots: tuple[str, ...]
    sandbox: Sandbox
    server: asyncio.subprocess.Process
    port: int
    contestant: asyncio.subprocess.Process

    async def report(self) -> dict[str, Any]:
        """What the model's server tells."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /report HTTP/1.1\r\n\r\n")
        reply = await reader.read()
        writer.close()
        told: dict[str, Any] = json.loads(reply.partition(b"\r\n\r\n")[2])
        return told

    def used(self) -> Usage:
        """What the contestant took so far."""
        return usage(self.contestant.pid)

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU that each took so far, and the whole machine."""
        return {
            "contestant": self.used().cpu,
            "server": usage(self.server.pid).cpu,
            "sandbox": usage(os.getpid()).cpu,
            "machine": _machine(),
        }


def _machine() -> float:
    """Seconds that all cores were busy."""
    user, nice, system, _, _, irq, softirq, *_ = map(
        int, Path("/proc/stat").read_text("ascii").split("\n")[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


async def quiet(within: float = 10.0) -> None:
    """Wait until the machine is nearly idle, at most so many seconds."""
    give_up = time.monotonic() + within
    while time.monotonic() < give_up:
        before = _machine()
        await asyncio.sleep(1.0)
        if _machine() - before < QUIET:
            return


@asynccontextmanager
async def staged(
    command: tuple[str, ...], place: Path = ROOT, robots: int = 1, **settings: str
) -> AsyncIterator[Stage]:
    """A contestant that is connected for so many robots, before a model's server; its code is of the checkout in
    `place`."""
    rules = Rules(latency=LATENCY, calls_per_second=LIMIT, first_ping=0.05, redeliveries=0)
    more = {name: {"clientId": name, "clientSecret": SECRET} for name in (f"{ROBOT}{n}" for n in range(1, robots))}
    names = (ROBOT, *more)
    with tempfile.TemporaryDirectory() as folder:
        if more:
            settings["ROBOTS_DIR"] = str(plant(Path(folder) / "app", more))
        async with Sandbox(robots=dict.fromkeys(names, SECRET), rules=rules, history=10_000) as sandbox:
            server = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.bench.streams.server"),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert server.stdout is not None
            port = int(await server.stdout.readline())
            environment = {
                "DINGTALK_OPENAPI_ENDPOINT": sandbox.url,
                "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
                "INBOX_URL": f"sqlite:///{folder}/inbox.db",
            }
            contestant = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", *command),
                cwd=place,
                env=os.environ | SETTINGS | environment | settings,
                stdout=asyncio.subprocess.DEVNULL,
            )
            try:
                await sandbox.until(lambda: all(map(sandbox.online, names)), 30)
                await sandbox.until(lambda: sandbox.pings and sandbox.pings[0].acked, 30)
                await sandbox.until(lambda: any(call.api == "token" and call.status for call in sandbox.calls), 30)
                yield Stage(names, sandbox, server, port, contestant)
            finally:
                for process in (contestant, server):
                    process.kill()
                    await process.wait()
