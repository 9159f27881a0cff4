"""kill -9 at the moment at which a word or a press is acked: what was acked holds in the next process."""

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.core.card import STOP
from actors.sandbox.records import Card
from tests.actors.endings import ending
from tests.chaos.conftest import KINDS, Place, Running, placed
from tests.chaos.line import ECHOES, answers, ends, form, line_up

RATED = "helpful"


async def killed_at_the_ack(place: Place, service: Running, acks: int) -> None:
    """Kill the process as soon as the sandbox has so many acks."""
    await place.sandbox.until(lambda: len(place.sandbox.acks) >= acks)
    service.kill()
    await service.ended()


async def say_to_all(houses: Place, service: Running, word: str) -> None:
    """Everybody says a word, and the process dies of it."""
    acks = len(houses.sandbox.acks) + len(KINDS)
    for kind in KINDS:
        houses.ask(word, kind=kind)
    await killed_at_the_ack(houses, service, acks)


async def over(place: Place, count: int = 4) -> None:
    """Wait until everybody has so many answers."""
    await place.sandbox.until(lambda: all(len(answers(place, kind)) >= count for kind in place.robots), 30.0)


def press(place: Place, card: Card, button: str) -> None:
    """The person who asked presses the button that begins with this word."""
    pressed = next(shown["id"] for shown in card.buttons() if shown["id"].partition(":")[0] == button)
    assert place.sandbox.click(card.id, pressed, "zhang")


async def test_what_was_stopped_is_never_answered(houses: Place) -> None:
    service = await line_up(houses)
    await say_to_all(houses, service, "/stop")
    houses.let_go()
    await houses.serve()
    await over(houses)
    assert {kind: ends(houses, kind) for kind in KINDS} == {kind: ["stopped", *["answered"] * 3] for kind in KINDS}
    assert {kind: answers(houses, kind)[1:] for kind in KINDS} == dict.fromkeys(KINDS, ECHOES)
    assert [asked for asked in houses.asked if asked.startswith("held")] == ["held"] * 4


async def test_a_new_session_closes_all_and_forgets(houses: Place) -> None:
    service = await houses.serve()
    for kind in KINDS:
        houses.ask("以前", kind=kind)
    await over(houses, 1)
    await form(houses)
    await say_to_all(houses, service, "/new")
    houses.let_go()
    await houses.serve()
    await over(houses, 5)
    assert {kind: ends(houses, kind) for kind in KINDS} == {kind: ["answered", *["stopped"] * 4] for kind in KINDS}
    for kind in KINDS:
        houses.ask("以后", kind=kind)
    await over(houses, 6)
    assert sorted(houses.asked) == sorted(["以前", "held | 以前", "以后"] * 4)


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Place]:
    """A robot with our own template, whose cards have a stop button."""
    async with placed(tmp_path, "own") as place:
        yield place


async def test_what_was_stopped_by_its_button_is_never_answered(own: Place) -> None:
    service = await line_up(own)
    running, _, third, _ = own.cards("own")
    acks = len(own.sandbox.acks)
    for card in (running, third):
        press(own, card, STOP)
    await killed_at_the_ack(own, service, acks + 2)
    own.let_go()
    await own.serve()
    await over(own)
    assert ends(own, "own") == ["stopped", "answered", "stopped", "answered"]
    assert [asked.partition(" | ")[0] for asked in own.asked] == ["held", "第二", "第四"]


async def test_a_rating_is_stored_once_and_its_repeat_is_a_repeat(houses: Place) -> None:
    service = await houses.serve()
    for kind in ("public", "own"):
        houses.ask("你好", kind=kind)
    await houses.sandbox.until(
        lambda: [card for card in houses.sandbox.cards.values() if ending(card) == "answered"][1:]
    )
    cards = [*houses.cards("public"), *houses.cards("own")]
    acks = len(houses.sandbox.acks)
    for card in cards:
        press(houses, card, RATED)
    await killed_at_the_ack(houses, service, acks + 2)
    again = await houses.serve()
    for card in cards:
        press(houses, card, RATED)
    await houses.sandbox.until(lambda: len(houses.sandbox.acks) == acks + 4)
    assert [bool(push.data["response"]) for push in houses.sandbox.acks[acks:]] == [True] * 4
    assert stored(houses) == [RATED] * 2
    assert [rating for process in (service, again) for rating in told(process)] == [RATED] * 2


def stored(place: Place) -> list[str]:
    """All ratings in the inbox."""
    with sqlite3.connect(place.folder / "inbox.db") as inbox:
        return [rating for (rating,) in inbox.execute("SELECT rating FROM feedback")]


def told(service: Running) -> list[str]:
    """The ratings that a process logged."""
    events = map(json.loads, service.output)
    return [event["rating"] for event in events if event.get("event") == "feedback"]
