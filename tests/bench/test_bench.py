"""The benchmarks run, write what can be read, and count as they say."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.bench.agents import pieces, read
from tests.bench.contestants import PROGRAMS
from tests.bench.figures import age, figures, fluid_limit, standstill
from tests.bench.goals import GOALS
from tests.bench.scene import ROOT
from tests.bench.seen import Answer, Called, Run
from tests.bench.start import DEPENDENCIES


def test_the_short_form_runs_and_writes_well_formed_results(tmp_path: Path) -> None:
    environment = dict(os.environ) | {"SHORT": "1", "ROUNDS": "1", "RESULTS": str(tmp_path)}
    command = [sys.executable, "-m", "tests.bench"]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert run.returncode == 0, run.stderr
    plays = json.loads((tmp_path / "latest.json").read_text("utf-8"))
    assert {play["contestant"] for play in plays} == set(PROGRAMS)
    for play in plays:
        assert play["had"]["load before each round"]
        assert play["figures"]["without the whole text"] == {"median": 0, "min": 0, "max": 0, "rounds": 1}
        assert play["figures"]["ack, worst"]["median"] > 0
    assert (tmp_path / "latest.md").read_text("utf-8") in run.stdout
    assert (tmp_path / "latest.png").stat().st_size > 0


def test_the_short_form_never_takes_the_place_of_real_figures() -> None:
    command = [sys.executable, "-m", "tests.bench"]
    environment = {name: value for name, value in os.environ.items() if name != "RESULTS"} | {"SHORT": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert "RESULTS" in run.stderr


def test_whoever_sees_a_text_knows_when_it_was_said() -> None:
    said = list(pieces("4 pieces 2 s after 3 s", began=100.25))
    assert [due for due, _ in said] == [103.25, 103.75, 104.25, 104.75]
    for count in range(1, 5):
        assert read("".join(piece for _, piece in said[:count])) == (100.25, count)
    assert read("正在思考") == (None, 0)


def answer(*shown: tuple[float, int], pieces: int = 10, seconds: float = 10.0) -> Answer:
    """An answer whose piece number n is said at n seconds."""
    return Answer(asked=0.0, acked=0.1, shown=shown, said_from=0.0, pieces=pieces, seconds=seconds)


def test_the_age_of_unseen_text_is_that_of_its_oldest_piece() -> None:
    assert age(answer((0.0, 0), (10.0, 10))) == pytest.approx(5.0)  # nothing was seen up to the end
    # 0 to 4: the first piece gets 4 s old; 4 to 10: the fifth, said at 4, gets 6 s old
    assert age(answer((0.0, 0), (4.0, 4), (10.0, 10))) == pytest.approx((4**2 / 2 + 6**2 / 2) / 10)
    # whoever is shown a piece before the next one is said waits for nothing meanwhile
    assert age(answer((1.0, 2), (10.0, 10))) == pytest.approx((1 / 2 + 8**2 / 2) / 10)
    assert age(answer((4.0, 4))) is None


def test_regular_updates_of_a_fluent_text_are_as_old_as_the_fluid_limit_says() -> None:
    period, late, pieces = 2.0, 0.08, 10_000
    moments = [(period * n + late, round(period * n * pieces / 100)) for n in range(1, 51)]
    fluent = answer(*moments, pieces=pieces, seconds=100.0)
    assert age(fluent) == pytest.approx(fluid_limit(cards=40, rate=20, latency=late), rel=0.01)


def test_a_standstill_ends_with_something_new() -> None:
    assert standstill(answer((0.0, 0), (1.0, 1), (2.0, 2), (3.0, 2), (7.0, 10))) == 5.0


def test_what_is_missing_is_counted_and_calls_are_wasted_when_refused_or_repeated() -> None:
    calls = (Called("create", 0.0, 200, False), Called("update", 1.0, 403, False), Called("update", 2.0, 200, True))
    silent = Answer(asked=0.0, acked=None, shown=(), said_from=None, pieces=10, seconds=10.0)
    told = figures(Run((answer((1.0, 0), (10.0, 10)), silent), calls))
    assert told["without a card"] == told["without an ack"] == told["without the whole text"] == 1
    assert told["calls wasted, %"] == pytest.approx(200 / 3)
    assert told["first card, worst"] == 1.0


def test_no_goal_is_easier_than_its_limit_or_beyond_reach() -> None:
    assert [goal.title for goal in GOALS if goal.limit is not None and not goal.limit < goal.most] == []


def test_a_start_is_paired_with_all_that_is_locked() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    names = {name.partition(">")[0].partition("[")[0].replace("-", "_") for name in declared}
    others = {"markdown_it_py": "markdown_it", "python_json_logger": "pythonjsonlogger"}
    assert {others.get(name, name) for name in names} | {"psycopg_pool"} == set(DEPENDENCIES)
