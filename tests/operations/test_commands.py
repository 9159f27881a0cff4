"""`python -m actors` as an operator meets it: faults are named before anything is announced, signals are heard."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

UNREACHABLE = {
    "DINGTALK_CLIENT_ID": "ding1",
    "DINGTALK_CLIENT_SECRET": "hush-hush",
    "DINGTALK_OPENAPI_ENDPOINT": "http://127.0.0.1:9",
}
"""A robot whose platform is not there."""


def environment(folder: Path, **settings: str) -> dict[str, str]:
    base = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "INBOX_URL": f"sqlite:///{folder}/inbox.db",
        "HTTP_PORT": "0",
        "SANDBOX_PORT": "0",
    }
    return base | settings


def command(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "actors", *words],
        cwd=ROOT,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`run`, in the background."""
    process = subprocess.Popen(
        [sys.executable, "-m", "actors", "run"],
        cwd=ROOT,
        env=environment(folder, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def logged(process: subprocess.Popen[str], action: str) -> dict[str, object]:
    """Wait for a log line."""
    assert process.stdout is not None
    for line in process.stdout:
        told: dict[str, object] = json.loads(line)
        if told["action"] == action:
            return told
    raise AssertionError(action)


def test_check_prints_the_settings_in_effect_as_they_may_stand_in_the_environment(tmp_path: Path) -> None:
    checked = command(tmp_path, "check", AGENT_SHOW_REASONING="true")
    assert checked.returncode == 0
    assert {"AGENT_SHOW_REASONING=true", "DINGTALK_CLIENT_ID=", "CARD_MAX_UPDATES=20"} <= set(
        checked.stdout.split("\n")
    )


def test_check_masks_the_secret(tmp_path: Path) -> None:
    checked = command(tmp_path, "check", DINGTALK_CLIENT_ID="ding1", DINGTALK_CLIENT_SECRET="hush-hush")
    assert "DINGTALK_CLIENT_SECRET=***" in checked.stdout
    assert "hush-hush" not in checked.stdout + checked.stderr


def test_check_names_a_proxy_that_cannot_be_used_and_not_its_password(tmp_path: Path) -> None:
    checked = command(tmp_path, "check", https_proxy="odd://bot:hush-hush@proxy:3128")
    assert checked.returncode == 2
    assert checked.stderr.startswith(
        "HTTPS_PROXY='odd://bot:***@proxy:3128': must be an address that begins with http://"
    )
    assert "hush-hush" not in checked.stdout + checked.stderr


def test_check_names_certificates_that_are_not_there(tmp_path: Path) -> None:
    checked = command(tmp_path, "check", SSL_CERT_FILE="/nowhere/ca.pem")
    assert checked.returncode == 2
    assert checked.stderr.startswith("SSL_CERT_FILE='/nowhere/ca.pem': must be a readable file")


def test_an_empty_variable_is_not_set_for_libraries_either(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import os\nprint(os.environ['SSL_CERT_FILE'])\n", encoding="utf-8")
    seen = [
        "KeyError"
        in command(tmp_path, "check", AGENT="python:shop:a", PYTHONPATH=str(tmp_path), SSL_CERT_FILE=value).stderr
        for value in ("", " ", "/etc/ssl/certs/ca-certificates.crt")
    ]
    assert seen == [True, True, False]


def test_check_says_that_the_clicks_of_standard_cards_reach_nobody(tmp_path: Path) -> None:
    checked = command(tmp_path, "check", CARD_KIND="standard")
    assert (checked.returncode, "reach no Stream client" in checked.stderr) == (0, True)


@pytest.mark.parametrize(
    "agent", ["nonsense:", "python:nowhere:answer", "faq:/nowhere", "openai:", "jit:aiagents.shop"]
)
def test_check_names_an_agent_that_cannot_be_had(tmp_path: Path, agent: str) -> None:
    checked = command(tmp_path, "check", AGENT=agent)
    assert checked.returncode == 2
    assert checked.stderr.startswith("AGENT=")


def test_a_wrong_agent_is_named_beside_the_other_faults(tmp_path: Path) -> None:
    checked = command(tmp_path, "check", AGENT="nonsense:", OPENAPI_QPS="many")
    assert {line.split("=")[0] for line in checked.stderr.splitlines()} == {"AGENT", "OPENAPI_QPS"}


def test_all_that_cannot_be_had_is_named_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        (tmp_path / "file").touch()
        inbox = f"sqlite:///{tmp_path}/file/inbox.db"
        ran = command(tmp_path, "run", AGENT="nonsense:", INBOX_URL=inbox, HTTP_PORT=port)
    assert ran.returncode == 2
    assert {line.split("=")[0].split(":")[0] for line in ran.stderr.splitlines()} == {"AGENT", "INBOX_URL", "HTTP_PORT"}


def test_no_address_is_printed_by_a_run_that_cannot_serve(tmp_path: Path) -> None:
    assert "http://" not in command(tmp_path, "run", AGENT="nonsense:").stderr


def test_a_sandbox_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = command(tmp_path, "run", SANDBOX_PORT=str(taken.getsockname()[1]))
    assert ran.returncode == 2
    assert ran.stderr.startswith("SANDBOX_PORT")


def test_an_unknown_command_says_what_there_is(tmp_path: Path) -> None:
    ran = command(tmp_path, "fly")
    assert (ran.returncode, ran.stderr.startswith("usage:")) == (2, True)


def test_a_proxy_never_stands_between_the_service_and_its_own_sandbox(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    with running(tmp_path, HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere) as process:
        assert logged(process, "connection_connected")["robot"] == "sandbox"


@pytest.mark.parametrize("delay", [0.5, 0.7, 0.9, 1.1])
def test_a_signal_during_the_start_drains_or_ends_at_once(tmp_path: Path, delay: float) -> None:
    with running(tmp_path) as process:
        time.sleep(delay)  # the moments of a start, in which there is nothing to wait for
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode in {0, -signal.SIGTERM}
    assert "Traceback" not in errors


def stacks_of(process: subprocess.Popen[str]) -> str:
    """Ask for the stacks, and for the end while they are printed; returns what came on stderr."""
    assert process.stderr is not None
    process.send_signal(signal.SIGUSR1)
    for line in process.stderr:
        if "most recent call first" in line:
            process.send_signal(signal.SIGTERM)
            return line + process.stderr.read()
    raise AssertionError("no stack")


def test_a_signal_prints_the_stacks_of_all_threads(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        assert f"kill -USR1 {process.pid} " in str(logged(process, "stacks_on_signal")["message"])
        logged(process, "connection_connected")
        assert {"in run_forever", "in _take_next", "in main"} <= set(re.findall(r"in \w+", stacks_of(process)))


def test_a_drain_that_is_asked_for_while_the_stacks_are_printed_is_heard(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        logged(process, "connection_connected")
        stacks_of(process)
        assert process.wait(timeout=60) == 0


def test_a_service_that_works_survives_being_asked_for_its_stacks_again_and_again(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as reader, running(tmp_path, **UNREACHABLE) as process:
        logged(process, "service_started")
        assert process.stderr is not None
        told = reader.submit(process.stderr.read)
        for _ in range(1000):
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        assert "in run_forever" in told.result(60)
        assert process.wait(timeout=60) == 0


def test_the_stacks_show_no_values(tmp_path: Path) -> None:
    with running(tmp_path, **UNREACHABLE) as process:
        logged(process, "service_started")
        stacks = stacks_of(process)
    assert "in run_forever" in stacks
    assert "hush-hush" not in stacks


def test_the_sandbox_goes_with_a_service_that_is_killed(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        assert process.stderr is not None
        logged(process, "connection_connected")
        address = next(word for line in process.stderr for word in line.split() if word.startswith("http://"))
        port = int(address.rsplit(":", 1)[1])
        process.kill()
        process.wait()
        for _ in range(1000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return
            time.sleep(0.02)
    raise AssertionError("the sandbox is still there")
