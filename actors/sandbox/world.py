"""The sandbox's memory: who is there, what happened, and who wants to hear of a change.

It is bounded: the oldest is forgotten. It knows no protocol; the parts that do write here.
"""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any, TypeVar

from actors.sandbox.records import Call, Card, Chat, Connection, Entry, History, Message, Person, Push, Said, Thing
from actors.sandbox.trace import LATEST, Event, Trace, Traced

T = TypeVar("T")

PEOPLE = (Person("u1", "李明"), Person("u2", "王芳"), Person("u3", "张伟"))


def opaque(*parts: str) -> str:
    """An id that looks like DingTalk's own (`+`, `/` and `=` included) and is the same for the same parts."""
    return b64encode(hashlib.sha256("\0".join(parts).encode()).digest()[:22]).decode()


class Watcher:
    """One reader of the page: the entries and events it has not seen yet, latest state only, so it can never fall far
    behind."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.events: dict[int, Event] = {}
        self.presence = False
        self.dismissed = False
        self.woken = asyncio.Event()


class World:
    """All that is known. Every list is oldest first and keeps the latest `history` things (calls and pushes ten times
    as many)."""

    def __init__(self, robots: dict[str, str] | None, history: int) -> None:
        self.open_registration = robots is None
        self.robots: dict[str, str] = dict(robots or {})
        self.people = {person.id: person for person in PEOPLE}
        self.chats: dict[str, Chat] = {}
        self.entries: History[Entry] = History(history)
        self.said: History[Said] = History(history)
        self.cards: dict[str, Card] = {}
        self.messages: History[Message] = History(history)
        self.connections: History[Connection] = History(history)
        self.opens: History[float] = History(history)
        self.pushes: History[Push] = History(10 * history)
        self.pings: History[Push] = History(history)
        self.stray_acks: History[dict[str, object]] = History(history)
        self.calls: History[Call] = History(10 * history)
        self.trace = Trace()
        self._history = history
        self._numbered = 0
        self._change = asyncio.Event()
        self._watchers: set[Watcher] = set()

    def admit(self, robot: str, secret: str) -> bool:
        """Whether these credentials are good; with open registration the first secret that comes is the right one."""
        if self.open_registration and robot and secret:
            self.robots.setdefault(robot, secret)
        return robot in self.robots and self.robots[robot] == secret

    def online(self, robot: str) -> int:
        """How many live connections a robot has."""
        return sum(connection.live for connection in self.connections if connection.robot == robot)

    def meet(self, sender: str, nick: str, *, staff: bool) -> Person:
        """The person of this id, made known when new; nick and staff hold from then on."""
        if sender not in self.people:
            self.people[sender] = Person(sender, nick or sender, staff)
            self.changed(presence=True)
        return self.people[sender]

    def member(self, user: object) -> Person | None:
        """The person of this staff id; None when nobody here has it."""
        person = self.people.get(str(user))
        return person if person and person.staff else None

    def private_chat(self, robot: str, person: Person) -> Chat:
        """The chat of one person with one robot."""
        chat = opaque("private", robot, person.id)
        return self.chats.setdefault(f"cid{chat}", Chat(f"cid{chat}", person.nick, robot, person.id))

    def group_chat(self, group: str) -> Chat:
        """The group of this name, founded when new."""
        chat = f"cid{opaque('group', group)}"
        if chat not in self.chats:
            self.chats[chat] = Chat(chat, group)
            self.changed(presence=True)
        return self.chats[chat]

    def entry(self, number: int) -> Entry:
        """The line of this number.

        Raises:
            KeyError: there is none, or it is forgotten.
        """
        for entry in reversed(self.entries):
            if entry.id == number:
                return entry
        raise KeyError(f"there is no line {number}")

    def show(self, chat: str, thing: Thing) -> None:
        """Put a thing at the end of a chat, and keep it."""
        self._numbered += 1
        entry = Entry(self._numbered, chat, thing)
        self.entries.add(entry)
        self._touch(entry)

    def keep_card(self, card: Card) -> None:
        """Remember a card, which nobody sees before it is delivered."""
        self.cards[card.id] = card
        while len(self.cards) > self._history:
            del self.cards[next(iter(self.cards))]
        self.changed()

    def changed(self, thing: Thing | None = None, *, presence: bool = False) -> None:
        """Tell everybody who waits; `thing` looks different now, or with `presence` somebody came or went."""
        for entry in self.entries if thing is not None and self._watchers else ():
            if entry.thing is thing:
                self._touch(entry)
        for watcher in self._watchers if presence else ():
            watcher.presence = True
            watcher.woken.set()
        self._wake()

    def note(self, record: Traced, **known: Any) -> None:
        """Tell the inspector of something on the wire, or that it looks different now."""
        event = self.trace.note(record, **known)
        for watcher in self._watchers:
            watcher.events[event.id] = event
            if len(watcher.events) > LATEST:
                del watcher.events[next(iter(watcher.events))]
            watcher.woken.set()

    def stir(self) -> None:
        """Have every watcher look at what is not kept here."""
        for watcher in self._watchers:
            watcher.woken.set()

    async def until(self, condition: Callable[[], T | None], timeout: float) -> T:
        """Wait until the condition is truthy, and return what it said.

        Raises:
            TimeoutError: it was not within `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            while not (outcome := condition()):
                await self._change.wait()
        return outcome

    def watch(self) -> Watcher:
        """Begin to collect what changes from now on."""
        watcher = Watcher()
        self._watchers.add(watcher)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def dismiss(self) -> None:
        """Send every watcher away."""
        for watcher in self._watchers:
            watcher.dismissed = True
            watcher.woken.set()

    def _touch(self, entry: Entry) -> None:
        for watcher in self._watchers:
            watcher.entries[entry.id] = entry
            watcher.woken.set()
        self._wake()

    def _wake(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
