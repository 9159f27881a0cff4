"""What the doctor looks at, and what it finds: values, which know nothing of calls and nothing of how they are told."""

from enum import StrEnum

from actors.core.frozen import frozen


class Step(StrEnum):
    """The steps of a check-up, in their order. The names are for scripts."""

    SETTINGS = "settings"
    NETWORK = "network"
    WEBHOOK_HOST = "webhook_host"
    TOKEN = "token"  # noqa: S105 - a step's name
    STREAM = "stream"
    PING = "ping"
    CREATE = "create"
    STREAMING = "streaming"
    FINALIZE = "finalize"
    UPDATE = "update"
    MESSAGE = "message"
    PERMISSIONS = "permissions"
    HEARD = "heard"
    WEBHOOK = "webhook"
    CLICK = "click"


class State(StrEnum):
    """What became of a step."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@frozen
class Finding:
    """What became of one robot's step, and after how many seconds.

    `detail` is what was seen, or what DingTalk said, in one line and without secrets. `key` names the advice of a step
    that failed, or the reason of one that was skipped, in the catalogue; `about` is what that text is about: the
    permissions that are missing, the step that was needed.
    """

    robot: str
    step: Step
    state: State
    seconds: float = 0.0
    detail: str = ""
    key: str = ""
    about: str = ""


class Skip(Exception):
    """A step cannot be taken, and that is no fault. `key` names the reason in the catalogue."""

    def __init__(self, key: str, about: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.about = about


class Fail(Exception):
    """A step failed by the doctor's own judgement. `key` names the advice in the catalogue."""

    def __init__(self, key: str, detail: str = "", about: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.detail = detail
        self.about = about
