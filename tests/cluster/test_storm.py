"""Everything at once over replicas and their database, as a seed plans it: all promises are kept."""

from pathlib import Path

import pytest

from actors.sandbox.scenario import Scenario
from tests.chaos.conftest import some
from tests.cluster.fleet import UNHURRIED
from tests.cluster.postgres import served
from tests.cluster.storm import staged, weathered
from tests.cluster.weather import DECK, Gale, replicas_plan

SEEDS = [2026, *range(1, 6)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", some(SEEDS))
async def test_in_a_storm_over_replicas_every_promise_is_kept(tmp_path: Path, seed: int) -> None:
    with served(*UNHURRIED) as server:
        async with staged(tmp_path, server) as fleet:
            wrong = await weathered(fleet, replicas_plan(seed, Gale()))
            assert wrong == [], "\n".join(wrong)


def test_a_seed_says_all_that_happens() -> None:
    assert replicas_plan(1, Gale()) == replicas_plan(1, Gale())
    assert replicas_plan(1, Gale()).happenings != replicas_plan(2, Gale()).happenings


def test_the_storm_of_the_suite_has_every_kind_of_trouble() -> None:
    assert {each.do for each in replicas_plan(SEEDS[0], Gale()).happenings} >= {*DECK, "spread"}


def test_a_storm_over_replicas_can_be_written_down_and_is_read_as_it_was(tmp_path: Path) -> None:
    planned = replicas_plan(1, Gale())
    planned.write(tmp_path / "storm.json")
    assert Scenario.read(tmp_path / "storm.json") == planned
