"""kill -9 at any moment: what was acked is answered once, to the end, on the same card."""

from pathlib import Path

import pytest

from actors.core import texts
from actors.sandbox.records import Card
from tests.actors.cast import whole
from tests.actors.endings import ending
from tests.chaos.conftest import CARDS, Place, placed


@pytest.fixture
async def ended(place: Place) -> Card:
    """The card of an answer that was cut off by kill -9, and taken up by the next process."""
    first = await place.serve()
    place.ask("40x0.05")
    await place.card(calls=3)
    await place.serve_after_kill_9(first)
    (card,) = await place.all_closed(1)
    return card


async def test_an_answer_cut_off_by_kill_9_ends_on_the_same_card(ended: Card) -> None:
    assert ended.text == whole(40).strip()


async def test_an_answer_after_kill_9_is_given_once(place: Place, ended: Card) -> None:
    assert [version.call for version in ended.versions].count("create") == 1
    assert place.sandbox.messages == []


async def test_what_was_acked_before_kill_9_is_answered_after_it(place: Place) -> None:
    first = await place.serve()
    place.ask("hang", sender="slow")
    for number in range(20):
        place.ask(f"问题{number}", sender=f"p{number}")
    await place.sandbox.until(lambda: len(place.sandbox.acks) == 21)
    await place.serve_after_kill_9(first)
    cards = await place.all_closed(20)
    assert {card.text for card in cards} >= {f"您说：问题{number}" for number in range(20)}
    assert len(cards) == 21


async def test_questions_that_waited_behind_the_killed_one_keep_their_order(place: Place) -> None:
    first = await place.serve()
    for text in ("20x0.05", "第二", "第三"):
        place.ask(text)
    await place.card(calls=2)
    await place.serve_after_kill_9(first)
    cards = await place.all_closed(3)
    assert [card.text for card in cards] == [whole(20).strip(), "您说：第二", "您说：第三"]


async def test_a_kill_between_the_stored_answer_and_its_card_does_not_run_the_agent_again(place: Place) -> None:
    first = await place.serve()
    place.sandbox.fail("streaming", hang=True, times=None, match={"isFinalize": True})
    place.ask("3x0.01")
    await place.sandbox.until(
        lambda: any(call.api == "streaming" and call.body.get("isFinalize") for call in place.sandbox.calls)
    )
    first.kill()
    await first.ended()
    place.sandbox.heal()
    await place.serve(AGENT="python:tests.actors.cast:other")
    (card,) = await place.all_closed(1)
    assert card.text == whole(3).strip()


@pytest.mark.parametrize("kind", CARDS)
async def test_a_kill_before_the_answer_to_the_last_call_finishes_the_card_no_second_time(
    tmp_path: Path, kind: str
) -> None:
    api = "standard_update" if kind == "standard" else "streaming"
    async with placed(tmp_path, kind) as place:
        first = await place.serve(CARD_MAX_UPDATES="1")
        place.sandbox.fail(api, hang=True, applied=True, times=None)
        place.ask("3x0.01", kind=kind)
        await place.sandbox.until(lambda: whole(3).strip() in {card.text for card in place.cards(kind)}, 30.0)
        first.kill()
        await first.ended()
        place.sandbox.heal()
        await place.serve(AGENT="python:tests.actors.cast:other")
        await place.sandbox.until(lambda: any(call.api == api and call.status == 200 for call in place.sandbox.calls))
        (card,) = place.cards(kind)
        await place.sandbox.until(card.buttons)
        assert (ending(card), card.text) == ("answered", whole(3).strip())
        assert place.messages(kind) == []


async def test_a_question_that_kills_its_process_is_given_up(place: Place) -> None:
    first = await place.serve(INBOX_MAX_ATTEMPTS="1")
    place.ask("hang")
    await place.card()
    await place.serve_after_kill_9(first, INBOX_MAX_ATTEMPTS="1")
    (card,) = await place.all_closed(1)
    assert card.text == texts.POISONED
