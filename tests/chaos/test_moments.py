"""A process that ends while people are in every moment of a turn: by kill -9, or by SIGTERM."""

import asyncio
import signal
from pathlib import Path

from tests.chaos.moments import everywhere
from tests.chaos.promises import Allowed, accepted, kept, over

PATIENT = {"OPENAPI_TIMEOUT": "60"}
"""No call that is caught is given up before the process ends."""


async def test_kill_9_in_every_moment_of_a_turn_loses_nothing_and_answers_nothing_twice(tmp_path: Path) -> None:
    async with everywhere(tmp_path, **PATIENT) as caught:
        assert not any(said.acked for said in caught.in_moment("before-put", "after-put"))
        caught.service.kill()
        await caught.after(-signal.SIGKILL)
        await caught.goes_on()
        await kept(caught.place, Allowed(deaths=1, messages=2))


async def test_what_was_begun_in_any_moment_is_finished_within_the_grace_of_sigterm(tmp_path: Path) -> None:
    async with everywhere(tmp_path, OPENAPI_TIMEOUT="5") as caught:
        caught.service.kill(signal.SIGTERM)
        caught.free()
        await caught.after(0)
        not_begun = caught.in_moment("before-put", "after-put", "after-take")
        assert [said.text for said in accepted(caught.place) if not over(caught.place, said)] == [
            said.text for said in not_begun
        ]
        await caught.goes_on()
        await kept(caught.place, Allowed())


async def test_answers_in_every_moment_are_handed_on_beyond_the_grace_of_sigterm(tmp_path: Path) -> None:
    async with everywhere(tmp_path, SHUTDOWN_GRACE="0.2", **PATIENT) as caught:
        caught.service.kill(signal.SIGTERM)
        await caught.after(0)
        await caught.goes_on()
        await kept(caught.place, Allowed(deaths=1, messages=2))


async def test_a_second_sigterm_in_every_moment_is_no_worse_than_kill_9(tmp_path: Path) -> None:
    async with everywhere(tmp_path, SHUTDOWN_GRACE="600", **PATIENT) as caught:
        caught.service.kill(signal.SIGTERM)
        await asyncio.sleep(2.2)  # the time of the first one's echo
        caught.service.kill(signal.SIGTERM)
        await caught.after(128 + signal.SIGTERM)
        await caught.goes_on()
        await kept(caught.place, Allowed(deaths=1, messages=2))
