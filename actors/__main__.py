"""The commands: `python -m actors run | sandbox | check | doctor | questions | feedback | forget | backup |
inbox`.

The law: each brings in what it needs when it is asked for. So nobody waits for what another command needs, and the
sandbox comes up while the service is brought in.
"""

import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING

from actors import logs, stacks
from actors.core.robot import Parked
from actors.errors import SettingsError
from actors.settings import KNOWN, Settings, load, of_the_process

if TYPE_CHECKING:
    from actors.sandbox_child import SandboxChild
    from actors.service import Service

log = logging.getLogger(__name__)

USAGE = """\
usage: python -m actors run | sandbox | check | doctor | questions | feedback | forget | backup | inbox
(-h for the last six)"""
WRONG = 2
"""Exit code: the environment is wrong."""

ECHO = 2.0
"""Seconds within which a second signal is the first one's echo: a signal to the process group arrives twice."""


def main() -> int:
    """Run the command that was asked for; returns the exit code."""
    _unset_what_is_empty()
    match sys.argv[1:]:
        case ["run"]:
            return _with_settings(run)
        case ["check"]:
            return _with_settings(check)
        case ["doctor", *words]:
            from actors.doctor.command import main as doctor

            return doctor(words)
        case ["sandbox"]:
            os.execv(sys.executable, [sys.executable, "-m", "actors.sandbox"])  # noqa: S606 - our own module
        case ["feedback" | "questions" | "forget", *_] as words:
            from actors.records.command import command as records

            return _with_settings(records(words))
        case ["backup", *words]:
            from actors.records.backup import command as backup

            return _with_settings(backup(words))
        case ["inbox", *words]:
            from actors.records.move import command as inbox

            return _with_settings(inbox(words))
    print(USAGE, file=sys.stderr)
    return WRONG


def run(settings: Settings) -> int:
    """Serve until a signal comes, or the supervisor gives up."""
    signals = _Signals()
    stacks.print_on(signal.SIGUSR1)
    logs.configure(settings.log_level, settings.log_format)
    logs.log_uncaught()
    for remark in settings.remarks:
        log.warning(remark, extra={"action": "settings_remark"})
    log.info("kill -USR1 %d prints all stacks to stderr", os.getpid(), extra={"action": "stacks_on_signal"})
    with ExitStack() as stack:
        page = ""
        child = stack.enter_context(_sandbox(settings)) if settings.sandbox_wanted else None
        Service = bring_in()  # noqa: N806 - it is the class

        if child is not None:
            settings, page = child.robot(settings), child.url
        service = Service(settings, os.environ)
        service.start()
        _spare_the_collector()
        signals.drain(service)
        if page:
            print(f"\n  和机器人聊聊 · Talk to the bot:  {page}\n", file=sys.stderr, flush=True)
        return service.wait()


def bring_in() -> "type[Service]":
    """Import the service: all that `run` needs beside the settings. Meanwhile there is no garbage, and looking for it
    takes a tenth of the time; what modules bring stays for ever, so nobody looks through it later either."""
    gc.disable()
    try:
        from actors.service import Service
    finally:
        gc.freeze()
        gc.enable()
    return Service


def _spare_the_collector() -> None:
    """Python looks for cycles each time that 700 objects more are alive, and now and then among all of them; with many
    answers that was up to a quarter of the CPU (perf). What the start has made stays for good, and what an answer is
    made of mostly goes without a search. An embedded service leaves this to its host."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def check(settings: Settings) -> int:
    """Validate everything that can be without connecting, and print the settings in effect; those of each robot of
    `ROBOTS_DIR` follow under its name, and the robots that are broken are named on stderr."""
    from actors.agents.registry import make_agent
    from actors.agents.setup import Setup, no_session
    from actors.parts import make_agents
    from actors.retry_policies import comments, retry_policies, retry_policies_for_robot

    agents: Iterable[str] = ()
    parked: Iterable[Parked] = ()
    if settings.sandbox_wanted:
        make_agent(settings.agent, Setup(settings, no_session))
    else:
        agents, parked = make_agents(settings, no_session)
    _print(settings.effective(), comments(retry_policies(settings)))
    for robot in agents:
        own = settings.of(robot)
        if own.element:
            print(f"\n# {own.element.name} {own.element.title}".rstrip())
            _print(own.effective_for_robot(), comments(retry_policies_for_robot(own)))
    for told in (*settings.remarks, *(problem for robot in parked for problem in robot.problems)):
        print(told, file=sys.stderr)
    return 0


def _unset_what_is_empty() -> None:
    """An empty variable counts as not set. OpenSSL, which reads SSL_CERT_FILE itself, would trust nobody by it."""
    for name in KNOWN:
        if not os.environ.get(name, "set").strip():
            del os.environ[name]


def _sandbox(settings: Settings) -> "SandboxChild":
    from actors.sandbox_child import SandboxChild

    return SandboxChild(settings)


def _with_settings(command: Callable[[Settings], int]) -> int:
    try:
        return command(load(os.environ))
    except SettingsError as error:
        for problem in dict.fromkeys((*error.problems, *_agent_problems())):
            print(problem, file=sys.stderr)
        return WRONG


def _agent_problems() -> tuple[str, ...]:
    """What is wrong with the agent: told beside what else is wrong, so that one look at the screen is enough."""
    from actors.agents.registry import make_agent
    from actors.agents.setup import Setup, no_session

    try:
        settings = of_the_process(os.environ)
        make_agent(settings.agent, Setup(settings, no_session))
    except SettingsError as error:
        return error.problems
    return ()


def _print(effective: Mapping[str, object], comments: Iterable[str]) -> None:
    """The settings, and as comments what their retries amount to: so that it can be read as an environment."""
    for variable, value in effective.items():
        print(f"{variable}={_spelled(value)}")
    for comment in comments:
        print(comment)


def _spelled(value: object) -> str:
    """A value as it may stand in the environment."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Signals:
    """The first signal drains the service, also one that came before there was a service; a later one ends at once."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._service: Service | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def drain(self, service: "Service") -> None:
        """From now on it is this service that is drained."""
        self._service = service
        if self._first is not None:
            service.drain()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            if self._service is not None:
                self._service.drain()
        elif now - self._first > ECHO:
            os._exit(128 + number)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed by now. A thread that hangs all the same (a name that is looked up) must not hold up the end.
    os._exit(code)
