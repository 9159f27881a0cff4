"""The scene of a case: the sandbox as the platform and a contestant, each a fresh process of its own.

All figures but the contestant's own use of the machine are the platform's: when a message was pushed, acked, and when a
card showed what.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from actors.sandbox.rules import Rules
from tests.bench import seen
from tests.bench.contestants import OURS, PROGRAMS, TASKS
from tests.bench.platform import Platform, platform
from tests.bench.seen import ROBOT, SECRET
from tests.bench.usage import Usage, usage

ROOT = Path(__file__).parents[2]
LATENCY = 0.08
"""Seconds of every API call, as in the cases that the founding tutorial was measured with."""

LIMIT = 20
"""Calls a second and API that DingTalk takes."""

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """A contestant that is connected; `rested` is what it took then. Its handshake was at `online`, and its program was
    started at `started` (monotonic seconds)."""

    platform: Platform
    inbox: Path
    process: asyncio.subprocess.Process
    rested: Usage
    started: float
    online: float

    def now(self) -> Usage:
        """What the contestant takes now."""
        return usage(self.process.pid)

    def used(self, answers: int) -> Figures:
        """What so many answers took of the machine."""
        now = self.now()
        cpu = now.cpu - self.rested.cpu
        return {
            "memory at rest, MB": self.rested.resident,
            "memory at its peak, MB": now.peak,
            "CPU": cpu,
            **({"CPU per answer": cpu / answers} if answers else {}),
        }


@asynccontextmanager
async def served(
    contestant: str = OURS, *, latency: float = LATENCY, limit: int = LIMIT, **settings: str
) -> AsyncIterator[Scene]:
    """A sandbox with DingTalk's limits, and a contestant that is connected to it. `limit` 0: none."""
    rules = Rules(latency=latency, calls_per_second=limit, first_ping=0.05, ping_interval=1.0, redeliveries=0)
    async with platform({ROBOT: SECRET}, rules) as there:
        with tempfile.TemporaryDirectory() as folder:
            inbox = Path(folder) / "inbox.db"
            environment = {
                "DINGTALK_CLIENT_ID": ROBOT,
                "DINGTALK_CLIENT_SECRET": SECRET,
                "DINGTALK_OPENAPI_ENDPOINT": there.url,
                "NO_PROXY": "127.0.0.1",
                "AGENT": "python:tests.bench.agents:evenly",
                "INBOX_URL": f"sqlite:///{inbox}",
                "HTTP_PORT": "0",
                "LOG_LEVEL": "WARNING",
            }
            started = asyncio.get_running_loop().time()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *PROGRAMS[contestant], cwd=ROOT, env=dict(os.environ) | environment | settings
            )
            try:
                online = await there.do(seen.connected, token=contestant in {OURS, TASKS})
                yield Scene(there, inbox, process, usage(process.pid), started, online)
            finally:
                await ended(process)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Drain a contestant, and wait for its end."""
    if process.returncode is None:
        process.terminate()
    await process.wait()
