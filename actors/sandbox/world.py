"""The sandbox's memory: who is there, what happened, and who wants to hear of a change.

It is bounded, in number and in bytes: the oldest is forgotten. It knows no protocol; the parts that do write here.
"""

import asyncio
import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

from actors.sandbox.records import (
    Call,
    Card,
    Chat,
    Connection,
    Entry,
    History,
    Message,
    Person,
    Push,
    Said,
    Thing,
    halve,
)
from actors.sandbox.trace import LATEST, Event, Trace, Traced
from actors.sandbox.weight import weight

T = TypeVar("T")

KEPT = 256_000_000
"""Bytes that all of it may take."""

NAME = 256
"""Characters of a client id and of a secret, with open registration."""

PEOPLE = (Person("u1", "李明"), Person("u2", "王芳"), Person("u3", "张伟"))


def opaque(*parts: str) -> str:
    """An id that looks like DingTalk's own (`+`, `/` and `=` included) and is the same for the same parts."""
    return b64encode(hashlib.sha256("\0".join(parts).encode()).digest()[:22]).decode()


class Watcher:
    """One reader of the page: the entries and events it has not seen yet, latest state only, so it can never fall far
    behind."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.entries: dict[int, Entry] = {}
        self.events: dict[int, Event] = {}
        self.presence = False
        self.dismissed = False
        self.woken = asyncio.Event()

    def touch(self, entry: Entry) -> None:
        """A line is new, or looks different now."""
        self._keep(self.entries, entry.id, entry)

    def hear(self, event: Event) -> None:
        """Something is on the wire, or went on."""
        self._keep(self.events, event.id, event)

    def _keep(self, known: dict[int, T], number: int, thing: T) -> None:
        known[number] = thing
        while len(known) > self._most:
            del known[next(iter(known))]
        self.woken.set()


class World:
    """All that is known. Every list is oldest first and keeps the latest `history` things (calls, pushes, people and
    chats ten times as many). With open registration no more than `history` robots are let in.

    All together take no more than `KEPT` bytes. What comes is added up, and all is weighed only when the sum is beyond
    that, for it takes a while. Until no more than half of `KEPT` is left, the older half of what passed is forgotten
    (calls, frames, versions of cards), as often as it takes; and when that is not enough, the older half of all
    conversations, people and cards. The latest of each kind stays, however large."""

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
        self.counted: Counter[str] = Counter()
        self.trace = Trace(min(history, LATEST))
        self._history = history
        self._numbered = 0
        self._weighs = 0
        self._change = asyncio.Event()
        self._watchers: set[Watcher] = set()

    def admit(self, robot: str, secret: str) -> bool:
        """Whether these credentials are good; with open registration the first secret that comes is the right one."""
        short = 0 < len(robot) <= NAME and 0 < len(secret) <= NAME
        if self.open_registration and short and len(self.robots) < self._history:
            self.robots.setdefault(robot, secret)
        return robot in self.robots and self.robots[robot] == secret

    def online(self, robot: str) -> int:
        """How many live connections a robot has."""
        return sum(connection.live for connection in self.connections if connection.robot == robot)

    def meet(self, sender: str, nick: str, *, staff: bool) -> Person:
        """The person of this id, made known when new; nick and staff hold from then on."""
        if sender not in self.people:
            self.people[sender] = Person(sender, nick or sender, staff)
            while len(self.people) > 10 * self._history + len(PEOPLE):
                del self.people[next(islice(self.people, len(PEOPLE), None))]
            person = self.people[sender]
            self._came(person)
            self.changed(presence=True)
            return person
        return self.people[sender]

    def member(self, user: object) -> Person | None:
        """The person of this staff id; None when nobody here has it."""
        person = self.people.get(str(user))
        return person if person and person.staff else None

    def private_chat(self, robot: str, person: Person) -> Chat:
        """The chat of one person with one robot."""
        chat = f"cid{opaque('private', robot, person.id)}"
        return self._chat(Chat(chat, person.nick, robot, person.id))

    def group_chat(self, group: str) -> Chat:
        """The group of this name, founded when new."""
        chat = f"cid{opaque('group', group)}"
        if chat not in self.chats:
            self._chat(Chat(chat, group))
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
        raise KeyError(number)

    def find_said(self, message_id: str, robot: str) -> Said | None:
        """What was said to a robot under this id; one message that calls several robots has the same to each."""
        return next((said for said in reversed(self.said) if (said.id, said.robot) == (message_id, robot)), None)

    def show(self, chat: str, thing: Thing) -> None:
        """Put a thing at the end of a chat, and keep it; a chat that is forgotten shows nothing."""
        if chat not in self.chats:
            return
        self.chats[chat] = self.chats.pop(chat)
        self._numbered += 1
        entry = Entry(self._numbered, chat, thing)
        self.entries.add(entry)
        self._touch(entry)
        self._came(thing)

    def keep_card(self, card: Card) -> None:
        """Remember a card, which nobody sees before it is delivered."""
        self.cards[card.id] = card
        while len(self.cards) > self._history:
            del self.cards[next(iter(self.cards))]
        self._came(card)
        self.changed()

    def changed(self, thing: Thing | None = None, *, presence: bool = False) -> None:
        """Tell everybody who waits; `thing` looks different now, or with `presence` somebody came or went."""
        for entry in self.entries if thing is not None and self._watchers else ():
            if entry.thing is thing:
                self._touch(entry)
        for watcher in self._watchers if presence else ():
            watcher.presence = True
            watcher.woken.set()
        if isinstance(thing, Card):
            self._came(thing.versions[-1:])
        self._wake()

    def note(self, record: Traced, **known: Any) -> None:
        """Tell the inspector of something on the wire, or that it looks different now."""
        only_more_is_known = known and self.trace.holds(record)
        event = self.trace.note(record, **known)
        for watcher in self._watchers:
            watcher.hear(event)
        self._came(*(() if only_more_is_known else (record,)), *known.values())

    def stir(self) -> None:
        """Have everybody who waits look at what is not kept here."""
        for watcher in self._watchers:
            watcher.woken.set()
        self._wake()

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
        watcher = Watcher(self._history)
        self._watchers.add(watcher)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def dismiss(self) -> None:
        """Send every watcher away."""
        for watcher in self._watchers:
            watcher.dismissed = True
            watcher.woken.set()

    def _chat(self, new: Chat) -> Chat:
        """The chat of this id, the new one where there is none; the one that was silent for longest makes room."""
        chat = self.chats.setdefault(new.id, new)
        while len(self.chats) > 10 * self._history:
            self._forget(next(iter(self.chats)))
        if chat is new:
            self._came(chat)
        return chat

    def _forget(self, chat: str) -> None:
        del self.chats[chat]
        self.entries[:] = [entry for entry in self.entries if entry.chat != chat]
        for watcher in self._watchers:
            watcher.entries = {number: entry for number, entry in watcher.entries.items() if entry.chat != chat}

    def _came(self, *things: object) -> None:
        """These are new, or have changed: now and then all is weighed, and made to fit."""
        self._weighs += weight(*things)
        if self._weighs <= KEPT:
            return
        self._weighs = self._weight()
        for forget in (self._forget_what_passed, self._forget_who_spoke):
            while self._weighs > KEPT // 2 and forget():
                self._weighs = self._weight()
        entries, events = {entry.id for entry in self.entries}, {event.id for event in self.trace}
        for watcher in self._watchers:
            watcher.entries = {number: entry for number, entry in watcher.entries.items() if number in entries}
            watcher.events = {number: event for number, event in watcher.events.items() if number in events}

    def _weight(self) -> int:
        shown = (self.people, self.chats, self.entries, self.said, self.cards, self.messages)
        passed = (self.connections, self.opens, self.pushes, self.pings, self.stray_acks, self.calls, list(self.trace))
        return weight(*shown, *passed)

    def _forget_what_passed(self) -> bool:
        """Forget the older half of it; False when nothing is left to forget."""
        before = len(self.connections)
        self.connections[:] = [connection for connection in self.connections if connection.closed_at is None]
        versions = [card.versions for card in self.cards.values()]
        lists: tuple[list[Any], ...] = (self.opens, self.pushes, self.pings, self.stray_acks, self.calls, *versions)
        done = [self.trace.halve(), *map(halve, lists), len(self.connections) < before]
        return any(done)

    def _forget_who_spoke(self) -> bool:
        """Forget the older half of conversations, people and cards; False when nothing is left to forget."""
        older = list(self.chats)[: len(self.chats) // 2]
        for chat in older:
            self._forget(chat)
        guests = list(self.people)[len(PEOPLE) :]
        for guest in guests[: len(guests) // 2]:
            del self.people[guest]
        done = [halve(known) for known in (self.entries, self.said, self.messages, self.cards)]
        for card in self.cards.values():
            done += [halve(card.private), halve(card.views), card.forget_guids()]
        return any(done) or bool(older) or len(guests) > 1

    def _touch(self, entry: Entry) -> None:
        for watcher in self._watchers:
            watcher.touch(entry)
        self._wake()

    def _wake(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
