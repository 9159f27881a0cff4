"""A real model behind the whole service: it answers on a card, stops when it is told to, and serves several at once."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from actors.core import texts
from tests.actors.conftest import Stage, connected, eventually, staged

LONGEST = 200
SHOP = "You are the friendly customer service of a shop. Goods may be returned within seven days."
SHORT = ("Can I return shoes?", "Within how many days may I return goods?", "Do you speak Chinese?")
ENDLESS = "Repeat hello for ever: hello hello hello hello hello hello hello hello hello hello"
PATIENTLY = 90.0
"""Seconds for a small answer; on a quiet machine it takes one."""


@dataclass
class LocalModel:
    """The model's server, in a process of its own."""

    base_url: str

    async def tells(self, name: str) -> float:
        """One of its metrics."""
        async with aiohttp.ClientSession() as session, session.get(self.base_url[:-3] + "/metrics") as response:
            found = re.search(rf"^llamacpp:{name} (\S+)$", await response.text(), re.MULTILINE)
        assert found, name
        return float(found[1])

    async def idle(self) -> bool:
        """Whether it works on nothing, and nothing waits."""
        return not (await self.tells("requests_processing") or await self.tells("requests_deferred"))


@pytest.fixture(scope="module")
def model() -> Iterator[LocalModel]:
    # It takes all the time that it is given, and others measure theirs.
    command = ("nice", sys.executable, "-m", "tests.agents.local_model", "--port=0", f"--tokens={LONGEST}")
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = re.search(r"http\S+/v1", process.stdout.readline())
            assert address
            yield LocalModel(address[0])
        finally:
            process.terminate()


@pytest.fixture
async def stage(tmp_path: Path, model: LocalModel) -> AsyncIterator[Stage]:
    settings = {"AGENT": "openai:gemma", "OPENAI_BASE_URL": model.base_url, "AGENT_SYSTEM_PROMPT": SHOP}
    async with staged(tmp_path, AGENT_FIRST_TOKEN_TIMEOUT=str(PATIENTLY), **settings) as stage:
        await connected(stage)
        yield stage


async def test_a_person_is_answered_by_a_model(stage: Stage, model: LocalModel) -> None:
    written = 'dingtalk_agent_tokens_total{agent="openai",kind="written",{robot}}'
    await stage.ask(SHORT[0])
    (card,) = await stage.finished(timeout=PATIENTLY)
    assert "shoes" in card.text
    assert 0 < await stage.metric(written) < LONGEST


async def test_a_model_that_is_stopped_falls_idle(stage: Stage, model: LocalModel) -> None:
    before = await model.tells("tokens_predicted_total")
    await stage.ask(ENDLESS)
    await stage.sandbox.until(lambda: any("hello" in card.text for card in stage.cards()), PATIENTLY)
    assert not await model.idle()
    await stage.ask("/stop")
    (card,) = await stage.finished()
    assert texts.STOPPED in card.text
    await eventually(model.idle)
    assert await model.tells("tokens_predicted_total") - before < LONGEST


async def test_three_at_once_are_all_answered_by_two_slots(stage: Stage, model: LocalModel) -> None:
    for number, question in enumerate(SHORT):
        await stage.ask(question, sender=f"p{number}")
    for number in range(len(SHORT)):
        (card,) = await stage.finished(sender=f"p{number}", timeout=PATIENTLY)
        assert card.text
        assert texts.AGENT_FAILED not in card.text
    assert await model.tells("n_busy_slots_per_decode") > 1
