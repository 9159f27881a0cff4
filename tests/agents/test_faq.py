"""The agent: an answer streams in pieces at a pace, many at once, and its talk reaches it as the question's history."""

import time
from pathlib import Path

import pytest

from actors.agents.faq import MOST_PIECES, PACE, PIECE, Faq
from actors.core.events import Text
from actors.core.question import Turn
from actors.errors import SettingsError
from tests.agents.shop import SHOP, cited
from tests.agents.stories import answer_of, ask, outcome, read, text_of


async def test_an_answer_streams_in_small_pieces() -> None:
    heard, failure = await read(answer_of(SHOP, ask("怎么退货？")))
    pieces = [event for event in heard if isinstance(event, Text)]
    assert failure is None
    assert len(pieces) > 5
    assert all(len(piece.text) <= PIECE for piece in pieces)
    assert text_of(heard) == SHOP.reply("怎么退货？")


async def test_what_was_said_before_comes_with_the_question() -> None:
    question = ask("那信用卡呢？").with_history((Turn("退款多久到账？", SHOP.reply("退款多久到账？")),))
    heard, _ = await read(answer_of(SHOP, question))
    assert cited(text_of(heard)) == ["退款多久到账？"]


async def test_the_longest_answer_streams_in_a_few_seconds(tmp_path: Path) -> None:
    (tmp_path / "terms.md").write_text("# 服务条款\n\n" + "条款。" * 20_000, encoding="utf-8")
    heard, _ = await read(answer_of(Faq(tmp_path, pace=0), ask("服务条款")))
    assert len(text_of(heard)) > 60_000
    assert len(heard) * PACE < 6
    assert len(heard) <= MOST_PIECES + 1


async def test_the_pace_is_kept() -> None:
    began = time.monotonic()
    heard, _ = await read(answer_of(Faq(pace=0.01), ask("怎么退货？")))
    assert time.monotonic() - began >= 0.01 * (len(heard) - 2)


async def test_one_shop_serves_many_questions_at_once() -> None:
    first, second = answer_of(SHOP, ask("怎么退货？")), answer_of(SHOP, ask("营业时间"))
    await anext(first)
    await anext(second)
    assert (await outcome(first))[1] == (await outcome(second))[1] == ""


def test_the_shop_takes_no_attachments() -> None:
    assert frozenset() == SHOP.accepts


def test_a_folder_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no entry in it"):
        Faq(tmp_path)


async def test_a_closed_shop_answers_nothing() -> None:
    shop = Faq(pace=0)
    await shop.close()
    _, reason = await outcome(answer_of(shop, ask("怎么停车"), attempts=1))
    assert reason == "error"
