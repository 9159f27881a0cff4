"""However long a sandbox runs and whatever is done to it, it does not grow."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from actors.sandbox import (
    cards,
    faults,
    files,
    gateway,
    messages,
    people,
    permissions,
    records,
    scenarios,
    templates,
)
from actors.sandbox import line as line_module
from actors.sandbox.records import CardState
from actors.sandbox.rules import Rules
from actors.sandbox.scenario import Happening, Scenario
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import Line, Robot

HISTORY = 3
ROUNDS = 45
"""More than ten times the history, for what is kept ten times as long."""

LIMITS = [
    *((module, "VERSIONS") for module in (cards, records)),
    *((faults, "ORDERS"), (files, "KEPT"), (gateway, "UNACKED"), (messages, "SESSIONS")),
    *((permissions, "MOST"), (scenarios, "SAVED"), (scenarios, "PLAYED"), (people, "PUSHES"), (templates, "MOST")),
]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """All limits are soon reached."""
    for module, name in LIMITS:
        monkeypatch.setattr(module, name, HISTORY)


def sizes(sandbox: Sandbox) -> Counter[str]:
    """How many things the collections hold that can be reached from a sandbox, by the owner's class and its field."""
    seen: set[int] = set()
    found: Counter[str] = Counter()
    waiting: deque[tuple[str, Any]] = deque([("Sandbox", sandbox)])
    while waiting:
        name, thing = waiting.popleft()
        if id(thing) in seen or isinstance(thing, str | bytes | int | float | type(None)):
            continue
        seen.add(id(thing))
        if isinstance(thing, asyncio.Queue):
            found[name] += thing.qsize()
        elif isinstance(thing, Mapping | list | tuple | set | frozenset | deque):
            found[name] += len(thing)
            waiting += ((name, each) for each in _held(thing))
        elif type(thing).__module__.startswith("actors.sandbox"):
            waiting += ((f"{type(thing).__name__}.{field}", each) for field, each in _fields(thing))
    return found


def _held(thing: Any) -> Iterator[Any]:
    if isinstance(thing, Mapping):
        yield from thing.keys()
        yield from thing.values()
    else:
        yield from thing


def _fields(thing: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(thing, "__dict__", {}).items()
    for name in getattr(type(thing), "__slots__", ()):
        if hasattr(thing, name):
            yield name, getattr(thing, name)


async def a_round(number: int, sandbox: Sandbox, robot: Robot, line: Line) -> None:
    """Everything that leaves a trace, each time by others."""
    person, group = f"p{number}", f"g{number}"
    sandbox.say("你好", robot=robot.client_id, sender=person)
    sandbox.say("你好", robot=robot.client_id, sender="u1", message_id="always the same")
    sandbox.say("你好", robot="nobody is there", sender=person, group=group)
    data = (await line.message())["sessionWebhook"]
    await line.callback()  # and is not acked
    await robot.call("POST", data, {"msgtype": "text", "text": {"content": "您好"}})
    await robot.call("POST", "/v1.0/oauth2/accessToken", {"appKey": f"robot{number}", "appSecret": "s"})
    await robot.create(f"c{number}", user=person)
    private = {person: {"cardParamMap": {"a": "b"}}}
    for track in ("kept", f"c{number}"):
        await robot.stream(track, "答案")
        await robot.update(track, {"msgContent": "答案"}, privateData=private, cardUpdateOptions={})
        # Without this the card would be too old one day.
        sandbox.cards["kept"] = sandbox.cards.pop("kept")
    sandbox.cards["kept"].views[person] = {"a": "b"}
    sandbox.attach(b"bytes", "a.txt")
    sandbox.fail("group", times=None, robot=f"robot{number}")
    with suppress(ValueError):  # there are too many already
        sandbox.revoke(f"r{number}", "Card.Instance.Write")
    with suppress(ValueError):
        sandbox.withdraw(f"t{number}")
    sandbox.scenarios.save(Scenario(f"s{number}", (Happening(0, "heal", {"api": "deliver"}),)))
    sandbox.scenarios.play(sandbox.scenarios.saved[f"s{number}"])
    await line.socket.send_str("not an ack")
    async with robot.line(topics=()):
        pass


async def test_a_sandbox_does_not_grow() -> None:
    rules = Rules(first_ping=0.0, ping_interval=0.02, calls_per_second=0, redelivery_after=0.1)
    async with Sandbox(history=HISTORY, rules=rules) as sandbox, Robot.at(sandbox.url) as robot, robot.line() as line:
        watcher = sandbox._world.watch()  # a page that reads nothing
        await robot.create("kept")
        for number in range(ROUNDS):
            await a_round(number, sandbox, robot, line)
        before = sizes(sandbox)
        for number in range(ROUNDS, 2 * ROUNDS):
            await a_round(number, sandbox, robot, line)
        after = sizes(sandbox)
        assert len(watcher.entries) == HISTORY
        assert before["World.calls"] >= 10 * HISTORY, "the walk sees what there is"
        # What leaks has something of every round; what is kept may be larger or smaller at the moment.
        grown = {name: (before[name], size) for name, size in after.items() if size > before[name] + ROUNDS // 2}
        assert grown == {}


async def test_a_conversation_that_is_forgotten_goes_with_its_lines_and_may_begin_again() -> None:
    async with Sandbox(robots={"r": "s"}, history=HISTORY) as sandbox:
        for number in range(10 * HISTORY + 1):
            sandbox.say("你好", robot="r", group=f"g{number}")
        world = sandbox._world
        assert {entry.chat for entry in world.entries} <= set(world.chats)
        assert len(world.chats) == 10 * HISTORY
        sandbox.say("还在吗", robot="r", group="g0")
        assert world.chats[world.entries[-1].chat].title == "g0"


async def test_a_card_in_a_conversation_that_is_forgotten_goes_on_unseen() -> None:
    async with Sandbox(history=HISTORY) as sandbox, Robot.at(sandbox.url) as robot:
        await robot.create("c1")
        for number in range(10 * HISTORY + 1):
            sandbox.say("你好", robot="r", group=f"g{number}")
        assert (await robot.stream("c1", "答案", isFinalize=True)).status == 200
        assert sandbox.cards["c1"].state is CardState.FINISHED
        assert not [entry for entry in sandbox._world.entries if entry.thing is sandbox.cards["c1"]]


async def test_a_robot_too_many_is_not_let_in() -> None:
    async with Sandbox(history=HISTORY) as sandbox, Robot.at(sandbox.url, "r0") as robot:
        for number in range(1, HISTORY):
            assert (await Robot(robot.http, robot.url, f"r{number}").get_token()).status == 200
        assert (await Robot(robot.http, robot.url, "one more").get_token()).status == 400
        assert (await robot.get_token()).status == 200


async def test_files_have_a_common_limit_and_go_with_their_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BYTES", 10)
    async with Sandbox(history=HISTORY) as sandbox, Robot.at(sandbox.url) as robot:
        code = sandbox.attach(b"12345678", "a")
        body = {"robotCode": robot.client_id, "downloadCode": code}
        url = (await robot.call("POST", "/v1.0/robot/messageFiles/download", body)).body["downloadUrl"]
        sandbox.attach(b"123", "b")
        async with robot.http.get(url) as response:
            assert response.status == 403
        assert (await robot.call("POST", "/v1.0/robot/messageFiles/download", body)).status == 400


async def test_a_connection_that_nobody_reads_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "UNREAD", HISTORY)
    rules = Rules(first_ping=60)
    async with Sandbox(history=HISTORY, rules=rules) as sandbox, Robot.at(sandbox.url) as robot, robot.line() as line:
        for _ in range(HISTORY + 1):
            sandbox.push_raw(robot.client_id, "frame")
        await line.end()
        await sandbox.until(lambda: sandbox.connections[0].close_code == 1006)
