"""A robot of a story, and the program behind it, in any language: what leads it here, its start and its end."""

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from actors.sandbox.records import Call

if TYPE_CHECKING:
    from actors.sandbox.testing import DingTalk

LEAVE = 5.0
"""Seconds that a robot's program has to end when it is asked to."""


class Robot:
    """A robot, and the program behind it. Its `environment` is what that program needs to know."""

    def __init__(self, platform: "DingTalk", client_id: str, secret: str) -> None:
        self.client_id = client_id
        self.secret = secret
        self._platform = platform
        self._programs: list[asyncio.subprocess.Process] = []

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead a program here: the endpoint by the name that DingTalk's Python SDK reads, credentials by
        the names that most robots read, and no proxy on the way."""
        return {
            "DINGTALK_OPENAPI_ENDPOINT": self._platform.url,
            "DINGTALK_CLIENT_ID": self.client_id,
            "DINGTALK_CLIENT_SECRET": self.secret,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    async def runs(self, *command: str | Path, **variables: str) -> None:
        """Start the robot's program, with its `environment` and further variables, and wait until it is online. It ends
        with the platform.

        Raises:
            AssertionError: it ended before, or is not online in time; the message has what it printed.
        """
        environment = {**os.environ, **self.environment, **variables}
        with tempfile.TemporaryFile() as output:
            process = await asyncio.create_subprocess_exec(
                *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
            )
            self._programs.append(process)
            ended = asyncio.create_task(process.wait())
            online = asyncio.create_task(self.is_online())
            await asyncio.wait({ended, online}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if not online.done() or online.exception():
                online.cancel()
                output.seek(0)
                how = "is not online" if process.returncode is None else f"ended with {process.returncode}"
                printed = output.read()[-4000:].decode(errors="replace")
                raise AssertionError(f"the program of {self.client_id} {how}; it printed:\n{printed}")

    async def ends(self) -> None:
        """End the programs that were started, and wait until they have gone."""
        while self._programs:
            process = self._programs.pop()
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), LEAVE)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def is_online(self, connections: int = 1) -> None:
        """Wait until it has so many live connections."""
        online = self._platform.sandbox.online
        await self._platform.until(
            lambda: online(self.client_id) >= connections,
            f"{self.client_id} has {connections} live connection(s)",
            lambda: f"it has {online(self.client_id)}",
        )

    async def is_offline(self) -> None:
        """Wait until it has none."""
        await self._platform.until(
            lambda: not self._platform.sandbox.online(self.client_id), f"{self.client_id} has no live connection"
        )

    def calls(self, api: str = "") -> list[Call]:
        """The API calls that it made, or those of one API, oldest first."""
        return [call for call in self._platform.sandbox.calls if call.robot == self.client_id and api in {"", call.api}]
