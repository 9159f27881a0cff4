"""Python's types as shapes of JSON: their JSON Schema, and values of them built from what came as JSON.

Signatures and dataclasses stay the only place where a shape is written down. It knows nothing of the sandbox.
"""

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

PLAIN: dict[Any, tuple[str, str]] = {
    str: ("string", "text"),
    bool: ("boolean", "true or false"),
    int: ("integer", "a whole number"),
    float: ("number", "a number"),
    type(None): ("null", "null"),
}
"""What JSON Schema calls a type, and what people do."""


@dataclass(frozen=True)
class Slot:
    """One field of an object: its type, and its default where it may be left out."""

    kind: Any
    default: Any = inspect.Parameter.empty

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


def parameters(function: Callable[..., Any]) -> dict[str, Slot]:
    """What a function or a dataclass takes by name."""
    if is_dataclass(function):
        return object_slots(function)
    hints = get_type_hints(function)
    return {name: Slot(hints[name], known.default) for name, known in inspect.signature(function).parameters.items()}


def object_slots(kind: Any) -> dict[str, Slot]:
    """The fields of a dataclass."""
    hints = get_type_hints(kind)
    return {known.name: Slot(hints[known.name], _default(known)) for known in fields(kind)}


def object_schema(slots: Mapping[str, Slot]) -> dict[str, Any]:
    """The JSON Schema of an object with these fields and no others."""
    known: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
    for name, slot in slots.items():
        shown = {} if slot.required or not _is_json(slot.default) else {"default": slot.default}
        known["properties"][name] = schema(slot.kind) | shown
    required = [name for name, slot in slots.items() if slot.required]
    return known | ({"required": required} if required else {})


def schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a type."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return {}
    if kind in PLAIN:
        return {"type": PLAIN[kind][0]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"type": "string", "enum": [each.value for each in kind]}
    if origin in {Union, types.UnionType}:
        return {"anyOf": [schema(part) for part in _spoken(parts)]}
    if origin in {list, tuple, set, frozenset, Sequence}:
        return {"type": "array", "items": schema(parts[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema(parts[1])}
    return object_schema(object_slots(kind))


def build(kind: Any, value: Any, where: str) -> Any:
    """The value, when it has the type; dataclasses in it are made of their objects.

    Raises:
        ValueError: it has not; the message names the place, which begins with `where`.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if kind in PLAIN:
        if type(value) is kind or (kind is float and type(value) is int):
            return value
    elif origin in {Union, types.UnionType}:
        for part in _spoken(parts):
            if _kin(part, value):
                return build(part, value, where)
    elif origin in {list, tuple, Sequence} and isinstance(value, list):
        return (list if origin is list else tuple)(
            build(parts[0], each, f"{where}[{number}]") for number, each in enumerate(value)
        )
    elif origin is dict and isinstance(value, dict):
        return {name: build(parts[1], each, f"{where}.{name}") for name, each in value.items()}
    elif is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return kind(**build_object(object_slots(kind), value, where))
    raise ValueError(f"{where} must be {_spell(kind)}, not {_shorten(value)}")


def build_object(slots: Mapping[str, Slot], given: Any, where: str) -> dict[str, Any]:
    """The fields of an object that may have these.

    Raises:
        ValueError: one is missing, not known or of another type.
    """
    if not isinstance(given, dict):
        raise ValueError(f"{where} must be a JSON object, not {_shorten(given)}")
    for name in given:
        if name not in slots:
            raise ValueError(f"{where} has no field {name!r}; it has {', '.join(sorted(slots)) or 'none'}")
    for name, slot in slots.items():
        if slot.required and name not in given:
            raise ValueError(f"{where}: the field {name!r} is missing")
    return {name: build(slots[name].kind, value, f"{where}.{name}") for name, value in given.items()}


def _default(known: "Field[Any]") -> Any:
    if known.default_factory is not MISSING:
        return known.default_factory()
    return inspect.Parameter.empty if known.default is MISSING else known.default


def _is_json(value: Any) -> bool:
    return isinstance(value, str | int | float | list | dict | None)


def _spoken(parts: tuple[Any, ...]) -> list[Any]:
    """Those of a union that can come as JSON."""
    return [part for part in parts if part is not bytes]


def _kin(kind: Any, value: Any) -> bool:
    """Whether a value is meant to be of this type, right inside or not."""
    meant: dict[Any, Any] = {dict: dict, list: list, tuple: list, Sequence: list}
    if kind in PLAIN:
        return type(value) is kind or (kind is float and type(value) is int)
    return isinstance(value, meant.get(get_origin(kind), dict))


def _spell(kind: Any) -> str:
    if kind in PLAIN:
        return PLAIN[kind][1]
    if get_origin(kind) in {Union, types.UnionType}:
        return " or ".join(_spell(part) for part in _spoken(get_args(kind)))
    return "a list" if get_origin(kind) in {list, tuple, Sequence} else "a JSON object"


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004
