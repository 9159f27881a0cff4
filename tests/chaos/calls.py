"""What becomes of an answer when one of DingTalk's calls has trouble: all calls, troubles and durations as a matrix, in
a table that tells how the answer arrives.

Data only; `test_calls` plays it. The trouble is the named call's alone, so whatever else the platform offers is open,
but for what a call comes after: a webhook is asked where no card can be had, the robot-message API where the webhook
does not work either.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from actors.sandbox.troubles import TROUBLES

TRIES = 2
"""The service's OPENAPI_RETRY_ATTEMPTS here."""


@dataclass(frozen=True)
class Call:
    """A call of an answer's way: `match` tells it from others of its API, `without` are the APIs that take nothing, so
    that it is made at all, or is the only way."""

    api: str
    kind: str = "public"
    match: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()


CALLS = {
    "create": Call("create"),
    "streaming": Call("streaming", match={"isFinalize": False}),
    "final": Call("streaming", match={"isFinalize": True}),
    "update": Call("update"),
    "standard": Call("standard", "standard"),
    "standard-update": Call("standard_update", "standard"),
    "webhook": Call("webhook", without=("create",)),
    "oto": Call("oto", without=("create", "webhook")),
    "group": Call("group", without=("create", "webhook")),
    "token": Call("token"),
    "download": Call("download"),
    "create-alone": Call("create", without=("webhook", "oto")),
    "final-alone": Call("streaming", match={"isFinalize": True}, without=("webhook", "oto")),
}

PASSING = ("503", "504", "timeout", "qps", "busy")
UNKNOWN = ("torn", "lost")
LASTING = ("quota", "errcode")
OTHERS = ("permission", "credentials", "exists", "content", "undelivered")
"""With those above, the troubles that are played here: what a call is answered with. Those of UNKNOWN take effect;
`exists` is the answer to a repeat of what did. The sandbox's catalogue says what each is, and for which APIs."""


def applicable() -> Iterator[tuple[str, str]]:
    """Every pair of a call and a trouble that there can be."""
    for name, call in CALLS.items():
        for trouble in (*PASSING, *UNKNOWN, *LASTING, *OTHERS):
            if call.api in TROUBLES[trouble].apis:
                yield name, trouble


DURATIONS: dict[str, int | None] = {"once": 1, "while": TRIES, "ever": None}
"""How many calls have the trouble: one; as many as one call has tries; all."""


class End(Enum):
    """How an answer arrives."""

    CARD = "whole, on its card"
    BARE = "whole, on its card, which has no buttons for feedback"
    BARE_AT_FIRST = "whole, on its card, which has its buttons when the call works again"
    BESIDE = "as a message, and its card says so"
    MESSAGE = "as a message, without a card"
    OPEN = "as a message; its card cannot be closed"
    OPEN_AT_FIRST = "as a message; its card says so when the call works again"
    LATER_CARD = "on its card, when the call works again"
    LATER_MESSAGE = "as a message, when the call works again"
    LAST_MESSAGE = "as a message, when messages are taken again"


CARD, BARE, BARE_AT_FIRST = End.CARD, End.BARE, End.BARE_AT_FIRST
MESSAGE, BESIDE, OPEN, OPEN_AT_FIRST = End.MESSAGE, End.BESIDE, End.OPEN, End.OPEN_AT_FIRST
LATER_CARD, LATER_MESSAGE, LAST_MESSAGE = End.LATER_CARD, End.LATER_MESSAGE, End.LAST_MESSAGE

Ends = tuple[End, End, End]

TABLE: tuple[tuple[str, tuple[str, ...], Ends], ...] = (
    # A call, its troubles, and the end if they come once, for a while, for ever.
    ("create", PASSING, (CARD, MESSAGE, MESSAGE)),
    ("create", UNKNOWN, (CARD, BESIDE, BESIDE)),
    ("create", ("exists",), (CARD, CARD, CARD)),
    ("create", ("credentials",), (CARD, MESSAGE, MESSAGE)),
    ("create", (*LASTING, "permission", "undelivered"), (MESSAGE, MESSAGE, MESSAGE)),
    ("streaming", (*PASSING, *UNKNOWN, *LASTING, "permission", "credentials", "content"), (CARD, CARD, CARD)),
    ("final", (*PASSING, *UNKNOWN, "credentials"), (CARD, BESIDE, BESIDE)),
    ("final", (*LASTING, "permission", "content"), (BESIDE, BESIDE, BESIDE)),
    ("update", PASSING, (CARD, CARD, BARE_AT_FIRST)),
    ("update", ("credentials",), (CARD, BARE, BARE)),
    ("update", UNKNOWN, (CARD, CARD, CARD)),
    ("update", (*LASTING, "permission"), (BARE, BARE, BARE)),
    ("standard", (*PASSING, "credentials"), (CARD, MESSAGE, MESSAGE)),
    ("standard", UNKNOWN, (CARD, BESIDE, BESIDE)),
    ("standard", (*LASTING, "permission"), (MESSAGE, MESSAGE, MESSAGE)),
    ("standard-update", PASSING, (CARD, CARD, OPEN_AT_FIRST)),
    ("standard-update", UNKNOWN, (CARD, CARD, BESIDE)),
    ("standard-update", ("credentials",), (CARD, CARD, OPEN)),
    ("standard-update", (*LASTING, "permission"), (CARD, BESIDE, OPEN)),
    # Messages, where there is no card.
    ("webhook", (*PASSING, *UNKNOWN, *LASTING), (MESSAGE, MESSAGE, MESSAGE)),
    ("oto", (*PASSING, *LASTING, "permission", "credentials"), (MESSAGE, MESSAGE, LATER_MESSAGE)),
    ("oto", UNKNOWN, (MESSAGE, MESSAGE, MESSAGE)),
    ("group", (*PASSING, *LASTING, "permission", "credentials"), (MESSAGE, MESSAGE, LATER_MESSAGE)),
    ("group", UNKNOWN, (MESSAGE, MESSAGE, MESSAGE)),
    # What comes before a call, or before an answer.
    ("token", (*PASSING, *UNKNOWN), (CARD, MESSAGE, MESSAGE)),
    ("token", LASTING, (MESSAGE, MESSAGE, MESSAGE)),
    ("download", (*PASSING, *UNKNOWN, *LASTING, "permission", "credentials"), (CARD, CARD, CARD)),
    # The only way there is.
    ("create-alone", (*PASSING, "credentials", *LASTING, "undelivered"), (CARD, CARD, LATER_CARD)),
    ("create-alone", UNKNOWN, (CARD, CARD, CARD)),
    ("create-alone", ("exists",), (CARD, CARD, CARD)),
    ("create-alone", ("permission",), (LAST_MESSAGE, LAST_MESSAGE, LAST_MESSAGE)),
    (
        "final-alone",
        (*PASSING, *UNKNOWN, "permission", "credentials", *LASTING, "content"),
        (CARD, CARD, LATER_CARD),
    ),
)


_AGAIN = {"once": 2, "while": TRIES + 1, "ever": 100}
COPIES = {"webhook": dict.fromkeys(DURATIONS, 2), "oto": _AGAIN, "group": _AGAIN}
"""How often a message may come that went without an answer: by the webhook and then by the API, or by the API again and
again until it is confirmed, since nobody knows better and nothing may be lost."""


@dataclass(frozen=True)
class Case:
    """One place in the matrix: a robot of its own."""

    call: str
    trouble: str
    duration: str
    end: End

    @property
    def name(self) -> str:
        return f"{self.call}-{self.trouble}-{self.duration}"

    @property
    def copies(self) -> int:
        """How often a message may come."""
        return COPIES[self.call][self.duration] if self.call in COPIES and self.trouble in UNKNOWN else 1


def cases() -> list[Case]:
    """All that the table tells."""
    return [
        Case(call, trouble, duration, end)
        for call, troubles, ends in TABLE
        for trouble in troubles
        for duration, end in zip(DURATIONS, ends, strict=True)
    ]


def parts() -> list[list[Case]]:
    """The cases in as many parts as there are durations: in each every pair has one of its cases, and each duration its
    share."""
    every, count = cases(), len(DURATIONS)
    return [
        [every[pair + (pair // count + part) % count] for pair in range(0, len(every), count)] for part in range(count)
    ]
