"""The exceptions of this package. Their class says whose fault it is and what to do.

    ServiceError
    ├── SettingsError        the operator's: named in full before anything starts, exit code 2
    ├── Trouble              the outside world's: expected, retried with backoff, never a crash
    │   ├── ConnectionTrouble    a Stream connection could not be had or was lost
    │   ├── CallFailed           an OpenAPI or webhook call failed
    │   └── AgentFailed          the agent did not answer
    └── InboxError           the store's
        ├── InboxUnavailable     it does not take writes now
        └── LeaseLost            another holder has the question: write nothing, touch no card

Anything else that escapes is a bug, and counts as a crash of the actor it escaped from.
"""

from enum import StrEnum
from typing import Literal


class ServiceError(Exception):
    """Base of everything this package raises on purpose."""


class SettingsError(ServiceError):
    """The environment is wrong. `problems` has one line for each fault, naming the variable and what to do."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Trouble(ServiceError):
    """Expected trouble outside this process."""


ConnectionReason = Literal["refused", "unavailable", "unreachable", "lost", "closed", "silent"]
"""Why a Stream connection ended; a metric label."""


class ConnectionTrouble(Trouble):
    """A Stream connection ended.

    `refused` (credentials) · `unavailable` (the gateway answered with an error) · `unreachable` (no answer) ·
    `lost` (aborted) · `closed` (closed without a word) · `silent` (no frame for too long).
    `fault` is what the gateway's answer means, where it gave one.
    """

    def __init__(self, reason: ConnectionReason, detail: str, fault: "Fault | None" = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.fault = fault


class Fault(StrEnum):
    """Why a call failed, by DingTalk's code rather than by HTTP status (a 403 may mean "too fast")."""

    THROTTLED = "throttled"
    QUOTA = "quota"
    PERMISSION = "permission"
    TEMPLATE = "template"
    CREDENTIALS = "credentials"
    TRANSIENT = "transient"
    TOO_LARGE = "too_large"
    CARD_EXISTS = "card_exists"
    REJECTED = "rejected"


PASSING = frozenset({Fault.TRANSIENT, Fault.THROTTLED})
"""Faults after which the same call may work, and after which nobody knows whether it did."""


class CallFailed(Trouble):
    """A call to DingTalk failed for good: its retries are used up, or another try cannot help. `maybe_done` says that
    it may have been done all the same, by a try whose answer was lost."""

    def __init__(self, api: str, fault: Fault, status: int, code: str, message: str) -> None:
        super().__init__(f"{api}: {fault} (HTTP {status}, {code or 'no code'}: {message})")
        self.api = api
        self.fault = fault
        self.status = status
        self.code = code
        self.message = message
        self.maybe_done = fault in PASSING


AgentReason = Literal[
    "error",
    "unreachable",
    "connect_timeout",
    "refused",
    "throttled",
    "rejected",
    "unavailable",
    "first_token_timeout",
    "idle_timeout",
    "timeout",
    "truncated",
    "empty",
]
"""Why an agent did not answer; a metric label."""


class AgentFailed(Trouble):
    """The agent did not answer.

    Its back end: `unreachable` · `connect_timeout` · `refused` (the key, or the right to use it) · `throttled` ·
    `rejected` (this question, or what is asked for) · `unavailable` (it has trouble of its own) · `error` (anything
    else). Its answer: `first_token_timeout` · `idle_timeout` · `timeout` · `truncated` (no end was seen) · `empty`.
    `retryable` says whether another try may help, as long as no text has come; `retry_after` is how many seconds the
    back end wants to be left alone before. `detail` is for the operator, and quotes nobody.
    """

    def __init__(
        self, reason: str, detail: str = "", *, retryable: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.retryable = retryable
        self.retry_after = retry_after


class InboxError(ServiceError):
    """The store of questions failed."""


class InboxUnavailable(InboxError):
    """The inbox does not take writes now (disk full, file gone, database away). `reason` is why, where the message says
    which inbox it is, too."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class LeaseLost(InboxError):
    """This holder's attempt is over: another holder has the question, or it is closed."""
