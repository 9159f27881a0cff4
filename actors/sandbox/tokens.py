"""Access tokens: who has one, for how long, and the two ways to ask for it.

Source: obtain the access token of an internal app (open.dingtalk.com), in its present and in its former form. It knows
no HTTP.
"""

import time
import uuid

from actors.sandbox.replies import ApiError, Reply, errcode
from actors.sandbox.rules import Rules
from actors.sandbox.world import World


class Tokens:
    """The tokens of all robots."""

    def __init__(self, world: World, rules: Rules) -> None:
        self._world = world
        self._rules = rules
        self._granted: dict[str, tuple[str, float]] = {}

    def grant(self, robot: str, secret: str) -> Reply:
        """`POST /v1.0/oauth2/accessToken`."""
        if not self._world.admit(robot, secret):
            raise ApiError(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        return Reply(200, {"accessToken": self._of(robot), "expireIn": int(self._rules.token_life)})

    def grant_formerly(self, robot: str, secret: str) -> Reply:
        """`GET /gettoken`, which dingtalk-stream-sdk-nodejs calls: always HTTP 200, the errcode tells. The token is the
        same one: both stand for the app."""
        if not self._world.admit(robot, secret):
            return errcode(40089, "不合法的corpid或corpsecret")
        return errcode(0, "ok", access_token=self._of(robot), expires_in=int(self._rules.token_life))

    def owner(self, token: str) -> str:
        """The robot that a token was given to, "" once its life is over."""
        robot, until = self._granted.get(token, ("", 0.0))
        return robot if time.monotonic() < until else ""

    def expire(self, robot: str = "") -> None:
        """Make every token invalid, or a robot's alone."""
        self._granted = {token: grant for token, grant in self._granted.items() if robot not in {"", grant[0]}}

    def _of(self, robot: str) -> str:
        now = time.monotonic()
        self._granted = {token: grant for token, grant in self._granted.items() if grant[1] > now}
        # Within its life the same token comes again and is renewed.
        token = next((token for token, (owner, _) in self._granted.items() if owner == robot), uuid.uuid4().hex)
        self._granted[token] = (robot, now + self._rules.token_life)
        return token
