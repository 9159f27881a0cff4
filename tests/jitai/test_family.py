"""The family inside JitNode: an app loads it, people talk to its robots, and JitNode's events reach them."""

import asyncio
import json
import re
import sys
from typing import Any

import pytest

import actors
from actors.errors import SettingsError
from actors.inbox.sqlite_file import hold
from tests.actors.cast import asked_by, whole
from tests.jitai.conftest import DEMO, FAMILY, OTHER, SECRET, House, eventually, open_files, threads


async def begun(house: House) -> Any:
    """The app is initialised, its demo is connected; returns the demo's element."""
    await house.do(house.app.begin)
    await house.online()
    return await house.element()


# What is loaded.


async def test_a_question_is_answered_on_a_card(house: House) -> None:
    await begun(house)
    assert await house.answer("你好") == "您说：你好"


async def test_the_element_is_what_starts_and_stops_the_robot(house: House) -> None:
    demo = await begun(house)
    assert demo.is_running()
    assert await house.do(demo.stop)
    assert not demo.is_running()
    await house.online(count=0)


async def test_stop_ends_every_thread_and_closes_every_file_and_socket(house: House) -> None:
    before = threads(), open_files()
    demo = await begun(house)
    await house.answer("你好")
    assert threads() > before[0]
    await house.do(demo.stop)
    await eventually(lambda: threads() <= before[0] and open_files() <= before[1])


async def test_stop_in_mid_answer_gives_the_question_back_within_its_grace(house: House) -> None:
    before = threads()
    demo = await begun(house)
    house.sandbox.say("2x0.01 hang", robot=house.robot)
    await house.sandbox.until(lambda: any("0" in card.text for card in house.cards()), 20.0)
    assert await house.do(demo.stop)
    assert not demo.is_running()
    await eventually(lambda: threads() <= before)


async def test_a_stopped_robot_starts_again(house: House) -> None:
    demo = await begun(house)
    for text in ("一", "二"):
        assert await house.do(demo.stop)
        await house.do(demo.start)
        await house.online()
        assert await house.answer(text) == f"您说：{text}"


async def test_what_was_asked_while_it_stopped_is_answered_after_the_start(house: House) -> None:
    demo = await begun(house)
    house.sandbox.say("30x0.1", robot=house.robot, sender="waiting")
    await eventually(lambda: asked_by("waiting") != [])
    await house.do(demo.stop)
    await house.do(demo.start)
    await eventually(lambda: len(asked_by("waiting")) == 2)


async def test_start_and_stop_twice_are_start_and_stop(house: House) -> None:
    demo = await begun(house)
    await house.do(demo.start)
    await house.online(count=1)
    assert [await house.do(demo.stop), await house.do(demo.stop)] == [True, True]
    assert len([c for c in house.sandbox.connections if c.robot == house.robot]) == 1


# Loaded more than once.


@pytest.mark.parametrize("reload", ["elements", "modules", "embedded"])
async def test_two_loads_are_one_robot(house: House, reload: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await begun(house)
    house.app.forget_elements()
    if reload != "elements":
        house.app.forget_modules()
    if reload == "embedded":
        for name in ("embedded", "jitnode"):
            monkeypatch.delattr(actors, name)
            monkeypatch.delitem(sys.modules, f"actors.{name}")
    again = await house.element()
    assert again is not first
    assert await house.answer("你好") == "您说：你好"
    assert len([c for c in house.sandbox.connections if c.robot == house.robot]) == 1
    await house.do(again.stop)
    assert not first.is_running()
    await house.online(count=0)


async def test_loads_at_the_same_time_are_one_robot(house: House) -> None:
    house.app.init = True
    await asyncio.gather(*(asyncio.to_thread(house.app.getElement, DEMO) for _ in range(8)))
    await house.online()
    assert await house.answer("你好") == "您说：你好"
    assert len([c for c in house.sandbox.connections if c.robot == house.robot]) == 1


# JitNode's events.


@pytest.mark.parametrize("forget", [True, False])
async def test_an_update_is_served_as_it_is_now(house: House, forget: bool) -> None:
    await begun(house)
    changed = house.config(agent="python:tests.actors.cast:other")
    await house.do(house.app.save, DEMO, changed, forget=forget)
    await house.online()
    assert await house.answer("你好") == "另一个回答"


async def test_an_update_that_changes_nothing_leaves_the_connection_alone(house: House) -> None:
    await house.do(house.app.begin)
    await house.do(house.app.save, DEMO, house.config())
    await house.online()
    await house.do(house.app.save, DEMO, house.config() | {"title": "not ours"})
    assert await house.answer("你好") == "您说：你好"
    assert len([c for c in house.sandbox.connections if c.robot == house.robot and c.live]) == 1


async def test_an_answer_that_runs_at_an_update_ends_as_it_began(house: House) -> None:
    house.app.envVars["SHUTDOWN_GRACE"] = 30
    await begun(house)
    house.sandbox.say("20x0.05", robot=house.robot)
    await house.sandbox.until(lambda: any("0" in card.text for card in house.cards()), 20.0)
    await house.do(house.app.save, DEMO, house.config(agent="python:tests.actors.cast:other"))
    assert [card.text for card in house.cards()] == [whole(20)]
    await house.online()
    assert await house.answer("你好") == "另一个回答"


async def test_a_changed_variable_is_taken_over_with_an_update(house: House) -> None:
    await begun(house)
    house.app.envVars["DEMO_CLIENT_ID"] = f"{house.robot}b"
    await house.do(house.app.save, DEMO, house.config(clientId="{{DEMO_CLIENT_ID}}"))
    await house.online(f"{house.robot}b")
    await house.online(count=0)


async def test_a_deleted_instance_is_gone(house: House) -> None:
    before = threads()
    await begun(house)
    await house.do(house.app.delete, DEMO)
    await house.online(count=0)
    await eventually(lambda: threads() <= before)


async def test_a_deleted_instances_app_of_dingtalks_may_be_anothers(house: House) -> None:
    await begun(house)
    await house.do(house.app.create, OTHER, house.config(clientId=f"{house.robot}b"))
    await house.do(house.app.delete, DEMO)
    await house.do(house.app.save, OTHER, house.config())
    await house.online()
    assert house.log.errors() == []


async def test_a_created_instance_is_served_at_once(house: House) -> None:
    await begun(house)
    await house.do(house.app.create, OTHER, house.config(clientId=f"{house.robot}b"))
    await house.online(f"{house.robot}b")


async def test_the_end_of_a_request_is_not_the_end_of_the_robot(house: House) -> None:
    await begun(house)
    await house.do(house.app.request)
    assert await house.answer("你好") == "您说：你好"


async def test_the_end_of_the_app_is(house: House) -> None:
    before = threads()
    demo = await begun(house)
    await house.do(house.app.end)
    assert not demo.is_running()
    await eventually(lambda: threads() <= before)


# Several at once.


async def test_two_instances_have_each_their_own_agent_and_inbox(house: House) -> None:
    await begun(house)
    other = f"{house.robot}b"
    await house.do(house.app.create, OTHER, house.config(clientId=other, agent="python:tests.actors.cast:other"))
    await house.online(other)
    answers = await asyncio.gather(house.answer("你好"), house.answer("你好", robot=other))
    assert list(answers) == ["您说：你好", "另一个回答"]
    folder = house.app.folder / "appData" / "dingtalk-actors"
    assert {file.name for file in folder.glob("*.db")} == {
        "inbox.whwy.myapp.imRobots.dingTalkDemo.db",
        "inbox.whwy.myapp.imRobots.other.db",
    }


async def test_stopping_one_of_two_leaves_the_other_alone(house: House) -> None:
    demo = await begun(house)
    other = f"{house.robot}b"
    await house.do(house.app.create, OTHER, house.config(clientId=other))
    await house.online(other)
    await house.do(demo.stop)
    assert await house.answer("你好", robot=other) == "您说：你好"


async def test_two_instances_of_one_app_of_dingtalks_are_not_both_served(house: House) -> None:
    await begun(house)
    await house.do(house.app.create, OTHER, house.config())
    assert not (await house.element(OTHER)).is_running()
    place = f"{house.app.envId}/whwy.myapp/{DEMO}"
    assert [line for line in house.log.errors() if f"other/config.json: clientId='{house.robot}': is {place}'s" in line]


# What is wrong.


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"clientId": "{{NOBODY}}"}, "clientId: {{NOBODY}} is not set, set NOBODY in the environment"),
        ({"clientId": ""}, "clientId: is missing"),
        ({"agent": 7}, "agent: must be text in quotes, is a number"),
        ({"agent": "python:nowhere.at:all"}, "agent='python:nowhere.at:all'"),
        ({"AGENT_TIMEOUT": "soon"}, "AGENT_TIMEOUT='soon'"),
        ({"SHUTDOWN_GRACE": 3}, "SHUTDOWN_GRACE: holds for all robots of this process"),
    ],
)
async def test_a_broken_config_is_told_with_its_file_and_key(house: House, config: dict[str, Any], told: str) -> None:
    await house.do(house.app.begin)
    await house.do(house.app.save, DEMO, house.config(**config))
    demo = await house.element()
    assert not demo.is_running()
    line = house.log.error_told()
    assert f"imRobots/dingTalkDemo/config.json: {told}" in line
    assert SECRET not in line
    with pytest.raises(SettingsError, match=re.escape(told)):
        await house.do(demo.start)


@pytest.mark.parametrize(("text", "told"), [("{", "is no JSON"), ("[]", "must be a JSON object"), ("", "is no JSON")])
async def test_a_config_that_is_no_object_is_told_with_its_file(house: House, text: str, told: str) -> None:
    await house.do(house.app.save, DEMO, text)
    line = house.log.error_told()
    assert f"imRobots/dingTalkDemo/config.json: {told}" in line


async def test_an_instance_without_a_config_is_told(house: House) -> None:
    (house.app.folder / "imRobots" / "dingTalkDemo" / "config.json").unlink()
    await house.do(house.app.begin)
    line = house.log.error_told()
    assert "imRobots/dingTalkDemo/config.json: cannot be read (FileNotFoundError), write it" in line


async def test_a_robot_whose_config_breaks_is_served_no_longer_and_comes_back_with_a_whole_one(house: House) -> None:
    demo = await begun(house)
    await house.do(house.app.save, DEMO, "{")
    assert not demo.is_running()
    await house.online(count=0)
    await house.do(house.app.save, DEMO, house.config())
    await house.online()


async def test_a_variable_that_names_a_robot_is_nothing_by_itself(house: House) -> None:
    house.app.envVars["DINGTALK_CLIENT_ID"] = house.robot
    await house.do(house.app.save, DEMO, house.config(clientId="{{DINGTALK_CLIENT_ID}}"))
    await house.online()


async def test_a_wrong_variable_is_told_by_its_name(house: House) -> None:
    house.app.envVars["STREAM_RETRY_MAX"] = "soon"
    await house.do(house.app.begin)
    line = house.log.error_told()
    assert line.startswith("robot parked: STREAM_RETRY_MAX='soon'")


async def test_a_robot_whose_inbox_another_process_has_waits_to_be_started(house: House) -> None:
    before = threads()
    folder = house.app.folder / "appData" / "dingtalk-actors"
    folder.mkdir()
    with hold(folder / "inbox.whwy.myapp.imRobots.dingTalkDemo.db"):
        await house.do(house.app.begin)
        demo = await house.element()
        (line,) = house.log.errors()
        assert "is in use by another process" in line
        assert not demo.is_running()
        await eventually(lambda: threads() <= before)
    await house.do(demo.start)
    await house.online()


async def test_an_app_without_data_is_told_to_name_an_inbox(house: House) -> None:
    (house.app.folder / "appData").rmdir()
    await house.do(house.app.begin)
    line = house.log.error_told()
    assert "INBOX_URL: is not set, and the app has no folder appData" in line


async def test_a_named_inbox_is_each_robots_own_beside_it(house: House) -> None:
    house.app.envVars["INBOX_URL"] = f"sqlite:///{house.app.folder.parent}/robots/inbox.db"
    await begun(house)
    (file,) = (house.app.folder.parent / "robots").glob("*.db")
    assert file.name == "inbox.whwy.myapp.imRobots.dingTalkDemo.db"


async def test_a_refused_robot_is_running_and_says_why(house: House) -> None:
    house.app.envVars["DEMO_CLIENT_SECRET"] = "not-its-secret"
    await house.do(house.app.begin)
    await eventually(lambda: any("refused" in line for line in house.log.lines))
    assert (await house.element()).is_running()
    assert not [line for line in house.log.lines if "not-its-secret" in line]


# The files themselves.


def test_the_demo_is_loaded_with_its_app() -> None:
    demo = json.loads((FAMILY / "dingTalkDemo" / "e.json").read_text("utf-8"))
    assert (demo["type"], demo["backendLoadTime"]) == ("imRobots.dingTalkStreamType", "afterAppInit")


def test_the_type_is_the_metas() -> None:
    a_type = json.loads((FAMILY / "dingTalkStreamType" / "e.json").read_text("utf-8"))
    meta = json.loads((FAMILY / "Meta" / "e.json").read_text("utf-8"))
    assert (a_type["type"], meta["type"]) == ("imRobots.Meta", "")


def test_no_secret_and_no_name_of_an_app_is_in_the_demo() -> None:
    config = json.loads((FAMILY / "dingTalkDemo" / "config.json").read_text("utf-8"))
    assert set(config) == {"agent", "clientId", "clientSecret"}
    assert all(value.startswith("{{") and value.endswith("}}") for value in config.values())
