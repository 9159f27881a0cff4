"""The same word of refusal is said once a minute in one conversation."""

from actors.core.courtesy import EVERY, Courtesy


def test_a_word_is_said_once_within_its_time() -> None:
    courtesy = Courtesy()
    assert [courtesy.may_say("满", "li", at) for at in (0.0, EVERY - 1, EVERY)] == [True, False, True]


def test_another_word_is_said_beside_it() -> None:
    courtesy = Courtesy()
    assert courtesy.may_say("满", "li", 0.0)
    assert courtesy.may_say("忙", "li", 0.0)


def test_another_conversation_hears_it_too() -> None:
    courtesy = Courtesy()
    assert courtesy.may_say("满", "li", 0.0)
    assert courtesy.may_say("满", "wang", 0.0)
