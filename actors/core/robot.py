"""A robot: one DingTalk app that this process serves, or cannot serve. Values; they know nothing of cards."""

from dataclasses import field, replace
from enum import StrEnum
from typing import Protocol

from actors.core.frozen import frozen


class Secret(Protocol):
    """A client secret where it is kept. It may be changed there while this process runs."""

    @property
    def value(self) -> str:
        """The secret as it was last seen."""
        ...

    def renew(self, refused: str) -> bool:
        """Whether there is another secret than this one, which was refused; looks where it is kept, and may block."""
        ...


@frozen
class FixedSecret:
    """A secret that stays what it is."""

    value: str = field(repr=False)

    def renew(self, refused: str) -> bool:
        """There is no other."""
        return False


@frozen
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

    def has_credentials_of(self, other: "Robot") -> bool:
        """Whether both are the same app to DingTalk, by the same secret and at the same place."""
        mine, others = ((one.client_id, one.client_secret, one.endpoint) for one in (self, other))
        return mine == others

    def is_served_like(self, other: "Robot") -> bool:
        """Whether they differ in nothing but their agents."""
        return replace(self, agent="") == replace(other, agent="")


class Cause(StrEnum):
    """Why a robot is parked; a metric's label."""

    UNREADABLE = "unreadable"
    """A file of its element is missing, or is not what it has to be."""
    SETTINGS = "settings"
    """A key of its configuration is missing or wrong."""
    DUPLICATE = "duplicate"
    """Another robot is the same app."""
    AGENT = "agent"
    """Its agent cannot be had."""
    CRASHED = "crashed"
    """Its connections crashed too often."""


@frozen
class Parked:
    """A robot that is configured and not served, because its configuration is broken.

    `robot` names it in metrics: its client id, or else the full name of its element (`imRobots.demo`), where the client
    id is not known or is served as another robot. `element` is empty for the environment's robot, `agent` where it is
    not known. `problems` has one line for each fault, naming the place and what to do.
    """

    robot: str
    element: str
    agent: str
    cause: Cause
    problems: tuple[str, ...]
