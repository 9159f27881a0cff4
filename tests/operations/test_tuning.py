"""What each retry variable does, seen at the wire: DingTalk's side counts the calls, the agent the questions.

Two services differ in one variable and meet the same trouble side by side. The test ends as soon as the quicker one
has come as far as its value says; by then the other cannot have, since its waits are longer than any test. So only
what is too early is a failure, and a loaded machine is none.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actors.dingtalk.port import Listener
from actors.sandbox.server import Sandbox
from actors.settings import KNOWN
from tests.actors.cast import ASKED
from tests.actors.conftest import Stage, closed, connected, eventually, staged

NEVER = "100000000"
"""Seconds, as good as for ever. A random part of it is too."""

LONG = 60.0
"""Seconds that a quick service has on a machine with much else to do."""

AT_ONCE = {"INITIAL": "0.01", "MULTIPLIER": "1", "MAX": "0.01", "JITTER": "0"}
"""A policy without a wait to speak of; each case replaces what it is about."""


@dataclass(frozen=True)
class Case:
    """`trouble` is what a service meets; `count` is how far it has come. With the `quick` value it gets to `goal`, with
    the `slow` one to `halt` and, but for `slack`, no further. `setting` is what both have."""

    trouble: Callable[[Stage], Awaitable[None]]
    count: Callable[[Stage], int]
    quick: str
    slow: str
    goal: int
    halt: int
    setting: dict[str, str] = field(default_factory=dict)
    at_start: Callable[[Sandbox], None] = lambda _: None
    """Trouble that is there when the service starts."""
    slack: int = 0


def policy(scope: str, **changes: str) -> dict[str, str]:
    """A retry policy's variables."""
    return {f"{scope}_RETRY_{name}": value for name, value in (AT_ONCE | changes).items()}


# Trouble, and what is counted of it.


async def none_further(_: Stage) -> None:
    """The trouble was there at the start."""


def no_gateway(sandbox: Sandbox) -> None:
    sandbox.fail("open", status=503, times=None)


def calls(api: str) -> Callable[[Stage], int]:
    return lambda stage: sum(call.api == api for call in stage.sandbox.calls)


opened = calls("open")


async def is_lost_whenever_it_is_healthy(stage: Stage) -> None:
    """Reset each connection when its first frame is acked."""
    while True:
        await stage.sandbox.until(lambda: stage.sandbox.online(stage.robot) == 1, LONG)
        acks = len(stage.sandbox.acks)
        await stage.ask("/help")
        await stage.sandbox.until(lambda: len(stage.sandbox.acks) > acks, LONG)  # noqa: B023 - it is awaited here
        stage.sandbox.abort(stage.robot)
        await stage.sandbox.until(lambda: stage.sandbox.online(stage.robot) == 0, LONG)


async def crashes_whenever_it_is_connected(stage: Stage) -> None:
    """A bug ends each connection as soon as it is open."""
    gateway = stage.service._parts.robots[stage.robot].gateway
    serve = gateway.serve

    async def crash(listener: Listener) -> None:
        before, serving = opened(stage), asyncio.ensure_future(serve(listener))
        while opened(stage) == before:  # noqa: ASYNC110 - the sandbox runs on another loop
            await asyncio.sleep(0.01)
        serving.cancel()
        raise ZeroDivisionError

    await connected(stage)
    gateway.serve = crash  # type: ignore[method-assign]
    stage.sandbox.abort(stage.robot)


def asking(text: str, people: int = 1) -> Callable[[Stage], Awaitable[None]]:
    async def ask(stage: Stage) -> None:
        await connected(stage)
        for number in range(people):
            await stage.ask(text, sender=f"p{number}")

    return ask


def no_webhook(sandbox: Sandbox) -> None:
    sandbox.fail("webhook", status=503, times=None)


def deaf_cards(sandbox: Sandbox) -> None:
    sandbox.fail("create", hang=True, times=None)


def tries(stage: Stage) -> int:
    """How often the agent was asked."""
    return sum(question.robot == stage.robot for question in ASKED)


def tries_and_ends(stage: Stage) -> int:
    """The same, and how many answers came to their end."""
    return tries(stage) + sum(map(closed, stage.cards("p0")))


# The cases.


def stream(quick: str, slow: str, halt: int, **changes: str) -> Case:
    """A gateway that cannot be had: how often it is tried."""
    return Case(none_further, opened, quick, slow, 4, halt, policy("STREAM", **changes), no_gateway)


def crashing(quick: str, slow: str, halt: int, **setting: str) -> Case:
    """A bug in the connection: how often it is opened until its robot is parked, once before the bug included."""
    setting = policy("STREAM", INITIAL="0.2", MAX="0.2") | setting
    return Case(crashes_whenever_it_is_connected, opened, quick, slow, 8, halt, setting)


def openapi(quick: str, slow: str, halt: int, goal: int = 4, **changes: str) -> Case:
    """A webhook that takes nothing: how often it is called for one word."""
    setting = {"OPENAPI_RETRY_ATTEMPTS": "4"} | policy("OPENAPI", **changes)
    return Case(asking("/help"), calls("webhook"), quick, slow, goal, halt, setting, no_webhook)


def agent(quick: str, slow: str, halt: int, goal: int = 4, **changes: str) -> Case:
    """An agent that falls over: how often it is asked one question."""
    setting = {"AGENT_RETRY_ATTEMPTS": "4", "AGENT_TIMEOUT": f"{NEVER}0"} | policy("AGENT", **changes)
    return Case(asking("boom"), tries, quick, slow, goal, halt, setting)


def clock(script: str) -> Case:
    """An agent that comes to no end: whether its answer does."""
    return Case(asking(script), tries_and_ends, "0.3", NEVER, 2, 1)


CASES = {
    "STREAM_RETRY_INITIAL": stream("0.01", NEVER, 1, MAX=NEVER),
    "STREAM_RETRY_MULTIPLIER": stream("1", NEVER, 2, MAX=NEVER),
    "STREAM_RETRY_MAX": stream("0.01", NEVER, 2, MULTIPLIER=f"{NEVER}00"),
    "STREAM_RETRY_JITTER": stream("0", NEVER, 1),
    "STREAM_RETRY_RESET_AFTER": Case(
        is_lost_whenever_it_is_healthy, opened, "0", NEVER, 3, 1, policy("STREAM", INITIAL=NEVER, MAX=NEVER)
    ),
    "STREAM_RESTART_INTENSITY": crashing("1000", "2", 4),
    "STREAM_RESTART_PERIOD": crashing("0.02", NEVER, 3, STREAM_RESTART_INTENSITY="1"),
    "OPENAPI_RETRY_ATTEMPTS": openapi("5", "2", 2, goal=5),
    "OPENAPI_RETRY_INITIAL": openapi("0.01", NEVER, 1, MAX=NEVER),
    "OPENAPI_RETRY_MULTIPLIER": openapi("1", NEVER, 2, MAX=NEVER),
    "OPENAPI_RETRY_MAX": openapi("0.01", NEVER, 2, MULTIPLIER=f"{NEVER}00"),
    "OPENAPI_RETRY_JITTER": openapi("0", NEVER, 1),
    "OPENAPI_TIMEOUT": Case(asking("1x0.01"), calls("create"), "0.3", NEVER, 3, 1, policy("OPENAPI"), deaf_cards),
    "OPENAPI_QPS": Case(asking("/help", 40), calls("webhook"), "1000", "1", 40, 1, slack=19),
    "AGENT_RETRY_ATTEMPTS": agent("5", "2", 2, goal=5),
    "AGENT_RETRY_INITIAL": agent("0.01", NEVER, 1, MAX=NEVER),
    "AGENT_RETRY_MULTIPLIER": agent("1", NEVER, 2, MAX=NEVER),
    "AGENT_RETRY_MAX": agent("0.01", NEVER, 2, MULTIPLIER=f"{NEVER}00"),
    "AGENT_RETRY_JITTER": agent("0", NEVER, 1),
    "AGENT_FIRST_TOKEN_TIMEOUT": clock("hang"),
    "AGENT_IDLE_TIMEOUT": clock("2x0.01 hang"),
    "AGENT_TIMEOUT": clock("100000x0.05"),
}
"""`AGENT_CONNECT_TIMEOUT` has none: it is for agents that see their back end take a question."""


def test_every_retry_variable_has_a_case() -> None:
    assert {name for name in KNOWN if "_RETRY_" in name} <= set(CASES) <= set(KNOWN)


@asynccontextmanager
async def facing(case: Case, folder: Path, **setting: str) -> AsyncIterator[Stage]:
    """A service with these settings that meets the case's trouble."""

    async def arrange(sandbox: Sandbox) -> dict[str, str]:
        case.at_start(sandbox)
        return case.setting

    async with staged(folder, None, arrange, **setting) as stage:
        trouble = asyncio.ensure_future(case.trouble(stage))
        try:
            yield stage
        finally:
            trouble.cancel()


@pytest.mark.parametrize("variable", CASES)
async def test_a_variable_changes_what_happens_at_the_wire(tmp_path: Path, variable: str) -> None:
    case = CASES[variable]
    async with (
        facing(case, tmp_path / "slow", **{variable: case.slow}) as slow,
        facing(case, tmp_path / "quick", **{variable: case.quick}) as quick,
    ):

        async def both_got_there() -> bool:
            return case.count(slow) >= case.halt and case.count(quick) >= case.goal

        await eventually(both_got_there, LONG)
        assert case.halt <= case.count(slow) <= case.halt + case.slack
