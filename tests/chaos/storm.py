"""Storms: everything of a plan happens to one real service, with every kind of card, and all promises are kept.

`python -m tests.chaos.storm SEED [SECONDS]` plays the storm of a seed, and tells what is broken; the suite plays one.
"""

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from actors.agents import Event, Question
from actors.core import texts
from actors.core.card import STOP, button_id, card_id
from actors.sandbox.records import Card
from tests.actors.cast import ASKED
from tests.actors.endings import ending
from tests.chaos.cast import faithful
from tests.chaos.conftest import KINDS, Place, Running, placed
from tests.chaos.footprint import Footprint, footprint, returned
from tests.chaos.plans import Deed, Weather, deaths, ends, happening, plan, scenarios, unsure
from tests.chaos.promises import SETTINGS, Allowed, accepted, card_of, kept

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

    async def play(self, planned: list[Deed]) -> None:
        """Let everything happen in its time, then let the trouble end."""
        sandbox, began = self.place.sandbox, time.monotonic()
        plays = [sandbox.scenarios.play(scenario) for scenario in scenarios(planned, self.place.robots)]
        async with asyncio.TaskGroup() as tasks:
            for deed in planned:
                if happening(deed, self.place.robots) is None:
                    await asyncio.sleep(began + deed.at - time.monotonic())
                    self._do(deed, tasks)
        await sandbox.until(lambda: all(play.over for play in plays), 30.0)
        assert [problem for play in plays for problem in play.problems] == []
        sandbox.heal()

    def _do(self, deed: Deed, tasks: asyncio.TaskGroup) -> None:
        match deed.what:
            case "press":
                self._press(deed, [STOP])
            case "rate":
                self._press(deed, list(texts.RATINGS))
            case "kill" | "drain":
                tasks.create_task(self._end(deed))

    async def _end(self, deed: Deed) -> None:
        async with self._dying:
            self.running.kill(signal.SIGKILL if deed.what == "kill" else signal.SIGTERM)
            await self.running.ended()
            began, here = time.monotonic(), len(self.place.sandbox.connections)
            self.running = await self.place.run(**STORMY)
            with suppress(TimeoutError):  # the storm may keep it away; in the end it has to be there
                await self.place.sandbox.until(lambda: self._connected(here), 10.0)
                self.came.append(time.monotonic() - began)

    def _connected(self, since: int) -> bool:
        new = {connection.robot for connection in self.place.sandbox.connections[since:]}
        return new >= set(self.place.robots.values())

    def _press(self, deed: Deed, buttons: list[str]) -> None:
        """Press one of these buttons on one of the person's cards that have it, if there is any."""
        shown: list[tuple[Card, str]] = []
        for said in self.place.sandbox.said:
            if said.sender == deed.person and (card := self.place.sandbox.cards.get(card_id(said.robot, said.id))):
                wanted = {spelled for button in buttons for spelled in (button, button_id(button, said.id))}
                shown += [(card, each["id"]) for each in card.buttons() if each["id"] in wanted]
        if shown:
            card, button = shown[int(deed.pick * len(shown))]
            self.place.sandbox.click(card.id, button, deed.person)


def allowed(planned: list[Deed]) -> Allowed:
    """What a plan makes allowable."""
    died = deaths(planned)
    return Allowed(
        deaths=died,
        tries=TRIES,
        ends=frozenset({"answered", "stopped", "failed"}),
        messages=2 + died,  # once more for each process that died, and where a call was taken, and its repeat refused
        unacked=unsure(planned),
    )


def unfair(place: Place, planned: list[Deed]) -> list[str]:
    """Questions whose card ended as it may for others, but not for them: failed by an agent that does not fail, or
    stopped for somebody who stops nothing."""
    may = {deed.words: ends(deed) for deed in planned if deed.what == "ask"}
    over = [(said.text, card) for said in accepted(place) if said.text in may and (card := card_of(place, said))]
    return [
        f"{text}: its card is {how}, and may be {' or '.join(sorted(may[text]))}"
        for text, card in over
        if (how := ending(card)) in {"answered", "failed", "stopped"} - may[text]
    ]


async def began(place: Place) -> Storm:
    """Start a service, and wait for an answer by each robot: then it has what it needs."""
    running = await place.serve(**STORMY)
    for kind in KINDS:
        place.ask(f"始{kind}", kind=kind)
    await kept(place)
    return Storm(place, running, footprint(running))


async def weathered(place: Place, seed: int, weather: Weather | None = None) -> Storm:
    """Play the storm of a seed to its end, and see that all promises are kept."""
    planned = plan(seed, weather or Weather())
    storm = await began(place)
    await storm.play(planned)
    await kept(place, allowed(planned), within=90.0)
    assert unfair(place, planned) == []
    await returned(place, storm.running, storm.before)
    return storm


async def main(seed: int, seconds: float) -> None:
    """Play one storm, and tell of it."""
    weather = Weather(seconds=seconds, deaths_until=0.8 * seconds)
    planned = plan(seed, weather)
    print(f"seed {seed}: {len(planned)} deeds in {seconds:g} s, {deaths(planned)} deaths", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        async with placed(Path(folder), *KINDS) as place:
            storm = await weathered(place, seed, weather)
            print(f"{len(accepted(place))} questions kept, back after {storm.came}, {footprint(storm.running)}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 10.0))
