"""Keys of conversations and memories: who shares one, and that nobody else ever does."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.core.question import Question
from actors.core.scope import Scope, of_robot, robot_of
from actors.dingtalk.inbound import read_message

IDS = st.text(st.characters(codec=None), min_size=1)
PARTIES = st.tuples(IDS, IDS, IDS)


def key(scope: Scope, parties: tuple[str, str, str]) -> str:
    robot, chat, sender = parties
    return scope.key(robot=robot, chat=chat, sender=sender)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope.SENDER, "dingc6gk::042297"),
        (Scope.SENDER_IN_CHAT, "dingc6gk:cidWbykSYH4=:042297"),
        (Scope.CHAT, "dingc6gk:cidWbykSYH4=:"),
    ],
)
def test_a_key_is_readable(scope: Scope, expected: str) -> None:
    assert key(scope, ("dingc6gk", "cidWbykSYH4=", "042297")) == expected


def test_the_scopes_are_named_as_in_the_settings() -> None:
    assert [scope.value for scope in Scope] == ["sender", "sender_in_chat", "chat"]


@given(PARTIES, PARTIES)
@example(("a", "b:c", "d"), ("a", "b", "c:d"))
@example(("a", "b%3Ac", "d"), ("a", "b:c", "d"))
@example(("a", "\ud83d", "d"), ("a", "?", "d"))
def test_different_parties_never_share_a_key(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert (key(Scope.SENDER_IN_CHAT, one) == key(Scope.SENDER_IN_CHAT, other)) == (one == other)
    assert (key(Scope.SENDER, one) == key(Scope.SENDER, other)) == (one[::2] == other[::2])
    assert (key(Scope.CHAT, one) == key(Scope.CHAT, other)) == (one[:2] == other[:2])


@given(PARTIES, PARTIES, st.sampled_from(Scope), st.sampled_from(Scope))
def test_different_scopes_never_share_a_key(
    one: tuple[str, str, str], other: tuple[str, str, str], scope: Scope, another: Scope
) -> None:
    if scope is not another:
        assert key(scope, one) != key(another, other)


@given(st.sampled_from(Scope), PARTIES, IDS)
@example(Scope.SENDER, ("shop2", "c", "s"), "shop")
@example(Scope.SENDER, ("a:b", "c", "s"), "a")
def test_a_key_begins_with_its_robot_and_with_no_other(scope: Scope, parties: tuple[str, str, str], robot: str) -> None:
    assert key(scope, parties).startswith(of_robot(robot)) == (robot == parties[0])


@given(st.sampled_from(Scope), PARTIES)
def test_a_key_is_plain_ascii_without_blanks(scope: Scope, parties: tuple[str, str, str]) -> None:
    made = key(scope, parties)
    assert made.isascii()
    assert made.isprintable()
    assert " " not in made


def asked(conversation_scope: Scope, memory_scope: Scope, **fields: str) -> Question:
    data = {"msgId": "m", "msgtype": "text", "text": {"content": "hi"}, "sessionWebhook": "https://x/"} | fields
    got = read_message(
        data, robot="r", conversation_scope=conversation_scope, memory_scope=memory_scope, received_at=0.0
    )
    assert isinstance(got, Question)
    return got


def test_conversation_and_memory_have_scopes_of_their_own() -> None:
    got = asked(Scope.CHAT, Scope.SENDER, conversationId="c", senderStaffId="s")
    assert (got.conversation, got.chat_id) == ("r:c:", "r::s")


def test_people_without_staff_id_are_told_apart_by_sender_id() -> None:
    one, other = (asked(Scope.SENDER, Scope.SENDER, conversationId="c", senderId=id_) for id_ in ("$:a", "$:b"))
    assert one.conversation != other.conversation


def test_strangers_without_any_id_never_share_a_memory() -> None:
    one, other = (asked(scope, scope, msgId=scope) for scope in (Scope.SENDER, Scope.CHAT))
    assert one.chat_id != other.chat_id


@pytest.mark.parametrize("scope", list(Scope))
def test_a_message_without_chat_still_has_a_key_of_its_sender(scope: Scope) -> None:
    assert "s" in asked(scope, scope, senderStaffId="s").chat_id


@given(st.sampled_from(Scope), PARTIES)
def test_a_key_tells_its_robot(scope: Scope, parties: tuple[str, str, str]) -> None:
    assert robot_of(key(scope, parties)) == parties[0]
