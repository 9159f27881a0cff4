"""Robots that come, change and go in `ROBOTS_DIR` while others are served: who has not changed does not notice."""

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pykka import ActorRegistry

from actors import roll, takeover
from actors.agents.custom import PythonAgent
from actors.conversation import Conversation
from actors.core.question import Address, Question
from actors.messages import WentWrong
from actors.runtime.actor import tell
from actors.sandbox.records import Connection
from actors.settings import Settings, load, look
from tests.actors.cast import HEARD, asked_by, whole
from tests.actors.conftest import SECRET, Stage, connected, eventually, several
from tests.jaap.trees import INSTANCE, write

SCRIPTED = {"agent": "python:tests.actors.cast:scripted"}
OTHER = {"agent": "python:tests.actors.cast:other"}
BOTH: dict[str, Any] = {"a": SCRIPTED, "b": SCRIPTED}


LOOKS: list[float] = []
"""When the folder was looked at."""


def _look(environ: Mapping[str, str]) -> tuple[object, ...]:
    seen = look(environ)
    LOOKS.append(time.monotonic())
    return seen


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(takeover, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(takeover, "look", _look)
    caplog.set_level(logging.INFO)


@dataclass
class Folder:
    """The element tree of these tests; what is written is there at once."""

    path: Path
    stages: tuple[Stage, ...]

    def config(self, stage: Stage, **keys: Any) -> None:
        """Give a robot this `config.json`, beside its credentials."""
        self.text(stage, json.dumps({"clientId": stage.robot, "clientSecret": SECRET} | keys))

    def text(self, stage: Stage, content: str) -> None:
        """Give a robot this `config.json`."""
        file = self.path / _name(stage) / "config.json"
        os.replace(write(file.with_name("written"), content), file)  # noqa: PTH105 - at once, and over what is there

    def add(self, name: str, **keys: Any) -> Stage:
        """Put a new robot there, which DingTalk knows."""
        stage = self.new(name)
        self.put(stage, **keys)
        return stage

    def new(self, name: str) -> Stage:
        """A robot that DingTalk knows and we do not."""
        first = self.stages[0]
        stage = Stage(f"{name}{first.robot[1:]}", first.sandbox, first.service)
        first.sandbox._world.robots[stage.robot] = SECRET
        return stage

    def put(self, stage: Stage, **keys: Any) -> None:
        """Put a robot there."""
        hidden = self.path / ".new"
        write(hidden / "e.json", INSTANCE)
        write(hidden / "config.json", {"clientId": stage.robot, "clientSecret": SECRET} | keys)
        hidden.rename(self.path / _name(stage))

    def remove(self, stage: Stage) -> None:
        """Take a robot away."""
        gone = self.path / f".gone-{time.monotonic_ns()}"
        (self.path / _name(stage)).rename(gone)


def _name(stage: Stage) -> str:
    return stage.robot.rstrip("0123456789")


@asynccontextmanager
async def folder(
    path: Path, robots: dict[str, Any] = BOTH, **settings: str
) -> AsyncIterator[tuple[Folder, Stage, Stage]]:
    """Two robots in a folder, served and connected."""
    async with several(path, robots, **settings) as stages:
        for stage in stages:
            await connected(stage)
        first, second = stages
        yield Folder(path / "app" / "imRobots", stages), first, second


def connections(stage: Stage) -> list[Connection]:
    """All connections that a robot ever had."""
    return [connection for connection in stage.sandbox.connections if connection.robot == stage.robot]


def said(caplog: pytest.LogCaptureFixture, action: str, stage: Stage | None = None) -> list[str]:
    """What was logged under an action, of one robot or of any."""
    records = [record for record in caplog.records if vars(record).get("action") == action]
    return [record.getMessage() for record in records if stage is None or vars(record).get("robot") == stage.robot]


async def told(caplog: pytest.LogCaptureFixture, action: str, stage: Stage | None = None) -> None:
    """Wait for a line in the log."""

    async def is_told() -> bool:
        return bool(said(caplog, action, stage))

    await eventually(is_told)


async def state(stage: Stage) -> dict[str, Any] | None:
    """What `/status` says of a robot."""
    robots = json.loads((await stage.get("/status"))[1])["robots"]
    return next((robot for robot in robots if robot["robot"] == stage.robot), None)


async def looked(count: int = 3) -> None:
    """Wait until the folder was looked at so many more times."""
    before = len(LOOKS)
    await until(lambda: len(LOOKS) > before + count)  # one may have begun before


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tells nobody."""

    async def is_so() -> bool:
        return condition()

    await eventually(is_so)


async def in_progress(stage: Stage, text: str, sender: str = "zhang") -> None:
    """Ask for an answer, and wait until it runs."""
    await stage.ask(text, sender=sender)
    await until(lambda: asked_by(sender)[-1:] == [text])


@pytest.fixture
def given_up(monkeypatch: pytest.MonkeyPatch) -> list[PythonAgent]:
    """The agents that were closed, in order."""
    closed: list[PythonAgent] = []

    async def close(agent: PythonAgent) -> None:
        closed.append(agent)

    monkeypatch.setattr(PythonAgent, "close", close)
    return closed


def agent_of(stage: Stage) -> object:
    return stage.service._parts.robots[stage.robot].agent


# Added.


async def test_a_robot_that_is_added_answers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, *_):
        c = tree.add("c", **OTHER)
        await connected(c)
        await c.ask("你好")
        (card,) = await c.finished()
        assert card.text == "另一个回答"
        assert len(said(caplog, "robot_added")) == 1


async def test_who_was_there_before_a_robot_was_added_does_not_notice(tmp_path: Path) -> None:
    async with folder(tmp_path) as (tree, a, _):
        await in_progress(a, "40x0.03", "before-added")
        await connected(tree.add("c", **SCRIPTED))
        (card,) = await a.finished(sender="before-added")
        assert card.text == whole(40)
        assert len(connections(a)) == 1
        assert asked_by("before-added") == ["40x0.03"]


async def test_a_robot_that_is_added_is_asked_what_lies_in_the_inbox(tmp_path: Path) -> None:
    async with folder(tmp_path) as (tree, a, _):
        c = tree.new("c")
        address = Address(c.robot, "cid1", group=False, user="li", webhook="", webhook_expires=0.0)
        question = Question(
            c.robot, "m1", f"{c.robot}::li", f"{c.robot}:cid1:li", "在吗", "left-behind", "李四", address, time.time()
        )
        await asyncio.to_thread(a.service._reactor.submit(a.service._parts.inbox.put(question, limit=8)).result)
        tree.put(c, **SCRIPTED)
        await until(lambda: asked_by("left-behind") == ["在吗"])


async def test_a_robot_that_is_added_and_refused_is_missed_when_it_had_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll, "NEWCOMERS_TIME", 3600.0)
    async with folder(tmp_path) as (tree, a, _):
        c = tree.add("c", clientSecret="wrong", **SCRIPTED)

        async def is_refused() -> bool:
            return await c.metric('dingtalk_stream_restarts_total{reason="refused",{robot}}') > 1

        await eventually(is_refused)
        assert await a.ready()
        a.service._roll._monotonic = lambda: time.monotonic() + 3601
        status, body = await a.get("/readyz")
        assert (status, json.loads(body)["missing"]) == (503, [f"robot {c.robot} has no Stream connection (refused)"])


async def test_a_robot_that_is_added_broken_is_parked(tmp_path: Path) -> None:
    async with folder(tmp_path) as (tree, a, _):
        c = tree.add("c", agent="python:tests.actors.cast:nobody")
        parked = 'dingtalk_robot_parked{reason="agent",{robot}}'

        await c.measures(parked, 1)
        shown = await state(c)
        assert shown is not None
        assert shown["state"] == "parked"
        assert await a.ready()


async def test_a_robot_that_was_parked_from_the_start_is_served_when_it_is_mended(tmp_path: Path) -> None:
    parked = 'dingtalk_robot_parked{reason="unreadable",robot="imRobots.mended"}'
    async with several(tmp_path, {"a": SCRIPTED, "mended": "{"}) as (a, mended):
        assert await a.metric(parked) == 1
        Folder(tmp_path / "app" / "imRobots", (a, mended)).config(mended, **OTHER)
        await connected(mended)
        await mended.ask("你好")
        await mended.finished()
        assert "imRobots.mended" not in (await a.get("/metrics"))[1]


# Removed.


async def test_a_robot_that_is_removed_says_goodbye_to_dingtalk(tmp_path: Path) -> None:
    async with folder(tmp_path) as (tree, a, b):
        tree.remove(b)
        (connection,) = connections(b)
        await b.sandbox.until(lambda: connection.closed_at is not None)
        assert connection.close_code == 1000
        assert [connection.live for connection in connections(a)] == [True]


async def test_what_a_removed_robot_was_asked_is_answered(tmp_path: Path) -> None:
    async with folder(tmp_path) as (tree, _, b):
        await in_progress(b, "40x0.03", "waits-for-the-removed")
        await b.ask("排队", sender="waits-for-the-removed")
        await b.sandbox.until(lambda: len(b.cards("waits-for-the-removed")) == 2)
        tree.remove(b)
        await b.sandbox.until(lambda: not b.sandbox.online(b.robot))
        running, waiting = await b.finished(2, sender="waits-for-the-removed")
        assert (running.text, waiting.text) == (whole(40), "您说：排队")


async def test_nothing_is_said_of_a_robot_that_is_gone(tmp_path: Path) -> None:
    async with folder(tmp_path) as (tree, a, b):
        await b.ask("你好")
        await b.finished()
        tree.remove(b)
        gauges = {
            "stream_connected",
            "stream_backoff_seconds",
            "turns_in_progress",
            "conversations",
            "inbox_pending",
            "openapi_quota_used",
            "card_fallback",
        }

        async def shown(stage: Stage) -> set[str]:
            rows = (await stage.get("/metrics"))[1].splitlines()
            names = {row.split("{")[0].removeprefix("dingtalk_") for row in rows if f'robot="{stage.robot}"' in row}
            return names & gauges

        async def is_silent() -> bool:
            return not await shown(b)

        await eventually(is_silent)
        assert await shown(a) >= {"stream_connected", "openapi_quota_used"}
        assert await b.metric('dingtalk_turns_total{outcome="answered",{robot}}') == 1
        status = json.loads((await a.get("/status"))[1])
        assert [robot["robot"] for robot in status["robots"]] == [a.robot]
        assert [connection["robot"] for connection in status["connections"]] == [a.robot]
        assert await a.ready()


async def test_the_agent_of_a_removed_robot_is_closed_after_its_last_answer(
    tmp_path: Path, given_up: list[PythonAgent]
) -> None:
    async with folder(tmp_path) as (tree, _, b):
        agent = agent_of(b)
        await in_progress(b, "80x0.05", "last-of-the-removed")
        tree.remove(b)
        await b.sandbox.until(lambda: not b.sandbox.online(b.robot))
        assert given_up == []
        await b.finished(sender="last-of-the-removed")
        await until(lambda: given_up == [agent])


async def test_a_robot_that_is_put_back_while_it_answers_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with folder(tmp_path) as (tree, _, b):
        await in_progress(b, "60x0.03", "put-back")
        tree.remove(b)
        await told(caplog, "robot_removed", b)
        tree.put(b, **OTHER)
        await told(caplog, "robot_added", b)
        await b.sandbox.until(lambda: b.sandbox.online(b.robot))
        await b.ask("你好", sender="came-back")
        (new,) = await b.finished(sender="came-back")
        (old,) = await b.finished(sender="put-back")
        assert (old.text, new.text) == (whole(60), "另一个回答")


# Changed.


async def test_an_answer_that_runs_is_the_old_agents_and_the_next_the_new_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with folder(tmp_path) as (tree, a, _):
        await in_progress(a, "40x0.03", "while-changing")
        tree.config(a, **OTHER)
        await told(caplog, "robot_changed", a)
        await a.ask("你好", sender="while-changing")
        old, new = await a.finished(2, sender="while-changing")
        assert (old.text, new.text) == (whole(40), "另一个回答")


async def test_nobody_at_dingtalk_notices_another_agent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, a, b):
        tokens = [call.robot for call in a.sandbox.calls if call.api == "token"]
        tree.config(a, **OTHER)
        await told(caplog, "robot_changed", a)
        await a.ask("你好")
        await a.finished()
        assert [len(connections(stage)) for stage in (a, b)] == [1, 1]
        assert [call.robot for call in a.sandbox.calls if call.api == "token"] == tokens


async def test_the_old_agent_is_closed_after_its_last_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given_up: list[PythonAgent]
) -> None:
    async with folder(tmp_path) as (tree, a, _):
        old = agent_of(a)
        for sender in ("last-of-the-old", "other-of-the-old"):
            await in_progress(a, "80x0.05", sender)
        tree.config(a, **OTHER)
        await told(caplog, "robot_changed", a)
        await looked()
        assert given_up == []
        for sender in ("last-of-the-old", "other-of-the-old"):
            await a.finished(sender=sender)
        await until(lambda: given_up == [old])


async def test_the_old_agent_is_closed_when_its_last_answer_crashes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given_up: list[PythonAgent]
) -> None:
    async with folder(tmp_path) as (tree, a, _):
        old = agent_of(a)
        await in_progress(a, "hang", "crashes-with-the-old")
        tree.config(a, **OTHER)
        await told(caplog, "robot_changed", a)
        assert given_up == []
        (conversation,) = ActorRegistry.get_by_class(Conversation)
        tell(conversation, WentWrong(1, ZeroDivisionError()))
        await until(lambda: given_up == [old])
        (card,) = await a.finished(sender="crashes-with-the-old")
        assert card.text == "另一个回答"


async def test_a_setting_of_a_robot_is_taken_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    thoughtful = {"agent": "python:tests.actors.cast:thoughtful"}
    async with folder(tmp_path, {"a": thoughtful, "b": thoughtful}) as (tree, a, b):
        await a.ask("你好")
        await a.finished()
        tree.config(a, **thoughtful, AGENT_SHOW_REASONING=True)
        await told(caplog, "robot_changed", a)
        for stage in (a, b):
            await stage.ask("再问")
        shown = [(await a.finished(2))[1].text, (await b.finished())[0].text]
        assert ["让我想想" in text for text in shown] == [True, False]


async def test_another_card_template_is_taken_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, a, _):
        tree.config(a, **SCRIPTED, CARD_TEMPLATE_ID="ours.schema")
        await told(caplog, "robot_changed", a)
        await a.ask("你好")
        templates = [call.body["cardTemplateId"] for call in a.sandbox.calls if call.api == "create"]
        await a.sandbox.until(
            lambda: [call.body["cardTemplateId"] for call in a.sandbox.calls if call.api == "create"] == ["ours.schema"]
        )
        assert templates == []
        assert len(connections(a)) == 1


async def test_a_rating_is_told_to_the_agent_that_is_there_now(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with folder(tmp_path, {"a": OTHER, "b": OTHER}) as (tree, a, _):
        tree.config(a, **SCRIPTED)
        await told(caplog, "robot_changed", a)
        await a.ask("你好", sender="rates-the-new")
        (card,) = await a.finished(sender="rates-the-new")
        a.sandbox.click(card.id, card.buttons()[0]["id"], "rates-the-new")
        await until(lambda: any(given.question.sender_id == "rates-the-new" for given in HEARD))
        assert len(connections(a)) == 1


async def test_a_change_is_taken_over_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, a, b):
        tree.config(a, **OTHER)
        await told(caplog, "robot_changed", a)
        await looked()
        assert len(said(caplog, "robot_changed")) == 1
        assert said(caplog, "robot_changed", b) == []


@pytest.mark.parametrize("way", ["touched", "written anew", "spelled otherwise"])
async def test_what_says_the_same_is_no_change(way: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, a, _):
        await looked()
        agent, file = agent_of(a), tree.path / "a" / "config.json"
        content = file.read_text(encoding="utf-8")
        if way == "touched":
            os.utime(file)
        else:
            tree.text(a, content if way == "written anew" else content.replace(",", " ,\n"))
        await looked()
        assert agent_of(a) is agent
        assert not any(said(caplog, f"robot_{what}") for what in ("added", "changed", "removed", "outdated"))


async def test_settings_are_read_again_only_when_there_is_something_new(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Settings] = []

    def read(environ: Mapping[str, str], *, again: bool) -> Settings:
        reads.append(load(environ, again=again))
        return reads[-1]

    monkeypatch.setattr(takeover, "load", read)
    async with folder(tmp_path) as (tree, a, _):
        await looked(6)
        tree.config(a, **OTHER)
        await told(caplog, "robot_changed", a)
        await looked(6)
        assert len(reads) == 2  # at the start, and once for the change


# Another secret.

NEW = "another-secret"


async def test_with_another_secret_the_old_connection_goes_when_the_new_one_is_accepted(tmp_path: Path) -> None:
    async with folder(tmp_path) as (tree, a, b):
        await in_progress(a, "60x0.03", "with-the-old-secret")
        a.sandbox._world.robots[a.robot] = NEW
        tree.config(a, **SCRIPTED, clientSecret=NEW)
        await a.sandbox.until(lambda: len(connections(a)) == 2)
        old, new = connections(a)
        await a.sandbox.until(lambda: old.closed_at is not None)
        assert old.close_code == 1000
        assert (new.live, old.closed_at is not None and old.closed_at > new.opened_at) == (True, True)
        await a.ask("你好")
        await a.finished()
        (card,) = await a.finished(sender="with-the-old-secret")
        assert card.text == whole(60)
        assert [connection.live for connection in connections(b)] == [True]


async def test_with_a_wrong_secret_the_old_connection_goes_on_and_the_fault_is_told(tmp_path: Path) -> None:
    async with folder(tmp_path) as (tree, a, _):
        tree.config(a, **SCRIPTED, clientSecret="wrong")

        async def is_missed() -> bool:
            return f"robot {a.robot} has no Stream connection (refused)" in (await a.get("/readyz"))[1]

        await eventually(is_missed)
        assert [connection.live for connection in connections(a)] == [True]
        tree.config(a, **SCRIPTED)
        await a.sandbox.until(lambda: len(connections(a)) == 2)
        await eventually(a.ready)
        old, new = connections(a)
        await a.sandbox.until(lambda: old.closed_at is not None)
        assert new.live


async def test_a_robot_that_was_refused_is_connected_as_soon_as_its_secret_is_right(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {"a": SCRIPTED | {"clientSecret": "wrong"}, "b": SCRIPTED}
    long = {"STREAM_RETRY_INITIAL": "3000", "STREAM_RETRY_MAX": "3000"}
    async with several(tmp_path, wrong, **long) as (a, b):
        await told(caplog, "connection_waiting", a)
        Folder(tmp_path / "app" / "imRobots", (a, b)).config(a, **SCRIPTED)
        await connected(a)


CRASHED = 'dingtalk_robot_parked{reason="crashed",{robot}}'


async def crashed(stage: Stage) -> None:
    """Have a robot parked because its connection crashed."""
    gateway = stage.service._parts.robots[stage.robot].gateway

    async def crash(_: object) -> None:
        raise ZeroDivisionError

    serve, gateway.serve = gateway.serve, crash  # type: ignore[assignment, method-assign]
    stage.sandbox.abort(stage.robot)
    await stage.measures(CRASHED, 1)
    gateway.serve = serve  # type: ignore[method-assign]


async def test_a_robot_that_was_parked_for_crashing_is_tried_again_when_it_changes(tmp_path: Path) -> None:
    async with folder(tmp_path, STREAM_RESTART_INTENSITY="1") as (tree, a, _):
        await crashed(a)
        tree.config(a, **OTHER)
        await connected(a)
        await a.ask("你好")
        await a.finished()
        assert await a.metric(CRASHED) == 0
        shown = await state(a)
        assert shown is not None
        assert shown["state"] == "serving"


async def test_a_robot_that_was_parked_for_crashing_can_be_removed(tmp_path: Path) -> None:
    async with folder(tmp_path, STREAM_RESTART_INTENSITY="1") as (tree, a, b):
        await crashed(a)
        tree.remove(a)
        await gone(a)
        assert await a.metric(CRASHED) == 0
        assert (await state(a), await b.ready()) == (None, True)


# Broken, and mended.


async def test_a_robot_that_breaks_goes_on_as_before_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with folder(tmp_path) as (tree, a, b):
        tree.text(a, '{"clientId": ')
        await told(caplog, "robot_outdated", a)
        await looked()
        await a.ask("你好")
        await a.finished()
        shown = await state(a)
        assert shown is not None
        assert (shown["state"], "config.json: is no JSON" in shown["reason"]) == ("serving", True)
        assert await a.metric('dingtalk_robot_outdated{reason="unreadable",{robot}}') == 1
        assert await a.ready()
        assert len(said(caplog, "robot_outdated")) == 1
        assert [len(connections(stage)) for stage in (a, b)] == [1, 1]


async def test_a_robot_that_is_mended_is_as_it_is_configured(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, a, _):
        tree.config(a, agent="python:tests.actors.cast:nobody")
        await told(caplog, "robot_outdated", a)
        tree.config(a, **OTHER)
        await told(caplog, "robot_mended", a)
        await a.ask("你好")
        (card,) = await a.finished()
        assert card.text == "另一个回答"
        assert await a.metric('dingtalk_robot_outdated{reason="agent",{robot}}') == 0
        shown = await state(a)
        assert shown is not None
        assert shown["reason"] == ""


async def test_a_robot_that_breaks_otherwise_says_so_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, a, _):
        tree.text(a, "{")
        await told(caplog, "robot_outdated", a)
        tree.config(a, agent="nonsense:")

        async def is_told() -> bool:
            return len(said(caplog, "robot_outdated", a)) == 2

        await eventually(is_told)
        assert await a.metric('dingtalk_robot_outdated{reason="unreadable",{robot}}') == 0
        assert await a.metric('dingtalk_robot_outdated{reason="agent",{robot}}') == 1


async def test_all_robots_may_break_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, a, b):
        for stage in (a, b):
            tree.text(stage, "{")
        for stage in (a, b):
            await told(caplog, "robot_outdated", stage)
            await stage.ask("你好")
            await stage.finished()


async def test_a_folder_that_disappears_takes_nobody_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, a, b):
        away = tree.path.rename(tmp_path / "away")
        await told(caplog, "robot_outdated")
        await looked()
        assert len(said(caplog, "robot_outdated")) == 1
        assert [await stage.metric('dingtalk_robot_outdated{reason="unreadable",{robot}}') for stage in (a, b)] == [
            1,
            1,
        ]
        for stage in (a, b):
            await stage.ask("你好")
            await stage.finished()
        away.rename(tree.path)
        for stage in (a, b):
            await told(caplog, "robot_mended", stage)
        assert [len(connections(stage)) for stage in (a, b)] == [1, 1]
        assert said(caplog, "robot_changed") == []


async def test_a_folder_that_is_emptied_takes_nobody_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with folder(tmp_path) as (tree, a, b):
        away = tmp_path / "away"
        tree.path.rename(away)
        tree.path.mkdir()
        await told(caplog, "robot_outdated")
        assert [len(connections(stage)) for stage in (a, b)] == [1, 1]
        assert said(caplog, "robot_removed") == []


# While it is being written.


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """The folder is looked at as often as this is released."""
    gate = threading.Semaphore(0)

    def wait_and_look(environ: Mapping[str, str]) -> tuple[object, ...]:
        gate.acquire(timeout=60)
        return _look(environ)

    monkeypatch.setattr(takeover, "look", wait_and_look)
    yield gate
    gate.release(1000)


async def look_once(gate: threading.Semaphore) -> None:
    """Let the folder be looked at, and wait until it was."""
    before = len(LOOKS)
    gate.release()
    await until(lambda: len(LOOKS) > before)


async def test_a_file_that_is_seen_half_written_is_nobodys_fault(
    tmp_path: Path, gate: threading.Semaphore, caplog: pytest.LogCaptureFixture
) -> None:
    async with folder(tmp_path) as (tree, a, _):
        await look_once(gate)
        tree.text(a, '{"clientId": "')
        await look_once(gate)
        tree.config(a, **OTHER)
        gate.release(1000)
        await told(caplog, "robot_changed", a)
        assert said(caplog, "robot_outdated") == []
        gate.release(1000)


async def test_what_changes_while_it_is_taken_over_is_taken_over_as_it_is_in_the_end(
    tmp_path: Path, gate: threading.Semaphore, caplog: pytest.LogCaptureFixture, given_up: list[PythonAgent]
) -> None:
    async with folder(tmp_path) as (tree, a, _):
        old = agent_of(a)
        tree.config(a, agent="python:tests.actors.cast:thoughtful")
        await look_once(gate)
        await look_once(gate)
        tree.config(a, **OTHER)
        gate.release(1000)
        await told(caplog, "robot_changed", a)
        await a.ask("你好")
        (card,) = await a.finished()
        assert card.text == "另一个回答"
        assert len(said(caplog, "robot_changed")) == 1
        await until(lambda: len(given_up) == 2)  # the one that was made for nothing, too
        assert given_up[1] is old
        gate.release(1000)


# Many.


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_after_many_changes_nothing_is_left_of_them(tmp_path: Path, given_up: list[PythonAgent]) -> None:
    async with folder(tmp_path) as (tree, a, b):
        held: list[tuple[int, int]] = []
        for number in range(10):
            await change(a, lambda number=number: tree.config(a, **SCRIPTED, AGENT_TIMEOUT=100 + number))  # type: ignore[misc]
            await a.ask("你好", sender=f"many{number}")
            await a.finished(sender=f"many{number}")
            c = tree.add("c", **SCRIPTED)
            await connected(c)
            tree.remove(c)
            await c.sandbox.until(lambda: not c.sandbox.online(c.robot))  # noqa: B023 - waited for at once
            await gone(c)
            held.append((threading.active_count(), descriptors()))
        assert len(given_up) == 20
        assert held[-1][0] - held[2][0] <= 10  # a conversation's thread for each who asked, and asyncio's workers
        assert held[-1][1] - held[2][1] <= 4
        assert a.service._parts._former == []
        desk = a.service._parts.robots[a.robot].desk
        assert sum(desk.lately.durations.weights) > 9
        assert desk.longest == 109
        assert len(connections(b)) == 1


async def change(stage: Stage, how: Callable[[], None]) -> None:
    """Change a robot, and wait until it is taken over."""
    before = agent_of(stage)
    how()
    await until(lambda: agent_of(stage) is not before)


async def gone(stage: Stage) -> None:
    """Wait until nothing of a robot is left."""
    await until(lambda: stage.robot not in stage.service._parts.robots)
