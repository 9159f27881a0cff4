"""The bridge element's runs: begun once, kept as they were said, stopped, and forgotten."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.agents.jit_node import SERVICES, bridge
from tests.agents.jitai import AIAgent, App, Assistant, Code, Gate, OlderAgent, Say, in_turn, saying, text
from tests.agents.stories import HandClock, until

WHOLE = saying(text("七天"), returns={"output": "七天内。"})


class Story:
    """Runs of the elements of one app, which has the agent `shop`."""

    def __init__(self, element: Any) -> None:
        bridge()
        self.module = sys.modules["services.AgentBridge.runs"]
        self.clock = HandClock()
        self.runs = self.module.Runs(App(shop=element).getElement, self.clock)

    def start(self, run_id: str = "r1", chat_id: str = "c1", agent: str = "aiagents.shop", node_id: str = "") -> Any:
        """Ask; returns the state."""
        return self.runs.start(agent, "怎么退货？", chat_id, run_id, node_id)["state"]

    def poll(self, run_id: str = "r1", after: int = 0) -> Any:
        """What a run said."""
        return self.runs.poll(run_id, after)

    async def ended(self, run_id: str = "r1") -> Any:
        """Wait for the end of a run; returns how it ended."""
        await until(lambda: self.poll(run_id)["ended"] is not None)
        return self.poll(run_id)["ended"]


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.go.set()


@pytest.mark.parametrize("kind", [AIAgent, OlderAgent])
async def test_a_run_is_kept_as_it_was_said(kind: type[Any]) -> None:
    story = Story(kind(WHOLE))
    assert story.start() == "running"
    assert await story.ended() == {"how": "returned", "value": {"output": "七天内。"}}
    assert story.poll() | {"ended": None} == {"state": "known", "events": [text("七天")], "next": 1, "ended": None}


async def test_only_what_is_new_is_told() -> None:
    story = Story(AIAgent(saying(*map(text, "七天内。"))))
    story.start()
    await story.ended()
    assert story.poll(after=2)["events"] == [text("内"), text("。")]
    assert (story.poll(after=4)["events"], story.poll(after=4)["next"]) == ([], 4)


async def test_a_start_that_is_repeated_does_not_run_twice(gate: Gate) -> None:
    agent = AIAgent(gate)
    story = Story(agent)
    assert [story.start(), story.start()] == ["running", "running"]
    gate.go.set()
    await story.ended()
    assert (story.start(), len(agent.asked)) == ("running", 1)


async def test_a_run_that_failed_may_be_begun_again() -> None:
    agent = AIAgent(in_turn(saying(ValueError()), WHOLE))
    story = Story(agent)
    story.start()
    assert (await story.ended())["how"] == "raised"
    assert story.start() == "running"
    assert (await story.ended())["how"] == "returned"


async def test_another_run_of_the_same_memory_has_to_wait(gate: Gate) -> None:
    story = Story(AIAgent(in_turn(gate, WHOLE, WHOLE)))
    assert [story.start("r1"), story.start("r2"), story.start("r3", "c2")] == ["running", "busy", "running"]
    gate.go.set()
    await story.ended("r1")
    assert story.start("r2") == "running"


async def test_a_run_that_is_cancelled_ends_at_the_next_thing_it_says(gate: Gate) -> None:
    story = Story(AIAgent(gate))
    story.start()
    gate.waiting.wait(60)
    assert story.runs.cancel("r1") == {"state": "known"}
    assert story.start("r1") == "busy"
    gate.go.set()
    assert await story.ended() == {"how": "cancelled"}
    assert gate.ends == ["Ended"]


async def test_an_assistant_is_told_to_terminate_once(gate: Gate) -> None:
    assistant = Assistant(saying({"content": "七天"}, lambda: gate.go.wait(60), {"content": "内。"}))
    story = Story(assistant)
    story.start()
    await until(lambda: story.poll()["next"] == 1)
    story.runs.cancel("r1")
    story.runs.cancel("r1")
    await until(lambda: bool(assistant.terminated))
    gate.go.set()
    assert await story.ended() == {"how": "cancelled"}
    assert assistant.terminated == ["c1"]


async def test_an_assistant_goes_on_where_it_waited() -> None:
    assistant = Assistant(saying({"content": "好", "finished": True}))
    story = Story(assistant)
    story.start(node_id="human_1")
    await story.ended()
    assert [(chat_id, node_id) for chat_id, node_id, _ in assistant.resumed] == [("c1", "human_1")]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("怎么退货？"), {"error": "ValueError"}),
        (SystemExit("怎么退货？"), {"error": "SystemExit"}),
        (Code(47001, "缺少参数"), {"error": "Code", "code": 47001, "reason": "缺少参数"}),
    ],
)
async def test_what_an_agent_raises_is_told_without_its_words(error: BaseException, told: dict[str, Any]) -> None:
    story = Story(AIAgent(saying(text("七天"), error)))
    story.start()
    assert await story.ended() == {"how": "raised", "initialized": True, **told}


@pytest.mark.parametrize("agent", ["aiagents.shoe", "tasks.clean", ""])
def test_an_element_that_is_not_there_is_no_agent(agent: str) -> None:
    story = Story(AIAgent(WHOLE))
    assert (story.start(agent=agent), story.poll()) == ("no_agent", {"state": "unknown"})


def test_an_element_that_nobody_can_ask_is_no_agent() -> None:
    assert Story(object()).start() == "no_agent"


def test_a_run_that_is_not_known_is_said_to_be_so() -> None:
    story = Story(AIAgent(WHOLE))
    assert [story.poll("r9"), story.runs.cancel("r9")] == [{"state": "unknown"}] * 2


async def test_what_json_cannot_hold_is_said_as_well_as_it_can_be() -> None:
    deep: list[Any] = []
    deep.append(deep)
    odd = {"a": SimpleNamespace(value="七天"), 7: (1, 2.5, True, None), "nan": float("nan"), "deep": deep, "set": {1}}
    story = Story(AIAgent(saying(odd, returns=SimpleNamespace(value=["七天"]))))
    story.start()
    assert (await story.ended())["value"] == ["七天"]
    (told,) = json.loads(json.dumps(story.poll(), allow_nan=False))["events"]
    assert (told["a"], told["7"], told["nan"], told["set"]) == ("七天", [1, 2.5, True, None], "nan", "{1}")


# What is kept is bounded


async def test_a_run_that_nobody_asks_for_is_stopped(gate: Gate) -> None:
    story = Story(AIAgent(gate))
    story.start()
    gate.waiting.wait(60)
    story.clock.now += story.module.ABANDONED_AFTER + 1
    gate.go.set()
    await until(lambda: bool(gate.ends))
    assert await story.ended() == {"how": "abandoned"}


async def test_a_run_that_is_asked_for_goes_on(gate: Gate) -> None:
    story = Story(AIAgent(gate))
    story.start()
    gate.waiting.wait(60)
    for _ in range(3):
        story.clock.now += story.module.ABANDONED_AFTER - 1
        story.poll()
    gate.go.set()
    assert (await story.ended())["how"] == "returned"


async def test_a_run_that_says_too_much_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_: str, say: Say) -> None:
        while True:
            say(text("字" * 1000))

    story = Story(AIAgent(endless))
    monkeypatch.setattr(story.module, "LONGEST", 100_000)
    story.start()
    assert await story.ended() == {"how": "too_long"}


async def test_runs_at_once_are_limited(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(AIAgent(gate))
    monkeypatch.setattr(story.module, "AT_WORK", 2)
    assert [story.start(f"r{number}", f"c{number}") for number in range(3)] == ["running", "running", "full"]


async def test_runs_that_ended_are_forgotten_after_a_while() -> None:
    story = Story(AIAgent(WHOLE))
    story.start("r1")
    await story.ended("r1")
    story.clock.now += story.module.KEPT_FOR - 1
    story.start("r2", "c2")
    await story.ended("r2")
    assert story.poll("r1")["state"] == "known"
    story.clock.now += 2
    story.start("r3", "c3")
    assert [story.poll(run_id)["state"] for run_id in ("r1", "r2", "r3")] == ["unknown", "known", "known"]


async def test_the_oldest_of_too_many_that_ended_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(AIAgent(WHOLE))
    monkeypatch.setattr(story.module, "KEPT", 2)
    for number in range(4):
        story.start(f"r{number}")
        await story.ended(f"r{number}")
    story.start("r4")
    assert [story.poll(f"r{number}")["state"] for number in range(4)] == ["unknown", "unknown", "known", "known"]


# The element's folder


def test_the_element_needs_nothing_but_python_and_its_app() -> None:
    files = (SERVICES / "AgentBridge").glob("*.py")
    imported = {line.split()[1].split(".")[0] for file in files for line in imports(file)}
    assert imported <= {*sys.stdlib_module_names, "services", ""}


def imports(file: Path) -> list[str]:
    """The lines of a file that import."""
    return [line for line in file.read_text("utf-8").splitlines() if line.startswith(("import ", "from "))]
