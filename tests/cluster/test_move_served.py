"""A service on a file is killed in the middle of its work, and replicas that share a database go on with it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.sandbox.records import Call
from tests.chaos.cast import WHOLE
from tests.chaos.conftest import Place, placed
from tests.cluster.stores import Store


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as place:
        yield place


def finals(place: Place) -> list[Call]:
    """The calls that were to finish a card, whatever became of them."""
    return [call for call in place.sandbox.calls if call.body.get("isFinalize")]


async def test_a_replica_goes_on_with_what_was_moved_on_the_cards_that_were_begun(
    place: Place, database: Store
) -> None:
    service = await place.serve()
    wang = place.ask("你好", sender="wang")
    await place.all_closed(1)
    place.ask("held", sender="zhang")
    place.ask("3x0.01", sender="zhang")
    place.sandbox.fail("streaming", hang=True, times=None, match={"isFinalize": True})
    place.ask("4x0.01", sender="li")
    await place.sandbox.until(lambda: len(finals(place)) == 2, 30.0)
    begun = [await place.card("zhang", calls=2), await place.card("li")]
    await place.sandbox.until(lambda: len(place.sandbox.cards) == 4, 30.0)
    service.kill()
    await service.ended()
    place.sandbox.heal()

    await place.serve(INBOX_URL=database.url)
    file = f"sqlite:///{place.folder}/inbox.db"
    move = await place.command("inbox", "move", file, "INBOX_URL", INBOX_URL=database.url)
    assert await move.ended() == 0
    place.let_go()
    cards = await place.all_closed(4)
    assert [card.text for card in begun] == [WHOLE, "0 1 2 3"]
    assert sorted(card.text for card in cards) == sorted(["您说：你好", WHOLE, "0 1 2", "0 1 2 3"])
    # What was answered is known: it is not answered again, and the memory of it goes on.
    place.sandbox.say("你好", robot=place.robot, sender="wang", message_id=wang)
    place.ask("再问", sender="wang")
    await place.all_closed(5)
    assert sorted(place.asked) == sorted(["你好", "held", "held", "3x0.01 | held", "4x0.01", "再问 | 你好"])

    former = await place.run()
    assert await former.ended() == 2
    assert "was moved to postgresql://" in "".join(former.errors)
