"""A robot: one DingTalk app that this process serves. A value; it knows nothing of connections or cards."""

from dataclasses import dataclass, field
from typing import Protocol


class Secret(Protocol):
    """A client secret where it is kept. It may be changed there while this process runs."""

    @property
    def value(self) -> str:
        """The secret as it was last seen."""
        ...

    def renew(self, refused: str) -> bool:
        """Whether there is another secret than this one, which was refused; looks where it is kept, and may block."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSecret:
    """A secret that stays what it is."""

    value: str = field(repr=False)

    def renew(self, refused: str) -> bool:
        """There is no other."""
        return False


@dataclass(frozen=True, slots=True)
class Robot:
    """One robot: its credentials, the agent behind it, and its card template.

    `client_id` is the robot's name everywhere (logs, metrics, inbox). `endpoint` is the base URL of DingTalk's API,
    without a trailing slash.
    """

    client_id: str
    client_secret: Secret = field(repr=False)
    endpoint: str
    agent: str
    card_template: str
    card_content_key: str
