"""Every setting as an env file, with its meaning above and its default beside it, for whoever deploys the service.

It is made from the declarations in `variables.py`, so that it cannot differ. A secret never stands in it, but the
variable that names its file; what depends on where the service is put (the addresses it listens on, and the sandbox)
is left to whoever puts it there. Nothing is known here of what reads the file.
"""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import SecretStr

from actors.settings import KNOWN
from actors.variables import Variables

PATH = "deploy/kubernetes/base/settings.env"

HEAD = (
    "Every setting of the service with its default, made from the code by `python -m actors.reference --write`.",
    "Change nothing here: what differs goes into the settings.env of an overlay, which is laid over this one.",
    "All after the `=` is the value: no quotes, no remarks behind it. Empty means not set. Durations are seconds.",
)
WIDTH = 118
SEPARATELY = (
    "Its value is a secret: this names the file that it is mounted as",
    "An address with a password is a secret: give it by the Secret that the container takes variables from",
)


def settings_file() -> str:
    """The whole file."""
    blocks = ["\n".join(_comment(line) for line in HEAD)]
    for section, fields in groupby(Variables.model_fields.items(), key=lambda item: _section(item[1])):
        settings = [_setting(name, field) for name, field in fields if not _is_of_the_place(name)]
        if settings:
            blocks.append(_comment(f"== {section} =="))
            blocks += settings
    return "\n\n".join(blocks) + "\n"


def names() -> Iterator[str]:
    """The names in the file."""
    return (_name(name) for name in Variables.model_fields if not _is_of_the_place(name))


def spelled(value: object) -> str:
    """A value as it stands in the environment; that of a secret is a default, which everybody may know."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_of_the_place(name: str) -> bool:
    return name.startswith("sandbox_") or name.endswith(("_host", "_port"))


def _name(name: str) -> str:
    return f"{name.upper()}_FILE" if KNOWN[name.upper()] else name.upper()


def _setting(name: str, field: Any) -> str:
    secret = KNOWN[name.upper()]
    lines = [field.description]
    if secret or not field.repr:
        lines.append(SEPARATELY[0] if secret else SEPARATELY[1])
    value = "" if secret else spelled(field.default)
    return _comment(". ".join(lines)) + f"\n{_name(name)}={value}"


def _section(field: Any) -> str:
    return str(field.json_schema_extra["section"])


def _comment(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
