"""JitNode as a host: what its elements, variables and events mean for the robots in it.

The law: an instance of the family is one embedded robot. Its settings are the environment's, with the app's variables
laid over, and its `config.json` over both. What JitNode offers is taken as JitAi's references have it ("JAAP",
"Element", "App"), and no more of it than is needed; how a robot is served is not known here.
"""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from actors.embedded import Embedded, embedded, stop_all
from actors.errors import SettingsError
from actors.jaap.files import Unreadable, parse_object
from actors.logs import Listener, relay
from actors.settings import Settings, load_element

THE_HOSTS = frozenset(
    {"HTTP_HOST", "HTTP_PORT", "LOG_LEVEL", "LOG_FORMAT", "ROBOTS_DIR", "SANDBOX_HOST", "SANDBOX_PORT"}
)
"""Variables that are about a process, which is not ours here: JitNode may well have some of these names for itself."""

INBOXES = "dingtalk-actors"
"""The folder of the inboxes, below the app's data."""


class Element(Protocol):
    """An element, as far as it is needed. Its names are JitNode's."""

    @property
    def fullName(self) -> str: ...  # noqa: N802

    def getFile(self, filename: str, /) -> str | bytes: ...  # noqa: N802


class App(Protocol):
    """The app that an element belongs to, as far as it is needed."""

    @property
    def envVars(self) -> Mapping[str, Any]: ...  # noqa: N802


def serve(app: App, element: Element, data: Path, log: Listener) -> Embedded:
    """Serve the robot of an instance, as it is configured now; returns what starts, stops and tells of it. `data` is
    the folder of the app's data. What is wrong is said to the log, and breaks nothing."""
    relay(log)
    robot = embedded(_place(app) + element.fullName)
    robot.configure(partial(_settings, app, element, data))
    return robot


def dismiss(app: App, full_name: str) -> None:
    """Stop the robot of an instance that is gone."""
    embedded(_place(app) + full_name).stop()


def dismiss_all(app: App) -> None:
    """Stop all robots of an app."""
    stop_all(_place(app))


def _place(app: App) -> str:
    """What the names of an app's robots begin with: two apps in one JitNode may have elements of the same name."""
    return f"{getattr(app, 'envId', '')}/{getattr(app, 'appId', '')}/"


def _settings(app: App, element: Element, data: Path) -> Settings:
    variables = {name: str(value) for name, value in app.envVars.items() if value is not None}
    environ = {name: value for name, value in os.environ.items() if name not in THE_HOSTS} | variables
    if not environ.get("INBOX_URL", "").strip():
        environ["INBOX_URL"] = _inbox_url(data)
    file = Path(*element.fullName.split("."), "config.json")
    try:
        written = parse_object(file, _text(element, file))
    except Unreadable as error:
        raise SettingsError((str(error),)) from None
    settings = load_element(environ, element.fullName, file, written)
    return _with_inbox_of_its_own(settings, f"{getattr(app, 'appId', '')}.{element.fullName}".strip("."))


def _inbox_url(data: Path) -> str:
    if not data.is_dir():
        advice = "set this variable, such as sqlite:////srv/robots/inbox.db"
        raise SettingsError((f"INBOX_URL: is not set, and the app has no folder {data.name}, {advice}",))
    return f"sqlite:///{data / INBOXES / 'inbox.db'}"


def _with_inbox_of_its_own(settings: Settings, name: str) -> Settings:
    """One file is one holder's: each robot has its own, beside the one that is named. A database is everybody's."""
    path = settings.inbox_path
    if path is None:
        return settings
    own = f"sqlite:///{path.with_name(f'{path.stem}.{name}{path.suffix}')}"
    return settings.model_copy(update={"inbox_url": SecretStr(own)})


def _text(element: Element, file: Path) -> str:
    try:
        content = element.getFile(file.name)
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Unreadable(f"{file}: is not UTF-8 text, save it as UTF-8") from None
    except Exception as error:  # noqa: BLE001 - how JitNode says that there is no such file is not documented
        raise Unreadable(f"{file}: cannot be read ({type(error).__name__}), write it") from None
    return text
