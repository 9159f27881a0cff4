"""However long a sandbox runs and whatever is done to it, it does not grow."""

import asyncio
import tracemalloc
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
    page,
    people,
    permissions,
    records,
    scenario,
    scenarios,
    templates,
    world,
)
from actors.sandbox import line as line_module
from actors.sandbox.records import CardState, Said
from actors.sandbox.rules import Rules
from actors.sandbox.scenario import Happening, Scenario
from actors.sandbox.server import Sandbox
from actors.sandbox.weight import weight
from tests.sandbox.robot import ROBOT, Line, Robot

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
        grown = {name: (before[name], size) for name, size in after.items() if size > before[name] + HISTORY + 2}
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


# In bytes

LARGE = 100_000
"""Bytes of one thing."""


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little may be kept, though of everything there may be many."""
    for module, name in LIMITS:
        monkeypatch.setattr(module, name, 1000)
    monkeypatch.setattr(world, "KEPT", 20 * LARGE)
    monkeypatch.setattr(world, "UNWEIGHED", 5 * LARGE)


def kept(sandbox: Sandbox) -> int:
    """Bytes that can be reached from what a sandbox remembers."""
    known = {name: value for name, value in vars(sandbox._world).items() if name not in {"trace", "_watchers"}}
    return weight(known, list(sandbox._world.trace), [watcher.entries for watcher in sandbox._world._watchers])


async def say(robot: Robot, line: Line, sandbox: Sandbox, number: int) -> None:
    sandbox.say(f"{number}" + "x" * LARGE, robot=ROBOT, sender=f"p{number}", nick="n" * LARGE)
    await line.message()


async def answer_by_webhook(robot: Robot, line: Line, sandbox: Sandbox, number: int) -> None:
    sandbox.say("?", robot=ROBOT)
    body = {"msgtype": "text", "text": {"content": f"{number}" + "x" * LARGE}}
    await robot.call("POST", (await line.message())["sessionWebhook"], body)


async def create(robot: Robot, line: Line, sandbox: Sandbox, number: int) -> None:
    await robot.create(f"c{number}", cardData={"cardParamMap": {"content": f"{number}" + "x" * LARGE}})


async def update(robot: Robot, line: Line, sandbox: Sandbox, number: int) -> None:
    private = {f"p{number}": {"cardParamMap": {"note": f"{number}" + "x" * LARGE}}}
    await robot.update("kept", {"content": f"{number}" + "x" * LARGE}, privateData=private)


async def stream(robot: Robot, line: Line, sandbox: Sandbox, number: int) -> None:
    await robot.stream("kept", f"{number}" + "x" * LARGE, guid=f"{number}" + "g" * LARGE)


async def call_in_vain(robot: Robot, line: Line, sandbox: Sandbox, number: int) -> None:
    await robot.call("POST", "/v1.0/card/instances", {"many": [[] for _ in range(LARGE // 50)], "number": number})


async def ack(robot: Robot, line: Line, sandbox: Sandbox, number: int) -> None:
    sandbox.click("kept", "b")
    await line.ack(await line.callback(), {"answer": f"{number}" + "x" * LARGE})


async def write_nonsense(robot: Robot, line: Line, sandbox: Sandbox, number: int) -> None:
    await line.socket.send_str(f"{number}" + "x" * LARGE)
    await sandbox.until(lambda: any(str(number) in str(each["frame"])[:5] for each in sandbox.stray_acks[-1:]))


DEEDS = [say, answer_by_webhook, create, update, stream, call_in_vain, ack, write_nonsense]


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
async def test_however_large_things_are_all_together_stay_within_the_limit(deed: Any) -> None:
    rules = Rules(first_ping=60, calls_per_second=0)
    async with Sandbox(rules=rules) as sandbox, Robot.at(sandbox.url) as robot, robot.line() as line:
        sandbox._world.watch()  # a page that reads nothing
        await robot.create("kept")
        most = 0
        for number in range(60):
            await deed(robot, line, sandbox, number)
            if "kept" in sandbox.cards:  # without this it would be too old one day
                sandbox.cards["kept"] = sandbox.cards.pop("kept")
            most = max(most, kept(sandbox))
        assert 5 * LARGE < most <= world.KEPT + world.UNWEIGHED + 4 * LARGE


@pytest.mark.usefixtures("light")
async def test_what_passed_goes_before_what_people_see() -> None:
    rules = Rules(first_ping=60, calls_per_second=0)
    async with Sandbox(rules=rules) as sandbox, Robot.at(sandbox.url) as robot, robot.line() as line:
        sandbox.say("你好", robot=ROBOT)
        await line.message()
        await robot.create("c1")
        for number in range(60):
            await robot.stream("c1", f"{number}" + "x" * LARGE)
        assert len(sandbox.cards["c1"].versions) < 60
        assert sandbox.cards["c1"].text.startswith("59x")
        assert isinstance(sandbox.entries[0].thing, Said)


async def test_a_process_grows_no_more_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "KEPT", 20_000_000)
    monkeypatch.setattr(world, "UNWEIGHED", 5_000_000)
    for module, name in LIMITS:
        monkeypatch.setattr(module, name, 1000)
    async with Sandbox(rules=Rules(calls_per_second=0)) as sandbox, Robot.at(sandbox.url) as robot:
        tracemalloc.start()
        try:
            for number in range(100):
                await robot.create(f"c{number}", cardData={"cardParamMap": {"content": f"{number}" + "x" * 1_000_000}})
            grown, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert 5_000_000 < grown < 35_000_000, "100 MB came in"


async def test_a_client_id_that_is_too_long_is_not_let_in() -> None:
    async with Sandbox() as sandbox, Robot.at(sandbox.url) as robot:
        for name in ("r" * (world.NAME + 1), "r" * world.NAME):
            status = (await Robot(robot.http, robot.url, name).get_token()).status
            assert status == (200 if len(name) == world.NAME else 400)


async def test_uploads_have_a_common_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BYTES", 10)
    known = files.Files(Rules())
    for data in (b"12345678", b"123"):
        known.upload("file", data, "a", "text/plain")
    assert [file.data for file in known.uploads.values()] == [b"123"]


async def test_orders_and_saved_scenarios_have_a_limit_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "BYTES", 3 * LARGE)
    monkeypatch.setattr(scenarios, "BYTES", 3 * LARGE)
    for module, name in LIMITS:
        monkeypatch.setattr(module, name, 1000)
    async with Sandbox() as sandbox:
        for number in range(6):
            sandbox.fail("oto", status=500, code=f"{number}" + "x" * LARGE)
            happening = Happening(0, "say", {"robot": "r", "text": f"{number}" + "x" * LARGE})
            sandbox.scenarios.save(Scenario(f"s{number}", (happening,)))
        assert [order.code[0] for order in sandbox._faults.orders] == ["4", "5"]
        assert list(sandbox.scenarios.saved) == ["s4", "s5"]


async def test_a_recording_ends_before_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "RECORDED", 3 * LARGE)
    async with Sandbox() as sandbox, Robot.at(sandbox.url) as robot:
        await robot.call("POST", "/sandbox/record", {})
        for _ in range(6):
            await robot.call("POST", "/sandbox/say", {"robot": "r", "text": "x" * LARGE})
        recording = sandbox.scenarios.recording
        assert recording
        assert (recording["happenings"], recording["full"]) == (2, True)


async def test_a_connection_that_is_too_many_bytes_behind_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "UNREAD", 1000)
    monkeypatch.setattr(line_module, "BEHIND", 3 * LARGE)
    rules = Rules(first_ping=60)
    async with Sandbox(rules=rules) as sandbox, Robot.at(sandbox.url) as robot, robot.line() as line:
        for _ in range(4):
            sandbox.push_raw(robot.client_id, "x" * LARGE)
        await line.end()
        await sandbox.until(lambda: sandbox.connections[0].close_code == 1006)


async def status_of_a_page(robot: Robot) -> int:
    async with robot.http.get(f"{robot.url}/sandbox/events") as response:
        return response.status


async def test_a_page_too_many_is_told_so_and_comes_in_when_another_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGES", 1)
    async with Sandbox() as sandbox, Robot.at(sandbox.url) as robot:
        async with robot.http.get(f"{sandbox.url}/sandbox/events") as first:
            assert first.status == 200
            async with robot.http.get(f"{sandbox.url}/sandbox/events") as second:
                assert second.status == 503
                assert await second.json() == {"error": "1 pages are open: close one of them"}
        async with asyncio.timeout(10):
            while await status_of_a_page(robot) == 503:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.01)
