"""The image, built from this checkout and run for real: what its `make run` does, and what is in it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.operations.containers import AS_KUBERNETES, Container, command
from tests.operations.image import IMAGE, build
from tests.operations.stores import AS_ROOT, Store, call
from tests.operations.workshop import ROOT

pytestmark = pytest.mark.timeout(900)  # the first time a whole Debian is made, and a second run waits for it

NOBODY = "10001"


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """A place that has the image."""
    with TemporaryDirectory(prefix="image-") as folder:
        archive = Path(folder, "image.tar")
        build(archive)
        store = Store(Path(folder, "store"))
        try:
            store.podman("load", "--input", archive)
            yield store
        finally:
            store.clear()


@dataclass(frozen=True)
class Life:
    """What was seen of a container from its start to its stop."""

    ready: dict[str, Any]
    card: dict[str, Any]
    users: set[str]
    memory: str
    code: int
    killed_for_memory: str
    errors: str
    log: list[dict[str, Any]]
    stored: str


@pytest.fixture(scope="session")
def volume(store: Store) -> Path:
    """A volume as Kubernetes makes it ready: root's, of the group that is the pod's fsGroup."""
    folder = store.folder.parent / "var"
    call(*AS_ROOT, "install", "-d", "-o", "0", "-g", NOBODY, "-m", "2775", folder)
    return folder


@pytest.fixture(scope="session")
def life(store: Store, volume: Path) -> Life:
    """One answered question; it is stopped in the middle of a second one, and is started again."""
    container = Container(store, *AS_KUBERNETES, volume=volume)
    ready = container.readiness()
    container.say("多久发货？")
    card = container.until(lambda: next((card for card in container.cards() if card["finalized"]), None))
    container.say("退款多久到账？")
    container.until(lambda: len(container.cards()) == 2)
    users = store.podman("top", container.id, "huser").split()[1:]
    memory = store.podman("inspect", "--format", "{{.HostConfig.Memory}}", container.id).strip()
    code = container.stop()
    again = Container(store, *AS_KUBERNETES, volume=volume)
    again.readiness()
    stored = again.run(".venv/bin/python", "-m", "actors", "questions")
    return Life(
        ready=ready,
        card=card,
        users=set(users),
        memory=memory,
        code=code,
        killed_for_memory=container.state("OOMKilled"),
        errors=container.output()[1],
        log=container.log(),
        stored=stored,
    )


# What it does, with no right but to write to var/.


def test_it_gets_ready(life: Life) -> None:
    assert life.ready == {"ready": True, "missing": [], "parked": []}


def test_a_question_is_answered_on_a_card(life: Life) -> None:
    assert "发货" in life.card["text"]
    assert life.card["state"] == "FINISHED"


def test_every_process_runs_as_nobody_in_particular(life: Life) -> None:
    assert life.users == {NOBODY}


def test_a_quarter_of_a_gigabyte_is_enough(life: Life) -> None:
    assert (life.memory, life.killed_for_memory) == (str(256 * 1024**2), "false")


def test_its_set_up_is_found_done(life: Life) -> None:
    assert [line for line in life.errors.splitlines() if line and "Talk to the bot" not in line] == []


def test_a_stop_drains_it_and_is_no_failure(life: Life) -> None:
    assert life.code == 0
    assert [(line["action"], line["code"]) for line in life.log[-1:]] == [("service_stopped", 0)]


def test_the_next_container_has_all_questions_and_the_answer_that_was_under_way(life: Life) -> None:
    rows = [line.split() for line in life.stored.splitlines()[1:]]
    assert sorted(("answered" in row, row[-1]) for row in rows) == [(True, "多久发货？"), (True, "退款多久到账？")]


def test_it_needs_no_network_and_no_write_to_find_its_set_up_done(store: Store) -> None:
    done = command(store, "make", "install", options=AS_KUBERNETES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_wrong_setting_is_named_and_is_a_failure(store: Store) -> None:
    done = command(store, options=("--env=HTTP_PORT=many",))
    assert done.returncode == 2
    assert done.stderr.startswith("HTTP_PORT='many': must be a valid integer")


def test_without_any_option_it_writes_to_its_volume_alone(store: Store) -> None:
    container = Container(store)
    container.readiness()
    idle = store.podman("run", "--detach", "--pull=never", "--network=host", IMAGE, "true").strip()
    assert container.changes() == store.podman("diff", idle).splitlines()
    assert "inbox.db" in container.run("ls", "var").split()


# What is in it.


@pytest.fixture(scope="session")
def inside(store: Store) -> dict[str, Any]:
    """What root sees inside."""
    look = """
import importlib.util, json, pathlib, shutil
compilers = ("c++", "c89", "c99", "cc", "clang", "cpp", "g++", "gcc", "ld", "make", "tcc")
sources = [path for top in ("actors", ".venv/lib") for path in pathlib.Path(top).rglob("*.py")]
print(json.dumps({
    "app": sorted(str(path) for path in pathlib.Path().glob("*")) + sorted(map(str, pathlib.Path("deploy").rglob("*"))),
    "builders": [name for name in compilers if shutil.which(name)],
    "sources": len(sources),
    "not_compiled": [str(path) for path in sources
                     if not pathlib.Path(importlib.util.cache_from_source(str(path))).exists()],
}))
"""
    done = command(store, ".venv/bin/python", "-c", look, options=("--user=0", "--read-only"))
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_it_has_what_the_service_needs_and_nothing_else_of_the_checkout(inside: dict[str, Any]) -> None:
    folders = [".venv", "LICENSE", "Makefile", "actors", "deploy", "var"]
    assert inside["app"] == [*folders, "deploy/install.sh", "deploy/requirements.txt"]


def test_it_has_no_compiler(inside: dict[str, Any]) -> None:
    assert inside["builders"] == ["make"]


def test_bytecode_is_there_for_every_module(inside: dict[str, Any]) -> None:
    assert inside["sources"] > 500
    assert inside["not_compiled"] == []


def test_nothing_in_it_runs_as_somebody_else(store: Store) -> None:
    look = ("find", "/", "-xdev", "-type", "f", "-perm", "/6000")
    done = command(store, *look, options=("--user=0", "--read-only"))
    assert (done.returncode, done.stdout) == (0, "")


def test_it_says_what_it_is_and_how_it_is_run(store: Store) -> None:
    (image,) = json.loads(store.podman("image", "inspect", IMAGE))
    config = image["Config"]
    assert config["User"] == f"{NOBODY}:{NOBODY}"
    assert config["Volumes"] == {"/app/var": {}}
    assert (config["Entrypoint"], config["Cmd"]) == (["tini", "-e", "143", "--"], ["make", "run"])
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_it_is_small(store: Store) -> None:
    size = int(store.podman("image", "inspect", "--format", "{{.Size}}", IMAGE))
    print(f"the image has {size / 1e6:.0f} MB")
    assert 50e6 < size < 300e6


# What it is made by.


def test_the_dockerfile_is_free_of_lint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    dockerfile = ROOT / "deploy" / "Dockerfile"
    done = subprocess.run([hadolint, dockerfile], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (done.returncode, done.stdout) == (0, "")
