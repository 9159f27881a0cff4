"""A replica that serves for a moment and dies, as far as Prometheus sees it: a port that says who is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from actors import __version__


class _Metrics(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(f'dingtalk_build_info{{version="{__version__}"}} 1\n'.encode())

    def log_message(self, *_: object) -> None:
        """Nobody asks."""


@contextmanager
def alive(port: int) -> Iterator[None]:
    """It serves at a port of loopback as long as the context lasts."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Metrics) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
