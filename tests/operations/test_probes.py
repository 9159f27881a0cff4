"""The probes over real HTTP, with answers that are slow, never come, or fail."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from typing import Any

import pytest

from actors import metrics
from actors.errors import SettingsError
from actors.probes import Probes


class Service:
    """What the probes ask; a test replaces the answers."""

    def __init__(self) -> None:
        self.alive: Callable[[], bool] = lambda: True
        self.readiness: Callable[[], tuple[bool, dict[str, Any]]] = lambda: (True, {})
        self.status: Callable[[], dict[str, Any]] = lambda: {"robots": ["ding-shop"]}

    def probes(self, longest_wait: float) -> Probes:
        return Probes(
            "127.0.0.1",
            0,
            alive=lambda: self.alive(),  # noqa: PLW0108 - a test replaces it later
            readiness=lambda: self.readiness(),  # noqa: PLW0108
            status=lambda: self.status(),  # noqa: PLW0108
            longest_wait=longest_wait,
        )


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def probes(service: Service) -> Iterator[Probes]:
    """Probes that wait long enough for any machine."""
    probes = service.probes(longest_wait=60)
    probes.start()
    yield probes
    probes.stop()


@pytest.fixture
def impatient(service: Service) -> Iterator[Probes]:
    """Probes that soon give up."""
    probes = service.probes(longest_wait=0.2)
    probes.start()
    yield probes
    probes.stop()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(probes: Probes, path: str, method: str = "GET", **headers: str) -> Answer:
    with closing(HTTPConnection("127.0.0.1", probes.port, timeout=60)) as connection:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())


PROBED = {"/healthz": "alive", "/readyz": "readiness", "/status": "status"}


# Good days.


def test_a_living_service_is_healthy(probes: Probes) -> None:
    response = ask(probes, "/healthz")
    assert (response.status, response.json) == (200, {"alive": True})


def test_a_dead_loop_is_not_healthy(probes: Probes, service: Service) -> None:
    service.alive = lambda: False
    assert ask(probes, "/healthz").status == 503


def test_readiness_says_what_is_missing(probes: Probes, service: Service) -> None:
    service.readiness = lambda: (False, {"missing": ["ding-shop: no Stream connection is accepted"]})
    response = ask(probes, "/readyz")
    assert response.status == 503
    assert response.json == {"ready": False, "missing": ["ding-shop: no Stream connection is accepted"]}


def test_status_is_json_in_readable_chinese(probes: Probes, service: Service) -> None:
    service.status = lambda: {"robots": ["客服"], "since": 1.5}
    response = ask(probes, "/status?pretty=1")
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.json == {"robots": ["客服"], "since": 1.5}
    assert "客服" in response.text


def test_metrics_are_prometheus_text(probes: Probes) -> None:
    metrics.BUILD_INFO.labels(version="probed").set(1)
    response = ask(probes, "/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'dingtalk_build_info{version="probed"} 1.0' in response.text


def test_metrics_are_openmetrics_for_who_asks_for_it(probes: Probes) -> None:
    response = ask(probes, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert response.text.endswith("# EOF\n")


@pytest.mark.parametrize("path", [*PROBED, "/metrics"])
def test_head_is_get_without_the_body(probes: Probes, path: str) -> None:
    response = ask(probes, path, "HEAD")
    assert response.status == 200
    assert int(response.headers["Content-Length"]) > 0
    assert response.text == ""


def test_one_connection_serves_many_requests(probes: Probes) -> None:
    with closing(HTTPConnection("127.0.0.1", probes.port, timeout=60)) as connection:
        for method, path in (("GET", "/status"), ("HEAD", "/status"), ("GET", "/nothing"), ("GET", "/metrics")):
            connection.request(method, path)
            connection.getresponse().read()
        assert connection.sock is not None


def test_every_request_asks_anew(probes: Probes, service: Service) -> None:
    first = ask(probes, "/healthz").status
    service.alive = lambda: False
    assert (first, ask(probes, "/healthz").status) == (200, 503)


# Bad days.


@pytest.mark.parametrize("path", ["/", "/metric", "/healthz/", "/..%2fstatus"])
def test_an_unknown_path_is_a_404_that_names_the_known_ones(probes: Probes, path: str) -> None:
    response = ask(probes, path)
    assert response.status == 404
    assert response.json["paths"] == ["/healthz", "/metrics", "/readyz", "/status"]


@pytest.mark.parametrize("path", PROBED)
def test_a_probe_that_never_answers_is_a_503(impatient: Probes, service: Service, path: str) -> None:
    let_go = threading.Event()
    setattr(service, PROBED[path], let_go.wait)
    response = ask(impatient, path)
    let_go.set()
    assert (response.status, response.json) == (503, {"error": "no answer in time"})


@pytest.mark.parametrize("path", PROBED)
@pytest.mark.parametrize(
    "error", [RuntimeError("a secret"), TimeoutError("a secret"), SystemExit("a secret")], ids=repr
)
def test_a_probe_that_fails_is_a_503_without_a_traceback(
    probes: Probes, service: Service, path: str, error: BaseException
) -> None:
    def fail() -> Any:
        raise error

    setattr(service, PROBED[path], fail)
    response = ask(probes, path)
    assert response.status == 503
    assert "Traceback" not in response.text
    assert "secret" not in response.text


def test_a_failing_probe_is_logged(probes: Probes, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.status = lambda: {"x": 1 // 0}
    ask(probes, "/status")
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert vars(record)["action"] == "probe_failed"


def test_a_hanging_probe_takes_one_thread_however_often_it_is_asked(impatient: Probes, service: Service) -> None:
    let_go = threading.Event()
    calls: list[threading.Thread] = []

    def hang() -> bool:
        calls.append(threading.current_thread())
        return let_go.wait()

    service.alive = hang
    statuses = [ask(impatient, "/healthz").status for _ in range(3)]
    let_go.set()
    assert statuses == [503, 503, 503]
    assert len(calls) == 1


def test_after_a_hang_it_is_healthy_again(impatient: Probes, service: Service) -> None:
    let_go = threading.Event()
    service.alive = let_go.wait
    assert ask(impatient, "/healthz").status == 503
    let_go.set()
    deadline = time.monotonic() + 60
    while ask(impatient, "/healthz").status != 200:
        assert time.monotonic() < deadline


def test_a_hanging_probe_does_not_hold_up_the_others(probes: Probes, service: Service) -> None:
    let_go = threading.Event()
    hanging = threading.Event()

    def hang() -> dict[str, Any]:
        hanging.set()
        let_go.wait()
        return {}

    service.status = hang
    with ThreadPoolExecutor() as pool:
        held_up = pool.submit(ask, probes, "/status")
        hanging.wait()
        assert ask(probes, "/healthz").status == 200
        let_go.set()
        held_up.result()


@pytest.mark.parametrize("method", ["POST", "DELETE", "BREW"])
@pytest.mark.parametrize("path", ["/status?pretty=1", "/metrics"])
def test_other_methods_are_refused_in_json_with_those_allowed(probes: Probes, path: str, method: str) -> None:
    response = ask(probes, path, method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    assert "error" in response.json


def test_an_unknown_path_allows_no_method(probes: Probes) -> None:
    response = ask(probes, "/nothing", "POST")
    assert (response.status, response.headers["Allow"]) == (404, None)


def test_garbage_harms_nobody(probes: Probes, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", probes.port)) as client:
        client.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        while client.recv(4096):
            pass
    assert ask(probes, "/healthz").status == 200
    assert capsys.readouterr().err == ""


def test_a_client_that_goes_away_harms_nobody(
    probes: Probes, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = threading.Event()
    service.status = lambda: {"long": "x" * 10_000_000 if gone.wait() else ""}
    with socket.create_connection(("127.0.0.1", probes.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        client.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
    gone.set()
    assert ask(probes, "/healthz").status == 200
    assert capsys.readouterr().err == ""


# Ports.


def another(host: str, port: int) -> Probes:
    return Probes(host, port, alive=lambda: True, readiness=lambda: (True, {}), status=dict)


def test_a_port_in_use_is_the_operators_to_change(probes: Probes) -> None:
    with pytest.raises(SettingsError, match=rf"^HTTP_PORT={probes.port}: cannot listen on 127.0.0.1 ") as caught:
        another("127.0.0.1", probes.port).start()
    assert len(caught.value.problems) == 1


def test_an_address_that_is_not_ours_is_the_operators_to_change() -> None:
    with pytest.raises(SettingsError, match=r"cannot listen on 192\.0\.2\.1 .*HTTP_HOST"):
        another("192.0.2.1", 0).start()


def test_a_stopped_server_gives_its_port_back(probes: Probes) -> None:
    port = probes.port
    ask(probes, "/healthz")
    probes.stop()
    again = another("127.0.0.1", port)
    again.start()
    assert ask(again, "/healthz").status == 200
    again.stop()


def test_stopping_twice_or_before_the_start_is_fine() -> None:
    probes = another("127.0.0.1", 0)
    probes.stop()
    probes.start()
    probes.stop()
    probes.stop()


def test_it_serves_on_the_address_it_was_given_and_no_other(probes: Probes) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", probes.port))


def test_an_ipv6_address_is_taken_as_one() -> None:
    probes = another("::1", 0)
    try:
        probes.start()
    except SettingsError as error:
        no_ipv6_here = ("Cannot assign requested address", "Address family not supported by protocol")
        assert any(reason in str(error) for reason in no_ipv6_here)  # noqa: PT017 - one machine has it, another not
    else:
        with socket.create_connection(("::1", probes.port)) as client:
            client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
    probes.stop()
