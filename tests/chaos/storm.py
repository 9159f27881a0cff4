"""Storms: everything of a plan happens to one real service, with every kind of card, and all promises are kept.

`python -m tests.chaos.storm SEED [SECONDS]` plays the storm of a seed, and tells what is broken; the suite plays one.
`--save FILE` writes it to a file, which may be shortened by hand, and is played if it is named in place of a seed.
"""

import argparse
import asyncio
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from actors.agents import Event, Question
from actors.core.card import button_id, card_id
from actors.sandbox.actions import Action
from actors.sandbox.records import Card, Said
from actors.sandbox.scenario import Scenario
from actors.sandbox.server import Sandbox
from tests.actors.cast import ASKED
from tests.actors.endings import ending
from tests.chaos.cast import faithful
from tests.chaos.conftest import KINDS, Place, Running, placed
from tests.chaos.footprint import Footprint, footprint, returned
from tests.chaos.plans import Weather, deaths, ends, plan, questions, unsure
from tests.chaos.promises import SETTINGS, Allowed, accepted, card_of, kept

Deed = Callable[..., Coroutine[Any, Any, None]]

TRIES = 2
STORMY = {
    **SETTINGS,
    "AGENT": "python:tests.chaos.storm:forgetful",
    "AGENT_RETRY_ATTEMPTS": str(TRIES),
    "AGENT_RETRY_INITIAL": "0.1",
    "AGENT_RETRY_JITTER": "0",
    "AGENT_IDLE_TIMEOUT": "2",
    "CONVERSATION_IDLE": "1",
    "INBOX_MAX_ATTEMPTS": "1000",
    "OPENAPI_RETRY_ATTEMPTS": "8",
    "OPENAPI_RETRY_INITIAL": "0.1",
    "OPENAPI_RETRY_MAX": "1",
    "OPENAPI_TIMEOUT": "2",
    "SHUTDOWN_GRACE": "0.5",
    "STREAM_RETRY_MAX": "1",
    "STREAM_RETRY_RESET_AFTER": "2",
}
"""Waits are short, and nobody gives up before the fault is over: then every question has a whole answer."""


async def forgetful(question: Question) -> AsyncIterator[str | Event]:
    """`faithful`, who does not remember what it was asked, so that it takes no memory from the service."""
    try:
        async for piece in faithful(question):
            yield piece
    finally:
        ASKED.clear()


@dataclass
class Storm:
    """A service in a storm, and what became of it. `before` is what the process held after its first answers; `came`
    are the seconds that each process took to connect all its robots."""

    place: Place
    running: Running
    before: Footprint
    came: list[float] = field(default_factory=list)
    _dying: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def play(self, planned: Scenario) -> None:
        """Let everything happen in its time, then let the trouble end."""
        await played(self.place, planned, kill=self._kill, drain=self._drain)

    async def _kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def _drain(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        async with self._dying:
            self.running.kill(how)
            await self.running.ended()
            began, here = time.monotonic(), len(self.place.sandbox.connections)
            self.running = await self.place.run(**STORMY)
            with suppress(TimeoutError):  # the storm may keep it away; in the end it has to be there
                await self.place.sandbox.until(lambda: self._connected(here), 10.0)
                self.came.append(time.monotonic() - began)

    def _connected(self, since: int) -> bool:
        new = {connection.robot for connection in self.place.sandbox.connections[since:]}
        return new >= set(self.place.robots.values())


async def played(place: Place, planned: Scenario, **befalls: Deed) -> None:
    """Let everything of a plan happen in its time, then let the trouble end. `befalls` are its words beside the
    platform's and `press`; while one of them takes its time, the storm goes on."""
    sandbox = place.sandbox

    def press(sender: str, buttons: list[str], pick: float) -> None:
        _press(sandbox, sender, buttons, pick)

    async with asyncio.TaskGroup() as tasks:

        def begin(deed: Deed, **arguments: Any) -> None:
            tasks.create_task(deed(**arguments))

        deeds = [Action(name, partial(begin, deed), like=deed) for name, deed in befalls.items()]
        sandbox.actions.add(Action("press", press), *deeds)
        play = sandbox.scenarios.play(planned)
        await sandbox.until(lambda: play.over, planned.seconds + 30.0)
    sandbox.heal()
    assert (play.done, play.problems) == (len(planned.happenings), [])


def _press(sandbox: Sandbox, sender: str, buttons: list[str], pick: float) -> None:
    """Press one of these buttons on one of the person's cards that have it, if there is any; `pick` in [0, 1)
    chooses."""
    shown: list[tuple[Card, str]] = []
    for said in sandbox.said:
        if said.sender == sender and (card := sandbox.cards.get(card_id(said.robot, said.id))):
            wanted = {spelled for button in buttons for spelled in (button, button_id(button, said.id))}
            shown += [(card, each["id"]) for each in card.buttons() if each["id"] in wanted]
    if shown:
        card, button = shown[int(pick * len(shown))]
        sandbox.click(card.id, button, sender)


def allowed(planned: Scenario) -> Allowed:
    """What a plan makes allowable."""
    died = deaths(planned)
    return Allowed(
        deaths=died,
        tries=TRIES,
        ends=frozenset({"answered", "stopped", "failed"}),
        messages=2 + died,  # once more for each process that died, and where a call was taken, and its repeat refused
        unacked=unsure(planned),
    )


def unfair(place: Place, planned: Scenario, may_fail: Callable[[Said], bool] = lambda _: False) -> list[str]:
    """Questions whose card ended as it may for others, but not for them: failed by an agent that does not fail, or
    stopped for somebody who stops nothing. `may_fail` tells of which an agent may have failed all the same."""
    may = {each.arguments["text"]: ends(each) for each in questions(planned)}
    over = [(said, card) for said in accepted(place) if said.text in may and (card := card_of(place, said))]
    return [
        f"{said.text}: its card is {how}, and may be {' or '.join(sorted(may[said.text]))}"
        for said, card in over
        if (how := ending(card)) in {"answered", "failed", "stopped"} - may[said.text]
        and not (how == "failed" and may_fail(said))
    ]


async def began(place: Place) -> Storm:
    """Start a service, and wait for an answer by each robot: then it has what it needs."""
    running = await place.serve(**STORMY)
    for kind in KINDS:
        place.ask(f"始{kind}", kind=kind)
    await kept(place)
    return Storm(place, running, footprint(running))


async def weathered(place: Place, planned: Scenario) -> Storm:
    """Play a storm to its end, and see that all promises are kept."""
    storm = await began(place)
    await storm.play(planned)
    await kept(place, allowed(planned), within=90.0)
    assert unfair(place, planned) == []
    await returned(place, storm.running, storm.before)
    return storm


async def main(planned: Scenario) -> None:
    """Play one storm, and tell of it."""
    count = len(planned.happenings)
    print(f"{planned.name}: {count} happenings in {planned.seconds:.1f} s, {deaths(planned)} deaths", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        async with placed(Path(folder), *KINDS) as place:
            storm = await weathered(place, planned)
            print(f"{len(accepted(place))} questions kept, back after {storm.came}, {footprint(storm.running)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("storm", metavar="SEED|FILE")
    parser.add_argument("seconds", metavar="SECONDS", nargs="?", type=float, default=10.0)
    parser.add_argument("--save", metavar="FILE", type=Path)
    given = parser.parse_args()
    weather = Weather(seconds=given.seconds, deaths_until=0.8 * given.seconds)
    storm = plan(int(given.storm), weather) if given.storm.isdecimal() else Scenario.read(Path(given.storm))
    if given.save:
        storm.write(given.save)
    asyncio.run(main(storm))
