"""The real service in the environment that the manifests give it, changed only where a test has no cluster."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme

from actors.settings import load
from deploy.kubernetes import check
from tests.cluster.postgres import UNPRIVILEGED, USER
from tests.cluster.postgres import served as postgresql
from tests.operations.manifests.rendering import FOLDERS, REPLICAS, container, of_kind, pod, rendered
from tests.operations.workshop import ROOT

T = TypeVar("T")

PATIENCE = 60.0
LAPTOP, PRODUCTION = "overlays/laptop", "overlays/production"
NO_ROBOT = {"DINGTALK_CLIENT_ID": "", "DINGTALK_CLIENT_SECRET_FILE": ""}
FREE = {"HTTP_PORT": "0", "SANDBOX_PORT": "0"}

STUBBORN = """\
import time

def answer(question):
    yield "wait"
    time.sleep(600)
"""


Files = Mapping[str, Path]
"""What a pod has mounted, by the variable that names it."""


def environment(folder: str) -> dict[str, str]:
    return dict(check.deployed(rendered(folder)).environment)


class Program:
    """A running process whose output can be read at any time."""

    def __init__(self, folder: Path, module: str, *words: str, **variables: str) -> None:
        self._output = folder / f"{module}.log"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{folder}"} | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self, pattern: str) -> str:
        """Wait for something in its output, and return the first group of it."""

        def search() -> str | None:
            found = re.search(pattern, self.output())
            return found and found[1]

        return until(search, lambda: self.process.poll() is None, self.output)

    def output(self) -> str:
        """All that it said until now."""
        return self._output.read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        """Where its probes are."""
        return "http://127.0.0.1:" + self.said(r"probes listening.*port\W+(\d+)")

    @property
    def page(self) -> str:
        """Where its sandbox is."""
        return self.said(r"Talk to the bot:\s+(\S+)")


def until(look: Callable[[], T | None], going: Callable[[], bool], why: Callable[[], str]) -> T:
    deadline = time.monotonic() + PATIENCE
    while (seen := look()) is None:
        assert time.monotonic() < deadline, why()
        assert going(), why()
        time.sleep(0.05)
    return seen


@contextmanager
def running(folder: Path, module: str, *words: str, **variables: str) -> Iterator[Program]:
    program = Program(folder, module, *words, **variables)
    try:
        yield program
    finally:
        program.process.kill()
        program.process.wait()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def become_ready(service: Program) -> None:
    url = f"{service.url}/readyz"
    until(lambda: get(url)[0] == 200 or None, lambda: service.process.poll() is None, lambda: get(url)[1])


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a DingTalk."""
    with running(tmp_path_factory.mktemp("sandbox"), "actors.sandbox", SANDBOX_PORT="0") as program:
        yield program.said(r"DINGTALK_OPENAPI_ENDPOINT=(\S+)")


@pytest.fixture(scope="module")
def database() -> Iterator[Files]:
    """A database that can prove who it is, with the files that the operator's Secrets have."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        proof, key = folder / "server.crt", folder / "server.key"
        certificate.cert_chain_pems[0].write_to_path(proof)
        certificate.private_key_pem.write_to_path(key)
        key.chmod(0o600)
        if os.geteuid() == 0:
            for path in (folder, proof, key):
                shutil.chown(path, UNPRIVILEGED, UNPRIVILEGED)
        with postgresql("fsync=off", "ssl=on", f"ssl_cert_file={proof}", f"ssl_key_file={key}") as server:
            files = {"INBOX_URL_FILE": folder / "uri", "PGSSLROOTCERT": folder / "ca.crt"}
            uri = f"postgresql://{USER}@localhost:{server.port}/postgres\n"
            files["INBOX_URL_FILE"].write_text(uri, encoding="utf-8")
            authority.cert_pem.write_to_path(files["PGSSLROOTCERT"])
            yield files


def mounted(variables: Mapping[str, str], files: Files) -> dict[str, str]:
    """The variables, with what a pod has mounted where a test can have it."""
    for name in files:
        assert any(variables[name].startswith(f"/etc/dingtalk-{secret}/") for secret in ("actors", "inbox"))
    return {**variables, **{name: str(path) for name, path in files.items()}}


@pytest.fixture(scope="module", params=FOLDERS)
def served(
    request: pytest.FixtureRequest, sandbox: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Program, Mapping[str, str]]]:
    """A folder of manifests, the service as it is there, and its variables. The secret is where a test can have it."""
    place = tmp_path_factory.mktemp("served")
    variables = environment(request.param) | FREE
    if variables["DINGTALK_CLIENT_SECRET_FILE"]:
        (place / "secret").write_text("hush-hush\n", encoding="utf-8")
        variables = mounted(variables, {"DINGTALK_CLIENT_SECRET_FILE": place / "secret"})
        variables["DINGTALK_OPENAPI_ENDPOINT"] = sandbox
    if variables["INBOX_URL_FILE"]:
        variables = mounted(variables, request.getfixturevalue("database"))
    with running(place, "actors", "run", **variables) as program:
        become_ready(program)
        yield request.param, program, variables


Served = tuple[str, Program, Mapping[str, str]]


def test_it_takes_every_setting(served: Served) -> None:
    _, service, variables = served
    status = json.loads(get(f"{service.url}/status")[1])
    own = {"DINGTALK_CLIENT_ID", "DINGTALK_CLIENT_SECRET", "DINGTALK_OPENAPI_ENDPOINT"}
    assert {name: value for name, value in status["settings"].items() if name not in own} == {
        name: value for name, value in load(variables).effective().items() if name not in own
    }


def test_it_serves_the_robot_that_is_meant(served: Served) -> None:
    _, service, variables = served
    (robot,) = json.loads(get(f"{service.url}/status")[1])["robots"]
    assert robot["robot"] == (variables["DINGTALK_CLIENT_ID"] or "sandbox")


def test_what_a_probe_asks_for_is_there(served: Served) -> None:
    folder, service, _ = served
    paths = {container(folder)[probe]["httpGet"]["path"] for probe in check.PROBES}
    assert {path: get(f"{service.url}{path}")[0] for path in paths} == {"/healthz": 200, "/readyz": 200}


def test_what_prometheus_scrapes_is_there(served: Served) -> None:
    folder, service, _ = served
    monitors = of_kind(folder, "PodMonitor")
    assert bool(monitors) == (folder in {PRODUCTION, REPLICAS})
    for monitor in monitors:
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        status, text = get(f"{service.url}{endpoint['path']}")
        assert (status, "dingtalk_stream_connected{" in text) == (200, True)


def test_it_is_reached_from_outside_of_the_pod(served: Served) -> None:
    _, service, _ = served
    assert service.said(r"probes listening.*host\W+([\d.:]+)") == "0.0.0.0"


def test_the_sandbox_is_reached_only_from_within_the_pod() -> None:
    assert "SANDBOX_HOST" not in environment(LAPTOP)


def test_the_laptop_shows_the_chat_page(tmp_path: Path) -> None:
    with running(tmp_path, "actors", "run", **environment(LAPTOP) | FREE) as service:
        assert "<html" in get(service.page)[1]


def test_the_inbox_is_in_the_folder_that_is_a_volume(tmp_path: Path) -> None:
    (mount,) = [mount for mount in container(LAPTOP)["volumeMounts"] if mount["name"] == "inbox"]
    assert mount["mountPath"] == "/app/var"
    with running(tmp_path, "actors", "run", **environment(LAPTOP) | FREE) as service:
        become_ready(service)
        assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"var"}
        assert (tmp_path / "var" / "inbox.db").is_file()


def test_a_database_that_cannot_prove_who_it_is_is_not_spoken_to(tmp_path: Path, database: Files) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
    files = {"INBOX_URL_FILE": database["INBOX_URL_FILE"], "PGSSLROOTCERT": tmp_path / "ca.crt"}
    variables = mounted(environment(REPLICAS) | FREE, files)
    with running(tmp_path, "actors", "run", **variables | NO_ROBOT) as service:
        assert service.process.wait(PATIENCE) == 2
        assert "certificate verify failed" in service.output()


# Its end.


def post(url: str, **what: Any) -> None:
    head = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(what).encode(), head), timeout=PATIENCE):
        pass


def test_an_answer_that_does_not_end_is_given_back_before_the_pod_is_killed(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(STUBBORN, encoding="utf-8")
    variables = FREE | {"AGENT": "python:stubborn:answer", "SHUTDOWN_GRACE": "0.5"}
    with running(tmp_path, "actors", "run", **environment(LAPTOP) | variables) as service:
        become_ready(service)
        post(f"{service.page}/sandbox/say", robot="sandbox", text="where is my order")
        metrics = f"{service.url}/metrics"
        until(
            lambda: re.search(r"^dingtalk_turns_in_progress\{.*\} 1\.0$", get(metrics)[1], re.MULTILINE),
            lambda: service.process.poll() is None,
            lambda: get(metrics)[1],
        )
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(0.5 + check.TO_CLOSE) == 0


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_pod_has_time_for_the_grace_and_the_end(folder: str) -> None:
    grace = load({"SHUTDOWN_GRACE": environment(folder)["SHUTDOWN_GRACE"]}).shutdown_grace
    assert pod(folder)["spec"]["terminationGracePeriodSeconds"] >= grace + check.TO_CLOSE
