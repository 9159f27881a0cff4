"""The process goes while an answer runs and others stand in line: the next one answers all of them, in order, each on
its own card, with every kind of card."""

import signal
from collections import Counter

from actors.core import texts
from tests.actors.conftest import shown
from tests.chaos.cast import WHOLE
from tests.chaos.conftest import CARDS, KINDS, Place
from tests.chaos.line import ECHOES, WAITING, answers, ends, in_places, line_up


async def all_answered(houses: Place) -> None:
    """Wait until the last in line is answered, and see that everybody was, with each kind, and nothing beside it."""
    await houses.sandbox.until(lambda: all(ECHOES[-1] in answers(houses, kind) for kind in KINDS), 30.0)
    assert {kind: answers(houses, kind) for kind in KINDS} == {kind: [WHOLE, *ECHOES] for kind in KINDS}
    assert {kind: ends(houses, kind) for kind in CARDS} == {kind: ["answered"] * 4 for kind in CARDS}
    assert [text for kind in CARDS for text in houses.messages(kind)] == []


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
    assert runs(houses) == {"held": 8, **dict.fromkeys(WAITING, 4)}


async def test_a_drain_finishes_what_runs_and_leaves_the_others_their_places(houses: Place) -> None:
    service = await line_up(houses)
    service.kill(signal.SIGTERM)
    houses.let_go()
    assert await service.ended() == 0
    assert [ends(houses, kind)[0] for kind in KINDS] == ["answered"] * 4
    assert in_places(houses)
    await houses.serve()
    await all_answered(houses)
    assert runs(houses) == dict.fromkeys(("held", *WAITING), 4)


async def test_a_drain_that_outlasts_its_grace_says_that_the_answer_goes_on(houses: Place) -> None:
    service = await line_up(houses, SHUTDOWN_GRACE="0.2")
    service.kill(signal.SIGTERM)
    assert await service.ended() == 0
    assert all(texts.GOES_ON.splitlines()[0] in shown(houses.cards(kind)[0]) for kind in CARDS)
    assert in_places(houses)
    houses.let_go()
    await houses.serve()
    await all_answered(houses)
