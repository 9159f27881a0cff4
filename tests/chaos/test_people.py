"""What people do in a hurry, in a crowd and by mistake, with kill -9 in the middle of it.

Floods of questions, groups in which everybody asks at once, messages that are edited, presses on old cards.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from actors.core import texts
from actors.core.card import STOP, button_id
from actors.sandbox.records import Card, CardState, Said
from tests.chaos.conftest import Place, placed, some
from tests.chaos.promises import SETTINGS, Allowed, accepted, card_of, kept, runs_of
from tests.chaos.test_words import stored

FLOOD = 50
"""Questions that one person asks within a second."""

ONE_DEATH = Allowed(deaths=1)


async def acked(place: Place) -> None:
    """Wait until everything that was said is acked."""
    await place.sandbox.until(lambda: all(said.acked for said in place.sandbox.said), 30.0)


async def flooded(place: Place) -> list[Said]:
    """One person asks it all; what is answered first is long enough for the others to come meanwhile."""
    place.ask("问0 30x0.1")
    await place.card(calls=2)
    for number in range(1, FLOOD):
        place.ask(f"问{number}")
    await acked(place)
    return accepted(place)


@pytest.mark.parametrize("queue", some([8, 1000]))
async def test_of_a_flood_as_many_are_taken_as_may_wait_and_one_word_refuses_the_rest(place: Place, queue: int) -> None:
    settings = SETTINGS | {"CONVERSATION_QUEUE": str(queue)}
    service = await place.serve(**settings)
    asked = await flooded(place)
    taken, refused = asked[: queue + 1], asked[queue + 1 :]
    await place.sandbox.until(lambda: not refused or place.messages("public"))
    await place.serve_after_kill_9(service, **settings)
    await place.all_closed(len(taken))
    for said in refused[-1:]:
        place.sandbox.say(said.text, robot=place.robot, sender="zhang", message_id=said.id)
    place.ask("又来")
    await place.all_closed(len(taken) + 1)
    assert {said.text for said in refused} & set(runs_of(place)) == set()
    assert len(place.sandbox.cards) == len(taken) + 1
    assert place.messages("public") == [texts.QUEUE_FULL] * bool(refused)
    for said in refused:  # they have no promise but that
        place.sandbox.said.remove(said)
    await kept(place, ONE_DEATH)


GROUP = [f"g{number}" for number in range(12)]
"""Everybody in a group."""


@pytest.mark.parametrize("scope", some(["chat", "sender", "sender_in_chat"]))
async def test_a_group_in_which_everybody_asks_at_once(place: Place, scope: str) -> None:
    settings = SETTINGS | {"CONVERSATION_SCOPE": scope}
    service = await place.serve(**settings)
    for round_ in range(2):
        for person in GROUP:
            place.sandbox.say(f"{person}问{round_} 2x0.05", robot=place.robot, sender=person, group="team")
    await acked(place)
    await place.sandbox.until(lambda: finished(place) >= 3, 30.0)
    await place.serve_after_kill_9(service, **settings)
    await kept(place, ONE_DEATH)
    asked = accepted(place)
    assert len(asked) == 2 * len(GROUP)
    for said in asked:
        card = card_of(place, said)
        assert card is not None
        assert (card.mentions, card.chats) == ((said.sender,), [said.chat])
    if scope == "chat":
        assert [ended(place, said) for said in asked] == sorted(ended(place, said) for said in asked)
        assert alone(place, asked)


def finished(place: Place) -> int:
    """How many answers are over."""
    return sum(card.state is CardState.FINISHED for card in place.sandbox.cards.values())


def ended(place: Place, said: Said) -> float:
    """When the answer to a question was first whole."""
    card = card_of(place, said)
    assert card is not None
    return next(version.at for version in card.versions if version.state is CardState.FINISHED)


def alone(place: Place, asked: Sequence[Said]) -> bool:
    """Whether no agent began before the answer ahead of it was whole."""
    runs = runs_of(place)
    return all(min(runs[later.text]) > ended(place, earlier) for earlier, later in pairwise(asked))


EDITED = "改过的 1x0.01"
"""What a message says after it was edited; the platform sends it under the same id."""


async def test_of_an_edited_message_the_first_text_holds(place: Place) -> None:
    service = await place.serve(**SETTINGS)
    ids = {
        moment: place.sandbox.say(f"{moment} {script}", robot=place.robot, sender=moment)
        for moment, script in {"答完 ": "1x0.01", "答着": "40x0.05", "马上": "3x0.01"}.items()
    }

    def edit(moment: str) -> None:
        assert place.sandbox.say(EDITED, robot=place.robot, sender=moment, message_id=ids[moment]) == ids[moment]

    edit("马上")
    await place.card("答着", calls=3)
    edit("答着")
    await place.sandbox.until(lambda: finished(place) >= 2, 30.0)
    edit("答完 ")
    await acked(place)
    await place.serve_after_kill_9(service, **SETTINGS)
    for moment in ids:
        edit(moment)
    await kept(place, ONE_DEATH)
    await place.sandbox.until(lambda: all(push.acked for said in place.sandbox.said for push in said.pushes[-1:]))
    assert EDITED not in runs_of(place)
    assert len(place.sandbox.cards) == len(ids)
    assert place.messages("public") == []


@pytest.mark.parametrize("kind", some(["own", "public"]))
async def test_presses_on_cards_of_a_former_process(tmp_path: Path, kind: str) -> None:
    async with placed(tmp_path, kind) as place:
        settings = SETTINGS
        service = await place.serve(**settings)
        place.ask("旧", kind=kind)
        await place.sandbox.until(lambda: finished(place) == 1, 30.0)
        place.ask("停 1x0.01 hang", sender="li", kind=kind)
        await place.sandbox.until(lambda: len(place.cards(kind)) == 2 and "0" in place.cards(kind)[1].text, 30.0)
        place.ask("/stop", sender="li", kind=kind)
        old, stopped = await place.all_closed(2)
        before = old.text, stopped.text
        await place.serve_after_kill_9(service, **settings)
        presses = [
            *[(old, "zhang", rating) for rating in ("helpful", "helpful", STOP)],
            *[(old, "wang", rating) for rating in ("not_helpful", STOP)],
            *[(stopped, person, button) for person in ("li", "wang") for button in ("helpful", STOP)],
            (old, "zhang", "no-such-button"),
        ]
        acks = len(place.sandbox.acks)
        for card, person, button in presses:
            press(place, card, person, button)
        await place.sandbox.until(lambda: len(place.sandbox.acks) == acks + len(presses), 30.0)
        changing = [bool(push.data["response"]) for push in place.sandbox.acks[acks:]]
        assert sum(changing) == 2  # the two ratings of whoever asked
        assert stored(place) == ["helpful"]
        assert (old.text, stopped.text) == before
        await kept(place, Allowed(deaths=1, ends=frozenset({"answered", "stopped"})))


def press(place: Place, card: Card, person: str, button: str) -> None:
    """A person presses a button, be it shown to them or not."""
    (said,) = [said for said in accepted(place) if card_of(place, said) is card]
    assert place.sandbox.click(card.id, button_id(button, said.id), person)
