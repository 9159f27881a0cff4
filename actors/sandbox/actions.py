"""What can be done to a sandbox by name, with arguments from JSON: one table, for the HTTP control and for scenarios.

An action is a method of `Sandbox`; its signature says what it takes and its docstring what it means.
"""

import base64
import binascii
import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from actors.sandbox import shapes
from actors.sandbox.rules import Rules, check
from actors.sandbox.shapes import Slot

if TYPE_CHECKING:
    from actors.sandbox.server import Sandbox


@dataclass(frozen=True)
class Told:
    """What became of what somebody said: its id, and whether it was pushed; lost if not, for no connection was up."""

    msgId: str  # noqa: N815 - the platform's own name
    delivered: bool


@dataclass(frozen=True)
class Action:
    """One action. `function` does it, `like` has its signature and docstring where that is another, `result` names what
    it returns, unless that is an object or nothing."""

    name: str
    function: Callable[..., Any]
    like: Callable[..., Any] | None = None
    result: str = ""

    @property
    def slots(self) -> dict[str, Slot]:
        """Its arguments."""
        return shapes.parameters(self.like or self.function)

    @property
    def help(self) -> str:
        return inspect.getdoc(self.like or self.function) or ""

    @property
    def answer(self) -> dict[str, Slot]:
        """The fields of its answer."""
        kind = get_type_hints(self.function)["return"]
        if is_dataclass(kind):
            return {name: Slot(slot.kind) for name, slot in shapes.object_slots(kind).items()}
        return {self.result: Slot(kind)} if self.result else {}

    def check(self, arguments: Any, where: str = "") -> dict[str, Any]:
        """The arguments, when they fit.

        Raises:
            ValueError: they do not; the message names the field, and `where` it stands.
        """
        return shapes.build_object(self.slots, arguments, where or self.name)

    async def act(self, arguments: Any) -> dict[str, Any]:
        """Do it.

        Raises:
            ValueError: the arguments are wrong; the message names them.
        """
        given = self.check(arguments)
        try:
            outcome = self.function(**given)
            if inspect.isawaitable(outcome):
                outcome = await outcome
        except KeyError as missing:
            raise ValueError(f"{self.name}: nothing here has the name {missing}") from missing
        except ValueError as problem:
            raise ValueError(f"{self.name}: {problem}") from problem
        if is_dataclass(outcome) and not isinstance(outcome, type):
            return asdict(outcome)
        return {self.result: outcome} if self.result else {}


class Actions:
    """All actions of one sandbox, by name."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self.known: dict[str, Action] = {}
        self.add(
            Action("say", self._say, sandbox.say),
            Action("attach", self._attach, result="downloadCode"),
            Action("chat_id", sandbox.chat_id, result="id"),
            Action("event", sandbox.event, result="eventId"),
            Action("click", sandbox.click, result="delivered"),
            Action("push_raw", sandbox.push_raw, result="delivered"),
            Action("roll", sandbox.roll, result="connections"),
            Action("abort", sandbox.abort, result="connections"),
            Action("impair", sandbox.impair, result="connections"),
            Action("close", sandbox.close, result="connections"),
            Action("fail", sandbox.fail),
            Action("heal", sandbox.heal),
            Action("switch", sandbox.switch, result="on"),
            Action("expire_tokens", sandbox.expire_tokens),
            Action("begin_month", sandbox.begin_month),
            Action("revoke", sandbox.revoke),
            Action("grant", sandbox.grant),
            Action("withdraw", sandbox.withdraw),
            Action("publish", sandbox.publish),
            Action("rules", self._rules, Rules),
        )

    def add(self, *actions: Action) -> None:
        """Make further actions known."""
        self.known |= {action.name: action for action in actions}

    def find(self, name: str) -> Action:
        """The action of this name.

        Raises:
            ValueError: there is none.
        """
        if name not in self.known:
            raise ValueError(f"there is no action {name!r}: one of {', '.join(sorted(self.known))}")
        return self.known[name]

    def _say(self, robot: str, **what: Any) -> Told:
        message_id = self._sandbox.say(robot=robot, **what)
        return Told(message_id, self._sandbox.find_said(message_id, robot).delivered)

    def _attach(self, data: str, name: str, kind: str = "application/octet-stream") -> str:
        """A person attaches a file; returns its download code, for the `content` of what they `say`. `data` is base64,
        `kind` the media type that it is served with."""
        try:
            return self._sandbox.attach(base64.b64decode(data, validate=True), name, kind)
        except binascii.Error as problem:
            raise ValueError(f"data is not base64: {problem}") from problem

    def _rules(self, **changes: Any) -> Rules:
        for name, value in changes.items():
            check(name, value)
        for name, value in changes.items():
            setattr(self._sandbox.rules, name, value)
        return self._sandbox.rules
