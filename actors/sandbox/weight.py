"""How much memory things take, with all that they hold.

It counts what Python's objects take, so that a body of many small things weighs what it really costs. What is held
twice is counted once. It knows nothing of what the things mean.
"""

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
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
        if isinstance(thing, str | bytes):
            continue
        if isinstance(thing, Mapping):
            waiting += thing.keys()
            waiting += thing.values()
        elif isinstance(thing, list | tuple | set | frozenset):
            waiting += thing
        elif is_dataclass(thing) and not isinstance(thing, type):
            waiting += (getattr(thing, field.name) for field in fields(thing))
    return total
