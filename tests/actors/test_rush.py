"""When many ask at once, everybody's card comes before anybody's agent takes its time."""

import asyncio
from pathlib import Path

import pytest

from actors.desk import CARDS_FIRST, Rush
from actors.sandbox.records import CardState
from tests.actors.conftest import connected, staged
from tests.runtime.virtual_time import play


def waits(*arrivals: float) -> list[float]:
    """How long each agent waits that is to begin at these seconds."""

    async def scene() -> list[float]:
        rush, clock = Rush(), asyncio.get_running_loop().time

        async def agent(at: float) -> float:
            await asyncio.sleep(at)
            came = clock()
            await rush.over()
            return clock() - came

        return await asyncio.gather(*map(agent, arrivals))

    return play(scene())


def test_an_agent_that_is_alone_waits_for_nothing() -> None:
    assert waits(0.0) == [0.0]


def test_an_agent_on_the_heels_of_another_one_waits_until_the_cards_are_under_way() -> None:
    assert waits(0.0, 0.005) == pytest.approx([0.0, CARDS_FIRST])


def test_in_a_burst_every_agent_but_the_first_waits_as_long() -> None:
    first, *others = waits(*(0.001 * number for number in range(200)))
    assert [first, *others] == pytest.approx([0.0] + [CARDS_FIRST] * 199)


def test_an_agent_that_comes_when_the_others_have_begun_waits_for_nothing() -> None:
    assert waits(0.0, 0.005, 0.1)[2] == 0.0


async def test_of_two_people_who_ask_at_once_both_have_a_card_before_the_second_agent_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.desk.AT_ONCE", 60.0)
    monkeypatch.setattr("actors.desk.CARDS_FIRST", 600.0)
    async with staged(tmp_path) as stage:
        await connected(stage)
        for sender in ("zhang", "li"):
            await stage.ask("你好", sender=sender)

        def states() -> list[CardState]:
            return sorted(card.state for card in stage.sandbox.cards.values())

        expected = sorted([CardState.FINISHED, CardState.PROCESSING])
        await stage.sandbox.until(lambda: states() == expected)
        assert states() == expected
