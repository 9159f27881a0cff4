"""A stop at every moment of a turn: the card ends once, as the answer or as stopped, and the person hears which."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.core import texts
from actors.core.card import STOP, button_id
from actors.inbox.sql import SqlDelivery
from tests.actors.cast import whole
from tests.actors.conftest import OWN, PUBLIC, STANDARD, TEXT, Stage, connected, eventually, staged
from tests.actors.endings import ending

KINDS = {"public": PUBLIC, "own": OWN, "standard": STANDARD}
CREATING = {"public": "create", "own": "create", "standard": "standard"}
GROWING = {"public": "streaming", "own": "streaming", "standard": "standard_update"}
FINISHING = GROWING
"""By which API a card is made, grows, and takes the whole text."""

HELD = {"OPENAPI_TIMEOUT": "1.0"}
"""A call that hangs holds its turn at this moment for so long; then the same call goes through."""
AT_ONCE = {"CARD_MAX_UPDATES": "1"}
"""An answer is shown whole or not at all."""

kinds = pytest.mark.parametrize("kind", KINDS)
lost = pytest.mark.parametrize("applied", [False, True], ids=["", "and took effect"])
"""A call that is not answered did what it should, or not."""


@asynccontextmanager
async def serving(folder: Path, kind: str, **settings: str) -> AsyncIterator[Stage]:
    async with staged(folder, **HELD, **KINDS[kind], **settings) as stage:
        await connected(stage)
        yield stage


async def called(stage: Stage, api: str, **fields: object) -> None:
    """Wait until such a call has reached the platform."""
    await stage.sandbox.until(
        lambda: any(
            call.api == api and all(call.body.get(name) == value for name, value in fields.items())
            for call in stage.sandbox.calls
        )
    )


async def stop(stage: Stage) -> None:
    """Say it, and wait until it is acked."""
    before = len(stage.sandbox.acks)
    await stage.ask("/stop")
    await stage.sandbox.until(lambda: len(stage.sandbox.acks) > before)


async def at_rest(stage: Stage) -> None:
    """Wait until nothing is left to be done."""
    await stage.sandbox.until(lambda: all(said.acked for said in stage.sandbox.said))
    inbox, reactor = stage.service._parts.inbox, stage.service._reactor

    async def nothing_is_open() -> bool:
        return not await asyncio.wrap_future(reactor.submit(inbox.pending()))

    await eventually(nothing_is_open)


async def how_it_ended(stage: Stage) -> list[str]:
    """How the cards ended, and what was said beside them."""
    await at_rest(stage)
    return [*map(ending, stage.cards()), *stage.said_to()]


@kinds
@lost
async def test_while_the_card_is_being_made(tmp_path: Path, kind: str, *, applied: bool) -> None:
    async with serving(tmp_path, kind) as stage:
        stage.sandbox.fail(CREATING[kind], hang=True, applied=applied)
        await stage.ask("hang")
        await called(stage, CREATING[kind])
        await stop(stage)
        assert await how_it_ended(stage) == ["stopped"]


@kinds
async def test_before_the_first_text(tmp_path: Path, kind: str) -> None:
    async with serving(tmp_path, kind) as stage:
        await stage.ask("hang")
        await stage.sandbox.until(stage.cards)
        await stop(stage)
        assert await how_it_ended(stage) == ["stopped"]


@kinds
@lost
async def test_while_an_update_is_on_the_wire(tmp_path: Path, kind: str, *, applied: bool) -> None:
    async with serving(tmp_path, kind) as stage:
        stage.sandbox.fail(GROWING[kind], hang=True, applied=applied)
        await stage.ask("2x0.01 hang")
        await called(stage, GROWING[kind])
        await stop(stage)
        assert await how_it_ended(stage) == ["stopped"]
        assert stage.cards()[0].text.startswith("0")


@kinds
async def test_while_an_update_is_late(tmp_path: Path, kind: str) -> None:
    """It takes effect all the same, and must not do so after the end, which this platform would let it."""
    async with serving(tmp_path, kind) as stage:
        stage.sandbox.rules.streaming_after_finalize = True
        stage.sandbox.fail(GROWING[kind], delay=0.5)
        await stage.ask("2x0.01 hang")
        await called(stage, GROWING[kind])
        await stop(stage)
        await stage.sandbox.until(
            lambda: next(call for call in stage.sandbox.calls if call.api == GROWING[kind]).status
        )
        assert await how_it_ended(stage) == ["stopped"]


async def test_while_the_status_is_on_the_wire(tmp_path: Path) -> None:
    async with serving(tmp_path, "own") as stage:
        stage.sandbox.fail("update", hang=True)
        await stage.ask("tool hang")
        await called(stage, "update")
        await stop(stage)
        assert await how_it_ended(stage) == ["stopped"]


async def test_while_the_answer_waits_for_its_place(tmp_path: Path) -> None:
    async with serving(tmp_path, "public", MAX_CONCURRENT_TURNS="1") as stage:
        await stage.ask("hang", sender="first")
        await stage.sandbox.until(lambda: stage.cards("first"))
        await stage.ask("你好", sender="zhang")
        await stage.card_with(texts.BUSY)
        await stop(stage)
        (card,) = await stage.finished()
        assert ending(card) == "stopped"


async def test_while_what_was_attached_is_on_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.parts.DIRECTORY", tmp_path / "attachments")
    async with serving(tmp_path, "public") as stage:
        stage.sandbox.fail("file", hang=True, applied=True)
        content = {"downloadCode": stage.sandbox.attach(b"half of it" * 1000, "a.txt"), "fileName": "a.txt"}
        stage.sandbox.say("", robot=stage.robot, sender="zhang", msgtype="file", content=content)
        await called(stage, "file")
        await stage.sandbox.until(stage.cards)
        await stop(stage)
        assert await how_it_ended(stage) == ["stopped"]

        async def nothing_is_kept() -> bool:
            return not stage.service._parts.robots[stage.robot].files._held

        await eventually(nothing_is_kept)


class Gate:
    """Holds the first write of an answer, before it is stored or after it, until it is opened."""

    def __init__(self, patch: pytest.MonkeyPatch, *, after: bool) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()
        answered = SqlDelivery.answered

        async def held(delivery: SqlDelivery, *args: Any) -> None:
            if after:
                await answered(delivery, *args)
            self.reached.set()
            await asyncio.to_thread(self._opened.wait, 20)
            if not after:
                await answered(delivery, *args)

        patch.setattr(SqlDelivery, "answered", held)

    def open(self) -> None:
        self._opened.set()


@kinds
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_while_the_answer_is_being_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, *, after: bool
) -> None:
    """The answer is whole: it comes. Whoever says stop once it is stored is told so."""
    async with serving(tmp_path, kind) as stage:
        gate = Gate(monkeypatch, after=after)
        await stage.ask("3x0.01")
        await asyncio.to_thread(gate.reached.wait, 20)
        await stop(stage)
        gate.open()
        assert await how_it_ended(stage) == ["answered", *[texts.NOTHING_TO_STOP] * after]
        assert stage.cards()[0].text.split() == whole(3).split()


@kinds
@lost
async def test_while_the_whole_text_is_on_the_wire(tmp_path: Path, kind: str, *, applied: bool) -> None:
    async with serving(tmp_path, kind, **AT_ONCE) as stage:
        stage.sandbox.fail(FINISHING[kind], hang=True, applied=applied)
        await stage.ask("3x0.01")
        await called(stage, FINISHING[kind])
        await stop(stage)
        assert await how_it_ended(stage) == ["answered", texts.NOTHING_TO_STOP]


@pytest.mark.parametrize("kind", ["public", "own"])
@lost
async def test_while_the_closing_update_is_on_the_wire(tmp_path: Path, kind: str, *, applied: bool) -> None:
    async with serving(tmp_path, kind, **AT_ONCE) as stage:
        stage.sandbox.fail("update", hang=True, applied=applied)
        await stage.ask("3x0.01")
        await called(stage, "update")
        await stop(stage)
        assert await how_it_ended(stage) == ["answered", texts.NOTHING_TO_STOP]


@kinds
async def test_after_the_end(tmp_path: Path, kind: str) -> None:
    async with serving(tmp_path, kind) as stage:
        await stage.ask("3x0.01")
        await stage.sandbox.until(stage.cards)
        await at_rest(stage)
        await stop(stage)
        await stage.sandbox.until(stage.said_to)
        assert await how_it_ended(stage) == ["answered", texts.NOTHING_TO_STOP]


@kinds
async def test_by_word_and_button_many_times_at_once(tmp_path: Path, kind: str) -> None:
    async with serving(tmp_path, kind) as stage:
        message_id = await stage.ask("2x0.01 hang")
        (card,) = await stage.sandbox.until(stage.cards)
        for _ in range(3):
            await stage.ask("/stop")
            stage.sandbox.click(card.id, button_id(STOP, message_id), "zhang")
        await stage.sandbox.until(lambda: len(stage.sandbox.acks) == 4 + 3 * (kind != "standard"))
        await at_rest(stage)
        assert ending(card) == "stopped"


async def test_while_the_answer_goes_as_a_message(tmp_path: Path) -> None:
    async with staged(tmp_path, **HELD, **TEXT) as stage:
        await connected(stage)
        stage.sandbox.fail("webhook", delay=0.5)
        await stage.ask("3x0.01")
        await called(stage, "webhook")
        await stop(stage)
        await stage.sandbox.until(lambda: len(stage.said_to()) == 2)
        assert {text.strip() for text in stage.said_to()} == {whole(3).strip(), texts.NOTHING_TO_STOP}
