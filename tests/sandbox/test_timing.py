"""The moments of an answer, from the records alone."""

from typing import Any

from actors.sandbox.records import Card, CardState, CardVersion, Entry, Look, Message, Push, Said, Thing
from actors.sandbox.timing import Timing, timings

PLAIN: Any = type("Plain", (), {"look": staticmethod(lambda *_: Look())})


def said(name: str = "q1", at: float = 10.0, *, sender: str = "u1", delivered: bool = True) -> Said:
    push = Push("bot", "line", "topic", "m", name, at + 0.01, 200, None, 0.02)
    return Said(name, "bot", "chat", sender, "李明", "问", at, 0.0, pushes=[push] if delivered else [])


def card(name: str = "c1", at: float = 10.5, *versions: CardVersion, mentions: tuple[str, ...] = ()) -> Card:
    made = Card(
        name, "bot", "t", PLAIN, "text", CardState.PROCESSING, "STREAM", frozenset(), {"text": "…"}, at, 0.0, mentions
    )
    made.versions = [CardVersion(at, "create", CardState.PROCESSING, {}, "…"), *versions]
    made.state = made.versions[-1].state
    made.params = {"text": made.versions[-1].text}
    return made


def typed(at: float, text: str, state: CardState = CardState.INPUTING, *, user: str = "") -> CardVersion:
    return CardVersion(at, "click" if user else "streaming", state, {}, text, user=user)


def message(at: float = 11.0) -> Message:
    return Message("webhook", "bot", "chat", "text", "", "答", at, 0.0)


def told(*things: Thing) -> list[Timing]:
    return timings(Entry(number, "chat", thing) for number, thing in enumerate(things))


def test_an_answer_has_its_ack_first_card_first_token_and_end() -> None:
    answer = card("c1", 10.5, typed(11.0, "请"), typed(12.0, "请在"), typed(13.0, "请在七天内", CardState.FINISHED))
    (timing,) = told(said(), answer)
    assert timing.moments() == {"ack": 0.03, "card": 0.5, "token": 1.0, "final": 3.0}
    assert (timing.updates(), timing.state) == ([1.0, 2.0, 3.0], "done")


def test_what_has_not_come_has_no_moment() -> None:
    (timing,) = told(said(), card())
    assert (set(timing.moments()), timing.state) == ({"ack", "card"}, "running")


def test_buttons_after_the_end_are_no_later_end() -> None:
    over = typed(12.0, "请", CardState.FINISHED)
    buttons = CardVersion(15.0, "update", CardState.FINISHED, {}, "请")
    (timing,) = told(said(), card("c1", 10.5, over, buttons))
    assert timing.moments()["final"] == 2.0


def test_what_a_click_shows_to_one_person_is_no_update() -> None:
    (timing,) = told(said(), card("c1", 10.5, typed(11.0, "谢谢", user="u1")))
    assert (timing.updates(), "token" in timing.moments()) == ([], False)


def test_an_answer_without_a_card_ends_with_its_message() -> None:
    (timing,) = told(said(), message())
    assert timing.moments() == {"ack": 0.03, "message": 1.0, "final": 1.0}


def test_a_failed_card_fails_its_question() -> None:
    assert told(said(), card("c1", 10.5, typed(11.0, "抱歉", CardState.FAILED)))[0].state == "failed"


def test_a_question_that_reached_nobody_is_lost_and_gets_no_answer() -> None:
    lost, asked = told(said("q1", delivered=False), said("q2"), card())
    assert (lost.state, lost.answers, asked.state) == ("lost", [], "running")


def test_questions_are_answered_in_their_order() -> None:
    first, second = told(said("q1"), said("q2"), card("c1"), card("c2"))
    assert [timing.card.id for timing in (first, second) if timing.card] == ["c1", "c2"]


def test_an_answer_that_mentions_somebody_is_theirs() -> None:
    first, second = told(said("q1", sender="u1"), said("q2", sender="u2"), card("c1", mentions=("u2",)))
    assert (first.card, second.card is not None) == (None, True)


def test_what_comes_besides_goes_with_the_latest_question() -> None:
    first, second = told(said("q1"), card("c1"), said("q2"), card("c2"), message())
    assert (len(first.answers), len(second.answers)) == (1, 2)


def test_another_robots_card_is_no_answer() -> None:
    other = card()
    other.robot = "other"
    assert told(said(), other)[0].state == "waiting"
