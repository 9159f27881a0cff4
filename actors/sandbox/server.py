"""The sandbox as one object: it puts the parts together, listens, and is the hand that tests and people use.

It decides nothing of the protocol.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from actors.sandbox.actions import Actions
from actors.sandbox.api import Api
from actors.sandbox.builder import folder
from actors.sandbox.control import Control, is_loopback
from actors.sandbox.events import Events
from actors.sandbox.faults import Fault, Faults
from actors.sandbox.line import Impairment
from actors.sandbox.page import Page
from actors.sandbox.people import People
from actors.sandbox.permissions import Permissions
from actors.sandbox.rules import Rules
from actors.sandbox.scenarios import Scenarios
from actors.sandbox.standard import StandardCards
from actors.sandbox.switches import Switches
from actors.sandbox.templates import Templates
from actors.sandbox.tokens import Tokens
from actors.sandbox.world import World

log = logging.getLogger(__name__)
_HTTP_LOG = logging.getLogger(f"{__name__}.http")


def _is_about_us(record: logging.LogRecord) -> bool:
    """What is no HTTP is answered with 400; logged it would be shown as it came, with any secret in its address."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError | web.RequestPayloadError))


_HTTP_LOG.addFilter(_is_about_us)


class Sandbox(People):
    """A local DingTalk.

    `robots` maps client ids to secrets; None lets any robot in with the secret that it first comes with. `port` 0 takes
    a free one, which a later start takes again. `templates` is a folder with exports of DingTalk's card builder: each
    `NAME.json` is known as the template `NAME.schema`. Everything is for one event loop: the one that `start` runs on.

    Raises:
        ValueError: a file in `templates` is no such export.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        robots: dict[str, str] | None = None,
        rules: Rules | None = None,
        history: int = 2000,
        *,
        templates: Path | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._templates = Templates(folder(templates) if templates else {})
        super().__init__(World(robots, history), rules or Rules(), self._templates)
        self._faults = Faults()
        self._permissions = Permissions()
        self._tokens = Tokens(self._world, self.rules)
        self._events = Events(self._gateway, self.rules)
        self._api = Api(
            self._world,
            self.rules,
            self._faults,
            gateway=self._gateway,
            cards=self._cards,
            standard=StandardCards(self._world, self.rules),
            messages=self._messages,
            files=self._files,
            permissions=self._permissions,
            tokens=self._tokens,
        )
        acts: dict[str, Callable[[str], object]] = {"drop": self.abort, "roll": self.roll, "expire": self.expire_tokens}
        self._switches = Switches(self._faults, self._gateway, self.rules, self._world.connections, acts)
        self.actions = Actions(self)
        self.scenarios = Scenarios(self.actions, self._world.stir)
        self._page = Page(self._world, self._files, self.rules, self._switches, self.scenarios)
        self._control = Control(self, self.actions, host)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address of the API and of the chat page."""
        host = "127.0.0.1" if self._host in {"", "0.0.0.0"} else self._host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        app = web.Application(client_max_size=4 * 1024 * 1024, middlewares=[self._control.guard])
        app.add_routes([*self._api.routes(), *self._control.routes(), *self._page.routes()])
        self._api.closing.clear()
        runner = web.AppRunner(app, access_log=None, logger=_HTTP_LOG, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        if not is_loopback(self._host):
            log.warning("SANDBOX_HOST=%s: whoever reaches %s can use this sandbox", self._host, self.url)

    async def stop(self) -> None:
        """Close every connection and stop to listen. What happened stays readable; `start` begins again."""
        if self._runner:
            await self.scenarios.stop()
            self._api.closing.set()
            self._world.dismiss()
            await self._gateway.stop()
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # Who is there

    def register(self, robot: str, secret: str) -> None:
        """Let a robot in that comes with this secret, and with this one alone."""
        self._world.robots[robot] = secret

    # What the platform does

    def event(self, event_type: str, data: dict[str, Any], *, robot: str) -> str:
        """Something happens in the organisation, e.g. `user_add_org`; returns the `eventId`. It is pushed to one random
        live connection that subscribed to events, and again while it is not consumed."""
        return self._events.happen(robot, event_type, data)

    def push_raw(self, robot: str, frame: str | bytes) -> bool:
        """Send a frame as it is on one live connection; False when there is none."""
        return self._gateway.push_raw(robot, frame)

    def roll(self, robot: str, connection: str | None = None) -> int:
        """Send `disconnect` on a robot's live connections, or on that of this id. Nothing is pushed on them from now
        on, and TCP is closed after `rules.roll_grace` seconds of silence. Returns how many they are, as do the others
        here."""
        return self._gateway.roll(robot, connection)

    def abort(self, robot: str, connection: str | None = None) -> int:
        """Reset the TCP connections of a robot, or that of this id, without a close frame."""
        return self._gateway.abort(robot, connection)

    def impair(self, robot: str, how: str, connection: str | None = None) -> int:
        """Let a robot's live connections, or that of this id, look as if they were well while they are `mute` (frames
        to the robot are lost), `deaf` (frames from it are lost) or `dead` (nothing passes). It lasts until their end.

        Raises:
            ValueError: there is no such impairment.
        """
        if how not in set(Impairment):
            raise ValueError(f"unknown impairment {how!r}: one of {', '.join(Impairment)}")
        return self._gateway.impair(robot, Impairment(how), connection)

    async def close(self, robot: str, code: int = 1000) -> int:
        """Close a robot's connections with a close frame of this code.

        Raises:
            ValueError: WebSocket has no such code to close with.
        """
        if not 1000 <= code < 5000:  # noqa: PLR2004 - RFC 6455, 7.4
            raise ValueError(f"code {code} is none to close a WebSocket with: 1000 to 4999")
        return await self._gateway.close(robot, code)

    def fail(
        self,
        api: str,
        *,
        status: int | None = None,
        code: str = "",
        message: str = "",
        body: dict[str, Any] | str | None = None,
        times: int | None = 1,
        delay: float = 0.0,
        after: int = 0,
        hang: bool = False,
        reset: bool = False,
        applied: bool = False,
        torn: bool = False,
        match: dict[str, Any] | None = None,
        robot: str = "",
    ) -> None:
        """Order trouble with an API, see `faults.Fault` for the words.

        Raises:
            ValueError: there is no such API.
        """
        self._faults.order(
            Fault(api, status, code, message, body, times, delay, after, hang, reset, applied, torn, match or {}, robot)
        )
        self._world.stir()

    def heal(self, api: str | None = None, *, robot: str = "") -> None:
        """Forget the trouble that was ordered with one API, or with all; with a `robot` what was meant for it alone."""
        self._faults.heal(api, robot)
        self._world.stir()

    def switch(
        self, trouble: str, *, on: bool = True, api: str = "", robot: str = "", times: int | None = None
    ) -> list[dict[str, Any]]:
        """Turn a trouble of the catalogue (`troubles.TROUBLES`) on or off, and return all that is on.

        `api` "" means every API that it applies to, `robot` "" everybody's. `times` is how many calls have it; None
        until it is turned off. What was ordered by `fail` is turned off under the name "".

        Raises:
            ValueError: there is no such trouble, or not for this API.
        """
        self._switches.turn(trouble, on, api, robot, times)
        self._world.stir()
        return self.troubles_on

    @property
    def troubles_on(self) -> list[dict[str, Any]]:
        """All that is on, see `switches.Switches.on`."""
        return self._switches.on()

    def expire_tokens(self, robot: str = "") -> None:
        """Make every access token that was given out invalid, or a robot's alone."""
        self._tokens.expire(robot)

    def begin_month(self) -> None:
        """Count the monthly quotas from nothing again."""
        self._world.counted.clear()

    def revoke(self, robot: str, scope: str) -> None:
        """Take a permission from a robot, e.g. `Card.Streaming.Write`: the calls that need it are refused.

        Raises:
            ValueError: no call needs such a scope.
        """
        self._permissions.revoke(robot, scope)

    def grant(self, robot: str, scope: str) -> None:
        """Give it back."""
        self._permissions.grant(robot, scope)

    def withdraw(self, template_id: str) -> None:
        """Take a card template out of service: no card can be made of it, until it is published again."""
        self._templates.withdraw(template_id)

    def publish(self, template_id: str) -> None:
        """Put a template that was withdrawn back into service."""
        self._templates.publish(template_id)
