"""What can happen to a robot's Stream connection: each fault is a coroutine of its name, which has it happen and
returns when it is over.

A `Scene` is the robot of that name in a place with many. It knows nothing of what has to hold afterwards.
"""

import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from actors.sandbox.records import Call, Connection, Said
from tests.chaos.conftest import Place
from tests.chaos.promises import card_of

RESTARTS = 5
"""How often in a row a connection ends. The platform's patience with that is short: after 5 to 10 quick restarts a
robot was left without messages for 40 minutes."""

REFUSALS = 3
"""How often in a row the gateway answers badly."""


@dataclass
class Scene:
    """One robot, and its fault. `risked` are the questions that were on their way while it happened."""

    place: Place
    name: str
    risked: list[Said] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def robot(self) -> str:
        return self.place.robots[self.name]

    @property
    def lines(self) -> list[Connection]:
        """All connections that it ever had, oldest first."""
        return [connection for connection in self.place.sandbox.connections if connection.robot == self.robot]

    @property
    def opens(self) -> list[Call]:
        """Every time it asked for a ticket."""
        return [call for call in self.place.sandbox.calls if call.api == "open" and call.robot == self.robot]

    def ask(self, script: str = "3x0.01", *, sender: str = "", line: Connection | None = None) -> Said:
        """Somebody asks, by default somebody who never did, and on any connection."""
        number = next(self.numbers)
        sender = f"{self.name}-{sender or number}"
        self.place.sandbox.say(
            f"{self.name}{number} {script}", robot=self.robot, sender=sender, connection=line.id if line else None
        )
        return self.place.sandbox.said[-1]

    def risk(self, count: int = 1, *, line: Connection | None = None) -> None:
        """So many people ask, and the fault may swallow question or ack."""
        self.risked += [self.ask(line=line) for _ in range(count)]

    def again(self) -> None:
        """The platform pushes once more what has no ack."""
        for said in self.risked:
            if not said.acked:
                self.place.sandbox.say(said.text, robot=said.robot, sender=said.sender, message_id=said.id)

    def fail(self, api: str, times: int = REFUSALS, **how: Any) -> None:
        """Order trouble with this robot's `open` or `connect`."""
        self.place.sandbox.fail(api, times=times, match={"clientId": self.robot}, **how)

    async def line_after(self, known: int) -> Connection:
        """Wait for a live connection beyond those that were known."""
        found = await self.place.sandbox.until(
            lambda: next((line for line in self.lines[known:] if line.live), None), 90.0
        )
        assert found is not None
        return found

    async def tried(self, times: int) -> None:
        """Wait until it has asked for a ticket so often, all in all, and was answered the last time."""
        await self.place.sandbox.until(
            lambda: len(self.opens) >= times and self.opens[times - 1].seconds is not None, 90.0
        )

    async def answering(self) -> None:
        """Somebody asks; wait until the answer is under way."""
        began = self.ask("20x0.05", sender="slow")
        await self.place.sandbox.until(lambda: (card := card_of(self.place, began)) and len(card.versions) > 2, 60.0)


Fault = Callable[[Scene], Awaitable[None]]


# The connection ends


async def aborted(scene: Scene) -> None:
    """Again and again, as soon as it is there, with questions on the way."""
    for _ in range(RESTARTS):
        known = len(scene.lines)
        scene.risk(3)
        scene.place.sandbox.abort(scene.robot)
        await scene.line_after(known)


async def closed_with_1000(scene: Scene) -> None:
    """Again and again; the SDK opens the next one without a pause."""
    for _ in range(RESTARTS):
        known = len(scene.lines)
        scene.risk(3)
        await scene.place.sandbox.close(scene.robot, 1000)
        await scene.line_after(known)


async def closed_with_1011(scene: Scene) -> None:
    known = len(scene.lines)
    scene.risk(3)
    await scene.place.sandbox.close(scene.robot, 1011)
    await scene.line_after(known)


# It looks as if it were well


async def mute(scene: Scene) -> None:
    """Pings of the WebSocket are answered, and no frame comes."""
    await _impaired(scene, "mute")


async def dead(scene: Scene) -> None:
    """Nothing comes at all, and nobody closes."""
    await _impaired(scene, "dead")


async def _impaired(scene: Scene, how: str) -> None:
    sandbox, line = scene.place.sandbox, scene.lines[-1]
    await sandbox.until(lambda: sum(ping.connection == line.id and ping.acked for ping in sandbox.pings) >= 3, 30.0)
    known = len(scene.lines)
    sandbox.impair(scene.robot, how)
    scene.risk(3)
    await scene.line_after(known)
    sandbox.abort(scene.robot, line.id)  # now the platform notices too


async def deaf(scene: Scene) -> None:
    """The acks are lost, so that what was taken in comes again, and again."""
    sandbox = scene.place.sandbox
    sandbox.impair(scene.robot, "deaf")
    scene.risk(3)
    await sandbox.until(lambda: all(card_of(scene.place, said) for said in scene.risked), 30.0)
    scene.again()
    known = len(scene.lines)
    await sandbox.close(scene.robot, 1000)  # after what was said again
    await scene.line_after(known)


# It rolls


async def rolled_in_a_burst(scene: Scene) -> None:
    """What was pushed before is acked on the old connection, what comes after is taken in on the new one."""
    old = scene.lines[-1]
    burst = [scene.ask() for _ in range(10)]
    scene.place.sandbox.roll(scene.robot)
    await scene.line_after(len(scene.lines))
    await scene.place.sandbox.until(lambda: all(said.pushes[0].acked for said in burst), 30.0)
    assert {said.pushes[0].connection for said in burst} == {old.id}
    for _ in range(10):
        scene.ask()


async def rolled_while_connecting(scene: Scene) -> None:
    """The old one is cut while its successor is on its way, and this one rolls as soon as it is there, and so on."""
    for _ in range(3):
        known, asked = len(scene.lines), len(scene.opens)
        scene.fail("connect", 1, delay=0.2)
        scene.risk(2)
        scene.place.sandbox.roll(scene.robot)
        await scene.tried(asked + 1)
        scene.place.sandbox.abort(scene.robot)
        await scene.line_after(known)


# The gateway answers badly


def _answers(api: str, **how: Any) -> Fault:
    """Lose the connection; the next ones are answered so. What hangs, and what is wrong with a ticket, is over when
    there is another try."""
    tries = how.get("times", REFUSALS) + (api == "connect" or how.get("hang", False))

    async def fault(scene: Scene) -> None:
        asked = len(scene.opens)
        scene.fail(api, **how)
        scene.risk(1)
        scene.place.sandbox.abort(scene.robot)
        await scene.tried(asked + tries)

    return fault


HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>请稍候</h1></body></html>"
NOWHERE = {"endpoint": "ws://127.0.0.1:9/connect", "ticket": "t"}


# It carries what nobody understands


async def garbage(scene: Scene) -> None:
    """Each costs itself only: the connection stays."""
    await _among_questions(scene, GARBAGE)


async def unknown_topics(scene: Scene) -> None:
    await _among_questions(scene, UNKNOWN)


async def _among_questions(scene: Scene, frames: list[str | bytes]) -> None:
    asked = []
    for frame in frames:
        scene.place.sandbox.push_raw(scene.robot, frame)
        asked.append(scene.ask())
    await scene.place.sandbox.until(lambda: all(said.acked for said in asked), 30.0)
    assert len(scene.lines) == 1


async def five_megabytes(scene: Scene) -> None:
    """More than is read: it costs the connection, with what was on its way beside it."""
    known = len(scene.lines)
    scene.risk(5)
    scene.place.sandbox.push_raw(scene.robot, _frame("CALLBACK", "/v1.0/im/bot/messages/get", "x" * 5_000_000))
    scene.risk(5)
    await scene.line_after(known)


def _frame(kind: Any, topic: Any, data: Any, **more: Any) -> str:
    headers = {"topic": topic, "messageId": f"raw-{topic}", "contentType": "application/json", "time": "1700000000000"}
    frame = {"specVersion": "1.0", "type": kind, "headers": headers, "data": data}
    return json.dumps(frame | more, ensure_ascii=False)


GARBAGE: list[str | bytes] = [
    "",
    "{",
    "null",
    "[]" * 1000,
    "[" * 100_000,
    b"\xff\xfe\x00",
    b"\x80" * 100_000,
    _frame(7, None, []),
    _frame("CALLBACK", "/v1.0/im/bot/messages/get", "{"),
    _frame("CALLBACK", "/v1.0/im/bot/messages/get", "[]"),
    _frame("CALLBACK", "/v1.0/im/bot/messages/get", '{"msgtype": {"text": 1}, "msgId": null, "senderId": []}'),
    _frame("CALLBACK", "/v1.0/card/instances/callback", '{"outTrackId": 5, "content": "["}'),
    _frame("SYSTEM", "ping", "no opaque"),
    _frame("SYSTEM", "ping", "{}", headers=None),
    _frame("SYSTEM", "ping", "{}", headers={"topic": "ping", "messageId": {"a": 1}}),
]
UNKNOWN: list[str | bytes] = [
    _frame("SYSTEM", "CONNECTED", "{}"),
    _frame("SYSTEM", "KEEPALIVE", ""),
    _frame("CALLBACK", "/v1.0/im/bot/messages/delegate", "{}"),
    _frame("CALLBACK", "/v1.0/card/dynamicData/get", '{"data": "卡片"}'),
    _frame("CALLBACK", "", "{}"),
    _frame("EVENT", "*", '{"timeStamp": "1685501863357"}'),
    _frame("NEWS", "of/tomorrow", {"an": "object"}),
    _frame("EVENT", "*", json.dumps({"long": "x" * 3_000_000})),
]


QUICK: dict[str, Fault] = {
    "aborted": aborted,
    "closed_with_1000": closed_with_1000,
    "mute": mute,
    "rolled_in_a_burst": rolled_in_a_burst,
    "rolled_while_connecting": rolled_while_connecting,
    "open_401": _answers("open", status=401, code="authFailed", message="鉴权失败"),
    "open_html": _answers("open", status=200, body=HTML),
    "connect_expired": _answers("connect", status=400, code="invalidTicket"),
    "garbage": garbage,
    "unknown_topics": unknown_topics,
    "five_megabytes": five_megabytes,
    "deaf": deaf,
    "closed_with_1011": closed_with_1011,
    "open_400": _answers("open", status=400, code="systemError", message="系统错误"),
    "open_503": _answers("open", status=503),
    "open_502_html": _answers("open", status=502, body=HTML),
    "open_empty": _answers("open", status=200, body=""),
    "open_list": _answers("open", status=200, body="[1]"),
    "open_without_ticket": _answers("open", status=200, body={"endpoint": "ws://127.0.0.1:9"}),
    "open_nowhere": _answers("open", status=200, body=NOWHERE),
    "open_no_address": _answers("open", status=200, body={"endpoint": "http//:x:99999", "ticket": "t"}),
    "open_redirect": _answers("open", status=302, body=HTML),
    "open_reset": _answers("open", reset=True),
    "open_reset_after_its_effect": _answers("open", reset=True, applied=True),
    "connect_503": _answers("connect", status=503),
    "connect_html": _answers("connect", status=200, body=HTML),
    "connect_reset": _answers("connect", reset=True),
}
"""Those that are over within seconds, the most telling first."""

SLOW: dict[str, Fault] = {
    "dead": dead,
    "open_hangs": _answers("open", hang=True, times=1),
    "connect_hangs": _answers("connect", hang=True, times=1),
}
"""Those that are noticed after 10 to 40 s."""
