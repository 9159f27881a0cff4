"""What an answer is shown on: a template card, a StandardCard, or a message; and what if cards are refused."""

import logging
from pathlib import Path

import pytest

from actors.core import texts
from actors.sandbox.records import Card
from tests.actors.cast import whole
from tests.actors.conftest import OWN, PUBLIC, STANDARD, TEXT, Stage, connected, staged

ON_CARDS = pytest.mark.parametrize("kind", [PUBLIC, OWN, STANDARD], ids=["public", "own", "standard"])
WRITE, STREAM = "Card.Instance.Write", "Card.Streaming.Write"


def with_buttons(card: Card) -> bool:
    """Whether a card is finished, as a person can tell: the whole answer with its feedback buttons."""
    return len(card.buttons()) == len(texts.RATINGS)


async def answered(stage: Stage) -> Card:
    """Wait for a card with a whole answer."""
    (card, *_) = await stage.sandbox.until(lambda: [card for card in stage.cards() if with_buttons(card)], 20.0)
    return card


async def fallback(stage: Stage) -> float:
    return await stage.metric("dingtalk_card_fallback{{robot}}")


@ON_CARDS
async def test_an_answer_grows_and_is_whole_in_the_end(tmp_path: Path, kind: dict[str, str]) -> None:
    async with staged(tmp_path, **kind) as stage:
        await connected(stage)
        await stage.ask("60x0.05")
        card = await answered(stage)
        growing = {version.text.strip() for version in card.versions}
        assert whole(60) in growing
        assert len([text for text in growing if text and whole(60).startswith(text)]) >= 3


@ON_CARDS
async def test_an_answer_never_takes_more_updates_than_its_budget(tmp_path: Path, kind: dict[str, str]) -> None:
    async with staged(tmp_path, CARD_MAX_UPDATES="5", **kind) as stage:
        await connected(stage)
        await stage.ask("100x0.01")
        card = await answered(stage)
        # The creating call and the closing one are not counted; a StandardCard's last update is its closing one.
        assert len(card.versions) <= 5 + 2


@ON_CARDS
async def test_four_buttons_end_an_answer(tmp_path: Path, kind: dict[str, str]) -> None:
    async with staged(tmp_path, **kind) as stage:
        await connected(stage)
        await stage.ask("你好")
        card = await answered(stage)
        assert [button["text"] for button in card.buttons()] == list(texts.RATINGS.values())


async def test_a_standard_card_thinks_in_the_tutorials_words(tmp_path: Path) -> None:
    async with staged(tmp_path, **STANDARD) as stage:
        await connected(stage)
        await stage.ask("hang")
        await stage.sandbox.until(stage.cards)
        card = stage.cards()[0]
        assert (card.title, card.versions[0].text) == ("hang", "[思考]正在分析您的问题，请稍候...")


async def test_a_standard_card_in_a_group_mentions_who_asked(tmp_path: Path) -> None:
    async with staged(tmp_path, **STANDARD) as stage:
        await connected(stage)
        stage.sandbox.say("你好", robot=stage.robot, sender="zhang", group="team")
        (card,) = await stage.sandbox.until(lambda: stage.cards(group="team"))
        assert card.mentions == ("zhang",)


async def test_without_cards_the_answer_is_one_message(tmp_path: Path) -> None:
    async with staged(tmp_path, **TEXT) as stage:
        await connected(stage)
        await stage.ask("3x0.01")
        await stage.sandbox.until(stage.said_to)
        assert ([text.strip() for text in stage.said_to()], stage.cards()) == ([whole(3)], [])


async def test_without_cards_a_failure_is_apologised_for(tmp_path: Path) -> None:
    async with staged(tmp_path, **TEXT) as stage:
        await connected(stage)
        await stage.ask("boom")
        await stage.sandbox.until(stage.said_to)
        assert stage.said_to() == [texts.AGENT_FAILED]


async def test_a_robot_whose_template_is_refused_answers_as_text_and_says_so(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.sandbox.withdraw("382e4302-551d-4880-bf29-a30acfab2e71.schema")
    caplog.set_level(logging.INFO)
    for text in ("第一", "第二", "第三"):
        await stage.ask(text)
        await stage.sandbox.until(lambda: f"您说：{text}" in stage.said_to(), 20.0)  # noqa: B023 - awaited right here
    creates = [call for call in stage.sandbox.calls if call.api == "create"]
    assert (len(creates), await fallback(stage)) == (1, 1)
    assert [record.levelname for record in caplog.records if getattr(record, "action", "") == "cards_refused"] == [
        "ERROR"
    ]


@pytest.mark.parametrize("kind", [PUBLIC, OWN], ids=["public", "own"])
async def test_a_robot_without_the_permission_to_create_answers_as_text(tmp_path: Path, kind: dict[str, str]) -> None:
    async with staged(tmp_path, **kind) as stage:
        await connected(stage)
        stage.sandbox.revoke(stage.robot, WRITE)
        await stage.ask("你好")
        await stage.sandbox.until(stage.said_to)
        assert (stage.said_to(), await fallback(stage)) == (["您说：你好"], 1)


async def test_a_robot_without_the_permission_to_stream_leaves_no_card_spinning(stage: Stage) -> None:
    stage.sandbox.revoke(stage.robot, STREAM)
    await stage.ask("你好")
    (card,) = await stage.finished()
    assert (card.text, stage.said_to()) == (texts.SENT_BESIDE, ["您说：你好"])
    await stage.ask("再问")
    await stage.sandbox.until(lambda: len(stage.said_to()) == 2)
    assert (len(stage.cards()), await fallback(stage)) == (1, 1)


async def test_the_status_page_says_that_answers_go_as_text_and_why(stage: Stage) -> None:
    stage.sandbox.revoke(stage.robot, WRITE)
    await stage.ask("你好")
    await stage.sandbox.until(stage.said_to)
    _, body = await stage.get("/status")
    assert "AccessTokenPermissionDenied" in body


async def test_cards_are_tried_again_after_an_hour(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = 3600.0
    stage.sandbox.revoke(stage.robot, WRITE)
    await stage.ask("第一")
    await stage.sandbox.until(stage.said_to)
    stage.sandbox.grant(stage.robot, WRITE)
    standing = stage.service._parts.robots[stage.robot].standing
    monkeypatch.setattr(standing, "_clock", lambda now=standing._clock: now() + hour)
    await stage.ask("第二")
    (card,) = await stage.finished()
    assert (card.text, await fallback(stage)) == ("您说：第二", 0)


async def test_trouble_that_passes_is_no_reason_to_give_cards_up(stage: Stage) -> None:
    stage.sandbox.fail("create", status=503, code="system.busy", times=4)
    await stage.ask("第一")
    await stage.sandbox.until(stage.said_to)
    await stage.ask("第二")
    await stage.finished()
    assert await fallback(stage) == 0


async def test_an_answer_too_large_for_a_card_goes_on_as_messages(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await connected(stage)
        stage.sandbox.rules.content_limit = 3_500
        await stage.ask("6000x0")
        (card,) = await stage.finished()
        assert texts.THE_REST_FOLLOWS in card.text
        on_card = card.text.removesuffix(texts.THE_REST_FOLLOWS)
        beside = [text.split("\n\n", 1)[-1] if text.startswith("(") else text for text in stage.said_to()]
        assert " ".join([on_card, *beside]).split() == whole(6000).split()


async def test_what_follows_a_full_card_is_not_sent_again_by_a_retry_of_the_closing(stage: Stage) -> None:
    stage.sandbox.rules.content_limit = 3_500
    stage.sandbox.fail("update", status=500, code="system.busy", times=2)
    await stage.ask("2000x0")
    await stage.finished()
    assert len(stage.said_to()) == 1


async def test_an_agents_reasoning_of_markdown_is_made_fit_for_dingtalk(stage: Stage) -> None:
    await stage.ask("<script>alert(1)</script>")
    (card,) = await stage.finished()
    assert "alert(1)" in card.text
