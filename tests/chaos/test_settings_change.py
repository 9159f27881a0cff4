"""New settings by a restart, as a changed ConfigMap brings them: under load, within the grace and beyond it. Every
question that was accepted is answered once and whole, and from then on the new settings hold."""

import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from actors.core.card import card_id
from tests.actors.endings import ending, spins
from tests.chaos.cast import DOWN, SLOW, UP, counted
from tests.chaos.conftest import Place, Running
from tests.chaos.crowd import Crowd, crowded

pytestmark = pytest.mark.timeout(300)
"""Seconds: each of these starts several processes, one after the other."""

BEFORE = {
    "AGENT": "python:tests.chaos.cast:counting",
    "CARD_MAX_UPDATES": "400",
    "CONVERSATION_QUEUE": "1000",
    "OPENAPI_RETRY_INITIAL": "0.05",
    "OPENAPI_RETRY_MAX": "1",
    "OPENAPI_RETRY_JITTER": "0",
    "AGENT_RETRY_ATTEMPTS": "1",
    "SHUTDOWN_GRACE": "0.2",
}
"""The settings that are changed. The grace is shorter than an answer."""


@dataclass
class Spell:
    """One process's time, under load. `slow` is a question whose answer is sure to be running in the end, unless the
    spell lasts long."""

    crowd: Crowd
    service: Running
    since: float
    slow: str

    async def answered(self, number: int = 6) -> list[str]:
        """The message ids of what was asked of this process, once it has answered so many."""
        return await self.crowd.answered_since(self.since, number)

    async def ended(self) -> None:
        """SIGTERM in the middle of answers: it exits with 0 and says nothing wrong."""
        await self.crowd.place.sandbox.until(self._in_mid_answer, 60.0)
        self.service.kill(signal.SIGTERM)
        assert await self.service.ended() == 0
        assert self.service.errors == []

    def _in_mid_answer(self) -> bool:
        half_way = self.crowd.half_way
        return self.slow in half_way or bool(half_way and (self.crowd.group or self.crowd.given(self.slow)))


@dataclass
class Deployment:
    """A robot with a crowd, and one process after the other that serves them."""

    place: Place
    crowd: Crowd
    spells: list[Spell] = field(default_factory=list)

    async def roll(self, **settings: str) -> Spell:
        """End the process that serves now, and start another with these settings laid over those before any change."""
        if self.spells:
            await self.spells[-1].ended()
        since = time.monotonic()
        service = await self.place.serve(**(BEFORE | settings))
        number = len(self.spells)
        slow = self.crowd.ask(f"{SLOW}问题{number}", f"patient{number}") if self.crowd.group is None else ""
        self.spells.append(Spell(self.crowd, service, since, slow))
        return self.spells[-1]


@asynccontextmanager
async def deployed(place: Place, *, people: int = 5, group: str | None = None) -> AsyncIterator[Deployment]:
    """A deployment under load; in the end everybody has to have everything."""
    async with crowded(place, people, group) as crowd:
        deployment = Deployment(place, crowd)
        yield deployment
        await deployment.spells[-1].answered()
    await judge(deployment)


async def judge(deployment: Deployment) -> None:
    """Raises AssertionError with the questions that were not answered once and whole."""
    given = await deployment.crowd.all_given()
    whole = {text: [[counted(text, numbers)] for numbers in (UP, DOWN)] for text in given}
    assert {text: answers for text, answers in given.items() if answers not in whole[text]} == {}
    assert len(given) >= 2 * len(deployment.spells)
    cards = [card for said in deployment.crowd.accepted if (card := deployment.crowd.card(said.id))]
    assert [card.text for card in cards if spins(card)] == []


# What tells at the wire that a setting is in effect; each is False before its change.


async def few_updates(spell: Spell) -> bool:
    return max(await _updates(spell)) <= 2


async def updates_far_apart(spell: Spell) -> bool:
    return set(await _updates(spell)) <= {1, 2}


async def messages(spell: Spell) -> bool:
    answered = await spell.answered()
    return all(spell.crowd.card(message_id) is None for message_id in answered)


async def counted_down(spell: Spell) -> bool:
    answered = await spell.answered()
    return {answer.endswith(DOWN) for one in answered for answer in spell.crowd.given(one)} == {True}


async def one_at_a_time(spell: Spell) -> bool:
    """Whether a whole group gets one answer after the other."""
    cards = [card for one in await spell.answered(12) if (card := spell.crowd.card(one))]
    times = [[version.at for version in card.versions if version.call == "streaming"] for card in cards]
    return all(one[-1] <= other[0] for one, other in pairwise(sorted(times)))


async def two_patient_tries(spell: Spell) -> bool:
    """Whether a card that is refused is tried twice, most of a second apart."""
    sandbox, space = spell.crowd.place.sandbox, "dtv1.card//IM_ROBOT.unlucky"
    sandbox.fail("create", status=503, times=None, match={"openSpaceId": space})
    before, asked = len(sandbox.calls), spell.crowd.ask(f"试{time.monotonic()}", "unlucky")
    await sandbox.until(lambda: spell.crowd.given(asked), 30.0)
    tries = [call.at for call in sandbox.calls[before:] if call.body.get("openSpaceId") == space]
    return len(tries) == 2 and tries[1] - tries[0] >= 0.6


async def three_runs(spell: Spell) -> bool:
    """Whether an agent that fails is run three times."""
    place, before = spell.crowd.place, spell.crowd.place.asked.count("boom")
    place.ask("boom", sender="bold")
    name = place.sandbox.said[-1].id
    await place.sandbox.until(lambda: _apologised(spell, name), 30.0)
    return place.asked.count("boom") - before == 3


def _apologised(spell: Spell, name: str) -> bool:
    sandbox, robot = spell.crowd.place.sandbox, spell.crowd.place.robot
    card = sandbox.cards.get(card_id(robot, name))
    return card is not None and ending(card) == "failed"


async def quiet(spell: Spell) -> bool:
    await spell.answered()
    return not any('"level": "INFO"' in line for line in spell.service.output)


async def _updates(spell: Spell) -> list[int]:
    """How many text updates each card got that was asked for and answered in this spell."""
    cards = [card for one in await spell.answered() if (card := spell.crowd.card(one))]
    return [sum(version.call == "streaming" for version in card.versions) for card in cards]


CHANGES: dict[str, tuple[dict[str, str], Callable[[Spell], Awaitable[bool]]]] = {
    "CARD_MAX_UPDATES": ({"CARD_MAX_UPDATES": "2"}, few_updates),
    "CARD_MIN_INTERVAL": ({"CARD_MIN_INTERVAL": "30"}, updates_far_apart),
    "CARD_KIND": ({"CARD_KIND": "text"}, messages),
    "AGENT": ({"AGENT": "python:tests.chaos.cast:counting_down"}, counted_down),
    "OPENAPI_RETRY": ({"OPENAPI_RETRY_ATTEMPTS": "2", "OPENAPI_RETRY_INITIAL": "0.7"}, two_patient_tries),
    "AGENT_RETRY": ({"AGENT_RETRY_ATTEMPTS": "3", "AGENT_RETRY_INITIAL": "0.05"}, three_runs),
    "LOG_LEVEL": ({"LOG_LEVEL": "WARNING"}, quiet),
}


async def test_every_change_takes_effect_and_loses_nothing(place: Place) -> None:
    async with deployed(place) as deployment:
        before = await deployment.roll()
        assert [name for name, (_, in_effect) in CHANGES.items() if await in_effect(before)] == []
        for name, (settings, in_effect) in CHANGES.items():
            assert await in_effect(await deployment.roll(**settings)), name


async def test_conversations_of_another_scope_lose_nothing_and_take_effect(place: Place) -> None:
    async with deployed(place, people=3, group="值班群") as deployment:
        assert not await one_at_a_time(await deployment.roll())
        assert await one_at_a_time(await deployment.roll(CONVERSATION_SCOPE="chat"))
        assert not await one_at_a_time(await deployment.roll())


@pytest.mark.parametrize(("first", "then", "runs"), [("0", "25", 1), ("25", "0", 2)])
async def test_a_long_answer_has_the_grace_that_was_set_last(place: Place, first: str, then: str, runs: int) -> None:
    async with deployed(place) as deployment:
        await (await deployment.roll(SHUTDOWN_GRACE=first)).answered()
        spell = await deployment.roll(SHUTDOWN_GRACE=then)
        await deployment.roll()
        await place.sandbox.until(lambda: deployment.crowd.given(spell.slow), 60.0)
        assert place.asked.count(deployment.crowd.texts[spell.slow]) == runs


async def test_restarts_without_a_change_lose_nothing(place: Place) -> None:
    async with deployed(place) as deployment:
        for _ in range(3):
            await (await deployment.roll()).answered()


async def test_many_changes_in_a_row_without_any_grace_lose_nothing(place: Place) -> None:
    settings = {"SHUTDOWN_GRACE": "0"}
    async with deployed(place) as deployment:
        for changed, _ in CHANGES.values():
            await (await deployment.roll(**settings)).answered(2)
            settings |= changed


@pytest.mark.parametrize("grace", ["0", "25"])
async def test_between_cards_and_messages_every_answer_is_given_once(place: Place, grace: str) -> None:
    async with deployed(place) as deployment:
        for kind in ("ai", "text", "ai"):
            await (await deployment.roll(CARD_KIND=kind, SHUTDOWN_GRACE=grace)).answered(2)
