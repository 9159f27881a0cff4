"""The commands: `python -m actors run | sandbox | check`."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType

from actors import logs
from actors.errors import SettingsError
from actors.parts import make_agents
from actors.sandbox_child import SandboxChild
from actors.service import Service
from actors.settings import Settings, load

USAGE = "usage: python -m actors run | sandbox | check"
WRONG = 2
"""Exit code: the environment is wrong."""

ECHO = 2.0
"""Seconds within which a second signal is the first one's echo: a signal to the process group arrives twice."""


def main() -> int:
    """Run the command that was asked for; returns the exit code."""
    match sys.argv[1:]:
        case ["run"]:
            return _with_settings(run)
        case ["check"]:
            return _with_settings(check)
        case ["sandbox"]:
            os.execv(sys.executable, [sys.executable, "-m", "actors.sandbox"])  # noqa: S606 - our own module
    print(USAGE, file=sys.stderr)
    return WRONG


def run(settings: Settings) -> int:
    """Serve until a signal comes, or the supervisor gives up."""
    logs.configure(settings.log_level, settings.log_format)
    logs.log_uncaught()
    with ExitStack() as stack:
        if settings.sandbox_wanted:
            child = stack.enter_context(SandboxChild(settings))
            settings = child.robot(settings)
            print(f"\n  和机器人聊聊 · Talk to the bot:  {child.url}\n", file=sys.stderr, flush=True)
        service = Service(settings)
        _drain_on_signals(service)
        service.start()
        return service.wait()


def check(settings: Settings) -> int:
    """Validate everything that can be without connecting, and print the settings in effect."""
    make_agents(settings.robots())
    for variable, value in settings.effective().items():
        print(f"{variable}={value}")
    return 0


def _with_settings(command: Callable[[Settings], int]) -> int:
    try:
        return command(load(os.environ))
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return WRONG


def _drain_on_signals(service: Service) -> None:
    first: list[float] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if first and now - first[0] > ECHO:
            os._exit(128 + number)
        if not first:
            first.append(now)
            service.drain()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed by now. A thread that hangs all the same (a name that is looked up) must not hold up the end.
    os._exit(code)
