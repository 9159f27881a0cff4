"""A stop, by word or by button, and a new session at every moment of a turn, and kill -9 as soon as it is acked: every
card ends once, as what the person was told."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from actors.core import texts
from actors.core.card import STOP, button_id, card_id
from actors.sandbox.records import Card
from tests.actors.conftest import closed, shown
from tests.actors.endings import ending
from tests.chaos.conftest import Place, placed, some

SETTINGS = {"CARD_MAX_UPDATES": "3", "OPENAPI_RETRY_ATTEMPTS": "10"}

SCRIPTS = {
    "making": "hang",
    "thinking": "hang",
    "using": "tool hang",
    "growing": "2x0.01 hang",
    "finishing": "3x0.01",
    "answered": "3x0.01",
    "waiting": "hang",
}
"""The moments of a turn, and what is asked to get there: the card is being made; there is no text yet; a tool is used;
text grows; the whole text is on the wire; all is over. At `waiting` a second question stands in line."""

BEFORE_ITS_END = {"making", "thinking", "using", "growing"}

WAYS = {"public": ("/stop", "/new"), "own": ("/stop", "/new", STOP), "standard": ("/stop", "/new")}
"""How people stop with each kind of card; the button is one of our own template."""


@dataclass(frozen=True)
class Person:
    """Somebody at one moment of a turn, who stops it in one way."""

    kind: str
    moment: str
    way: str

    @property
    def name(self) -> str:
        return f"{self.kind} {self.moment} {self.way}"

    @property
    def asked(self) -> list[str]:
        """The ids of their messages that are questions."""
        return [f"{self.name} {number}" for number in range(1 + (self.moment == "waiting"))]

    @property
    def expected(self) -> list[str]:
        """How their cards end."""
        if self.moment in BEFORE_ITS_END:
            return ["stopped"]
        if self.moment != "waiting":
            return ["answered"]
        return ["stopped", "answered" if self.way == "/stop" else "stopped"]


def cast(kind: str) -> Iterator[Person]:
    """Everybody who can be, with cards of one kind. There is no button before there is a card."""
    for moment, way in product(SCRIPTS, WAYS[kind]):
        if (moment, way) != ("making", STOP):
            yield Person(kind, moment, way)


def card(place: Place, message_id: str) -> Card | None:
    return place.sandbox.cards.get(card_id(place.robot, message_id))


def hold(place: Place, person: Person) -> None:
    """Have the call hang that somebody's moment is about."""
    mine = card_id(place.robot, person.asked[0])
    match person.moment, person.kind:
        case "making", "standard":
            place.sandbox.fail("standard", hang=True, match={"cardBizId": mine})
        case "making", _:
            place.sandbox.fail("create", hang=True, match={"outTrackId": mine})
        case "finishing", "standard":
            place.sandbox.fail("standard_update", hang=True, times=None, match={"cardBizId": mine})
        case "finishing", _:
            place.sandbox.fail("streaming", hang=True, times=None, match={"outTrackId": mine, "isFinalize": True})


def at_their_moment(place: Place, person: Person) -> bool:
    """Whether somebody's turn has come to where they stop it."""
    first = card(place, person.asked[0])
    held = [
        call
        for call in place.sandbox.calls
        if card_id(place.robot, person.asked[0]) in {call.body.get("outTrackId"), call.body.get("cardBizId")}
        and not call.status
    ]
    match person.moment:
        case "making":
            return any(call.api in {"create", "standard"} for call in held)
        case "finishing":
            return any(call.api == "standard_update" or call.body.get("isFinalize") for call in held)
        case "thinking":
            return first is not None
        case "using":
            return first is not None and "订单查询" in shown(first)
        case "growing":
            return first is not None and "0 1" in first.text
        case "answered":
            return over(place, person.asked[0])
        case _:
            second = card(place, person.asked[1])
            return second is not None and texts.in_line(1) in shown(second)


def over(place: Place, message_id: str) -> bool:
    """Whether the card of a question had its last call."""
    mine = card(place, message_id)
    if mine is None or ending(mine) not in {"answered", "stopped"}:
        return False
    return mine.template == "StandardCard" or closed(mine)


def ends(place: Place, person: Person) -> list[str]:
    """How somebody's cards ended, and what was not closed."""
    cards = [(message_id, card(place, message_id)) for message_id in person.asked]
    return [
        "no card" if mine is None else ending(mine) + " but not closed" * (not over(place, message_id))
        for message_id, mine in cards
    ]


def stop(place: Place, person: Person) -> None:
    """Somebody stops what they asked last."""
    if person.way != STOP:
        place.sandbox.say(person.way, robot=place.robot, sender=person.name)
        return
    message_id = person.asked[-1]
    assert place.sandbox.click(card_id(place.robot, message_id), button_id(STOP, message_id), person.name)


@pytest.mark.parametrize(("kind", "killed"), some([*product(["own", "public", "standard"], [True, False])]))
async def test_a_stop_at_every_moment_of_a_turn(tmp_path: Path, kind: str, *, killed: bool) -> None:
    people = list(cast(kind))
    async with placed(tmp_path, kind) as place:
        service = await place.serve(**SETTINGS)
        for person in people:
            hold(place, person)
            for message_id, script in zip(person.asked, (SCRIPTS[person.moment], "你好"), strict=False):
                place.sandbox.say(script, robot=place.robot, sender=person.name, message_id=message_id)
        await place.sandbox.until(lambda: all(at_their_moment(place, person) for person in people), 60.0)
        acks = len(place.sandbox.acks)
        for person in people:
            stop(place, person)
        await place.sandbox.until(lambda: len(place.sandbox.acks) >= acks + len(people), 30.0)
        place.sandbox.heal()
        if killed:
            await place.serve_after_kill_9(service, **SETTINGS)
        for person in people:
            if (person.moment, person.way) == ("waiting", STOP):
                place.sandbox.say("/stop", robot=place.robot, sender=person.name)  # what runs ahead of it, for ever
        with suppress(TimeoutError):  # what is missing then is told by the ends
            await place.sandbox.until(lambda: all(over(place, each) for person in people for each in person.asked), 60)
        assert {person.name: ends(place, person) for person in people} == {
            person.name: person.expected for person in people
        }
        assert len(place.sandbox.cards) == sum(len(person.asked) for person in people)
