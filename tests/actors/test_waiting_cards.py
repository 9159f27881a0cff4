"""The cards of those who wait: each shows its place while that is news, and belongs to its turn once it is claimed."""

import asyncio
import logging

import pytest
from prometheus_client import REGISTRY

from actors.core import texts
from actors.errors import LeaseLost
from actors.waiting import WaitingCards
from tests.actors.slates import NOW, Slates, question
from tests.runtime.virtual_time import play

FIRST, SECOND, THIRD = question("m1"), question("m2"), question("m3")


def cards(slates: Slates) -> WaitingCards:
    return WaitingCards(lambda _: slates, wall=lambda: NOW + 3.0)


class Gone:
    """The fence of somebody whose question another replica has."""

    open = False

    async def passed(self) -> None:
        raise LeaseLost


def place(call: str, message_id: str, ahead: int) -> tuple[str, str, str]:
    return call, message_id, texts.in_line(ahead)


def now() -> float:
    return asyncio.get_running_loop().time()


# Who is shown what


async def test_everybody_in_line_gets_a_card_that_shows_their_place() -> None:
    slates = Slates()
    await cards(slates).show((FIRST, SECOND))
    assert slates.told() == [place("create", "m1", 1), place("create", "m2", 2)]


async def test_a_place_is_shown_once() -> None:
    slates = Slates()
    line = cards(slates)
    await line.show((FIRST, SECOND))
    await line.show((FIRST, SECOND))
    assert len(slates.puts) == 2


async def test_a_place_that_moves_is_shown_on_the_same_card() -> None:
    slates = Slates()
    line = cards(slates)
    await line.show((FIRST, SECOND))
    await line.show((SECOND,))
    assert slates.told()[2:] == [place("show", "m2", 1)]


async def test_somebody_new_in_line_leaves_the_others_cards_alone() -> None:
    slates = Slates()
    line = cards(slates)
    await line.show((FIRST, SECOND))
    await line.show((FIRST, SECOND, THIRD))
    assert slates.told()[2:] == [place("create", "m3", 3)]


async def test_a_card_from_before_a_restart_is_made_to_show_the_place() -> None:
    slates = Slates(there={"m1"})
    await cards(slates).show((FIRST,))
    assert slates.told() == [place("create", "m1", 1), place("show", "m1", 1)]


async def test_an_empty_line_shows_nothing() -> None:
    slates = Slates()
    await cards(slates).show(())
    assert slates.puts == []


async def test_a_robot_in_plain_text_shows_no_places() -> None:
    slates = Slates(text_only=True)
    line = cards(slates)
    await line.show((FIRST, SECOND))
    assert (slates.puts, await line.claim(FIRST)) == ([], False)


async def test_a_place_is_not_moved_when_the_months_quota_runs_out() -> None:
    slates = Slates()
    line = cards(slates)
    await line.show((FIRST, SECOND))
    slates.quota = 0.9
    await line.show((SECOND,))
    assert len(slates.puts) == 2


async def test_a_first_place_is_shown_even_when_the_months_quota_runs_out() -> None:
    slates = Slates(quota=0.1)
    await cards(slates).show((FIRST,))
    assert slates.told() == [place("create", "m1", 1)]


async def test_a_place_in_line_is_the_first_card_that_a_person_sees() -> None:
    def seen() -> float:
        return REGISTRY.get_sample_value("dingtalk_first_card_seconds_sum", {"robot": "ding1"}) or 0.0

    line, before = cards(Slates(there={"m2"})), seen()
    await line.show((FIRST, SECOND))
    await line.show((SECOND, FIRST))
    assert seen() - before == pytest.approx(3.0)


async def test_a_place_in_line_belongs_to_no_attempt() -> None:
    slates = Slates()
    await cards(slates).show((FIRST,))
    assert slates.attempts == {0}


# Whose card it is


async def test_a_turn_gets_the_card_that_stood_in_line() -> None:
    line = cards(Slates())
    await line.show((FIRST,))
    assert await line.claim(FIRST) is True


async def test_a_turn_that_never_waited_gets_none() -> None:
    line = cards(Slates())
    await line.show((SECOND,))
    assert await line.claim(FIRST) is False


async def test_the_card_of_a_question_that_was_taken_back_is_still_its_turns() -> None:
    line = cards(Slates())
    await line.show((FIRST, SECOND))
    await line.show((SECOND,))
    assert await line.claim(FIRST) is True


async def test_a_card_is_claimed_once() -> None:
    line = cards(Slates())
    await line.show((FIRST,))
    await line.claim(FIRST)
    assert await line.claim(FIRST) is False


async def test_a_card_that_was_claimed_is_not_touched_any_more() -> None:
    """Who waits may have been read before the turn began."""
    slates = Slates()
    line = cards(slates)
    await line.show((FIRST, SECOND))
    await line.claim(FIRST)
    await line.show((FIRST, SECOND))
    await line.show((SECOND, FIRST))
    assert slates.told()[2:] == [place("show", "m2", 1)]


async def test_a_card_that_is_claimed_ahead_of_its_place_is_never_made() -> None:
    slates = Slates()
    line = cards(slates)
    assert await line.claim(FIRST) is False
    await line.show((FIRST, SECOND))
    assert slates.told() == [place("create", "m2", 2)]


def test_a_claim_waits_for_the_call_that_touches_its_card() -> None:
    async def scene() -> tuple[bool, float]:
        line, began = cards(Slates(slow=1.0)), now()
        showing = asyncio.ensure_future(line.show((FIRST,)))
        await asyncio.sleep(0.25)
        claimed = await line.claim(FIRST)
        await showing
        return claimed, now() - began

    assert play(scene()) == (True, 1.0)


def test_a_claim_does_not_wait_for_the_cards_of_others() -> None:
    async def scene() -> float:
        line, began = cards(Slates(slow=1.0)), now()
        showing = asyncio.ensure_future(line.show((SECOND, THIRD)))
        await asyncio.sleep(0.25)
        await line.claim(FIRST)
        claimed_after = now() - began
        await showing
        return claimed_after

    assert play(scene()) == 0.25


def test_a_claim_does_not_wait_for_those_behind_its_card() -> None:
    async def scene() -> float:
        line, began = cards(Slates(slow=1.0)), now()
        showing = asyncio.ensure_future(line.show((FIRST, SECOND, THIRD)))
        await asyncio.sleep(0.25)
        await line.claim(FIRST)
        claimed_after = now() - began
        await showing
        return claimed_after

    assert play(scene()) == 1.0


def test_a_card_that_is_claimed_while_others_are_shown_is_passed_over() -> None:
    async def scene() -> list[str]:
        slates = Slates(slow=1.0)
        line = cards(slates)
        showing = asyncio.ensure_future(line.show((FIRST, SECOND, THIRD)))
        await asyncio.sleep(0.25)
        await line.claim(SECOND)
        await showing
        return [put.message_id for put in slates.puts]

    assert play(scene()) == ["m1", "m3"]


def test_a_card_that_could_not_be_made_before_its_turn_is_the_turns_to_make() -> None:
    async def scene() -> bool:
        line = cards(Slates(slow=1.0, failing={"m1"}))
        showing = asyncio.ensure_future(line.show((FIRST,)))
        await asyncio.sleep(0.25)
        claimed = await line.claim(FIRST)
        await showing
        return claimed

    assert play(scene()) is False


# One call at a time, the latest news


def test_no_two_calls_touch_cards_of_one_line_at_a_time() -> None:
    async def scene() -> int:
        slates = Slates(slow=1.0)
        line = cards(slates)
        async with asyncio.TaskGroup() as tasks:
            for shown in ((FIRST,), (FIRST, SECOND), (FIRST, SECOND, THIRD), (SECOND, THIRD)):
                tasks.create_task(line.show(shown))
                await asyncio.sleep(0.25)
        return slates.most_busy

    assert play(scene()) == 1


def test_later_news_take_the_place_of_earlier() -> None:
    async def scene() -> list[tuple[str, str, str]]:
        slates = Slates(slow=1.0)
        line = cards(slates)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(line.show((FIRST, SECOND, THIRD)))
            await asyncio.sleep(0.25)
            tasks.create_task(line.show((SECOND, THIRD)))
        return slates.told()

    assert play(scene()) == [place("create", "m1", 1), place("create", "m2", 1), place("create", "m3", 2)]


def test_news_that_are_old_when_they_could_be_shown_are_not_shown() -> None:
    async def scene() -> list[tuple[str, str, str]]:
        slates = Slates(slow=1.0)
        line = cards(slates)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(line.show((FIRST,)))
            await asyncio.sleep(0.25)
            tasks.create_task(line.show((FIRST, SECOND)))
            await asyncio.sleep(0.25)
            tasks.create_task(line.show((SECOND,)))
        return slates.told()

    assert play(scene()) == [place("create", "m1", 1), place("create", "m2", 1)]


# Trouble


async def test_a_place_that_cannot_be_shown_keeps_nobody_else_from_theirs() -> None:
    slates = Slates(failing={"m1"})
    line = cards(slates)
    await line.show((FIRST, SECOND))
    assert slates.told()[1:] == [place("create", "m2", 2)]
    assert await line.claim(SECOND) is True


async def test_a_place_that_could_not_be_shown_is_tried_again_with_the_next_news() -> None:
    slates = Slates(failing={"m1"})
    line = cards(slates)
    await line.show((FIRST,))
    slates.failing.clear()
    await line.show((FIRST, SECOND))
    assert slates.told()[1:] == [place("create", "m1", 1), place("create", "m2", 2)]


async def test_a_place_that_could_not_be_moved_is_still_the_turns_card() -> None:
    slates = Slates()
    line = cards(slates)
    await line.show((FIRST, SECOND))
    slates.failing.add("m2")
    await line.show((SECOND,))
    assert await line.claim(SECOND) is True


async def test_a_place_that_was_not_shown_is_told_to_the_operator(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await cards(Slates(failing={"m1"})).show((FIRST,))
    [record] = caplog.records
    assert (record.action, record.message_id) == ("place_not_shown", "m1")  # type: ignore[attr-defined]


def test_a_line_that_is_given_up_in_mid_call_can_still_be_claimed() -> None:
    async def scene() -> bool:
        line = cards(Slates(slow=1.0))
        showing = asyncio.ensure_future(line.show((FIRST, SECOND)))
        await asyncio.sleep(0.25)
        showing.cancel()
        await asyncio.wait([showing])
        return await line.claim(FIRST)

    assert play(scene()) is False


def test_a_card_whose_making_was_broken_off_may_be_there() -> None:
    async def scene() -> bool:
        line = cards(Slates(slow=1.0))
        showing = asyncio.ensure_future(line.show((FIRST,)))
        await asyncio.sleep(0.25)
        showing.cancel()
        await asyncio.wait([showing])
        return line.doubted(FIRST)

    assert play(scene()) is True


async def test_the_cards_of_a_line_that_another_replica_goes_on_with_are_left_alone() -> None:
    slates = Slates()
    line = cards(slates)
    await line.show((FIRST, SECOND), Gone())
    assert slates.told() == []
    assert not await line.claim(FIRST)
