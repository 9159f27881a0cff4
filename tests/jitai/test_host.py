"""What a robot leaves alone in the process that it is embedded in, and what it leaves behind when that process ends."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import __version__, service
from actors.settings import KNOWN
from tests.jitai.conftest import DEMO, FAMILY, OTHER, SECRET, House
from tests.jitai.node import Element
from tests.operations.test_commands import command

ROOT = FAMILY.parents[2]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)

PROGRAM = """
    import sys
    from pathlib import Path
    from tests.jitai.node import App, Log, install

    class Printed(Log):
        def info(self, text, /): print(text, flush=True)
        warning = error = info

    app = App(Path(sys.argv[1]), {
        "DEMO_AGENT": "faq:",
        "DEMO_CLIENT_ID": "ding1",
        "DEMO_CLIENT_SECRET": "hush-hush",
        "DINGTALK_OPENAPI_ENDPOINT": "http://127.0.0.1:9",
    })
    install(app, Printed())
    app.begin()
    assert app.getElement("imRobots.dingTalkDemo").is_running()
    print("the host's work is done", flush=True)
"""


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_no_port_is_opened_so_that_instances_do_not_meet_there(
    house: House, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PORT", str(taken))
    await house.do(house.app.begin)
    await house.do(house.app.create, OTHER, house.config(clientId=f"{house.robot}b"))
    await house.online()
    await house.online(f"{house.robot}b")


async def test_signals_and_the_hosts_own_logging_stay_as_they_are(house: House) -> None:
    before = list(map(signal.getsignal, SIGNALS)), logging.root.handlers[:], logging.root.level
    await house.do(house.app.begin)
    await house.online()
    assert (list(map(signal.getsignal, SIGNALS)), logging.root.handlers, logging.root.level) == before


async def test_what_is_named_for_the_host_is_not_the_robots(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "chatty")
    monkeypatch.setenv("HTTP_PORT", "none")
    monkeypatch.setenv("LOG_FROMAT", "of the host's own")
    await house.do(house.app.begin)
    await house.online()
    assert house.log.errors() == []


async def test_the_processes_environment_counts_where_the_app_says_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    del house.app.envVars["DEMO_CLIENT_SECRET"]
    monkeypatch.setenv("DEMO_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("DEMO_AGENT", "python:tests.actors.cast:other")
    await house.do(house.app.begin)
    await house.online()
    assert await house.answer("你好") == "您说：你好"


async def test_the_hosts_log_has_what_happens_and_no_secret(house: House) -> None:
    await house.do(house.app.begin)
    await house.online()
    logging.getLogger("actors.test").warning("a word too much: %s", SECRET, extra={"action": "test", "word": SECRET})
    assert [line for line in house.log.lines if "action=service_started" in line]
    assert "warning a word too much: ***  action=test word=***" in house.log.lines
    assert not [line for line in house.log.lines if SECRET in line]


async def test_a_robot_that_gives_up_ends_alone_and_starts_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(service, "_tell_kubernetes", lambda code, _: told.append(code))
    await house.do(house.app.begin)
    await house.online()
    demo = await house.element()
    demo._service._died(RuntimeError("the loop is gone"))
    await house.do(demo._thread.join, 30)
    assert not demo.is_running()
    assert [line for line in house.log.errors() if "service gave up" in line]
    assert told == []
    await house.do(demo.start)
    await house.online()


async def test_code_that_has_no_file_is_told_where_inboxes_are_by_a_variable(house: House) -> None:
    names: dict[str, Any] = {}
    exec((FAMILY / "dingTalkStreamType" / "loader.py").read_text("utf-8"), names)
    house.app.envVars["INBOX_URL"] = f"sqlite:///{house.app.folder}/inbox.db"
    assert await house.do(names["serve"](Element(house.app, DEMO)).is_running)


def test_a_host_that_ends_takes_its_robots_down_in_order(tmp_path: Path) -> None:
    app = tmp_path / "myapp" / "0.0.0"
    app.mkdir(parents=True)
    (app / "imRobots").symlink_to(FAMILY)
    (app / "appData").mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(app)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    _, _, after = ran.stdout.partition("the host's work is done\n")
    assert "service stopped  action=service_stopped code=0" in after


# The same folder outside of JitNode.

VARIABLES = {"DEMO_CLIENT_ID": "ding1", "DEMO_CLIENT_SECRET": "hush-hush"}


def test_the_folder_is_a_folder_of_robots_outside_of_jitnode_too(tmp_path: Path) -> None:
    ran = command(tmp_path, "check", ROBOTS_DIR=str(FAMILY.parent), DEMO_AGENT="faq:", **VARIABLES)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "# imRobots.dingTalkDemo 钉钉智能客服\nDINGTALK_CLIENT_ID=ding1\n" in ran.stdout


def test_outside_of_jitnode_a_missing_variable_is_named(tmp_path: Path) -> None:
    ran = command(tmp_path, "check", ROBOTS_DIR=str(FAMILY.parent), **VARIABLES)
    assert ran.returncode == 2
    assert "imRobots/dingTalkDemo/config.json: agent: {{DEMO_AGENT}} is not set, set DEMO_AGENT" in ran.stderr


def test_the_line_for_the_apps_requirements_names_this_version() -> None:
    assert (FAMILY.parent / "requirements.txt").read_text("utf-8") == f"dingtalk-actors=={__version__}\n"


def test_every_setting_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", (FAMILY.parent / "README.md").read_text("utf-8")))
    demo = set(re.findall(r"\w+_\w+", (FAMILY / "dingTalkDemo" / "config.json").read_text("utf-8")))
    assert demo
    assert named - demo - set(KNOWN) == set()
