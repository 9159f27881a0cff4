"""What is said of an inbox whose work was moved elsewhere, to whoever would serve from it or read it.

The law: from the moment that the first row may be elsewhere, nothing is answered from here: it would be answered twice.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from actors.core.frozen import frozen
from actors.errors import InboxError


@frozen
class Departure:
    """Where an inbox's work goes in the move of that name; `left_at` (epoch seconds) is 0 until all of it is there."""

    move: str
    target: str
    left_at: float

    def __str__(self) -> str:
        if not self.left_at:
            return f"is on its way to {self.target}"
        return f"was moved to {self.target} on {datetime.fromtimestamp(self.left_at).astimezone():%Y-%m-%d %H:%M}"


def must_be_here(inbox: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """`rows` are those of `statements.DEPARTURE`.

    Raises:
        InboxError: there is one.
    """
    for row in rows:
        departure = Departure(*row)
        todo = "name that one in INBOX_URL" if departure.left_at else "run the command `inbox move` again, to its end"
        raise InboxError(f"the work of {inbox} {departure}: {todo}")
