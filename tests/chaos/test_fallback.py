"""Cards are refused while answers run and questions wait: everybody gets every answer, once, and no card is left
spinning as long as DingTalk permits anything with it."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from actors.sandbox.records import Card
from tests.actors.conftest import OWN, PUBLIC, STANDARD, Stage, connected, eventually, served_again, staged
from tests.actors.endings import ending, spins
from tests.chaos.cast import ASKED, HALF, WHOLE
from tests.chaos.mixture import at_rest

WRITE, STREAM, SEND = "Card.Instance.Write", "Card.Streaming.Write", "qyapi_robot_sendmsg"
PEOPLE = [f"person{number}" for number in range(5)]
WAITING = ("第二", "第三")
KINDS = {"public": PUBLIC, "own": OWN, "standard": STANDARD}


@dataclass
class Burst:
    """A stage on which everybody has an answer that is held half-way, and two questions in line."""

    stage: Stage
    settings: dict[str, str]
    go: Path

    async def refused(self, *scopes: str) -> None:
        """The robot loses permissions; everybody asks once more, and all comes to its end."""
        for scope in scopes:
            self.stage.sandbox.revoke(self.stage.robot, scope)
        for person in PEOPLE:
            await self.stage.ask("第四", sender=person)
        self.go.touch()
        await eventually(lambda: at_rest(self.stage))

    def got(self, person: str) -> list[str]:
        """The answers that a person has, on cards or as messages."""
        whole = [card.text for card in self.stage.cards(person) if ending(card).startswith("answered")]
        return sorted(text.strip() for text in [*whole, *self.stage.said_to(person)])

    @property
    def cards(self) -> list[Card]:
        return list(self.stage.sandbox.cards.values())


@asynccontextmanager
async def bursting(folder: Path, patch: pytest.MonkeyPatch, kind: str) -> AsyncIterator[Burst]:
    patch.setenv(ASKED, str(folder / "asked"))
    settings = {"AGENT": "python:tests.chaos.cast:noted", **KINDS[kind]}
    async with staged(folder, **settings) as stage:
        burst = Burst(stage, settings, folder / "go")
        await connected(stage)
        for person in PEOPLE:
            await stage.ask("held", sender=person)
        await stage.sandbox.until(lambda: [card.text for card in burst.cards] == [HALF] * len(PEOPLE))
        for text in WAITING:
            for person in PEOPLE:
                await stage.ask(text, sender=person)
        await stage.sandbox.until(lambda: len(burst.cards) == 3 * len(PEOPLE))
        yield burst


ALL = sorted([WHOLE, *[f"您说：{text}" for text in (*WAITING, "第四")]])


@pytest.mark.parametrize(
    ("kind", "scopes"),
    [
        *[(kind, scopes) for kind in ("public", "own") for scopes in ((STREAM,), (WRITE,), (STREAM, WRITE))],
        ("standard", (SEND,)),
    ],
)
async def test_everybody_gets_every_answer_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, scopes: tuple[str, ...]
) -> None:
    async with bursting(tmp_path, monkeypatch, kind) as burst:
        await burst.refused(*scopes)
        assert {person: burst.got(person) for person in PEOPLE} == dict.fromkeys(PEOPLE, ALL)


@pytest.mark.parametrize("kind", ["public", "own"])
@pytest.mark.parametrize("scope", [STREAM, WRITE])
async def test_no_card_is_left_spinning_and_one_line_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str, scope: str
) -> None:
    caplog.set_level(logging.INFO)
    async with bursting(tmp_path, monkeypatch, kind) as burst:
        await burst.refused(scope)
        assert [card.text for card in burst.cards if spins(card)] == []
    actions = [getattr(record, "action", "") for record in caplog.records]
    assert [action for action in actions if action.startswith("cards_")] == ["cards_refused"]


@pytest.mark.parametrize("kind", ["public", "own"])
async def test_what_was_taken_back_in_line_is_closed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async with bursting(tmp_path, monkeypatch, kind) as burst:
        burst.stage.sandbox.revoke(burst.stage.robot, STREAM)
        for person in PEOPLE:
            await burst.stage.ask("/new", sender=person)
        await eventually(lambda: at_rest(burst.stage))
        assert {ending(card) for card in burst.cards} == {"sent beside"}


@pytest.mark.parametrize("kind", ["public", "own"])
async def test_the_cards_in_line_are_closed_by_a_process_that_answers_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async with (
        bursting(tmp_path, monkeypatch, kind) as burst,
        served_again(burst.stage, tmp_path, **burst.settings, CARD_KIND="text") as again,
    ):
        burst.go.touch()
        await eventually(lambda: at_rest(again))
        assert {ending(card) for card in burst.cards} == {"sent beside"}
