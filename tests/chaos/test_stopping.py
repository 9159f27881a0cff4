"""An answer that is not wanted any more, or cannot go on here: its agent's stream is closed at once, the card says so,
and an agent that does not listen holds up nobody, not even its own person."""

import signal
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from actors.core import texts
from actors.core.card import STOP
from tests.actors.endings import ending
from tests.chaos.conftest import Place, placed, some
from tests.chaos.promises import Allowed, accepted, card_of, kept
from tests.chaos.ward import (
    SETTINGS,
    all_run,
    alone,
    closed_after,
    left_over,
    misbehave,
    seen,
)

LISTENING = (
    "hangs_at_once",
    "hangs_in_the_middle",
    "streams",
    "thinks_for_ever",
    "floods_for_ever",
    "plainly_streams",
)
"""Agents that can be stopped: most where they wait, a plain iterator at its next piece."""

DEAF = ("is_deaf", "does_not_close", "plainly_hangs_at_once", "plainly_hangs_in_the_middle")
"""Agents that cannot."""

WAYS = ("/stop", "/new", "/button")

SOON = 10.0
"""Seconds within which a busy machine does what takes some hundredths of one."""


def press_stop(place: Place, name: str) -> None:
    """The person of a question presses the stop button of its card."""
    said = next(said for said in place.sandbox.said if said.sender == name)
    card = card_of(place, said)
    assert card is not None
    button = next(shown["id"] for shown in card.buttons() if shown["id"].partition(":")[0] == STOP)
    assert place.sandbox.click(card.id, button, name)


def late(place: Place, names: Iterable[str], since: float) -> dict[str, float]:
    """The streams that were not closed soon, and after how many seconds they were, if at all."""
    closed = closed_after(place, since)
    return {name: closed.get(name, float("inf")) for name in names if closed.get(name, SOON) >= SOON}


@pytest.mark.parametrize("kind", some(["own", "public", "standard"]))
async def test_an_answer_that_is_not_wanted_any_more_stops_at_once(tmp_path: Path, kind: str) -> None:
    async with placed(tmp_path, kind) as place:
        service = await place.serve(**SETTINGS, AGENT_RETRY_MULTIPLIER="1000", AGENT_RETRY_MAX="60")
        before = await alone(place, kind)
        ways = WAYS if kind == "own" else WAYS[:2]  # the only cards with a stop button are ours
        faults = (*LISTENING, *DEAF, "falls_over_again_and_again")
        names = {f"{fault}{way}": way for fault in faults for way in ways}
        for name in names:
            place.ask(f"{name} {name.partition('/')[0]}", sender=name, kind=kind)
        await all_run(place, names)

        began = time.monotonic()
        for name, way in names.items():
            if way == "/button":
                press_stop(place, name)
            else:
                place.ask(way, sender=name, kind=kind)
        await kept(place, Allowed(tries=2, ends=frozenset({"answered", "stopped"})))
        cards = [card_of(place, said) for said in accepted(place) if said.sender in names]
        assert {card and ending(card) for card in cards} == {"stopped"}
        assert late(place, [name for name in names if name.startswith(LISTENING)], began) == {}

        for name in names:
            place.ask(f"{name}后 2x0.01", sender=name, kind=kind)
        await kept(place, Allowed(tries=2, ends=frozenset({"answered", "stopped"})))
        place.let_go()
        assert await left_over(place, kind, before) == {}
        assert service.errors == []


async def test_a_drain_stops_whoever_listens_and_waits_for_nobody_else(tmp_path: Path) -> None:
    async with placed(tmp_path, "own") as place:
        service = await place.serve(**SETTINGS, SHUTDOWN_GRACE="0.5")
        misbehave(place, (*LISTENING, *DEAF), "own")
        await all_run(place, (*LISTENING, *DEAF))
        began = time.monotonic()
        service.kill(signal.SIGTERM)
        assert await service.ended() == 0
        assert late(place, LISTENING, began) == {}
        assert [name for name, text in seen(place).items() if texts.GOES_ON.splitlines()[0] not in text] == []
        place.let_go()
        await place.serve(**SETTINGS)
        await kept(place, Allowed(deaths=1))
