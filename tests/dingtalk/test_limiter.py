"""Coroutines that wait for their places."""

import asyncio
import time

from actors.dingtalk.limits import Kind, Limiter, Rank, Ticket
from actors.dingtalk.share import at_rest
from tests.dingtalk.conftest import Clock

QPS = 5
ALONE = at_rest(1, replicas=1, now=0.0)
USUAL = Rank(Kind.USUAL, 0.0)
GROWING = Rank(Kind.USUAL, 0.0, growing=True)


async def in_line() -> None:
    """Let the task that was just made run up to where it waits."""
    await asyncio.sleep(0)


async def line_up(limiter: Limiter) -> "asyncio.Task[Ticket]":
    """One more who waits for a place."""
    waiting = asyncio.create_task(limiter.place(USUAL))
    await in_line()
    return waiting


async def test_a_cancelled_waiter_leaves_its_place_to_the_next() -> None:
    limiter = Limiter(ALONE)
    await limiter.place(USUAL)
    first, second = await line_up(limiter), await line_up(limiter)
    first.cancel()
    await asyncio.wait_for(second, 20)
    assert first.cancelled()


async def test_a_waiter_cancelled_just_as_its_turn_comes_gives_the_place_back() -> None:
    limiter = Limiter(ALONE, clock := Clock())
    held = await limiter.place(USUAL)
    first, second = await line_up(limiter), await line_up(limiter)
    clock.now = 2.0
    limiter.answered(held)  # wakes the first
    first.cancel()
    await asyncio.wait([first], timeout=20)
    await in_line()
    assert second.done()


async def test_a_waiter_that_was_cancelled_a_moment_before_its_turn_gives_the_place_back() -> None:
    limiter = Limiter(ALONE, clock := Clock())
    held = await limiter.place(USUAL)
    first, second = await line_up(limiter), await line_up(limiter)
    first.cancel()
    clock.now = 2.0
    limiter.answered(held)
    await asyncio.wait([first], timeout=20)
    await in_line()
    assert second.done()


async def test_a_place_that_is_given_back_is_free_at_once() -> None:
    limiter = Limiter(ALONE, Clock())
    limiter.leave(await limiter.place(USUAL))
    await asyncio.wait_for(limiter.place(USUAL), 20)


async def test_the_turn_of_a_growing_text_that_is_given_back_is_the_next_ones() -> None:
    limiter = Limiter(at_rest(QPS, replicas=1, now=0.0), Clock())
    limiter.leave(await limiter.place(GROWING))
    await asyncio.wait_for(limiter.place(GROWING), 20)


async def test_a_final_text_overtakes_those_who_wait() -> None:
    limiter, went = Limiter(ALONE), list[str]()
    await limiter.place(USUAL)

    async def call(name: str, rank: Rank) -> None:
        await limiter.place(rank)
        went.append(name)

    text = asyncio.create_task(call("text", USUAL))
    await in_line()
    final = asyncio.create_task(call("final", Rank(Kind.FINAL, 9.0)))
    await in_line()
    await asyncio.wait([final], timeout=20)
    text.cancel()
    await asyncio.wait([text])
    assert went == ["final"]


async def test_an_answer_brings_the_next_turn_forward() -> None:
    limiter = Limiter(ALONE, Clock())
    held = await limiter.place(USUAL)
    waiting = await line_up(limiter)
    assert limiter._alarm
    without_an_answer = limiter._alarm.when()
    limiter.answered(held)
    assert limiter._alarm.when() < without_an_answer
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_a_refusal_lowers_the_rate_of_one_of_several() -> None:
    limiter = Limiter(at_rest(30, replicas=3, now=0.0), clock := Clock())
    before = limiter.beaten(3)
    ticket = await limiter.place(USUAL)
    clock.now = 0.1
    limiter.answered(ticket)
    limiter.refused(ticket, 0.0)
    assert limiter.beaten(3) < before == 10.0


async def test_who_waited_since_the_last_look_wants_more_than_its_share() -> None:
    limiter = Limiter(at_rest(3, replicas=3, now=0.0), clock := Clock())
    await limiter.place(USUAL)
    waiting = await line_up(limiter)
    clock.now = 600.0
    assert limiter.beaten(3) == 3.0
    await asyncio.wait_for(waiting, 20)
    assert limiter.beaten(3) == 3.0  # it waited up to the last look
    assert limiter.beaten(3) == 1.0


async def test_who_waits_goes_at_once_when_there_is_more_for_everybody() -> None:
    limiter = Limiter(at_rest(2, replicas=2, now=0.0), Clock())
    await limiter.place(USUAL)
    waiting = await line_up(limiter)
    limiter.beaten(1)
    await asyncio.wait_for(waiting, 20)


async def test_a_pause_delays_who_waits() -> None:
    limiter, began = Limiter(ALONE), time.monotonic()
    limiter.pause(0.2)
    await asyncio.wait_for(limiter.place(USUAL), 20)
    assert time.monotonic() - began >= 0.2
