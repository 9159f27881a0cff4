"""Events of the organisation: pushed to whoever subscribed to them, and again until they are consumed.

Sources: DingTalk developerpedia, protocol.md, and event subscription (open.dingtalk.com). It knows no sockets; the
gateway carries its frames.
"""

import time
import uuid
from typing import Any

from actors.sandbox.cards import CORP
from actors.sandbox.gateway import Gateway
from actors.sandbox.records import Push
from actors.sandbox.rules import Rules

TOPIC = "*"


class Events:
    """What happens in the organisation."""

    def __init__(self, gateway: Gateway, rules: Rules) -> None:
        self._gateway = gateway
        self._rules = rules

    def happen(self, robot: str, event_type: str, data: dict[str, Any]) -> str:
        """Push an event; returns its `eventId`, which its repeats share."""
        event_id = uuid.uuid4().hex
        headers = {
            "eventType": event_type,
            "eventId": event_id,
            "eventCorpId": CORP,
            "eventBornTime": f"{time.time() * 1000:.0f}",
            "eventUnifiedAppId": str(uuid.uuid5(uuid.NAMESPACE_URL, robot)),
        }
        self._push(robot, headers, data, [self._rules.event_retry, self._rules.event_second_retry])
        return event_id

    def _push(self, robot: str, headers: dict[str, str], data: dict[str, Any], waits: list[float]) -> None:
        def again() -> None:
            self._push(robot, headers, data, waits[1:])

        def acked(push: Push) -> None:
            if waits and not _consumed(push):
                self._gateway.repeat_unless_acked(push, again, waits[0])

        push = self._gateway.push(robot, TOPIC, lambda _: data, headers["eventId"], acked, event=headers)
        if push and waits:
            self._gateway.repeat_unless_acked(push, again, waits[0])


def _consumed(push: Push) -> bool:
    """`{"status": "SUCCESS"}` says so and `LATER` says no. An answer of 200 with neither, as dingtalk_stream gives, is
    taken for the former; what the platform makes of it is not documented."""
    status = push.data.get("status") if isinstance(push.data, dict) else None
    return push.code == 200 and status != "LATER"  # noqa: PLR2004
