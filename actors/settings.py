"""The settings in effect: read from an environment that is handed in, checked as a whole, every fault told at once.

What each variable is, is declared in `variables.py`. Nothing is read here but that environment and the files that
`X_FILE` names. Whether an agent can be made of `AGENT` is the agents' to say.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr, ValidationError

from actors.core.backoff import Backoff
from actors.core.robot import Robot
from actors.errors import SettingsError
from actors.redaction import MASK, clean, hide
from actors.variables import Variables

PREFIXES = (
    "STREAM_",
    "OPENAPI_",
    "AGENT_",
    "CARD_",
    "CONVERSATION_",
    "INBOX_",
    "DINGTALK_",
    "SANDBOX_",
    "HTTP_",
    "LOG_",
)
"""Names that begin so are ours: a near miss of a known one is a typo, not somebody else's variable."""

NOT_YET = ("INBOX_URL_FILE", "ROBOTS_DIR")
"""Variables of later versions. To ignore one in silence could serve people whom the operator means to keep out."""

_NEAR = 2


class Settings(Variables):
    """The variables and what follows from them."""

    @property
    def stream_backoff(self) -> Backoff:
        """How long a connection waits before it is started again."""
        return self._backoff("stream")

    @property
    def openapi_backoff(self) -> Backoff:
        """How long a call to DingTalk waits before it is repeated."""
        return self._backoff("openapi")

    @property
    def agent_backoff(self) -> Backoff:
        """How long an answer waits before the agent is tried again."""
        return self._backoff("agent")

    def _backoff(self, scope: str) -> Backoff:
        initial, multiplier, maximum, jitter = (
            getattr(self, f"{scope}_retry_{part}") for part in ("initial", "multiplier", "max", "jitter")
        )
        return Backoff(initial, multiplier, maximum, jitter)

    @property
    def sandbox_wanted(self) -> bool:
        """No robot is configured: the local sandbox stands in for DingTalk."""
        return self.dingtalk_client_id is None

    def robots(self) -> tuple[Robot, ...]:
        """The configured robots; none where the sandbox is wanted."""
        if self.dingtalk_client_id is None or self.dingtalk_client_secret is None:
            return ()
        robot = Robot(
            client_id=self.dingtalk_client_id,
            client_secret=self.dingtalk_client_secret.get_secret_value(),
            endpoint=self.dingtalk_openapi_endpoint,
            agent=self.agent,
            card_template=self.card_template_id,
            card_content_key=self.card_content_key,
        )
        return (robot,)

    @property
    def inbox_path(self) -> Path:
        """The inbox's file."""
        return Path(self.inbox_url.removeprefix("sqlite:///"))

    def effective(self) -> dict[str, str | int | float | None]:
        """Every variable with the value in effect, secrets masked: for people to read."""
        values = self.model_dump(mode="json")
        for name, value in values.items():
            if isinstance(getattr(self, name), SecretStr):
                values[name] = MASK
            elif isinstance(value, str):
                values[name] = clean(value)
            elif isinstance(value, list):
                values[name] = clean(",".join(sorted(value)))
        return {name.upper(): value for name, value in values.items()}


def load(environ: Mapping[str, str]) -> Settings:
    """The settings of this environment. An empty variable counts as not set; secrets are hidden from logs from now on.

    Raises:
        SettingsError: something is wrong; each fault has one line, with the variable's name and what to do.
    """
    given = {name: value for name, value in environ.items() if value.strip()}
    problems = [*_strangers(given)]
    values: dict[str, Any] = {}
    broken: set[str] = set()
    for name in KNOWN:
        try:
            value = _value(name, given)
        except SettingsError as error:
            problems += error.problems
            broken.add(name)
        else:
            values |= {} if value is None else {name: value}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            name = str(fault["loc"][0])
            broken.add(name)
            problems.append(f"{name}={clean(repr(values.pop(name)))}: {fault['msg'].replace('Input should', 'must')}")
        settings = Settings(**values)
    problems += [problem for names, problem in _conflicts(settings) if broken.isdisjoint(names)]
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def _is_secret(annotation: object) -> bool:
    return SecretStr in (annotation, *get_args(annotation))


KNOWN = {name.upper(): _is_secret(field.annotation) for name, field in Variables.model_fields.items()}
"""Every variable's name, and whether it is a secret."""


def _value(name: str, given: Mapping[str, str]) -> str | None:
    if not KNOWN[name]:
        return given.get(name)
    secret = _secret(name, given)
    if secret is not None:
        hide(secret)
    return secret


def _secret(name: str, given: Mapping[str, str]) -> str | None:
    """The secret itself, or what stands in the file that `X_FILE` names."""
    file_name = f"{name}_FILE"
    path = given.get(file_name)
    if path is None:
        return given.get(name)
    if name in given:
        raise SettingsError((f"{name}, {file_name}: both are set, keep one of them",))
    try:
        secret = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError((f"{file_name}={path!r}: cannot be read ({reason}), name a readable file",)) from None
    if not secret.strip():
        raise SettingsError((f"{file_name}={path!r}: is empty, write the secret into it",))
    return secret


def _strangers(given: Mapping[str, str]) -> Iterator[str]:
    known = [*KNOWN, *(f"{name}_FILE" for name, secret in KNOWN.items() if secret)]
    for name in given:
        if name in NOT_YET:
            yield f"{name}: not available in this version, leave it out"
        elif name == "DINGTALK_CLIENT_ID_FILE":
            yield f"{name}: the client id is no secret and is not read from a file, set DINGTALK_CLIENT_ID itself"
        elif name not in known and name.startswith(PREFIXES):
            distance, nearest = min((_edits(name, other), other) for other in known)
            if distance <= _NEAR:
                yield f"{name}: there is no such setting, did you mean {nearest}?"


def _edits(one: str, other: str) -> int:
    """How many letters have to be put in, left out or changed to make one of the other (Levenshtein's distance)."""
    row = list(range(len(other) + 1))
    for count, letter in enumerate(one, start=1):
        above = row
        row = [count]
        for column, its in enumerate(other, start=1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (letter != its)))
    return row[-1]


def _conflicts(settings: Settings) -> Iterator[tuple[set[str], str]]:
    """What is wrong between variables that are right each by itself: their names, and the fault."""
    robot = {"DINGTALK_CLIENT_ID", "DINGTALK_CLIENT_SECRET"}
    if settings.dingtalk_client_id and not settings.dingtalk_client_secret:
        yield (
            robot,
            "DINGTALK_CLIENT_SECRET: is missing, DINGTALK_CLIENT_ID is set (set both, or neither for the sandbox)",
        )
    if settings.dingtalk_client_secret and not settings.dingtalk_client_id:
        yield (
            robot,
            "DINGTALK_CLIENT_ID: is missing, DINGTALK_CLIENT_SECRET is set (set both, or neither for the sandbox)",
        )
    for scope in ("STREAM", "OPENAPI", "AGENT"):
        initial, maximum = f"{scope}_RETRY_INITIAL", f"{scope}_RETRY_MAX"
        first, most = getattr(settings, initial.lower()), getattr(settings, maximum.lower())
        if most < first:
            yield (
                {initial, maximum},
                f"{maximum}={most:g}: is less than {initial}={first:g}, raise it or lower {initial}",
            )
    if settings.sandbox_wanted and settings.http_port == settings.sandbox_port != 0:
        names = {"HTTP_PORT", "SANDBOX_PORT", *robot}
        yield names, f"SANDBOX_PORT={settings.sandbox_port}: is HTTP_PORT too, change one of them"
