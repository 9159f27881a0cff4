"""`python -m actors.sandbox`: the sandbox as a program of its own, or as the child of the service that talks to it.

It reads SANDBOX_HOST, SANDBOX_PORT and SANDBOX_TEMPLATES, and nothing else of the environment.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from actors.sandbox.server import Sandbox

EXIT_WRONG_ENVIRONMENT = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the sandbox until it is told to end; returns the exit code.

    With `--child` it prints one JSON line with its `url` when it listens, does not mind SIGINT and SIGTERM (they go to
    the whole process group, and the service still needs it for its drain), and ends when its standard input does,
    or when nobody is left to read that line.
    """
    parser = argparse.ArgumentParser(prog="python -m actors.sandbox", description="A local DingTalk.")
    parser.add_argument("--child", action="store_true", help="for a parent process: end when standard input ends")
    child = parser.parse_args(arguments).child
    host = os.environ.get("SANDBOX_HOST") or "127.0.0.1"
    port = os.environ.get("SANDBOX_PORT") or "8080"
    templates = os.environ.get("SANDBOX_TEMPLATES") or "deploy/dingtalk"
    if not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004
        return _wrong(f"SANDBOX_PORT={port}: not a port number")
    try:
        sandbox = Sandbox(host, int(port), templates=Path(templates))
    except ValueError as problem:
        return _wrong(f"SANDBOX_TEMPLATES={templates}: {problem}")
    if child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return asyncio.run(_run(sandbox, port, child=child))


async def _run(sandbox: Sandbox, port: str, *, child: bool) -> int:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        await sandbox.start()
    except OSError as problem:
        return _wrong(f"SANDBOX_PORT={port}: cannot listen on {sandbox.url}: {problem.strerror or problem}")
    if child:
        try:
            _say(json.dumps({"url": sandbox.url}))
        except BrokenPipeError:  # the parent has gone before it could know of this child
            await sandbox.stop()
            return 0
        threading.Thread(target=_until_input_ends, args=(loop, end), daemon=True).start()
    else:
        loop.add_signal_handler(signal.SIGINT, end.set)
        loop.add_signal_handler(signal.SIGTERM, end.set)
        _say(f"本地钉钉 A local DingTalk: {sandbox.url}\n机器人 Robots: DINGTALK_OPENAPI_ENDPOINT={sandbox.url}")
    await end.wait()
    await sandbox.stop()
    return 0


def _until_input_ends(loop: asyncio.AbstractEventLoop, end: asyncio.Event) -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    loop.call_soon_threadsafe(end.set)


def _say(text: str) -> None:
    os.write(1, f"{text}\n".encode())  # past sys.stdout, which would try once more at exit what failed


def _wrong(problem: str) -> int:
    sys.stderr.write(f"{problem}\n")
    return EXIT_WRONG_ENVIRONMENT


if __name__ == "__main__":
    sys.exit(main())
