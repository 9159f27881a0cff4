"""Groups and private chats: whom an answer addresses, who shares a conversation or a memory, and who may ask at all."""

from pathlib import Path

from actors.core import texts
from tests.actors.cast import ASKED, asked_by
from tests.actors.conftest import TEXT, Stage, closed, connected, staged


def last_of(sender: str) -> list[tuple[str, str]]:
    """What the agent was told of the past with the last question of this person."""
    question = [question for question in ASKED if question.sender_id == sender][-1]
    return [(turn.question, turn.answer) for turn in question.history]


async def in_group(stage: Stage, text: str, sender: str, group: str = "team") -> None:
    """Somebody asks in a group and is answered there."""
    before = len([card for card in stage.cards(group=group) if closed(card)])
    stage.sandbox.say(text, robot=stage.robot, sender=sender, group=group)
    await stage.sandbox.until(lambda: len([card for card in stage.cards(group=group) if closed(card)]) > before, 20.0)


async def in_private(stage: Stage, text: str, sender: str) -> None:
    """Somebody asks in private and is answered there."""
    before = len([card for card in stage.cards(sender) if closed(card)])
    await stage.ask(text, sender=sender)
    await stage.finished(before + 1, sender=sender)


async def test_a_card_in_a_group_mentions_who_asked(stage: Stage) -> None:
    await in_group(stage, "你好", "zhang")
    assert stage.cards(group="team")[0].mentions == ("zhang",)


async def test_a_card_in_a_private_chat_mentions_nobody(stage: Stage) -> None:
    await in_private(stage, "你好", "zhang")
    assert stage.cards()[0].mentions == ()


async def test_a_message_in_a_group_mentions_who_asked(tmp_path: Path) -> None:
    async with staged(tmp_path, **TEXT) as stage:
        await connected(stage)
        stage.sandbox.say("你好", robot=stage.robot, sender="zhang", group="team")
        await stage.sandbox.until(lambda: stage.said_to(group="team"))
        assert stage.sandbox.messages[-1].mentions == ("zhang",)


async def test_somebody_from_outside_is_answered_on_a_card_in_a_group(stage: Stage) -> None:
    stage.sandbox.say("你好", robot=stage.robot, sender="outsider", group="team", staff=False)
    await stage.sandbox.until(lambda: [card for card in stage.cards(group="team") if closed(card)])
    (card,) = stage.cards(group="team")
    assert (card.text, card.mentions) == ("您说：你好", ())


async def test_nothing_said_in_private_surfaces_in_a_group(stage: Stage) -> None:
    await in_private(stage, "我的工资", "keeper")
    await stage.settled()
    await in_group(stage, "我说过什么", "keeper")
    assert last_of("keeper") == []


async def test_two_people_in_a_group_share_no_memory(stage: Stage) -> None:
    await in_group(stage, "我是甲", "gm1")
    await stage.settled()
    await in_group(stage, "我是乙", "gm2")
    assert last_of("gm2") == []


async def test_a_memory_by_sender_goes_from_chat_to_chat(tmp_path: Path) -> None:
    async with staged(tmp_path, MEMORY_SCOPE="sender") as stage:
        await connected(stage)
        await in_private(stage, "我叫小张", "wanderer")
        await in_group(stage, "我叫什么", "wanderer")
        assert last_of("wanderer") == [("我叫小张", "您说：我叫小张")]


async def test_a_memory_by_chat_is_shared_by_everybody_in_it(tmp_path: Path) -> None:
    async with staged(tmp_path, MEMORY_SCOPE="chat") as stage:
        await connected(stage)
        await in_group(stage, "我们周五开会", "cm1")
        await stage.settled()
        await in_group(stage, "哪天开会", "cm2")
        assert last_of("cm2") == [("我们周五开会", "您说：我们周五开会")]


async def test_by_default_one_persons_questions_wait_for_each_other_across_chats(stage: Stage) -> None:
    await stage.ask("hang", sender="busy1")
    await stage.sandbox.until(lambda: stage.cards("busy1"))
    stage.sandbox.say("你好", robot=stage.robot, sender="busy1", group="team")
    (card,) = await stage.sandbox.until(lambda: stage.cards(group="team"))
    await stage.sandbox.until(lambda: texts.in_line(1) in card.text)


async def test_a_conversation_by_sender_in_chat_goes_on_beside_another_chat(tmp_path: Path) -> None:
    async with staged(tmp_path, CONVERSATION_SCOPE="sender_in_chat") as stage:
        await connected(stage)
        await stage.ask("hang", sender="busy2")
        await stage.sandbox.until(lambda: stage.cards("busy2"))
        await in_group(stage, "你好", "busy2")
        assert stage.cards(group="team")[0].text == "您说：你好"


async def test_a_conversation_by_chat_answers_a_group_one_at_a_time(tmp_path: Path) -> None:
    async with staged(tmp_path, CONVERSATION_SCOPE="chat") as stage:
        await connected(stage)
        stage.sandbox.say("hang", robot=stage.robot, sender="c1", group="team")
        await stage.sandbox.until(lambda: stage.cards(group="team"))
        stage.sandbox.say("你好", robot=stage.robot, sender="c2", group="team")
        await stage.sandbox.until(lambda: any(texts.in_line(1) in card.text for card in stage.cards(group="team")))


async def test_whoever_is_not_allowed_is_told_once_and_never_answered(tmp_path: Path) -> None:
    async with staged(tmp_path, ALLOWED_SENDERS="li, wang") as stage:
        await connected(stage)
        for _ in range(3):
            await stage.ask("你好", sender="stranger")
        await in_private(stage, "你好", "li")
        await stage.sandbox.until(lambda: stage.said_to("stranger"))
        assert (stage.said_to("stranger"), stage.cards("stranger"), asked_by("stranger")) == ([texts.DENIED], [], [])
        assert await stage.metric('dingtalk_messages_total{outcome="denied",{robot},type="text"}') == 3


async def test_a_word_of_whoever_is_not_allowed_does_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, ALLOWED_SENDERS="li") as stage:
        await connected(stage)
        await stage.ask("/help", sender="stranger")
        await stage.sandbox.until(lambda: stage.said_to("stranger"))
        assert stage.said_to("stranger") == [texts.DENIED]


async def test_only_allowed_chats_are_answered(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        chat = stage.sandbox.chat_id(stage.robot, group="team")
    async with staged(tmp_path, ALLOWED_CHATS=chat) as stage:
        await connected(stage)
        await in_group(stage, "你好", "zhang")
        stage.sandbox.say("你好", robot=stage.robot, sender="zhang", group="elsewhere")
        await stage.sandbox.until(lambda: stage.said_to(group="elsewhere"))
        assert (stage.said_to(group="elsewhere"), stage.cards(group="elsewhere")) == ([texts.DENIED], [])
