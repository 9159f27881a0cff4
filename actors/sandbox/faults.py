"""Trouble on order, and the limit on calls: what stands between a call and its effect.

Nothing here answers by itself; the API asks and acts.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from actors.sandbox.weight import weight

APIS = frozenset(
    {
        *("open", "connect", "token", "webhook", "oto", "group", "download", "file", "upload"),
        *("create", "instance", "deliver", "update", "streaming", "standard", "standard_update"),
    }
)
ORDERS = 1000
"""How many orders there may be at once, the latest ones."""

BYTES = 16_000_000
"""How much memory they may take."""


@dataclass(slots=True)
class Fault:
    """One order for trouble with an API.

    The first `after` calls that match pass; the next `times` (None: all) wait `delay` seconds and then fail: with
    `status`, `code`, `message` (or `body` as it is, a dict or text), or are never answered (`hang`), or their TCP
    connection is reset (`reset`). With none of these they are only late. With `applied` the call takes effect first and
    only its answer is lost; of a `file` the first half comes through. With `torn` the call takes effect, too, and the
    reset comes in the middle of its answer. `match` names fields that a call's JSON body must have, e.g.
    `{"isFinalize": True}`, a file's `{"name": "a.png"}`, or a handshake's `{"clientId": "…"}`; `robot` is whose calls
    are meant, "" everybody's. `trouble` is its name in the catalogue, "" if it has none.
    """

    api: str
    status: int | None = None
    code: str = ""
    message: str = ""
    body: dict[str, Any] | str | None = None
    times: int | None = 1
    delay: float = 0.0
    after: int = 0
    hang: bool = False
    reset: bool = False
    applied: bool = False
    torn: bool = False
    match: dict[str, Any] = field(default_factory=dict)
    robot: str = ""
    trouble: str = ""

    def __post_init__(self) -> None:
        if self.api not in APIS:
            raise ValueError(f"unknown api {self.api!r}: one of {', '.join(sorted(APIS))}")
        if self.status and not 200 <= self.status < 600:  # noqa: PLR2004
            raise ValueError(f"status {self.status} is no answer: 200 to 599")
        self.applied = self.applied or self.torn

    def concerns(self, api: str, body: dict[str, Any], robot: str) -> bool:
        return (api, robot) == (self.api, self.robot or robot) and all(
            body.get(name) == value for name, value in self.match.items()
        )


class Faults:
    """The orders that are not used up, oldest first."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []

    def order(self, fault: Fault) -> None:
        self._orders.append(fault)
        del self._orders[:-ORDERS]
        while len(self._orders) > 1 and weight(self._orders) > BYTES:
            del self._orders[0]

    @property
    def orders(self) -> tuple[Fault, ...]:
        """What is not used up."""
        return tuple(self._orders)

    def cancel(self, trouble: str, api: str, robot: str) -> None:
        """Forget the orders of this name for exactly this robot ("" is everybody) and for one API, or "" for all."""
        self._orders = [
            fault
            for fault in self._orders
            if (fault.trouble, fault.robot) != (trouble, robot) or api not in {"", fault.api}
        ]

    def heal(self, api: str | None = None, robot: str = "") -> None:
        """Forget the orders for one API, or all; with a robot's name those for it alone."""
        self._orders = [
            fault for fault in self._orders if api not in {None, fault.api} or robot not in {"", fault.robot}
        ]

    def take(self, api: str, body: dict[str, Any], robot: str = "") -> Fault | None:
        """The trouble that this call has, if any."""
        for fault in self._orders:
            if not fault.concerns(api, body, robot):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._orders.remove(fault)
            return fault
        return None


class SlidingWindow:
    """Calls per second for each app and API, counted over the last second. A refused call is not counted: it was not
    executed (API limits, open.dingtalk.com)."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[float]] = {}

    def takes(self, robot: str, api: str, limit: int, now: float) -> bool:
        if not limit:
            return True
        calls = self._calls.setdefault((robot, api), deque())
        while calls and calls[0] <= now - 1.0:
            calls.popleft()
        if len(calls) >= limit:
            return False
        calls.append(now)
        return True
