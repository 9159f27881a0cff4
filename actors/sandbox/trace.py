"""What went over the wire, as the inspector follows it: frames, calls and connections, the latest ones.

It holds records and what passed with them; what an event looks like is the inspection's. It knows no protocol.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from actors.sandbox.records import Call, Connection, Push, Said, halve

LATEST = 1000
"""How many events are kept. Older ones are forgotten, with all that passed in them."""


@dataclass(slots=True)
class Stray:
    """A frame from a robot that acks nothing."""

    robot: str
    connection: str
    frame: Any


Traced = Call | Push | Connection | Said | Stray


@dataclass(slots=True, eq=False)
class Event:
    """One thing on the wire; `time` is seconds since the epoch.

    `sent` is the data of a frame, `answer` the body of a call's answer, `chat` the conversation where the record itself
    does not tell, `trouble` what was ordered and met it.
    """

    id: int
    record: Traced
    time: float = field(default_factory=time.time)
    sent: Any = None
    answer: Any = None
    chat: str = ""
    trouble: str = ""


class Trace:
    """The latest events, oldest first. A record that is noted again is the same event, seen later."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._numbered = 0
        self._events: dict[int, Event] = {}

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events.values())

    def __len__(self) -> int:
        return len(self._events)

    def holds(self, record: Traced) -> bool:
        """Whether there is an event of this record."""
        return id(record) in self._events

    def note(self, record: Traced, **known: Any) -> Event:
        """The event of a record, with what is `known` of it now. One that was forgotten meanwhile comes again as the
        latest."""
        event = self._events.get(id(record))
        if event is None:
            self._numbered += 1
            event = self._events[id(record)] = Event(self._numbered, record)
            if len(self._events) > self._limit:
                del self._events[next(iter(self._events))]
        for name, value in known.items():
            setattr(event, name, value)
        return event

    def halve(self) -> bool:
        """Forget the older half; False when there is no more than one event."""
        return halve(self._events)

    def find(self, number: int) -> Event | None:
        """The event of this number, None when it is forgotten."""
        return next((event for event in self if event.id == number), None)
