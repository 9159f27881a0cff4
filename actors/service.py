"""The composition root: what the service is made of, started in order and stopped in reverse.

It reads like a script. Every part is handed what it needs; nothing is decided here but the exit code.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from actors import __version__, metrics, series
from actors.connection import Connection
from actors.conversation import Conversation
from actors.core.courtesy import Courtesy
from actors.core.events import Agent
from actors.core.restart import Intensity
from actors.core.robot import Parked
from actors.core.steady import steady
from actors.desk import Desk, Rules, turn_away
from actors.dingtalk.network import Network
from actors.dingtalk.port import Callback
from actors.errors import SettingsError
from actors.housekeeping import Housekeeping
from actors.inbox.port import Hint, Inbox
from actors.lines import Line, line_id
from actors.messages import (
    AreYouThere,
    Begin,
    Drain,
    TakenBack,
    TakenBackElsewhere,
    TellStatus,
    WaitsElsewhere,
    WorkArrived,
)
from actors.parts import Signals, assemble, make_agents, open_inbox, open_network, warm
from actors.probes import Probes
from actors.redaction import clean
from actors.retry_policies import announce, figures, retry_policies
from actors.robots import STOP_WITHIN as TREE_STOPS_WITHIN
from actors.robots import Policy
from actors.roll import Entries, Roll
from actors.runtime.actor import Reason, Ref, Terminated, tell
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.reactor import Reactor
from actors.settings import Settings
from actors.supervisor import PATIENCE, Supervisor
from actors.takeover import Takeover

log = logging.getLogger(__name__)

T = TypeVar("T")

DRAINED, GAVE_UP = 0, 70
"""Exit codes."""

ANSWER_WITHIN = 5.0
"""Seconds that the supervisor and the loop have to answer a probe in, and a conversation to take its turn."""

STOP_WITHIN = 5.0
"""Seconds that the reactor has to wind up in."""

LAST_TURN_WITHIN = 1.0
"""Seconds that an actor's turn may still last when all actors are gone, but for one that was left behind."""

DISSOLVE_WITHIN = 8.0
"""Seconds that all parts together have to close in."""

LISTEN_EVERY = 0.5
"""Seconds after which a signal is heard at the latest."""

DATABASE_PATIENCE = 5.0
"""Seconds that a whole answer waits for a database that is away before it is finished on its card all the same: it may
be away for long. What is the matter with a file is mended by a restart, which would have to answer once more."""

FREE_EDITION_CALLS = 5000
"""What DingTalk's free edition has in a month (open.dingtalk.com, "Billing of API calls")."""
CALLS_AROUND_UPDATES = 2
"""The creating and the closing call of a card."""

TERMINATION_LOG = Path("/dev/termination-log")

PIDS_MAX = Path("/sys/fs/cgroup/pids.max")
PIDS_RESERVE = 100
"""Threads that are no answers."""


class Service:
    """The whole service in one process. `start` it, `wait` for its end; `drain` asks for it, from any thread.

    `environ` is where the settings come from: with it, changes in its `ROBOTS_DIR` are taken over. `alone` says that
    the process is there for it: then it answers probes on a port, and says to Kubernetes why it ends.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str] | None = None, *, alone: bool = True) -> None:
        self._settings = settings
        self._environ = environ
        self._alone = alone
        self._clock = steady(time.time, time.monotonic)
        self._began = self._clock()
        self._roll = Roll(Entries(settings, (), ()))
        self._over = threading.Event()
        self._death: Terminated | Exception | None = None
        self._reactor = Reactor(self._died)
        self._dispatcher = Dispatcher()
        self._supervisor: Ref | None = None
        self._running = asyncio.Semaphore(settings.max_concurrent_turns)
        self._courtesy = Courtesy()
        self.probes = Probes(
            settings.http_host,
            settings.http_port,
            alive=self._alive,
            readiness=self._readiness,
            status=self._status,
        )

    def start(self) -> None:
        """Start everything in order.

        Raises:
            SettingsError: settings turn out to be wrong, all of them named; nothing is left running.
        """
        self._reactor.start()
        network = self._reactor.submit(_on_the_loop(open_network, self._settings)).result()
        agents, parked, inbox = self._take_hold(network)
        self._clock = inbox.now
        self._began = self._clock()
        served = [robot for robot in self._settings.robots() if robot.client_id in agents]
        entries = Entries(self._settings, served, parked)
        self._roll = Roll(entries)
        signals = Signals(self._work, self._taken_back)
        self._parts = self._reactor.submit(
            assemble(self._settings, network, agents, inbox, signals, self._clock)
        ).result()
        self._housekeeping = Housekeeping(self._parts, self._work)
        self._tell_settings()
        self._roll.begin()
        self._dispatcher.start()
        self._supervisor = Supervisor.start(
            self._died,
            self._reactor,
            self._parts.inbox,
            robots=tuple(self._parts.robots),
            lines_of=self._lines_of,
            converse=partial(self._converse, self._parts.desks),
            decline=self._turn_away,
            policy=self._policy(),
        )
        self._beside(self._housekeeping.keep())
        self._beside(self._parts.heartbeat.live())
        self._beside(self._follow())
        if self._settings.robots_dir is not None and self._environ is not None:
            told = partial(tell, self._supervisor)
            takeover = Takeover(self._environ, entries, self._parts, self._roll, told, self._beside)
            self._beside(takeover.watch())
        for robot in self._parts.robots.values():
            self._beside(warm(robot.api))
        tell(self._supervisor, Begin())
        log.info(
            "service started",
            extra={"action": "service_started", "version": __version__, "robots": len(served)},
        )

    def _take_hold(self, network: Network) -> tuple[dict[str, Agent], tuple[Parked, ...], Inbox]:
        """Take what somebody else may have, or what may not be there: the agents, the inbox, the port."""
        problems: list[str] = []

        def attempt(step: Callable[[], T]) -> T | None:
            try:
                return step()
            except SettingsError as error:
                problems.extend(error.problems)
                return None

        made = attempt(lambda: make_agents(self._settings, lambda: network.session))
        inbox = attempt(lambda: self._reactor.submit(open_inbox(self._settings, self._clock)).result())
        if self._alone:
            attempt(self.probes.start)
        if made is not None and inbox is not None and not problems:
            return *made, inbox
        if inbox is not None:
            self._reactor.submit(inbox.close()).result(STOP_WITHIN)
        self._reactor.submit(network.close()).result(STOP_WITHIN)
        self._reactor.stop(STOP_WITHIN)
        self.probes.stop()
        raise SettingsError(tuple(problems))

    def drain(self) -> None:
        """Ask for the end: running answers get their grace."""
        if self._supervisor is not None:
            tell(self._supervisor, Drain(self._settings.shutdown_grace))

    def wait(self) -> int:
        """Wait for the end, stop the rest in reverse, and return the exit code."""
        # In steps: a signal that comes while another one is handled does not wake the main thread from a wait.
        while not self._over.wait(LISTEN_EVERY):
            pass
        code, why = self._verdict()
        if code != DRAINED:
            log.critical("service gave up: %s", why, extra={"action": "service_gave_up", "code": code})
            if self._alone:
                _tell_kubernetes(code, why)
        self._dissolve()
        self.probes.stop()
        log.info("service stopped", extra={"action": "service_stopped", "code": code})
        return code

    @property
    def longest_stop(self) -> float:
        """Seconds after which a service that is drained is over at the latest."""
        supervisor = self._settings.shutdown_grace + PATIENCE + TREE_STOPS_WITHIN
        return supervisor + LISTEN_EVERY + DISSOLVE_WITHIN + STOP_WITHIN + LAST_TURN_WITHIN

    def _dissolve(self) -> None:
        """Give back what lives on the reactor, then the threads."""
        try:
            self._reactor.submit(self._parts.close()).result(DISSOLVE_WITHIN)
        except (TimeoutError, RuntimeError) as error:
            # The loop hangs, or is gone; then everything goes with the process.
            log.error("the parts are not closed: %r", error, extra={"action": "parts_leaked"})
        self._reactor.stop(STOP_WITHIN)
        self._dispatcher.stop(LAST_TURN_WITHIN)

    # Making the tree.

    def _lines_of(self, robot: str) -> tuple[Line, ...]:
        indices = range(self._settings.stream_connections)
        return tuple(Line(robot, index, partial(self._connect, robot, index)) for index in indices)

    def _connect(self, robot: str, index: int, supervisor: Ref) -> Ref:
        parts = self._parts

        def receive(callback: Callback) -> Coroutine[Any, Any, dict[str, Any] | None]:
            return parts.robots[robot].intake.receive(callback)  # which may be another one next time

        gateway = parts.robots[robot].gateway
        return Connection.start(supervisor, line_id(robot, index), self._reactor, gateway, receive)

    def _rules(self) -> Rules:
        settings = self._settings
        return Rules(
            updates=settings.card_max_updates,
            min_interval=settings.card_min_interval,
            history=settings.conversation_history,
            max_age=settings.inbox_max_age,
            max_attempts=settings.inbox_max_attempts,
            lease=settings.inbox_lease,
            patience=inf if settings.inbox_path else DATABASE_PATIENCE,
            began=self._began,
            shared=settings.inbox_path is None,
        )

    def _converse(self, desks: Mapping[str, Desk], supervisor: Ref, conversation: str) -> Ref:
        return Conversation.start(
            supervisor,
            conversation,
            dispatcher=self._dispatcher,
            reactor=self._reactor,
            inbox=self._parts.inbox,
            desks=desks,
            rules=self._rules(),
            running=self._running,
            wall=self._clock,
        )

    def _policy(self) -> Policy:
        settings = self._settings
        return Policy(
            backoff=settings.stream_backoff,
            reset_after=settings.stream_retry_reset_after,
            intensity=Intensity(settings.stream_restart_intensity, settings.stream_restart_period),
            idle=settings.conversation_idle,
            most_conversations=_most_conversations(settings.max_conversations),
        )

    def _work(self, robot: str, conversation: str) -> None:
        if self._supervisor is not None:
            tell(self._supervisor, WorkArrived(robot, conversation))

    def _taken_back(self, robot: str, conversation: str, message_ids: frozenset[str]) -> None:
        if self._supervisor is not None:
            tell(self._supervisor, TakenBack(robot, conversation, message_ids))

    async def _follow(self) -> None:
        self._parts.inbox.follow(self._heard)

    def _heard(self, hint: Hint) -> None:
        """Another replica did something that this one may have to do with."""
        if not hint.conversation:
            self._beside(self._housekeeping.look_for_work())
            self._beside(self._parts.heartbeat.beat())
        elif self._supervisor is not None:
            taken_back = frozenset(hint.taken_back)
            there = WaitsElsewhere(hint.conversation)
            tell(self._supervisor, TakenBackElsewhere(hint.conversation, taken_back) if taken_back else there)

    def _turn_away(self, conversation: str) -> None:
        self._beside(turn_away(self._parts.inbox, self._parts.desks, self._courtesy, conversation))

    def _beside(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Have something done on the reactor that nobody waits for."""
        self._reactor.submit(coroutine).add_done_callback(_report)

    def _tell_settings(self) -> None:
        metrics.BUILD_INFO.labels(version=__version__).set(1)
        series.begin_process((Supervisor, Connection, Conversation))
        if self._settings.openapi_monthly_quota == 0:
            log.info(
                "OPENAPI_MONTHLY_QUOTA is not watched; the free edition's %d calls a month are about %d long answers",
                FREE_EDITION_CALLS,
                FREE_EDITION_CALLS // (self._settings.card_max_updates + CALLS_AROUND_UPDATES),
                extra={"action": "quota_not_watched"},
            )
        announce(self._settings)

    # Answering probes.

    def _alive(self) -> bool:
        if self._over.is_set():
            return True  # the last seconds of an orderly end
        threads = self._reactor.alive(ANSWER_WITHIN) and self._dispatcher.alive(ANSWER_WITHIN)
        return threads and self._ask(AreYouThere()) is True

    def _readiness(self) -> tuple[bool, dict[str, Any]]:
        if self._supervisor is None or self._over.is_set():
            return False, {"ready": False, "missing": ["this process is starting or ending"]}
        status = self._ask(TellStatus())
        missing = ["this process is draining"] if status.draining else []
        missing += self._roll.missing(status)
        if not self._reactor.submit(self._parts.inbox.healthy()).result(ANSWER_WITHIN):
            missing.append(f"the inbox takes no writes: {self._parts.inbox.trouble}")
        return not missing, {"ready": not missing, "missing": missing, "parked": self._roll.parked()}

    def _status(self) -> dict[str, Any]:
        status = self._ask(TellStatus())
        pending = self._reactor.submit(self._parts.inbox.pending()).result(ANSWER_WITHIN)
        return {
            "version": __version__,
            "draining": status.draining,
            "robots": self._roll.told(status, self._parts.answers),
            "connections": list(status.connections),
            "conversations": status.conversations,
            "resting": status.resting,
            "queue": pending,
            "retry_policies": figures(retry_policies(self._settings)),
            "settings": self._settings.effective(),
        }

    def _ask(self, question: object) -> Any:
        if self._supervisor is None:
            raise RuntimeError("the supervisor is not started yet")
        return self._supervisor.ask(question, timeout=ANSWER_WITHIN)

    # Ending.

    def _died(self, death: Terminated | Exception) -> None:
        """The root of the tree, or the loop beneath it, is gone."""
        if self._death is None:
            self._death = death
        self._over.set()

    def _verdict(self) -> tuple[int, str]:
        death = self._death
        if isinstance(death, Terminated) and death.reason is Reason.NORMAL:
            return DRAINED, ""
        return GAVE_UP, str(death.error if isinstance(death, Terminated) else death)


def _most_conversations(wanted: int) -> int:
    """Never more than the container may have threads: an answer of a plain generator takes one."""
    try:
        return max(1, min(wanted, int(PIDS_MAX.read_text()) - PIDS_RESERVE))
    except (OSError, ValueError):
        return wanted


async def _on_the_loop(make: Callable[[Settings], T], settings: Settings) -> T:
    """What has to be made on the loop."""
    return make(settings)


def _report(task: Future[None]) -> None:
    """A task that nobody waits for must not fail in silence."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a task failed: %s", error, exc_info=error, extra={"action": "task_failed"})


def _tell_kubernetes(code: int, why: str) -> None:
    """Make hides the exit code; this file does not (Kubernetes, "Customizing the termination message")."""
    try:
        with TERMINATION_LOG.open("r+", encoding="utf-8") as log_file:
            log_file.write(clean(f"exit {code}: {why}\n"))
    except OSError:
        return
