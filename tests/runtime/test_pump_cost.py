"""What a growing text costs the pump: in proportion to its length, times the updates that show it."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from actors.core.events import Progress, Text
from actors.core.pacing import Budget
from actors.runtime.pump import Pump, Said
from tests.runtime.virtual_time import play

BUDGET = Budget(updates=20, min_interval=0.8)
APART = 0.02


def characters_joined(pieces: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Characters that the pump copies while it collects so many pieces and shows them on its budget."""
    copied = 0
    whole: Callable[[Pump], str] = vars(Pump)["text"].fget

    def counted(pump: Pump) -> str:
        nonlocal copied
        parts, text = len(pump._pieces), whole(pump)
        copied += len(text) if parts > 1 else 0
        return text

    async def said() -> AsyncGenerator[Progress, None]:
        for _ in range(pieces):
            await asyncio.sleep(APART)
            yield Text("您好")

    async def shown(latest: Callable[[], Said], _: float) -> None:
        await asyncio.sleep(0.08)
        latest()

    async def answer() -> None:
        updates: set[asyncio.Task[float | None]] = set()
        pump = Pump(BUDGET, due=lambda: updates.add(asyncio.create_task(pump.show(shown))), began=lambda: None)
        await pump.run(said())
        await asyncio.gather(*updates)

    with monkeypatch.context() as patched:
        patched.setattr(Pump, "text", property(counted))
        play(answer())
    return copied


def test_an_answer_of_twice_the_length_is_twice_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    half, whole = (characters_joined(pieces, monkeypatch) for pieces in (1500, 3000))
    assert 0 < whole <= 2.6 * half
    assert whole <= 3000 * 2 * (BUDGET.updates + 1)
