"""Small immutable records: dataclasses that cost a start a quarter of what `dataclass(frozen=True, slots=True)` does,
and are made in a third of the time.

The law: nobody sets a field of one. The type checker sees to it; at run time nothing does, as that takes a method that
each class compiles for itself, and a detour for each field that is set in the beginning. What is handed to agents,
whose code nobody here checks, is a frozen dataclass of Python's (`question`, `events.Feedback`). Neither kind can be
derived from the other.
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make the class a dataclass with slots that is equal, and hashed, by its fields, and never changes."""
    made = dataclass(slots=True, eq=False, repr=False)(cls)
    values = _values(*(each.name for each in fields(made) if each.compare))  # type: ignore[arg-type]

    def equal(self: T, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: T) -> int:
        return hash(values(self))

    for name, method in (("__eq__", equal), ("__hash__", hashed), ("__repr__", _shown)):
        if name not in cls.__dict__:
            setattr(made, name, method)
    return made


def _values(*names: str) -> Callable[[object], Any]:
    if names:
        return attrgetter(*names)
    return lambda _: ()


def _shown(self: Any) -> str:
    told: list[Field[Any]] = [each for each in fields(self) if each.repr]
    return f"{type(self).__qualname__}({', '.join(f'{each.name}={getattr(self, each.name)!r}' for each in told)})"
