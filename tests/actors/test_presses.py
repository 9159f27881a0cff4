"""A press of a card's button: who may, what it does once, what is told to whom, and when it must not be acked."""

import asyncio
import json
import logging
from collections.abc import Coroutine
from typing import Any

import pytest
from prometheus_client import REGISTRY

from actors.core import texts
from actors.core.card import STOP, button_id, card_id, rating_value
from actors.core.events import Feedback as Opinion
from actors.inbox.memory import MemoryInbox
from actors.inbox.port import Feedback, Outcome
from actors.presses import Presses
from tests.actors.slates import Slates, question
from tests.runtime.virtual_time import play

NO_CHANGE: dict[str, Any] = {"response": {}}
ASKED = question("m1")
ANSWER = "七天内。"


class SlowInbox(MemoryInbox):
    """One whose writes take their time."""

    async def feedback(self, given: Feedback) -> bool:
        await asyncio.sleep(60)
        return await super().feedback(given)

    async def cancel(self, robot: str, message_id: str) -> bool:
        await asyncio.sleep(60)
        return await super().cancel(robot, message_id)


class Booth:
    """A robot's cards, and everybody who hears of a press on them. What happens beside the ack runs in tasks."""

    def __init__(self, inbox: MemoryInbox | None = None, slates: Slates | None = None) -> None:
        self.inbox = inbox or MemoryInbox()
        self.slates = slates or Slates()
        self.taken_back: list[tuple[str, frozenset[str]]] = []
        self.heard: list[Opinion] = []
        self.deaf: Exception | None = None
        self.hard_of_hearing: dict[str, float] = {}
        """How many seconds a rating takes to be heard."""
        self.hearing_takes = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._presses = Presses(
            "ding1",
            self.inbox,
            self.slates,
            taken_back=lambda conversation, message_ids: self.taken_back.append((conversation, message_ids)),
            heard=self._hear,
            beside=self._beside,
        )

    async def _hear(self, opinion: Opinion) -> None:
        await asyncio.sleep(self.hearing_takes)
        if self.deaf:
            raise self.deaf
        await asyncio.sleep(self.hard_of_hearing.get(opinion.rating, 0.0))
        self.heard.append(opinion)

    def _beside(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(coroutine))

    async def quiet(self) -> None:
        """Wait until all that happens beside has happened."""
        await asyncio.gather(*self._tasks)

    async def ask(self, *message_ids: str) -> None:
        """Questions arrive; the first is taken, if nothing is."""
        for message_id in message_ids:
            await self.inbox.put(question(message_id), limit=8)

    async def answer(self, outcome: Outcome = Outcome.ANSWERED, *, closed: bool = True) -> None:
        """The person asks, and gets an answer."""
        await self.ask("m1")
        delivery = await self.inbox.take(ASKED.conversation)
        assert delivery
        await delivery.begun("run-1", "")
        await delivery.answered(ANSWER, outcome)
        if closed:
            await delivery.done(outcome)

    async def press(
        self, action_id: str, user: str = "zhang", *, card: str = card_id("ding1", "m1"), params: object = None
    ) -> dict[str, Any] | None:
        """Somebody presses a button; the answer to it comes back, and all that follows has happened."""
        ack = await self._presses.receive(pressing(action_id, user, card, params))
        await self.quiet()
        return ack

    async def rate(self, rating: str = "helpful", user: str = "zhang") -> dict[str, Any] | None:
        return await self.press(button_id(rating, "m1"), user)

    async def stop(self, message_id: str = "m1", user: str = "zhang") -> dict[str, Any] | None:
        return await self.press(button_id(STOP, message_id), user, card=card_id("ding1", message_id))

    async def stored(self, rating: str = "helpful", person: str = "zhang") -> bool:
        """Whether this is the person's rating: then the same again is none."""
        return not await MemoryInbox.feedback(self.inbox, Feedback("ding1", "m1", person, rating))

    async def cancelled(self, message_id: str = "m1") -> bool:
        """Whether the question was taken back: then that can be done no more."""
        return not await MemoryInbox.cancel(self.inbox, "ding1", message_id)


def pressing(action_id: str, user: str, card: str, params: object = None) -> dict[str, Any]:
    """A card callback's data (open.dingtalk.com, "Card callbacks")."""
    content = {"cardPrivateData": {"actionIds": [action_id], "params": params or {}}}
    return {
        "type": "actionCallback",
        "outTrackId": card,
        "corpId": "ding-corp",
        "userId": user,
        "userIdType": 1,
        "spaceType": "im",
        "spaceId": "cid-zhang",
        "content": json.dumps(content),
        "value": json.dumps(content),
        "extension": "{}",
    }


def counted(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"dingtalk_{metric}_total", {"robot": "ding1", **labels}) or 0.0


def changing(variables: dict[str, str]) -> dict[str, Any]:
    return {
        "response": {
            "cardUpdateOptions": {"updateCardDataByKey": True},
            "cardData": {"cardParamMap": variables},
        }
    }


@pytest.fixture
async def booth() -> Booth:
    """One question, answered and closed."""
    booth = Booth()
    await booth.answer()
    return booth


@pytest.fixture
async def running() -> Booth:
    """One question whose answer is under way, and one that waits behind it."""
    booth = Booth()
    await booth.ask("m1", "m2")
    assert await booth.inbox.take(ASKED.conversation)
    return booth


# A rating


@pytest.mark.parametrize("rating", texts.RATINGS)
async def test_a_rating_is_stored_before_it_is_acked(booth: Booth, rating: str) -> None:
    assert await booth.rate(rating) is not None
    assert await booth.stored(rating)


async def test_the_ack_shows_the_rating_to_whoever_pressed(booth: Booth) -> None:
    assert await booth.rate("helpful") == changing({"rating": "helpful"})


async def test_everybody_is_shown_the_rating(booth: Booth) -> None:
    await booth.rate("helpful")
    assert booth.slates.told() == [("rate", "m1", "helpful")]


async def test_a_rating_is_counted(booth: Booth) -> None:
    before = counted("feedback", rating="helpful"), counted("clicks", outcome="rated")
    await booth.rate("helpful")
    assert (counted("feedback", rating="helpful"), counted("clicks", outcome="rated")) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(("rating", "kind"), [("very_helpful", "helpful"), ("slightly_helpful", "unhelpful")])
async def test_a_rating_is_logged_as_one_event(
    booth: Booth, caplog: pytest.LogCaptureFixture, rating: str, kind: str
) -> None:
    caplog.set_level(logging.INFO)
    await booth.rate(rating)
    [record] = [record for record in caplog.records if getattr(record, "event", "") == "feedback"]
    assert (record.rating, record.type, record.message_id) == (rating, kind, "m1")  # type: ignore[attr-defined]


async def test_the_log_of_a_rating_quotes_neither_question_nor_answer(
    booth: Booth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await booth.rate()
    told = "".join(str(vars(record)) for record in caplog.records)
    assert told
    assert not [words for words in (ASKED.text, ANSWER) if words in told]


@pytest.mark.parametrize("rating", texts.RATINGS)
async def test_the_agent_hears_what_was_rated_and_how(booth: Booth, rating: str) -> None:
    await booth.rate(rating)
    assert booth.heard == [Opinion(ASKED, ANSWER, rating, rating in {"very_helpful", "helpful"}, "run-1")]


async def test_a_rating_by_a_templates_parameters_is_one(booth: Booth) -> None:
    assert await booth.press("node_ocltl6e6foq", params=rating_value("helpful", "m1")) == changing(
        {"rating": "helpful"}
    )


async def test_the_same_rating_again_is_counted_shown_and_told_once(booth: Booth) -> None:
    await booth.rate("helpful")
    before = counted("feedback", rating="helpful"), counted("clicks", outcome="repeated")
    assert await booth.rate("helpful") == changing({"rating": "helpful"})
    assert counted("feedback", rating="helpful") == before[0]
    assert counted("clicks", outcome="repeated") == before[1] + 1
    assert (len(booth.heard), len(booth.slates.puts)) == (1, 1)


async def test_a_rating_that_changes_takes_the_place_of_the_last(booth: Booth) -> None:
    before = counted("feedback", rating="not_helpful")
    await booth.rate("helpful")
    assert await booth.rate("not_helpful") == changing({"rating": "not_helpful"})
    assert await booth.stored("not_helpful")
    assert counted("feedback", rating="not_helpful") == before + 1
    assert [opinion.rating for opinion in booth.heard] == ["helpful", "not_helpful"]
    assert booth.slates.told()[-1] == ("rate", "m1", "not_helpful")


def test_a_rating_that_takes_long_to_show_does_not_take_the_place_of_a_later_one() -> None:
    async def scene() -> tuple[list[tuple[str, str, str]], int]:
        slates = Slates(slow=1.0)
        booth = Booth(slates=slates)
        await booth.answer()
        await asyncio.gather(booth.rate("helpful"), booth.rate("not_helpful"))
        return slates.told(), slates.most_busy

    assert play(scene()) == ([("rate", "m1", "helpful"), ("rate", "m1", "not_helpful")], 1)


def test_the_agent_hears_of_one_rating_of_an_answer_after_the_other() -> None:
    async def scene() -> list[str]:
        booth = Booth()
        await booth.answer()
        booth.hard_of_hearing = {"helpful": 1.0}
        await asyncio.gather(booth.rate("helpful"), booth.rate("not_helpful"))
        return [opinion.rating for opinion in booth.heard]

    assert play(scene()) == ["helpful", "not_helpful"]


def test_ratings_of_other_answers_do_not_wait() -> None:
    async def scene() -> int:
        slates = Slates(slow=1.0)
        booth = Booth(slates=slates)
        for message_id in ("m1", "m2"):
            await booth.ask(message_id)
            delivery = await booth.inbox.take(ASKED.conversation)
            assert delivery
            await delivery.answered(ANSWER)
            await delivery.done(Outcome.ANSWERED)
        await asyncio.gather(booth.rate(), booth.press(button_id("helpful", "m2"), card=card_id("ding1", "m2")))
        return slates.most_busy

    assert play(scene()) == 2


async def test_a_card_from_before_a_restart_can_be_rated(booth: Booth) -> None:
    reborn = Booth(booth.inbox)
    assert await reborn.rate() == changing({"rating": "helpful"})
    assert [opinion.answer for opinion in reborn.heard] == [ANSWER]


async def test_an_answer_whose_card_is_just_being_closed_can_be_rated() -> None:
    booth = Booth()
    await booth.answer(closed=False)
    assert await booth.rate() == changing({"rating": "helpful"})


async def test_somebody_from_outside_may_rate_by_the_id_they_asked_with() -> None:
    booth, asked = Booth(), question("m1", person="$:LWCP_v1:$abc", staff=False)
    await booth.inbox.put(asked, limit=8)
    delivery = await booth.inbox.take(asked.conversation)
    assert delivery
    await delivery.answered(ANSWER)
    await delivery.done(Outcome.ANSWERED)
    assert await booth.rate(user="$:LWCP_v1:$abc") == changing({"rating": "helpful"})


# What is none


async def ignored(booth: Booth, ack: dict[str, Any] | None) -> None:
    """It was acked, and that was all."""
    assert ack == NO_CHANGE
    assert not await booth.stored()
    assert (booth.heard, booth.slates.puts, booth.taken_back) == ([], [], [])


async def test_nobody_else_may_rate(booth: Booth) -> None:
    before = counted("clicks", outcome="foreign")
    await ignored(booth, await booth.rate(user="li"))
    assert counted("clicks", outcome="foreign") == before + 1


async def test_a_rating_on_another_card_is_none(booth: Booth) -> None:
    before = counted("clicks", outcome="unknown")
    await ignored(booth, await booth.press(button_id("helpful", "m1"), card=card_id("ding1", "m2")))
    assert counted("clicks", outcome="unknown") == before + 1


async def test_a_rating_on_another_robots_card_is_none(booth: Booth) -> None:
    await ignored(booth, await booth.press(button_id("helpful", "m1"), card=card_id("ding2", "m1")))


async def test_a_question_that_was_answered_anew_is_rated_on_its_last_card_alone() -> None:
    booth, asked = Booth(), ASKED.replayed(ASKED.received_at)
    await booth.inbox.put(asked, limit=8)
    delivery = await booth.inbox.take(asked.conversation)
    assert delivery
    await delivery.answered(ANSWER)
    await delivery.done(Outcome.ANSWERED)
    assert await booth.rate() == NO_CHANGE
    rated = await booth.press(button_id("helpful", "m1"), card=card_id("ding1", "m1", asked.replay))
    assert rated == changing({"rating": "helpful"})


async def test_a_button_that_is_none_of_ours_does_nothing(booth: Booth) -> None:
    await ignored(booth, await booth.press("somebody_elses_button"))


async def test_a_card_that_was_forgotten_cannot_be_rated() -> None:
    booth = Booth()
    await ignored(booth, await booth.rate())


async def test_an_answer_that_is_not_there_yet_cannot_be_rated(running: Booth) -> None:
    await ignored(running, await running.rate())


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.STOPPED, Outcome.EXPIRED])
async def test_what_is_no_answer_cannot_be_rated(outcome: Outcome) -> None:
    booth = Booth()
    await booth.answer(outcome)
    await ignored(booth, await booth.rate())


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"outTrackId": card_id("ding1", "m1")},
        {"outTrackId": card_id("ding1", "m1"), "userId": "zhang", "content": "no json"},
        {"outTrackId": 7, "userId": [], "content": {}},
    ],
)
async def test_what_cannot_be_read_is_acked_and_logged(
    caplog: pytest.LogCaptureFixture, broken: dict[str, Any]
) -> None:
    booth = Booth()
    assert await booth._presses.receive(broken) == NO_CHANGE
    assert [record.action for record in caplog.records] == ["click_malformed"]  # type: ignore[attr-defined]


async def test_of_several_buttons_in_one_press_the_one_that_is_ours_counts(booth: Booth) -> None:
    data = pressing("", "zhang", card_id("ding1", "m1"))
    data["content"] = json.dumps({"cardPrivateData": {"actionIds": ["node_1", button_id("helpful", "m1")]}})
    assert await booth._presses.receive(data) == changing({"rating": "helpful"})
    await booth.quiet()


# Trouble


async def test_an_agent_that_takes_no_rating_harms_nobody(booth: Booth, caplog: pytest.LogCaptureFixture) -> None:
    booth.deaf = LookupError("what the customer said")
    assert await booth.rate() == changing({"rating": "helpful"})
    assert await booth.stored()
    assert "feedback_not_taken" in {getattr(record, "action", "") for record in caplog.records}


async def test_a_rating_that_is_not_shown_to_everybody_counts_all_the_same(
    booth: Booth, caplog: pytest.LogCaptureFixture
) -> None:
    booth.slates.failing.add("m1")
    assert await booth.rate() == changing({"rating": "helpful"})
    assert await booth.stored()
    assert len(booth.heard) == 1
    assert "rating_not_shown" in {getattr(record, "action", "") for record in caplog.records}


def test_the_ack_waits_neither_for_the_card_nor_for_the_agent() -> None:
    async def scene() -> float:
        booth = Booth(slates=Slates(slow=30.0))
        booth.hearing_takes = 30.0
        await booth.answer()
        began = asyncio.get_running_loop().time()
        await booth._presses.receive(pressing(button_id("helpful", "m1"), "zhang", card_id("ding1", "m1")))
        acked_after = asyncio.get_running_loop().time() - began
        await booth.quiet()
        return acked_after

    assert play(scene()) == 0.0


def test_a_rating_that_is_not_stored_in_time_is_not_acked() -> None:
    async def scene() -> tuple[object, float, list[Opinion]]:
        booth = Booth(SlowInbox())
        await booth.answer()
        began = asyncio.get_running_loop().time()
        ack = await booth.rate()
        return ack, asyncio.get_running_loop().time() - began, booth.heard

    ack, seconds, heard = play(scene())
    assert (ack, heard) == (None, [])
    assert seconds < 2.0


def test_a_stop_that_is_not_stored_in_time_is_not_acked() -> None:
    async def scene() -> tuple[object, object]:
        booth = Booth(SlowInbox())
        await booth.ask("m1")
        return await booth.stop(), booth.taken_back

    assert play(scene()) == (None, [])


async def test_a_press_that_the_inbox_does_not_take_is_not_acked_and_logged(
    booth: Booth, caplog: pytest.LogCaptureFixture
) -> None:
    await booth.inbox.close()
    assert await booth.rate() is None
    assert [record.action for record in caplog.records] == ["press_not_stored"]  # type: ignore[attr-defined]


# A stop


async def test_a_stop_takes_the_question_back_before_it_is_acked(running: Booth) -> None:
    assert await running.stop() is not None
    assert await running.cancelled()


async def test_the_conversation_is_told_which_question_is_stopped(running: Booth) -> None:
    await running.stop()
    assert running.taken_back == [(ASKED.conversation, frozenset({"m1"}))]


async def test_the_ack_of_a_stop_shows_that_it_was_pressed(running: Booth) -> None:
    assert await running.stop() == changing({"stoppable": "false"})


async def test_a_stop_is_counted_and_is_no_rating(running: Booth) -> None:
    before = counted("clicks", outcome="stopped")
    await running.stop()
    assert counted("clicks", outcome="stopped") == before + 1
    assert running.heard == []


async def test_a_question_that_waits_can_be_stopped_and_no_other_is(running: Booth) -> None:
    await running.stop("m2")
    assert running.taken_back == [(ASKED.conversation, frozenset({"m2"}))]
    assert not await running.cancelled("m1")


async def test_a_second_stop_tells_nobody(running: Booth) -> None:
    await running.stop()
    before = counted("clicks", outcome="repeated")
    assert await running.stop() == NO_CHANGE
    assert len(running.taken_back) == 1
    assert counted("clicks", outcome="repeated") == before + 1


async def test_an_answer_that_is_whole_cannot_be_stopped(booth: Booth) -> None:
    assert await booth.stop() == NO_CHANGE
    assert booth.taken_back == []


async def test_nobody_else_may_stop(running: Booth) -> None:
    assert await running.stop(user="li") == NO_CHANGE
    assert running.taken_back == []
    assert not await running.cancelled()


async def test_a_template_without_a_stop_button_to_change_is_acked_without_a_change(running: Booth) -> None:
    running.slates.stopping = {}
    assert await running.stop() == NO_CHANGE
    assert await running.cancelled()
