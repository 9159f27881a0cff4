"""Everybody at once, in every order that the seeds give: the rules of `verdict` hold with each kind of card."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.core.card import card_id
from actors.inbox.port import Outcome
from tests.actors.conftest import Stage, connected, eventually, staged
from tests.actors.endings import ending
from tests.chaos.conftest import CARDS, KINDS
from tests.chaos.mixture import AGENT, PERSISTENT, RUNS, Person, at_rest, plan, play
from tests.chaos.verdict import Ledger, judge, record_of

PEOPLE = 20


@pytest.fixture
async def stage(tmp_path: Path, kind: str) -> AsyncIterator[Stage]:
    RUNS.clear()
    async with staged(tmp_path, AGENT=AGENT, **PERSISTENT, **KINDS[kind]) as stage:
        await connected(stage)
        yield stage


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [2026])
async def test_a_mixture_keeps_every_rule(stage: Stage, seed: int) -> None:
    ledger, cast = Ledger(stage.service._parts.inbox), plan(seed, PEOPLE)
    await play(stage, cast, random.Random(seed))
    await judge(stage, cast, ledger, RUNS)


@pytest.mark.parametrize("kind", CARDS)
@pytest.mark.parametrize("seed", [2027])
async def test_a_mixture_keeps_every_rule_while_calls_fail_and_are_repeated(stage: Stage, seed: int) -> None:
    ledger, cast = Ledger(stage.service._parts.inbox), plan(seed, PEOPLE)
    await play(stage, cast, random.Random(seed), storm=True)
    await judge(stage, cast, ledger, RUNS)


@pytest.mark.parametrize("kind", ["public"])
async def test_of_ten_one_runs_eight_wait_and_one_is_refused_though_many_begin_anew(stage: Stage) -> None:
    ledger, cast = Ledger(stage.service._parts.inbox), [Person(f"burst{number}") for number in range(PEOPLE)]
    for person in cast:
        person.asked.append(await stage.ask("hang", sender=person.name))
    await stage.sandbox.until(lambda: len(RUNS) == PEOPLE)
    for _ in range(9):
        for person in cast:
            person.asked.append(await stage.ask("你好", sender=person.name))
    for number, person in enumerate(cast):
        if number % 2:
            person.renewed.append(10)
        await stage.ask(("/stop", "/new")[number % 2], sender=person.name)
    await eventually(lambda: at_rest(stage))
    await judge(stage, cast, ledger, RUNS)
    for person in cast:
        *accepted, last = person.asked
        ends = [ending(stage.sandbox.cards[card_id(stage.robot, message_id)]) for message_id in accepted]
        assert ends == ["stopped", *["stopped" if person.renewed else "answered"] * 8]
        assert (await record_of(stage, last)).outcome is Outcome.REFUSED
