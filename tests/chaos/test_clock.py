"""The wall clock jumps by an hour, as when it is set right: nobody's answer depends on it."""

import signal
from pathlib import Path

import pytest

from tests.chaos import puppet
from tests.chaos.conftest import placed, some
from tests.chaos.promises import SETTINGS, Allowed, kept

JUMPS = {"forward": 3600.0, "back": -3600.0}


@pytest.mark.parametrize("jump", some(["forward", "back"]))
async def test_a_clock_that_jumps_changes_nobodys_answer(tmp_path: Path, jump: str) -> None:
    async with placed(tmp_path) as place:
        await place.serve(*puppet.PUPPET, **SETTINGS | puppet.strings(tmp_path))
        place.ask("一 20x0.1")
        place.ask("二 3x0.01")
        await place.card(calls=2)
        puppet.turn_clock(tmp_path, JUMPS[jump])
        place.ask("三 3x0.01")
        place.ask("四 3x0.01", sender="li")
        await kept(place)


@pytest.mark.parametrize("jump", some(["back", "forward"]))
async def test_a_clock_that_jumps_before_the_next_process_keeps_no_answer_waiting(tmp_path: Path, jump: str) -> None:
    async with placed(tmp_path) as place:
        settings = SETTINGS | puppet.strings(tmp_path)
        service = await place.serve(*puppet.PUPPET, **settings, SHUTDOWN_GRACE="0.1")
        place.ask("一 20x0.1")
        place.ask("二 3x0.01")
        await place.card(calls=2)
        service.kill(signal.SIGTERM)
        assert await service.ended() == 0
        puppet.turn_clock(tmp_path, JUMPS[jump])
        await place.serve(*puppet.PUPPET, **settings)
        ends = {"answered", "expired"} if jump == "forward" else {"answered"}
        await kept(place, Allowed(deaths=1, ends=frozenset(ends)), within=20)
