"""The Makefile and .ci/run: what they call, what they say, and how a signal gets through."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.operations.workshop import ROOT

CONTRACT = {"help", "run", "test", "check", "bench", "sandbox", "install"}

CHECKS = """\
install test
python -m ruff check
python -m ruff format --check --quiet
python -m mypy
lint-imports
python -m actors.reference --check
python -m grafana.source --check
python -m deploy.kubernetes.check
"""

SERVICE = """
import os, signal, sys
mode = sys.argv[-1]
if mode == "run" and os.environ.get("GIVE_UP"):
    sys.exit(70)
if mode == "run" and os.environ.get("SERVE"):
    def drain(*_):
        os.write(1, b"drained\\n")  # a print may be under way
        os._exit(0)
    signal.signal(signal.SIGTERM, drain)
    print("serving, child of", os.getppid(), flush=True)
    signal.pause()
    signal.pause()
print("python", *sys.argv[1:], flush=True)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout whose set-up has nothing to do, and whose Python only tells what it was asked."""
    for folder in ("deploy", ".venv/bin", ".ci"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    (tmp_path / "service.py").write_text(SERVICE, encoding="utf-8")
    for path, script in {
        "deploy/install.sh": 'echo "install $1"',
        ".venv/bin/python": f'exec {sys.executable} {tmp_path}/service.py "$@"',
        ".venv/bin/lint-imports": "echo lint-imports",
    }.items():
        (tmp_path / path).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / path).chmod(0o755)
    return tmp_path


def make(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(project), "--no-print-directory", *arguments]
    environ = plain_environment() | environment
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)


def plain_environment() -> dict[str, str]:
    """Without what a make around these tests would hand on."""
    return {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}


# Targets.


def test_help_is_the_default_and_lists_every_target_with_a_line(project: Path) -> None:
    help_text = make(project).stdout
    assert help_text == make(project, "help").stdout
    listed = dict(re.findall(r"^make (\w+) +(\w.+)$", help_text, re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(listed) == set(phony.split()) == CONTRACT | {"chaos", "dashboards", "preview", "lock", "model"}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("install", "install run\n"),
        ("run", "install run\npython -m actors run\n"),
        ("sandbox", "install run\npython -m actors sandbox\n"),
        ("test", "install test\npython -m pytest -n auto --dist worksteal\n"),
        ("chaos", "install test\npython -m pytest -n auto --dist worksteal tests/chaos tests/cluster/test_storm.py\n"),
        ("bench", "install test\npython -m tests.bench\n"),
        ("dashboards", "install test\npython -m grafana.source --write\n"),
        ("preview", "install test\npython -m tests.operations.observed\n"),
        ("check", CHECKS),
    ],
)
def test_a_target_sets_up_calls_python_and_says_nothing_of_its_own(project: Path, target: str, said: str) -> None:
    done = make(project, target)
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


def test_lock_names_no_index_and_keeps_the_tests_at_the_services_versions(project: Path) -> None:
    said = make(project, "lock").stdout
    compiled = [line for line in said.splitlines() if "uv pip compile" in line]
    assert all("--generate-hashes --no-emit-index-url --no-header" in line for line in compiled)
    assert compiled[0].endswith(" pyproject.toml -o deploy/requirements.txt")
    assert compiled[1].endswith(" --group test -c deploy/requirements.txt -o tests/requirements.txt")


def test_a_set_up_that_fails_starts_nothing(project: Path) -> None:
    (project / "deploy" / "install.sh").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    done = make(project, "run")
    assert done.returncode == 2
    assert "python" not in done.stdout


# Signals and exit codes.


@pytest.fixture
def serving(project: Path) -> Iterator["subprocess.Popen[str]"]:
    """A `make run` whose service has started."""
    process = subprocess.Popen(
        ["make", "-C", str(project), "--no-print-directory", "run"],
        env=plain_environment() | {"SERVE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "install run\n"
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_no_shell_stands_between_make_and_python(serving: "subprocess.Popen[str]") -> None:
    assert serving.stdout
    assert serving.stdout.readline() == f"serving, child of {serving.pid}\n"


def test_a_sigterm_to_make_drains_the_service(serving: "subprocess.Popen[str]") -> None:
    assert serving.stdout
    serving.stdout.readline()
    serving.send_signal(signal.SIGTERM)
    assert serving.stdout.readline() == "drained\n"
    assert serving.wait() == -signal.SIGTERM


def test_the_services_own_exit_code_is_named_by_make(project: Path) -> None:
    done = make(project, "run", GIVE_UP="1")
    assert done.returncode == 2
    assert "Error 70" in done.stderr


# What has to be green.


def ci(project: Path, make_script: str) -> subprocess.CompletedProcess[str]:
    programs = project / "programs"
    programs.mkdir()
    (programs / "make").write_text(f"#!/bin/sh\n{make_script}\n", encoding="utf-8")
    (programs / "make").chmod(0o755)
    environ = plain_environment() | {"PATH": f"{programs}:{os.environ['PATH']}"}
    command = [str(project / ".ci" / "run")]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)


def test_ci_runs_what_the_readme_names_and_nothing_else(project: Path) -> None:
    done = ci(project, 'echo "make $*"')
    assert (done.returncode, done.stdout) == (0, "make check\nmake test\n")


def test_ci_ends_red_at_the_first_that_is_red(project: Path) -> None:
    done = ci(project, 'echo "make $*"; exit 2')
    assert (done.returncode, done.stdout) == (2, "make check\n")
