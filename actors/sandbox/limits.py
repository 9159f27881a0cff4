"""What calls may cost: an app's calls per second, the organisation's quota of a month, the calls of one address.

Sources: API limits and "how calls are counted" (open.dingtalk.com). It counts and refuses; the API asks it.
"""

from collections import deque

from actors.sandbox.faults import SlidingWindow
from actors.sandbox.replies import ApiError, Reply
from actors.sandbox.rules import Rules
from actors.sandbox.world import World

ADDRESS_WINDOW = 20.0
BANNED = "<!DOCTYPE html><html><head><title>403</title></head><body>您的访问过于频繁，请稍后再试。</body></html>"


class Limits:
    """The counters."""

    def __init__(self, world: World, rules: Rules) -> None:
        self._world = world
        self._rules = rules
        self._window = SlidingWindow()
        self._addresses: dict[str, deque[float]] = {}
        self._banned: dict[str, float] = {}

    def admit(self, robot: str, api: str, now: float) -> None:
        """Let a call pass, and count it. One that is refused for its frequency is not counted.

        Raises:
            ApiError: there were too many this second, or this month.
        """
        if not self._window.takes(robot, api, self._rules.calls_per_second, now):
            raise ApiError(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", "应用调用该接口的频率超过上限")
        if 0 < self._rules.calls_per_month <= self._world.counted["calls"]:
            raise ApiError(403, "Forbidden.AccessDenied.ApiCountLimitForOrg", "企业调用接口的次数超过上限")
        self._world.counted["calls"] += 1

    def refuse_address(self, address: str, now: float) -> Reply | None:
        """The page that everybody behind an address gets once too many calls came from it; no JSON."""
        if not self._rules.calls_per_address:
            return None
        calls = self._addresses.setdefault(address, deque())
        while calls and calls[0] <= now - ADDRESS_WINDOW:
            calls.popleft()
        calls.append(now)
        if self._rules.calls_per_address < len(calls):
            self._banned[address] = now + self._rules.address_ban
            calls.clear()
        return Reply(403, BANNED) if now < self._banned.get(address, now) else None
