"""An instance's `config.json`: its robot's credentials, its agent, and the settings that hold for this robot alone.

`{{NAME}}` in a text stands for the environment's variable of that name. It is put in after the JSON is parsed, and what
was put in is not looked into again, so that quotes, backslashes and braces of a secret are harmless. What the settings
mean and whether their values are good is not known here: they leave under the names that they have in the environment.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actors.core.frozen import frozen
from actors.core.spelling import near_miss
from actors.jaap.files import kind_of
from actors.redaction import hide

VARIABLES = {"clientId": "DINGTALK_CLIENT_ID", "clientSecret": "DINGTALK_CLIENT_SECRET", "agent": "AGENT"}
"""The tutorial's keys, and the variables of the environment that they stand for."""

REQUIRED = ("clientId", "clientSecret")

JITAI = "jit"
"""The scheme of an agent that is named without one: a JitAi element, as in the tutorial."""

KEYS = {variable: key for key, variable in VARIABLES.items()}
"""The same, the other way round."""

_VARIABLE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


@frozen
class Config:
    """What a file sets, by the names of the environment, and what is wrong with it, one line each."""

    variables: Mapping[str, str]
    problems: tuple[str, ...]


def read_config(
    file: Path, written: Mapping[str, Any], environ: Mapping[str, str], known: Mapping[str, bool]
) -> Config:
    """Read the parsed content of `file`. `known` has every setting's name in the environment, and whether a robot may
    have it for itself."""
    variables: dict[str, str] = {}
    faults: dict[str, str] = {}
    for key, value in written.items():
        if (fault := _misplaced(key, known)) is not None:
            faults[key] = fault
        elif key in VARIABLES or key in known:
            try:
                text = _substituted(_spelled(value, text_only=key in VARIABLES), environ)
            except ValueError as error:
                faults[key] = str(error)
            else:
                variables |= {VARIABLES.get(key, key): text} if text.strip() else {}
    hide(variables.get("DINGTALK_CLIENT_SECRET", ""))
    if ":" not in variables.get("AGENT", ":"):
        variables["AGENT"] = f"{JITAI}:{variables['AGENT'].strip()}"
    for key in REQUIRED:
        if VARIABLES[key] not in variables:
            faults.setdefault(key, "is missing, the app's page in DingTalk's console has it")
    return Config(variables, tuple(f"{file}: {_shown(key)}: {fault}" for key, fault in faults.items()))


def _shown(key: str) -> str:
    return key if key.isprintable() else repr(key)


def _misplaced(key: str, known: Mapping[str, bool]) -> str | None:
    """What is wrong with a key, whatever its value; None for one that is right, and for one that is none of ours."""
    if key in VARIABLES or known.get(key):
        return None
    if key in KEYS:
        return f"is not its name here, did you mean {KEYS[key]}?"
    if key in known:
        return "holds for all robots of this process, set it in the environment"
    ours = {name.casefold(): name for name in (*VARIABLES, *(name for name, own in known.items() if own))}
    near = near_miss(key.casefold(), ours)
    return f"there is no such key, did you mean {ours[near]}?" if near else None


def _spelled(value: object, *, text_only: bool) -> str:
    """A value as it would stand in the environment; null counts as not set.

    Raises:
        ValueError: it is of a kind that this key cannot have.
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case bool() if not text_only:
            return str(value).lower()
        case int() | float() if not text_only:
            return str(value)
        case _:
            raise ValueError(f"must be text in quotes, is {kind_of(value)}")


def _substituted(text: str, environ: Mapping[str, str]) -> str:
    """The text with the environment's values.

    Raises:
        ValueError: a variable is not set.
    """
    for name in _VARIABLE.findall(text):
        if not environ.get(name, "").strip():
            raise ValueError(f"{{{{{name}}}}} is not set, set {name} in the environment")
    return _VARIABLE.sub(lambda match: environ[match[1]], text)
