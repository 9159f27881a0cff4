"""One robot's access token: fetched once for everybody who waits for it, renewed before its end, dropped when refused.

A token that is renewed early stays valid to its own end (open.dingtalk.com, "access token of an internal app"), so
nobody has to wait for a renewal. This file knows nothing of how a token is fetched.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

RENEW_BEFORE = 300.0
"""Seconds before its end at which a token is renewed."""

RENEW_AGAIN = 10.0
"""Seconds after which a renewal that failed is tried again, while the old token still serves."""


class Token:
    """The token of one robot. `fetch` returns a new one and its life in seconds; `clock` gives monotonic seconds."""

    def __init__(
        self, fetch: Callable[[], Awaitable[tuple[str, float]]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._value = ""
        self._expires = float("-inf")
        self._renew_at = float("-inf")
        self._renewal: asyncio.Task[str] | None = None

    async def get(self) -> str:
        """A token that is valid now.

        Raises:
            Whatever `fetch` raises, to everybody who waits for this one fetch.
        """
        now = self._clock()
        valid = now < self._expires
        if self._renewal is None and (not valid or now >= self._renew_at):
            self._renew_at = now + RENEW_AGAIN
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(self._renewed)
        if valid or self._renewal is None:
            return self._value
        return await asyncio.shield(self._renewal)

    def drop(self, value: str) -> None:
        """This token was refused: never use it again."""
        if value == self._value:
            self._expires = float("-inf")

    async def close(self) -> None:
        """Give up a renewal that is under way."""
        if self._renewal:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    async def _renew(self) -> str:
        value, life = await self._fetch()
        now = self._clock()
        self._value, self._expires = value, now + life
        self._renew_at = now + max(life - RENEW_BEFORE, life / 2)
        return value

    def _renewed(self, renewal: asyncio.Task[str]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # everybody who waited has it; with nobody waiting the next call tries again
