"""Words and presses have their effect whichever replica they come to, soon, and once; nothing depends on the hints.

Two stories are played once each, in real processes; every test reads what came of them. `control.py` measures the same
many times.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actors.core import texts
from actors.core.card import STOP, button_id
from actors.sandbox.records import Card
from tests.actors.conftest import closed
from tests.actors.endings import ending
from tests.chaos.ward import noted
from tests.cluster.cast import BEGAN, HEARD, STOPPED
from tests.cluster.control import Stage, Took, measured, staged
from tests.cluster.postgres import Server

POLL = 20.0
"""Seconds until whoever runs an answer finds by itself that it was stopped: a third of INBOX_LEASE."""

CROWD = 20
"""People who stop their answers at once: more than the process has connections to its database."""


@dataclass
class Story:
    """What came of it."""

    took: dict[str, list[Took]] = field(default_factory=dict)
    acks: list[float] = field(default_factory=list)
    """Seconds that the crowd waited for its acks."""
    cards: list[Card] = field(default_factory=list)
    """The crowd's."""
    replies: dict[str, list[str]] = field(default_factory=dict)
    """The plain messages in the chats of some people."""
    histories: dict[str, list[str]] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    """What an agent was told of the memory, by its question."""
    heard: list[tuple[str, str]] = field(default_factory=list)
    """The ratings that agents heard of in any process, with the back end's name of the answer."""


def played(folder: Path, url: str, tell: Callable[[Path, str], Awaitable[Story]]) -> Story:
    """Play a story in an event loop of its own."""

    async def play() -> Story:
        return await tell(folder, url)

    return asyncio.run(play())


@pytest.fixture(scope="session")
def well(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Story:
    """All is well; who runs an answer would find by itself that it was stopped, but not soon."""
    postgresql.execute("CREATE SCHEMA control")
    return played(tmp_path_factory.mktemp("well"), postgresql.url(schema="control"), _well)


@pytest.fixture(scope="session")
def deaf(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Story:
    """Hints are told to the server for ever, and those who listen are cut off again and again."""
    postgresql.execute("CREATE SCHEMA deaf")
    postgresql.execute(
        "CREATE FUNCTION deaf.pg_notify(text, text) RETURNS void LANGUAGE sql AS 'SELECT pg_catalog.pg_sleep(60)'"
    )
    # What is found first is what hints are told by.
    url = postgresql.url(schema="deaf,pg_catalog")
    return played(tmp_path_factory.mktemp("deaf"), url, lambda folder, url: _deaf(folder, url, postgresql))


async def _well(folder: Path, url: str) -> Story:
    async with staged(folder, url, INBOX_LEASE=str(3 * POLL)) as stage:
        story = Story(took=await measured(stage, 3))
        story.replies = await _said_to_both(stage)
        await _rated_twice(stage)
        await _begun_anew(stage)
        for note in noted(stage.place, BEGAN):
            story.histories[note["text"]] = note["history"]
            story.sessions[note["text"]] = note["session"]
        story.heard = [(note["rating"], note["run"]) for note in noted(stage.place, HEARD)]
        return story


async def _said_to_both(stage: Stage) -> dict[str, list[str]]:
    """The same message comes to both replicas at once: a word or something that nobody can read."""
    sandbox, robot = stage.place.sandbox, stage.place.robot
    everybody = ("/new", "/help", "/stop", "unknownMsgType")
    for connection in (stage.here, stage.there):
        for word in everybody[:3]:
            stage.say(word, f"both {word}", connection, f"both {word}")
        sandbox.say(
            "", robot=robot, sender=f"both {everybody[3]}", message_id="both ?", msgtype="unknownMsgType",
            content={}, connection=connection,
        )  # fmt: skip
    chats = {word: sandbox.chat_id(robot, f"both {word}") for word in everybody}

    def replies(word: str) -> list[str]:
        return [message.text for message in sandbox.messages if message.chat == chats[word]]

    await sandbox.until(lambda: all(replies(word) for word in everybody), 30.0)
    await sandbox.until(lambda: all(said.acked for said in sandbox.said), 30.0)
    stage.say("/help", "last", stage.here)  # what else was to be said is said before this
    await sandbox.until(lambda: sandbox.messages[-1].chat == sandbox.chat_id(robot, "last"), 30.0)
    return {word: replies(word) for word in everybody}


async def _rated_twice(stage: Stage) -> None:
    """One rating comes to both replicas, and another one when both have it."""
    sandbox = stage.place.sandbox
    name, card = await stage.asked("rater", "1x0.01")
    await sandbox.until(lambda: closed(card) and len(card.buttons()) == 4, 30.0)

    def acks() -> int:
        return sum(push.about == card.id for push in sandbox.acks)

    async def rate(rating: str, *connections: str) -> None:
        before = acks()
        for connection in connections:
            assert sandbox.click(card.id, button_id(rating, name), "rater", connection=connection)
        await sandbox.until(lambda: acks() == before + len(connections), 30.0)
        async with asyncio.timeout(30):
            while not any(note["rating"] == rating for note in stage.noted(HEARD, name)):  # noqa: ASYNC110 - a file tells no events
                await asyncio.sleep(0.02)

    await rate("helpful", stage.here, stage.there)
    await rate("not_helpful", stage.there)


async def _begun_anew(stage: Stage) -> None:
    """Somebody has been answered, asks again, and begins anew at another replica while that is answered."""
    sandbox = stage.place.sandbox
    stage.say("旧问 1x0.01", "anew", stage.here)
    card = await stage.place.card("anew")
    await sandbox.until(lambda: closed(card), 30.0)
    before = len(sandbox.cards) + 1
    stage.say("跑着 400x0.02", "anew", stage.here)
    await sandbox.until(lambda: "「跑着」" in list(sandbox.cards.values())[-1].text, 30.0)
    stage.say("/new", "anew", stage.there, "anew begins anew")
    running = list(sandbox.cards.values())[-1]
    await sandbox.until(lambda: closed(running), 30.0)
    stage.say("新问 1x0.01", "anew", stage.here)
    await sandbox.until(lambda: len(sandbox.cards) > before and closed(list(sandbox.cards.values())[-1]), 30.0)


async def _deaf(folder: Path, url: str, server: Server) -> Story:
    async with staged(folder, url) as stage:
        cutting = asyncio.create_task(_cut_off(server))
        try:
            return await _everybody_stops(stage)
        finally:
            cutting.cancel()


async def _cut_off(server: Server) -> None:
    """Whoever listens is cut off, again and again."""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    while True:
        await asyncio.to_thread(server.execute, end)
        await asyncio.sleep(0.2)


async def _everybody_stops(stage: Stage) -> Story:
    sandbox, story = stage.place.sandbox, Story()
    asked = [await stage.asked(f"c{number}") for number in range(CROWD)]
    story.cards = [card for _, card in asked]
    presses = {card.id for card in story.cards}

    def acks() -> list[float]:
        return [push.seconds for push in sandbox.acks if push.about in presses and push.seconds is not None]

    for first in (0, CROWD // 2):  # the others press while the hints of the first are told
        for number, (name, card) in list(enumerate(asked))[first : first + CROWD // 2]:
            assert sandbox.click(card.id, button_id(STOP, name), f"c{number}", connection=stage.there)
        await sandbox.until(lambda: len(acks()) >= first + CROWD // 2, 10.0)  # noqa: B023 - it is awaited here
    story.acks = acks()
    await sandbox.until(lambda: all(map(closed, story.cards)), 60.0)
    assert len(noted(stage.place, STOPPED)) == CROWD
    return story


@pytest.mark.parametrize("what", ["/stop", "/new", "the stop button", "a rating"])
def test_what_comes_to_another_replica_has_its_effect_long_before_anybody_would_look(well: Story, what: str) -> None:
    assert max(took.agent for took in well.took[what]) < POLL / 2
    assert max(took.card for took in well.took[what]) < POLL / 2


@pytest.mark.parametrize(
    ("word", "reply"),
    [
        ("/new", texts.NEW_SESSION),
        ("/help", texts.HELP),
        ("/stop", texts.NOTHING_TO_STOP),
        ("unknownMsgType", texts.UNREADABLE["unknown"]),
    ],
)
def test_what_comes_to_every_replica_is_answered_once(well: Story, word: str, reply: str) -> None:
    assert well.replies[word] == [reply]


def test_a_rating_that_comes_to_every_replica_is_heard_once_and_its_change_once(well: Story) -> None:
    run = "run of rater问 1x0.01"
    assert [rating for rating, about in well.heard if about == run] == ["helpful", "not_helpful"]


def test_an_agent_hears_which_of_its_answers_was_rated_though_another_replica_gave_it(well: Story) -> None:
    runs = {about for rating, about in well.heard if rating == "helpful"}
    assert runs >= {f"run of r{number}问 1x0.01" for number in range(3)}


def test_a_new_session_forgets_the_memory_and_what_is_being_answered_elsewhere(well: Story) -> None:
    assert well.histories["跑着 400x0.02"] == ["旧问 1x0.01"]
    assert well.sessions["跑着 400x0.02"] == "talk of 旧问 1x0.01"
    assert well.histories["新问 1x0.01"] == []
    assert well.sessions["新问 1x0.01"] == ""


def test_acks_do_not_wait_for_hints(deaf: Story) -> None:
    assert max(deaf.acks) < 1.5  # as long as a press may take to become durable


def test_who_runs_an_answer_finds_by_itself_that_it_was_stopped(deaf: Story) -> None:
    assert {ending(card) for card in deaf.cards} == {"stopped"}
