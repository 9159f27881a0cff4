"""One answer runs and three questions wait when the process goes: the next one answers all of them, in order, each on
its own card, with every kind of card."""

import signal
from collections import Counter

from actors.core import texts
from tests.actors.conftest import shown
from tests.actors.endings import ending
from tests.chaos.cast import HALF, WHOLE
from tests.chaos.conftest import CARDS, KINDS, Place, Running

WAITING = ("第二", "第三", "第四")


async def line_up(houses: Place, **settings: str) -> Running:
    """Start a service; with each robot one answer is held half-way, and three questions wait and are shown their
    places."""
    service = await houses.serve(**settings)
    for kind in KINDS:
        houses.ask("held", kind=kind)
    await houses.sandbox.until(lambda: [card.text for card in houses.sandbox.cards.values()] == [HALF] * 3, 30.0)
    for text in WAITING:
        for kind in KINDS:
            houses.ask(text, kind=kind)
    await houses.sandbox.until(lambda: all(said.acked for said in houses.sandbox.said) and in_places(houses), 30.0)
    return service


def in_places(houses: Place) -> bool:
    """Whether everybody who waits is shown their place."""
    return all(
        [texts.in_line(ahead) in shown(card) for ahead, card in enumerate(houses.cards(kind)[1:], 1)] == [True] * 3
        for kind in CARDS
    )


def answers(houses: Place, kind: str) -> list[str]:
    """What this kind's person has of answers that are over, in order."""
    if kind == "text":
        return [text.strip() for text in houses.messages(kind)]
    return [card.text.strip() for card in houses.cards(kind) if ending(card) == "answered"]


async def all_answered(houses: Place) -> None:
    """Wait until the questions that stood in line are answered, and see that every kind came to the same end."""
    await houses.sandbox.until(lambda: all(f"您说：{WAITING[-1]}" in answers(houses, kind) for kind in KINDS), 30.0)
    expected = [WHOLE, *[f"您说：{text}" for text in WAITING]]
    assert {kind: answers(houses, kind) for kind in KINDS} == dict.fromkeys(KINDS, expected)


def beside(houses: Place) -> tuple[list[str], dict[str, int]]:
    """What was said beside cards, and how many cards there are of each kind."""
    return [text for kind in CARDS for text in houses.messages(kind)], {
        kind: len(houses.cards(kind)) for kind in KINDS if houses.cards(kind)
    }


def runs(houses: Place) -> dict[str, int]:
    """How often an agent was asked each question, over all processes."""
    return Counter(asked.partition(" | ")[0] for asked in houses.asked)


async def test_after_kill_9_all_are_answered_in_order_each_on_its_card(houses: Place) -> None:
    service = await line_up(houses)
    service.kill()
    await service.ended()
    houses.let_go()
    await houses.serve()
    await all_answered(houses)
    assert beside(houses) == ([], dict.fromkeys(CARDS, 4))
    assert runs(houses) == {"held": 8, **dict.fromkeys(WAITING, 4)}


async def test_a_drain_finishes_what_runs_and_leaves_the_others_their_places(houses: Place) -> None:
    service = await line_up(houses)
    service.kill(signal.SIGTERM)
    houses.let_go()
    assert await service.ended() == 0
    assert [ending(card) for kind in CARDS for card in houses.cards(kind)[:1]] == ["answered"] * 3
    assert in_places(houses)
    await houses.serve()
    await all_answered(houses)
    assert beside(houses) == ([], dict.fromkeys(CARDS, 4))
    assert runs(houses) == dict.fromkeys(("held", *WAITING), 4)


async def test_a_drain_that_outlasts_its_grace_says_that_the_answer_goes_on(houses: Place) -> None:
    service = await line_up(houses, SHUTDOWN_GRACE="0.2")
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    assert all(texts.GOES_ON.splitlines()[0] in shown(card) for kind in CARDS for card in houses.cards(kind)[:1])
    assert in_places(houses)
    houses.let_go()
    await houses.serve()
    await all_answered(houses)
    assert beside(houses) == ([], dict.fromkeys(CARDS, 4))
