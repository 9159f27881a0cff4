"""However large the things are that come to a sandbox, what it keeps of them has a limit in bytes."""

import asyncio
import tracemalloc
from typing import Any

import pytest

from actors.sandbox import faults, files, page, scenario, scenarios, world
from actors.sandbox import line as line_module
from actors.sandbox.records import Said
from actors.sandbox.rules import Rules
from actors.sandbox.scenario import Happening, Scenario
from actors.sandbox.server import Sandbox
from actors.sandbox.weight import weight
from tests.sandbox.robot import ROBOT, Line, Robot

LARGE = 100_000
"""Bytes of one thing."""


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little may be kept, though of everything there may be many."""
    monkeypatch.setattr(world, "KEPT", 20 * LARGE)


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
        assert 5 * LARGE < most <= world.KEPT + 4 * LARGE


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


def test_what_is_held_twice_weighs_once() -> None:
    text = "x" * LARGE
    assert weight([text, text]) < weight([text, "y" + text])


def test_a_body_of_many_small_things_weighs_more_than_its_text() -> None:
    assert weight([[] for _ in range(1000)]) > 50 * 1000
