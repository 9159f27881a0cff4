"""What an agent's back end calls its answer and its memory: durable at once, and no hindrance where it cannot be."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable

import pytest

from actors.begun import session_of
from actors.core import turn_words as words
from actors.core.events import Begun, Finished, Progress, Text
from actors.core.question import Question
from actors.errors import AgentFailed, InboxUnavailable
from actors.inbox.memory import MemoryDelivery, MemoryInbox
from actors.inbox.port import Word
from tests.actors.slates import Slates
from tests.actors.test_effects import ASKED, Stage, staged
from tests.runtime.virtual_time import play

Answer = Callable[[Question], AsyncGenerator[Progress, None]]


class Moody(MemoryDelivery):
    """A delivery whose inbox may take no names, or keep whoever brings some waiting for ever."""

    refuses = False
    hangs = False
    written = 0

    async def begun(self, run: str, session: str, *, former: str = "") -> None:
        self.written += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.refuses:
            raise InboxUnavailable("the disk is full")
        await super().begun(run, session, former=former)


async def moody(*, refuses: bool = False, hangs: bool = False) -> tuple[Stage, Moody]:
    """The first attempt at a question, at an inbox of moods."""
    inbox = MemoryInbox()
    await inbox.put(ASKED, limit=8)
    await inbox.take(ASKED.conversation)
    (entry,) = inbox.entries.values()
    delivery = Moody(inbox, entry, followed=False)
    delivery.refuses, delivery.hangs = refuses, hangs
    return Stage(Slates(), delivery, inbox), delivery


def saying(*events: Progress) -> Answer:
    """An agent that says this."""

    async def answer(_: Question) -> AsyncGenerator[Progress, None]:
        for event in events:
            yield event

    return answer


async def names(inbox: MemoryInbox) -> tuple[str, str]:
    """What is durable: the run of the answer, and the session of its memory."""
    record = await inbox.record("ding1", "m1")
    assert record is not None
    return record.run, session_of("scripted", await inbox.session(ASKED.chat_id))


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was complained of."""
    return [vars(record)["action"] for record in caplog.records if record.levelno >= logging.WARNING]


TOLD = (Begun("run-1", "talk-1"), Text("七天内。"), Finished())


async def test_they_are_durable_before_the_agent_says_more() -> None:
    stage = await staged(Slates())
    durable = []

    async def answer(_: Question) -> AsyncGenerator[Progress, None]:
        yield Begun("run-1", "talk-1")
        durable.append(await names(stage.inbox))
        yield Text("七天内。")
        yield Finished()

    assert await stage.effects(answer).perform(words.RunAgent()) == words.AnswerWhole("七天内。")
    assert durable == [("run-1", "talk-1")]


async def test_they_are_kept_of_an_answer_that_fails() -> None:
    stage = await staged(Slates())

    async def answer(_: Question) -> AsyncGenerator[Progress, None]:
        yield Begun("run-1", "talk-1")
        raise AgentFailed("error")

    assert await stage.effects(answer).perform(words.RunAgent()) == words.AnswerTorn("")
    assert await names(stage.inbox) == ("run-1", "talk-1")


async def test_they_may_come_one_by_one_and_change() -> None:
    stage = await staged(Slates())
    said = saying(Begun("run-1"), Begun(session="talk-1"), Begun("run-2"), *TOLD[1:])
    await stage.effects(said).perform(words.RunAgent())
    assert await names(stage.inbox) == ("run-2", "talk-1")


async def test_what_is_said_again_is_not_written_again() -> None:
    stage, delivery = await moody()
    await stage.effects(saying(*TOLD[:1] * 50, *TOLD[1:])).perform(words.RunAgent())
    assert delivery.written == 1


async def test_the_question_has_the_session_of_its_memory() -> None:
    stage = await staged(Slates())
    await stage.effects(saying(*TOLD)).perform(words.RunAgent())
    asked = []

    async def answer(question: Question) -> AsyncGenerator[Progress, None]:
        asked.append(question.session)
        yield Text("七天内。")
        yield Finished()

    await stage.effects(answer).perform(words.RunAgent())
    assert asked == ["talk-1"]


async def test_the_session_of_a_former_agent_is_nobodys() -> None:
    stage = await staged(Slates())
    await stage.effects(saying(*TOLD)).perform(words.RunAgent())
    kept = await stage.inbox.session(ASKED.chat_id)
    assert (session_of("scripted", kept), session_of("another", kept)) == ("talk-1", "")


async def test_a_session_that_somebody_else_ended_meanwhile_is_not_brought_back_by_its_own_name() -> None:
    stage = await staged(Slates())
    await stage.effects(saying(*TOLD)).perform(words.RunAgent())

    async def answer(question: Question) -> AsyncGenerator[Progress, None]:
        await stage.inbox.start_over(Word("ding1", "w1", "ding1::li", ASKED.chat_id, "li"))
        yield Begun("run-2", question.session)
        yield Text("七天内。")
        yield Finished()

    await stage.effects(answer).perform(words.RunAgent())
    assert await names(stage.inbox) == ("run-2", "")


async def test_a_session_that_somebody_else_ended_is_not_brought_back_by_the_answer_that_it_began_with() -> None:
    stage = await staged(Slates())

    async def answer(_: Question) -> AsyncGenerator[Progress, None]:
        yield Begun("run-1", "talk-1")
        await stage.inbox.start_over(Word("ding1", "w1", "ding1::li", ASKED.chat_id, "li"))
        yield Begun("run-2")
        yield Text("七天内。")
        yield Finished()

    await stage.effects(answer).perform(words.RunAgent())
    assert await names(stage.inbox) == ("run-2", "")


@pytest.mark.parametrize("mood", [{"refuses": True}, {"hangs": True}], ids=["refuses", "hangs"])
def test_an_inbox_that_takes_none_neither_fails_the_answer_nor_holds_it_up(
    mood: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> float:
        stage, _ = await moody(**mood)
        began = asyncio.get_running_loop().time()
        said = saying(*TOLD[:1], *(Begun(f"run-{number}") for number in range(50)), *TOLD[1:])
        assert await stage.effects(said).perform(words.RunAgent()) == words.AnswerWhole("七天内。")
        return asyncio.get_running_loop().time() - began

    assert play(scene()) < 2.0
    assert warned(caplog) == ["session_not_stored"]


async def test_the_last_ones_are_written_when_the_answer_is_stored() -> None:
    stage, delivery = await moody(refuses=True)
    effects = stage.effects(saying(*TOLD[:1], Begun("run-2"), *TOLD[1:]))
    await effects.perform(words.RunAgent())
    delivery.refuses = False
    assert await names(stage.inbox) == ("", "")
    assert await effects.perform(words.StoreAnswer("七天内。", words.End.ANSWERED)) == words.AnswerStored()
    assert await names(stage.inbox) == ("run-2", "talk-1")


async def test_an_answer_is_stored_though_they_still_cannot_be(caplog: pytest.LogCaptureFixture) -> None:
    stage, _ = await moody(refuses=True)
    effects = stage.effects(saying(*TOLD))
    await effects.perform(words.RunAgent())
    assert await effects.perform(words.StoreAnswer("七天内。", words.End.ANSWERED)) == words.AnswerStored()
    assert warned(caplog) == ["session_not_stored"]


async def test_whoever_lost_the_question_goes_on_until_that_is_told() -> None:
    stage, delivery = await moody()
    await delivery.retry(0.0)
    await stage.inbox.take(ASKED.conversation)
    assert await stage.effects(saying(*TOLD)).perform(words.RunAgent()) == words.AnswerWhole("七天内。")
    assert await names(stage.inbox) == ("", "")
