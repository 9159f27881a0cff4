"""One token for everybody: fetched once, renewed before its end, never used after a refusal. Time is held in hand."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from actors.dingtalk.tokens import RENEW_AGAIN, RENEW_BEFORE, Token

LIFE = 7200.0


class Platform:
    """Gives out numbered tokens, when it is let."""

    def __init__(self) -> None:
        self.now = 0.0
        self.fetches = 0
        self.failing = False
        self.open = asyncio.Event()
        self.open.set()
        self.life = LIFE

    def clock(self) -> float:
        return self.now

    async def fetch(self) -> tuple[str, float]:
        self.fetches += 1
        number = self.fetches
        await self.open.wait()
        if self.failing:
            raise ConnectionError("away")
        return f"token-{number}", self.life


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
async def token(platform: Platform) -> AsyncIterator[Token]:
    token = Token(platform.fetch, platform.clock)
    yield token
    await token.close()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_token_is_fetched_once_for_all_who_wait(platform: Platform, token: Token) -> None:
    assert await asyncio.gather(*(token.get() for _ in range(20))) == ["token-1"] * 20


async def test_a_token_serves_until_its_renewal_is_due(platform: Platform, token: Token) -> None:
    await token.get()
    platform.now = LIFE - RENEW_BEFORE - 1
    await token.get()
    await settled()
    assert platform.fetches == 1


async def test_a_token_is_renewed_before_its_end(platform: Platform, token: Token) -> None:
    await token.get()
    platform.now = LIFE - RENEW_BEFORE
    await token.get()
    await settled()
    assert await token.get() == "token-2"


async def test_nobody_waits_for_a_renewal(platform: Platform, token: Token) -> None:
    await token.get()
    platform.now = LIFE - RENEW_BEFORE
    platform.open.clear()
    assert await asyncio.wait_for(token.get(), 20) == "token-1"


async def test_a_renewal_that_fails_leaves_the_old_token_in_use(platform: Platform, token: Token) -> None:
    await token.get()
    platform.now, platform.failing = LIFE - RENEW_BEFORE, True
    await token.get()
    await settled()
    assert await token.get() == "token-1"


async def test_a_renewal_that_fails_is_not_repeated_with_every_call(platform: Platform, token: Token) -> None:
    await token.get()
    platform.now, platform.failing = LIFE - RENEW_BEFORE, True
    for _ in range(10):
        await token.get()
        await settled()
    assert platform.fetches == 2


async def test_a_renewal_that_fails_is_repeated_after_a_while(platform: Platform, token: Token) -> None:
    await token.get()
    platform.now, platform.failing = LIFE - RENEW_BEFORE, True
    await token.get()
    await settled()
    platform.now, platform.failing = platform.now + RENEW_AGAIN, False
    await token.get()
    await settled()
    assert await token.get() == "token-3"


async def test_a_token_past_its_end_is_never_used(platform: Platform, token: Token) -> None:
    await token.get()
    platform.now = LIFE
    assert await token.get() == "token-2"


async def test_a_first_fetch_that_failed_is_repeated_by_the_next_caller(platform: Platform, token: Token) -> None:
    platform.failing = True
    with pytest.raises(ConnectionError):
        await token.get()
    platform.failing = False
    assert await token.get() == "token-2"


async def test_a_dropped_token_is_replaced(platform: Platform, token: Token) -> None:
    token.drop(await token.get())
    assert await token.get() == "token-2"


async def test_dropping_an_old_token_spares_the_new_one(platform: Platform, token: Token) -> None:
    token.drop(await token.get())
    await token.get()
    token.drop("token-1")
    assert await token.get() == "token-2"


async def test_a_short_lived_token_is_used_for_half_its_life(platform: Platform, token: Token) -> None:
    platform.life = 10.0
    await token.get()
    platform.now = 4.9
    await token.get()
    await settled()
    assert platform.fetches == 1


async def test_a_cancelled_caller_does_not_cancel_the_fetch(platform: Platform, token: Token) -> None:
    platform.open.clear()
    first, second = asyncio.create_task(token.get()), asyncio.create_task(token.get())
    await settled()
    first.cancel()
    platform.open.set()
    assert await second == "token-1"


async def test_a_renewal_that_fails_while_nobody_waits_is_no_noise(platform: Platform, token: Token) -> None:
    noise: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: noise.append(context))
    await token.get()
    platform.now, platform.failing = LIFE - RENEW_BEFORE, True
    await token.get()
    await settled()
    gc.collect()
    assert (platform.fetches, noise) == (2, [])


async def test_a_fetch_whose_only_caller_left_does_not_harm_the_next(platform: Platform, token: Token) -> None:
    platform.open.clear()
    only = asyncio.create_task(token.get())
    await settled()
    only.cancel()
    platform.failing = True
    platform.open.set()
    await settled()
    platform.failing = False
    assert await token.get() == "token-2"


async def test_closing_ends_a_fetch_that_is_under_way(platform: Platform, token: Token) -> None:
    platform.open.clear()
    waiting = asyncio.create_task(token.get())
    await settled()
    await token.close()
    await asyncio.wait([waiting], timeout=20)
    assert waiting.cancelled()
