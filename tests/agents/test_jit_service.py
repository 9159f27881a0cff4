"""A service process that answers by JitAi: inside a process that has an app, and outside it over the bridge."""

import builtins
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agents.jit_node import KEY, SECRET, Node, jit_node, shop
from tests.agents.jitai import AIAgent, App, Gate
from tests.agents.stories import until
from tests.chaos.conftest import Place, placed
from tests.operations.test_commands import ROOT, environment

INSIDE = (sys.executable, "-m", "tests.agents.jit_node", "run")
OUTSIDE = {"JIT_ACCESS_KEY": KEY, "JIT_ACCESS_SECRET": SECRET}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as place:
        yield place


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with jit_node() as node:
        yield node


async def answered(place: Place, question: str, cards: int = 1) -> str:
    """Ask; returns what stands on the card in the end."""
    place.ask(question)
    return (await place.all_closed(cards))[-1].look().text


@pytest.mark.parametrize("agent", ["jit:aiagents.shop", "jit:aiassistants.guide"])
async def test_a_person_is_answered_inside_a_jitnode(place: Place, agent: str) -> None:
    await place.serve(*INSIDE, AGENT=agent)
    assert await answered(place, "怎么退货？") == "您问：怎么退货？"


async def test_a_person_is_answered_over_the_bridge(place: Place, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "app", App(shop=AIAgent(shop)), raising=False)
    await place.serve(AGENT=node.agent, **OUTSIDE)
    assert await answered(place, "怎么退货？") == "您问：怎么退货？"
    assert await answered(place, "多久？", 2) == "您问：多久？"


async def test_the_memory_is_kept_until_the_person_begins_a_new_one(
    place: Place, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    element = AIAgent(shop)
    monkeypatch.setattr(builtins, "app", App(shop=element), raising=False)
    await place.serve(AGENT=node.agent, **OUTSIDE)
    for number, question in enumerate(("怎么退货？", "多久？"), 1):
        await answered(place, question, number)
    place.ask("/new")
    await place.sandbox.until(lambda: place.messages("public"), 30.0)
    await answered(place, "在吗？", 3)
    first, second, third = (chat_id for _, chat_id in element.asked)
    assert (first == second, second == third) == (True, False)


async def test_a_service_that_was_killed_goes_on_with_the_same_run(
    place: Place, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    element = AIAgent(gate)
    monkeypatch.setattr(builtins, "app", App(shop=element), raising=False)
    service = await place.serve(AGENT=node.agent, **OUTSIDE)
    place.ask("怎么退货？")
    await until(gate.waiting.is_set)
    await place.serve_after_kill_9(service, AGENT=node.agent, **OUTSIDE)
    await until(lambda: node.called("start") >= 2)
    gate.go.set()
    (card,) = await place.all_closed(1)
    assert (card.look().text, len(element.asked)) == ("七天内。", 1)


async def test_a_key_that_is_refused_is_an_apology_and_a_reason(
    place: Place, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtins, "app", App(shop=AIAgent(shop)), raising=False)
    service = await place.serve(AGENT=node.agent, **(OUTSIDE | {"JIT_ACCESS_SECRET": "not-the-one"}))
    assert "抱歉" in await answered(place, "怎么退货？")
    assert 'agent="jit",reason="refused"' in (await service.told("/metrics"))[1]
    assert any("errcode 41001" in line for line in service.output)
    assert not any("not-the-one" in line for line in service.output + service.errors)


@pytest.mark.parametrize(
    ("command", "settings", "problem"),
    [
        (INSIDE, {"AGENT": "jit:aiagents.shoe"}, "AGENT='jit:aiagents.shoe': the app has no such element"),
        ((sys.executable, "-m", "actors", "run"), {"AGENT": "jit:aiagents.shop"}, "is to be had only inside JitNode"),
        ((sys.executable, "-m", "actors", "run"), {"AGENT": "jit+https://h/o/a/b"}, "JIT_ACCESS_KEY: must be set"),
    ],
)
def test_an_agent_that_is_not_there_is_named_at_the_start(
    tmp_path: Path, command: tuple[str, ...], settings: dict[str, str], problem: str
) -> None:
    robot = {"DINGTALK_CLIENT_ID": "ding1", "DINGTALK_CLIENT_SECRET": "hush-hush"}
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(tmp_path, **robot, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, problem in ran.stderr) == (2, True)
