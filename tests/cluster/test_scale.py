"""What the measurements in `tests.cluster.scale` rest on, and the page that was made from them."""

import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest

from actors.inbox import statements
from actors.settings import KNOWN
from tests.bench.scene import ROOT
from tests.chaos.conftest import some
from tests.cluster.postgres import Server
from tests.cluster.scale.cost import postgresql as opened
from tests.cluster.scale.counted import name_of
from tests.cluster.scale.growth import DAY, fill, open_ones, plans

PAGE = ROOT / "deploy" / "SCALE.md"
OPEN = 2000
"""People who wait."""

FEW = 120
"""Pages: the way down an index, and what is written; not all that is open."""

OF_ONE_CONVERSATION = ("PUT", "TAKE", "WAITING")


@pytest.fixture
async def crowded(postgresql: Server) -> AsyncIterator[str]:
    """A database with statistics of a time when nobody waited."""
    name = "crowded"
    postgresql.execute(f"CREATE DATABASE {name}")
    inbox = await opened(postgresql.url(name), pool=1)
    await inbox.close()
    fill(postgresql, name, 0, OPEN, DAY)
    yield name
    postgresql.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_what_is_open_in_a_conversation_is_found_without_the_others_though_the_statistics_knew_of_none(
    postgresql: Server, crowded: str
) -> None:
    postgresql.execute("VACUUM ANALYZE", crowded)
    open_ones(postgresql, crowded, OPEN)
    found = plans(postgresql, crowded, "w77")
    assert {
        name: one["pages"] for name, one in found.items() if name in OF_ONE_CONVERSATION and one["pages"] > FEW
    } == {}
    assert [name for name, one in found.items() if "all of questions" in one["ways"]] == []


@pytest.mark.parametrize("name", ["FORGET_QUESTIONS", "FORGET_TURNS"])
def test_the_oldest_are_found_by_their_age_though_all_are_old(postgresql: Server, crowded: str, name: str) -> None:
    postgresql.execute("VACUUM ANALYZE", crowded)
    statement = getattr(statements, name).replace(":before", str(time.time())).replace(":slice", "5")
    plan = "\n".join(str(line) for (line,) in postgresql.execute(f"EXPLAIN {statement}", crowded))
    assert "Seq Scan" not in plan


def test_statements_are_counted_by_their_names(postgresql: Server) -> None:
    assert name_of(statements.PUT) == "PUT"
    assert name_of(statements.DONE.replace(":now", "$7").replace("'closed'", "$1")) == "DONE"
    assert name_of("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))") == "lock of a line"


@pytest.mark.parametrize("parts", some([["written"], ["asked"], ["latency", "grown", "capacity"]]), ids="-".join)
def test_what_is_measured_can_be_measured_again(parts: list[str]) -> None:
    command = [sys.executable, "-m", "tests.cluster.scale", "--short", *parts]
    run = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=110, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("\n## ") == len(parts) + 1


def test_every_variable_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)\b", PAGE.read_text(encoding="utf-8")))
    assert named
    assert {name for name in named if name not in KNOWN} == set()
