"""An element tree on disk: which instances of the robot's Type are in it, and what each of them says.

The law: a pure reading of the moment, so that whoever wants to know what changed reads again and compares. An instance
that is broken is told beside the others and keeps none of them from being read. Whether a setting's value is good, and
who is served in the end, is not known here.

An element is a folder with an `e.json`, and a `config.json` beside it or where its back end is; its full name is its
path with dots (`imRobots.demo`). How the family's Meta is spelled (`Meta`, or `meta` in older apps) makes no
difference: the Type's name is what an instance refers to. Names that begin with a dot are skipped, which are
Kubernetes' own in a mounted ConfigMap; links are followed, which its files are.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Any

from actors.core.frozen import frozen
from actors.core.robot import Cause, Parked
from actors.core.spelling import near_miss
from actors.errors import SettingsError
from actors.jaap.config import KEYS, read_config
from actors.jaap.files import Unreadable, read_object

FAMILY = "imRobots"
TYPE = f"{FAMILY}.dingTalkStreamType"

_LEADING_NAME = re.compile(r"[A-Z_]+")


@frozen
class Instance:
    """An instance element: its full name, its title, its `config.json`, and what that sets, by the names that the
    settings have in the environment."""

    name: str
    title: str
    file: Path
    variables: Mapping[str, str] = field(repr=False)

    def told(self, problem: str) -> str:
        """A fault of a setting, which begins with its name in the environment, as a fault of this instance."""
        name = _LEADING_NAME.match(problem)
        key = KEYS.get(name[0]) if name and name[0] in self.variables else None
        return f"{self.file}: {key}{problem[name.end() :]}" if name and key else f"{self.file}: {problem}"


def read_tree(directory: Path, environ: Mapping[str, str], known: Mapping[str, bool]) -> tuple[Instance | Parked, ...]:
    """The instances below an app's folder, or below its `imRobots`, in the order of their full names. `known` has every
    setting's name, and whether a robot may have it for itself.

    Raises:
        SettingsError: this is no element tree, or there is no instance in it.
    """
    try:
        elements = tuple(_elements(_family(directory)))
    except OSError as error:
        raise _wrong(directory, f"{error.filename} cannot be read ({error.strerror}), make it readable") from None
    read = (_read(name, folder, environ, known) for name, folder in elements)
    found = tuple(instance for instance in read if instance is not None)
    if not found:
        raise _wrong(directory, f"has no instance, which is a folder with an e.json of type {TYPE} and a config.json")
    return found


def _family(directory: Path) -> Path:
    """The folder of the family."""
    inside = directory / FAMILY
    if inside.is_dir():
        return inside
    if not directory.is_dir():
        raise _wrong(directory, f"there is no such folder, name one that holds {FAMILY}")
    if directory.resolve().name != FAMILY and not any(directory.glob("*/e.json")):
        raise _wrong(directory, f"is no element tree, name a folder that holds {FAMILY}, or {FAMILY} itself")
    return directory


def _wrong(directory: Path, what: str) -> SettingsError:
    return SettingsError((f"ROBOTS_DIR={str(directory)!r}: {what}",))


def _elements(folder: Path, name: str = FAMILY, above: tuple[Path, ...] = ()) -> Iterator[tuple[str, Path]]:
    """The elements below a folder with their full names. What lies within an element is its own business."""
    real = folder.resolve()
    if real in above:  # a link that leads back
        return
    for child in sorted(folder.iterdir()):
        if child.name.startswith(".") or not child.is_dir():
            continue
        full_name = f"{name}.{child.name}"
        if _is_element(child):
            yield full_name, child
        else:
            yield from _elements(child, full_name, (*above, real))


def _bundle(folder: Path, element: Mapping[str, Any]) -> Path:
    """Where an element's back end is: in its folder, or in one within it that `backendBundleEntry` names."""
    entry = element.get("backendBundleEntry")
    if isinstance(entry, str) and ".." not in (named := PurePosixPath(entry)).parts and not named.is_absolute():
        within = folder / named
        if (within / "config.json").is_file():
            return within
    return folder


def _is_element(folder: Path) -> bool:
    try:
        return any((folder / file).exists() for file in ("e.json", "config.json"))
    except OSError:
        return True  # to read it will say what is wrong


def _read(name: str, folder: Path, environ: Mapping[str, str], known: Mapping[str, bool]) -> Instance | Parked | None:
    """The instance in a folder; None if it is another kind of element."""
    try:
        element = read_object(folder / "e.json")
        its_type = element.get("type")
        if its_type != TYPE:
            if isinstance(its_type, str) and near_miss(its_type.casefold(), [TYPE.casefold()]):
                raise Unreadable(f"{folder / 'e.json'}: type={its_type!r}: there is no such Type, did you mean {TYPE}?")
            return None
        file = _bundle(folder, element) / "config.json"
        config = read_config(file, read_object(file), environ, known)
    except Unreadable as error:
        return Parked(name, name, "", Cause.UNREADABLE, (str(error),))
    if config.problems:
        robot = config.variables.get("DINGTALK_CLIENT_ID", name)
        return Parked(robot, name, config.variables.get("AGENT", ""), Cause.SETTINGS, config.problems)
    title = element.get("title")
    return Instance(name, title if isinstance(title, str) else "", file, config.variables)
