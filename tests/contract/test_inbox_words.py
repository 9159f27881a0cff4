"""What a person takes back, forgets, or says that is no question."""

from actors.inbox.port import Inbox, Outcome, Record, Word
from tests.contract.stories import DEDUPE_WINDOW, LI, SHOP, WANG, Clock, put, question, take

LI_HERSELF, SOMEBODY_ELSE = "staff-li", "staff-wang"


def word(message_id: str = "w1", *, person: str = LI_HERSELF, conversation: str = LI, chat_id: str = LI) -> Word:
    return Word(SHOP, message_id, conversation, chat_id, person)


class TestNotes:
    async def test_a_message_is_noted_once(self, inbox: Inbox) -> None:
        assert [await inbox.note(SHOP, "w1"), await inbox.note(SHOP, "w1")] == [True, False]

    async def test_the_same_message_to_another_robot_is_another(self, inbox: Inbox) -> None:
        await inbox.note(SHOP, "w1")
        assert await inbox.note("ding-bank", "w1")

    async def test_a_repeat_of_a_question_is_told(self, inbox: Inbox) -> None:
        await put(inbox, "q1")
        assert not await inbox.note(SHOP, "q1")
        await (await take(inbox)).done(Outcome.ANSWERED)
        assert not await inbox.note(SHOP, "q1")

    async def test_a_note_is_forgotten_after_the_dedupe_window(self, inbox: Inbox, clock: Clock) -> None:
        await inbox.note(SHOP, "w1")
        clock.advance(DEDUPE_WINDOW + 1)
        assert await inbox.sweep() == 1
        assert await inbox.note(SHOP, "w1")

    async def test_a_note_within_the_window_is_kept(self, inbox: Inbox, clock: Clock) -> None:
        await inbox.note(SHOP, "w1")
        clock.advance(DEDUPE_WINDOW - 1)
        await inbox.sweep()
        assert not await inbox.note(SHOP, "w1")


class TestStop:
    async def test_it_cancels_the_question_that_is_held(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await take(inbox)
        assert await inbox.stop(word()) == ("m1",)

    async def test_it_cancels_the_first_that_is_about_to_be_taken(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await inbox.stop(word())
        first = await take(inbox)
        assert (first.question.message_id, first.cancelled) == ("m1", True)

    async def test_it_leaves_those_that_wait_alone(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        first = await take(inbox)
        await inbox.stop(word())
        await first.done(Outcome.STOPPED)
        assert not (await take(inbox)).cancelled

    async def test_a_repeat_does_nothing(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await inbox.stop(word())
        await (await take(inbox)).done(Outcome.STOPPED)
        await put(inbox, "m2")
        assert await inbox.stop(word()) is None
        assert not (await take(inbox)).cancelled

    async def test_nothing_to_stop_is_told(self, inbox: Inbox) -> None:
        assert await inbox.stop(word()) == ()

    async def test_nobody_stops_somebody_elses_answer(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        assert await inbox.stop(word(person=SOMEBODY_ELSE)) == ()
        assert not (await take(inbox)).cancelled

    async def test_an_answer_that_is_stored_is_not_stopped(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).answered("明天到")
        assert await inbox.stop(word()) == ()

    async def test_another_conversation_goes_on(self, inbox: Inbox) -> None:
        await put(inbox, "m1", conversation=WANG)
        await inbox.stop(word())
        assert not (await take(inbox, WANG)).cancelled


class TestStartingOver:
    async def test_it_cancels_all_that_is_open(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2", "m3")
        await take(inbox)
        assert sorted(await inbox.start_over(word()) or ()) == ["m1", "m2", "m3"]

    async def test_nobody_is_waiting_any_more(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2", "m3")
        await take(inbox)
        await inbox.start_over(word())
        assert await inbox.waiting(LI) == ()

    async def test_there_is_room_again_for_those_who_wait(self, inbox: Inbox) -> None:
        await put(inbox, "m1", "m2")
        await inbox.start_over(word())
        assert await inbox.put(question("m3"), limit=1) == "new"

    async def test_it_forgets_the_memory(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        await delivery.answered("明天到")
        await delivery.done(Outcome.ANSWERED)
        await inbox.start_over(word())
        assert await inbox.recall(LI, 10) == ()

    async def test_it_leaves_other_memories_alone(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        await delivery.answered("明天到")
        await delivery.done(Outcome.ANSWERED)
        await inbox.start_over(word(chat_id=WANG))
        assert len(await inbox.recall(LI, 10)) == 1

    async def test_an_answer_from_before_is_not_remembered(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        await delivery.answered("明天到")
        await inbox.start_over(word())
        await delivery.done(Outcome.ANSWERED)
        assert await inbox.recall(LI, 10) == ()

    async def test_somebody_elses_questions_go_on(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await inbox.start_over(word(person=SOMEBODY_ELSE))
        assert not (await take(inbox)).cancelled

    async def test_a_repeat_does_nothing(self, inbox: Inbox) -> None:
        await inbox.start_over(word())
        await put(inbox, "m1")
        assert await inbox.start_over(word()) is None
        assert not (await take(inbox)).cancelled


class TestCancelling:
    async def test_one_question_is_cancelled_by_its_id(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        assert await inbox.cancel(SHOP, "m1")
        assert (await take(inbox)).cancelled

    async def test_what_is_cancelled_already_is_not_again(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await inbox.cancel(SHOP, "m1")
        assert not await inbox.cancel(SHOP, "m1")

    async def test_what_is_closed_or_unknown_is_not_cancelled(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).done(Outcome.ANSWERED)
        assert [await inbox.cancel(SHOP, "m1"), await inbox.cancel(SHOP, "m9")] == [False, False]


class TestRecords:
    async def test_an_open_question_has_a_record(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        assert await inbox.record(SHOP, "m1") == Record(question("m1"), None, None, closed=False)

    async def test_a_closed_question_has_its_answer_on_record(self, inbox: Inbox) -> None:
        await put(inbox, "m1")
        delivery = await take(inbox)
        await delivery.answered("明天到")
        await delivery.done(Outcome.ANSWERED)
        assert await inbox.record(SHOP, "m1") == Record(question("m1"), "明天到", Outcome.ANSWERED, closed=True)

    async def test_an_unknown_message_has_none(self, inbox: Inbox) -> None:
        assert await inbox.record(SHOP, "m1") is None
