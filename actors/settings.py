"""The settings in effect: read from an environment that is handed in, checked as a whole, every fault told at once.

What each variable is, is declared in `variables.py`. A robot of `ROBOTS_DIR` has settings of its own: the environment's
with its element's laid over, by the same rules. Nothing is read here but that environment, the element tree and the
files that it names. Whether an agent can be made of `AGENT` is the agents' to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

from pydantic import Field, SecretStr, ValidationError

from actors.core.backoff import Backoff
from actors.core.card import CardKind
from actors.core.database_url import passwords_in, without_passwords
from actors.core.proxies import Proxies, Proxy, password_in, read_proxy
from actors.core.robot import Cause, FixedSecret, Parked, Robot, Secret
from actors.core.spelling import near_miss
from actors.errors import SettingsError
from actors.jaap.config import read_config
from actors.jaap.tree import Instance, read_tree
from actors.redaction import MASK, clean, hide
from actors.secret_files import SecretFile, read_secret
from actors.variables import Variables

PREFIXES = (
    "STREAM_",
    "OPENAPI_",
    "AGENT_",
    "DIFY_",
    "JIT_",
    "ATTACHMENT_",
    "CARD_",
    "CONVERSATION_",
    "INBOX_",
    "DINGTALK_",
    "SANDBOX_",
    "HTTP_",
    "LOG_",
    "ROBOT",
    "ALLOWED_",
)
"""Names that begin so are ours: a near miss of a known one is a typo, not somebody else's variable."""

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
IN_LOWER_CASE_TOO = (*PROXIES, "NO_PROXY")
"""Variables that are everybody's, and are known in both spellings; the lower case is the stronger, as with curl."""

STANDARD_REMARK = (
    "CARD_KIND='standard': the clicks of a StandardCard reach no Stream client, so its feedback buttons do nothing; "
    "apps that were made since 2025 cannot have this card, CARD_KIND=ai can be had by all"
)

_ROBOT = ("DINGTALK_CLIENT_ID", "DINGTALK_CLIENT_SECRET")


class Settings(Variables):
    """The variables and what follows from them: for the process, or for one robot of `ROBOTS_DIR`."""

    secret_files: Mapping[str, str] = Field({}, exclude=True)
    """The files that secrets came from, by variable."""
    element: Instance | None = Field(None, exclude=True)
    """Which element of `ROBOTS_DIR` these are the settings of."""
    tree: Mapping[str, "Settings"] = Field({}, exclude=True)
    """The settings of the robots of `ROBOTS_DIR`, by client id."""
    parked: tuple[Parked, ...] = Field((), exclude=True)
    """The robots of `ROBOTS_DIR` whose configuration is broken."""

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
        return self.dingtalk_client_id is None and self.robots_dir is None

    def robots(self) -> tuple[Robot, ...]:
        """The robots to serve, the environment's first; none where the sandbox is wanted."""
        return (*self._own_robot(), *(robot for settings in self.tree.values() for robot in settings.robots()))

    def of(self, robot: str) -> "Settings":
        """The settings that hold for this robot (a client id)."""
        return self.tree.get(robot, self)

    def told(self, problems: Sequence[str]) -> tuple[str, ...]:
        """Faults of these settings, each with the place where it stands."""
        return tuple(self.element.told(problem) if self.element else problem for problem in problems)

    def parked_for(self, cause: Cause, problems: Sequence[str]) -> Parked:
        """The robot that these are the settings of, as one that cannot be served."""
        element = self.element.name if self.element else ""
        faults = tuple(clean(problem) for problem in self.told(problems))
        return Parked(self.dingtalk_client_id or element, element, self.agent, cause, faults)

    def _own_robot(self) -> tuple[Robot, ...]:
        if self.dingtalk_client_id is None or self.dingtalk_client_secret is None:
            return ()
        robot = Robot(
            client_id=self.dingtalk_client_id,
            client_secret=self._kept("DINGTALK_CLIENT_SECRET", self.dingtalk_client_secret.get_secret_value()),
            endpoint=self.dingtalk_openapi_endpoint,
            agent=self.agent,
            card_template=self.card_template_id,
            card_content_key=self.card_content_key,
        )
        return (robot,)

    def _kept(self, name: str, value: str) -> Secret:
        """A secret where it is kept: one from a file may change there."""
        path = self.secret_files.get(name)
        return SecretFile(Path(path), value) if path else FixedSecret(value)

    @property
    def proxies(self) -> Proxies:
        """Which proxy what is reached through."""

        def proxy(variable: str) -> Proxy | None:
            named = getattr(self, variable.lower())
            return read_proxy(variable, named) if named else None

        https, http, other = map(proxy, PROXIES)
        return Proxies(http or other, https or other, self.no_proxy or "")

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is no fault and yet has to be known, one line for each robot that it concerns."""
        holders = [*([self] if self._own_robot() or not self.tree else []), *self.tree.values()]
        standard = [settings for settings in holders if settings.card_kind is CardKind.STANDARD]
        return tuple(remark for settings in standard for remark in settings.told((STANDARD_REMARK,)))

    @property
    def inbox_path(self) -> Path | None:
        """The inbox's file, None where it is a database."""
        scheme, _, place = self.inbox_url.get_secret_value().partition(":///")
        return Path(place) if scheme == "sqlite" else None

    def effective(self) -> dict[str, str | int | float | None]:
        """Every variable with the value in effect, secrets masked: for people to read."""
        values = self.model_dump(mode="json")
        for name, value in values.items():
            if isinstance(secret := getattr(self, name), SecretStr):
                values[name] = without_passwords(secret.get_secret_value()) if name == "inbox_url" else MASK
            elif isinstance(value, str):
                values[name] = clean(value)
            elif isinstance(value, list):
                values[name] = clean(",".join(sorted(value)))
        return {name.upper(): value for name, value in values.items()}

    def effective_for_robot(self) -> dict[str, str | int | float | None]:
        """The same, of those variables that a robot of `ROBOTS_DIR` has or may have for itself."""
        own = {*_ROBOT, "AGENT", *(name for name, may in MAY_BE_A_ROBOTS_OWN.items() if may)}
        return {name: value for name, value in self.effective().items() if name in own}


def load(environ: Mapping[str, str], *, again: bool = False) -> Settings:
    """The settings of this environment, and of each robot in its `ROBOTS_DIR`. An empty variable counts as not set;
    secrets are hidden from logs from now on. A robot that is broken beside valid ones is parked; with `again`, for a
    process that serves already, all of them may be.

    Raises:
        SettingsError: something is wrong, or there is no valid robot where there should be one; each fault has one
            line, with the variable's or the file's name and what to do.
    """
    settings, problems = _read_all(environ)
    if problems or not (again or settings.robots_dir is None or settings.robots()):
        problems += [problem for parked in settings.parked for problem in parked.problems]
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def look(environ: Mapping[str, str]) -> tuple[object, ...]:
    """What the settings of the robots in `ROBOTS_DIR` are made of, as far as it may change while this process runs: to
    be compared with another look. What cannot be read is a sight as well."""
    given = _given(environ)
    try:
        found = read_tree(Path(given["ROBOTS_DIR"]), given, MAY_BE_A_ROBOTS_OWN)
    except SettingsError as error:
        return error.problems
    named = (given, *(instance.variables for instance in found if isinstance(instance, Instance)))
    files = {variables[name] for variables in named for name in _NAMES_OF_FILES if name in variables}
    return (*found, *((file, _secret_in(file)) for file in sorted(files)))


def _secret_in(file: str) -> str:
    try:
        return read_secret(Path(file))
    except ValueError as error:
        return str(error)


def _read_all(environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings with those of the robots in `ROBOTS_DIR`, and the faults of the environment."""
    given = _given(environ)
    settings, problems = _read(given)
    problems = [*_strangers(given), *problems]
    if settings.robots_dir is not None:
        try:
            settings = _with_tree(settings, settings.robots_dir, given, problems)
        except SettingsError as error:
            problems += error.problems
    return settings, problems


def of_the_process(environ: Mapping[str, str]) -> Settings:
    """The settings of this environment alone, with defaults in place of what is wrong."""
    return _read(_given(environ))[0]


def load_element(environ: Mapping[str, str], name: str, file: Path, written: Mapping[str, Any]) -> Settings:
    """The settings of one element by itself: this environment's, with what is written in its `config.json` laid over.
    `name` is its full name, `file` says where it is written. Names of the environment that nobody knows are no fault
    here: it may be somebody else's.

    Raises:
        SettingsError: something is wrong; each fault has one line, with the file and its key or the variable.
    """
    given = _given(environ)
    config = read_config(file, written, given, MAY_BE_A_ROBOTS_OWN)
    # Who the robot is, the element alone says.
    others = {name: value for name, value in given.items() if name.removesuffix("_FILE") not in _ROBOT}
    _, problems = _read(others)
    settings, faults = _read(_laid_over(others, config.variables))
    settings = settings.model_copy(update={"element": Instance(name, "", file, config.variables)})
    own = settings.told([fault for fault in faults if fault not in problems]) if not config.problems else ()
    if problems := [*problems, *config.problems, *own]:
        raise SettingsError(tuple(problems))
    return settings


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that are set; what is secret in them is hidden from now on."""
    given = {name: value for name, value in environ.items() if value.strip()}
    given |= {name: given[name.lower()] for name in IN_LOWER_CASE_TOO if name.lower() in given}
    for password in (password_in(given.get(name, "")) for name in PROXIES):
        hide(password)
        hide(unquote(password))
    return given


def _read(given: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings of one environment, with defaults in place of what is wrong, and the faults."""
    problems: list[str] = []
    files = {name: given[f"{name}_FILE"] for name, secret in KNOWN.items() if secret and f"{name}_FILE" in given}
    values: dict[str, Any] = {"secret_files": files}
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
    return settings, problems


def _with_tree(settings: Settings, directory: Path, given: Mapping[str, str], problems: Sequence[str]) -> Settings:
    """The settings with the robots of `ROBOTS_DIR`. `problems` are the environment's own faults.

    Raises:
        SettingsError: `ROBOTS_DIR` holds no robot at all.
    """
    served = {settings.dingtalk_client_id: "DINGTALK_CLIENT_ID"}
    tree: dict[str, Settings] = {}
    parked: list[Parked] = []
    for found in read_tree(directory, given, MAY_BE_A_ROBOTS_OWN):
        if isinstance(found, Parked):
            parked.append(found)
            continue
        read, faults = _read(_laid_over(given, found.variables))
        own = read.model_copy(update={"element": found})
        robot = str(own.dingtalk_client_id)
        if faults := [fault for fault in faults if fault not in problems]:
            parked.append(own.parked_for(Cause.SETTINGS, faults))
        elif robot in served:
            fault = f"DINGTALK_CLIENT_ID={robot!r}: is {served[robot]}'s too, give each robot an app of its own"
            parked.append(own.parked_for(Cause.DUPLICATE, [fault]))
        else:
            served[robot], tree[robot] = found.name, own
    # What a metric says of a robot that is served must not be said of its namesake.
    parked = [replace(one, robot=one.element) if one.robot in served else one for one in parked]
    return settings.model_copy(update={"tree": tree, "parked": tuple(parked)})


def _laid_over(given: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """An environment with a robot's own variables. `X` takes the place of `X_FILE` too, and the other way round."""
    replaced: set[str] = set()
    for name in variables:
        replaced |= {name, f"{name}_FILE", name.removesuffix("_FILE")}
    return {name: value for name, value in given.items() if name not in replaced} | dict(variables)


def _is_secret(annotation: object) -> bool:
    return SecretStr in (annotation, *get_args(annotation))


KNOWN = {name.upper(): _is_secret(field.annotation) for name, field in Variables.model_fields.items()}
"""Every variable's name, and whether it is a secret."""

_NAMES_OF_FILES = tuple(f"{name}_FILE" for name, secret in KNOWN.items() if secret)
_NAMES = (*KNOWN, *_NAMES_OF_FILES)

MAY_BE_A_ROBOTS_OWN = {
    name: name.startswith(("AGENT_", "OPENAI_", "DIFY_", "JIT_"))
    or name in {"CARD_KIND", "CARD_TEMPLATE_ID", "CARD_CONTENT_KEY"}
    for name in _NAMES
}
"""Every name, and whether a robot of `ROBOTS_DIR` may have it for itself. A card template belongs to one app."""


def _value(name: str, given: Mapping[str, str]) -> str | None:
    if not KNOWN[name]:
        return given.get(name)
    secret = _secret(name, given)
    for hidden in () if secret is None else _hidden_in(name, secret):
        hide(hidden)
    return secret


def _hidden_in(name: str, secret: str) -> tuple[str, ...]:
    """What must not be read anywhere: of an address the passwords alone."""
    if name != "INBOX_URL":
        return (secret,)
    return passwords_in(secret)


def _secret(name: str, given: Mapping[str, str]) -> str | None:
    """The secret itself, or what stands in the file that `X_FILE` names."""
    file_name = f"{name}_FILE"
    path = given.get(file_name)
    if path is None:
        return given.get(name)
    if name in given:
        raise SettingsError((f"{name}, {file_name}: both are set, keep one of them",))
    try:
        return read_secret(Path(path))
    except ValueError as error:
        raise SettingsError((f"{file_name}={path!r}: {error}",)) from None


def _strangers(given: Mapping[str, str]) -> Iterator[str]:
    for name in given:
        if name == "DINGTALK_CLIENT_ID_FILE":
            yield f"{name}: the client id is no secret and is not read from a file, set DINGTALK_CLIENT_ID itself"
        elif name not in _NAMES and name.startswith(PREFIXES) and (near := near_miss(name, _NAMES)):
            yield f"{name}: there is no such setting, did you mean {near}?"


def _conflicts(settings: Settings) -> Iterator[tuple[set[str], str]]:
    """What is wrong between variables that are right each by itself: their names, and the fault."""
    robot = set(_ROBOT)
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
