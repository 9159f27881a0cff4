"""A burst of messages is acked first, and begun in its turn."""

import asyncio

from actors.burst import PAUSE, Burst
from tests.runtime.virtual_time import play


def test_whoever_asks_alone_is_told_of_at_once() -> None:
    async def scene() -> None:
        told: list[str] = []
        burst = Burst(told.append)
        for name in "ab":
            with burst.coming_in():
                burst.stored(name)
                assert told[-1] == name

    play(scene())


def test_of_many_that_come_together_each_is_told_of_in_its_turn_with_pauses_while_others_are_stored() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        told: list[tuple[str, float]] = []
        burst = Burst(lambda name: told.append((name, round(loop.time() - began, 6))))
        began = loop.time()
        with burst.coming_in():  # one that is stored late
            for name in "abc":
                with burst.coming_in():
                    burst.stored(name)
            assert told == []
            await asyncio.sleep(1.5 * PAUSE)
            assert told == [("a", 0.0), ("b", PAUSE)]
        await asyncio.sleep(0.1 * PAUSE)
        assert told == [("a", 0.0), ("b", PAUSE), ("c", 1.5 * PAUSE)]

    play(scene())


def test_once_all_are_stored_nobody_waits_for_a_pause() -> None:
    async def scene() -> None:
        told: list[str] = []
        burst = Burst(told.append)
        with burst.coming_in():
            for name in "abc":
                with burst.coming_in():
                    burst.stored(name)
        await asyncio.sleep(PAUSE / 2)
        assert told == list("abc")

    play(scene())
