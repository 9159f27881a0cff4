"""The sandbox as a process: alone, and as a child of the service."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 30.0


@contextmanager
def program(*arguments: str, port: str = "0", **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """A running sandbox process, killed at the end if it is still there."""
    with subprocess.Popen(
        [sys.executable, "-m", "actors.sandbox", *arguments],
        env={"PATH": os.environ["PATH"], "SANDBOX_PORT": port, "PYTHONUTF8": "1"} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def test_a_child_says_where_it_listens() -> None:
    with program("--child") as process:
        url = json.loads(first_line(process))["url"]
        with urllib.request.urlopen(f"{url}/", timeout=PATIENCE) as page:
            assert page.status == 200


def test_a_child_ends_when_its_standard_input_does() -> None:
    with program("--child") as process:
        first_line(process)
        assert process.stdin
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def test_a_child_whose_parent_is_gone_before_its_first_line_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [sys.executable, "-m", "actors.sandbox", "--child"],
        env={"PATH": os.environ["PATH"], "SANDBOX_PORT": "0"},
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(writing)
        assert process.stderr
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_child_does_not_mind_signals(number: signal.Signals) -> None:
    with program("--child") as process:
        url = json.loads(first_line(process))["url"]
        process.send_signal(number)
        with urllib.request.urlopen(f"{url}/", timeout=PATIENCE) as page:
            assert page.status == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_alone_it_ends_by_a_signal(number: signal.Signals) -> None:
    with program() as process:
        assert "http://127.0.0.1:" in first_line(process)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0


def test_a_port_in_use_is_named_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, program(port=str(taken.getsockname()[1])) as process:
        _, problem = process.communicate(timeout=PATIENCE)
        assert process.returncode == 2
        assert problem.count("\n") == 1
        assert problem.startswith(f"SANDBOX_PORT={taken.getsockname()[1]}: cannot listen on http://127.0.0.1:")


@pytest.mark.parametrize("port", ["http", "70000", "-1"])
def test_a_port_that_is_none_is_named(port: str) -> None:
    with program(port=port) as process:
        _, problem = process.communicate(timeout=PATIENCE)
        assert (process.returncode, problem.count("\n")) == (2, 1)
        assert f"SANDBOX_PORT={port}" in problem


def test_it_listens_where_it_is_told() -> None:
    with program("--child", SANDBOX_HOST="localhost") as process:
        assert json.loads(first_line(process))["url"].startswith("http://localhost:")


def knows(process: "subprocess.Popen[str]", template: str) -> bool:
    """Whether a running sandbox has a template: one that it has lets no other variable stream."""
    url = json.loads(first_line(process))["url"]

    def call(method: str, path: str, body: Mapping[str, object], token: str = "") -> dict[str, object]:
        headers = {"Content-Type": "application/json", "x-acs-dingtalk-access-token": token}
        request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as refusal:
            return dict(json.load(refusal))

    token = str(call("POST", "/v1.0/oauth2/accessToken", {"appKey": "r", "appSecret": "s"})["accessToken"])
    card = {"cardTemplateId": template, "outTrackId": "c1", "cardData": {"cardParamMap": {}}}
    call("POST", "/v1.0/card/instances", card, token)
    frame = {"outTrackId": "c1", "guid": "g", "key": "something else", "content": "x", "isFull": True}
    return call("PUT", "/v1.0/card/streaming", frame, token).get("code") == "unknownError"


def test_it_knows_our_own_template() -> None:
    with program("--child") as process:
        assert knows(process, "card-template.schema")


def test_without_a_folder_it_knows_no_template_but_the_public_ones(tmp_path: Path) -> None:
    with program("--child", SANDBOX_TEMPLATES=str(tmp_path / "missing")) as process:
        assert not knows(process, "card-template.schema")


def test_a_template_that_cannot_be_read_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    with program(SANDBOX_TEMPLATES=str(tmp_path)) as process:
        _, problem = process.communicate(timeout=PATIENCE)
        assert (process.returncode, problem.count("\n")) == (2, 1)
        assert problem.startswith(f"SANDBOX_TEMPLATES={tmp_path}: mine.json: not an export of the card builder")
