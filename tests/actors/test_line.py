"""What a card says before and beside its text: the place in line, and what is being done."""

import asyncio
import threading
from pathlib import Path

import pytest

from actors.core import texts
from actors.inbox.sql import SqlDelivery, SqlInbox
from actors.sandbox.records import Card
from tests.actors.cast import whole
from tests.actors.conftest import OWN, PUBLIC, STANDARD, Stage, connected, shown, staged

KINDS = pytest.mark.parametrize("kind", [PUBLIC, OWN, STANDARD], ids=["public", "own", "standard"])


def faces(card: Card) -> list[str]:
    """What the card said, version by version, as a person reads it."""
    return [
        "\n".join((card.layout.look(version.state, card.key, version.params).status, version.text))
        for version in card.versions
    ]


def said(card: Card, status: str) -> bool:
    """Whether the card ever showed this status."""
    return any(status in face for face in faces(card))


@KINDS
async def test_a_question_in_line_shows_its_place(tmp_path: Path, kind: dict[str, str]) -> None:
    async with staged(tmp_path, **kind) as stage:
        await connected(stage)
        await stage.ask("hang")
        await stage.sandbox.until(stage.cards)
        for text in ("第二", "第三"):
            await stage.ask(text)
        await stage.card_with(texts.in_line(1))
        await stage.card_with(texts.in_line(2))


async def test_a_question_that_comes_while_the_one_before_it_is_being_taken_shows_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, told = threading.Event(), threading.Event()
    take = SqlInbox.take

    async def slowly(self: SqlInbox, conversation: str) -> SqlDelivery | None:
        delivery = await take(self, conversation)
        taken.set()
        await asyncio.to_thread(told.wait, 20)
        return delivery

    monkeypatch.setattr(SqlInbox, "take", slowly)
    async with staged(tmp_path, **OWN) as stage:
        await connected(stage)
        await stage.ask("hang")
        assert await asyncio.to_thread(taken.wait, 20)
        await stage.ask("第二")
        await stage.sandbox.until(lambda: stage.sandbox.said[-1].pushes[-1].seconds is not None)  # it is acked
        told.set()
        await stage.card_with(texts.in_line(1))


@KINDS
async def test_the_place_moves_with_the_line_and_the_card_becomes_the_answer(
    tmp_path: Path, kind: dict[str, str]
) -> None:
    async with staged(tmp_path, **kind) as stage:
        await connected(stage)
        await stage.ask("hang")
        await stage.sandbox.until(stage.cards)
        await stage.ask("2x0.3")
        await stage.ask("第三")
        third = await stage.card_with(texts.in_line(2))
        await stage.ask("/stop")
        await stage.sandbox.until(lambda: "您说：第三" in shown(third))
        assert said(third, texts.in_line(1))
        assert len(stage.cards()) == 3


async def test_those_behind_move_up_when_somebody_in_line_takes_a_question_back(tmp_path: Path) -> None:
    async with staged(tmp_path, **OWN) as stage:
        await connected(stage)
        await stage.ask("hang")
        await stage.sandbox.until(stage.cards)
        await stage.ask("第二")
        second = await stage.card_with(texts.in_line(1))
        await stage.ask("第三")
        third = await stage.card_with(texts.in_line(2))
        (stop,) = second.buttons()
        assert stage.sandbox.click(second.id, stop["id"], "zhang")
        await stage.sandbox.until(lambda: texts.in_line(1) in shown(third))


async def test_a_card_that_waited_thinks_when_its_turn_comes(stage: Stage) -> None:
    await stage.ask("3x0.2")
    await stage.sandbox.until(stage.cards)
    await stage.ask("hang")
    second = await stage.card_with(texts.in_line(1))
    await stage.sandbox.until(lambda: texts.THINKING in shown(second))


@KINDS
async def test_a_tool_is_told_while_it_is_used(tmp_path: Path, kind: dict[str, str]) -> None:
    async with staged(tmp_path, **kind) as stage:
        await connected(stage)
        await stage.ask("tool hang")
        await stage.card_with(texts.using_tool("订单查询"))


async def test_a_tool_that_is_done_is_told_no_more(tmp_path: Path) -> None:
    async with staged(tmp_path, **OWN) as stage:
        await connected(stage)
        await stage.ask("1x0.01 tool 1x0.4 back 1x0.3 hang")
        card = await stage.card_with(texts.using_tool("订单查询"))
        await stage.sandbox.until(lambda: texts.using_tool("订单查询") not in shown(card))


async def test_a_tool_in_mid_answer_stands_beneath_the_text(stage: Stage) -> None:
    await stage.ask("2x0.01 tool hang")
    card = await stage.card_with(texts.using_tool("订单查询"))
    assert card.text.startswith(whole(2))


@KINDS
async def test_another_try_is_told(tmp_path: Path, kind: dict[str, str]) -> None:
    retrying = {"AGENT_RETRY_ATTEMPTS": "2", "AGENT_RETRY_INITIAL": "0.5", "AGENT_RETRY_JITTER": "0"}
    async with staged(tmp_path, **retrying, **kind) as stage:
        await connected(stage)
        await stage.ask("once 1x0.01")
        card = await stage.card_with(texts.RETRYING)
        await stage.sandbox.until(lambda: card.text.startswith(whole(1)))


@KINDS
async def test_an_answer_that_finds_no_room_says_so(tmp_path: Path, kind: dict[str, str]) -> None:
    async with staged(tmp_path, MAX_CONCURRENT_TURNS="1", **kind) as stage:
        await connected(stage)
        await stage.ask("hang", sender="first")
        await stage.card_with(texts.STANDARD_THINKING if kind is STANDARD else texts.THINKING, "first")
        await stage.ask("你好", sender="second")
        card = await stage.card_with(texts.BUSY, "second")
        await stage.ask("/stop", sender="first")
        await stage.sandbox.until(lambda: "您说：你好" in shown(card))


async def test_a_finished_card_has_no_status(tmp_path: Path) -> None:
    async with staged(tmp_path, **OWN) as stage:
        await connected(stage)
        await stage.ask("tool back 3x0.1")
        (card,) = await stage.finished()
        assert card.params["status"] == ""


async def test_a_card_of_our_template_has_the_question_as_its_title(tmp_path: Path) -> None:
    async with staged(tmp_path, **OWN) as stage:
        await connected(stage)
        await stage.ask("退款多久到账？")
        (card,) = await stage.finished()
        assert card.title == "退款多久到账？"


async def test_a_place_that_cannot_be_shown_harms_nobody(stage: Stage) -> None:
    await stage.ask("3x0.2")
    await stage.sandbox.until(stage.cards)
    stage.sandbox.fail("create", status=500, code="system.busy", times=4)
    await stage.ask("第二")
    first, second = await stage.finished(2)
    assert (first.text, second.text) == (whole(3), "您说：第二")
