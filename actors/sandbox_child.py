"""The local sandbox as a child process, for a service that has no robot to serve.

The child lives as long as its standard input is open, so it goes with this process however that ends, and stays through
a drain. All that the two share is DingTalk's wire protocol.
"""

import json
import os
import secrets
import subprocess
import sys
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from actors.errors import SettingsError
from actors.redaction import hide
from actors.settings import Settings

ROBOT = "sandbox"
"""The client id of the robot that the sandbox has."""

GOODBYE = 5.0
"""Seconds that the child has to end in."""


class SandboxChild:
    """A running sandbox; `url` is the chat page's address and the endpoint of its API, once it listens."""

    def __init__(self, settings: Settings) -> None:
        """Start it; it takes a moment to come up, in which there is something else to do."""
        self.url = ""
        self._port = settings.sandbox_port
        places = {
            "SANDBOX_HOST": settings.sandbox_host,
            "SANDBOX_PORT": str(settings.sandbox_port),
            "SANDBOX_TEMPLATES": settings.sandbox_templates,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "actors.sandbox", "--child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | places,
            # A Ctrl-C at the terminal is meant for the service: the sandbox has to outlast its drain.
            start_new_session=True,
        )

    def robot(self, settings: Settings) -> Settings:
        """Wait until it listens; the same settings, with the sandbox's robot to serve.

        Raises:
            SettingsError: it does not come up; what is wrong stands on stderr, from the child itself.
        """
        hello = self._process.stdout.readline() if self._process.stdout else b""
        if not hello:
            self.stop()
            raise SettingsError(
                (f"SANDBOX_PORT={self._port}: the sandbox did not start; choose a free port, or a robot",)
            )
        self.url = json.loads(hello)["url"]
        secret = secrets.token_urlsafe(24)
        hide(secret)
        return settings.model_copy(
            update={
                "dingtalk_client_id": ROBOT,
                "dingtalk_client_secret": SecretStr(secret),
                "dingtalk_openapi_endpoint": self.url,
            }
        )

    def stop(self) -> None:
        """Let it go."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        try:
            self._process.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
