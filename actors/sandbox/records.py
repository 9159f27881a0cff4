"""What the sandbox remembers: connections, pushes, questions, cards, messages, calls.

Plain records, written by the parts that act and read by tests, the control API and the chat page. `at` is monotonic
seconds, `time` is seconds since the epoch. No rule of the protocol lives here.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

EVERYBODY = "@ALL"
"""Stands among the mentioned user ids for everybody in the chat (deliver cards, open.dingtalk.com)."""

VERSIONS = 2000
"""How many versions of a card are kept, the latest ones; and of how many people what they alone see."""


class History(list[T]):
    """The latest things that happened, oldest first; what is beyond the limit is forgotten."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def add(self, item: T) -> None:
        self.append(item)
        del self[: -self._limit]


def halve(known: list[Any] | dict[Any, Any]) -> bool:
    """Forget the older half of what is known; False when there is no more than one thing."""
    half = len(known) // 2
    if isinstance(known, list):
        del known[:half]
    else:
        for key in list(known)[:half]:
            del known[key]
    return half > 0


@dataclass(slots=True)
class Person:
    """Somebody who can write. Outside people have no staff id and cannot be reached by it."""

    id: str
    nick: str
    staff: bool = True


@dataclass(slots=True)
class Chat:
    """A conversation: private (one person and one robot) or a group. `id` is DingTalk's `conversationId`."""

    id: str
    title: str
    robot: str = ""
    person: str = ""

    @property
    def group(self) -> bool:
        return not self.person


@dataclass(slots=True)
class Connection:
    """One Stream connection of a robot. It is live until it closes or is told to roll; only then nothing is pushed.
    `impairment` is what is wrong with it while it looks as if it were well."""

    robot: str
    id: str
    topics: frozenset[str]
    opened_at: float
    rolled_at: float | None = None
    closed_at: float | None = None
    close_code: int | None = None
    impairment: str = ""

    @property
    def live(self) -> bool:
        return self.rolled_at is None and self.closed_at is None


@dataclass(slots=True)
class Push:
    """One frame that wants an ack. `about` is the message's or the card's id, which a redelivery shares."""

    robot: str
    connection: str
    topic: str
    message_id: str
    about: str
    at: float
    code: int | None = None
    data: Any = None
    seconds: float | None = None

    @property
    def acked(self) -> bool:
        return self.code is not None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a message replies to: the line of the chat, who wrote it, and how it begins."""

    entry: int
    nick: str
    text: str


@dataclass(slots=True)
class Said:
    """What a person wrote to a robot, and every push of it. Without a push it was lost: no connection was up. `kind` is
    its `msgtype`, and `content` what a kind other than text has for a body."""

    id: str
    robot: str
    chat: str
    sender: str
    nick: str
    text: str
    at: float
    time: float
    kind: str = "text"
    content: dict[str, Any] = field(default_factory=dict)
    quote: Quote | None = None
    pushes: list[Push] = field(default_factory=list)

    @property
    def delivered(self) -> bool:
        return bool(self.pushes)

    @property
    def acked(self) -> bool:
        return any(push.acked for push in self.pushes)


@dataclass(slots=True)
class Message:
    """A plain message of a robot; `via` is `webhook`, `oto` or `group`. `mentions` are the user ids that it calls with
    an @, `EVERYBODY` for all."""

    via: str
    robot: str
    chat: str
    kind: str
    title: str
    text: str
    at: float
    time: float
    mentions: tuple[str, ...] = ()


class CardState(StrEnum):
    """The life of an AI card (AI card states, open.dingtalk.com)."""

    PROCESSING = "PROCESSING"
    INPUTING = "INPUTING"
    EXECUTING = "EXECUTING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class CardVersion:
    """What a card showed from `at` on. `call` made it: an API, or a `click` whose `user` alone sees it."""

    at: float
    call: str
    state: CardState
    params: dict[str, str]
    text: str
    guid: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a person makes out on a card: its title, a line about how it goes, Markdown, and buttons, each with its `id`
    and `text` and what else its kind of card has."""

    title: str = ""
    status: str = ""
    text: str = ""
    buttons: tuple[dict[str, Any], ...] = ()


class Layout(Protocol):
    """How cards of one kind look."""

    def look(self, state: CardState, key: str, seen: Mapping[str, str]) -> Look:
        """What the variables that somebody sees come to; `key` names the one that streams."""


@dataclass(slots=True)
class Card:
    """One card. `params` is what everybody sees; `views` holds what single people see in their place. Its text stands
    in the variable `key`; `mentions` are as in a message."""

    id: str
    robot: str
    template: str
    layout: Layout
    key: str
    state: CardState
    callback: str
    spaces: frozenset[str]
    params: dict[str, str]
    at: float
    time: float
    mentions: tuple[str, ...] = ()
    private: dict[str, dict[str, str]] = field(default_factory=dict)
    views: dict[str, dict[str, str]] = field(default_factory=dict)
    chats: list[str] = field(default_factory=list)
    versions: list[CardVersion] = field(default_factory=list)
    guids: set[str] = field(default_factory=set)
    finalized: bool = False

    @property
    def text(self) -> str:
        return self.params.get(self.key, "")

    @property
    def title(self) -> str:
        return self.look().title

    @property
    def status(self) -> str:
        """The status line of a template that has one."""
        return self.look().status

    def seen_by(self, user: str) -> dict[str, str]:
        """The variables as one person sees them."""
        return self.params | self.private.get(user, {}) | self.views.get(user, {})

    def look(self, user: str = "") -> Look:
        """What one person sees of it."""
        return self.layout.look(self.state, self.key, self.seen_by(user))

    def buttons(self, user: str = "") -> list[dict[str, Any]]:
        """The buttons as one person sees them."""
        return list(self.look(user).buttons)

    def record(self, call: str, *, guid: str = "", user: str = "") -> None:
        """Add a version: what it shows now, to everybody or to that user."""
        params = self.seen_by(user) if user else dict(self.params)
        text = params.get(self.key, "")
        self.versions.append(CardVersion(time.monotonic(), call, self.state, params, text, guid, user))
        del self.versions[:-VERSIONS]
        for own in (self.private, self.views):
            while len(own) > VERSIONS:
                del own[next(iter(own))]

    def forget_guids(self) -> bool:
        """Forget which calls it had, but the latest; False when there is nothing to forget."""
        known = len(self.guids)
        self.guids &= {version.guid for version in self.versions[-1:]}
        return len(self.guids) < known


@dataclass(slots=True)
class Call:
    """One call of the API. `status` 0: no answer was given (yet); `code` is DingTalk's own, empty when all is well."""

    api: str
    robot: str
    at: float
    body: dict[str, Any]
    status: int = 0
    code: str = ""
    seconds: float | None = None


Thing = Said | Message | Card


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a chat."""

    id: int
    chat: str
    thing: Thing
