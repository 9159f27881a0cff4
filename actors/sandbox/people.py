"""What people do in the sandbox: they write to robots, attach files and press buttons.

It puts the parts of the platform that this takes together; how a message, a frame or a card looks is theirs.
"""

import functools
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from actors.sandbox.cards import Cards
from actors.sandbox.files import Attached, Files
from actors.sandbox.gateway import CARD_TOPIC, ROBOT_TOPIC, Gateway
from actors.sandbox.messages import NOT_IN_GROUPS, Messages, message_body
from actors.sandbox.quotes import quote, replied
from actors.sandbox.records import Said
from actors.sandbox.rules import Rules
from actors.sandbox.seen import Seen
from actors.sandbox.templates import Templates
from actors.sandbox.world import World

PUSHES = 100
"""How many pushes of one message are kept, the latest ones."""


class People(Seen):
    """The hands of the people, beside the eyes of tests."""

    def __init__(self, world: World, rules: Rules, templates: Templates) -> None:
        super().__init__(world)
        self.rules = rules
        self._gateway = Gateway(world, rules)
        self._cards = Cards(world, rules, templates)
        self._messages = Messages(world, rules)
        self._files = Files(rules)

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
        line that a text replies to, as the chat page has them. `at` are the people (ids) mentioned in a group. Audio,
        video and files do not reach a robot from a group.

        Raises:
            KeyError: there is no such line.
            ValueError: robot, sender or group is empty.
        """
        for name, value in (("robot", robot), ("sender", sender), ("group", group)):
            if value == "":
                raise ValueError(f"{name} must not be empty")
        person = self._world.meet(sender, nick, staff=staff)
        chat = self._world.private_chat(robot, person) if group is None else self._world.group_chat(group)
        message_id = message_id or f"msg{uuid.uuid4().hex}=="
        quoted = None if quoting is None else self._world.entry(quoting)
        own = content if quoted is None else {**replied(quoted), **(content or {})}
        body = message_body(msgtype, text, own, group=chat.group)

        @functools.cache  # a redelivery carries the very same data
        def payload(base: str) -> dict[str, Any]:
            fields = self._messages.payload(base, robot, message_id, person, chat, at=at) | body
            fields = self._messages.within_quota(fields) | (changes or {})
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
        if chat.group and msgtype in NOT_IN_GROUPS:
            return message_id
        for _ in range(self.rules.copies):
            self._deliver(said, payload, self.rules.redeliveries, connection)
        return message_id

    def attach(self, data: bytes, name: str, kind: str = "application/octet-stream") -> str:
        """A person attaches a file; returns its download code, for the `content` of what they `say`. `kind` is the
        media type that it is served with."""
        return self._files.attach(data, name, kind)

    @property
    def uploads(self) -> dict[str, Attached]:
        """What robots uploaded, by `media_id`, oldest first."""
        return self._files.uploads

    def click(
        self,
        card: str,
        button: str,
        user: str = "u1",
        params: dict[str, Any] | None = None,
        *,
        connection: str | None = None,
    ) -> bool:
        """A person presses a button; False when the callback reached no connection, as with every StandardCard.

        Without `params` the button's own are sent, where its template has some; without `connection` it comes by a
        random one.

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
            connection=connection,
        )
        return push is not None

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
        del said.pushes[:-PUSHES]
        self._world.changed(said)
        if repeats > 0:
            again = functools.partial(self._deliver, said, payload, repeats - 1)
            self._gateway.repeat_unless_acked(push, again, self.rules.redelivery_after)
