"""Who waits behind an answer that another replica gives is shown a place in line, as if there were one process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.core import texts
from tests.chaos.conftest import Place, placed
from tests.chaos.promises import SETTINGS


@pytest.fixture
async def place(tmp_path: Path, url: str) -> AsyncIterator[Place]:
    """A robot that two replicas serve."""
    async with placed(tmp_path) as place:
        for _ in range(2):
            await place.serve(**SETTINGS | {"INBOX_URL": url})
        yield place


async def test_a_question_that_waits_for_another_replica_gets_its_card_at_once(place: Place) -> None:
    one, other = (connection.id for connection in place.sandbox.connections)
    place.sandbox.say("问一 1x0.01 hang", robot=place.robot, sender="p", connection=one)
    await place.card("p", calls=2)
    place.sandbox.say("问二", robot=place.robot, sender="p", connection=other)
    await place.sandbox.until(lambda: len(place.sandbox.cards) == 2, 10.0)
    assert [card.text for card in place.sandbox.cards.values()][1] == texts.in_line(1)
