"""How much memory things take, with all that they hold.

It counts what Python's objects take, so that a body of many small things weighs what it really costs. What is held
twice is counted once. It knows nothing of what the things mean.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import chain
from typing import Any


def weight(*things: Any) -> int:
    """Bytes of all these together: of text, numbers, collections and records; of anything else the object alone."""
    seen: set[int] = set()
    waiting = list(things)
    total = 0
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        total += sys.getsizeof(thing)
        if (held := _held_by(thing.__class__)) is not None:
            waiting += held(thing)
    return total


@cache
def _held_by(kind: type) -> Callable[[Any], Iterable[Any]] | None:
    """What things of this kind hold. It is found out once for each: everything that comes is weighed."""
    if issubclass(kind, str | bytes):
        return None
    if issubclass(kind, Mapping):
        return lambda mapping: chain(mapping.keys(), mapping.values())
    if issubclass(kind, list | tuple | set | frozenset):
        return iter
    if is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
        return lambda record: [getattr(record, name) for name in names]
    return None
