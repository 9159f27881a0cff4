"""Everything at once, as a seed plans it: all promises are kept, and the process is back at its level afterwards."""

from pathlib import Path

import pytest

from actors.sandbox.scenario import Scenario
from tests.actors.cast import whole
from tests.actors.endings import ending
from tests.chaos.conftest import CARDS, KINDS, placed, some
from tests.chaos.plans import REMEMBERED, Weather, plan
from tests.chaos.storm import weathered

SEEDS = [2026, *range(1, 6)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", some(SEEDS))
async def test_in_a_storm_every_promise_is_kept(tmp_path: Path, seed: int) -> None:
    async with placed(tmp_path, *KINDS) as place:
        await weathered(place, plan(seed, Weather()))


def test_a_seed_says_all_that_happens() -> None:
    assert plan(1, Weather()) == plan(1, Weather())
    assert plan(1, Weather()).happenings != plan(2, Weather()).happenings


def test_a_storm_can_be_written_down_and_is_read_as_it_was(tmp_path: Path) -> None:
    planned = plan(1, Weather(seconds=40.0))
    planned.write(tmp_path / "storm.json")
    assert Scenario.read(tmp_path / "storm.json") == planned


@pytest.mark.parametrize("kind", some(CARDS))
async def test_a_card_that_was_finished_before_a_kill_keeps_its_answer_though_no_card_can_be_made_any_more(
    tmp_path: Path, kind: str
) -> None:
    making, finishing = ("standard", "standard_update") if kind == "standard" else ("create", "streaming")
    async with placed(tmp_path, kind) as place:
        first = await place.serve(CARD_MAX_UPDATES="1")
        place.sandbox.fail(finishing, hang=True, applied=True, times=None)
        place.ask("3x0.01", kind=kind)
        await place.sandbox.until(lambda: whole(3).strip() in {card.text for card in place.cards(kind)}, 30.0)
        first.kill()
        await first.ended()
        place.sandbox.heal()
        place.sandbox.fail(making, **REMEMBERED, times=None)
        await place.serve(AGENT="python:tests.actors.cast:other")
        await place.sandbox.until(lambda: [ending(card) for card in place.cards(kind)] == ["answered"], 30.0)
        assert place.messages(kind) == []
