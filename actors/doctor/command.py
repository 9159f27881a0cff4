"""The command: who is examined, with which instruments, and the exit code.

It reads the settings that `run` reads, and takes the service's own parts with retries off. It holds no state: no inbox
is opened, and what it spends of the month's quota is told and not recorded.
"""

import argparse
import asyncio
import math
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence

from actors import logs
from actors.core.robot import Robot
from actors.dingtalk.ban import Ban
from actors.dingtalk.gateway import StreamGateway
from actors.dingtalk.network import Network, trusting
from actors.dingtalk.openapi import OpenApi
from actors.dingtalk.quota import Quota
from actors.dingtalk.replies import RobotReplies
from actors.dingtalk.standing import Standing
from actors.doctor import texts
from actors.doctor.checkup import Checkup, Instruments, Request
from actors.doctor.findings import Finding, State, Step
from actors.doctor.screen import Screen, Script, Terminal
from actors.errors import SettingsError
from actors.settings import Settings, load

FINE, ILL, WRONG, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all well (or skipped), something failed, the settings or words are wrong, stopped by a signal."""


def main(words: Sequence[str]) -> int:
    """Examine the robots of the environment; returns the exit code."""
    options = _parser().parse_args(words)
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    # What goes wrong is told as a finding, and not a second time.
    logs.configure("CRITICAL", "console", sys.stderr)
    screen: Screen = Script(sys.stdout, sys.stderr) if options.json else Terminal(sys.stdout)
    clinic = _Clinic(screen, Request(options.to, options.listen))
    try:
        settings = load(os.environ)
        robots = _chosen(settings, options.robot)
    except SettingsError as error:
        clinic.tell(_ill_settings("", error.problems))
        return WRONG
    return asyncio.run(clinic.examine(settings, robots))


class _Clinic:
    """Examines robots one after the other, and counts."""

    def __init__(self, screen: Screen, request: Request) -> None:
        self._screen = screen
        self._request = request
        self._counts: Counter[State] = Counter()
        self._passed_by = 0

    def tell(self, finding: Finding) -> None:
        self._counts[finding.state] += 1
        self._screen.tell(finding)

    def remark(self, text: texts.Text) -> None:
        self._screen.remark(text)

    async def examine(self, settings: Settings, robots: Sequence[Robot]) -> int:
        """Examine them all; the first signal ends it, and what was begun is ended properly."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: task and task.cancel())
        calls = 0

        async def count(_: str, more: int) -> int:
            nonlocal calls
            calls += more
            return calls

        quota, ban, code = Quota(0, count), Ban(), INTERRUPTED
        network = Network(settings.proxies, trusting(settings.ssl_cert_file))
        try:
            self.remark(texts.SECOND_CONNECTION)
            for parked in settings.parked:
                self.tell(_ill_settings(parked.robot, parked.problems))
            for robot in robots:
                await self._examine(robot, settings.of(robot.client_id), network, quota, ban)
            code = ILL if self._counts[State.FAILED] else FINE
        except asyncio.CancelledError:
            self.remark(texts.INTERRUPTED)
        finally:
            await quota.close()
            await network.close()
        self._screen.total(self._counts, calls, self._passed_by)
        return code

    async def _examine(self, robot: Robot, settings: Settings, network: Network, quota: Quota, ban: Ban) -> None:
        self._screen.robot(robot.client_id, _shown_on(settings))
        self.tell(Finding(robot.client_id, Step.SETTINGS, State.OK, detail=robot.endpoint))
        api = OpenApi(
            robot,
            network.session,
            attempts=1,
            backoff=settings.openapi_backoff,
            timeout=settings.openapi_timeout,
            qps=settings.openapi_qps,
            quota=quota,
            ban=ban,
        )
        instruments = Instruments(
            network=network,
            api=api,
            replies=RobotReplies(api, quota, Standing(robot.client_id), settings.card_kind),
            gateway=StreamGateway(robot, network, ban, silence_timeout=settings.stream_silence_timeout),
        )
        checkup = Checkup(robot, settings, self._request, instruments, self)
        try:
            await checkup.run()
        finally:
            self._passed_by += checkup.passed_by
            await api.close()


def _chosen(settings: Settings, wanted: str) -> tuple[Robot, ...]:
    """The robots to examine.

    Raises:
        SettingsError: there are none.
    """
    robots = settings.robots()
    if not robots:
        raise SettingsError(("DINGTALK_CLIENT_ID, ROBOTS_DIR: neither is set, so there is no robot to examine",))
    chosen = tuple(robot for robot in robots if wanted in {"", robot.client_id})
    if not chosen:
        known = ", ".join(robot.client_id for robot in robots)
        raise SettingsError((f"--robot {wanted}: there is no such robot, there is {known}",))
    return chosen


def _ill_settings(robot: str, problems: Sequence[str]) -> Finding:
    return Finding(robot, Step.SETTINGS, State.FAILED, detail="\n".join(problems), key="settings")


def _shown_on(settings: Settings) -> str:
    return f"CARD_KIND={settings.card_kind}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m actors doctor",
        description="Check a real installation step by step, with the settings that `run` reads, and say for each "
        "failure what to do in DingTalk's console. It opens a second Stream connection for some seconds, and with --to "
        "it spends six or seven counted API calls.",
        epilog="Exit codes: 0 all well, 1 something failed, 2 the settings are wrong, 130 interrupted.",
    )
    parser.add_argument(
        "--to", metavar="STAFF_ID", default="", help="who gets a card and a message that say it is a check-up"
    )
    parser.add_argument(
        "--listen",
        metavar="SECONDS",
        type=_seconds,
        default=0.0,
        help="wait for that person to write to the robot and to press a button",
    )
    parser.add_argument("--robot", metavar="CLIENT_ID", default="", help="examine only this one")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(text)
    return seconds
