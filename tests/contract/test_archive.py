"""What an operator reads of a store, beside the inbox that serves from it, and what becomes of a replayed question."""

import pytest

from actors.core.question import Question
from actors.inbox import sql_archive
from actors.inbox.port import REPLAYABLE, Archive, Feedback, Inbox, Outcome, Put, Rating, State, Stored, Work
from tests.contract.stories import LI, SHOP, WANG, Clock, put, question, take, taken

BANK = "ding-bank"


@pytest.fixture(params=[2, 500], ids=["small pages", "one page"], autouse=True)
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is told is told the same, however many rows are read at once."""
    monkeypatch.setattr(sql_archive, "_SLICE", request.param)


async def close(inbox: Inbox, asked: Question, outcome: Outcome, answer: str | None = None) -> None:
    """A question's whole way."""
    assert await inbox.put(asked, limit=100) is Put.NEW
    delivery = await take(inbox, asked.conversation)
    if answer is not None:
        await delivery.answered(answer, outcome)
    await delivery.done(outcome)


async def ids(
    archive: Archive,
    *,
    robot: str = "",
    message_id: str = "",
    state: State | None = None,
    outcome: Outcome | None = None,
) -> list[str]:
    """Which questions are shown, in their order."""
    shown = archive.questions(robot=robot, message_id=message_id, state=state, outcome=outcome)
    return [stored.question.message_id async for stored in shown]


async def rated(
    archive: Archive, *, robot: str = "", message_id: str = "", since: float = 0.0
) -> list[tuple[str, str]]:
    """Which ratings are shown, in their order."""
    shown = archive.ratings(robot=robot, message_id=message_id, since=since)
    return [(rating.feedback.message_id, rating.feedback.rating) async for rating in shown]


class TestQuestions:
    async def test_an_empty_store_shows_none(self, archive: Archive) -> None:
        assert await ids(archive) == []

    async def test_the_newest_comes_first(self, inbox: Inbox, archive: Archive) -> None:
        await put(inbox, "m1", "m2", "m3", "m4", "m5")
        assert await ids(archive) == ["m5", "m4", "m3", "m2", "m1"]

    async def test_an_open_question_is_shown_whole(self, inbox: Inbox, archive: Archive) -> None:
        await put(inbox, "m1")
        (stored,) = [stored async for stored in archive.questions()]
        assert stored == Stored(question("m1"), State.OPEN, 0, 0, None, None, cancelled=False, closed_at=None)

    async def test_a_held_question_is_shown_as_held(self, inbox: Inbox, archive: Archive) -> None:
        await put(inbox, "m1")
        await inbox.cancel(SHOP, "m1")
        await inbox.take(LI)
        await inbox.abandon(LI)
        await inbox.take(LI)
        (stored,) = [stored async for stored in archive.questions()]
        assert stored == Stored(question("m1"), State.HELD, 2, 1, None, None, cancelled=True, closed_at=None)

    async def test_a_closed_question_is_shown_with_its_answer(
        self, inbox: Inbox, archive: Archive, clock: Clock
    ) -> None:
        await close(inbox, question("m1"), Outcome.ANSWERED, "明天到")
        (stored,) = [stored async for stored in archive.questions()]
        assert stored == Stored(
            question("m1"), State.CLOSED, 1, 0, "明天到", Outcome.ANSWERED, cancelled=False, closed_at=clock()
        )

    async def test_a_robots_own_are_told_apart(self, inbox: Inbox, archive: Archive) -> None:
        await put(inbox, "m1")
        await inbox.put(question("m2", robot=BANK), limit=100)
        assert [await ids(archive, robot=SHOP), await ids(archive, robot=BANK)] == [["m1"], ["m2"]]

    async def test_states_are_told_apart(self, inbox: Inbox, archive: Archive) -> None:
        await close(inbox, question("m1"), Outcome.ANSWERED)
        await put(inbox, "m2", "m3")
        await inbox.take(LI)
        shown = [await ids(archive, state=state) for state in State]
        assert shown == [["m3"], ["m2"], ["m1"]]

    async def test_outcomes_are_told_apart(self, inbox: Inbox, archive: Archive) -> None:
        for outcome in Outcome:
            await close(inbox, question(outcome), outcome)
        assert [await ids(archive, outcome=outcome) for outcome in Outcome] == [[outcome] for outcome in Outcome]

    async def test_one_is_found_by_its_message_id(self, inbox: Inbox, archive: Archive) -> None:
        await put(inbox, "m1", "m2", "m3")
        assert await ids(archive, message_id="m2") == ["m2"]

    async def test_a_question_mark_in_an_id_is_only_a_letter(self, inbox: Inbox, archive: Archive) -> None:
        await put(inbox, "m1")
        assert await ids(archive, message_id="m%") == []

    async def test_looking_changes_nothing(self, inbox: Inbox, archive: Archive) -> None:
        await put(inbox, "m1", "m2")
        held = await take(inbox)
        await ids(archive)
        assert await held.touch() is True
        assert (held.attempt, held.deaths, await inbox.take(LI)) == (1, 0, None)


class TestRatings:
    async def test_a_rating_is_shown_with_its_question_and_answer(
        self, inbox: Inbox, archive: Archive, clock: Clock
    ) -> None:
        await close(inbox, question("m1"), Outcome.ANSWERED, "明天到")
        click = Feedback(SHOP, "m1", "staff-li", "helpful")
        await inbox.feedback(click)
        assert [rating async for rating in archive.ratings()] == [Rating(click, clock(), question("m1"), "明天到")]

    async def test_a_rating_outlives_its_question(self, inbox: Inbox, archive: Archive, clock: Clock) -> None:
        click = Feedback(SHOP, "m1", "staff-li", "helpful")
        await inbox.feedback(click)
        assert [rating async for rating in archive.ratings()] == [Rating(click, clock(), None, None)]

    async def test_the_oldest_comes_first(self, inbox: Inbox, archive: Archive, clock: Clock) -> None:
        for number in range(5):
            await inbox.feedback(Feedback(SHOP, f"m{number}", "staff-li", "helpful"))
            clock.advance(number % 2)
        assert [message_id for message_id, _ in await rated(archive)] == ["m0", "m1", "m2", "m3", "m4"]

    async def test_a_changed_rating_stands_where_it_was_changed(
        self, inbox: Inbox, archive: Archive, clock: Clock
    ) -> None:
        for message_id, rating in (("m1", "not_helpful"), ("m2", "helpful"), ("m1", "helpful")):
            await inbox.feedback(Feedback(SHOP, message_id, "staff-li", rating))
            clock.advance(1)
        assert await rated(archive) == [("m2", "helpful"), ("m1", "helpful")]

    async def test_only_those_since_a_moment_are_shown(self, inbox: Inbox, archive: Archive, clock: Clock) -> None:
        await inbox.feedback(Feedback(SHOP, "m1", "staff-li", "helpful"))
        clock.advance(1)
        await inbox.feedback(Feedback(SHOP, "m2", "staff-li", "helpful"))
        assert await rated(archive, since=clock()) == [("m2", "helpful")]

    async def test_robots_and_answers_are_told_apart(self, inbox: Inbox, archive: Archive) -> None:
        await inbox.feedback(Feedback(SHOP, "m1", "staff-li", "helpful"))
        await inbox.feedback(Feedback(SHOP, "m2", "staff-li", "not_helpful"))
        await inbox.feedback(Feedback(BANK, "m1", "staff-li", "very_helpful"))
        assert await rated(archive, robot=SHOP, message_id="m1") == [("m1", "helpful")]


class TestReplay:
    @pytest.mark.parametrize("outcome", sorted(REPLAYABLE))
    async def test_what_got_an_apology_is_open_again(self, inbox: Inbox, archive: Archive, outcome: Outcome) -> None:
        await close(inbox, question("m1"), outcome, "抱歉")
        assert await archive.replay(SHOP, "m1") is True
        assert await inbox.backlog() == (Work(SHOP, LI, 0.0),)

    @pytest.mark.parametrize("outcome", sorted(set(Outcome) - REPLAYABLE))
    async def test_what_was_answered_taken_back_or_refused_stays_closed(
        self, inbox: Inbox, archive: Archive, outcome: Outcome
    ) -> None:
        await close(inbox, question("m1"), outcome)
        assert await archive.replay(SHOP, "m1") is False
        assert await inbox.take(LI) is None

    async def test_what_is_open_or_unknown_is_not_replayed(self, inbox: Inbox, archive: Archive) -> None:
        await put(inbox, "m1")
        assert [await archive.replay(SHOP, "m1"), await archive.replay(SHOP, "m9")] == [False, False]

    async def test_an_apology_that_is_stored_and_not_yet_delivered_is_not_replayed(
        self, inbox: Inbox, archive: Archive
    ) -> None:
        await put(inbox, "m1")
        await (await take(inbox)).answered("抱歉", Outcome.FAILED)
        assert await archive.replay(SHOP, "m1") is False

    async def test_another_robots_question_is_left_alone(self, inbox: Inbox, archive: Archive) -> None:
        await close(inbox, question("m1"), Outcome.FAILED)
        assert await archive.replay(BANK, "m1") is False

    async def test_it_is_replayed_once_until_it_is_closed_again(self, inbox: Inbox, archive: Archive) -> None:
        await close(inbox, question("m1"), Outcome.FAILED)
        assert [await archive.replay(SHOP, "m1"), await archive.replay(SHOP, "m1")] == [True, False]

    async def test_it_is_received_anew_and_counted(self, inbox: Inbox, archive: Archive, clock: Clock) -> None:
        await close(inbox, question("m1"), Outcome.EXPIRED)
        clock.advance(1_000)
        await archive.replay(SHOP, "m1")
        replayed = (await take(inbox)).question
        assert (replayed.received_at, replayed.replay) == (clock(), 1)

    async def test_it_keeps_all_else_of_the_question(self, inbox: Inbox, archive: Archive, clock: Clock) -> None:
        await close(inbox, question("m1"), Outcome.EXPIRED)
        await archive.replay(SHOP, "m1")
        assert (await take(inbox)).question == question("m1").replayed(clock())

    async def test_its_answer_outcome_and_deaths_are_gone(self, inbox: Inbox, archive: Archive) -> None:
        await put(inbox, "m1")
        await take(inbox)
        await inbox.abandon(LI)
        poisoned = await take(inbox)
        await poisoned.answered("抱歉", Outcome.FAILED)
        await poisoned.done(Outcome.FAILED)
        await archive.replay(SHOP, "m1")
        again = await take(inbox)
        assert (again.deaths, again.answer, again.outcome, again.cancelled) == (0, None, None, False)

    async def test_its_attempts_go_on_rising(self, inbox: Inbox, archive: Archive) -> None:
        await close(inbox, question("m1"), Outcome.FAILED)
        await archive.replay(SHOP, "m1")
        assert (await take(inbox)).attempt == 2

    async def test_it_is_last_in_its_line(self, inbox: Inbox, archive: Archive) -> None:
        await close(inbox, question("m1"), Outcome.FAILED)
        await put(inbox, "m2")
        await archive.replay(SHOP, "m1")
        assert [asked.message_id for asked in await inbox.waiting(LI)] == ["m2", "m1"]

    async def test_it_never_makes_two_in_flight(self, inbox: Inbox, archive: Archive) -> None:
        await close(inbox, question("m1"), Outcome.FAILED)
        await put(inbox, "m2")
        await take(inbox)
        await archive.replay(SHOP, "m1")
        assert await taken(inbox) is None

    async def test_it_is_answered_as_any_other(self, inbox: Inbox, archive: Archive) -> None:
        await close(inbox, question("m1"), Outcome.FAILED)
        await archive.replay(SHOP, "m1")
        delivery = await take(inbox)
        await delivery.answered("明天到")
        await delivery.done(Outcome.ANSWERED)
        record = await inbox.record(SHOP, "m1")
        assert record is not None
        assert (record.answer, record.outcome, len(await inbox.recall(LI, 20))) == ("明天到", Outcome.ANSWERED, 1)

    async def test_its_message_is_still_a_repeat(self, inbox: Inbox, archive: Archive) -> None:
        await close(inbox, question("m1"), Outcome.FAILED)
        await archive.replay(SHOP, "m1")
        assert await inbox.put(question("m1"), limit=8) is Put.DUPLICATE

    async def test_other_conversations_keep_their_places(self, inbox: Inbox, archive: Archive) -> None:
        await close(inbox, question("m1"), Outcome.FAILED)
        await put(inbox, "m2", conversation=WANG)
        await archive.replay(SHOP, "m1")
        assert [work.conversation for work in await inbox.backlog()] == [WANG, LI]
