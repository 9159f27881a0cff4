"""Scenarios: as plans with the time handed in, as data, and played by a sandbox."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.sandbox.actions import Action
from actors.sandbox.scenario import LONGEST, Happening, Playback, Recording, Scenario
from actors.sandbox.scenarios import PLAYED, SAVED
from actors.sandbox.server import Sandbox
from tests.sandbox.robot import ROBOT, Line, Robot

TIMES = st.lists(st.floats(0, 100), max_size=20)


def at(*times: float) -> Scenario:
    return Scenario("s", tuple(Happening(time, f"do{number}") for number, time in enumerate(times)))


# The plan


@given(TIMES, TIMES)
def test_everything_happens_once_in_order_and_not_before_its_time(times: list[float], looks: list[float]) -> None:
    scenario = at(*times)
    playback = Playback(scenario, 1000.0)
    done: list[Happening] = []
    for now in sorted(looks):
        due = playback.due(1000.0 + now)
        assert all(1000.0 + each.at <= 1000.0 + now for each in due)
        done += due
    done += playback.due(1101.0)
    assert tuple(done) == scenario.happenings
    assert playback.wait(1101.0) is None


def test_the_wait_is_until_the_next() -> None:
    playback = Playback(at(0.5, 2.0), 10.0)
    assert playback.wait(10.0) == 0.5
    assert playback.wait(11.0) == 0.0
    assert len(playback.due(11.0)) == 1
    assert playback.wait(11.0) == 1.0


@given(st.text(min_size=1), TIMES)
def test_what_is_saved_is_what_is_loaded(name: str, times: list[float]) -> None:
    scenario = Scenario(name, at(*times).happenings)
    assert Scenario.of(json.loads(json.dumps(scenario.data()))) == scenario


def test_a_file_holds_a_scenario(tmp_path: Path) -> None:
    scenario = Scenario("下午", (Happening(1.5, "say", {"text": "你好"}),))
    scenario.write(tmp_path / "s.json")
    assert Scenario.read(tmp_path / "s.json") == scenario


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], r"scenario must be a JSON object, not \[\]"),
        ({"name": "s"}, "scenario: the field 'happenings' is missing"),
        ({"name": "", "happenings": []}, "scenario.name must not be empty"),
        ({"name": 1, "happenings": []}, "scenario.name must be text, not 1"),
        ({"name": "s", "happenings": {}}, r"scenario.happenings must be a list, not \{\}"),
        ({"name": "s", "happenings": [{"at": "1", "do": "say"}]}, r"happenings\[0\].at must be a number, not '1'"),
        ({"name": "s", "happenings": [{"at": -1, "do": "say"}]}, r"happenings\[0\].at must not be negative"),
        ({"name": "s", "happenings": [{"at": 1, "do": "say", "with": {}}]}, r"happenings\[0\] has no field 'with'; it"),
    ],
)
def test_what_is_no_scenario_is_named_by_its_place(data: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Scenario.of(data)


def test_a_file_that_holds_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text("{")
    with pytest.raises(ValueError, match=r"s\.json: Expecting"):
        Scenario.read(tmp_path / "s.json")


def test_a_recording_has_the_times_from_its_beginning_and_an_end() -> None:
    recording = Recording(100.0)
    for number in range(LONGEST + 5):
        recording.note(100.25 + number, "roll", {"robot": "r"})
    scenario = recording.scenario("s")
    assert scenario.happenings[0] == Happening(0.25, "roll", {"robot": "r"})
    assert len(scenario.happenings) == LONGEST


# In a sandbox


async def act(robot: Robot, action: str, /, **arguments: Any) -> tuple[int, Any]:
    answer = await robot.call("POST", f"/sandbox/{action}", arguments)
    return answer.status, answer.body


async def test_a_scenario_is_saved_and_played_by_the_control(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    happenings = [
        {"at": 0.02, "do": "fail", "arguments": {"api": "create", "status": 500}},
        {"at": 0.01, "do": "say", "arguments": {"text": "你好"}},
    ]
    assert await act(robot, "save", name="下午", happenings=happenings) == (200, {})
    assert await act(robot, "play", name="下午", robot=ROBOT) == (200, {"seconds": 0.02})
    assert (await line.message())["text"] == {"content": "你好"}
    await sandbox.until(lambda: sandbox.scenarios.plays[-1].over)
    assert (await robot.create("c1")).status == 500
    seen = (await robot.call("GET", "/sandbox/scenarios", None)).body
    assert [scenario["name"] for scenario in seen["saved"]] == ["下午"]
    (play,) = seen["plays"]
    assert play == {"scenario": "下午", "robot": ROBOT, "happenings": 2, "over": True, "done": 2, "problems": []}
    assert seen["recording"] is None


async def test_what_is_done_by_hand_can_be_saved_and_played_again(robot: Robot, line: Line, sandbox: Sandbox) -> None:
    await act(robot, "record")
    await act(robot, "say", robot=ROBOT, text="你好")
    await act(robot, "say", robot=ROBOT)
    await act(robot, "save", name="again")
    (happening,) = sandbox.scenarios.saved["again"].happenings
    assert (happening.do, happening.arguments) == ("say", {"robot": ROBOT, "text": "你好"})
    await act(robot, "play", name="again")
    assert [(await line.message())["text"]["content"] for _ in range(2)] == ["你好", "你好"]
    assert (await act(robot, "save", name="more"))[1]["error"].startswith("save: nothing is being recorded")


@pytest.mark.parametrize(
    ("happening", "problem"),
    [
        ({"do": "explode"}, r"save: scenario.happenings[0].do: there is no action 'explode': one of abort"),
        ({"do": "play"}, r"save: scenario.happenings[0].do: 'play' cannot be part of a scenario"),
        ({"do": "roll", "arguments": {"robto": "r"}}, "scenario.happenings[0].arguments has no field 'robto'"),
    ],
)
async def test_what_cannot_happen_is_not_saved(robot: Robot, happening: dict[str, Any], problem: str) -> None:
    status, answer = await act(robot, "save", name="s", happenings=[{"at": 0, **happening}])
    assert status == 400
    assert problem in answer["error"]
    assert (await robot.call("GET", "/sandbox/scenarios", None)).body["saved"] == []


async def test_a_scenario_that_needs_a_robot_says_so_before_anything_happens(robot: Robot, sandbox: Sandbox) -> None:
    happenings = [{"at": 0, "do": "heal"}, {"at": 0, "do": "roll"}]
    await act(robot, "save", name="s", happenings=happenings)
    status, answer = await act(robot, "play", name="s")
    assert (status, answer["error"]) == (
        400,
        "play: scenario.happenings[1].arguments: the field 'robot' is missing",
    )
    assert not sandbox.scenarios.plays
    assert (await act(robot, "play", name="none"))[1]["error"] == "play: nothing here has the name 'none'"


async def test_what_fails_on_its_way_is_told_and_stops_nothing(sandbox: Sandbox) -> None:
    play = sandbox.scenarios.play(
        Scenario("s", (Happening(0, "click", {"card": "none", "button": "b"}), Happening(0, "expire_tokens")))
    )
    await sandbox.until(lambda: play.over)
    assert (play.done, play.problems) == (2, ["at 0 s: click: nothing here has the name 'none'"])


async def test_what_plays_can_be_halted_and_ends_with_the_sandbox(robot: Robot, sandbox: Sandbox) -> None:
    await act(robot, "save", name="s", happenings=[{"at": 3600, "do": "heal"}])
    await act(robot, "play", name="s")
    assert await act(robot, "halt") == (200, {"plays": 1})
    await sandbox.until(lambda: sandbox.scenarios.plays[0].over)
    await act(robot, "play", name="s")
    await sandbox.stop()
    assert [(play.over, play.done) for play in sandbox.scenarios.plays] == [(True, 0), (True, 0)]


async def test_scenarios_and_their_plays_are_bounded(robot: Robot, sandbox: Sandbox) -> None:
    long = Scenario("long", (Happening(3600, "heal"),))
    for number in range(SAVED + 1):
        sandbox.scenarios.save(Scenario(f"s{number}", ()))
    assert list(sandbox.scenarios.saved) == [f"s{number}" for number in range(1, SAVED + 1)]
    for _ in range(PLAYED):
        sandbox.scenarios.play(long)
    with pytest.raises(ValueError, match="20 scenarios play already"):
        sandbox.scenarios.play(long)
    too_long = Scenario("too long", long.happenings * (LONGEST + 1))
    with pytest.raises(ValueError, match=f"scenario.happenings has {LONGEST + 1}, and may have {LONGEST}"):
        sandbox.scenarios.save(too_long)


async def test_whoever_has_the_sandbox_can_add_words_of_their_own(robot: Robot, sandbox: Sandbox) -> None:
    heard: list[str] = []

    def shout(word: str) -> None:
        heard.append(word)

    sandbox.actions.add(Action("shout", shout))
    play = sandbox.scenarios.play(Scenario("s", (Happening(0, "shout", {"word": "嘿"}),)))
    await sandbox.until(lambda: play.over)
    assert await act(robot, "shout", word="哈") == (200, {})
    assert heard == ["嘿", "哈"]
