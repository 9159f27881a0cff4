"""The moments of a turn, and a service in which somebody is in each of them.

A call to DingTalk is caught on its way there (it never comes to anything) or on its way back (it has, but nobody
hears of it); what DingTalk does not see is held by the puppet's strings. Every moment has a person of its own for each
kind of card that knows it, and they are in it all at once: so that one death of the process meets them all.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actors.core.card import card_id
from actors.sandbox.records import Said
from tests.actors.conftest import eventually
from tests.chaos import puppet
from tests.chaos.conftest import KINDS, Place, Running, placed
from tests.chaos.promises import SETTINGS

LONG, SHORT = "30x0.1", "3x0.01"
"""An answer that goes on while others get to their moment, and one that is soon over."""

SWALLOWED, UNHEARD = "swallowed", "unheard"
"""A call that is caught on its way there, or on its way back."""


@dataclass(frozen=True)
class Moment:
    """One of `puppet.MOMENTS`, or a call that is caught: to this API, with these fields in its body."""

    name: str
    script: str = SHORT
    api: str = ""
    how: str = ""
    match: dict[str, bool] = field(default_factory=dict)


INSIDE = [Moment(name) for name in puppet.MOMENTS]
BETWEEN = Moment("between-updates", LONG)


def _caught(name: str, api: str, script: str = SHORT, **match: bool) -> list[Moment]:
    return [Moment(f"{name}-{how}", script, api, how, match) for how in (SWALLOWED, UNHEARD)]


_TEMPLATE = [
    BETWEEN,
    *_caught("create", "create"),
    *_caught("text", "streaming", LONG, isFinalize=False),
    *_caught("last", "streaming", isFinalize=True),
    *_caught("closing", "update"),
]
_STANDARD = [
    BETWEEN,
    *_caught("create", "standard"),
    *_caught("text", "standard_update", LONG),
    *_caught("last", "standard_update", script=""),
]
OUTSIDE = {"public": _TEMPLATE, "own": _TEMPLATE, "standard": _STANDARD, "text": _caught("message", "webhook")}
"""By kind of card."""


@dataclass
class Caught:
    """A running service in which everybody is in their moment."""

    place: Place
    service: Running

    async def after(self, code: int) -> None:
        """The service ends; then nothing is held or caught any more."""
        assert await self.service.ended() == code
        self.free()

    def free(self) -> None:
        """Nothing is held or caught any more."""
        puppet.let_go(self.place.folder)
        self.place.sandbox.heal()

    async def goes_on(self) -> None:
        """The next process serves; those whose question was never acked send it again, as it was."""
        await self.place.serve(**SETTINGS)
        for said in self.place.sandbox.said:
            if not said.acked:
                self.place.sandbox.say(said.text, robot=said.robot, sender=said.sender, message_id=said.id)

    def in_moment(self, *names: str) -> list[Said]:
        """The questions in these moments."""
        return [said for said in self.place.sandbox.said if said.id.partition("/")[0] in names]


@asynccontextmanager
async def everywhere(folder: Path, *kinds: str, **settings: str) -> AsyncIterator[Caught]:
    """A service in which somebody is in every moment of a turn."""
    async with placed(folder, *(kinds or KINDS)) as place:
        service = await place.serve(*puppet.PUPPET, **SETTINGS | puppet.strings(folder) | settings)
        outside = [(kind, moment) for kind in place.robots for moment in OUTSIDE[kind]]
        inside = {_ask(place, kind, moment) for kind in place.robots for moment in INSIDE}
        await eventually(lambda: _are(inside, folder), 30.0)
        for kind, moment in outside:
            _catch(place, kind, moment)
            _ask(place, kind, moment)
        await place.sandbox.until(lambda: all(_is_in(place, kind, moment) for kind, moment in outside), 30.0)
        yield Caught(place, service)


def _ask(place: Place, kind: str, moment: Moment) -> str:
    name = _name(kind, moment)
    text = f"{name} {moment.script}".strip()
    return place.sandbox.say(text, robot=place.robots[kind], sender=name, message_id=name)


def _name(kind: str, moment: Moment) -> str:
    return f"{moment.name}/{kind}"


async def _are(asked: set[str], folder: Path) -> bool:
    return puppet.held(folder) == asked


def _catch(place: Place, kind: str, moment: Moment) -> None:
    if moment.api:
        times = 1 if kind == "text" else None  # a message does not tell whose it is
        applied = moment.how == UNHEARD
        place.sandbox.fail(moment.api, hang=True, applied=applied, times=times, match=_marks(place, kind, moment))


def _marks(place: Place, kind: str, moment: Moment) -> dict[str, Any]:
    own = card_id(place.robots[kind], _name(kind, moment))
    return moment.match | {
        "public": {"outTrackId": own},
        "own": {"outTrackId": own},
        "standard": {"cardBizId": own},
    }.get(kind, {})


def _is_in(place: Place, kind: str, moment: Moment) -> bool:
    if not moment.api:
        card = place.sandbox.cards.get(card_id(place.robots[kind], _name(kind, moment)))
        return card is not None and len(card.versions) >= 3
    marks = _marks(place, kind, moment).items()
    calls = sum(
        call.api == moment.api and call.status == 0 and marks <= call.body.items() for call in place.sandbox.calls
    )
    return calls >= (len(OUTSIDE[kind]) if kind == "text" else 1)
