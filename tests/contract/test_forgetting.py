"""What is left of a person who is forgotten: nothing of theirs, all of everybody else's."""

import pytest

from actors.core.question import Turn
from actors.errors import LeaseLost
from actors.inbox import sql_archive
from actors.inbox.port import Archive, Belongings, Feedback, Inbox, Outcome, Put
from tests.contract.stories import LI, RETENTION, SHOP, WANG, Clock, put, question, take

BANK = "ding-bank"
NOTHING = Belongings(questions=0, open=0, turns=0, sessions=0, ratings=0)
LI_HERSELF, MR_WANG = "staff-li", "staff-wang"


@pytest.fixture(params=[2, 500], ids=["small slices", "one slice"], autouse=True)
def slices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes, goes, however many rows are deleted at once."""
    monkeypatch.setattr(sql_archive, "_SLICE", request.param)


async def answer(
    inbox: Inbox, message_id: str, *, sender: str = LI_HERSELF, robot: str = SHOP, chat_id: str = "", rated: bool = True
) -> None:
    """A question's whole way, from asking to rating."""
    conversation = f"{robot}:{sender}"
    asked = question(message_id, conversation=conversation, robot=robot, chat_id=chat_id, sender=sender)
    assert await inbox.put(asked, limit=100) is Put.NEW
    delivery = await take(inbox, conversation)
    await delivery.begun("", f"session of {sender}")
    await delivery.answered(f"回答 {message_id}")
    await delivery.done(Outcome.ANSWERED)
    if rated:
        await inbox.feedback(Feedback(robot, message_id, sender, "helpful"))


async def left(archive: Archive) -> list[str]:
    """The questions that are still there, oldest first."""
    return [stored.question.message_id async for stored in archive.questions()][::-1]


async def test_a_stranger_has_nothing(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1")
    assert await archive.belongings(MR_WANG) == NOTHING
    assert await archive.forget(MR_WANG) == NOTHING


async def test_what_is_there_is_counted(inbox: Inbox, archive: Archive) -> None:
    for number in range(5):
        await answer(inbox, f"m{number}", rated=number > 1)
    await put(inbox, "m5", conversation="ding-shop:staff-li")
    assert await archive.belongings(LI_HERSELF) == Belongings(questions=6, open=1, turns=5, sessions=1, ratings=3)


async def test_closed_questions_turns_sessions_and_ratings_go(inbox: Inbox, archive: Archive) -> None:
    for number in range(5):
        await answer(inbox, f"m{number}")
    assert await archive.forget(LI_HERSELF) == Belongings(questions=5, open=0, turns=5, sessions=1, ratings=5)
    assert await archive.belongings(LI_HERSELF) == NOTHING


async def test_nothing_is_recalled_of_them(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1")
    await archive.forget(LI_HERSELF)
    assert await inbox.recall("ding-shop:staff-li", 20) == ()
    assert await inbox.session("ding-shop:staff-li") == ""


async def test_everybody_elses_stays(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1")
    await answer(inbox, "m2", sender=MR_WANG)
    await archive.forget(LI_HERSELF)
    assert await inbox.session("ding-shop:staff-wang") == "session of staff-wang"
    assert await archive.belongings(MR_WANG) == Belongings(questions=1, open=0, turns=1, sessions=1, ratings=1)


async def test_of_a_shared_memory_only_their_turns_go(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1", chat_id="ding-shop:group-7:")
    await answer(inbox, "m2", sender=MR_WANG, chat_id="ding-shop:group-7:")
    await archive.forget(LI_HERSELF)
    assert await inbox.recall("ding-shop:group-7:", 20) == (Turn("我的订单到哪里了？", "回答 m2"),)


@pytest.mark.parametrize("order", [(LI_HERSELF, MR_WANG), (MR_WANG, LI_HERSELF)])
async def test_the_session_of_a_shared_memory_goes_with_each_of_them_since_it_has_the_words_of_all(
    inbox: Inbox, archive: Archive, order: tuple[str, str]
) -> None:
    for person in order:
        await answer(inbox, f"m-{person}", sender=person, chat_id="ding-shop:group-7:")
    assert (await archive.belongings(LI_HERSELF)).sessions == 1
    assert (await archive.forget(LI_HERSELF)).sessions == 1
    assert await inbox.session("ding-shop:group-7:") == ""


async def test_a_session_is_theirs_though_no_question_of_it_is_kept(
    inbox: Inbox, archive: Archive, clock: Clock
) -> None:
    await put(inbox, "m1")
    delivery = await take(inbox)
    await delivery.begun("", "talk-1")
    clock.advance(-10)  # somebody set the clock right
    await delivery.done(Outcome.FAILED)
    clock.advance(RETENTION)
    assert await inbox.sweep() == 1
    assert await archive.forget(LI_HERSELF) == Belongings(questions=0, open=0, turns=0, sessions=1, ratings=0)


async def test_at_one_robot_only_its_sessions_go(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1", robot=SHOP)
    await answer(inbox, "m2", robot=BANK)
    await archive.forget(LI_HERSELF, SHOP)
    assert [await inbox.session(f"{robot}:staff-li") for robot in (SHOP, BANK)] == ["", "session of staff-li"]


async def test_ratings_of_their_answers_go_with_the_answers(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1", rated=False)
    await inbox.feedback(Feedback(SHOP, "m1", MR_WANG, "helpful"))
    assert (await archive.forget(LI_HERSELF)).ratings == 1
    assert [rating async for rating in archive.ratings()] == []


async def test_ratings_that_they_gave_to_others_go(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1", sender=MR_WANG, rated=False)
    await inbox.feedback(Feedback(SHOP, "m1", LI_HERSELF, "helpful"))
    assert (await archive.forget(LI_HERSELF)).ratings == 1
    assert await left(archive) == ["m1"]


async def test_at_one_robot_only_what_is_there_goes(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1", robot=SHOP)
    await answer(inbox, "m2", robot=BANK)
    assert await archive.forget(LI_HERSELF, SHOP) == Belongings(questions=1, open=0, turns=1, sessions=1, ratings=1)
    assert await archive.belongings(LI_HERSELF) == Belongings(questions=1, open=0, turns=1, sessions=1, ratings=1)
    assert await archive.belongings(LI_HERSELF, BANK) == await archive.belongings(LI_HERSELF)


async def test_a_robot_whose_name_begins_the_same_is_another(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1", robot="ding-shop2")
    assert await archive.forget(LI_HERSELF, SHOP) == NOTHING


async def test_a_forgotten_message_would_be_new(inbox: Inbox, archive: Archive) -> None:
    await answer(inbox, "m1")
    await archive.forget(LI_HERSELF)
    assert await inbox.put(question("m1"), limit=8) is Put.NEW


async def test_an_open_question_is_cancelled_and_stays_until_it_is_closed(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1")
    assert await archive.forget(LI_HERSELF) == NOTHING
    assert (await take(inbox)).cancelled


async def test_the_holder_of_a_cancelled_question_hears_of_it_and_closes_it(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1")
    held = await take(inbox)
    assert await held.touch() is True
    await archive.forget(LI_HERSELF)
    assert await held.touch() is False
    await held.done(Outcome.STOPPED)


async def test_a_cancelled_question_goes_once_it_is_closed(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1")
    held = await take(inbox)
    await archive.forget(LI_HERSELF)
    await held.answered("已停止", Outcome.STOPPED)
    await held.done(Outcome.STOPPED)
    assert (await archive.forget(LI_HERSELF)).questions == 1
    assert await left(archive) == []


async def test_an_answer_that_comes_meanwhile_becomes_no_turn(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1")
    held = await take(inbox)
    await archive.forget(LI_HERSELF)
    await held.answered("明天到")
    await held.done(Outcome.ANSWERED)
    assert await inbox.recall(LI, 20) == ()


async def test_a_session_that_begins_meanwhile_is_not_kept(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1")
    held = await take(inbox)
    await archive.forget(LI_HERSELF)
    await held.begun("run-1", "session of staff-li")
    assert await inbox.session(LI) == ""


async def test_somebody_elses_open_questions_go_on(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1")
    await archive.forget(MR_WANG)
    assert not (await take(inbox)).cancelled


async def test_an_open_question_may_go_unfinished(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1", "m2")
    gone = await archive.forget(LI_HERSELF, unfinished=True)
    assert gone == Belongings(questions=2, open=2, turns=0, sessions=0, ratings=0)
    assert (await inbox.backlog(), await inbox.take(LI)) == ((), None)


async def test_whoever_holds_a_question_that_goes_unfinished_has_lost_it(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1")
    held = await take(inbox)
    await archive.forget(LI_HERSELF, unfinished=True)
    with pytest.raises(LeaseLost):
        await held.answered("明天到")


async def test_those_who_wait_behind_it_go_on(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1", conversation=WANG)
    await inbox.put(question("m2", conversation=WANG, sender=MR_WANG), limit=8)
    await take(inbox, WANG)
    await archive.forget(LI_HERSELF, unfinished=True)
    assert (await take(inbox, WANG)).question.message_id == "m2"


async def test_cleaning_up_leaves_the_inbox_serving(inbox: Inbox, archive: Archive) -> None:
    await put(inbox, "m1", "m2")
    held = await take(inbox)
    await archive.purge()
    await held.done(Outcome.ANSWERED)
    assert (await take(inbox)).question.message_id == "m2"
