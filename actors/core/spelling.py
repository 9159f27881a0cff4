"""Near misses: whether a name that nobody knows is a slip of the finger in one that somebody does."""

from collections.abc import Iterable

NEAR = 2
"""Letters that a slip puts in, leaves out or changes at most."""


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one is a near miss of, or None if it is near to none."""
    distance, nearest = min((edits(name, other), other) for other in known)
    return nearest if distance <= NEAR else None


def edits(one: str, other: str) -> int:
    """How many letters have to be put in, left out or changed to make one of the other (Levenshtein's distance)."""
    row = list(range(len(other) + 1))
    for count, letter in enumerate(one, start=1):
        above = row
        row = [count]
        for column, its in enumerate(other, start=1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (letter != its)))
    return row[-1]
