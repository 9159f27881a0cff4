"""A back end with a memory of its own, through the edge and kill -9: its name for it comes back with its person."""

from actors.core import texts
from tests.actors.conftest import eventually
from tests.chaos.cast import HALF, HEARD, TALKS
from tests.chaos.conftest import Place
from tests.chaos.test_words import press
from tests.chaos.ward import noted

REMEMBERING = {"AGENT": "python:tests.chaos.cast:remembering"}


def sessions(place: Place) -> dict[str, str]:
    """In which session each question was asked; of one that was asked again, the last time."""
    return {talk["text"]: talk["session"] for talk in noted(place, TALKS)}


async def ask(place: Place, text: str, *, sender: str = "zhang", group: str | None = None) -> None:
    """Ask, and wait for the answer."""
    before = len(await place.all_closed(0))
    place.sandbox.say(text, robot=place.robot, sender=sender, group=group)
    await place.all_closed(before + 1)


async def test_a_session_is_its_persons_in_this_chat_until_a_new_one_begins(place: Place) -> None:
    first = await place.serve(**REMEMBERING)
    await ask(place, "一")
    await ask(place, "二")
    await ask(place, "别人", sender="li")
    await ask(place, "群里", group="team")
    await place.serve_after_kill_9(first, **REMEMBERING)
    await ask(place, "三")
    place.ask("/new")
    await place.sandbox.until(lambda: texts.NEW_SESSION in place.messages("public"))
    await ask(place, "四")
    await ask(place, "五")
    talks = {"一": "", "二": "talk of 一", "别人": "", "群里": "", "三": "talk of 一", "四": "", "五": "talk of 四"}
    assert sessions(place) == talks


async def test_a_session_that_has_begun_survives_the_answer_it_began_with(place: Place) -> None:
    first = await place.serve(**REMEMBERING)
    place.ask("held")
    card = await place.card()
    await place.sandbox.until(lambda: card.text == HALF)
    place.let_go()
    await place.serve_after_kill_9(first, **REMEMBERING)
    await place.all_closed(1)
    assert [talk["session"] for talk in noted(place, TALKS)] == ["", "talk of held"]


async def test_a_running_answer_does_not_bring_back_the_session_that_was_ended(place: Place) -> None:
    await place.serve(**REMEMBERING)
    await ask(place, "一")
    place.ask("held")
    await place.sandbox.until(lambda: [card.text for card in place.cards("public")[1:]] == [HALF])
    place.ask("/new")
    await place.all_closed(2)
    await ask(place, "二")
    assert [sessions(place)[text] for text in ("held", "二")] == ["talk of 一", ""]


async def test_a_rating_is_told_with_the_run_that_it_is_of(place: Place) -> None:
    first = await place.serve(**REMEMBERING)
    await ask(place, "一")
    await ask(place, "二")
    await place.serve_after_kill_9(first, **REMEMBERING)
    card, _ = place.cards("public")
    press(place, card, "helpful")

    async def heard() -> bool:
        return bool(noted(place, HEARD))

    await eventually(heard)
    assert noted(place, HEARD) == [{"rating": "helpful", "run": "run of 一"}]
