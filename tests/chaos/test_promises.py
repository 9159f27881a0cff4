"""The judge of all scenarios: it finds nothing wrong with a calm day, and each broken promise by its name."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from actors.core import texts
from actors.sandbox.records import Message
from tests.chaos.cast import RUNS
from tests.chaos.conftest import Place
from tests.chaos.promises import SETTINGS, Allowed, accepted, broken, card_of, kept


@pytest.fixture
async def day(place: Place) -> Place:
    """Two people, three questions, and all is well."""
    await place.serve(**SETTINGS)
    for name, sender in (("一 3x0.01", "zhang"), ("二 2x0.01", "zhang"), ("三", "li")):
        place.ask(name, sender=sender)
    await kept(place)
    return place


def a_card_is_left_open(day: Place) -> None:
    card = card_of(day, accepted(day)[0])
    assert card is not None
    del card.versions[1:]


def an_answer_is_cut_off(day: Place) -> None:
    card = card_of(day, accepted(day)[0])
    assert card is not None
    card.params[card.key] = "「一」0 1"


def an_answer_stands_on_a_strangers_card(day: Place) -> None:
    card = card_of(day, accepted(day)[2])
    assert card is not None
    card.versions.insert(1, replace(card.versions[1], text="「一」0 1 2 ——完"))


def the_order_is_lost(day: Place) -> None:
    one, other = (card_of(day, said) for said in accepted(day)[:2])
    assert one is not None
    assert other is not None
    one.versions, other.versions = other.versions, one.versions


def an_answer_comes_twice(day: Place) -> None:
    said = accepted(day)[0]
    day.sandbox.messages.append(Message("webhook", said.robot, said.chat, "markdown", "", "「一」0 1 2 ——完", 0, 0))


def a_question_has_nothing(day: Place) -> None:
    said = accepted(day)[0]
    card = card_of(day, said)
    assert card is not None
    del day.sandbox.cards[card.id]


def the_agent_runs_too_often(day: Place) -> None:
    run_again(day, at=0.0)


def the_agent_runs_after_its_answer(day: Place) -> None:
    run_again(day, at=float("1e12"))


def run_again(day: Place, at: float) -> None:
    with (day.folder / RUNS).open("a", encoding="utf-8") as runs:
        runs.write(json.dumps({"at": at, "text": accepted(day)[0].text}) + "\n")


FAULTS: dict[Callable[[Place], None], str] = {
    a_card_is_left_open: "一 3x0.01: its card is not over",
    an_answer_is_cut_off: "一 3x0.01: its card says '「一」0 1', which is not the whole answer",
    an_answer_stands_on_a_strangers_card: "三: on its card stands an answer to 一",
    the_order_is_lost: "二 2x0.01: was answered before 一 3x0.01",
    an_answer_comes_twice: "一 3x0.01: it was answered by 1 messages, beside a card that is answered",
    a_question_has_nothing: "一 3x0.01: it has no card, and the messages []",
    the_agent_runs_too_often: "一 3x0.01: the agent ran 2 times, and may 1 times",
    the_agent_runs_after_its_answer: "一 3x0.01: the agent ran again after its answer was finished",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_broken_promise_is_told(day: Place, fault: Callable[[Place], None]) -> None:
    assert broken(day, Allowed()) == []
    fault(day)
    assert any(told.startswith(FAULTS[fault]) for told in broken(day, Allowed())), broken(day, Allowed())


async def test_an_answer_that_came_twice_is_told_unless_the_scenario_makes_it_allowable(day: Place) -> None:
    said = accepted(day)[0]
    card = card_of(day, said)
    assert card is not None
    an_answer_comes_twice(day)
    card.versions.append(replace(card.versions[-1], text=texts.SENT_BESIDE))
    card.params[card.key] = texts.SENT_BESIDE
    assert any("changed after its end" in told for told in broken(day, Allowed()))
    assert broken(day, Allowed(messages=2)) == []


async def test_of_several_processes_no_order_is_asked_where_neither_question_was_stored_before_the_other_came(
    day: Place,
) -> None:
    the_order_is_lost(day)
    assert FAULTS[the_order_is_lost] not in broken(day, Allowed(apart=True))
    accepted(day)[1].pushes[0].at += 1000.0
    assert FAULTS[the_order_is_lost] in broken(day, Allowed(apart=True))
