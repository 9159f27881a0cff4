"""What deploy/install.sh does on a fresh machine, on a second run, and after it was interrupted."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.operations.workshop import Workshop

pytestmark = pytest.mark.timeout(300)  # pip and venv take their time on a busy machine

NOTHING_TO_DO = (0, "", "")
NEXT_LOCK = "requirements-sdk-next.txt"


@pytest.fixture(scope="module")
def empty_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty") / ".venv"
    subprocess.run([Path(sys.executable).resolve(), "-m", "venv", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, empty_venv: Path) -> Path:
    """A workshop where `install.sh run` has been done once."""
    workshop = Workshop(tmp_path_factory.mktemp("finished") / "workshop", empty_venv)
    workshop.lock("deploy", ("bread", "1"))
    workshop.lock("tests", ("bread", "1"), ("butter", "1"))
    workshop.lock("tests", ("butter", "9"), file=NEXT_LOCK)
    done = workshop.install()
    assert done.returncode == 0, done.stderr
    return workshop.project.parent


@pytest.fixture
def workshop(finished: Path, empty_venv: Path, tmp_path: Path) -> Workshop:
    """A copy of it, to be spoilt."""
    fresh = Workshop(tmp_path / "workshop", empty_venv)
    shutil.rmtree(fresh.project)
    shutil.copytree(finished / "project", fresh.project, symlinks=True)
    shutil.copytree(finished / "wheels", fresh.wheels, dirs_exist_ok=True)
    return fresh


def outcome(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


def forbid_pip(workshop: Workshop) -> None:
    (pip,) = workshop.venv.glob("lib/python3*/site-packages/pip/__main__.py")
    pip.write_text("raise SystemExit('pip was called')", encoding="utf-8")


# What a run does.


def test_the_first_run_makes_a_venv_and_installs_the_lock(workshop: Workshop) -> None:
    shutil.rmtree(workshop.venv)
    workshop.program("python3.11", f'exec {Path(sys.executable).resolve()} "$@"')
    workshop.install()
    assert workshop.installed("bread") == "1"
    assert workshop.installed("butter") == ""


def test_a_second_run_does_nothing_at_all(workshop: Workshop) -> None:
    forbid_pip(workshop)
    assert outcome(workshop.install()) == NOTHING_TO_DO


def test_file_times_mean_nothing(workshop: Workshop) -> None:
    forbid_pip(workshop)
    for path in (*workshop.project.rglob("requirements.txt"), workshop.venv / "installed"):
        os.utime(path, (0, 0))
    assert outcome(workshop.install()) == NOTHING_TO_DO


def test_a_changed_lock_is_installed_even_if_it_is_older(workshop: Workshop) -> None:
    workshop.lock("deploy", ("bread", "2"))
    os.utime(workshop.project / "deploy" / "requirements.txt", (0, 0))
    workshop.install()
    assert workshop.installed("bread") == "2"


def test_the_tests_lock_comes_on_top(workshop: Workshop) -> None:
    workshop.install("test")
    assert (workshop.installed("bread"), workshop.installed("butter")) == ("1", "1")


def test_a_later_version_of_a_package_stands_beside_the_one_in_use(workshop: Workshop) -> None:
    workshop.install("test")
    assert (workshop.installed("butter"), workshop.installed("butter", beside="sdk-next")) == ("1", "9")


def test_a_changed_lock_of_the_later_version_takes_its_place(workshop: Workshop) -> None:
    workshop.install("test")
    workshop.lock("tests", ("butter", "10"), file=NEXT_LOCK)
    workshop.install("test")
    assert (workshop.installed("butter"), workshop.installed("butter", beside="sdk-next")) == ("1", "10")


def test_node_modules_are_what_their_lock_says_and_run_nothing(workshop: Workshop) -> None:
    workshop.install("test")
    asked = workshop.node / "node_modules" / "asked"
    assert asked.read_text(encoding="utf-8").split()[:2] == ["ci", "--ignore-scripts"]
    asked.unlink()
    workshop.install("test")
    assert not asked.exists(), "they were there"
    (workshop.node / "package-lock.json").write_text('{"changed": true}', encoding="utf-8")
    workshop.install("test")
    assert asked.exists()


def test_node_modules_that_could_not_be_had_are_tried_again(workshop: Workshop) -> None:
    workshop.program("npm", "mkdir -p node_modules; exit 1")
    assert workshop.install("test").stderr.endswith("npm could not install tests/sandbox/node/package-lock.json\n")
    workshop.program("npm", "touch node_modules/asked")
    assert workshop.install("test").returncode == 0
    assert (workshop.node / "node_modules" / "asked").exists()


def test_what_the_tests_need_is_enough_to_run(workshop: Workshop) -> None:
    workshop.install("test")
    forbid_pip(workshop)
    assert outcome(workshop.install("run")) == NOTHING_TO_DO
    assert outcome(workshop.install("test")) == NOTHING_TO_DO


def test_a_changed_lock_of_the_service_renews_the_tests_too(workshop: Workshop) -> None:
    workshop.install("test")
    workshop.lock("deploy", ("bread", "2"))
    workshop.install("run")
    workshop.lock("tests", ("bread", "2"), ("butter", "2"))
    workshop.install("test")
    assert (workshop.installed("bread"), workshop.installed("butter")) == ("2", "2")


def test_it_can_be_called_from_anywhere(workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert outcome(workshop.install()) == NOTHING_TO_DO


def test_a_word_it_does_not_know_is_refused_with_its_usage(workshop: Workshop) -> None:
    assert outcome(workshop.install("everything")) == (1, "", "install: usage: deploy/install.sh run|test\n")


# What it mends.


def test_a_killed_set_up_is_made_anew(workshop: Workshop) -> None:
    shutil.rmtree(workshop.venv)
    with socket.create_server(("127.0.0.1", 0)) as silent_index:
        url = f"http://127.0.0.1:{silent_index.getsockname()[1]}/simple"
        environ = workshop.environment(PIP_INDEX_URL=url, PIP_FIND_LINKS="")
        del environ["PIP_NO_INDEX"]
        killed = subprocess.Popen(
            [str(workshop.project / "deploy" / "install.sh"), "run"],
            env=environ,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        silent_index.settimeout(250)
        asking, _ = silent_index.accept()  # pip is at work: it asks for the first package
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        asking.close()
    assert workshop.venv.exists()
    assert workshop.install().returncode == 0
    assert workshop.installed("bread") == "1"


def test_a_venv_that_was_killed_in_the_making_is_made_anew(workshop: Workshop) -> None:
    shutil.rmtree(workshop.venv)
    cut_short = 'rm -r "$3"/lib/python3*/site-packages/pip/_internal; kill -9 $PPID'
    workshop.program("python3.11", workshop.python.replace("exec cp", "cp").replace(";; esac", f"; {cut_short};; esac"))
    assert workshop.install().returncode == -signal.SIGKILL
    workshop.program("python3.11", workshop.python)
    workshop.install()
    assert workshop.installed("bread") == "1"


def test_a_half_made_venv_is_made_anew(workshop: Workshop) -> None:
    (workshop.venv / "unfinished").touch()
    (workshop.venv / "rubbish").touch()
    workshop.install()
    assert not (workshop.venv / "rubbish").exists()
    assert workshop.installed("bread") == "1"


def test_a_venv_whose_packages_are_gone_is_made_anew(workshop: Workshop) -> None:
    shutil.rmtree(workshop.venv / "lib")
    workshop.install()
    assert workshop.installed("bread") == "1"


def test_a_venv_whose_python_is_gone_is_made_anew(workshop: Workshop) -> None:
    for link in (workshop.venv / "bin").glob("python*"):
        link.unlink()
        link.symlink_to("/nowhere/python3")
    workshop.install()
    assert workshop.installed("bread") == "1"


def test_a_package_that_is_not_what_was_locked_is_refused(workshop: Workshop) -> None:
    workshop.lock("deploy", ("bread", "2"))
    wheel = workshop.wheels / "bread-2-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes() + b"something else")
    done = workshop.install()
    assert done.returncode == 1
    assert done.stderr.endswith("install: pip could not install deploy/requirements.txt\n")


def test_a_package_without_a_hash_is_refused(workshop: Workshop) -> None:
    workshop.lock("deploy", ("bread", "2"))
    (workshop.project / "deploy" / "requirements.txt").write_text("bread==2\n", encoding="utf-8")
    assert workshop.install().returncode == 1


def test_after_a_failure_the_next_run_mends_it(workshop: Workshop) -> None:
    workshop.lock("deploy", ("bread", "2"))
    assert workshop.install(PIP_FIND_LINKS="/nowhere").returncode == 1
    assert workshop.install().returncode == 0
    assert workshop.installed("bread") == "2"


# What it asks the system for.

FONTS = ("fonts-noto-cjk", "fonts-noto-color-emoji")
FOR_CONTAINERS = ("buildah", "catatonit", "debootstrap", "podman", "runc")
KEPT_PROGRAMS = ("chmod", "cp", "cut", "dirname", "env", "grep", "ln", "mkdir", "rm", "sha256sum", "touch")


class BareMachine:
    """A machine without Python, Chromium and fonts, where apt-get notes what it is asked for."""

    def __init__(self, workshop: Workshop, user: int) -> None:
        self.workshop = workshop
        self.notes = workshop.project / "notes"
        shutil.rmtree(workshop.venv)
        for name in KEPT_PROGRAMS:
            (workshop.programs / name).symlink_to(str(shutil.which(name)))
        for name in ("chromium", "python3.11"):
            (workshop.programs / name).unlink()
        workshop.program("dpkg-query", "exit 1")
        workshop.program("id", f"echo {user}")
        workshop.program("python-of-the-package", workshop.python)
        workshop.program(
            "apt-get",
            f"""echo "apt-get $*" >>{self.notes}; echo "Unpacking, at length"; cd {workshop.programs}
            case "$*" in
            *python3-venv*) ln -s python-of-the-package python3;;
            esac""",
        )
        workshop.program(
            "install", f'echo "install $*" >>{self.notes}; while read -r line; do echo "$line"; done >>{self.notes}'
        )

    def install(self, what: str) -> subprocess.CompletedProcess[str]:
        return self.workshop.install(what, PATH=str(self.workshop.programs))

    def asked(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").splitlines() if self.notes.exists() else []


def test_a_missing_python_is_installed_by_root(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=0)
    machine.install("run")
    assert machine.asked() == ["apt-get update -qq", "apt-get install -qq -y --no-install-recommends python3-venv"]
    assert workshop.installed("bread") == "1"


def test_what_apt_get_says_of_its_work_is_not_told(workshop: Workshop) -> None:
    assert "Unpacking" not in BareMachine(workshop, user=0).install("run").stderr


def test_what_apt_get_says_is_told_where_it_fails(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=0)
    workshop.program("apt-get", 'echo "Unpacking, at length"; test "$1" = update')
    said = machine.install("run").stderr
    assert "Unpacking, at length\ninstall: apt-get could not install python3-venv\n" in said


def test_the_tests_get_their_system_programs(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=0)
    machine.install("test")
    wanted = [line.split()[-1] for line in machine.asked() if line.startswith("apt-get install")]
    assert wanted == ["python3-venv", "chromium", *FONTS, "prometheus", "postgresql", *FOR_CONTAINERS]


SETTINGS = "/etc/postgresql-common/createcluster.d/programs-alone.conf"


def test_postgresql_is_told_before_it_is_installed_not_to_start_a_server(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=0)
    machine.install("test")
    asked = machine.asked()
    told = asked.index(f"install -D -m 644 /dev/stdin {SETTINGS}")
    assert asked[told + 1 : told + 4] == [
        "create_main_cluster = false",
        "apt-get update -qq",
        "apt-get install -qq -y --no-install-recommends postgresql",
    ]


def test_somebody_who_is_not_root_tells_postgresql_by_sudo(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=1000)
    workshop.program("sudo", f'echo "sudo $1" >>{machine.notes}; exec "$@"')
    machine.install("test")
    asked = machine.asked()
    assert asked[asked.index(f"install -D -m 644 /dev/stdin {SETTINGS}") - 1] == "sudo install"


def test_settings_of_a_postgresql_that_is_there_are_left_as_they_are(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=0)
    workshop.program("dpkg-query", 'test "$4" = postgresql-common && echo install ok installed')
    machine.install("test")
    assert not any(SETTINGS in line for line in machine.asked())
    assert "apt-get install -qq -y --no-install-recommends postgresql" in machine.asked()


def test_somebody_who_is_not_root_installs_by_sudo(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=1000)
    workshop.program("sudo", f'echo "sudo $1" >>{machine.notes}; exec "$@"')
    machine.install("run")
    assert machine.asked()[0::2] == ["sudo apt-get", "sudo env"]
    assert workshop.installed("bread") == "1"


def test_without_root_and_sudo_it_says_what_to_install(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=1000)
    done = machine.install("run")
    assert done.returncode == 1
    assert "install: please install python3-venv as root: there is no sudo here to do it\n" in done.stderr
    assert machine.asked() == []


def test_a_python_that_is_too_old_is_not_taken(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=0)
    workshop.program("python3.11", "exit 1")
    machine.install("run")
    assert workshop.installed("bread") == "1"


def test_without_any_python_that_will_do_it_says_so(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=0)
    workshop.program("apt-get", "exit 0")
    done = machine.install("run")
    assert done.returncode == 1
    assert done.stderr.endswith("install: Python 3.11 or newer is needed\n")


# Two at once.


class Gate:
    """Holds the making of a .venv until it is opened; notes how often one is made."""

    def __init__(self, workshop: Workshop) -> None:
        self.notes = workshop.project / "notes"
        self._reached, self._opened = workshop.project / "reached", workshop.project / "opened"
        for pipe in (self._reached, self._opened):
            os.mkfifo(pipe)
        wait = f'"-m venv") echo made >>{self.notes}; echo >{self._reached}; read -r _ <{self._opened}; '
        workshop.program("python3.11", workshop.python.replace('"-m venv") ', wait))

    def reached(self) -> None:
        """Wait until somebody stands at it."""
        self._reached.read_text(encoding="utf-8")

    def open(self) -> None:
        self._opened.write_text("\n", encoding="utf-8")


@contextmanager
def begun(workshop: Workshop, what: str) -> Iterator[subprocess.Popen[str]]:
    """A run in the background, killed with all that it has started if it outlives the block."""
    command = [str(workshop.project / "deploy" / "install.sh"), what]
    with subprocess.Popen(
        command, env=workshop.environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def said(process: subprocess.Popen[str]) -> str:
    """The next line that a run says."""
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.mark.parametrize("second", ["run", "test"])
def test_of_two_runs_at_once_the_second_waits_and_finds_everything_done(workshop: Workshop, second: str) -> None:
    shutil.rmtree(workshop.venv)
    gate = Gate(workshop)
    with begun(workshop, "test") as first:
        gate.reached()
        with begun(workshop, second) as waiting:
            assert said(waiting) == "Waiting for another set-up in this folder ...\n"
            gate.open()
            assert (first.wait(250), waiting.wait(250), said(waiting)) == (0, 0, "")
    assert gate.notes.read_text(encoding="utf-8") == "made\n"
    assert (workshop.installed("bread"), workshop.installed("butter")) == ("1", "1")


def test_a_run_that_was_killed_holds_up_nobody(workshop: Workshop) -> None:
    shutil.rmtree(workshop.venv)
    gate = Gate(workshop)
    with begun(workshop, "run"):
        gate.reached()
    workshop.program("python3.11", workshop.python)
    # It may wait a moment, while what the killed run had started comes to its end.
    assert "Making .venv" in workshop.install().stderr
    assert workshop.installed("bread") == "1"


def test_without_flock_a_single_run_is_as_good(workshop: Workshop) -> None:
    machine = BareMachine(workshop, user=0)
    assert shutil.which("flock", path=str(workshop.programs)) is None
    machine.install("run")
    assert workshop.installed("bread") == "1"
