"""A robot: one DingTalk app that this process serves. A value; it knows nothing of connections or cards."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Robot:
    """One robot: its credentials, the agent behind it, and its card template.

    `client_id` is the robot's name everywhere (logs, metrics, inbox). `endpoint` is the base URL of DingTalk's API,
    without a trailing slash.
    """

    client_id: str
    client_secret: str = field(repr=False)
    endpoint: str
    agent: str
    card_template: str
    card_content_key: str
