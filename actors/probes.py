"""Metrics and health over HTTP, from a thread of their own, so that they can tell of an event loop that hangs.

What alive, ready and status mean is asked of three functions that are handed in. They may be slow, hang or fail: a
caller gets an answer within a few seconds all the same, and never a traceback. Binds to loopback unless told otherwise.
"""

import json
import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from actors.errors import SettingsError

log = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST_WAIT = 5.0
"""Seconds within which `alive`, `readiness` and `status` have to answer."""

Body = tuple[HTTPStatus, str, bytes]


class Probes:
    """The server of `/metrics`, `/healthz`, `/readyz` and `/status`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        alive: Callable[[], bool],
        readiness: Callable[[], tuple[bool, dict[str, Any]]],
        status: Callable[[], dict[str, Any]],
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._host = host
        self._port = port
        self._alive = _Bounded(alive, longest_wait)
        self._readiness = _Bounded(readiness, longest_wait)
        self._status = _Bounded(status, longest_wait)
        self._server: _Server | None = None
        self._thread: Thread | None = None

    @property
    def port(self) -> int:
        """The port that is served; the one that was found where 0 was asked for."""
        return self._server.server_address[1] if self._server else self._port

    def start(self) -> None:
        """Bind and serve.

        Raises:
            SettingsError: the host or port cannot be had.
        """
        routes = {"/metrics": _metrics, "/healthz": self._healthz, "/readyz": self._readyz, "/status": self._statusz}
        try:
            self._server = _Server(self._host, self._port, routes)
        except OSError as error:
            advice = "choose a free port, and an address of this machine for HTTP_HOST"
            problem = f"HTTP_PORT={self._port}: cannot listen on {self._host} ({error.strerror}), {advice}"
            raise SettingsError((problem,)) from None
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="probes", daemon=True)
        self._thread.start()
        log.info("probes listening", extra={"action": "probes_listening", "host": self._host, "port": self.port})

    def stop(self) -> None:
        """Close the port; requests that are running end with their threads."""
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None

    def _healthz(self, _: str) -> Body:
        alive = self._alive()
        return _json(_ok(alive), {"alive": alive})

    def _readyz(self, _: str) -> Body:
        ready, details = self._readiness()
        return _json(_ok(ready), {"ready": ready, **details})

    def _statusz(self, _: str) -> Body:
        return _json(HTTPStatus.OK, self._status())


class _Bounded(Generic[T]):
    """A function that may hang, called by at most one thread at a time: callers meanwhile share that call's result."""

    def __init__(self, function: Callable[[], T], longest_wait: float) -> None:
        self._function = function
        self._longest_wait = longest_wait
        self._lock = Lock()
        self._running: Future[T] | None = None

    def __call__(self) -> T:
        """The function's result.

        Raises:
            TimeoutError: it takes too long; whoever asks next waits for the same call.
        """
        with self._lock:
            if self._running is None or self._running.done():
                self._running = Future()
                Thread(target=self._run, args=(self._running,), name="probe", daemon=True).start()
            running = self._running
        return running.result(self._longest_wait)

    def _run(self, running: Future[T]) -> None:
        try:
            running.set_result(self._function())
        except Exception as error:  # noqa: BLE001 - it is the caller's to hear
            running.set_exception(error)
        except BaseException as error:  # noqa: BLE001 - a cancelled task's, say: no reason to end the caller too
            running.set_exception(RuntimeError(repr(error)))


_ACCEPT_AGAIN_AFTER = 0.5
"""Seconds until a probe that could not be accepted is tried again."""


class _Server(ThreadingTCPServer):
    # Not http.server's: that one asks the resolver for this host's name while it binds, which can take seconds.
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, host: str, port: int, routes: dict[str, Callable[[str], Body]]) -> None:
        self.routes = routes
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:
            # Out of file descriptors: who knocks stays at the door, and knocking on without a pause takes all the CPU.
            time.sleep(_ACCEPT_AGAIN_AFTER)
            raise

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("probe broken off by its client", extra={"action": "probe_broken_off"})


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "dingtalk-actors"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        self._send(*self._answer(self._asked()))

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def _asked(self) -> str:
        return self.path.partition("?")[0]

    def _answer(self, path: str) -> Body:
        answer = self.server.routes.get(path)
        if answer is None:
            return _json(HTTPStatus.NOT_FOUND, {"error": "not found", "paths": sorted(self.server.routes)})
        try:
            return answer(self.headers.get("Accept", ""))
        except TimeoutError:
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "no answer in time"})
        except Exception:
            log.exception("probe failed", extra={"action": "probe_failed", "path": path})
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "failed, see the log"})

    def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.close_connection = True
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:  # http.server's word for a method without a handler
            known = self._asked() in self.server.routes
            status = HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND
        self._send(*_json(status, {"error": message or status.phrase}))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        log.debug(format, *args, extra={"action": "probe_answered"})


def _metrics(accept: str) -> Body:
    encode, content_type = choose_encoder(accept)
    return HTTPStatus.OK, content_type, encode(REGISTRY)


def _ok(well: bool) -> HTTPStatus:
    return HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE


def _json(status: HTTPStatus, body: dict[str, Any]) -> Body:
    return status, "application/json; charset=utf-8", json.dumps(body, ensure_ascii=False, default=str).encode() + b"\n"
