"""What an app is allowed: the scope that each API asks for, and which scopes a robot lacks.

Sources: the "permission" row of each API's page and "add API permissions" (open.dingtalk.com), and issue 20 of
dingtalk-stream-sdk-python for the refusal as it is.
"""

from actors.sandbox.replies import ApiError

SCOPES = {
    **dict.fromkeys(("create", "instance", "deliver", "update"), "Card.Instance.Write"),
    "streaming": "Card.Streaming.Write",
    **dict.fromkeys(("oto", "group", "download"), "qyapi_robot_sendmsg"),
    # Their pages only say that the permission is not given any more; this is the one of the robot's other messages.
    **dict.fromkeys(("standard", "standard_update"), "qyapi_robot_sendmsg"),
}
MOST = 1000
"""How many scopes may be revoked at once, of all robots together."""


class Permissions:
    """Every robot has every scope but those that were taken from it."""

    def __init__(self) -> None:
        self._revoked: set[tuple[str, str]] = set()

    def revoke(self, robot: str, scope: str) -> None:
        """Take a scope from a robot.

        Raises:
            ValueError: no API asks for such a scope, or too many are revoked already.
        """
        if scope not in SCOPES.values():
            raise ValueError(f"unknown scope {scope!r}: one of {', '.join(sorted(set(SCOPES.values())))}")
        if len(self._revoked) >= MOST:
            raise ValueError(f"{MOST} scopes are revoked: grant some first")
        self._revoked.add((robot, scope))

    def grant(self, robot: str, scope: str) -> None:
        """Give it back."""
        self._revoked.discard((robot, scope))

    def admit(self, robot: str, api: str) -> None:
        """Let a call pass.

        Raises:
            ApiError: the robot lacks the scope.
        """
        scope = SCOPES[api]
        if (robot, scope) in self._revoked:
            code, detail = "Forbidden.AccessDenied.AccessTokenPermissionDenied", {"requiredScopes": [scope]}
            raise ApiError(403, code, f"应用尚未开通所需的权限：[{scope}]", accessdenieddetail=detail)
