"""A message that comes twice is one question, whenever and wherever it comes again: it is answered once, and every copy
is acked.

Each case has a person of its own (or ten); all are served by one process with two connections to each robot.
"""

import asyncio
import itertools
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actors.sandbox.records import Connection, Said
from tests.actors.endings import ending
from tests.chaos.conftest import Place, Running, placed, some
from tests.chaos.promises import SETTINGS, Allowed, card_of, kept

SERVED = SETTINGS | {"STREAM_CONNECTIONS": "2", "STREAM_RETRY_MAX": "0.2", "SHUTDOWN_GRACE": "0.2"}

LONG, SHORT = "20x0.05", "3x0.01"


@dataclass
class Teller:
    """Somebody whose questions come again. `said` are all copies of all of them."""

    place: Place
    name: str
    said: list[Said] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def lines(self) -> list[Connection]:
        """The robot's connections."""
        return [line for line in self.place.sandbox.connections if line.robot == self.place.robot and line.live]

    def ask(self, script: str = SHORT, line: Connection | None = None) -> Said:
        """A new question, on one connection: over two the platform promises no order."""
        return self._say(f"{self.name}{next(self.numbers)} {script}", None, line or self.lines[0])

    def again(self, said: Said, line: Connection | None = None) -> Said:
        """The same once more, on any connection."""
        return self._say(said.text, said.id, line)

    def _say(self, text: str, message_id: str | None, line: Connection | None) -> Said:
        connection = line.id if line else None
        self.place.sandbox.say(
            text, robot=self.place.robot, sender=self.name, message_id=message_id, connection=connection
        )
        self.said.append(self.place.sandbox.said[-1])
        return self.said[-1]

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
    asked = [teller.ask() for _ in range(4)]
    for said in reversed(asked):
        teller.again(said)


CASES = (
    at_once,
    while_the_first_is_running,
    after_the_answer,
    while_it_stands_in_line,
    on_the_other_connection,
    from_both_connections_in_the_same_instant,
    in_another_order,
)


@pytest.fixture
async def service(place: Place) -> Running:
    """The process, with both connections."""
    return await two_lines(place)


async def two_lines(place: Place) -> Running:
    """Start a service and wait for both connections."""
    running = await place.serve(**SERVED)
    await place.sandbox.until(lambda: all(place.sandbox.online(robot) == 2 for robot in place.robots.values()), 30.0)
    return running


@pytest.mark.usefixtures("service")
async def test_a_copy_is_acked_and_answered_no_second_time(place: Place) -> None:
    tellers = {case: Teller(place, case.__name__) for case in CASES}
    await asyncio.gather(*(case(teller) for case, teller in tellers.items()))
    copies = [said for teller in tellers.values() for said in teller.said]
    await place.sandbox.until(lambda: all(said.acked for said in copies), 60.0)
    await kept(place)
    assert {said.pushes[0].code for said in copies} == {200}


@pytest.mark.parametrize("after", [0.16, 0.6], ids=["16 s", "60 s"])
async def test_what_the_platform_pushes_again_because_the_ack_was_lost_is_answered_once(
    place: Place, service: Running, after: float
) -> None:
    """A hundred times as fast as it was seen to do it."""
    place.sandbox.rules.redelivery_after = after
    teller = Teller(place, "deaf")
    lines = teller.lines
    for line in lines:
        place.sandbox.impair(place.robot, "deaf", line.id)
    asked = [teller.ask(script) for script in (SHORT, LONG, SHORT)]
    await place.sandbox.until(lambda: all(len(said.pushes) == 2 for said in asked), 30.0)
    for line in lines:
        place.sandbox.abort(place.robot, line.id)
    await place.sandbox.until(lambda: place.sandbox.online(place.robot) == 2, 30.0)
    for said in asked:
        teller.again(said)
    await kept(place)


async def test_the_same_id_at_two_robots_is_two_questions(tmp_path: Path) -> None:
    async with placed(tmp_path, "one", "other") as place:
        await two_lines(place)
        for robot in place.robots.values():
            place.sandbox.say("大家 3x0.01", robot=robot, sender="zhang", group="群", message_id="msgOfBoth==")
        await kept(place, Allowed(tries=2))
        assert len(place.sandbox.cards) == 2


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
    copies = [teller.again(said) for teller in (done, busy, *crowd) for said in list(teller.said) for _ in range(2)]
    await place.sandbox.until(lambda: all(said.acked for said in copies), 60.0)
    await kept(place, Allowed(deaths=1))
