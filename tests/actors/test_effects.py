"""What a turn's actions do: the event that each leads to, whatever the platform makes of it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from prometheus_client import REGISTRY

from actors.core import texts
from actors.core import turn_words as words
from actors.core.card import answered, ended
from actors.core.durations import NOTHING_HEARD
from actors.core.events import Finished, Progress, Text, ToolStart
from actors.core.question import Attachment, Question
from actors.desk import Desk, Lately, Rules
from actors.effects import TurnEffects
from actors.errors import AgentFailed, Fault
from actors.inbox.memory import MemoryInbox
from actors.inbox.port import Delivery
from actors.waiting import WaitingCards
from tests.actors.slates import NOW, Slates, question

ASKED = question("m1")
RULES = Rules(updates=20, min_interval=0.8, history=20, max_age=900, max_attempts=5, lease=15)
LONG = "一行字。\n" * 3_000


class NoFiles:
    """Attachments of questions that have none."""

    def prefetch(self, question: Question) -> None:
        """There is nothing to fetch."""

    async def fetch(self, question: Question) -> tuple[Attachment, ...]:
        return ()

    async def drop(self, question: Question) -> None:
        """There is nothing to drop."""


async def seven_days(_: Question) -> AsyncGenerator[Progress, None]:
    yield Text("七天")
    yield Text("内。")
    yield Finished()


async def torn(_: Question) -> AsyncGenerator[Progress, None]:
    yield Text("七天")
    raise AgentFailed("error")


class StoodStill:
    """The delivery of a process that stood still for longer than its lease lasts, and asks only now."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self.left = 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(self._delivery, name)

    async def touch(self) -> bool:
        self.left = RULES.lease
        return await self._delivery.touch()


class Stage:
    """One turn at one question: its cards, its line, its effects."""

    def __init__(self, slates: Slates, delivery: Delivery, inbox: MemoryInbox) -> None:
        self.slates = slates
        self.inbox = inbox
        self.line = WaitingCards(lambda _: slates, wall=lambda: NOW)
        self.rules = RULES
        self.lately = Lately()
        self.delivery = delivery

    def effects(self, answer: Callable[[Question], AsyncGenerator[Progress, None]] = seven_days) -> TurnEffects:
        return TurnEffects(
            self.delivery,
            Desk(self.slates, NoFiles(), answer, "scripted", lately=self.lately),
            self.inbox,
            self.rules,
            line=self.line,
            running=asyncio.Semaphore(1),
            due=list,
            taken_back=list,
            wall=lambda: NOW + 2.0,
        )

    async def does(self, action: words.Action) -> words.TurnEvent | None:
        return await self.effects().perform(action)


async def staged(slates: Slates, attempts: int = 1, answer: str = "") -> Stage:
    inbox = MemoryInbox()
    await inbox.put(ASKED, limit=8)
    for _ in range(attempts):
        delivery = await inbox.take(ASKED.conversation)
        assert delivery
        if delivery.attempt < attempts:
            if answer:
                await delivery.answered(answer)
            await delivery.retry(0.0)
    assert delivery
    return Stage(slates, delivery, inbox)


@pytest.fixture
async def stage() -> Stage:
    """The first attempt at a question."""
    return await staged(Slates())


def first_cards() -> float:
    return REGISTRY.get_sample_value("dingtalk_first_card_seconds_count", {"robot": "ding1"}) or 0.0


# The card


async def test_a_thinking_card_is_made(stage: Stage) -> None:
    before = first_cards()
    assert await stage.does(words.CreateCard(think=True)) == words.CardThere()
    assert stage.slates.told() == [("create", "m1", texts.THINKING)]
    assert first_cards() == before + 1


async def test_a_card_that_stood_in_line_says_that_it_begins(stage: Stage) -> None:
    await stage.line.show((ASKED,))
    assert await stage.does(words.CreateCard(think=True)) == words.CardThere()
    assert stage.slates.told()[1:] == [("show", "m1", texts.THINKING)]


@pytest.mark.parametrize("think", [True, False])
async def test_a_card_that_stood_in_line_was_the_first_card_then_and_not_now(stage: Stage, *, think: bool) -> None:
    await stage.line.show((ASKED,))
    before = first_cards()
    await stage.does(words.CreateCard(think=think))
    assert first_cards() == before


async def test_a_card_for_a_word_without_an_answer_does_not_say_that_it_thinks(stage: Stage) -> None:
    await stage.line.show((ASKED,))
    await stage.does(words.CreateCard(think=False))
    assert len(stage.slates.puts) == 1


async def test_a_card_of_a_former_attempt_says_that_it_begins_again() -> None:
    stage = await staged(Slates(there={"m1"}), attempts=2)
    assert await stage.does(words.CreateCard(think=True)) == words.CardThere()
    assert stage.slates.told()[1:] == [("show", "m1", texts.THINKING)]


@pytest.mark.parametrize(("answer", "finished"), [("七天内。", {"m1"}), ("", set())])
async def test_a_card_may_be_finished_where_a_former_attempt_had_the_answer(answer: str, finished: set[str]) -> None:
    stage = await staged(Slates(), attempts=2, answer=answer)
    await stage.does(words.CreateCard(think=False))
    assert stage.slates.finished == finished


async def test_a_card_that_cannot_be_made_to_say_that_it_begins_is_there_all_the_same(stage: Stage) -> None:
    await stage.line.show((ASKED,))
    stage.slates.failing.add("m1")
    assert await stage.does(words.CreateCard(think=True)) == words.CardThere()


@pytest.mark.parametrize(
    ("fault", "maybe_there"),
    [(Fault.TRANSIENT, True), (Fault.THROTTLED, True), (Fault.REJECTED, False), (Fault.TEMPLATE, False)],
)
async def test_a_card_that_could_not_be_had_may_be_there_where_nobody_knows(fault: Fault, *, maybe_there: bool) -> None:
    stage = await staged(Slates(failing={"m1"}, fault=fault))
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=maybe_there)


async def test_a_card_in_line_whose_call_was_not_answered_may_be_there_though_none_can_be_made_now() -> None:
    stage = await staged(Slates(failing={"m1"}, fault=Fault.TRANSIENT))
    await stage.line.show((ASKED,))
    stage.slates.fault = Fault.QUOTA
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=True)
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=False)


async def test_in_plain_text_there_is_no_card() -> None:
    stage = await staged(Slates(text_only=True))
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=False)
    assert stage.slates.puts == []


async def test_a_card_that_stood_in_line_is_not_forgotten_when_the_robot_turned_to_plain_text(stage: Stage) -> None:
    await stage.line.show((ASKED,))
    stage.slates.text_only = True
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=True)


async def test_a_card_of_a_former_attempt_is_not_forgotten_in_plain_text() -> None:
    stage = await staged(Slates(text_only=True), attempts=2)
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=True)


@pytest.mark.parametrize("attempts", [1, 2])
async def test_a_card_from_before_is_not_forgotten_where_none_can_be_made_any_more(attempts: int) -> None:
    stage = await staged(Slates(failing={"m1"}, fault=Fault.TEMPLATE), attempts)
    stage.rules = replace(RULES, began=NOW + 1.0)
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=True)


async def test_a_question_from_before_this_process_may_have_a_card_in_line_though_the_robot_is_in_plain_text() -> None:
    stage = await staged(Slates(text_only=True))
    stage.rules = replace(RULES, began=NOW + 1.0)
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=True)


async def test_another_replica_may_have_shown_a_place_in_line_while_cards_are_refused_here() -> None:
    stage = await staged(Slates(text_only=True))
    stage.rules = replace(RULES, shared=True)
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=True)


async def test_a_robot_that_never_has_cards_has_none_from_another_replica() -> None:
    stage = await staged(Slates(text_only=True, always_text=True))
    stage.rules = replace(RULES, shared=True)
    assert await stage.does(words.CreateCard(think=True)) == words.CardRefused(maybe_there=False)


# The agent


async def test_an_agent_that_finishes_has_answered(stage: Stage) -> None:
    assert await stage.does(words.RunAgent()) == words.AnswerWhole("七天内。")


async def test_an_agent_that_fails_leaves_what_it_said(stage: Stage) -> None:
    assert await stage.effects(torn).perform(words.RunAgent()) == words.AnswerTorn("七天")


async def silent(_: Question) -> AsyncGenerator[Progress, None]:
    yield ToolStart("orders")
    yield Finished()


@pytest.mark.parametrize(("answer", "answers"), [(seven_days, 1.0), (torn, 0.0), (silent, 0.0)])
async def test_how_long_it_took_is_learned_of_an_answer_that_is_whole(
    stage: Stage, answer: Callable[[Question], AsyncGenerator[Progress, None]], answers: float
) -> None:
    await stage.effects(answer).perform(words.RunAgent())
    assert sum(stage.lately.durations.weights) == answers


async def test_what_was_learned_paces_the_next_answer(stage: Stage) -> None:
    await stage.does(words.RunAgent())
    assert stage.effects()._pump._budget.lately == stage.lately.durations != NOTHING_HEARD


async def test_what_was_said_is_gathered_after_a_stop(stage: Stage) -> None:
    effects = stage.effects(torn)
    await effects.perform(words.RunAgent())
    assert await effects.perform(words.Gather()) == words.AnswerStopped("七天")


# The end


async def test_a_card_that_takes_the_whole_text_is_finished(stage: Stage) -> None:
    assert await stage.does(words.FinishCard(answered("七天内。"))) == words.CardFinished()
    assert stage.slates.told() == [("finish", "m1", "七天内。")]


async def test_a_card_that_is_not_finished_says_so() -> None:
    stage = await staged(Slates(failing={"m1"}))
    assert await stage.does(words.FinishCard(answered("七天内。"))) == words.FinishFailed()


async def full(largest: int) -> tuple[words.CardFull, list[str]]:
    """What becomes of a long text on a card that takes so many characters."""
    stage = await staged(Slates(largest=largest))
    event = await stage.does(words.FinishCard(answered(LONG)))
    assert isinstance(event, words.CardFull)
    return event, [put.what for put in stage.slates.puts]


@pytest.mark.parametrize("largest", [400, 1_500, 6_000])
async def test_a_text_that_is_too_large_stays_on_the_card_in_part_and_nothing_is_lost(largest: int) -> None:
    event, shown = await full(largest)
    part = event.shown.removesuffix(texts.THE_REST_FOLLOWS).rstrip("\n")
    assert shown == [event.shown]
    assert event.shown.endswith(texts.THE_REST_FOLLOWS)
    assert LONG.startswith(part)
    assert f"{part}\n{event.rest}" == LONG


async def test_the_larger_the_card_the_more_stays_on_it() -> None:
    sizes = [len((await full(largest))[0].shown) for largest in (400, 1_500, 6_000)]
    assert all(smaller < larger for smaller, larger in pairwise(sizes))


async def test_a_card_that_takes_no_part_of_a_text_is_not_finished() -> None:
    stage = await staged(Slates(largest=10))
    assert await stage.does(words.FinishCard(answered(LONG))) == words.FinishFailed()


async def test_a_short_text_that_is_refused_for_its_size_is_not_cut() -> None:
    stage = await staged(Slates(largest=3))
    assert await stage.does(words.FinishCard(answered("七天内。"))) == words.FinishFailed()


async def test_a_message_that_went_out_is_said(stage: Stage) -> None:
    assert await stage.does(words.Say("七天内。")) == words.AnswerSaid()
    assert stage.slates.said == ["七天内。"]


async def test_a_message_that_did_not_go_out_says_so() -> None:
    stage = await staged(Slates(mute=True))
    assert await stage.does(words.Say("七天内。")) == words.SayFailed()


@pytest.mark.parametrize("failing", [set(), {"m1"}])
async def test_a_card_is_closed_or_given_up(failing: set[str]) -> None:
    stage = await staged(Slates(failing=failing))
    assert await stage.does(words.CloseCard(ended(texts.SENT_BESIDE))) == words.CardClosed()
    assert stage.slates.told() == [("show", "m1", texts.SENT_BESIDE)]


async def closed_later(slates: Slates) -> list[str]:
    """Close a card whose calls fail, put the turn away until it tries again, and see what the card was told then."""
    effects = (await staged(slates)).effects()
    await effects.perform(words.CloseCard(ended(texts.SENT_BESIDE)))
    assert len(slates.puts) == 1
    await effects.perform(words.Done(words.End.STOPPED))
    putting_away = asyncio.create_task(effects.put_away())
    while not putting_away.done() and len(slates.puts) < 3:  # noqa: ASYNC110 - a slate tells no events
        await asyncio.sleep(0.001)
    slates.failing.clear()
    await asyncio.wait_for(putting_away, 10)
    return [put.what for put in slates.puts]


async def test_a_card_that_was_not_closed_in_passing_trouble_is_closed_when_that_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actors.effects.CLOSE_AGAIN_AFTER", 0.01)
    told = await closed_later(Slates(failing={"m1"}))
    assert told == [texts.SENT_BESIDE] * len(told)
    assert len(told) > 2


async def test_a_card_that_may_not_be_closed_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.effects.CLOSE_AGAIN_AFTER", 0.01)
    assert await closed_later(Slates(failing={"m1"}, fault=Fault.QUOTA)) == [texts.SENT_BESIDE]


async def test_a_card_whose_question_is_not_closed_is_not_touched_later() -> None:
    slates = Slates(failing={"m1"})
    effects = (await staged(slates)).effects()
    await effects.perform(words.CloseCard(ended(texts.SENT_BESIDE)))
    await asyncio.wait_for(effects.put_away(), 10)
    assert len(slates.puts) == 1


@pytest.mark.parametrize("action", [words.CreateCard(think=True), words.Update(), words.FinishCard(answered("七天"))])
async def test_a_card_that_is_another_holders_is_left_alone_and_that_is_found_out(
    stage: Stage, action: words.Action
) -> None:
    effects = stage.effects()
    effects.lease.end()
    assert await effects.perform(action) == words.Lost()
    assert stage.slates.told() == []


async def test_no_agent_begins_at_a_question_that_is_another_holders(stage: Stage) -> None:
    asked = []

    async def agent(question: Question) -> AsyncGenerator[Progress, None]:
        asked.append(question)
        yield Finished()

    effects = stage.effects(agent)
    effects.lease.end()
    assert (await effects.perform(words.RunAgent()), asked) == (words.Lost(), [])


async def test_an_agent_begins_after_a_standstill_when_the_question_is_found_to_be_held_still(stage: Stage) -> None:
    stage.delivery = StoodStill(stage.delivery)  # type: ignore[assignment]
    effects = stage.effects()
    beginning = asyncio.create_task(effects.perform(words.RunAgent()))
    await asyncio.sleep(0.05)
    assert not beginning.done()
    keeping = asyncio.create_task(effects.keep())
    assert await asyncio.wait_for(beginning, 10) == words.AnswerWhole("七天内。")
    keeping.cancel()


async def test_leaving_is_told_beneath_what_was_said(stage: Stage) -> None:
    effects = stage.effects(torn)
    await effects.perform(words.RunAgent())
    assert await effects.perform(words.ShowLeaving()) == words.UpdateEnded()
    assert stage.slates.told() == [("update", "m1", texts.interrupted("七天"))]
