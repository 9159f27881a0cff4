"""Agents that fail, hang, flood and block: whoever asked them has the whole answer, or the text so far and an apology;
nobody else notices; and nothing of it is left in the process."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from actors.agents.threads import THREADS
from actors.core import texts
from actors.core.markdown import presentable
from tests.chaos.cast import END, RUNS
from tests.chaos.conftest import CARDS, KINDS, Place, Running, placed, some
from tests.chaos.promises import Allowed, kept
from tests.chaos.unruly import FLOOD
from tests.chaos.ward import (
    NEIGHBOURS,
    SETTINGS,
    TRIES,
    all_run,
    alone,
    closed_after,
    first_word,
    left_over,
    misbehave,
    neighbours_ask,
    noted,
    seen,
    slowest,
    stalls,
)

HASTY = {"AGENT_FIRST_TOKEN_TIMEOUT": "8", "AGENT_IDLE_TIMEOUT": "4", "AGENT_TIMEOUT": "10"}
"""The clocks of a robot whose agents are too slow; far enough apart for a busy machine to keep them in order."""

IN_TIME = 30.0
"""Seconds that a neighbour's answer of two seconds may take on a busy machine."""


class Fails(NamedTuple):
    """How an answer fails: what was said of it before, how often the agent runs, and the reason that is counted each
    time."""

    said: str
    runs: int
    reason: str


BEGUN = "「{}」"
AT_ONCE, IN_THE_MIDDLE = Fails("", TRIES, "error"), Fails(BEGUN, 1, "error")
BROKEN = {
    "raises_at_once": AT_ONCE,
    "returns_nothing": AT_ONCE,
    "yields_bytes_at_once": AT_ONCE,
    "says_nothing": Fails("", TRIES, "empty"),
    "says_blanks": Fails("", TRIES, "empty"),
    "breaks_off_at_once": Fails("", TRIES, "truncated"),
    "breaks_off": Fails(BEGUN, 1, "truncated"),
    "raises_in_the_middle": IN_THE_MIDDLE,
    "raises_after_the_last_piece": Fails(BEGUN + END, 1, "error"),
    "exits": IN_THE_MIDDLE,
    "interrupts": IN_THE_MIDDLE,
    "has_no_memory": IN_THE_MIDDLE,
    "cancels_itself": IN_THE_MIDDLE,
    "closes_itself": IN_THE_MIDDLE,
    "yields_a_number": IN_THE_MIDDLE,
    "plainly_raises": IN_THE_MIDDLE,
    "plainly_exits": IN_THE_MIDDLE,
}
SLOW = {
    "hangs_at_once": Fails("", 1, "first_token_timeout"),
    "plainly_hangs_at_once": Fails("", 1, "first_token_timeout"),
    "hangs_in_the_middle": Fails(BEGUN, 1, "idle_timeout"),
    "plainly_hangs_in_the_middle": Fails(BEGUN, 1, "idle_timeout"),
    "is_deaf": Fails(BEGUN, 1, "idle_timeout"),
    "thinks_for_ever": Fails(BEGUN, 1, "timeout"),
    "does_not_close": Fails(BEGUN, 1, "timeout"),
}
FAILING = BROKEN | SLOW
FLOODING = ("floods", "plainly_floods")


def runs(place: Place) -> dict[str, int]:
    """How often the agent ran for each question that was to fail."""
    counted = Counter(first_word(run["text"]) for run in noted(place, RUNS))
    return {fault: counted[fault] for fault in FAILING}


async def metrics(service: Running) -> dict[str, float]:
    """What the service tells Prometheus."""
    port = next(match[1] for line in service.output if (match := re.search(r'"probes_listening".*"port": (\d+)', line)))
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
        lines = (await response.text()).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def failures(service: Running) -> Counter[str]:
    """The failures that were counted, by reason."""
    counted: Counter[str] = Counter()
    for line, value in (await metrics(service)).items():
        if line.startswith("dingtalk_agent_errors_total") and (reason := re.search(r'reason="(\w+)"', line)):
            counted[reason[1]] += int(value)
    return +counted


@pytest.mark.parametrize("kind", some(CARDS))
async def test_whatever_an_agent_does_everybody_is_answered_or_told(tmp_path: Path, kind: str) -> None:
    async with placed(tmp_path, kind, hasty=KINDS[kind] | HASTY) as place:
        service = await place.serve(**SETTINGS)
        neighbours_ask(place, kind, pieces=2)
        await kept(place)
        before = await alone(place, kind)
        misbehave(place, (*BROKEN, *FLOODING), kind)
        misbehave(place, SLOW, "hasty")
        neighbours_ask(place, kind)
        await kept(place, Allowed(tries=TRIES, ends=frozenset({"answered", "failed"})))

        shown = seen(place)
        apologies = {name: presentable(texts.torn(fails.said.format(name))) for name, fails in FAILING.items()}
        assert {name: shown[name] for name in FAILING} == apologies
        assert {name: shown[name].count("链接") for name in FLOODING} == dict.fromkeys(FLOODING, FLOOD)
        assert runs(place) == {name: fails.runs for name, fails in FAILING.items()}
        assert await failures(service) == sum(
            (Counter({fails.reason: fails.runs}) for fails in FAILING.values()), Counter()
        )
        assert closed_after(place, 0.0).keys() >= {"hangs_at_once", "hangs_in_the_middle", "thinks_for_ever"}
        assert slowest(place) < IN_TIME
        assert [stack for stack in stalls(service) if "markdown" in stack] == []

        place.let_go()
        assert await left_over(place, kind, before) == {}
        assert service.errors == []


async def test_an_agent_that_blocks_the_loop_delays_the_others_and_loses_nothing(place: Place) -> None:
    service = await place.serve(**SETTINGS)
    neighbours_ask(place, "public")
    await all_run(place, [first_word(said.text) for said in place.sandbox.said])
    misbehave(place, ["blocks_the_loop"], "public")
    neighbours_ask(place, "public", pieces=2)
    await kept(place)
    assert slowest(place) < IN_TIME
    assert "blocks_the_loop" in "".join(stalls(service))
    told = await metrics(service)
    lag = "dingtalk_event_loop_lag_seconds"
    assert told[f"{lag}_count"] > told[f'{lag}_bucket{{le="1.0"}}']
    assert service.errors == []


async def test_agents_that_block_all_threads_hold_up_nobody_but_whoever_needs_one(place: Place) -> None:
    service = await place.serve(**SETTINGS)
    names = [f"blocked{number}" for number in range(THREADS + 1)]
    for name in names:
        place.ask(f"{name} plainly_hangs_in_the_middle", sender=name)
    await all_run(place, names)
    neighbours_ask(place, "public")
    await place.sandbox.until(lambda: sum(END in text for text in seen(place).values()) == len(NEIGHBOURS), 30.0)
    place.let_go()
    await kept(place)
    assert slowest(place) < IN_TIME
    assert service.errors == []
