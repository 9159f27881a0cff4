"""The page about testing bots: its example works as it stands, its scenario can be played, and its words exist."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from actors.sandbox import faults
from actors.sandbox.scenario import Scenario
from actors.sandbox.server import Sandbox
from actors.sandbox.story import Card, Person, Question
from actors.sandbox.testing import DingTalk

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "actors" / "sandbox" / "TESTING.md").read_text(encoding="utf-8")
LOOPS = "asyncio_default_fixture_loop_scope=function"  # pytest-asyncio warns without it
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`(\w+\.py)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_the_example_is_a_test_that_passes(tmp_path: Path) -> None:
    files = dict(FILE.findall(PAGE))
    assert set(files) == {"bot.py", "test_bot.py", "test_bot_async.py"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "-o", LOOPS, str(tmp_path)),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    assert "4 passed" in output


async def test_its_scenario_can_be_played() -> None:
    (text,) = (text for language, text in FENCE.findall(PAGE) if language == "json")
    async with Sandbox() as sandbox:
        sandbox.scenarios.save(Scenario.of(json.loads(text)))
        sandbox.scenarios.play(sandbox.scenarios.saved["a bad minute"], "r")


@pytest.mark.parametrize(
    ("heading", "kind"), [("the platform", DingTalk), ("a person", Person), ("a question", Question), ("a card", Card)]
)
def test_every_word_it_lists_exists(heading: str, kind: type) -> None:
    table = PAGE.partition(f"| {heading} | |\n| --- | --- |\n")[2].partition("\n\n")[0]
    words = [re.match(r"\w+", word) for row in table.splitlines() for word in re.findall(r"`(.+?)`", row.split("|")[1])]
    assert len(words) > 1
    known = {*dir(kind), "sandbox", "record"}  # the last two are set on the object
    assert {word.group() for word in words if word} <= known


def test_every_api_that_can_fail_is_listed() -> None:
    listed = PAGE.partition("The APIs that can fail are ")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == faults.APIS
