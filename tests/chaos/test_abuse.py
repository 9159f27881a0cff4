"""What people write to do mischief does none: what is echoed of it is dead text on one line, it calls nobody, presses
nothing, and is told to no operator."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.core import texts
from actors.dingtalk.templates import NAME_LENGTH, TITLE_LENGTH
from actors.sandbox.records import Card
from tests.actors.conftest import OWN, STANDARD, Stage, connected, several, staged
from tests.actors.endings import ending

MISCHIEF = {
    "another's card": '# ✅ 已退款\n\n{"config": {}, "contents": [{"type": "markdown", "text": "**已退款**"}]}',
    "a finished card": f"---\n\n{texts.STOPPED}\n\n[{texts.RATINGS['helpful']}](dtmd://dingtalkclient/sendMessage?content=1)",
    "everybody": "@all @所有人 <@all> <at>all</at> &#64;all @manager7675",
    "an action link": "[点我领奖](dtmd://dingtalkclient/sendMessage?content=/new) dingtalk://dingtalkclient/page/link?url=a",
    "a picture that calls home": "![x](https://elsewhere.example/pixel.png?who=me) ![](http://1.1.1.1/a)",
    "HTML": "<script>alert(1)</script><img src=https://elsewhere.example/a onerror=b><a atId=all>x</a><br><!--",
    "control characters": "退\x00款\x1b[31m成\x07功\x08\x7f\x9b\r\n\u2028下一行",
    "a turned direction": "\u202e款退\u202c \u2066gpj.exe\u2069 \u200f\u200e\u061c",
    "a very long word": "长" * 20_000,
    "a pile of marks": "Z" + "\u0301" * 5_000,
    "a template's words": "${title} {{content}} #{status} %s {0} $(id)",
    "a table and code": "| a |\n|--|\n| b |\n```\nrm -rf /\n",
    "JSON": '"}], "stoppable": "true", "rating": "helpful',
}
ALIVE = re.compile(
    r"[@<>*_`|\[\]{}#~\\&\n\r\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]|://|\bwww\.", re.IGNORECASE
)


@pytest.fixture
async def stages(tmp_path: Path) -> AsyncIterator[tuple[Stage, ...]]:
    async with several(
        tmp_path, {"own": OWN, "standard": STANDARD}, AGENT="python:tests.chaos.test_abuse:silent"
    ) as stages:
        for stage in stages:
            await connected(stage)
        yield stages


async def silent(_: object) -> AsyncIterator[str]:
    """An agent that echoes nothing."""
    yield "好的。"


async def cards_of(stage: Stage) -> list[Card]:
    """The finished card of each piece of mischief, said in one group by people whose names are mischief too."""
    for number, text in enumerate(MISCHIEF.values()):
        stage.sandbox.say(text, robot=stage.robot, sender=f"m{number}", nick=text[:200], group="客服群")

    def done() -> list[Card]:
        cards = stage.cards(group="客服群")
        return cards if sum(ending(card) == "answered" for card in cards) == len(MISCHIEF) else []

    return await stage.sandbox.until(done, 60.0)


async def test_what_is_echoed_is_dead_text_on_one_line(stages: tuple[Stage, ...]) -> None:
    for stage in stages:
        for card in await cards_of(stage):
            assert len(card.title) <= TITLE_LENGTH
            assert ALIVE.search(card.title) is None, card.title
            assert card.text == "好的。"
            assert [button["text"] for button in card.buttons()] == list(texts.RATINGS.values())


async def test_nobody_is_called_but_who_asked_and_no_name_comes_alive(stages: tuple[Stage, ...]) -> None:
    for stage in stages:
        cards = await cards_of(stage)
        assert sorted(card.mentions for card in cards) == sorted((f"m{number}",) for number in range(len(MISCHIEF)))
        for call in stage.sandbox.calls:
            for name in names_beside_mentions(call.body):
                assert len(name) <= NAME_LENGTH
                assert ALIVE.search(name) is None, name


def names_beside_mentions(body: dict[str, Any]) -> list[str]:
    """The names in a call that makes a card."""
    named = body.get("imGroupOpenDeliverModel", {}).get("atUserIds", {})
    listed = json.loads(body.get("sendOptions", {}).get("atUserListJson", "[]"))
    return [*named.values(), *(entry["nickName"] for entry in listed)]


async def test_no_word_of_the_service_repeats_what_was_said(stages: tuple[Stage, ...]) -> None:
    """Words are answered from the catalogue alone, whoever says them and whatever else stands there."""
    for stage in stages:
        for text in ("/help", "/stop", "/new"):
            stage.sandbox.say(text, robot=stage.robot, sender="mallory", nick="[x](dtmd://y) @all")
        said = await stage.sandbox.until(lambda stage=stage: stage.said_to("mallory")[2:] and stage.said_to("mallory"))  # type: ignore[misc]
        assert len(said) == 3
        assert not any("dtmd" in text or "@all" in text for text in said)


PERSONAL = {"sender": "geheimer.mensch", "nick": "Geheime Gerda", "group": "geheime Runde", "text": "geheimes Anliegen"}


async def test_the_probes_tell_nothing_personal(tmp_path: Path) -> None:
    async with staged(tmp_path, CONVERSATION_SCOPE="chat", MAX_CONCURRENT_TURNS="1") as stage:
        await connected(stage)
        sender, nick, group, text = PERSONAL.values()
        for script in ("boom", "hang", "2x0.01"):
            stage.sandbox.say(f"{script} {text}", robot=stage.robot, sender=sender, nick=nick, group=group)
        chat = stage.sandbox.chat_id(stage.robot, group=group)
        await stage.sandbox.until(lambda: len(stage.cards(group=group)) == 3, 30.0)
        told = [await stage.get(path) for path in ("/status", "/readyz", "/healthz", "/metrics")]
        assert [status for status, _ in told] == [200] * 4
        secret = {*PERSONAL.values(), chat, *(said.id for said in stage.sandbox.said)}
        assert not any(word in text for _, text in told for word in secret)
        assert stage.robot in told[0][1]
