"""The sandbox as one object: it puts the parts together, listens, and is the hand that tests and people use.

It decides nothing of the protocol.
"""

import functools
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from actors.sandbox.api import Api
from actors.sandbox.builder import folder
from actors.sandbox.cards import Cards
from actors.sandbox.control import Control
from actors.sandbox.faults import Fault, Faults
from actors.sandbox.files import Files
from actors.sandbox.gateway import CARD_TOPIC, ROBOT_TOPIC, Gateway
from actors.sandbox.line import Impairment
from actors.sandbox.messages import Messages, message_body
from actors.sandbox.page import Page
from actors.sandbox.permissions import Permissions
from actors.sandbox.quotes import quote, replied
from actors.sandbox.records import Said
from actors.sandbox.rules import Rules
from actors.sandbox.seen import Seen
from actors.sandbox.standard import StandardCards
from actors.sandbox.switches import Switches
from actors.sandbox.templates import Templates
from actors.sandbox.world import World


class Sandbox(Seen):
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
        self.rules = rules or Rules()
        self._host = host
        self._port = port
        super().__init__(World(robots, history))
        self._faults = Faults()
        self._gateway = Gateway(self._world, self.rules)
        self._templates = Templates(folder(templates) if templates else {})
        self._cards = Cards(self._world, self.rules, self._templates)
        self._messages = Messages(self._world, self.rules)
        self._files = Files(self.rules)
        self._permissions = Permissions()
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
        )
        acts: dict[str, Callable[[str], object]] = {"drop": self.abort, "roll": self.roll, "expire": self.expire_tokens}
        self._switches = Switches(self._faults, self._gateway, self.rules, self._world.connections, acts)
        self._page = Page(self._world, self._files, self.rules, self._switches)
        self._control = Control(self, host)
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
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection and stop to listen. What happened stays readable; `start` begins again."""
        if self._runner:
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

    # What people do

    def say(
        self,
        text: str,
        *,
        robot: str,
        sender: str = "u1",
        nick: str = "",
        group: str | None = None,
        staff: bool = True,
        message_id: str | None = None,
        msgtype: str = "text",
        content: dict[str, Any] | None = None,
        changes: dict[str, Any] | None = None,
        connection: str | None = None,
        quoting: int | None = None,
        at: Sequence[str] = (),
    ) -> str:
        """A person writes to a robot, in private or in the group named; returns the `msgId`.

        The message is pushed to one random live connection, at once; without one it is lost (`said[-1].delivered`).
        The same `message_id` again is the same message, pushed once more. `staff=False` is somebody from outside, who
        has no staff id. `nick` and `staff` hold when the person is first seen, later ones change nothing. `msgtype`
        other than `text` takes its body from `content`; with `text` the fields of `content` join the `text` object.
        `changes` are laid over the whole payload last; a value of None removes the field. `connection` is the id of the
        one to push on, in place of a random one; what is pushed again may come on any. `quoting` is the number of the
        line that a text replies to, as the chat page has them. `at` are the people (ids) mentioned in a group.

        Raises:
            KeyError: there is no such line.
        """
        person = self._world.meet(sender, nick, staff=staff)
        chat = self._world.private_chat(robot, person) if group is None else self._world.group_chat(group)
        message_id = message_id or f"msg{uuid.uuid4().hex}=="
        quoted = None if quoting is None else self._world.entry(quoting)
        own = content if quoted is None else {**replied(quoted), **(content or {})}
        body = message_body(msgtype, text, own, group=chat.group)

        @functools.cache  # a redelivery carries the very same data
        def payload(base: str) -> dict[str, Any]:
            fields = self._messages.payload(base, robot, message_id, person, chat, at=at) | body | (changes or {})
            return {name: value for name, value in fields.items() if value is not None}

        said = self._messages.said(
            message_id,
            robot,
            person,
            chat,
            text or f"[{msgtype}]",
            kind=msgtype,
            content=content,
            quote=quote(quoted) if quoted else None,
        )
        for _ in range(self.rules.copies):
            self._deliver(said, payload, self.rules.redeliveries, connection)
        return message_id

    def attach(self, data: bytes, name: str, kind: str = "application/octet-stream") -> str:
        """A person attaches a file; returns its download code, for the `content` of what they `say`. `kind` is the
        media type that it is served with."""
        return self._files.attach(data, name, kind)

    def click(self, card: str, button: str, user: str = "u1", params: dict[str, Any] | None = None) -> bool:
        """A person presses a button; False when the callback reached no connection, as with every StandardCard.

        Without `params` the button's own are sent, where its template has some.

        Raises:
            KeyError: there is no such card.
        """
        pressed = self._world.cards[card]
        if pressed.callback != "STREAM":
            return False
        if params is None:
            params = next((shown.get("params", {}) for shown in pressed.buttons(user) if shown.get("id") == button), {})
        data = self._cards.click_data(pressed, button, user, params)
        push = self._gateway.push(
            pressed.robot,
            CARD_TOPIC,
            lambda _: data,
            pressed.id,
            lambda push: self._cards.answer_click(pressed, user, push),
        )
        return push is not None

    # What the platform does

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
        return self._gateway.impair(robot, Impairment(how), connection)

    async def close(self, robot: str, code: int = 1000) -> int:
        """Close a robot's connections with a close frame of this code."""
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
        self._api.expire_tokens(robot)

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

    # Inside

    def _deliver(
        self, said: Said, payload: Callable[[str], dict[str, Any]], repeats: int, connection: str | None = None
    ) -> None:
        push = self._gateway.push(
            said.robot, ROBOT_TOPIC, payload, said.id, lambda _: self._world.changed(said), connection=connection
        )
        if push is None:
            self._world.note(said)
            self._world.changed(said)
            return
        said.pushes.append(push)
        self._world.changed(said)
        if repeats > 0:
            self._gateway.repeat_unless_acked(push, lambda: self._deliver(said, payload, repeats - 1))
