"""A replica that stood still, or was cut off from the database, for longer than its lease: another one has its
questions then, and it touches nothing of them any more.

Two stories are played once each, in real processes, and every test reads what came of them. Each question of the first
was somewhere else on its way when its replica was stopped; its name says where.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from actors.core.card import card_id
from actors.sandbox.records import Card
from tests.actors.endings import ending
from tests.chaos.cast import RUNS, whole_answer
from tests.chaos.conftest import Place, placed
from tests.chaos.promises import Allowed, kept
from tests.chaos.ward import noted
from tests.cluster.cast import STOPPED
from tests.cluster.door import Passed
from tests.cluster.postgres import Server
from tests.cluster.replicas import LEASE, Cluster, Watched, logged

CALL_WITHIN = 6.0
"""OPENAPI_TIMEOUT. A call that was under way has failed when its process goes on, and would be made once more."""

ON_CARDS = {
    "streaming": "说 300x0.05",
    "in a call": "打 300x0.05",
    "creating": "建 60x0.05",
    "finishing": "完 2x0.01",
}
"""Where the zombie is with each of the questions that have a card, and what it was asked."""

IN_TEXT = {"saying": "讲 2x0.01", "thinking": "想 300x0.05"}
"""The same for a robot without cards: one answer is being sent, one is not whole yet."""

ASKED = ON_CARDS | IN_TEXT

CUT_OFF = {"streaming": "说 240x0.05", "thinking": "想 40x0.05"}
"""What a replica is asked that is cut off from the database: the second answer is whole before that is over."""


@dataclass
class Story:
    """What came of it, by the names above."""

    cards: dict[str, Card]
    messages: list[str]
    late: list[Passed]
    """The zombie's calls since others had its questions."""
    runs: dict[str, list[int]]
    """In which processes the agent ran, in order."""
    stopped: dict[str, int]
    """In which process it was stopped."""
    zombie: int
    outcomes: dict[str, str]
    """How the zombie's own turns ended."""
    took: float
    """Seconds until another replica had every question."""


class Stage:
    """A robot with cards and one without, a zombie to be that all questions come to, and another replica."""

    def __init__(self, place: Place, zombie: Watched, other: Cluster) -> None:
        self.place = place
        self.zombie = zombie
        self._other = other.replicas[-1]

    def ask(self, names: dict[str, str]) -> None:
        """Ask all of these the zombie."""
        for name, text in names.items():
            robot = self.robot(name)
            connection = self.zombie.connections[robot]
            self.place.sandbox.say(text, robot=robot, sender=name, message_id=name, connection=connection)

    def robot(self, name: str) -> str:
        return self.place.robots["public" if name in ON_CARDS else "text"]

    def card(self, name: str) -> str:
        return card_id(self.robot(name), name)

    async def others_have(self, names: dict[str, str]) -> float:
        """Wait until another replica has these; returns how long it took."""
        began = time.monotonic()

        def have() -> bool:
            return {line["message_id"] for line in logged(self._other, "turn_began")} >= set(names)

        await self.place.sandbox.until(have, LEASE + 30.0)
        return time.monotonic() - began

    async def grows(self) -> None:
        """Wait until the new holder has shown more of its answer, while the zombie has time to show of its own."""
        card = self.place.sandbox.cards[self.card("streaming")]
        shown = len(card.versions)
        await self.place.sandbox.until(lambda: len(card.versions) > shown + 4, 30.0)

    def database_is_back(self) -> None:
        self.zombie.database.swallows = False
        self.zombie.database.cut()

    async def told(self, names: dict[str, str], since: float, took: float) -> Story:
        """Wait until it is over for everybody, and tell what came of it."""
        sandbox, process = self.place.sandbox, self.zombie.process
        await sandbox.until(lambda: len(logged(process, "turn_ended")) >= len(names), 30.0)
        await kept(self.place, Allowed(deaths=1, messages=2))
        runs: dict[str, list[int]] = {}
        texts = {text: name for name, text in names.items()}
        for run in noted(self.place, RUNS):
            runs.setdefault(texts[run["text"]], []).append(run["process"])
        return Story(
            cards={name: sandbox.cards[self.card(name)] for name in names if name in ON_CARDS},
            messages=[message.text for message in sandbox.messages],
            late=self.zombie.door.since(since),
            runs=runs,
            stopped={texts[run["text"]]: run["process"] for run in noted(self.place, STOPPED)},
            zombie=process.process.pid,
            outcomes={line["message_id"]: line["outcome"] for line in logged(process, "turn_ended")},
            took=took,
        )


def played(folder: Path, server: Server, tell: Callable[[Stage], Awaitable[Story]]) -> Story:
    """Play a story in an event loop of its own, on a schema of its own."""
    schema = f"zombies_{folder.name}"
    server.execute(f"CREATE SCHEMA {schema}")

    async def play() -> Story:
        agent = {"AGENT": "python:tests.cluster.cast:watched", "OPENAPI_TIMEOUT": str(CALL_WITHIN)}
        async with placed(folder, "public", "text") as place:
            cluster = Cluster(place, server.url(schema=schema), **agent)
            async with cluster.watched() as zombie:
                await cluster.grow(1)
                return await tell(Stage(place, zombie, cluster))

    return asyncio.run(play())


@pytest.fixture(scope="session")
def stood(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Story:
    """SIGSTOP for longer than the lease, then SIGCONT; the database does not answer at once."""
    return played(tmp_path_factory.mktemp("stood"), postgresql, _stand)


@pytest.fixture(scope="session")
def cut(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Story:
    """The way to the database alone swallows everything for longer than the lease; DingTalk can be reached."""
    return played(tmp_path_factory.mktemp("cut"), postgresql, _cut)


async def _stand(stage: Stage) -> Story:
    sandbox, process = stage.place.sandbox, stage.zombie.process
    held = partial(sandbox.fail, hang=True, applied=True)
    held("streaming", after=2, match={"outTrackId": stage.card("in a call")})
    held("create", match={"outTrackId": stage.card("creating")})
    held("streaming", match={"outTrackId": stage.card("finishing"), "isFinalize": True})
    held("oto")
    stage.ask(ASKED)

    def everybody_is_there() -> bool:
        under_way = [call for call in sandbox.calls if call.seconds is None]
        card = sandbox.cards.get(stage.card("streaming"))
        return len(under_way) >= 4 and card is not None and len(card.versions) > 3

    await sandbox.until(everybody_is_there, 30.0)
    process.kill(signal.SIGSTOP)
    stage.zombie.database.swallows = True
    stood_at = time.monotonic()
    took = await stage.others_have(ASKED)
    await asyncio.sleep(max(0.0, stood_at + CALL_WITHIN + 1.0 - time.monotonic()))
    since = time.monotonic()
    process.kill(signal.SIGCONT)
    await stage.grows()
    stage.database_is_back()
    return await stage.told(ASKED, since, took)


async def _cut(stage: Stage) -> Story:
    stage.ask(CUT_OFF)
    await stage.place.sandbox.until(lambda: len(noted(stage.place, RUNS)) == len(CUT_OFF), 30.0)
    stage.zombie.database.swallows = True
    took = await stage.others_have(CUT_OFF)
    since = time.monotonic()
    await stage.grows()
    stage.database_is_back()
    return await stage.told(CUT_OFF, since, took)


def test_a_zombie_makes_no_call_more_than_the_one_that_was_under_way(stood: Story) -> None:
    assert len(stood.late) <= 1, stood.late


@pytest.mark.parametrize("name", ON_CARDS)
def test_the_new_holders_text_stands_wherever_the_zombie_was_stopped(stood: Story, name: str) -> None:
    card = stood.cards[name]
    assert ending(card) == "answered"
    assert whole_answer(ASKED[name]) in card.text


def test_what_was_being_sent_as_a_message_comes_once_more_at_most_and_the_rest_once(stood: Story) -> None:
    said = {name: sum(whole_answer(text) in message for message in stood.messages) for name, text in IN_TEXT.items()}
    assert 1 <= said["saying"] <= 2
    assert said["thinking"] == 1


@pytest.mark.parametrize("name", ["streaming", "in a call", "thinking"])
def test_the_zombies_agent_is_stopped(stood: Story, name: str) -> None:
    assert stood.stopped[name] == stood.zombie
    first, second = stood.runs[name]
    assert first == stood.zombie != second


@pytest.mark.parametrize("name", ["finishing", "saying"])
def test_an_answer_that_was_whole_is_taken_over_as_it_is(stood: Story, name: str) -> None:
    assert stood.runs[name] == [stood.zombie]


def test_the_zombie_finds_that_it_has_lost_every_question(stood: Story) -> None:
    assert stood.outcomes == dict.fromkeys(ASKED, "lost")


def test_another_replica_has_the_questions_soon_after_the_lease_is_over(stood: Story, cut: Story) -> None:
    assert max(stood.took, cut.took) < LEASE + 15.0  # a loaded machine


def test_who_cannot_renew_its_lease_is_silent_before_another_has_the_question(cut: Story) -> None:
    assert cut.late == []


def test_who_comes_back_to_the_database_finds_that_it_has_lost_and_stops_the_agent(cut: Story) -> None:
    assert cut.outcomes == dict.fromkeys(CUT_OFF, "lost")
    assert cut.stopped == {"streaming": cut.zombie}


def test_an_answer_that_was_whole_while_the_database_was_out_of_reach_is_not_said_twice(cut: Story) -> None:
    assert [whole_answer(CUT_OFF["thinking"]) in message for message in cut.messages] == [True]
    assert ending(cut.cards["streaming"]) == "answered"
