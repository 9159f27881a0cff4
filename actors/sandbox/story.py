"""Who is in a story that is told in a test, and what they see: people, groups, questions, cards, messages.

These are words around records of the sandbox, each with its waiting. No rule of the platform lives here.
"""

import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.sandbox import records
from actors.sandbox.gateway import CARD_TOPIC
from actors.sandbox.program import Robot

if TYPE_CHECKING:
    from actors.sandbox.testing import DingTalk


class Group:
    """A group of this title."""

    def __init__(self, platform: "DingTalk", title: str) -> None:
        self.title = title
        self._platform = platform

    @property
    def id(self) -> str:
        """DingTalk's `conversationId` of it."""
        return self._platform.sandbox.chat_id("", group=self.title)


class Person:
    """Somebody who asks. `id` is their staff id, as robots see it, or names somebody from outside."""

    def __init__(self, platform: "DingTalk", person_id: str, nick: str, *, staff: bool) -> None:
        self.id = person_id
        self.nick = nick
        self._platform = platform
        self._staff = staff

    def asks(
        self,
        text: str,
        *,
        robot: Robot | None = None,
        group: Group | None = None,
        quoting: "Question | Card | Message | None" = None,
        pictures: Sequence[Path] = (),
        again: "Question | None" = None,
    ) -> "Question":
        """They write to the robot, which has to be named where there are several: in private or in a group, as a reply
        to something, or with pictures. What is asked `again` is the same message, pushed once more."""
        content: dict[str, Any] | None = None
        if pictures:
            codes = [self._platform.sandbox.attach(path.read_bytes(), path.name, _kind(path.name)) for path in pictures]
            content = {"richText": [{"text": text}, *({"type": "picture", "downloadCode": code} for code in codes)]}
        msgtype, message_id = "richText" if pictures else "text", again.id if again else None
        return self._says(text, msgtype, content, robot=robot, group=group, quoting=quoting, message_id=message_id)

    def sends(
        self,
        file: Path | bytes,
        name: str = "",
        *,
        robot: Robot | None = None,
        group: Group | None = None,
        recognition: str = "",
    ) -> "Question":
        """They send a file: as a picture, audio (with what was `recognition` of it), video or file, by its name."""
        data, name = (file, name) if isinstance(file, bytes) else (file.read_bytes(), name or file.name)
        kind = _kind(name)
        code = self._platform.sandbox.attach(data, name, kind)
        msgtype, content = _body(kind, code, name, recognition)
        return self._says("", msgtype, content, robot=robot, group=group)

    def rates(self, card: "Card", button: str) -> "Press":
        """They press a button on a card, which asks how they like it."""
        return card.press(button, by=self)

    def _says(
        self,
        text: str,
        msgtype: str,
        content: dict[str, Any] | None,
        *,
        robot: Robot | None,
        group: Group | None,
        quoting: "Question | Card | Message | None" = None,
        message_id: str | None = None,
    ) -> "Question":
        sandbox, asked = self._platform.sandbox, robot or self._platform.only_robot()
        lines = (entry.id for entry in reversed(sandbox.entries) if quoting and entry.thing is quoting.record)
        message_id = sandbox.say(
            text,
            robot=asked.client_id,
            sender=self.id,
            nick=self.nick,
            group=group.title if group else None,
            staff=self._staff,
            msgtype=msgtype,
            content=content,
            message_id=message_id,
            quoting=next(lines, None),
        )
        return Question(self._platform, sandbox.find_said(message_id, asked.client_id), self)


class Question:
    """What a person wrote. `id` is the platform's `msgId`, `record` all that is known."""

    def __init__(self, platform: "DingTalk", record: records.Said, person: Person) -> None:
        self.record = record
        self.person = person
        self._platform = platform

    @property
    def id(self) -> str:
        return self.record.id

    async def is_acked(self) -> None:
        """Wait until the robot has acked it."""
        await self._platform.until(lambda: self.record.acked, f"{self} is acked", self._fate)

    async def card(self) -> "Card":
        """Wait for the first card in its chat that came after it and belongs to no other question. Asked once more, it
        waits for a second one."""
        cards = self._platform.sandbox.cards
        record = await self._platform.until(
            lambda: self._platform.claim([card for card in cards.values() if self._precedes(card, *card.chats)]),
            f"a card answers {self}",
            self._fate,
        )
        return Card(self._platform, record, self.person)

    async def message(self) -> "Message":
        """Wait for a plain message, in the same way."""
        messages = self._platform.sandbox.messages
        record = await self._platform.until(
            lambda: self._platform.claim([each for each in messages if self._precedes(each, each.chat)]),
            f"a message answers {self}",
            self._fate,
        )
        return Message(record)

    def _precedes(self, thing: records.Card | records.Message, *chats: str) -> bool:
        return thing.robot == self.record.robot and self.record.chat in chats and thing.at >= self.record.at

    def _fate(self) -> str:
        if not self.record.delivered:
            return "it was lost, for the robot had no live connection: wait for `robot.is_online()` first"
        return "it was acked" if self.record.acked else "it was pushed and not acked"

    def __str__(self) -> str:
        return f"{self.person.nick}'s {self.record.text!r}"


class Card:
    """A card, as its person sees it. `record` is all that is known, with each of its versions."""

    def __init__(self, platform: "DingTalk", record: records.Card, person: Person) -> None:
        self.record = record
        self.person = person
        self._platform = platform

    @property
    def state(self) -> records.CardState:
        return self.record.state

    def text(self) -> str:
        """What stands on it now."""
        return self.record.look(self.person.id).text

    def final_text(self) -> str:
        """What stands on it in the end.

        Raises:
            AssertionError: the end has not come.
        """
        if self.state not in {records.CardState.FINISHED, records.CardState.FAILED}:
            raise AssertionError(f"the card is not finished: it is {self.state} and shows {self.text()!r}")
        return self.text()

    def title(self) -> str:
        return self.record.look(self.person.id).title

    def buttons(self) -> list[str]:
        """The words on its buttons."""
        return [str(button.get("text", "")) for button in self.record.buttons(self.person.id)]

    def went_through(self) -> list[records.CardState]:
        """The states that it had so far, each once in a row."""
        states = [version.state for version in self.record.versions]
        return [state for number, state in enumerate(states) if number == 0 or states[number - 1] is not state]

    async def is_finished(self) -> None:
        """Wait until it is finished. A card that failed is none that will be.

        Raises:
            AssertionError: it is not, or it failed.
        """
        ends = {records.CardState.FINISHED, records.CardState.FAILED}
        await self._platform.until(lambda: self.state in ends, "the card is finished", self._looks)
        if self.state is records.CardState.FAILED:
            raise AssertionError(f"the card failed: {self._looks()}")

    async def has_failed(self) -> None:
        """Wait until it shows that the answer failed."""
        await self._platform.until(lambda: self.state is records.CardState.FAILED, "the card failed", self._looks)

    async def shows(self, text: str) -> None:
        """Wait until this text stands on it somewhere: in title, status line, text or on a button."""

        def there() -> bool:
            look = self.record.look(self.person.id)
            return any(text in part for part in (look.title, look.status, look.text, *self.buttons()))

        await self._platform.until(there, f"the card shows {text!r}", self._looks)

    def press(self, button: str, by: Person | None = None) -> "Press":
        """Press the button that has these words on it, among others or alone, or this id; `by` its person, or by
        another.

        Raises:
            LookupError: no button has them, or several have.
        """
        person = by or self.person
        shown = self.record.buttons(person.id)
        for fits in (
            [each for each in shown if button in {each.get("text"), each.get("id")}],
            [each for each in shown if button in str(each.get("text"))],
        ):
            if len(fits) == 1:
                sandbox = self._platform.sandbox
                there = sandbox.click(self.record.id, str(fits[0].get("id", "")), person.id)
                pushed = (push for push in reversed(sandbox.pushes) if push.topic == CARD_TOPIC)
                return Press(self._platform, next(pushed) if there else None, button)
        raise LookupError(f"no single button for {button!r}: the card has {self.buttons()}")

    def _looks(self) -> str:
        return f"it is {self.state} and shows {self.text()!r} with {self.buttons()}"


class Message:
    """A plain message of a robot. `record` is all that is known."""

    def __init__(self, record: records.Message) -> None:
        self.record = record

    def text(self) -> str:
        return self.record.text


class Press:
    """A press of a button; its `record` is the callback that was pushed, None where it reached no connection."""

    def __init__(self, platform: "DingTalk", record: records.Push | None, button: str) -> None:
        self.record = record
        self._platform = platform
        self._button = button

    async def is_taken(self) -> None:
        """Wait until the robot has answered the callback.

        Raises:
            AssertionError: it has not, or no connection was there to take it.
        """
        push = self.record
        if push is None:
            raise AssertionError(f"the press of {self._button!r} reached no connection")
        await self._platform.until(lambda: push.acked, f"the press of {self._button!r} is taken")


def _kind(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _body(kind: str, code: str, name: str, recognition: str) -> tuple[str, dict[str, Any]]:
    """A message's type and its content, for a file of this media type."""
    match kind.partition("/")[0]:
        case "image":
            return "picture", {"downloadCode": code, "pictureDownloadCode": code}
        case "audio":
            return "audio", {"downloadCode": code, "duration": 4000, "recognition": recognition}
        case "video":
            return "video", {"downloadCode": code, "duration": "5", "videoType": name.rpartition(".")[2]}
        case _:
            return "file", {"downloadCode": code, "fileName": name, "spaceId": "1", "fileId": "2"}
