"""A process that ends while people are in every moment of a turn: by kill -9, or by SIGTERM."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.actors.conftest import eventually
from tests.chaos.conftest import CARDS, Running, some
from tests.chaos.moments import Caught, everywhere
from tests.chaos.promises import Allowed, accepted, kept, over


async def kill_9(caught: Caught) -> None:
    caught.service.kill()
    await caught.after(-signal.SIGKILL)


async def sigterm_and_little_grace(caught: Caught) -> None:
    caught.service.kill(signal.SIGTERM)
    await caught.after(0)


async def sigterm_twice(caught: Caught) -> None:
    caught.service.kill(signal.SIGTERM)
    await asyncio.sleep(2.2)  # the time of the first one's echo
    caught.service.kill(signal.SIGTERM)
    await caught.after(128 + signal.SIGTERM)


Death = Callable[[Caught], Awaitable[None]]
DEATHS: dict[Death, str] = {kill_9: "25", sigterm_and_little_grace: "0.2", sigterm_twice: "600"}
"""How a process ends in mid answer, with the grace that it has."""


@pytest.mark.parametrize("death", some(list(DEATHS)), ids=lambda death: death.__name__)
async def test_an_end_in_every_moment_of_a_turn_loses_nothing_and_answers_nothing_twice(
    tmp_path: Path, death: Death
) -> None:
    async with everywhere(tmp_path, SHUTDOWN_GRACE=DEATHS[death], OPENAPI_TIMEOUT="60") as caught:
        assert not any(said.acked for said in caught.in_moment("before-put", "after-put"))
        await death(caught)
        await caught.goes_on()
        await kept(caught.place, Allowed(deaths=1, messages=2))


async def test_what_was_begun_in_any_moment_is_finished_within_the_grace_of_sigterm(tmp_path: Path) -> None:
    async with everywhere(tmp_path, *CARDS, OPENAPI_TIMEOUT="5") as caught:  # whether a message came nobody knows
        caught.service.kill(signal.SIGTERM)
        await eventually(lambda: _drains(caught.service))
        caught.free()
        await caught.after(0)
        open_ones = {said.id.partition("/")[0] for said in accepted(caught.place) if not over(caught.place, said)}
        assert open_ones <= {"before-put", "after-put", "after-take"}
        assert "after-take" in open_ones  # it was not begun when the drain came
        await caught.goes_on()
        await kept(caught.place, Allowed())


async def _drains(service: Running) -> bool:
    return "draining" in (await service.told("/readyz"))[1]
