"""A message that comes twice is one question, whenever and wherever it comes again: it is answered once, and every copy
is acked.

Each case has a person of its own; all are served by one process with two connections for each robot.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actors.sandbox.records import Connection, Push, Said
from tests.actors.endings import ending
from tests.chaos.cast import RUNS
from tests.chaos.conftest import Place, Running, placed, some
from tests.chaos.promises import SETTINGS, Allowed, card_of, kept

SERVED = SETTINGS | {"STREAM_CONNECTIONS": "2", "STREAM_RETRY_MAX": "0.2", "SHUTDOWN_GRACE": "0.2"}

LONG, SHORT = "20x0.05", "3x0.01"


@dataclass
class Teller:
    """Somebody whose questions come again, as `copies`; `kind` is the robot's."""

    place: Place
    name: str
    kind: str = "public"
    asked: list[Said] = field(default_factory=list)
    copies: list[Push] = field(default_factory=list)

    @property
    def robot(self) -> str:
        return self.place.robots[self.kind]

    @property
    def lines(self) -> list[Connection]:
        """The robot's connections."""
        return [line for line in self.place.sandbox.connections if line.robot == self.robot and line.live]

    def ask(self, script: str = SHORT, line: Connection | None = None) -> Said:
        """A new question, on one connection: over two the platform promises no order."""
        self._say(f"{self.name}{len(self.asked) + 1} {script}", None, line or self.lines[0])
        self.asked.append(self.place.sandbox.said[-1])
        return self.asked[-1]

    def again(self, said: Said, line: Connection | None = None) -> None:
        """The same once more, on any connection."""
        self._say(said.text, said.id, line)
        self.copies.append(said.pushes[-1])

    def _say(self, text: str, message_id: str | None, line: Connection | None) -> None:
        connection = line.id if line else None
        self.place.sandbox.say(text, robot=self.robot, sender=self.name, message_id=message_id, connection=connection)

    async def running(self, said: Said) -> None:
        """Wait until the answer is under way."""
        await self.place.sandbox.until(lambda: (card := card_of(self.place, said)) and len(card.versions) > 2, 60.0)

    async def answered(self, said: Said) -> None:
        """Wait until it is over."""
        await self.place.sandbox.until(lambda: (card := card_of(self.place, said)) and ending(card) == "answered", 60.0)


Case = Callable[[Teller], Awaitable[None]]


async def at_once(teller: Teller) -> None:
    asked = teller.ask()
    for _ in range(5):
        teller.again(asked)


async def while_the_first_is_running(teller: Teller) -> None:
    asked = teller.ask(LONG)
    await teller.running(asked)
    teller.again(asked)


async def after_the_answer(teller: Teller) -> None:
    asked = teller.ask()
    await teller.answered(asked)
    teller.again(asked)
    teller.ask()


async def while_it_stands_in_line(teller: Teller) -> None:
    first, second = teller.ask(LONG), teller.ask()
    await teller.running(first)
    teller.again(second)
    teller.ask()
    teller.again(second)


async def on_the_other_connection(teller: Teller) -> None:
    one, other = teller.lines
    asked = teller.ask(LONG, one)
    await teller.running(asked)
    teller.again(asked, other)


async def from_both_connections_in_the_same_instant(teller: Teller) -> None:
    one, other = teller.lines
    for _ in range(20):
        teller.again(teller.ask(line=one), other)


async def in_another_order(teller: Teller) -> None:
    """What was asked first is first, whatever comes again first."""
    line = teller.lines[0]
    asked = [teller.ask(line=line) for _ in range(4)]
    for said in reversed(asked):
        teller.again(said, line)


async def after_16_seconds(teller: Teller) -> None:
    await _because_the_ack_was_lost(teller, 0.16)


async def after_60_seconds(teller: Teller) -> None:
    await _because_the_ack_was_lost(teller, 0.6)


async def _because_the_ack_was_lost(teller: Teller, after: float) -> None:
    """The platform does as it was seen to do, a hundred times as fast: it pushes again, once."""
    sandbox, old = teller.place.sandbox, [line.id for line in teller.lines]
    sandbox.impair(teller.robot, "deaf")
    usual, sandbox.rules.redelivery_after = sandbox.rules.redelivery_after, after
    asked = [teller.ask(script) for script in (SHORT, LONG, SHORT)]
    sandbox.rules.redelivery_after = usual
    await sandbox.until(lambda: all(len(said.pushes) == 2 for said in asked), 30.0)
    await teller.answered(asked[-1])
    sandbox.abort(teller.robot)
    await sandbox.until(lambda: len(teller.lines) == 2 and not set(old) & {line.id for line in teller.lines}, 30.0)
    for said in asked:
        teller.again(said)


CASES = {
    at_once: "public",
    while_the_first_is_running: "public",
    after_the_answer: "public",
    while_it_stands_in_line: "public",
    on_the_other_connection: "public",
    from_both_connections_in_the_same_instant: "public",
    in_another_order: "public",
    after_16_seconds: "deaf",
    after_60_seconds: "deafer",
}
"""Each with its robot."""


async def two_lines(place: Place) -> Running:
    """Start a service and wait for both connections."""
    running = await place.serve(**SERVED)
    await place.sandbox.until(lambda: all(place.sandbox.online(robot) == 2 for robot in place.robots.values()), 30.0)
    return running


async def test_a_copy_is_acked_and_answered_no_second_time(tmp_path: Path) -> None:
    async with placed(tmp_path, *dict.fromkeys(CASES.values())) as place:
        await two_lines(place)
        tellers = {case: Teller(place, case.__name__, robot) for case, robot in CASES.items()}
        for robot in place.robots.values():  # the same id at several robots is a question to each
            place.sandbox.say("大家 3x0.01", robot=robot, sender="zhang", group="群", message_id="msgOfAll==")
        await place.sandbox.until(lambda: all(said.acked for said in place.sandbox.said), 30.0)
        await asyncio.gather(*(case(teller) for case, teller in tellers.items()))
        copies = [copy for teller in tellers.values() for copy in teller.copies]
        await place.sandbox.until(lambda: all(copy.acked for copy in copies), 60.0)
        await kept(place, Allowed(tries=len(place.robots)))
        assert {copy.code for copy in copies} == {200}
        asked = {(said.robot, said.id) for said in place.sandbox.said}
        assert len(place.sandbox.cards) == len(asked)
        assert len((place.folder / RUNS).read_text("utf-8").splitlines()) == len(asked)


# Over a restart


@pytest.mark.parametrize("signal_", some([signal.SIGKILL, signal.SIGTERM]))
async def test_what_comes_again_after_a_restart_is_answered_once(place: Place, signal_: signal.Signals) -> None:
    """Of what was answered before it, was running, stood in line, and was still on its way."""
    service = await two_lines(place)
    done, busy = Teller(place, "done"), Teller(place, "busy")
    crowd = [Teller(place, f"crowd{number}-") for number in range(20)]
    for said in (done.ask(), done.ask()):
        await done.answered(said)
    first, *_ = [busy.ask(LONG), busy.ask(), busy.ask()]
    await busy.running(first)
    for teller in crowd:
        teller.ask()
    service.kill(signal_)
    await service.ended()
    await two_lines(place)
    tellers = [done, busy, *crowd]
    for teller in tellers:
        for said in teller.asked:
            teller.again(said)
            teller.again(said)
    await place.sandbox.until(lambda: all(copy.acked for teller in tellers for copy in teller.copies), 60.0)
    await kept(place, Allowed(deaths=1))
