"""A robot inside somebody else's process: the whole service with one robot, started, stopped and started again.

The law: a name has one robot in a process, whoever asks for it and however often this module is loaded, so that nothing
runs twice. What is the host's stays the host's: its signals, its ports, its exit; wrong settings are logged and break
nothing. Who the host is, and what it calls its robots, is not known here.
"""

import atexit
import logging
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from actors.core.robot import Cause
from actors.errors import SettingsError
from actors.service import Service
from actors.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")


class Embedded:
    """One robot. Every method may be called from any thread but the robot's own, and waits for one that is running."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.RLock()
        self._settings: Settings | None = None
        self._problems: tuple[str, ...] = (f"{name}: has no settings yet",)
        self._service: Service | None = None
        self._thread: threading.Thread | None = None

    def configure(self, read: Callable[[], Settings]) -> None:
        """Serve with the settings that are read now. A robot that is served by others comes to its end first; one whose
        settings are wrong is not served, and why is logged. `read` may raise SettingsError."""
        with self._lock:
            try:
                self._take_over(read)
            except SettingsError as error:
                told = "; ".join(error.problems)
                log.error("robot parked: %s", told, extra={"action": "robot_parked", "element": self.name})
            except Exception:
                log.exception("robot not started", extra={"action": "robot_not_started", "element": self.name})

    def start(self) -> None:
        """Serve; a robot that is served already goes on.

        Raises:
            SettingsError: its settings are wrong, or what they name cannot be had.
        """
        with self._lock:
            if self.is_running():
                return
            if self._settings is None:
                raise SettingsError(self._problems)
            self._claim(self._settings)
            try:
                service = Service(self._settings, alone=False)
                service.start()
            except BaseException:
                self._unclaim()
                raise
            self._service = service
            self._thread = threading.Thread(target=self._serve, args=(service,), name=f"robot {self.name}", daemon=True)
            self._thread.start()

    def stop(self) -> bool:
        """Serve no longer: running answers get `SHUTDOWN_GRACE`, then connections, actors and threads end. Returns when
        they have; False if they were too slow about it."""
        with self._lock:
            if self._service is not None and self._thread is not None:
                self._service.drain()
                self._thread.join(self._service.longest_stop)
                if self._thread.is_alive():
                    log.error("robot does not stop", extra={"action": "robot_does_not_stop", "element": self.name})
                    return False
            self._service = self._thread = None
            return True

    def is_running(self) -> bool:
        """Whether the robot is served. One that has no connection is, and looks for it."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def drain(self) -> None:
        """Begin to stop, without waiting for it."""
        service = self._service
        if service is not None:
            service.drain()

    def _take_over(self, read: Callable[[], Settings]) -> None:
        try:
            settings = read()
        except SettingsError as error:
            self.stop()  # what is served is what is configured, also if that is nothing
            self._settings, self._problems = None, error.problems
            raise
        if self.is_running() and settings == self._settings:
            return
        self.stop()
        self._settings = settings
        self.start()

    def _serve(self, service: Service) -> None:
        try:
            service.wait()
        finally:
            self._unclaim()

    def _claim(self, settings: Settings) -> None:
        """One app of DingTalk's is one robot: with two, each would hear half of the questions."""
        robot = str(settings.dingtalk_client_id)
        owner = _CLAIMS.setdefault(robot, self.name)
        if owner != self.name:
            fault = f"DINGTALK_CLIENT_ID={robot!r}: is {owner}'s too, give each robot an app of its own"
            raise SettingsError(settings.parked_for(Cause.DUPLICATE, [fault]).problems)

    def _unclaim(self) -> None:
        for robot in [robot for robot, owner in tuple(_CLAIMS.items()) if owner == self.name]:
            _CLAIMS.pop(robot, None)


def embedded(name: str) -> Embedded:
    """The robot of this name."""
    return _ROBOTS.setdefault(name, Embedded(name))


def stop_all(above: str = "") -> None:
    """Stop the robots whose names begin so, all at the same time."""
    robots = [robot for name, robot in tuple(_ROBOTS.items()) if name.startswith(above)]
    for robot in robots:
        robot.drain()
    for robot in robots:
        robot.stop()


def _kept(name: str, new: T) -> T:
    """Something that this process has once. A module that is loaded again begins anew; the interpreter does not."""
    kept: T = vars(sys).setdefault(f"_dingtalk_actors_{name}", new)
    return kept


_ROBOTS = _kept("robots", dict[str, Embedded]())
_CLAIMS = _kept("claims", dict[str, str]())
"""Which robot has a client id, while it is served."""

atexit.register(stop_all)
